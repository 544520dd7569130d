#include "handlers/registration_page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

// Each pass writes up to sweep_rows_max registrations as removed; what is left after these the sweep does.
constexpr int expiry_passes_max = 8;

struct page_reading {
    std::vector<registry::full_registration> rows;
    std::optional<std::uint64_t> next;
    std::vector<registry::full_registration> late; // to be expired first
};

page_reading read_page(services& svc, const registration_filter& filter, const registration_scan& scan)
{
    const auto now = svc.clock.now();
    return svc.journal.view([&](const registry::snapshot& txn) {
        page_reading out;
        out.rows.reserve(std::min(filter.page.limit, registry::page_rows_default));
        const auto wanted = [&](const registry::full_registration& found) {
            return filter.visible(found.record) && filter.criteria.matches(found);
        };
        std::size_t scanned = 0;
        std::size_t skipped = 0;
        scan(txn, filter.page.before, [&](registry::registration_number number) {
            if (++scanned > registry::page_scan_rows_max) {
                out.next = number + 1;
                return false;
            }
            auto found = registry::find_full(txn, number);
            if (!found)
                return true;
            if (found->is_due(now) && filter.visible(found->record)) {
                out.late.push_back(*std::move(found));
                return out.late.size() < registry::sweep_rows_max; // these first; the page is read again
            }
            if (!wanted(*found) || skipped < filter.page.skip) {
                skipped += wanted(*found) ? 1U : 0U;
                return true;
            }
            if (out.rows.size() == filter.page.limit) {
                out.next = out.rows.back().number;
                return false;
            }
            out.rows.push_back(*std::move(found));
            return true;
        });
        return out;
    });
}

registration_page write_page(const page_reading& reading, const registration_writer& write)
{
    json_writer rows;
    rows.array();
    for (const registry::full_registration& each : reading.rows)
        write(rows, each);
    return {rows.end().text(), reading.next};
}

struct written_page {
    registration_page page;
    std::vector<registry::full_registration> late;
};

} // namespace

void write_list_row(json_writer& to, const services& svc, const registry::full_registration& row)
{
    to.object();
    write_registration(to, svc, row, nullptr);
    to.end();
}

task<response> answer_page(services& svc, registration_filter filter, registration_scan scan)
{
    registration_writer write = [&svc](json_writer& to, const registry::full_registration& row) {
        write_list_row(to, svc, row);
    };
    const auto page = co_await load_page(svc, std::move(filter), std::move(scan), std::move(write));
    if (!page)
        co_return problem(page.error());
    json_writer out;
    out.object().key("registrations").raw(page->rows);
    if (page->next)
        out.member("nextCursor", write_cursor(*page->next));
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

task<kv::result<registration_page>> load_page(services& svc, registration_filter filter, registration_scan scan,
                                              registration_writer write)
{
    const auto read = [&svc, filter = std::move(filter), scan = std::move(scan), write = std::move(write)] {
        auto reading = read_page(svc, filter, scan);
        return written_page{write_page(reading, write), std::move(reading.late)};
    };
    auto written = co_await read_aside(svc, read);
    for (int pass = 0; written && !written->late.empty() && pass < expiry_passes_max; ++pass) {
        const auto expired = co_await expire(std::move(written->late), svc);
        if (!expired)
            co_return expired.error();
        written = co_await read_aside(svc, read);
    }
    if (!written)
        co_return written.error();
    co_return std::move(written->page);
}

} // namespace doorward::handlers
