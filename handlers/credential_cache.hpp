#pragma once

#include "crypto/digest.hpp"
#include "registry/account.hpp"
#include "registry/clock.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace doorward::handlers {

inline constexpr std::size_t remembered_credentials_max = 4'096; // entries
inline constexpr registry::time_ms remembered_credentials_ms = 5 * 60 * 1000;

/// Credentials that were verified a moment ago, so that Basic does not cost a password hash per request.
///
/// Only a keyed digest is kept, under a key that dies with the process, together with the hash it was verified against:
/// a changed password, a disabled or removed account takes effect at once. threads  any
class credential_cache {
public:
    credential_cache();

    /// Were these credentials verified against exactly this account's hash, and used since without a pause of minutes?
    [[nodiscard]] bool knows(const registry::account& whose, std::string_view password, registry::time_ms now);

    void remember(const registry::account& whose, std::string_view password, registry::time_ms now);

private:
    using mark = crypto::byte_array<32>;
    [[nodiscard]] mark mark_of(const registry::account& whose, std::string_view password) const;

    crypto::secret<32> key_;
    mutable std::mutex mutex_;
    std::map<mark, registry::time_ms> until_; // guarded by mutex_
};

} // namespace doorward::handlers
