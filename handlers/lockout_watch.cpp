#include "handlers/lockout_watch.hpp"

#include <cmath>

namespace doorward::handlers {

registry::attempt_rules rules_for(const services& svc, const registry::application& of, std::string_view version)
{
    registry::attempt_rules out{of.settings};
    out.holds_lockouts = of.settings.breaker && svc.breaker.is_open(of.id, version, svc.clock.now());
    return out;
}

registry::attempt_rules rules_for(const services& svc, const registry::attempt_slot& slot)
{
    const auto application = svc.directory.find_application(slot.owner.application_id);
    return application ? rules_for(svc, *application, {}) : registry::attempt_rules{};
}

void watch_lockouts(services& svc, const registry::attempt_slot& slot, std::string_view version,
                    const registry::attempt_result& what)
{
    if (what.held)
        svc.breaker.note_held(slot.owner.application_id, version);
    const bool locked_out = what.counted && what.word.current() != registry::state::active;
    const auto application = locked_out ? svc.directory.find_application(slot.owner.application_id) : nullptr;
    if (!application || !application->settings.breaker)
        return;
    const auto& by = *application->settings.breaker;
    const auto opened = svc.breaker.count(application->id, version, by, svc.clock.now());
    if (!opened)
        return;
    std::string line = "application " + application->id;
    line += version.empty() ? std::string{", reported attempts"} : ", version " + std::string{version};
    line += ": " + std::to_string(opened->lockouts) + " registrations were blocked by their failures in " +
            std::to_string(by.window / 1000) + " s, usual are " + std::to_string(std::lround(opened->usual)) +
            "; no more are blocked for " + std::to_string(by.pause / 1000) + " s, but throttled";
    svc.log.warn(line);
}

} // namespace doorward::handlers
