#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

/// What became of the registrations that were made from a blocked one, and from those, and so on.
struct cascade_result {
    std::size_t blocked = 0;
    std::size_t removed = 0; // were waiting for their phone or for commit, so there was nothing to block yet
    bool complete = true;    // false: a bound was reached, and there are more

    [[nodiscard]] std::size_t changed() const noexcept { return blocked + removed; }
};

/// How much one cascade does. What is blocked or removed already costs a look and no change, so a cascade that is asked
/// for again gets further.
struct cascade_bounds {
    std::size_t changed_max = registry::cascade_registrations_max;
    std::size_t looked_at_max = registry::cascade_looked_at_max;
};

/// Blocks what was made from a registration that is BLOCKED, on the disk: its descendants, the nearest first, made in
/// whichever way and in whichever application. Those that have not started are removed; a block that would end by
/// itself does not any more. What is blocked for good or removed already stays as it is, and what was made from it is
/// blocked all the same.
///
/// Exact for every schedule: a child is made only of a registration that is ACTIVE on the disk, so those of a blocked
/// one are all there when it is looked for them; and what a child becomes meanwhile is decided by its word. Repeating a
/// cascade that was cut short, by an error or a bound, does what it left out.
///
/// who     for the history; every descendant has a row of its own, with the reason BLOCKED_WITH:<root>
/// errors  kv::errc: some of them may be blocked by then
task<kv::result<cascade_result>> block_descendants(services& svc, const registry::full_registration& root,
                                                   registry::actor who, cascade_bounds within = {});

} // namespace doorward::handlers
