#pragma once

#include "registry/account.hpp"

namespace doorward::handlers {

// What accounts may do beyond what all of them may, each rule in one place. What they see is account::may_see().

/// May it ask for registrations without naming users?
[[nodiscard]] inline bool may_list_everybody(const registry::account& who) noexcept
{
    return who.its_role == registry::role::admin || who.its_role == registry::role::auditor;
}

} // namespace doorward::handlers
