#include "handlers/jwt.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"

namespace doorward::handlers {

std::optional<split_jwt> split(std::string_view token)
{
    const auto first = token.find('.');
    const auto second = token.find('.', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return std::nullopt;
    const auto header = crypto::from_base64url(token.substr(0, first));
    const auto payload = crypto::from_base64url(token.substr(first + 1, second - first - 1));
    auto signature = crypto::from_base64url(token.substr(second + 1));
    if (!header || !payload || !signature)
        return std::nullopt;
    return split_jwt{std::string{crypto::as_text(*header)}, std::string{crypto::as_text(*payload)},
                     token.substr(0, second), *std::move(signature)};
}

bool verify_hs256(const split_jwt& token, crypto::bytes_view key)
{
    return crypto::equal_constant_time(crypto::hmac_sha256(key, crypto::as_bytes(token.signed_part)), token.signature);
}

std::string sign_es256(std::string_view payload_json, const crypto::p256_private_key& key)
{
    std::string out = crypto::to_base64url(crypto::as_bytes(R"({"alg":"ES256","typ":"JWT"})"));
    out += '.';
    out += crypto::to_base64url(crypto::as_bytes(payload_json));
    const auto signature = key.sign_raw(crypto::as_bytes(out));
    out += '.';
    out += crypto::to_base64url(signature);
    return out;
}

} // namespace doorward::handlers
