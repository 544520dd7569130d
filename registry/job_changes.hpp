#pragma once

#include "registry/transition.hpp"

namespace doorward::registry {

// Changes about jobs, for the writer (see changes.hpp).

/// Rows of `job_targets` that weigh as much as one ordinary change: half a KiB each, in the order of their keys.
inline constexpr std::size_t job_chunks_of_one_change = 8;

/// A new job, with all that it is about.
struct create_job {
    uuid id;
    job record; // but for `chunks`
    std::vector<registration_number> targets;

    /// errors  too_many_jobs: jobs_running_max of them are under way, or jobs_max are kept
    kv::error_code operator()(kv::write_txn& txn);
    [[nodiscard]] std::size_t weight() const noexcept;
};

/// What became of the registrations of one step.
struct job_outcome {
    std::uint32_t done = 0;
    std::uint32_t skipped = 0;
    std::vector<job::failure> failed{};
};

/// Writes down that a step of a job is done, and that the job is when it was the last. The same step twice is counted
/// once. A job that was cancelled meanwhile stays cancelled; what was done is counted.
struct advance_job {
    uuid id;
    std::uint32_t chunk = 0;
    job_outcome outcome;
    time_ms now = 0;

    kv::error_code operator()(kv::write_txn& txn) const;
};

/// One step: what it does to registrations and how far the job has come by it, both on the disk or neither.
struct job_step {
    transitions changes;
    advance_job progress;

    /// errors  as of transitions
    kv::error_code operator()(kv::write_txn& txn);
    void durable() const noexcept { changes.durable(); }
    void undone() const noexcept { changes.undone(); }
    [[nodiscard]] std::size_t weight() const noexcept { return changes.weight() + 1; }
};

/// Nothing more is done. One that has ended stays as it is.
struct cancel_job {
    uuid id;
    time_ms now = 0;

    std::optional<job> result; // the job as it is then; empty when there is none

    kv::error_code operator()(kv::write_txn& txn);
    [[nodiscard]] std::size_t weight() const noexcept
    {
        return 1 + job_targets_max / (job_chunk * job_chunks_of_one_change);
    }
};

/// Ends a job, within a change: it is forgotten job_memory_ms later, and whom it was about at once.
void end_job(kv::write_txn& txn, const uuid& id, job& record, job_state as, time_ms now);

/// Adds a step to a job, within a change.
void put_job_targets(kv::write_txn& txn, const uuid& id, job& record, std::span<const registration_number> targets);

} // namespace doorward::registry
