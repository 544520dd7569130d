#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/query.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {

/// Which part of a list is asked for (REGISTRATION-API.md 8.1, "Paging"): newest first, so a page begins below the
/// number where the one before ended, and rows that arrive meanwhile change nothing.
struct page_request {
    std::size_t limit = registry::page_rows_default;
    std::uint64_t before = 0; // 0: from the newest
};

/// Reads `limit` and `cursor`.
[[nodiscard]] page_request decode_page(const query_parameters& parameters, std::vector<violation>& violations);

/// The opaque text of a position.
[[nodiscard]] std::string write_cursor(std::uint64_t position);

/// A whole number of a query parameter; a violation when it is none or out of range.
[[nodiscard]] std::optional<std::int64_t> decode_number(std::string_view name, std::string_view value,
                                                        std::int64_t least, std::int64_t greatest,
                                                        std::vector<violation>& violations);

} // namespace doorward::handlers
