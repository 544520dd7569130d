#pragma once

#include "crypto/p256.hpp"
#include "registry/clock.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace doorward::registry {

// Signatures of phones without a network (PROTOCOL.md section 16): a page shows a QR code, a person types digits back.

/// Method and URI id of what is signed, as apps take them by convention (16.2).
inline constexpr std::string_view offline_method = "POST";
inline constexpr std::string_view offline_uri_id = "/operation/authorize/offline";
/// What stands for the application's secret in the data of an offline proof.
inline constexpr std::string_view offline_secret = "offline";

/// Who vouches for a payload: the registration's server key, or the master key of the application (16.1).
enum class payload_signer : char { master_key = '0', server_key = '1' };

/// The text of the QR code:  DATA "\n" NONCE "\n" MARK SIGNATURE
///
/// nonce_base64  16 bytes
[[nodiscard]] std::string offline_payload(std::string_view data, std::string_view nonce_base64, payload_signer mark,
                                          const crypto::p256_private_key& key);

/// Proves that page and phone are at the same place: a one-time password that only somebody in front of the page sees.
struct proximity_check {
    crypto::bytes seed; // the caller's
    unsigned step_seconds = 0;
    unsigned earlier_steps = 0; // permitted beside the current one
};

/// Eight digits of RFC 6238 with HMAC-SHA256; the counter is that of the time step.
[[nodiscard]] std::string totp(crypto::bytes_view seed, std::uint64_t step);

/// The passwords that are right at `now`, newest first: one, and one for each earlier step that is permitted.
[[nodiscard]] std::vector<std::string> right_passwords(const proximity_check& check, time_ms now);

} // namespace doorward::registry
