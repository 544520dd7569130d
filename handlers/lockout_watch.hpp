#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

// The breaker of mass lockouts (registry/lockout_breaker.hpp) around an attempt.

/// What an application says about an attempt that came with this version of it.
///
/// version  its key; empty: a business system reports the attempt, or a person typed it
[[nodiscard]] registry::attempt_rules rules_for(const services& svc, const registry::application& of,
                                                std::string_view version);
/// The same by the registration. The defaults when its application is gone.
[[nodiscard]] registry::attempt_rules rules_for(const services& svc, const registry::attempt_slot& slot);

/// How long nobody looks at attempts on a registration because a failure of it was held, in ms; 0: they are looked at.
[[nodiscard]] inline registry::time_ms held_for(const services& svc, const registry::attempt_slot& slot) noexcept
{
    const auto until = slot.held_until(); // 0 nearly always, and no clock is asked then
    return until == 0 ? 0 : std::max<registry::time_ms>(until - svc.clock.now(), 0);
}

/// After an attempt: counts a lockout, and tells operators when there are too many.
void watch_lockouts(services& svc, const registry::attempt_slot& slot, std::string_view version,
                    const registry::attempt_result& what);

} // namespace doorward::handlers
