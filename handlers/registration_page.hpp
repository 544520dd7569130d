#pragma once

#include "handlers/http.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/page.hpp"
#include "handlers/services.hpp"
#include "registry/criteria.hpp"
#include "registry/store.hpp"

#include <functional>

namespace doorward::handlers {

// Pages of registrations: of users, of those that were made from one, of all.

/// What a list is made of: visits registrations, newest first, beginning below a number (0: from the newest), until
/// the visitor returns false.
using registration_scan = std::function<void(const registry::snapshot& txn, registry::registration_number before,
                                             const std::function<bool(registry::registration_number)>& visit)>;

/// Which of them are shown.
struct registration_filter {
    std::function<bool(const registry::registration&)> visible; // may the caller know of it at all?
    registry::registration_criteria criteria;
    page_request page;
};

/// Writes one of them: a JSON value.
using registration_writer = std::function<void(json_writer& to, const registry::full_registration& row)>;

/// Writes one as lists show it.
void write_list_row(json_writer& to, const services& svc, const registry::full_registration& row);

struct registration_page {
    std::string rows;                  // JSON array
    std::optional<std::uint64_t> next; // where the next page begins, when there is one
};

/// Reads a page and writes it down, on the thread for lists. Those whose time is over are written as removed first, so
/// that list, detail and history agree.
///
/// filter, scan, write  refer to nothing that ends with the request
/// errors               kv::errc
task<kv::result<registration_page>> load_page(services& svc, registration_filter filter, registration_scan scan,
                                              registration_writer write);

/// The answer of a list: `registrations[]`, written by write_list_row(), and `nextCursor`.
task<response> answer_page(services& svc, registration_filter filter, registration_scan scan);

} // namespace doorward::handlers
