#include "registry/account.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

constexpr bool is_digit_or_letter(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text, std::size_t bytes_max) noexcept
{
    const auto allowed = [](char c) { return is_digit_or_letter(c) || c == '.' || c == '_' || c == '-' || c == '@'; };
    return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, allowed);
}

} // namespace

std::string_view to_text(role value) noexcept
{
    switch (value) {
    case role::admin:
        return "ADMIN";
    case role::integration:
        return "INTEGRATION";
    case role::human_operator:
        return "OPERATOR";
    case role::auditor:
        return "AUDITOR";
    case role::metrics:
        return "METRICS";
    }
    return "";
}

std::optional<role> parse_role(std::string_view text) noexcept
{
    for (const role candidate : all_roles) {
        if (to_text(candidate) == text)
            return candidate;
    }
    return std::nullopt;
}

std::string_view to_text(right value) noexcept
{
    switch (value) {
    case right::remove:
        return "REMOVE";
    case right::bulk:
        return "BULK";
    }
    return "";
}

std::optional<right> parse_right(std::string_view text) noexcept
{
    for (const right candidate : all_rights) {
        if (to_text(candidate) == text)
            return candidate;
    }
    return std::nullopt;
}

bool account::may_see(std::string_view application_id) const noexcept
{
    return its_role == role::admin || std::ranges::binary_search(applications, application_id);
}

bool is_username(std::string_view text) noexcept
{
    return is_name(text, username_bytes_max);
}

bool is_token_name(std::string_view text) noexcept
{
    return is_name(text, account_token_name_bytes_max);
}

std::string draw_account_token()
{
    return std::string{account_token_prefix} + crypto::to_base64url(crypto::random_array<32>());
}

bool is_account_token(std::string_view text) noexcept
{
    const auto allowed = [](char c) { return is_digit_or_letter(c) || c == '-' || c == '_'; };
    return text.size() == account_token_characters && text.starts_with(account_token_prefix) &&
           std::ranges::all_of(text, allowed);
}

crypto::byte_array<32> account_token_digest(std::string_view text, crypto::bytes_view key) noexcept
{
    return crypto::blake2b<32>(crypto::as_bytes(text), key);
}

} // namespace doorward::registry
