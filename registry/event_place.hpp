#pragma once

#include "crypto/digest.hpp"

#include <cstdint>

namespace doorward::registry {

/// The place of an event in the one order of all events: 1, 2, 3, ... without gaps. 0 is before the first.
using event_sequence = std::uint64_t;

/// An event, and by its digest everything before it.
struct event_place {
    event_sequence sequence = 0;
    crypto::digest32 digest{}; // zeros before the first event

    bool operator==(const event_place&) const = default;
};

} // namespace doorward::registry
