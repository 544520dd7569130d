#include "handlers/manners.hpp"
#include "handlers/http.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

bool is_lower_hex(std::string_view text) noexcept
{
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_all_zeros(std::string_view text) noexcept
{
    return text.find_first_not_of('0') == std::string_view::npos;
}

} // namespace

std::optional<status_style> parse_status_style(std::string_view text) noexcept
{
    if (text == "compat")
        return status_style::compat;
    if (text == "rest")
        return status_style::rest;
    return std::nullopt;
}

bool is_visible_text(std::string_view text, std::size_t characters_max) noexcept
{
    return !text.empty() && text.size() <= characters_max &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

std::optional<std::string_view> trace_id(std::string_view traceparent) noexcept
{
    // 2 version - 32 trace-id - 16 parent-id - 2 flags
    constexpr std::size_t version_00_characters = 55;
    if (traceparent.size() < version_00_characters ||
        !is_visible_text(traceparent, registry::traceparent_characters_max))
        return std::nullopt;
    const auto version = traceparent.substr(0, 2);
    const auto trace = traceparent.substr(3, 32);
    const auto parent = traceparent.substr(36, 16);
    const auto flags = traceparent.substr(53, 2);
    for (const std::size_t dash : {2U, 35U, 52U}) {
        if (traceparent[dash] != '-')
            return std::nullopt;
    }
    for (const auto part : {version, trace, parent, flags}) {
        if (!is_lower_hex(part))
            return std::nullopt;
    }
    if (version == "ff" || is_all_zeros(trace) || is_all_zeros(parent))
        return std::nullopt;
    if (traceparent.size() > version_00_characters && (version == "00" || traceparent[version_00_characters] != '-'))
        return std::nullopt;
    return trace;
}

std::string request::log_name() const
{
    std::string out{request_id};
    if (const auto trace = trace_id(traceparent)) {
        out += " of trace ";
        out += *trace;
    }
    return out;
}

} // namespace doorward::handlers
