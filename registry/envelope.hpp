#pragma once

#include "crypto/digest.hpp"
#include "crypto/p256.hpp"
#include "registry/clock.hpp"
#include "registry/errc.hpp"
#include "registry/ids.hpp"
#include "registry/protocol_version.hpp"

namespace doorward::registry {

// End-to-end encryption between phone and server (PROTOCOL.md section 8).
//
//     phone  -> { temporaryKeyId, ephemeralPublicKey, encryptedData, mac, nonce, timestamp }
//     server -> { encryptedData, mac, nonce, timestamp }
//
//     Z = ECDH(recipient, EPH)   K = X963(Z, INFO, 48) = K_ENC || K_MAC || K_IV
//     encryptedData = AES_PAD(K_ENC, IV, plaintext)   mac = HMAC(K_MAC, encryptedData || SH2)

/// Texts that tell one use of an envelope from another: SH1 of section 8.3.
namespace envelope_use {
inline constexpr std::string_view application = "/pa/generic/application"; // application scope
inline constexpr std::string_view activation_data = "/pa/activation";      // likewise, the inner layer
inline constexpr std::string_view activation = "/pa/generic/activation";   // activation scope, as all below
inline constexpr std::string_view token_create = "/pa/token/create";
inline constexpr std::string_view vault_unlock = "/pa/vault/unlock";
} // namespace envelope_use

/// An envelope as it travelled, decoded from its Base64 members.
struct envelope_request {
    std::optional<std::string> temporary_key_id; // as sent: it enters the MAC character by character
    crypto::bytes ephemeral_key;                 // as sent: 33 or 65 bytes enter INFO and the MAC unchanged
    crypto::bytes data;
    crypto::byte_array<32> mac;
    std::optional<crypto::byte_array<16>> nonce;
    std::optional<time_ms> timestamp;
};

struct envelope_response {
    crypto::bytes data;
    crypto::byte_array<32> mac;
    std::optional<crypto::byte_array<16>> nonce;
    std::optional<time_ms> timestamp;
};

/// Everything beside the envelope itself that its MAC covers.
struct envelope_context {
    protocol_version version;
    std::string_view use;                          // SH1
    std::string_view application_key;              // Base64 text
    std::string_view application_secret;           // Base64 text, not decoded
    std::optional<std::string_view> activation_id; // present in activation scope
    const crypto::key16* transport_key;            // present in activation scope
};

/// Do exactly the fields of the version stand in the envelope, with the right sizes? (section 8.2; both ways)
[[nodiscard]] error_code check_form(const envelope_request& request, protocol_version version) noexcept;

/// Is the timestamp within the window around `now`? Always for versions without one (section 19).
[[nodiscard]] error_code check_time(const envelope_request& request, protocol_version version, time_ms now) noexcept;

/// What makes an envelope unique, for the memory of seen values: a digest of ephemeral key, nonce and activation id.
/// Until 3.1 the nonce does not count: the MAC does not cover it, so anybody could make the same envelope look new.
[[nodiscard]] crypto::byte_array<16> replay_mark(const envelope_request& request, protocol_version version,
                                                 std::optional<std::string_view> activation_id) noexcept;

/// Until when the mark of an envelope is remembered: the whole window, past and future, counted from the timestamp that
/// it carries; hours from now where it carries none.
[[nodiscard]] time_ms remember_until(const envelope_request& request, time_ms now) noexcept;

/// One opened request, which can seal its one response.
class opened_envelope {
public:
    opened_envelope(opened_envelope&&) noexcept = default;
    opened_envelope& operator=(opened_envelope&&) = delete;
    opened_envelope(const opened_envelope&) = delete;
    opened_envelope& operator=(const opened_envelope&) = delete;
    ~opened_envelope() { crypto::wipe(plaintext_.data(), plaintext_.size()); } // it may hold a one-time password
    [[nodiscard]] crypto::bytes_view plaintext() const noexcept { return plaintext_; }
    [[nodiscard]] envelope_response seal(crypto::bytes_view answer, time_ms now) const;

private:
    friend result<opened_envelope> open_envelope(const envelope_request&, const crypto::p256_private_key&,
                                                 const envelope_context&);
    opened_envelope() = default;
    protocol_version version_{};
    crypto::secret<48> keys_;
    crypto::digest32 shared_info_base_{};
    crypto::bytes associated_;
    std::optional<crypto::byte_array<16>> request_nonce_;
    crypto::bytes plaintext_;
};

/// Checks the MAC and only then decrypts.
///
/// request    of the right form (check_form) and time (check_time); replays are the caller's to refuse
/// errors     envelope_malformed (no such point), envelope_not_genuine
/// threads    any; one ECDH
[[nodiscard]] result<opened_envelope> open_envelope(const envelope_request& request,
                                                    const crypto::p256_private_key& recipient,
                                                    const envelope_context& context);

/// SIZED(a, b, ...): each piece behind its 32-bit length (section 1).
[[nodiscard]] crypto::bytes sized(std::initializer_list<crypto::bytes_view> pieces);

} // namespace doorward::registry
