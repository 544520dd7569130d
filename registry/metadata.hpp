#pragma once

#include "crypto/seal.hpp"
#include "registry/clock.hpp"
#include "registry/ids.hpp"

#include <string>
#include <string_view>

namespace doorward::registry {

/// What a back office keeps with a registration for its own use, as it lies in the store: a flat JSON object of up to
/// metadata_bytes_max. It may be personal data: sealed.
struct stored_metadata {
    crypto::bytes sealed; // empty, on its way to the store only: there is none any more
    time_ms changed_at = 0;

    bool operator==(const stored_metadata&) const = default;
};

// Sealed for the registration that it belongs to. opening  errors: throws record_fault when it does not open, which
// nothing a client sent can cause

[[nodiscard]] crypto::bytes seal_metadata(const crypto::sealer& with, const uuid& of, std::string_view json);
[[nodiscard]] std::string open_metadata(const crypto::sealer& with, const uuid& of, const stored_metadata& record);

} // namespace doorward::registry
