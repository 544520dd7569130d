// GET /v2/registrations/{id}/attempts (REGISTRATION-API.md A5): newest first.

#include "handlers/page.hpp"
#include "handlers/problem.hpp"
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

    // A cursor is the place after the row where the next page begins; see page.hpp.
    const bool from_newest = filter.page.before == 0;
    registry::row_sequence from = filter.page.before - (from_newest ? 0 : 1);
    if (from_newest) {
        const auto unfolded = svc.journal.find_unfolded(found->number);
        from = unfolded ? unfolded->last_row : 0;
    }
    std::vector<std::pair<registry::row_sequence, registry::attempt_row>> rows;
    std::optional<registry::row_sequence> next;
    svc.journal.view([&](const registry::snapshot& view) {
        std::size_t scanned = 0;
        registry::scan_attempts(view, found->number, from, from_newest,
                                [&](registry::row_sequence sequence, const registry::attempt_row& row) {
                                    const bool wanted = row.at >= filter.from && row.at <= filter.to;
                                    if ((wanted && rows.size() == filter.page.limit) ||
                                        ++scanned > registry::page_scan_rows_max) {
                                        next = sequence + 1;
                                        return false;
                                    }
                                    if (wanted)
                                        rows.emplace_back(sequence, row);
                                    return true;
                                });
    });
    json_writer out;
    out.object().key("items").array();
    for (const auto& [sequence, row] : rows)
        write_row(out, sequence, row);
    out.end();
    if (next)
        out.member("nextCursor", write_cursor(*next));
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

} // namespace doorward::handlers
