#include "handlers/sweep.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/administration.hpp"
#include "registry/noise_audit.hpp"

namespace doorward::handlers {

namespace {

// Noise is counted in memory and written down now and then, one row for each registration. What is lost with the
// process was told to nobody.
task<void> record_noise(services& svc)
{
    std::vector<registry::transition> rows;
    for (const registry::noise_summary& each : svc.noise_counts.take_summaries(registry::sweep_rows_max)) {
        const auto record = svc.journal.view(
            [&each](const registry::snapshot& txn) { return registry::find_registration(txn, each.number); });
        const auto slot = record ? find_slot(svc, record->id) : nullptr;
        if (!slot)
            continue; // of nobody in particular
        registry::attempt_details what;
        what.outcome = registry::attempt_outcome::noise;
        what.count = each.count;
        what.source = each.source;
        rows.push_back(registry::attempts::record(slot, std::move(what), each.last));
    }
    if (rows.empty())
        co_return;
    registry::transitions change{&svc.journal, std::move(rows)};
    static_cast<void>(co_await commit(svc, change)); // without room for it the audit lacks some noise
}

// When tokens of accounts were used last. What cannot be written is written after the next use.
task<void> record_token_uses(services& svc)
{
    registry::note_token_uses change{svc.directory.take_unwritten_uses(registry::token_uses_written_max)};
    if (change.uses.empty())
        co_return;
    static_cast<void>(co_await commit(svc, change));
}

// Sessions of the console that are over, and when the others were used last. The same holds for them.
task<void> tidy_sessions(services& svc)
{
    registry::end_console_sessions over = svc.sessions.take_over(svc.directory, svc.clock.now());
    if (!over.marks.empty())
        static_cast<void>(co_await commit(svc, over)); // without room they are erased after the next start
    registry::note_session_uses used = svc.sessions.take_unwritten_uses();
    if (!used.uses.empty())
        static_cast<void>(co_await commit(svc, used));
}

// That breakers of mass lockouts opened and let go again.
task<void> record_breakers(services& svc)
{
    registry::tell_of_breakers change{svc.breaker.take_notices(svc.clock.now())};
    if (change.notices.empty())
        co_return;
    const auto refused = co_await commit(svc, change);
    if (refused)
        svc.breaker.give_back(std::move(change.notices));
}

} // namespace

task<bool> sweep(services& svc)
{
    // What the disk had no room for comes first: until it is written, memory is ahead of everything below.
    auto unsettled = svc.unsettled.take_some(registry::sweep_rows_max);
    if (!unsettled.empty()) {
        const auto still_full = co_await commit_transitions(svc, std::move(unsettled));
        if (still_full)
            co_return false;
    }
    const bool more_unsettled = svc.unsettled.registrations() > 0;

    co_await record_noise(svc);
    co_await record_token_uses(svc);
    co_await tidy_sessions(svc);
    co_await record_breakers(svc);

    std::vector<registry::full_registration> late;
    registry::erase_due erasing;
    std::size_t found = 0;
    const auto now = svc.clock.now();
    svc.journal.view([&](const registry::snapshot& txn) {
        for (registry::due_row& row : registry::find_due(txn, now, registry::sweep_rows_max)) {
            ++found;
            if (row.kind == registry::due_kind::registration || row.kind == registry::due_kind::end_of_block) {
                const auto number = crypto::from_big_endian<registry::registration_number>(row.what);
                auto registration = registry::find_full(txn, number);
                if (registration && registration->is_due(now)) {
                    late.push_back(*std::move(registration));
                    continue;
                }
            }
            erasing.rows.push_back(std::move(row)); // also of a registration that was finished meanwhile
        }
    });

    // What cannot be written now is still due at the next pass.
    const auto expired = co_await expire(std::move(late), svc);
    if (!expired)
        co_return false;
    const std::size_t erased_rows = erasing.rows.size();
    if (erased_rows > 0) {
        const auto erased = co_await commit(svc, erasing);
        if (erased)
            co_return false;
    }
    registry::erase_attempts ageing{now - registry::attempt_retention_ms, registry::erase_rows_max};
    if (const auto ec = co_await commit(svc, ageing))
        co_return false;
    if (ageing.erased == registry::erase_rows_max)
        co_return true;

    // Only when something was written: rows that wait for others must not keep this turning.
    const std::size_t written = *expired + erased_rows;
    co_return more_unsettled || (found == registry::sweep_rows_max && written > 0);
}

} // namespace doorward::handlers
