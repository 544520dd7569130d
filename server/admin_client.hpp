#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace doorward::server {

using admin_json = nlohmann::ordered_json; // members as the server wrote them

/// Where the office side is, and who asks.
struct admin_target {
    std::string url = "http://127.0.0.1:8081"; // a path in it goes before every request's own
    std::string username;
    std::string password;
    std::string token; // in place of name and password
    std::string ca_file;
    std::string certificate_file; // of the client, PEM; with its key
    std::string key_file;
    std::string external_user; // on whose behalf
};

/// The server was not reached, or did not answer in time.
struct unreachable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A blocking client of the office side. threads  one
class admin_client {
public:
    explicit admin_client(const admin_target& where);
    admin_client(const admin_client&) = delete;
    admin_client& operator=(const admin_client&) = delete;
    ~admin_client();

    using parameters = std::vector<std::pair<std::string, std::string>>; // of the query; empty values are left out

    struct answer {
        long status = 0;
        std::string body;

        [[nodiscard]] bool is_good() const noexcept { return status >= 200 && status < 300; }
    };
    /// path  of the API, its segments escaped already (segment())
    /// errors  throws unreachable
    [[nodiscard]] answer request(const std::string& method, const std::string& path, const parameters& query = {},
                                 const std::optional<admin_json>& body = std::nullopt);

    /// Reads the stream of events until the connection ends, which is no error; returns the answer when it is another
    /// one than a stream.
    ///
    /// after  the number of the last event that was seen; none: what happens from now on
    /// errors  throws unreachable, and what `on_event` throws
    answer follow(const std::string& path, std::optional<std::uint64_t> after,
                  const std::function<void(const admin_json&)>& on_event);

    /// One segment of a path, percent-encoded.
    [[nodiscard]] static std::string segment(const std::string& text);

private:
    struct connection;
    std::unique_ptr<connection> connection_;
};

} // namespace doorward::server
