#include "handlers/page.hpp"
#include "crypto/encoding.hpp"

namespace doorward::handlers {

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
                violations.push_back({name, echo(value), "is not a cursor of ours"});
        }
    }
    return out;
}

std::string write_cursor(std::uint64_t position)
{
    return crypto::to_base64url(crypto::big_endian(position));
}

} // namespace doorward::handlers
