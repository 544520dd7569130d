#pragma once

#include "crypto/p256.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace doorward::handlers {

// The two JSON Web Tokens of the key store (PROTOCOL.md section 9; RFC 7515 compact form).

/// A received token, taken apart; nothing is verified yet. Views into the token.
struct split_jwt {
    std::string header;           // decoded JSON
    std::string payload;          // decoded JSON
    std::string_view signed_part; // as received, for the signature
    crypto::bytes signature;
};
[[nodiscard]] std::optional<split_jwt> split(std::string_view token);

/// HS256 over the text as received. The key has 16 bytes, fewer than generic libraries accept.
[[nodiscard]] bool verify_hs256(const split_jwt& token, crypto::bytes_view key);

/// A token with the header {"alg":"ES256","typ":"JWT"} and a signature r || s.
[[nodiscard]] std::string sign_es256(std::string_view payload_json, const crypto::p256_private_key& key);

} // namespace doorward::handlers
