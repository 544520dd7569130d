#pragma once

#include "registry/events.hpp"
#include "registry/limits.hpp"
#include "registry/store.hpp"

#include <array>
#include <map>
#include <string>

namespace doorward::registry {

// How many there are of what (REGISTRATION-API.md M6). Nothing is counted when it changes: whoever wants to know walks
// over all of it, a bounded step at a time.

/// Registrations of one application.
struct application_numbers {
    std::array<std::uint64_t, std::size(all_states)> by_state{}; // in the order of all_states
    // Of those that have a phone and are not removed, in lower case. "unknown" where the phone did not say, "other" for
    // what comes after the first statistics_platforms_max.
    std::map<std::string, std::uint64_t> by_platform;
    std::uint64_t monthly_active = 0; // not removed, and used in the last monthly_ms

    void count(const full_registration& what, time_ms now);
    application_numbers& operator+=(const application_numbers& other);

    bool operator==(const application_numbers&) const = default;
};

/// A count of all registrations, on its way.
class census {
public:
    explicit census(time_ms begins) : begins_{begins} {}

    /// Counts some more, at most `rows_max`. Returns how many; fewer than rows_max: that was all.
    std::size_t step(const snapshot& txn, std::size_t rows_max);

    /// The time that it is about. What changes while it goes on is counted as it is or as it was.
    [[nodiscard]] time_ms begins() const noexcept { return begins_; }
    [[nodiscard]] const std::map<std::string, application_numbers>& so_far() const noexcept { return by_application_; }

private:
    time_ms begins_;
    registration_number next_ = 1;
    std::map<std::string, application_numbers> by_application_;
};

/// Registrations that were blocked or removed by their failures, by hour (UTC), as the events tell. Reads each event
/// once.
class lockout_meter {
public:
    /// Reads some more events, at most `rows_max`, of those since `now` less the hours that are told. Returns how many;
    /// fewer than rows_max: that was all.
    std::size_t step(const kv::read_txn& txn, time_ms now, std::size_t rows_max);

    using hours = std::array<std::uint64_t, lockout_hours>; // oldest first; the last is the one that is under way
    [[nodiscard]] std::map<std::string, hours> at(time_ms now) const;

private:
    std::optional<event_sequence> seen_;
    std::map<std::string, std::map<time_ms, std::uint64_t>> by_application_; // hour since 1970 -> count
};

} // namespace doorward::registry
