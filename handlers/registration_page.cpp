#include "handlers/registration_page.hpp"
#include "handlers/registration_access.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

// Each pass writes up to sweep_rows_max registrations as removed; what is left after these the sweep does.
constexpr int expiry_passes_max = 8;

struct page_reading {
    registration_page page;
    std::vector<registry::full_registration> late; // to be expired first
};

page_reading read_page(services& svc, const registration_filter& filter, const registration_scan& scan)
{
    const auto now = svc.clock.now();
    return svc.journal.view([&](const registry::snapshot& txn) {
        page_reading out;
        const auto wanted = [&](const registry::full_registration& found) {
            return filter.visible(found.record) && (filter.removed || found.current() != registry::state::removed) &&
                   (filter.states.empty() || std::ranges::find(filter.states, found.current()) != filter.states.end());
        };
        std::size_t scanned = 0;
        scan(txn, filter.page.before, [&](registry::registration_number number) {
            if (++scanned > registry::page_scan_rows_max) {
                out.page.next = number + 1;
                return false;
            }
            auto found = registry::find_full(txn, number);
            if (!found)
                return true;
            if (found->is_expired(now) && filter.visible(found->record)) {
                out.late.push_back(*std::move(found));
                return out.late.size() < registry::sweep_rows_max; // these first; the page is read again
            }
            if (!wanted(*found))
                return true;
            if (out.page.rows.size() == filter.page.limit) {
                out.page.next = out.page.rows.back().number;
                return false;
            }
            out.page.rows.push_back(*std::move(found));
            return true;
        });
        return out;
    });
}

} // namespace

task<kv::result<registration_page>> load_page(services& svc, registration_filter filter, registration_scan scan)
{
    auto reading = read_page(svc, filter, scan);
    for (int pass = 0; !reading.late.empty() && pass < expiry_passes_max; ++pass) {
        const auto expired = co_await expire(std::move(reading.late), svc);
        if (!expired)
            co_return expired.error();
        reading = read_page(svc, filter, scan);
    }
    co_return std::move(reading.page);
}

} // namespace doorward::handlers
