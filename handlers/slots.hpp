#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

// From swaps in memory to the disk and back: everything a handler needs around an attempt slot.

/// The slot of a registration, from memory or from the store; null when there is no such registration.
[[nodiscard]] registry::slot_ptr find_slot(services& svc, const registry::uuid& id);

/// The factor keys of a registration, from its slot or opened; null while it has none. As long as the slot is held.
[[nodiscard]] const registry::factor_keys* find_factor_keys(services& svc, registry::attempt_slot& slot);

/// The policy that its application has now, for a registration that has none of its own.
[[nodiscard]] registry::lockout_policy policy_for(const services& svc, const registry::attempt_slot& slot);

/// How near a registration is to being blocked, by its own policy or that of its application.
[[nodiscard]] registry::failure_count count_failures(const services& svc, const registry::full_registration& of);

/// Is there a temporary block that is over, and nobody has ended yet? Asking costs no coroutine.
[[nodiscard]] inline bool is_block_over(const services& svc, const registry::attempt_slot& slot) noexcept
{
    const auto until = slot.blocked_until();
    return until != 0 && until <= svc.clock.now();
}

/// Ends a temporary block whose time is over; returns when that is on disk.
///
/// errors  kv::errc
task<kv::error_code> end_block(services& svc, registry::slot_ptr slot);

/// Commits transitions. When the disk has no room they are kept, to be committed before anything else happens to their
/// registrations (registry/unsettled.hpp).
task<kv::error_code> commit_transitions(services& svc, std::vector<registry::transition> steps);
task<kv::error_code> commit_transition(services& svc, registry::transition step);

/// Commits what an earlier failure left over for this slot. Before a slot's word is read or swapped.
///
/// errors  kv::errc: there is still no room; do nothing and say so
task<kv::error_code> heal(services& svc, registry::slot_ptr slot);

/// Is there anything for heal() to do or to say? Rarely; asking costs no coroutine.
[[nodiscard]] inline bool needs_healing(const services& svc, const registry::attempt_slot& slot) noexcept
{
    return svc.journal.is_full() || slot.is_unsettled();
}

/// Waits until the word of this version, swapped by somebody else perhaps, is on disk (invariant 4 of DESIGN.md 5.1).
///
/// errors  kv::errc: it did not get there; nothing may be told of it
task<kv::error_code> wait_until_durable(services& svc, registry::slot_ptr slot, std::uint64_t version);

/// Waits until everything that was swapped before the call is on disk. Before a record is read to find that there is
/// nothing to change: what was refused for want of room, and may yet be written, is not overlooked.
///
/// errors  kv::errc: it did not get there
task<kv::error_code> wait_until_settled(services& svc, registry::slot_ptr slot);

/// Waits until no one-time password is on its way to the store; the edition that is there then.
///
/// errors  kv::errc: it did not get there
task<kv::result<registry::otp_edition>> settled_otp(services& svc, registry::slot_ptr slot);

/// A wish to move a state. One argument that callers name before they await, because most of its members have
/// destructors (CONTRIBUTING, "What a change looks like").
struct wanted_move {
    registry::move by;
    registry::actor who{};
    std::string reason{};                           // for the history
    std::optional<registry::labels> labelled{};     // of rename and edit
    std::optional<registry::binding> bound{};       // what a key exchange adds
    std::optional<registry::otp_edition> checked{}; // the one-time password that the move follows from, where it can
                                                    // be replaced
    std::optional<registry::expected_versions> expected{}; // only while the registration has one of these versions
    registry::time_ms blocked_until = 0;                   // of block and change_block: 0 is for good
    std::shared_ptr<const void> claim{};                   // held until it is settled
};
/// What became of it.
struct move_result {
    bool moved;          // false: the move is not legal in the present state
    registry::state now; // the state after it, or the one that forbade it; on disk in both cases
};
/// errors  changed_meanwhile: that password is another one by now; precondition_failed: the version is none of those;
///         kv::errc
task<kv::result<move_result>> move_state(services& svc, registry::slot_ptr slot, wanted_move what);

} // namespace doorward::handlers
