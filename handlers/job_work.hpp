#pragma once

#include "handlers/services.hpp"

#include <chrono>

namespace doorward::handlers {

/// Whose turn it was among the jobs that are under way. Kept by whoever drives them.
struct job_turn {
    registry::uuid last;
};

/// One step of one job (registry/job.hpp): the jobs take turns. Does nothing while the journal fills: attempts come
/// first.
///
/// What a step does to registrations and the job's progress are one change, so a job goes on after a crash exactly
/// where it was, and each registration is counted once. Where that cannot be, the registrations come first and the step
/// is done again if the progress was not written: what is as the job wants it already counts as done. That is so when
/// a block cascades, when a registration is as wanted by somebody else's change that is still on its way, after a full
/// disk, and in the steps of an erasure.
///
/// returns  how long to wait before the next step: jobs are under way for at most job_share of the time
task<std::chrono::nanoseconds> work_on_jobs(services& svc, job_turn& turn);

inline constexpr int job_share = 4;                        // one part in so many of the time
inline constexpr std::chrono::milliseconds jobs_rest{500}; // when there is nothing to do, or no room for it

} // namespace doorward::handlers
