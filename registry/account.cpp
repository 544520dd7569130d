#include "registry/account.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::registry {

std::string_view to_text(role value) noexcept
{
    return value == role::admin ? "ADMIN" : "INTEGRATION";
}

std::optional<role> parse_role(std::string_view text) noexcept
{
    for (const role candidate : {role::admin, role::integration}) {
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
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-' || c == '@';
    };
    return !text.empty() && text.size() <= username_bytes_max && std::ranges::all_of(text, allowed);
}

} // namespace doorward::registry
