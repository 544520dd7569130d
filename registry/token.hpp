#pragma once

#include "crypto/seal.hpp"
#include "registry/clock.hpp"
#include "registry/errc.hpp"
#include "registry/ids.hpp"
#include "registry/proof.hpp"

namespace doorward::registry {

// Tokens: a secret that a phone got for a proof, and shows that it has without another one (PROTOCOL.md section 14).
//
//     phone  -> version, token id, digest, nonce, timestamp
//     digest := HMAC(TOKEN_SECRET, NONCE & TIMESTAMP)              3.0, 3.1
//               HMAC(TOKEN_SECRET, NONCE & TIMESTAMP & VERSION)    3.2, 3.3
//
// The version of the header rules, whatever version created the token. A token moves no counter, counts no failure and
// protects neither body nor URL.

/// A token, as it lies in the store under the number of its registration.
struct stored_token {
    factors type{};              // of the proof that it was given for
    crypto::bytes sealed_secret; // 16 bytes
    time_ms created_at = 0;

    bool operator==(const stored_token&) const = default;
};

/// A token as it was presented: well formed, not yet verified.
struct presented_token {
    protocol_version version{};
    uuid id;
    crypto::digest32 digest{};
    crypto::byte_array<16> nonce{};
    std::string timestamp; // 9 to 15 digits, as sent: they enter the digest character by character

    [[nodiscard]] time_ms sent_at() const noexcept;
};

/// 9 to 15 decimal digits.
[[nodiscard]] bool is_token_timestamp(std::string_view text) noexcept;

/// The digest that a phone with this secret shows.
[[nodiscard]] crypto::digest32 token_digest(const presented_token& shown, const crypto::key16& secret);

/// Was it shown neither too long ago nor from the future? Two hours back, half an hour ahead.
[[nodiscard]] bool is_in_time(const presented_token& shown, time_ms now) noexcept;

/// What makes a use of a token unique, for the memory of seen values: token id and nonce.
[[nodiscard]] crypto::byte_array<16> token_mark(const presented_token& shown) noexcept;

/// Until when that mark is remembered: the whole window, past and future, counted from its timestamp.
[[nodiscard]] time_ms remember_until(const presented_token& shown) noexcept;

// The secret, sealed for its place in the table `tokens`.

[[nodiscard]] crypto::bytes seal_token_secret(const crypto::sealer& with, registration_number owner, const uuid& id,
                                              const crypto::key16& secret);
[[nodiscard]] std::optional<crypto::key16> open_token_secret(const crypto::sealer& with, registration_number owner,
                                                             const uuid& id, crypto::bytes_view sealed);

} // namespace doorward::registry
