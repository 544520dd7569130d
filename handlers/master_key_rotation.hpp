#pragma once

#include "handlers/services.hpp"
#include "registry/master_key.hpp"

#include <chrono>

namespace doorward::handlers {

inline constexpr std::size_t rotation_rows = 64; // sealed anew in one change: about a millisecond of the writer
inline constexpr int rotation_share = 4;         // one part in so many of the time
inline constexpr std::chrono::milliseconds rotation_rest{1000}; // when there is nothing to do, or no room for it

/// The rotation of the master key (registry/master_key.hpp) in a server at work.
/// threads  one; requests on all others use the keys meanwhile
class master_key_rotation {
public:
    /// keys          of the store, which this changes; outlives it
    /// is_under_way  so says the store
    /// settle        for so long after the next key took over, or after something was found that the former one had
    ///               sealed, a request may still bring to the disk what it sealed or read before
    master_key_rotation(crypto::sealer& keys, bool is_under_way, std::chrono::nanoseconds settle)
        : keys_{keys}, settle_{settle}, is_under_way_{is_under_way}
    {}

    [[nodiscard]] bool is_under_way() const noexcept { return is_under_way_; }

    /// Everything is sealed with another key from now on. One that the store has already changes nothing.
    ///
    /// errors  as begin_rotation; storage_full and the like
    task<kv::error_code> begin(services& svc, crypto::secret<32> next);

    /// Does a step of the one that is under way; none while the journal fills: attempts come first.
    ///
    /// ended    what became of it, at its last step
    /// returns  how long to wait before the next step
    task<std::chrono::nanoseconds> step(services& svc, std::optional<registry::rotation>& ended);

private:
    crypto::sealer& keys_;
    const std::chrono::nanoseconds settle_;
    bool is_under_way_;
    // By the time of this process; what was under way in one before is gone.
    std::optional<std::chrono::steady_clock::time_point> found_at_; // something of the former key, or the beginning
    std::optional<std::chrono::steady_clock::time_point> walk_began_at_;
};

} // namespace doorward::handlers
