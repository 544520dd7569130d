#pragma once

#include "handlers/page.hpp"
#include "handlers/services.hpp"
#include "registry/store.hpp"

#include <functional>

namespace doorward::handlers {

// Pages of registrations: of a user, or of those that were made from one.

/// What a list is made of: visits registrations, newest first, beginning below a number (0: from the newest), until
/// the visitor returns false.
using registration_scan = std::function<void(const registry::snapshot& txn, registry::registration_number before,
                                             const std::function<bool(registry::registration_number)>& visit)>;

/// Which of them are shown.
struct registration_filter {
    std::function<bool(const registry::registration&)> visible; // may the caller know of it at all?
    bool removed = false;
    std::vector<registry::state> states; // empty: all
    page_request page;
};

struct registration_page {
    std::vector<registry::full_registration> rows;
    std::optional<std::uint64_t> next; // where the next page begins, when there is one
};

/// Reads a page. Those whose time is over are written as removed first, so that list, detail and history agree.
///
/// errors  kv::errc
task<kv::result<registration_page>> load_page(services& svc, registration_filter filter, registration_scan scan);

} // namespace doorward::handlers
