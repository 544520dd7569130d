#pragma once

#include "handlers/query_fields.hpp"
#include "registry/limits.hpp"

#include <limits>

namespace doorward::handlers {

/// Which part of a list is asked for (REGISTRATION-API.md 8.1, "Paging"): newest first, so a page begins below the
/// number where the one before ended, and rows that arrive meanwhile change nothing.
struct page_request {
    std::size_t limit = registry::page_rows_default;
    std::uint64_t before = 0; // 0: from the newest
    std::size_t skip = 0;     // rows before the first, of those that are wanted; not together with `before`
};

/// Reads `limit` and `cursor`; or `pageSize` and `pageNumber`, from 0, which are for clients that know nothing else:
/// only with cursors are pages stable under what arrives, and any number of rows can be reached. Page numbers end at
/// page_scan_rows_max rows.
[[nodiscard]] page_request decode_page(const query_parameters& parameters, std::vector<violation>& violations);

/// The same out of a body.
[[nodiscard]] page_request decode_page(const json_object& body);

/// Rows of a page within a period, both ends included, in milliseconds.
struct period_request {
    registry::time_ms from = 0;
    registry::time_ms to = std::numeric_limits<registry::time_ms>::max();
    page_request page;
};

/// Reads `timestampFrom`, `timestampTo`, `limit` and `cursor` out of a query.
[[nodiscard]] period_request decode_period(std::string_view query, std::vector<violation>& violations);

/// The opaque text of a position, and back; empty for a text that is none of ours.
[[nodiscard]] std::string write_cursor(std::uint64_t position);
[[nodiscard]] std::optional<std::uint64_t> read_cursor(std::string_view text);

} // namespace doorward::handlers
