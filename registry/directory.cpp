#include "registry/directory.hpp"

#include <algorithm>

namespace doorward::registry {

directory::directory(const kv::env& store, const crypto::sealer& with) : env_{store}, sealer_{with}
{
    content_ = read();
}

void directory::reload()
{
    const std::lock_guard one_at_a_time{reload_mutex_};
    auto fresh = read();
    const std::lock_guard lock{content_mutex_};
    content_ = std::move(fresh);
}

std::shared_ptr<const directory::content> directory::current() const
{
    const std::lock_guard lock{content_mutex_};
    return content_;
}

std::shared_ptr<const directory::content> directory::read() const
{
    return env_.view([this](const kv::read_txn& txn) {
        auto out = std::make_shared<content>();
        std::map<std::string, std::vector<application_version>> versions;
        txn.scan(tables::versions, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            const auto stored = decode<stored_application_version>(value);
            const auto secret =
                sealer_.open(stored.sealed_secret, seal_place("versions", crypto::as_bytes(stored.key), "secret"));
            if (!secret)
                throw kv::open_error{"the secret of an application version does not open"};
            versions[stored.application_id].push_back(
                {stored.key, std::string{crypto::as_text(secret->view())}, stored.supported, stored.created_at});
            return true;
        });
        txn.scan(tables::applications, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            const auto stored = decode<stored_application>(value);
            auto master = open_private_key(sealer_, "applications", crypto::as_bytes(stored.id),
                                           stored.sealed_master_key, stored.master_key);
            if (!master)
                throw kv::open_error{"the master key of application " + stored.id + " does not open"};
            std::optional<crypto::secret_bytes> provider_secret;
            if (!stored.sealed_provider_secret.empty()) {
                provider_secret = sealer_.open(stored.sealed_provider_secret, provider_secret_place(stored.id));
                if (!provider_secret)
                    throw kv::open_error{"the provider's secret of application " + stored.id + " does not open"};
            }
            auto& its_versions = versions[stored.id];
            std::ranges::stable_sort(its_versions, {}, &application_version::created_at);
            auto made = std::make_shared<const application>(application{stored.id, *std::move(master),
                                                                        std::move(its_versions), stored.created_at,
                                                                        stored.settings, std::move(provider_secret)});
            for (const application_version& version : made->versions)
                out->versions[version.key] = {made, &version};
            out->applications[stored.id] = std::move(made);
            return true;
        });
        txn.scan(tables::accounts, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            auto stored = std::make_shared<const account>(decode<account>(value));
            out->accounts[stored->username] = stored;
            return true;
        });
        return std::shared_ptr<const content>{std::move(out)};
    });
}

std::shared_ptr<const application> directory::find_application(std::string_view id) const
{
    const auto now = current();
    const auto found = now->applications.find(id);
    return found == now->applications.end() ? nullptr : found->second;
}

directory::known_version directory::find_version(std::string_view application_key) const
{
    const auto now = current();
    const auto found = now->versions.find(application_key);
    return found == now->versions.end() ? known_version{} : found->second;
}

std::vector<std::shared_ptr<const application>> directory::all_applications() const
{
    const auto now = current();
    std::vector<std::shared_ptr<const application>> out;
    for (const auto& [id, found] : now->applications)
        out.push_back(found);
    return out;
}

std::shared_ptr<const account> directory::find_account(std::string_view username) const
{
    const auto now = current();
    const auto found = now->accounts.find(username);
    return found == now->accounts.end() ? nullptr : found->second;
}

} // namespace doorward::registry
