// GET /v2/registrations/{id}/history (REGISTRATION-API.md R7): newest first.

#include "crypto/encoding.hpp"
#include "handlers/page.hpp"
#include "handlers/period_page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"

namespace doorward::handlers {
namespace {

void write_row(json_writer& to, const registry::history_row& row)
{
    to.object();
    if (row.event)
        to.member("seq", row.event->sequence);
    to.member("version", row.version).member("registrationStatus", to_text(row.now));
    if (row.previous)
        to.member("previousStatus", to_text(*row.previous));
    to.member("event", to_text(row.by)).member_unless_empty("eventReason", row.reason);
    write_actor(to, row.who);
    to.member_unless_empty("name", row.name);
    if (row.by == registry::move::change_flags)
        to.member("flags", row.flags);
    if (row.by == registry::move::edit)
        to.member("changed", row.changed);
    to.member("timestampCreated", row.at);
    if (row.event)
        to.member("hash", crypto::to_hex(row.event->digest));
    to.end();
}

std::string read_history(const services& svc, registry::registration_number number, const period_request& wanted)
{
    period_page page{wanted};
    svc.journal.view([&](const registry::snapshot& txn) {
        registry::scan_history(txn, number, wanted.page.before, [&page](const registry::history_row& row) {
            return page.take(row.version, row.at, [&row](json_writer& to) { write_row(to, row); });
        });
    });
    return page.text();
}

} // namespace

task<response> registration_history(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto filter = decode_period(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    auto read = [&svc, number = found->number, filter] { return read_history(svc, number, filter); };
    auto text = co_await read_aside(svc, std::move(read));
    if (!text)
        co_return problem(text.error());
    response answer;
    answer.body = *std::move(text);
    co_return answer;
}

} // namespace doorward::handlers
