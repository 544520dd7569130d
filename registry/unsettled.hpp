#pragma once

#include "registry/transition.hpp"

#include <mutex>
#include <unordered_map>

namespace doorward::registry {

/// Transitions that happened in memory and that the disk had no room for.
///
/// Their words stay swapped: what was refused stays counted, and nothing of it was told. They are committed before
/// anything else happens to their registration, and by the background clean-up once there is room, so that memory and
/// disk agree again without a restart. A slot with such transitions is held by them and therefore stays in the table.
/// Partners (transition::partner) are taken together, so that they are committed together.
/// threads  any
class unsettled_transitions {
public:
    /// After a commit that failed.
    void keep(std::vector<transition> steps);

    /// Those of one registration and of the partners of these, each registration's in the order of their versions; they
    /// are no longer kept.
    [[nodiscard]] std::vector<transition> take(const attempt_slot& of);

    /// Those of some registrations, about `steps_max` of them; they are no longer kept.
    [[nodiscard]] std::vector<transition> take_some(std::size_t steps_max);

    [[nodiscard]] std::size_t registrations() const;

private:
    void take_with_partners(const attempt_slot& of, std::vector<transition>& to);

    mutable std::mutex mutex_;
    std::unordered_map<const attempt_slot*, std::vector<transition>> kept_; // guarded by mutex_
};

} // namespace doorward::registry
