#pragma once

#include "registry/source_address.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace doorward::handlers {

/// One HTTP request, independent of the library that read it. The views live until the response has been sent.
struct request {
    std::string_view method; // "GET"
    std::string_view path;   // without the query, with a leading slash; percent-encoding is left as it came
    std::string_view query;  // without the question mark
    std::string_view body;
    std::string_view authorization;            // Authorization
    std::string_view power_auth_authorization; // X-PowerAuth-Authorization
    std::string_view power_auth_encryption;    // X-PowerAuth-Encryption
    std::string_view power_auth_token;         // X-PowerAuth-Token
    std::string_view external_user;            // X-External-User
    std::string_view if_none_match;            // If-None-Match
    std::string_view request_id;               // ours, or the client's X-Request-Id
    registry::source_address source;           // of the connection

    [[nodiscard]] crypto::bytes_view body_bytes() const noexcept { return crypto::as_bytes(body); }
};

struct response {
    unsigned status = 200;
    std::string body;
    std::string_view content_type = "application/json";
    std::string_view cache_control = "no-store";                   // nobody keeps it
    std::vector<std::pair<std::string_view, std::string>> headers; // beyond the usual ones
    bool ends_connection = false;                                  // whoever wants to go on must connect again
};

} // namespace doorward::handlers
