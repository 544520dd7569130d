#pragma once

#include "bench/http_client.hpp"

#include <nlohmann/json.hpp>

#include <functional>

namespace doorward::bench {

/// A back office: one account and the office side of a server. threads  one per object
class office_client {
public:
    /// Told of every exchange.
    using observer = std::function<void(const http_request&, const http_answer&)>;

    office_client(std::string_view base_url, std::string_view username, std::string_view password, observer told = {});

    /// Sends a request with a JSON body (none when null); returns the JSON of a 200.
    ///
    /// errors  throws std::runtime_error with the status and the body of any other answer
    nlohmann::json ask(std::string_view method, std::string_view path, const nlohmann::json& body = nullptr);

    /// The value of the Authorization header.
    [[nodiscard]] const std::string& authorization() const noexcept { return authorization_; }

private:
    http_client client_;
    std::string authorization_;
    observer told_;
};

} // namespace doorward::bench
