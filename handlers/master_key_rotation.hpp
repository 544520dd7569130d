#pragma once

#include "handlers/services.hpp"
#include "registry/master_key.hpp"

#include <chrono>

namespace doorward::handlers {

inline constexpr std::size_t rotation_rows = 64; // sealed anew in one change: about a millisecond of the writer
inline constexpr int rotation_share = 4;         // one part in so many of the time
inline constexpr std::chrono::milliseconds rotation_rest{1000}; // when there is nothing to do, or no room for it
inline constexpr std::chrono::milliseconds rotation_pause{100}; // before the next walk
inline constexpr std::chrono::minutes rotation_damage_rest{5};  // before it comes upon damage of the file again

/// The rotation of the master key (registry/master_key.hpp) in a server at work.
/// threads  one; requests on all others use the keys meanwhile
class master_key_rotation {
public:
    /// Have all requests ended that began then or before?
    using requests_ended = std::function<task<bool>(std::chrono::steady_clock::time_point)>;

    /// keys          of the store, which this changes; outlives it
    /// is_under_way  so says the store
    master_key_rotation(crypto::sealer& keys, bool is_under_way, requests_ended have_ended)
        : keys_{keys}, have_ended_{std::move(have_ended)}, is_under_way_{is_under_way}
    {}

    [[nodiscard]] bool is_under_way() const noexcept { return is_under_way_; }
    /// The next step begins a walk, or waits for when it may.
    [[nodiscard]] bool is_between_walks() const noexcept { return is_between_walks_; }

    /// Everything is sealed with another key from now on. One that the store has already changes nothing.
    ///
    /// errors  as begin_rotation; storage_full and the like
    task<kv::error_code> begin(services& svc, crypto::secret<32> next);

    /// Does a step of the one that is under way; none while the journal fills: attempts come first.
    ///
    /// A request may bring to the disk what it read or sealed before, when the walk has passed its place. So a walk
    /// begins when all requests have ended that were under way at the last find, and one that finds nothing is the
    /// last.
    ///
    /// ended    what became of it, at its last step
    /// returns  how long to wait before the next step
    task<std::chrono::nanoseconds> step(services& svc, std::optional<registry::rotation>& ended);

private:
    crypto::sealer& keys_;
    const requests_ended have_ended_;
    bool is_under_way_;
    bool is_between_walks_ = true;
    bool is_first_step_ = true;                                     // of this process
    std::optional<std::chrono::steady_clock::time_point> found_at_; // something of the former key; or the beginning
};

} // namespace doorward::handlers
