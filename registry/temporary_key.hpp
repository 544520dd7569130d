#pragma once

#include "crypto/p256.hpp"
#include "registry/clock.hpp"
#include "registry/ids.hpp"

#include <string>

namespace doorward::registry {

/// A short-lived encryption key of version 3.3 (PROTOCOL.md section 9). Kept in the store, because phones use a key
/// until its expiry and never hear of a restart.
struct stored_temporary_key {
    std::string application_key;    // it serves exactly this application version
    registration_number number = 0; // and this registration; 0 in application scope
    crypto::point_bytes point{};
    crypto::bytes sealed_private_key;
    time_ms expires_at = 0;

    bool operator==(const stored_temporary_key&) const = default;
};

} // namespace doorward::registry
