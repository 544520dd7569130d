#pragma once

#include "registry/counters.hpp"
#include "registry/lockout_policy.hpp"

#include <span>

namespace doorward::registry {

// What a policy makes of failures. Pure functions: attempt_slot.cpp does what they say, with one swap.

/// Is a failed attempt with these factors one of biometry? Of one that used knowledge too it cannot be told which was
/// wrong: it counts as knowledge.
[[nodiscard]] constexpr bool is_biometric(factors type) noexcept
{
    return type == factors::biometry || type == factors::possession_biometry;
}

/// Which failures a success forgets.
enum class forgotten : std::uint8_t { none, biometry, all };
[[nodiscard]] forgotten forgotten_by(factors success, const lockout_policy& policy) noexcept;

/// How near a registration is to being blocked.
struct failure_count {
    unsigned failed = 0;    // of the kind that is nearest to its limit
    unsigned remaining = 0; // until the block; 0 when it is blocked
    unsigned knowledge = 0; // by kind, when they are counted apart; otherwise all of them are in here
    unsigned biometry = 0;
};

/// max  of failed attempts
[[nodiscard]] failure_count count_failures(const counters& of, const lockout_policy& policy, unsigned max,
                                           time_ms now) noexcept;

/// How many of the oldest failures have aged out of the window.
[[nodiscard]] std::size_t aged(std::span<const failure> since_reset, const lockout_policy& policy,
                               time_ms now) noexcept;

/// What a counted failure makes of a registration.
struct consequence {
    state becomes = state::active; // blocked, or removed, at the last
    time_ms blocked_until = 0;     // blocked: when it ends by itself; 0: it does not
    std::uint8_t blocks = 0;       // temporary blocks in a row, this one included
};

/// earlier  failures that have not aged, and are not forgotten
/// blocks   temporary blocks in a row so far
[[nodiscard]] consequence consequence_of(std::span<const failure> earlier, const failure& more, std::uint8_t blocks,
                                         const lockout_policy& policy, unsigned max) noexcept;

/// The failures that stay when a temporary block has ended: so many that `attempts_after` are left to each kind that
/// had none, and one at least, which keeps the number of blocks in a row. They age from the end of the block on.
///
/// max  of failed attempts
[[nodiscard]] failures after_block(const failures& then, const lockout_policy& policy, unsigned max, time_ms ended_at);

} // namespace doorward::registry
