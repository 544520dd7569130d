#pragma once

#include "crypto/seal.hpp"
#include "crypto/secret.hpp"
#include "registry/console_session_changes.hpp"
#include "registry/directory.hpp"

#include <mutex>
#include <unordered_map>

namespace doorward::handlers {

/// Who is signed in to the console. All sessions are in memory and in the store, so that a restart signs nobody out;
/// neither has their secrets, but keyed digests.
///
/// A session ends when it was not used for session_idle_ms, session_life_ms after it began, when somebody signs out,
/// and when its account is removed, disabled, or gets another password, role or rights (registry::account_stamp).
/// threads  any; a mutex, held for a look into a table
class console_sessions {
public:
    /// Reads what the store has.
    console_sessions(const kv::env& store, const crypto::sealer& with);

    /// Whether asking for something is a sign of life, or the page did it by itself.
    enum class use : bool { noted, unnoticed };

    struct known {
        std::shared_ptr<const registry::account> who;
        registry::time_ms created_at = 0;
        explicit operator bool() const noexcept { return who != nullptr; }
    };
    /// The session with that secret and the account as it is now; empty when there is none, or it is over.
    [[nodiscard]] known find(std::string_view secret, const registry::directory& accounts, registry::time_ms now,
                             use counts);

    struct drawn {
        std::string secret; // 32 random bytes in Base64 of URLs
        registry::open_console_session change;
    };
    /// A new session of an account. It is one when the change has reached the disk and add() was called with it.
    [[nodiscard]] drawn draw(const registry::account& whose, const registry::authorship& by) const;
    void add(const registry::open_console_session& settled);

    /// Ends the session with that secret in memory. The change that ends it in the store; none when there is no such
    /// session.
    [[nodiscard]] std::optional<registry::end_console_sessions> end(std::string_view secret);

    /// Forgets sessions that are over; what erases them from the store. At most session_changes_max at once.
    [[nodiscard]] registry::end_console_sessions take_over(const registry::directory& accounts, registry::time_ms now);
    /// Uses that the store is behind of; they are taken as written.
    [[nodiscard]] registry::note_session_uses take_unwritten_uses();

private:
    struct entry {
        registry::console_session record;
        registry::time_ms written_at = 0; // last_used_at in the store
    };
    struct mark_hash {
        std::size_t operator()(const registry::session_mark& mark) const noexcept
        {
            return crypto::from_big_endian<std::size_t>(mark); // keyed: nobody chooses it
        }
    };
    struct mark_equal {
        bool operator()(const registry::session_mark& a, const registry::session_mark& b) const noexcept
        {
            return crypto::equal_constant_time(a, b);
        }
    };
    [[nodiscard]] registry::session_mark mark_of(std::string_view secret) const;
    // Null when it is over.
    [[nodiscard]] static std::shared_ptr<const registry::account>
    owner(const registry::console_session& of, const registry::directory& accounts, registry::time_ms now);
    [[nodiscard]] std::vector<registry::session_mark> places_for_one(const std::string& username) const;

    const crypto::secret<32> key_;
    mutable std::mutex mutex_;
    std::unordered_map<registry::session_mark, entry, mark_hash, mark_equal> sessions_; // guarded by mutex_
};

} // namespace doorward::handlers
