#pragma once

#include "registry/account.hpp"

namespace doorward::handlers {

// What accounts may do beyond what all of them may, each rule in one place. What they see is account::may_see().

/// May it ask for registrations without naming users?
[[nodiscard]] inline bool may_list_everybody(const registry::account& who) noexcept
{
    return who.its_role == registry::role::admin;
}

/// May it change many registrations at once?
[[nodiscard]] inline bool may_change_in_bulk(const registry::account& who) noexcept
{
    return who.its_role == registry::role::admin;
}

} // namespace doorward::handlers
