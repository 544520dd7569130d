#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

// What a back office is told when it asks about a signature or a token (REGISTRATION-API.md 1.4 and 8.3): always 200,
// true or false, together with the state of the lockout.

enum class verdict_on : std::uint8_t { signature, token };

struct verdict {
    bool valid = false;
    std::optional<registry::factors> type; // none: nobody knows which of several it was meant to be
};

/// The verdict on a registration that the caller may see, with its state as it is on disk now: call it after what the
/// verdict tells is there.
task<response> tell_verdict(services& svc, registry::slot_ptr slot, verdict what,
                            verdict_on subject = verdict_on::signature);

/// What somebody is told who may not see the registration, or asks for one that does not exist.
[[nodiscard]] response unknown_verdict(verdict_on subject = verdict_on::signature);

} // namespace doorward::handlers
