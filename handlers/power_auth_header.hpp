#pragma once

#include "registry/ids.hpp"
#include "registry/token.hpp"

#include <optional>
#include <string>

namespace doorward::handlers {

// The headers of the device protocol (PROTOCOL.md sections 7.1 and 8.5):
//
//     header := "PowerAuth" SP+ pair ( [","] [SP] pair )*
//     pair   := name "=" DQUOTE value DQUOTE          in any order; unknown names are ignored

/// X-PowerAuth-Authorization, each field checked for its form. The texts are views of the header.
struct authorization_header {
    registry::protocol_version version;
    registry::uuid activation_id;
    std::string_view application_key; // Base64 text of 16 bytes
    std::string_view nonce;           // Base64 text of 16 bytes
    registry::factors type;
    std::string_view signature; // form depends on the version; registry::parse_proof checks it
};
[[nodiscard]] std::optional<authorization_header> parse_authorization(std::string_view header);

/// X-PowerAuth-Encryption.
struct encryption_header {
    registry::protocol_version version;
    std::string application_key;
    std::optional<registry::uuid> activation_id;
};
[[nodiscard]] std::optional<encryption_header> parse_encryption(std::string_view header);

/// X-PowerAuth-Token (section 14), each field checked for its form.
[[nodiscard]] std::optional<registry::presented_token> parse_token(std::string_view header);

/// What stands for the body of a GET request in the signed data (section 7.3): the query, decoded, sorted, encoded
/// again. Empty when an escape is malformed.
[[nodiscard]] std::optional<std::string> canonical_query(std::string_view raw_query);

/// The same from decoded parameters.
[[nodiscard]] std::string canonical_query(std::vector<std::pair<std::string, std::string>> parameters);

} // namespace doorward::handlers
