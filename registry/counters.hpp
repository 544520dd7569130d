#pragma once

#include "registry/attempt_word.hpp"
#include "registry/proof.hpp"

#include <algorithm>
#include <optional>

namespace doorward::registry {

/// A place in the chain of counter values: CTR_DATA and its index.
struct counter_place {
    std::uint64_t position = 0;
    ctr_data data{};

    /// The place `steps` further on; hashes that many times.
    [[nodiscard]] counter_place forward(std::uint64_t steps) const noexcept
    {
        counter_place out{position + steps, data};
        for (; steps > 0; --steps)
            out.data = next_counter(out.data);
        return out;
    }

    bool operator==(const counter_place&) const = default;
};

/// The place that belongs to a word, from one that belonged to it or to an earlier one: the word keeps 16 bits of the
/// position, the base tells the rest. Empty when the base is ahead, that is when the word is outdated.
[[nodiscard]] inline std::optional<counter_place> place_of(attempt_word word, const counter_place& base) noexcept
{
    const auto steps = static_cast<std::uint16_t>(word.position() - static_cast<std::uint16_t>(base.position));
    if (steps >= 0x8000)
        return std::nullopt;
    return base.forward(steps);
}

/// Short digest of a refused proof, keyed per store, so that a retry by the phone's HTTP stack is recognised.
using proof_digest = std::uint64_t;

/// Where a row of the journal stands: its key, growing with every row of the store.
using row_sequence = std::uint64_t;

/// One counted failure; 16 bytes, because slots keep those of many registrations in memory.
class failure {
public:
    constexpr failure() = default;
    /// digest    of the refused proof, to recognise it when it comes again; 0: none
    /// at        0: nobody wrote it down
    /// biometry  it was one of biometry, not of knowledge
    constexpr failure(proof_digest digest, time_ms at, bool biometry) noexcept
        : digest_{digest}, time_and_kind_{at * 2 + (biometry ? 1 : 0)}
    {}

    [[nodiscard]] constexpr proof_digest digest() const noexcept { return digest_; }
    [[nodiscard]] constexpr time_ms at() const noexcept { return time_and_kind_ / 2; }
    [[nodiscard]] constexpr bool biometry() const noexcept { return time_and_kind_ % 2 != 0; }

    constexpr bool operator==(const failure&) const = default;

private:
    proof_digest digest_ = 0;
    time_ms time_and_kind_ = 0;
};

/// What has to be remembered of failures until they are forgotten.
struct failures {
    std::vector<failure> list; // oldest first
    std::uint8_t blocks = 0;   // temporary blocks in a row

    bool operator==(const failures&) const = default;
};

/// The fast part of a registration: what attempts change.
struct counters {
    attempt_word word;
    counter_place counter;      // drawn when the registration is created; fits word.position()
    time_ms last_used_at = 0;   // last accepted or counted attempt; 0 is never
    time_ms last_failed_at = 0; // last counted failure; 0 is never
    failures refused;           // since the last reset, as many as the word counts
    row_sequence last_row = 0;  // of the journal: the registration's latest attempt; 0 is none

    bool operator==(const counters&) const = default;
};

/// Adds what `other` knows: of the words the later one, of the times and rows the latest. In any order.
inline void merge(counters& into, const counters& other)
{
    into.last_used_at = std::max(into.last_used_at, other.last_used_at);
    into.last_failed_at = std::max(into.last_failed_at, other.last_failed_at);
    into.last_row = std::max(into.last_row, other.last_row);
    if (into.word.version() < other.word.version()) {
        into.word = other.word;
        into.counter = other.counter;
        into.refused = other.refused;
    }
}

} // namespace doorward::registry
