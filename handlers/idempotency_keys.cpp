#include "handlers/idempotency_keys.hpp"
#include "crypto/digest.hpp"
#include "registry/envelope.hpp"

namespace doorward::handlers {

idempotency_keys::idempotency_keys(const crypto::sealer& with) : key_{with.derive("idempotency")} {}

registry::idempotency_mark idempotency_keys::mark_of(const registry::account& who, std::string_view key) const
{
    const auto made_at = crypto::big_endian(who.created_at);
    return crypto::blake2b<32>(registry::sized({crypto::as_bytes(who.username), made_at, crypto::as_bytes(key)}), key_);
}

crypto::byte_array<32> idempotency_keys::digest_of(std::string_view method, std::string_view path,
                                                   std::string_view query, std::string_view body) const
{
    crypto::bytes all = registry::sized(
        {crypto::as_bytes(method), crypto::as_bytes(path), crypto::as_bytes(query), crypto::as_bytes(body)});
    const auto out = crypto::blake2b<32>(all, key_);
    crypto::wipe(all.data(), all.size());
    return out;
}

std::shared_ptr<const void> idempotency_keys::claim(const registry::idempotency_mark& mark)
{
    const std::lock_guard lock{mutex_};
    if (!claimed_.insert(mark).second)
        return nullptr;
    return {this, [this, mark](const void*) {
                const std::lock_guard at_end{mutex_};
                claimed_.erase(mark);
            }};
}

} // namespace doorward::handlers
