#include "bench/office_client.hpp"
#include "crypto/encoding.hpp"

#include <stdexcept>

namespace doorward::bench {

office_client::office_client(std::string_view base_url, std::string_view username, std::string_view password,
                             observer told)
    : client_{base_url}, told_{std::move(told)}
{
    const std::string credentials = std::string{username} + ':' + std::string{password};
    authorization_ = "Basic " + crypto::to_base64(crypto::as_bytes(credentials));
}

nlohmann::json office_client::ask(std::string_view method, std::string_view path, const nlohmann::json& body)
{
    const http_request request{std::string{method},
                               std::string{path},
                               {{"Authorization", authorization_}, {"Content-Type", "application/json"}},
                               body.is_null() ? std::string{} : body.dump()};
    const http_answer answer = client_.request(request);
    if (told_)
        told_(request, answer);
    if (answer.status != 200)
        throw std::runtime_error{request.method + ' ' + request.path + " was answered " +
                                 std::to_string(answer.status) + ": " + answer.body};
    return nlohmann::json::parse(answer.body);
}

} // namespace doorward::bench
