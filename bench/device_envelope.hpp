#pragma once

#include "bench/device_crypto.hpp"

#include <initializer_list>
#include <memory>

namespace doorward::bench {

// End-to-end encryption as the phone does it (PROTOCOL.md section 8). Pure apart from fresh randomness.
//
//   Z     = ECDH(ephemeral, recipient)
//   K     = X963(Z, [version] purpose point, 48)      encryption 16, mac 16, iv 16
//   data  = AES_PAD(K.encryption, IV, plaintext)
//   mac   = HMAC(K.mac, data suffix)
//   suffix: the binding's base up to 3.1; from 3.2 on everything that travels in the clear as well

/// The purposes (SH1) of envelopes.
namespace purpose {
inline constexpr std::string_view application = "/pa/generic/application";
inline constexpr std::string_view activation = "/pa/generic/activation";
inline constexpr std::string_view activation_data = "/pa/activation";
inline constexpr std::string_view token_create = "/pa/token/create";
inline constexpr std::string_view vault_unlock = "/pa/vault/unlock";
} // namespace purpose

/// An envelope as it travels; which fields are there depends on version and direction.
struct envelope {
    std::optional<std::string> temporary_key_id;
    std::optional<bytes> ephemeral_point; // as transmitted, 33 or 65 bytes
    bytes encrypted_data;
    digest32 mac{};
    std::optional<block16> nonce;
    std::optional<std::int64_t> timestamp_ms;
};

struct envelope_keys {
    key16 encryption;
    key16 mac;
    key16 iv;
};

/// Both halves of what ties an envelope to its application, activation and temporary key.
struct envelope_binding {
    digest32 base{};  // SH2_BASE
    bytes associated; // AD; unused before 3.2
};

/// u32 length and bytes, for each part.
[[nodiscard]] bytes sized(std::initializer_list<bytes_view> parts);

/// The bytes K is derived with.
[[nodiscard]] bytes envelope_info(const protocol_rules& rules, std::string_view purpose, bytes_view ephemeral_point);
[[nodiscard]] envelope_keys derive_envelope_keys(const protocol_rules& rules, bytes_view shared_secret,
                                                 std::string_view purpose, bytes_view ephemeral_point);

/// app_secret     as Base64 text
/// activation_id  and transport_key: both in activation scope, neither in application scope
[[nodiscard]] envelope_binding bind_envelope(const protocol_rules& rules, std::string_view app_key,
                                             std::string_view app_secret,
                                             const std::optional<std::string>& activation_id,
                                             const std::optional<key16>& transport_key,
                                             const std::optional<std::string>& temporary_key_id);

[[nodiscard]] block16 envelope_iv(const envelope_keys& keys, const std::optional<block16>& nonce) noexcept;

/// SH2. ephemeral_point  empty for a response
[[nodiscard]] bytes envelope_suffix(const protocol_rules& rules, const envelope_binding& binding,
                                    const std::optional<block16>& nonce,
                                    const std::optional<std::int64_t>& timestamp_ms, bytes_view ephemeral_point);

/// Encrypts, then computes the MAC. sent_point  the ephemeral point as it travels
[[nodiscard]] envelope seal_envelope(const protocol_rules& rules, const envelope_keys& keys,
                                     const envelope_binding& binding, bytes_view sent_point, const block16& nonce,
                                     bytes_view plaintext, std::int64_t now_ms);

/// Checks the MAC, then decrypts. `nonce` is the one in force, which 3.1 responses take from their request.
/// Errors: protocol_error.
[[nodiscard]] bytes open_envelope(const protocol_rules& rules, const envelope_keys& keys,
                                  const envelope_binding& binding, const envelope& sealed,
                                  const std::optional<block16>& nonce, bytes_view ephemeral_point);

/// Who an envelope is for.
struct envelope_recipient {
    std::string_view purpose;
    std::shared_ptr<const crypto::p256_public_key> key;
    std::optional<std::string> temporary_key_id; // exactly when the version has temporary keys
};

/// What is random in a request, given by tests only.
struct envelope_randomness {
    crypto::p256_private_key ephemeral = crypto::p256_private_key::generate();
    block16 nonce{};
    bool uncompressed = false; // phones send compressed points
};

/// One request and its response. Copyable; keeps keys and wipes them.
class envelope_exchange {
public:
    /// Errors: std::invalid_argument when the recipient's temporary key does not fit the version.
    envelope_exchange(const protocol_rules& rules, envelope_recipient recipient, envelope_binding binding);

    /// Encrypts the request. Once per object.
    [[nodiscard]] envelope seal(bytes_view plaintext, std::int64_t now_ms);
    [[nodiscard]] envelope seal(bytes_view plaintext, std::int64_t now_ms, const envelope_randomness& randomness);

    /// Checks and decrypts the response. Once per seal(), even when it fails. Errors: protocol_error.
    [[nodiscard]] bytes open(const envelope& response);

private:
    const protocol_rules* rules_;
    envelope_recipient recipient_;
    envelope_binding binding_;
    std::optional<envelope_keys> keys_; // between seal() and open()
    std::optional<block16> request_nonce_;
};

} // namespace doorward::bench
