#include "registry/job_changes.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {
void put_job_targets(kv::write_txn& txn, const uuid& id, job& record, std::span<const registration_number> targets)
{
    assert(targets.size() <= job_chunk);
    crypto::bytes row;
    for (const registration_number each : targets)
        crypto::append(row, crypto::big_endian(each));
    txn.put(tables::job_targets, job_target_key(id, record.chunks), row);
    ++record.chunks;
}

void end_job(kv::write_txn& txn, const uuid& id, job& record, job_state as, time_ms now)
{
    for (std::uint32_t chunk = record.next_chunk; chunk < record.chunks; ++chunk)
        txn.erase(tables::job_targets, job_target_key(id, chunk));
    record.now = as;
    record.finished_at = now;
    record.sealed_user.clear();
    txn.put(tables::due, due_key(now + job_memory_ms, due_kind::job, id.view()), {});
}

kv::error_code create_job::operator()(kv::write_txn& txn)
{
    std::size_t running = 0;
    scan_jobs(txn, [&](const uuid&, const job& other) {
        running += other.now == job_state::running ? 1U : 0U;
        return true;
    });
    if (running >= jobs_running_max || txn.row_count(tables::jobs) >= jobs_max)
        return errc::too_many_jobs;
    record.chunks = 0; // it may be applied again
    for (std::span<const registration_number> rest{targets}; !rest.empty();) {
        const auto some = rest.first(std::min(rest.size(), job_chunk));
        rest = rest.subspan(some.size());
        put_job_targets(txn, id, record, some);
    }
    if (record.chunks == 0 && record.kind != job_kind::erase_user) // that has more to do than its registrations
        end_job(txn, id, record, job_state::done, record.created_at);
    txn.put(tables::jobs, id.view(), encode(record));
    return {};
}

std::size_t create_job::weight() const noexcept
{
    return 1 + targets.size() / (job_chunk * job_chunks_of_one_change);
}

kv::error_code advance_job::operator()(kv::write_txn& txn) const
{
    auto record = find_job(txn, id);
    if (!record || record->next_chunk != chunk)
        return {};
    record->done += outcome.done;
    record->skipped += outcome.skipped;
    for (const job::failure& each : outcome.failed)
        record->fail(each.registration, each.why);
    txn.erase(tables::job_targets, job_target_key(id, chunk));
    ++record->next_chunk;
    if (record->now == job_state::running && record->next_chunk == record->chunks &&
        record->kind != job_kind::erase_user)
        end_job(txn, id, *record, job_state::done, now);
    txn.put(tables::jobs, id.view(), encode(*record));
    return {};
}

kv::error_code job_step::operator()(kv::write_txn& txn)
{
    if (const auto ec = changes(txn)) // it writes when it does not refuse
        return ec;
    return progress(txn);
}

kv::error_code cancel_job::operator()(kv::write_txn& txn)
{
    auto record = find_job(txn, id);
    if (record && record->now == job_state::running) {
        end_job(txn, id, *record, job_state::cancelled, now);
        txn.put(tables::jobs, id.view(), encode(*record));
    }
    result = std::move(record);
    return {};
}

} // namespace doorward::registry
