#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

/// What a phone is told about the user of its registration (PROTOCOL.md 11.10): a flat JSON object of `sub`, which is
/// the user id, and of the claims that the back office has set.
[[nodiscard]] std::string user_info(services& svc, const registry::registration& of);

/// The same when the phone registers: `sub` alone unless the registration is ACTIVE. Whoever waits for commit may yet
/// turn out to be somebody else.
[[nodiscard]] std::string user_info(services& svc, const registry::registration& of, registry::state now);

} // namespace doorward::handlers
