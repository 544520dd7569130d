#include "handlers/precondition.hpp"

#include <charconv>

namespace doorward::handlers {
namespace {

std::string_view trimmed(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The version that a tag of ours names.
std::optional<std::uint64_t> version_of(std::string_view opaque) noexcept
{
    std::uint64_t version = 0;
    const char* const end = opaque.data() + opaque.size();
    const auto [stop, bad] = std::from_chars(opaque.data(), end, version);
    return bad == std::errc{} && stop == end ? std::optional{version} : std::nullopt;
}

} // namespace

std::string entity_tag(std::uint64_t version)
{
    return '"' + std::to_string(version) + '"';
}

std::optional<registry::expected_versions> decode_if_match(std::string_view field, std::vector<violation>& violations)
{
    std::string_view rest = trimmed(field);
    if (rest.empty() || rest == "*")
        return std::nullopt;
    registry::expected_versions out;
    while (!rest.empty()) {
        const bool weak = rest.starts_with("W/");
        if (weak)
            rest.remove_prefix(2);
        const auto end = rest.starts_with('"') ? rest.find('"', 1) : std::string_view::npos;
        const auto behind = end == std::string_view::npos ? rest : trimmed(rest.substr(end + 1));
        if (end == std::string_view::npos || !(behind.empty() || behind.starts_with(','))) {
            violations.push_back({"If-Match", "", "must be * or a list of entity tags"});
            return std::nullopt;
        }
        if (const auto version = version_of(rest.substr(1, end - 1)); version && !weak)
            out.push_back(*version);
        rest = behind.empty() ? behind : trimmed(behind.substr(1));
    }
    return out;
}

} // namespace doorward::handlers
