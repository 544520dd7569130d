#pragma once

#include "registry/account.hpp"

namespace doorward::handlers {

// What accounts may do beyond what all of them may, each rule in one place. What they see is account::may_see().

/// May it ask for registrations without naming users?
[[nodiscard]] inline bool may_list_everybody(const registry::account& who) noexcept
{
    return who.its_role == registry::role::admin || who.its_role == registry::role::auditor ||
           who.its_role == registry::role::human_operator;
}

/// May it remove registrations? An operator needs the right to, by whichever way.
[[nodiscard]] inline bool may_remove(const registry::account& who) noexcept
{
    return who.its_role != registry::role::human_operator || who.rights.has(registry::right::remove);
}

} // namespace doorward::handlers
