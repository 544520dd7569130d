#include "handlers/page.hpp"
#include "crypto/encoding.hpp"

#include <charconv>

namespace doorward::handlers {

std::optional<std::int64_t> decode_number(std::string_view name, std::string_view value, std::int64_t least,
                                          std::int64_t greatest, std::vector<violation>& violations)
{
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (ec == std::errc{} && end == value.data() + value.size() && number >= least && number <= greatest)
        return number;
    violations.push_back({std::string{name}, std::string{value.substr(0, 64)},
                          "must be a whole number from " + std::to_string(least) + " to " + std::to_string(greatest)});
    return std::nullopt;
}

page_request decode_page(const query_parameters& parameters, std::vector<violation>& violations)
{
    page_request out;
    for (const auto& [name, value] : parameters) {
        if (name == "limit") {
            const auto limit = decode_number(name, value, 1, registry::page_rows_max, violations);
            out.limit = static_cast<std::size_t>(limit.value_or(1));
        } else if (name == "cursor") {
            const auto raw = crypto::from_base64url(value);
            if (raw && raw->size() == 8)
                out.before = crypto::from_big_endian<std::uint64_t>(*raw);
            if (out.before == 0)
                violations.push_back({name, value.substr(0, 64), "is not a cursor of ours"});
        }
    }
    return out;
}

std::string write_cursor(std::uint64_t position)
{
    return crypto::to_base64url(crypto::big_endian(position));
}

} // namespace doorward::handlers
