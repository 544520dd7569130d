#pragma once

#include "handlers/task.hpp"
#include "registry/source_address.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace doorward::registry {
struct account;
} // namespace doorward::registry

namespace doorward::handlers {

/// The two sides of the server; each has its listener and its table of endpoints.
enum class side : std::uint8_t { device, office };
inline constexpr std::array<side, 2> all_sides{side::device, side::office};
[[nodiscard]] constexpr std::string_view to_text(side which) noexcept
{
    return which == side::device ? "device" : "office";
}

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
    std::string_view last_event_id;            // Last-Event-ID
    std::string_view idempotency_key;          // Idempotency-Key
    std::string_view if_match;                 // If-Match
    std::string_view if_none_match;            // If-None-Match
    std::string_view accept_encoding;          // Accept-Encoding
    std::string_view host;                     // Host
    std::string_view origin;                   // Origin
    std::string_view cookie;                   // Cookie
    std::string_view console;                  // X-Doorward-Console
    std::string_view request_id;               // ours, or the client's X-Request-Id
    std::string_view traceparent;              // as the client sent it, when it is valid; else empty
    registry::source_address source;           // of the connection, or whom a trusted proxy asks for
    std::string_view certificate_account;      // that the client's certificate stands for; empty: none

    /// For log lines: the id, and the trace that the request is part of, if any.
    [[nodiscard]] std::string log_name() const;

    [[nodiscard]] crypto::bytes_view body_bytes() const noexcept { return crypto::as_bytes(body); }
};

/// A body that is made while it is sent, and may never end by itself.
///
/// Whoever sends it asks for one piece after the other, and for the next when the one before is on its way. So there is
/// one piece of it in memory, however slow the reader.
class response_stream {
public:
    response_stream() = default;
    response_stream(const response_stream&) = delete;
    response_stream& operator=(const response_stream&) = delete;
    virtual ~response_stream() = default;

    /// The next piece; empty when there is none any more. It comes within stream_piece_max, if only to tell that the
    /// sender is still there.
    virtual task<std::string> next() = 0;
};

/// How long a stream may take for a piece; less than the transport grants an answer (answer_timeout).
inline constexpr std::chrono::seconds stream_piece_max{25};

struct response {
    unsigned status = 200;
    unsigned rest_status = 0; // of an error, where the status style `rest` has another one; see manners.hpp
    std::string body;
    std::string_view content_type = "application/json";
    std::string_view cache_control = "no-store";                   // nobody keeps it
    std::vector<std::pair<std::string_view, std::string>> headers; // beyond the usual ones
    bool ends_connection = false;                                  // whoever wants to go on must connect again
    std::shared_ptr<response_stream> stream;                       // in place of `body`; the connection ends with it
    std::string_view route;                                        // that answered, with {} for segments; for the log
    std::shared_ptr<const registry::account> asked_by;             // office side, where an account was asked for
};

} // namespace doorward::handlers
