#pragma once

#include "crypto/seal.hpp"
#include "registry/account.hpp"
#include "registry/idempotent_request.hpp"

#include <memory>
#include <mutex>
#include <set>

namespace doorward::handlers {

/// Names of requests that carry an Idempotency-Key, and those that are being carried out. threads  any
class idempotency_keys {
public:
    explicit idempotency_keys(const crypto::sealer& with);
    idempotency_keys(const idempotency_keys&) = delete;
    idempotency_keys& operator=(const idempotency_keys&) = delete;

    /// What a key is remembered under. An account that was removed and made again has keys of its own.
    [[nodiscard]] registry::idempotency_mark mark_of(const registry::account& who, std::string_view key) const;

    /// Of all that makes it the same request. Keyed, because a body may hold a short secret.
    [[nodiscard]] crypto::byte_array<32> digest_of(std::string_view method, std::string_view path,
                                                   std::string_view query, std::string_view body) const;

    /// Null when somebody else has it. The claim ends with the last copy of what is returned. As many at once as there
    /// are requests in flight.
    [[nodiscard]] std::shared_ptr<const void> claim(const registry::idempotency_mark& mark);

private:
    const crypto::secret<32> key_;
    std::mutex mutex_;
    std::set<registry::idempotency_mark> claimed_; // guarded by mutex_
};

} // namespace doorward::handlers
