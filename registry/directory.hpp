#pragma once

#include "registry/changes.hpp"
#include "registry/limits.hpp"
#include "registry/store.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace doorward::registry {

/// Applications, office accounts and their tokens, all of them in memory: few, read by every request, changed rarely.
///
/// Readers see something immutable; reload() replaces it after a change reached the disk. Each thread keeps what it saw
/// last and compares a number to learn that there is something newer, so reading takes no lock; what was replaced is
/// wiped when every thread has looked again or ended.
/// threads  any
class directory {
public:
    /// Reads everything. Throws record_fault, or kv::open_error when a secret does not open.
    directory(const kv::env& store, const crypto::sealer& with);

    /// Reads everything again. Call it after a change of applications, accounts or tokens is durable. From its return
    /// on no thread finds what was there before.
    void reload();

    [[nodiscard]] std::shared_ptr<const application> find_application(std::string_view id) const;

    struct known_version {
        std::shared_ptr<const application> owner;
        const application_version* version = nullptr; // inside *owner
        explicit operator bool() const noexcept { return owner != nullptr; }
    };
    /// By APP_KEY, Base64 text. Unsupported versions are found too.
    [[nodiscard]] known_version find_version(std::string_view application_key) const;

    /// In the order of their ids.
    [[nodiscard]] std::vector<std::shared_ptr<const application>> all_applications() const;

    [[nodiscard]] std::shared_ptr<const account> find_account(std::string_view username) const;
    /// In the order of their names.
    [[nodiscard]] std::vector<std::shared_ptr<const account>> all_accounts() const;

    /// The enabled account that a token stands for, by the text of the token; notes that it was used. The time it takes
    /// tells nothing of other tokens: what is looked for and compared is a keyed digest. Neither a lock nor memory.
    [[nodiscard]] std::shared_ptr<const account> find_token_owner(std::string_view token, time_ms now) const;
    /// In the order of their names, with the time of their last use as it is in memory.
    [[nodiscard]] std::vector<account_token> tokens_of(std::string_view username) const;
    /// Uses that the store is behind of by token_use_written_ms, at most `most`; they are taken as written from then
    /// on.
    [[nodiscard]] std::vector<note_token_uses::use> take_unwritten_uses(std::size_t most) const;

private:
    using token_digest = crypto::byte_array<32>;
    // Outlives reloads.
    struct token_use {
        std::atomic<time_ms> at;      // in steps of token_use_told_ms, so that it is rarely written
        std::atomic<time_ms> written; // in the store
    };
    struct known_token {
        std::shared_ptr<const account> owner;
        account_token record;
        std::shared_ptr<token_use> use;
    };
    // Digests are keyed, so nobody can choose their beginnings.
    struct digest_hash {
        std::size_t operator()(const token_digest& digest) const noexcept
        {
            return crypto::from_big_endian<std::size_t>(digest);
        }
    };
    struct digest_equal {
        bool operator()(const token_digest& a, const token_digest& b) const noexcept
        {
            return crypto::equal_constant_time(a, b);
        }
    };
    struct content {
        std::map<std::string, std::shared_ptr<const application>, std::less<>> applications;
        std::map<std::string, known_version, std::less<>> versions;
        std::map<std::string, std::shared_ptr<const account>, std::less<>> accounts;
        std::unordered_map<token_digest, known_token, digest_hash, digest_equal> tokens;
    };
    [[nodiscard]] std::shared_ptr<const content> read(const content* before) const;
    void read_tokens(const kv::read_txn& txn, const content* before, content& out) const;
    // What this thread has seen is replaced by the next call on it.
    [[nodiscard]] const content& current() const;

    const kv::env& env_;           // outlives this object
    const crypto::sealer& sealer_; // outlives this object
    const crypto::secret<32> token_key_;
    const std::uint64_t id_; // of this object among all that ever were

    std::mutex reload_mutex_; // one reload at a time, so that an older reading never replaces a newer one
    mutable std::mutex content_mutex_;
    std::shared_ptr<const content> content_; // guarded by content_mutex_
    std::atomic<std::uint64_t> edition_{1};  // of content_; written under content_mutex_
};

/// May a phone with this version of an app speak this version of the protocol? The app's version must be known and
/// supported, and the protocol not below what the application accepts.
[[nodiscard]] inline bool accepts(const directory::known_version& app, protocol_version spoken) noexcept
{
    return app && app.version->supported && accepts(app.owner->settings, spoken);
}

} // namespace doorward::registry
