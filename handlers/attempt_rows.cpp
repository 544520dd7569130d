#include "handlers/attempt_rows.hpp"
#include "handlers/text.hpp"

namespace doorward::handlers {

void scan_attempts_of(const services& svc, registry::registration_number number, registry::row_sequence from,
                      const std::function<bool(registry::row_sequence, const registry::attempt_row&)>& visit)
{
    const bool from_newest = from == 0;
    if (from_newest) { // before the snapshot; see registry::scan_attempts()
        const auto unfolded = svc.journal.find_unfolded(number);
        from = unfolded ? unfolded->last_row : 0;
    }
    svc.journal.view(
        [&](const registry::snapshot& view) { registry::scan_attempts(view, number, from, from_newest, visit); });
}

void write_attempt(json_writer& to, registry::row_sequence sequence, const registry::attempt_row& row)
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

} // namespace doorward::handlers
