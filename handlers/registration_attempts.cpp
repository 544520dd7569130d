// GET /v2/registrations/{id}/attempts (REGISTRATION-API.md A5): newest first.

#include "handlers/page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/text.hpp"

namespace doorward::handlers {
namespace {

void write_row(json_writer& to, registry::row_sequence sequence, const registry::attempt_row& row)
{
    const registry::attempt_details& what = row.what;
    to.object()
        .member("attemptSeq", sequence)
        .member("result", to_text(what.outcome))
        .member("factors", upper(to_text(what.type)))
        .member("counted", what.counted)
        .member("timestampCreated", row.at);
    if (row.word.version() != 0)
        to.member("registrationStatus", to_text(row.word.current())).member("failedAttempts", row.word.failed());
    if (what.outcome == registry::attempt_outcome::noise)
        to.member("count", what.count);
    to.member_unless_empty("clientIp", to_text(what.source)).member_unless_empty("vaultReason", what.vault_reason);
    if (what.offline)
        to.member("channel", "OFFLINE");
    if (what.report) {
        to.member("attemptId", what.report->attempt_id)
            .member_unless_empty("channel", what.report->channel)
            .member_unless_empty("appVersion", what.report->app_version)
            .member_unless_empty("uriId", what.report->uri_id);
        if (what.report->happened_at != 0)
            to.member("timestamp", what.report->happened_at);
    }
    to.end();
}

std::string read_attempts(const services& svc, registry::registration_number number, const period_request& filter)
{
    // A cursor is the place after the row where the next page begins; see page.hpp.
    const bool from_newest = filter.page.before == 0;
    registry::row_sequence from = filter.page.before - (from_newest ? 0 : 1);
    if (from_newest) {
        const auto unfolded = svc.journal.find_unfolded(number);
        from = unfolded ? unfolded->last_row : 0;
    }
    std::optional<registry::row_sequence> next;
    std::size_t written = 0;
    std::size_t scanned = 0;
    std::size_t skipped = 0;
    json_writer out;
    out.object().key("items").array();
    const auto visit = [&](registry::row_sequence sequence, const registry::attempt_row& row) {
        const bool wanted = row.at >= filter.from && row.at <= filter.to;
        if ((wanted && written == filter.page.limit) || ++scanned > registry::page_scan_rows_max) {
            next = sequence + 1;
            return false;
        }
        if (wanted && skipped < filter.page.skip) {
            ++skipped;
        } else if (wanted) {
            write_row(out, sequence, row);
            ++written;
        }
        return true;
    };
    svc.journal.view(
        [&](const registry::snapshot& view) { registry::scan_attempts(view, number, from, from_newest, visit); });
    out.end();
    if (next)
        out.member("nextCursor", write_cursor(*next));
    return out.end().text();
}

} // namespace

task<response> registration_attempts(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto filter = decode_period(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    auto read = [&svc, number = found->number, filter] { return read_attempts(svc, number, filter); };
    auto text = co_await read_aside(svc, std::move(read));
    if (!text)
        co_return problem(text.error());
    response answer;
    answer.body = *std::move(text);
    co_return answer;
}

} // namespace doorward::handlers
