#pragma once

#include "handlers/services.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace doorward::handlers {

/// Whose turn it was among the jobs that are under way, and what the writer had settled when it ended. Kept by whoever
/// drives them.
struct job_turn {
    registry::uuid last;
    std::chrono::steady_clock::time_point ended{};
    std::uint64_t changes = 0;
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
/// returns  how long to wait before the next step
task<std::chrono::nanoseconds> work_on_jobs(services& svc, job_turn& turn);

inline constexpr std::chrono::milliseconds jobs_rest{500}; // when there is nothing to do, or no room for it

/// Jobs are under way for one part in so many of the time: beside others, and while nobody else has much to change.
inline constexpr int job_share = 16;
inline constexpr int job_share_alone = 2;
inline constexpr double job_company = 4'000; // changes per second; jobs themselves settle a few hundred
inline constexpr std::chrono::seconds job_rest_max{2};

/// How long jobs rest after a step that took so long.
///
/// changes  that the writer settled since the step before it ended, and `since` is how long ago that was
[[nodiscard]] constexpr std::chrono::nanoseconds rest_after_step(std::chrono::nanoseconds took, std::uint64_t changes,
                                                                 std::chrono::duration<double> since) noexcept
{
    const bool has_company = static_cast<double>(changes) >= job_company * since.count();
    return std::min<std::chrono::nanoseconds>(took * ((has_company ? job_share : job_share_alone) - 1), job_rest_max);
}

} // namespace doorward::handlers
