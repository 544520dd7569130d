#pragma once

#include "registry/lockout_policy.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace doorward::registry {

/// Notices when far more registrations are blocked than usual, which is hardly because so many people forgot their PIN
/// on one morning: a version of the app is broken, or somebody is at it. It is open then: failures that would block are
/// not counted, and their registrations are throttled instead (attempt_slot::hold), until it closes again
/// (REGISTRATION-API.md 8.4).
///
/// One for each version of an application, because it is a version that is broken; for attempts that business systems
/// report, which name no version, one for the application. Remembers nothing over a restart.
///
/// threads  any. Asking whether it is open takes no lock while none is
class lockout_breaker {
public:
    /// Is the breaker of this version open? `version` is its key; empty: reported attempts.
    [[nodiscard]] bool is_open(std::string_view application, std::string_view version, time_ms now) const;

    struct opening {
        unsigned lockouts = 0; // in the window so far
        double usual = 0;      // lockouts in such a window, lately
        time_ms until = 0;
    };

    /// A failure of this version was held because its breaker is open.
    void note_held(std::string_view application, std::string_view version);

    /// That a breaker opened, or let go again: one of each for each time, in this order.
    struct notice {
        bool opened = false;
        std::string application;
        std::string version;
        opening what;
        std::uint64_t held = 0; // when it let go: failures that were not counted meanwhile
        time_ms at = 0;
    };
    /// What happened since the last call, oldest first; whoever takes it tells of it. No lock while there never was an
    /// open one. Beyond breaker_notices_max the oldest are dropped.
    [[nodiscard]] std::vector<notice> take_notices(time_ms now);
    /// They could not be told; they come with the next ones.
    void give_back(std::vector<notice> untold);

    /// A registration was blocked by its failures. Returns what opened when that was one too many.
    [[nodiscard]] std::optional<opening> count(std::string_view application, std::string_view version,
                                               const breaker_settings& by, time_ms now);

    /// Those of an application that are open, by version.
    [[nodiscard]] std::map<std::string, opening> all_open(std::string_view application, time_ms now) const;

private:
    struct meter {
        time_ms window_begins = 0;
        unsigned lockouts = 0; // in the present window
        double usual = 0;
        opening open;           // until is over: it is not; 0: and that was told
        std::uint64_t held = 0; // while it is open
    };
    using key = std::pair<std::string, std::string>; // application, version

    // Of the whole object, with the mutex held: a breaker lets go.
    void let_go(const key& whose, meter& it);
    void add(notice what);

    // Lets windows pass that are over.
    static void follow(meter& it, const breaker_settings& by, time_ms now) noexcept;

    mutable std::mutex mutex_;
    std::map<key, meter> meters_;          // guarded by mutex_; one for each version, and each application
    std::deque<notice> notices_;           // guarded by mutex_
    std::atomic<time_ms> latest_until_{0}; // after it none is open
};

} // namespace doorward::registry
