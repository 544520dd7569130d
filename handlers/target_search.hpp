#pragma once

#include "handlers/registration_page.hpp"

namespace doorward::handlers {

/// Which registrations a job is to be about.
struct target_question {
    registration_scan scan;
    std::function<bool(const registry::registration&)> visible; // to the caller
    registry::registration_criteria criteria;
    std::size_t kept_max = registry::job_targets_max; // more are counted only
    bool count_on = false;                            // or not even that: the search ends
};

struct found_targets {
    std::size_t matched = 0;
    std::vector<registry::registration_number> numbers; // newest first
    std::size_t looked_at = 0;
    bool complete = true; // false: bulk_looked_at_max registrations were looked at, and there are more
};

/// Searches on the thread for lists, page_scan_rows_max registrations at a time, so that lists get their turn.
///
/// errors  kv::errc
task<kv::result<found_targets>> search_targets(services& svc, target_question question);

} // namespace doorward::handlers
