#include "handlers/etag.hpp"
#include "handlers/query_fields.hpp"

#include <algorithm>
#include <charconv>

namespace doorward::handlers {
namespace {

void skip_space(std::string_view& text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
}

// Takes one entity tag off the front: what is between its quotes. Empty when there is none.
struct tag {
    std::string_view opaque;
    bool weak;
};
std::optional<tag> take_tag(std::string_view& text)
{
    tag out{{}, text.starts_with("W/")};
    if (out.weak)
        text.remove_prefix(2);
    if (!text.starts_with('"'))
        return std::nullopt;
    text.remove_prefix(1);
    const auto end = text.find('"');
    if (end == std::string_view::npos)
        return std::nullopt;
    out.opaque = text.substr(0, end);
    text.remove_prefix(end + 1);
    return out;
}

} // namespace

std::string to_etag(std::uint64_t version)
{
    return '"' + std::to_string(version) + '"';
}

version_condition version_condition::parse(std::string_view header, std::vector<violation>& violations)
{
    version_condition out;
    std::string_view rest = header;
    skip_space(rest);
    if (rest.empty() || rest == "*")
        return out;
    out.any_ = false;
    for (;;) {
        const auto found = take_tag(rest);
        skip_space(rest);
        if (!found || (!rest.empty() && rest.front() != ',')) {
            violations.push_back({"If-Match", echo(header), "must be * or entity tags, in quotes"});
            return out;
        }
        std::uint64_t version = 0;
        const char* const end = found->opaque.data() + found->opaque.size();
        const auto [stop, bad] = std::from_chars(found->opaque.data(), end, version);
        if (!found->weak && bad == std::errc{} && stop == end)
            out.versions_.push_back(version);
        if (rest.empty())
            return out;
        rest.remove_prefix(1);
        skip_space(rest);
    }
}

bool version_condition::holds(std::uint64_t version) const noexcept
{
    return any_ || std::ranges::find(versions_, version) != versions_.end();
}

} // namespace doorward::handlers
