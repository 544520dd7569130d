#include "registry/directory.hpp"

#include <algorithm>

namespace doorward::registry {

namespace {

std::atomic<std::uint64_t> directories{0};

} // namespace

directory::directory(const kv::env& store, const crypto::sealer& with)
    : env_{store}, sealer_{with}, token_key_{with.derive(account_token_purpose)}, id_{++directories}
{
    content_ = read(nullptr);
}

void directory::reload()
{
    const std::lock_guard one_at_a_time{reload_mutex_};
    auto fresh = read(content_.get()); // nobody else replaces it
    const std::lock_guard lock{content_mutex_};
    content_ = std::move(fresh);
    edition_.fetch_add(1, std::memory_order_release);
}

const directory::content& directory::current() const
{
    struct last_seen {
        std::uint64_t directory = 0;
        std::uint64_t edition = 0;
        std::shared_ptr<const content> what;
    };
    static thread_local last_seen mine;
    if (mine.directory != id_ || mine.edition != edition_.load(std::memory_order_acquire)) {
        const std::lock_guard lock{content_mutex_};
        mine = {id_, edition_.load(std::memory_order_relaxed), content_};
    }
    return *mine.what;
}

void directory::read_tokens(const kv::read_txn& txn, const content* before, content& out) const
{
    txn.scan(tables::account_tokens, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
        const std::string_view text = crypto::as_text(key);
        const auto owner = out.accounts.find(text.substr(0, text.find('\0')));
        if (owner == out.accounts.end())
            throw record_fault{"a token of no account"};
        auto record = decode<account_token>(value);
        std::shared_ptr<token_use> use;
        if (before != nullptr) {
            if (const auto known = before->tokens.find(record.digest); known != before->tokens.end())
                use = known->second.use;
        }
        if (!use) {
            use = std::make_shared<token_use>();
            use->at = record.last_used_at;
            use->written = record.last_used_at;
        }
        const auto digest = record.digest;
        out.tokens.insert_or_assign(digest, known_token{owner->second, std::move(record), std::move(use)});
        return true;
    });
}

std::shared_ptr<const directory::content> directory::read(const content* before) const
{
    return env_.view([this, before](const kv::read_txn& txn) {
        auto out = std::make_shared<content>();
        struct known {
            application_version version;
            std::optional<crypto::point_bytes> master_key;
        };
        std::map<std::string, std::vector<known>> versions;
        txn.scan(tables::versions, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            const auto stored = decode<stored_application_version>(value);
            const auto secret =
                sealer_.open(stored.sealed_secret, seal_place("versions", crypto::as_bytes(stored.key), "secret"));
            if (!secret)
                throw kv::open_error{"the secret of an application version does not open"};
            versions[stored.application_id].push_back({{stored.key,
                                                        std::string{crypto::as_text(secret->view())},
                                                        stored.supported,
                                                        stored.created_at,
                                                        {},
                                                        {}},
                                                       stored.master_key});
            return true;
        });
        txn.scan(tables::applications, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            const auto stored = decode<stored_application>(value);
            std::vector<master_key> master_keys;
            for (const stored_master_key& each : stored.master_keys) {
                auto pair =
                    open_private_key(sealer_, "applications", crypto::as_bytes(stored.id), each.sealed, each.point);
                if (!pair)
                    throw kv::open_error{"the master key of application " + stored.id + " does not open"};
                master_keys.push_back(
                    {std::make_shared<const crypto::p256_private_key>(*std::move(pair)), each.created_at});
            }
            std::optional<crypto::secret_bytes> provider_secret;
            if (!stored.sealed_provider_secret.empty()) {
                provider_secret = sealer_.open(stored.sealed_provider_secret, provider_secret_place(stored.id));
                if (!provider_secret)
                    throw kv::open_error{"the provider's secret of application " + stored.id + " does not open"};
            }
            std::vector<application_version> its_versions;
            for (known& each : versions[stored.id]) {
                each.version.master_point = each.master_key.value_or(master_keys.front().pair->point());
                const auto own = std::ranges::find_if(
                    master_keys, [&](const master_key& key) { return key.pair->point() == each.version.master_point; });
                each.version.master_key = own == master_keys.end() ? master_keys[stored.signing].pair : own->pair;
                its_versions.push_back(std::move(each.version));
            }
            std::ranges::stable_sort(its_versions, {}, &application_version::created_at);
            auto made = std::make_shared<const application>(
                application{stored.id, std::move(master_keys), stored.signing, std::move(its_versions),
                            stored.created_at, stored.settings, std::move(provider_secret)});
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
        read_tokens(txn, before, *out);
        return std::shared_ptr<const content>{std::move(out)};
    });
}

std::shared_ptr<const application> directory::find_application(std::string_view id) const
{
    const auto& now = current();
    const auto found = now.applications.find(id);
    return found == now.applications.end() ? nullptr : found->second;
}

directory::known_version directory::find_version(std::string_view application_key) const
{
    const auto& now = current();
    const auto found = now.versions.find(application_key);
    return found == now.versions.end() ? known_version{} : found->second;
}

std::vector<std::shared_ptr<const application>> directory::all_applications() const
{
    std::vector<std::shared_ptr<const application>> out;
    for (const auto& [id, found] : current().applications)
        out.push_back(found);
    return out;
}

std::shared_ptr<const account> directory::find_account(std::string_view username) const
{
    const auto& now = current();
    const auto found = now.accounts.find(username);
    return found == now.accounts.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const account>> directory::all_accounts() const
{
    std::vector<std::shared_ptr<const account>> out;
    for (const auto& [username, found] : current().accounts)
        out.push_back(found);
    return out;
}

std::shared_ptr<const account> directory::find_token_owner(std::string_view token, time_ms now) const
{
    if (!is_account_token(token))
        return nullptr;
    const auto& known = current().tokens;
    const auto found = known.find(account_token_digest(token, token_key_));
    if (found == known.end() || found->second.record.is_over(now) || !found->second.owner->enabled)
        return nullptr;
    const time_ms step = now - now % token_use_told_ms;
    if (found->second.use->at.load(std::memory_order_relaxed) < step)
        found->second.use->at.store(step, std::memory_order_relaxed);
    return found->second.owner;
}

std::vector<account_token> directory::tokens_of(std::string_view username) const
{
    std::vector<account_token> out;
    for (const auto& [digest, each] : current().tokens) {
        if (each.owner->username != username)
            continue;
        out.push_back(each.record);
        out.back().last_used_at = each.use->at.load(std::memory_order_relaxed);
    }
    std::ranges::sort(out, {}, &account_token::name);
    return out;
}

std::vector<note_token_uses::use> directory::take_unwritten_uses(std::size_t most) const
{
    std::vector<note_token_uses::use> out;
    for (const auto& [digest, each] : current().tokens) {
        const time_ms at = each.use->at.load(std::memory_order_relaxed);
        if (out.size() >= most || at < each.use->written.load(std::memory_order_relaxed) + token_use_written_ms)
            continue;
        each.use->written.store(at, std::memory_order_relaxed);
        out.push_back({each.owner->username, each.record.name, digest, at});
    }
    return out;
}

} // namespace doorward::registry
