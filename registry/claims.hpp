#pragma once

#include "crypto/seal.hpp"
#include "kv/key.hpp"
#include "registry/clock.hpp"

#include <string_view>

namespace doorward::registry {

/// What the back office of an application tells about a user, as it lies in the store. Personal data: sealed.
struct stored_claims {
    crypto::bytes sealed; // a flat JSON object
    time_ms changed_at = 0;

    bool operator==(const stored_claims&) const = default;
};

/// Its key in the table `claims`. Claims belong to an application as registrations do: what one tells about its users
/// is no business of another.
[[nodiscard]] inline kv::key claims_key(std::string_view application_id, std::string_view user_id)
{
    return kv::key{}.text(application_id).raw(crypto::as_bytes(user_id));
}

// Sealed for that place. opening  errors: throws record_fault when it does not open, which nothing a client sent can
// cause

[[nodiscard]] crypto::bytes seal_claims(const crypto::sealer& with, std::string_view application_id,
                                        std::string_view user_id, std::string_view json);
[[nodiscard]] std::string open_claims(const crypto::sealer& with, std::string_view application_id,
                                      std::string_view user_id, const stored_claims& record);

} // namespace doorward::registry
