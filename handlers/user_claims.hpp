#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

/// What a phone is told about the user of its registration (PROTOCOL.md 11.10): a flat JSON object of `sub`, which is
/// the user id, and of the claims that the back office has set.
[[nodiscard]] std::string user_info(services& svc, const registry::registration& of);

} // namespace doorward::handlers
