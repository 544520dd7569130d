#include "handlers/credential_cache.hpp"
#include "crypto/random.hpp"
#include "registry/envelope.hpp"

namespace doorward::handlers {

credential_cache::credential_cache() : key_{crypto::random_secret<32>()} {}

credential_cache::mark credential_cache::mark_of(const registry::account& whose, std::string_view password) const
{
    crypto::bytes all = registry::sized(
        {crypto::as_bytes(whose.username), crypto::as_bytes(whose.password_hash), crypto::as_bytes(password)});
    const mark out = crypto::blake2b<32>(all, key_);
    crypto::wipe(all.data(), all.size());
    return out;
}

bool credential_cache::knows(const registry::account& whose, std::string_view password, registry::time_ms now)
{
    const mark wanted = mark_of(whose, password);
    const std::lock_guard lock{mutex_};
    const auto found = until_.find(wanted);
    if (found == until_.end() || found->second <= now)
        return false;
    found->second = now + remembered_credentials_ms;
    return true;
}

void credential_cache::remember(const registry::account& whose, std::string_view password, registry::time_ms now)
{
    const mark fresh = mark_of(whose, password);
    const std::lock_guard lock{mutex_};
    if (until_.size() >= remembered_credentials_max) {
        std::erase_if(until_, [now](const auto& entry) { return entry.second <= now; });
        if (until_.size() >= remembered_credentials_max)
            until_.clear(); // everybody verifies once more
    }
    until_[fresh] = now + remembered_credentials_ms;
}

} // namespace doorward::handlers
