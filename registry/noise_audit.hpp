#pragma once

#include "registry/ids.hpp"
#include "registry/limits.hpp"
#include "registry/source_address.hpp"

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace doorward::registry {

/// Noise on one registration since the last summary: what is kept of attempts that are not written down one by one.
struct noise_summary {
    registration_number number = 0; // 0: proofs that name no registration, and what found no room of its own
    std::uint32_t count = 0;        // stays at the greatest number
    time_ms first = 0;
    time_ms last = 0;
    source_address source; // of the last one

    bool operator==(const noise_summary&) const = default;
};

/// Counts noise by registration until somebody takes the counts to write them down.
///
/// At most noise_registrations_max registrations have a count of their own; the noise of more of them is counted
/// together, under number 0. Counts are in memory only. threads  any
class noise_audit {
public:
    noise_audit() = default;

    /// number  of the registration that the proof names; 0 when there is none
    void count(registration_number number, const source_address& from, time_ms now);

    /// Hands over up to `most` counts and forgets them; what is left comes first next time. Of a registration's noise
    /// each attempt is handed over once. In no order, but number 0 leads when it is among them.
    [[nodiscard]] std::vector<noise_summary> take_summaries(std::size_t most = noise_registrations_max + 1);

private:
    static constexpr std::size_t parts = 64;
    static constexpr std::size_t part_registrations_max = noise_registrations_max / parts;

    struct alignas(64) part {
        std::mutex mutex;
        std::unordered_map<registration_number, noise_summary> counts; // guarded by mutex
    };
    part parts_[parts];

    std::mutex others_mutex_;            // never taken together with another
    noise_summary others_;               // guarded by others_mutex_
    std::atomic<unsigned> next_part_{0}; // where the next taking begins
};

} // namespace doorward::registry
