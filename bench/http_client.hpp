#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace doorward::bench {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// One request, complete but for the host: what a signature was made for can be kept and sent later, or twice.
struct http_request {
    std::string method;
    std::string path; // with its query; the client puts the base path in front
    header_list headers;
    std::string body;
};

/// What came back.
struct http_answer {
    int status = 0;
    std::string body;
    header_list headers;

    /// The first header of that name, whatever its case; empty optional when there is none.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
};

/// A blocking HTTP/1.1 client for one server, over one connection that is kept open between requests.
///
/// errors   std::runtime_error whose text names the server and the step, for everything that keeps an answer from
///          arriving: no connection, 30 seconds without a complete answer, not HTTP
/// threads  one per object
class http_client {
public:
    /// base_url  "http://host", "http://host:port", "http://[::1]:port", each with a path that is put before every
    ///           request's own; no connection is made yet
    /// errors    std::invalid_argument for any other text
    explicit http_client(std::string_view base_url);
    http_client(http_client&&) noexcept;
    http_client& operator=(http_client&&) noexcept;
    ~http_client();

    /// Sends one request and waits for its answer.
    ///
    /// A connection that the server closed while it lay idle is replaced once, and the request sent again. Host,
    /// Content-Length and Connection are added; all other headers are the caller's.
    [[nodiscard]] http_answer request(std::string_view method, std::string_view path, const header_list& headers,
                                      std::string_view body);
    [[nodiscard]] http_answer request(const http_request& what)
    {
        return request(what.method, what.path, what.headers, what.body);
    }

private:
    class connection;
    std::unique_ptr<connection> connection_;
};

} // namespace doorward::bench
