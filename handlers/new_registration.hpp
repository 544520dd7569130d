#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

// What requests for a new registration have in common: the members they may have, how it is made, and what is told.

struct wanted_registration {
    registry::registration record; // as far as the request tells
    std::optional<std::string> otp;
    registry::actor who;
    bool refuse_if_incomplete = false;
    std::string metadata; // JSON; empty when there are none
};

/// Reads `otp`, `commitPhase` or `otpValidation`, `flags` and `timestampRegistrationExpire`.
void decode_wanted(const json_object& body, registry::time_ms now, wanted_registration& out);

/// Makes it: hashes the one-time password, and draws id, activation code and counter. A code that another unfinished
/// registration of the application has is drawn again.
///
/// errors  passwords_busy; as create_registration of registry/changes.hpp; changed_meanwhile: every code that was drawn
///         is taken
task<kv::result<registry::registration>> make_registration(services& svc, wanted_registration wanted);

/// The members of the answer, without the braces: the id, and the code in every form.
void write_new_registration(json_writer& to, const registry::registration& made,
                            const registry::application& application);

} // namespace doorward::handlers
