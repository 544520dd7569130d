#include "handlers/job_work.hpp"
#include "handlers/cascade.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/slots.hpp"
#include "registry/erasure.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

using registry::full_registration;
using registry::job_kind;
using registry::job_problem;
using registry::move;
using registry::state;

struct running_job {
    registry::uuid id;
    registry::job record;
};

// The first job under way behind the one whose turn it was, or the first of all.
std::optional<running_job> next_job(const services& svc, const job_turn& turn)
{
    return svc.journal.view([&](const registry::snapshot& txn) {
        std::optional<running_job> out;
        registry::scan_jobs(txn, [&](const registry::uuid& id, const registry::job& record) {
            if (record.now != registry::job_state::running)
                return true;
            const bool is_behind = id > turn.last;
            if (is_behind || !out)
                out = running_job{id, record};
            return !is_behind;
        });
        return out;
    });
}

std::vector<full_registration> read_targets(const services& svc, const running_job& of)
{
    return svc.journal.view([&](const registry::snapshot& txn) {
        std::vector<full_registration> out;
        for (const auto number : registry::find_job_targets(txn, of.id, of.record.next_chunk)) {
            if (auto found = registry::find_full(txn, number))
                out.push_back(*std::move(found));
        }
        return out;
    });
}

// The move of a job that is about states. What is blocked for a time is blocked for good by it, as by an operator.
move move_of(job_kind kind, const registry::attempt_slot& slot)
{
    switch (kind) {
    case job_kind::block:
        return slot.load().current() == state::blocked ? move::change_block : move::block;
    case job_kind::unblock:
        return move::unblock;
    default:
        return move::remove;
    }
}

bool is_about_flags(job_kind kind)
{
    return kind == job_kind::add_flags || kind == job_kind::remove_flags;
}

registry::flag_edit edit_of(const registry::job& record)
{
    using kind = registry::flag_edit::kind;
    return {record.kind == job_kind::add_flags ? kind::add : kind::remove, record.flags};
}

// Is a registration as the job wants it?
bool is_so(const registry::job& wanted, const registry::slot_ptr& slot)
{
    if (is_about_flags(wanted.kind)) {
        const auto [word, flags] = slot->flags();
        const auto after = edited(flags, edit_of(wanted));
        return registry::target(word.current(), move::change_flags) && after && *after == flags;
    }
    const state now = slot->load().current();
    switch (wanted.kind) {
    case job_kind::block:
        return now == state::blocked && slot->blocked_until() == 0;
    case job_kind::unblock:
        return now == state::active;
    default:
        return now == state::removed;
    }
}

// What one step has made of its registrations, in memory.
struct step_result {
    std::vector<registry::transition> changes;
    registry::job_outcome outcome;
    std::vector<registry::slot_ptr> so_already;           // by whomever, and perhaps not on the disk yet
    std::vector<const full_registration*> to_be_cascaded; // of the step's registrations
};

std::optional<job_problem> change_one(const registry::job& wanted, const registry::slot_ptr& slot,
                                      registry::time_ms now, step_result& out)
{
    if (is_about_flags(wanted.kind)) {
        auto changed = registry::attempts::change_flags(slot, edit_of(wanted), wanted.who, now);
        if (!changed)
            return changed.error() == registry::errc::too_many_flags ? job_problem::too_many_flags
                                                                     : job_problem::illegal_change;
        if (changed->change)
            out.changes.push_back(*std::move(changed->change));
        else // since it was looked at
            out.so_already.push_back(slot);
        return std::nullopt;
    }
    auto changed = registry::attempts::change_state(slot, move_of(wanted.kind, *slot), wanted.who, wanted.reason, now);
    if (changed)
        out.changes.push_back(*std::move(changed));
    else if (is_so(wanted, slot))
        out.so_already.push_back(slot);
    else
        return job_problem::illegal_change;
    return std::nullopt;
}

bool cascades(const services& svc, const registry::job& wanted, const full_registration& one)
{
    const auto application = svc.directory.find_application(one.record.application_id);
    return wanted.kind == job_kind::block && application && application->settings.transfer.cascade_block;
}

// Nothing here suspends: what was swapped is handed over in one piece.
step_result change_all(services& svc, const registry::job& wanted, const std::vector<full_registration>& targets,
                       const std::vector<registry::slot_ptr>& slots)
{
    step_result out;
    const auto now = svc.clock.now();
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const full_registration& one = targets[i];
        if (is_so(wanted, slots[i])) {
            out.so_already.push_back(slots[i]);
        } else if (!wanted.criteria.matches(one)) {
            ++out.outcome.skipped;
            continue;
        } else if (const auto why = change_one(wanted, slots[i], now, out)) {
            out.outcome.failed.push_back({one.record.id, *why});
            continue;
        }
        ++out.outcome.done;
        if (cascades(svc, wanted, one))
            out.to_be_cascaded.push_back(&one);
    }
    return out;
}

// The slots of a step, with nothing left over from a full disk.
task<kv::error_code> find_slots(services& svc, const std::vector<full_registration>& targets,
                                std::vector<registry::slot_ptr>& slots)
{
    for (const full_registration& each : targets) {
        slots.push_back(find_slot(svc, each.record.id));
        if (needs_healing(svc, *slots.back())) {
            if (const auto ec = co_await heal(svc, slots.back()))
                co_return ec;
        }
    }
    co_return kv::error_code{};
}

task<kv::error_code> commit_progress(services& svc, registry::advance_job progress)
{
    const auto ec = co_await commit(svc, progress);
    co_return ec;
}

