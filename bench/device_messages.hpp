#pragma once

#include "bench/device_envelope.hpp"

#include <map>

namespace doorward::bench {

// Texts that a phone writes and reads: JSON bodies, headers, JWTs, the SDK configuration and its own state. Pure; any
// thread. Readers throw protocol_error for whatever does not fit.

/// What is compiled into an application. Immutable; devices refer to it, so it outlives them.
class application {
public:
    /// All three as Base64 text. Errors: std::invalid_argument.
    application(std::string app_key, std::string app_secret, std::string_view master_public_key);
    /// From the one-string SDK configuration (PROTOCOL.md section 2). Errors: std::invalid_argument.
    [[nodiscard]] static application from_sdk_config(std::string_view text);

    [[nodiscard]] const std::string& key() const noexcept { return key_; }
    [[nodiscard]] const std::string& secret() const noexcept { return secret_; }
    [[nodiscard]] bytes secret_bytes() const;
    [[nodiscard]] const std::shared_ptr<const crypto::p256_public_key>& master() const noexcept { return master_; }

private:
    std::string key_;
    std::string secret_;
    std::shared_ptr<const crypto::p256_public_key> master_;
};

/// Writes compact JSON the way a platform does; the text stays equivalent.
[[nodiscard]] std::string in_dialect(std::string_view json, wire_style style);

// --- headers: the value without its name

[[nodiscard]] std::string authorization_header(const protocol_rules& rules, std::string_view activation_id,
                                               std::string_view app_key, std::string_view nonce_base64,
                                               signature_type type, std::string_view signature);
[[nodiscard]] std::string encryption_header(const protocol_rules& rules, std::string_view app_key,
                                            const std::optional<std::string>& activation_id, wire_style style);
[[nodiscard]] std::string token_header(const protocol_rules& rules, std::string_view token_id,
                                       const key16& token_secret, const block16& nonce, std::int64_t timestamp_ms);

// --- envelopes and activation

[[nodiscard]] std::string write_envelope(const envelope& content, wire_style style);
[[nodiscard]] envelope read_envelope(std::string_view json);

/// What a phone tells about itself when it activates.
struct activation_details {
    std::optional<std::string> name = "Simulated phone";
    std::optional<std::string> extras;
    std::optional<std::string> otp;
    std::string device_info = "doorward-device";
    std::optional<std::string> custom_attributes; // JSON object as text
    bool biometry = false;
};

/// Plaintext of the inner layer.
[[nodiscard]] std::string write_inner_activation(bytes_view device_point, const activation_details& details,
                                                 wire_style style);
/// Plaintext of the outer layer. type  "CODE", "CUSTOM", "DIRECT"; identity  for CODE one entry named "code"
[[nodiscard]] std::string write_outer_activation(std::string_view type, const name_value_list& identity,
                                                 const activation_details& details, const envelope& inner,
                                                 wire_style style);
/// What comes with the outer answer, beside the inner envelope: JSON texts, "null" where the server sent none.
struct activation_extras {
    std::string custom_attributes = "null";
    std::string user_info = "null";
};
struct outer_activation_answer {
    envelope inner;
    activation_extras extras;
};
[[nodiscard]] outer_activation_answer read_outer_answer(std::string_view json);

struct activation_answer {
    std::string activation_id;
    bytes server_point;
    block16 ctr_data;
};
[[nodiscard]] activation_answer read_inner_answer(std::string_view json);

// --- temporary keys (section 9)

struct temporary_key {
    std::string id;
    std::shared_ptr<const crypto::p256_public_key> key;
    std::int64_t expires_ms; // by the server's clock
};

/// What a key request claims. activation_id  in activation scope only
struct key_claims {
    std::string app_key;
    std::optional<std::string> activation_id;
    std::string challenge;
};

[[nodiscard]] std::string write_key_claims(const key_claims& claims, wire_style style);

/// HS256 key of a key request. transport_key  in activation scope only
[[nodiscard]] bytes key_request_secret(const application& app, const std::optional<key16>& transport_key);

[[nodiscard]] std::string sign_jwt_hs256(std::string_view claims_json, bytes_view key);

/// Checks header and signature; returns the claims as JSON text.
[[nodiscard]] std::string open_jwt_es256(std::string_view jwt, const crypto::p256_public_key& signer);

struct key_answer {
    temporary_key key;
    std::int64_t issued_ms; // the server's clock
};
/// Reads the claims of a key answer and compares what the request claimed.
[[nodiscard]] key_answer read_key_claims(std::string_view claims_json, const key_claims& asked);

// --- state

/// What a phone keeps about its activation. The two unlock keys stand for the key store of a phone: one bound to the
/// hardware, one released by the biometric sensor.
struct activation_state {
    std::string id;
    byte_array<33> device_point{};
    bytes server_point; // as received
    block16 ctr_data{};
    std::optional<std::uint8_t> ctr_byte; // empty until it can be learned from the server
    key16 device_unlock;
    std::optional<key16> biometry_unlock;
    block16 pin_salt{};
    block16 locked_possession{};
    block16 locked_transport{};
    block16 locked_knowledge{};
    std::optional<block16> locked_biometry;
    bytes locked_device_private_key; // under the vault key, which only the server can give back
    std::map<std::string, key16> tokens;
};

/// Everything a phone keeps between runs. A value.
struct device_state {
    protocol_version version = protocol_version::v3_3;
    unsigned pin_iterations = 10'000; // PBKDF2; load tests use a low number
    std::int64_t clock_shift_ms = 0;  // added to the local clock to get the server's
    std::optional<activation_state> activation;
};

/// JSON text of a state. It contains secrets.
[[nodiscard]] std::string write_state(const device_state& state);
[[nodiscard]] device_state read_state(std::string_view json);

} // namespace doorward::bench
