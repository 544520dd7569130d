#pragma once

#include "handlers/http.hpp"
#include "handlers/outgoing_calls.hpp"
#include "handlers/phone_binding.hpp"

namespace doorward::handlers {

/// What a phone shows instead of an activation code.
struct custom_credentials {
    std::string type; // "CUSTOM", "DIRECT"
    std::vector<std::pair<std::string, std::string>> identity;
    std::optional<std::string> custom_attributes; // JSON object
};

/// Is there anybody to ask, and anything to ask about? Nothing is written down of what is refused here: a one-time
/// password belongs to activation codes, and one that nobody asked for is refused as it is with them
/// (PROTOCOL.md 12.4).
[[nodiscard]] bool may_ask_provider(const registry::application& application, const custom_credentials& shown,
                                    const phone_details& phone);

struct custom_activation {
    bound_phone bound;
    std::optional<std::string> custom_attributes; // JSON object that the provider wants the phone to have
};

/// Asks the provider whose phone this is, and registers it: init and key exchange, and commit where the provider says
/// so, in one change (PROTOCOL.md 12.3). Whatever fails, and whenever the process ends, there is the whole registration
/// or none.
///
/// All parameters outlive the call; may_ask_provider() said yes.
/// req     of the phone
/// permit  of enter_provider()
/// errors  not_recognised, provider_failed, kv::errc
task<kv::result<custom_activation>> activate_by_provider(services& svc, const registry::application& application,
                                                         const custom_credentials& shown, const phone_details& phone,
                                                         registry::protocol_version version, const request& req,
                                                         outgoing_permit permit);

} // namespace doorward::handlers
