#include "handlers/page.hpp"
#include "crypto/encoding.hpp"

namespace doorward::handlers {

page_request decode_page(const query_parameters& parameters, std::vector<violation>& violations)
{
    page_request out;
    bool by_cursor = false;
    std::optional<std::int64_t> number;
    bool by_number = false;
    for (const auto& [name, value] : parameters) {
        if (name == "limit" || name == "pageSize") {
            const auto limit = decode_number(name, value, 1, registry::page_rows_max, violations);
            out.limit = static_cast<std::size_t>(limit.value_or(1));
        } else if (name == "cursor") {
            by_cursor = true;
            out.before = read_cursor(value).value_or(0);
            if (out.before == 0)
                violations.push_back({name, echo(value), "is not a cursor of ours"});
        } else if (name == "pageNumber") {
            number = decode_number(name, value, 0, registry::page_scan_rows_max, violations);
        }
        by_cursor = by_cursor || name == "limit";
        by_number = by_number || name == "pageNumber" || name == "pageSize";
    }
    if (by_cursor && by_number)
        violations.push_back({"pageNumber", "", "pageNumber and pageSize do not go with limit and cursor"});
    out.skip = static_cast<std::size_t>(number.value_or(0)) * out.limit;
    if (out.skip + out.limit > registry::page_scan_rows_max)
        violations.push_back(
            {"pageNumber", std::to_string(*number),
             "must not reach beyond " + std::to_string(registry::page_scan_rows_max) + " rows; use cursor"});
    return out;
}

page_request decode_page(const json_object& body)
{
    page_request out;
    out.limit = static_cast<std::size_t>(
        body.integer("limit", 1, registry::page_rows_max).value_or(registry::page_rows_default));
    if (const auto cursor = body.text("cursor", {.bytes_max = 64})) {
        out.before = read_cursor(*cursor).value_or(0);
        if (out.before == 0)
            body.complain("cursor", "is not a cursor of ours", *cursor);
    }
    return out;
}

period_request decode_period(std::string_view query, std::vector<violation>& violations)
{
    period_request out;
    const auto parameters = decode_query(query, violations);
    constexpr auto latest = std::numeric_limits<registry::time_ms>::max();
    for (const auto& [name, value] : parameters) {
        if (name == "timestampFrom")
            out.from = decode_number(name, value, 0, latest, violations).value_or(0);
        if (name == "timestampTo")
            out.to = decode_number(name, value, 0, latest, violations).value_or(latest);
    }
    out.page = decode_page(parameters, violations);
    return out;
}

std::string write_cursor(std::uint64_t position)
{
    return crypto::to_base64url(crypto::big_endian(position));
}

std::optional<std::uint64_t> read_cursor(std::string_view text)
{
    const auto raw = crypto::from_base64url(text);
    const bool is_ours = raw && raw->size() == 8;
    return is_ours ? std::optional{crypto::from_big_endian<std::uint64_t>(*raw)} : std::nullopt;
}

} // namespace doorward::handlers