// The registrations and the progress in one change.
task<kv::error_code> commit_together(services& svc, std::vector<registry::transition> changes,
                                     registry::advance_job progress)
{
    registry::job_step step{{&svc.journal, std::move(changes)}, std::move(progress)};
    auto pending = kv::async_commit(svc.writer, std::move(step), boost::asio::as_tuple(boost::asio::deferred));
    auto [ec, settled] = co_await std::move(pending);
    if (ec)
        svc.unsettled.keep(std::move(settled.changes.steps));
    co_return ec;
}

// The registrations first, and all that must be on the disk before the progress is.
task<kv::error_code> commit_apart(services& svc, const registry::job& wanted, step_result& result)
{
    if (!result.changes.empty()) {
        if (const auto ec = co_await commit_transitions(svc, std::move(result.changes)))
            co_return ec;
    }
    for (const auto& slot : result.so_already) {
        if (const auto ec = co_await wait_until_durable(svc, slot, slot->load().version()))
            co_return ec;
    }
    for (const full_registration* each : result.to_be_cascaded) {
        const auto done = co_await block_descendants(svc, *each, wanted.who);
        if (!done)
            co_return done.error();
    }
    co_return kv::error_code{};
}

bool are_all_on_disk(const std::vector<registry::slot_ptr>& slots)
{
    for (const auto& each : slots) {
        if (each->durable_version() < each->load().version())
            return false;
    }
    return true;
}

// What is made of an erased user's registrations once they are removed on the disk.
task<kv::error_code> erase(services& svc, const running_job& job, const std::vector<full_registration>& targets,
                           const std::vector<registry::slot_ptr>& slots, registry::advance_job progress)
{
    for (const auto& slot : slots) {
        if (const auto ec = co_await wait_until_settled(svc, slot))
            co_return ec;
    }
    registry::erase_registrations change;
    change.whom.user_id = registry::open_user(svc.sealer, job.id, job.record);
    change.whom.pseudonym = registry::pseudonym_of(svc.sealer, change.whom.user_id);
    for (const full_registration& each : targets)
        change.numbers.push_back(each.number);
    change.progress = std::move(progress);
    const auto ec = co_await commit(svc, change);
    co_return ec;
}

// One chunk of registrations.
task<kv::error_code> work_off_chunk(services& svc, const running_job& job)
{
    const auto targets = read_targets(svc, job);
    std::vector<registry::slot_ptr> slots;
    if (const auto ec = co_await find_slots(svc, targets, slots))
        co_return ec;
    auto result = change_all(svc, job.record, targets, slots);
    registry::advance_job progress{job.id, job.record.next_chunk, std::move(result.outcome), svc.clock.now()};
    const bool erases = job.record.kind == job_kind::erase_user;
    if (!erases && result.to_be_cascaded.empty() && are_all_on_disk(result.so_already)) {
        const auto ec = co_await commit_together(svc, std::move(result.changes), std::move(progress));
        co_return ec;
    }
    if (const auto ec = co_await commit_apart(svc, job.record, result))
        co_return ec;
    if (erases) {
        const auto ec = co_await erase(svc, job, targets, slots, std::move(progress));
        co_return ec;
    }
    const auto ec = co_await commit_progress(svc, std::move(progress));
    co_return ec;
}

// A part of the walk over all histories, or the end of it.
task<kv::error_code> walk_histories(services& svc, const running_job& job)
{
    registry::forgotten_user whom;
    whom.user_id = registry::open_user(svc.sealer, job.id, job.record);
    whom.pseudonym = registry::pseudonym_of(svc.sealer, whom.user_id);
    const registry::history_place from{job.record.walked_number, job.record.walked_version};
    auto walk = [&svc, whom, from] {
        return svc.journal.view(
            [&](const registry::snapshot& txn) { return registry::find_erasable(txn, whom, from); });
    };
    const auto found = co_await read_aside(svc, std::move(walk));
    if (!found)
        co_return found.error();
    if (!found->rows.empty() || found->next) {
        // After the last part it begins where it stopped, and finds nothing more.
        registry::history_place next = found->next.value_or(registry::history_place{});
        if (!found->next)
            next = found->rows.back();
        registry::erase_history change{whom, found->rows, job.id, next};
        const auto ec = co_await commit(svc, change);
        co_return ec;
    }
    registry::finish_erasure end{whom, job.id, {}, svc.clock.now()};
    for (const auto& each : svc.directory.all_applications())
        end.application_ids.push_back(each->id);
    const auto ec = co_await commit(svc, end);
    co_return ec;
}

} // namespace

task<std::chrono::nanoseconds> work_on_jobs(services& svc, job_turn& turn)
{
    const auto job = svc.journal.is_filling() ? std::nullopt : next_job(svc, turn);
    if (!job)
        co_return jobs_rest;
    turn.last = job->id;
    const auto began = std::chrono::steady_clock::now();
    const bool has_chunks = job->record.next_chunk < job->record.chunks;
    kv::error_code ec;
    if (has_chunks)
        ec = co_await work_off_chunk(svc, *job);
    else
        ec = co_await walk_histories(svc, *job);
    if (ec)
        co_return jobs_rest; // no room; the step is done again
    const job_turn before = turn;
    turn.ended = std::chrono::steady_clock::now();
    turn.changes = svc.writer.changes();
    co_return rest_after_step(turn.ended - began, turn.changes - before.changes, turn.ended - before.ended);
}

} // namespace doorward::handlers
