#pragma once

#include "crypto/secret.hpp"

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace doorward::bench {

// Words shared by the parts of the simulated phone. The phone shares primitives with the server (crypto/) and nothing
// above them, so that a misreading of the protocol shows as a disagreement between the two.

using crypto::byte;
using crypto::byte_array;
using crypto::bytes;
using crypto::bytes_view;
using crypto::key16;

/// Sixteen bytes that are not secret: nonces, challenges, initialization vectors.
using block16 = byte_array<16>;

/// The versions of the device protocol that phones speak (PROTOCOL.md section 21).
enum class protocol_version { v3_0, v3_1, v3_2, v3_3 };

/// What a version uses.
struct protocol_rules {
    std::string_view name;   // "3.3"
    bool decimal_signature;  // online signatures are digits, not Base64
    bool status_challenge;   // the status blob is bound to a challenge and a nonce
    bool envelope_nonce;     // a nonce gives the envelope its initialization vector
    bool envelope_timestamp; // timestamp and associated data; the answer has a nonce of its own
    bool temporary_keys;     // envelopes are addressed to keys from the key store
    bool version_in_token;   // token digests cover the version
};

[[nodiscard]] const protocol_rules& rules_of(protocol_version version) noexcept;
[[nodiscard]] std::optional<protocol_version> protocol_version_from(std::string_view name) noexcept;

/// One thing a person has, knows or is; each has a key of its own.
enum class factor { possession, knowledge, biometry };

/// The combinations that a signature can be made with (PROTOCOL.md section 7.2).
enum class signature_type {
    possession,
    knowledge,
    biometry,
    possession_knowledge,
    possession_biometry,
    possession_knowledge_biometry
};

/// The factors of a type in the order in which their keys are chained.
[[nodiscard]] std::span<const factor> factors_of(signature_type type) noexcept;
[[nodiscard]] std::string_view name_of(signature_type type) noexcept;
[[nodiscard]] std::optional<signature_type> signature_type_from(std::string_view name) noexcept;

/// How a platform writes JSON and headers. android: <, >, &, = and ' as \u escapes, no commas in the encryption
/// header. ios: slashes escaped, commas everywhere.
enum class wire_style { android, ios };

/// Who an envelope is addressed to: the application's server, or the activation's.
enum class encryption_scope { application, activation };

/// The other side sent something that the protocol does not allow; also a state in which an operation makes no sense.
struct protocol_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The server answered with a status other than 200.
struct server_refused : std::runtime_error {
    server_refused(int status, std::string error_code, std::string error_message, std::string whole_body);

    int http_status;
    std::string code;    // empty when the body is not an error document
    std::string message; // likewise
    std::string body;
};

} // namespace doorward::bench
