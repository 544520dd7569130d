#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"
#include "registry/store.hpp"

namespace doorward::handlers {

// What a back office is told when it asks about a signature or a token (REGISTRATION-API.md 1.4 and 8.3): always 200,
// true or false, together with the state of the lockout.

enum class verdict_on : std::uint8_t { signature, token };

struct verdict {
    bool valid = false;
    std::optional<registry::factors> type; // none: it has none, or nobody knows which of several it was meant to be
    registry::flag_set required_flags{};   // without all of them what is valid is told as not valid, and why
};

/// The verdict on a registration that the caller may see.
[[nodiscard]] response tell_verdict(const services& svc, const registry::full_registration& on, const verdict& what,
                                    verdict_on subject = verdict_on::signature);

/// The same with the registration as it is on disk now: call it after what the verdict tells is there.
task<response> tell_verdict(services& svc, registry::uuid id, verdict what, verdict_on subject = verdict_on::signature);

/// What somebody is told who may not see the registration, or asks for one that does not exist.
[[nodiscard]] response unknown_verdict(verdict_on subject = verdict_on::signature);

} // namespace doorward::handlers
