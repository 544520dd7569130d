#pragma once

#include "registry/ids.hpp"

namespace doorward::registry {

/// A rotation of the master key (registry/master_key.hpp) that is under way, or the last one.
struct rotation {
    crypto::byte number = 0; // of the next master key
    time_ms began_at = 0;
    time_ms ended_at = 0;              // 0: it is under way
    crypto::bytes former_check;        // the known text, sealed with the key before; empty when it has ended
    std::uint8_t table = 0;            // where the walk goes on: position of a table
    crypto::bytes key;                 // and its first row that was not looked at yet
    std::uint32_t walks = 0;           // that have come to their end
    std::uint64_t sealed_anew = 0;     // values, in all walks
    std::uint64_t walk_began_with = 0; // what `sealed_anew` was then
    std::uint64_t unreadable = 0;      // in this walk, or the last one: values that neither key opens, and damaged rows

    [[nodiscard]] bool is_under_way() const noexcept { return ended_at == 0; }

    bool operator==(const rotation&) const = default;
};

} // namespace doorward::registry
