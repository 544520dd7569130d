#pragma once

#include "registry/events.hpp"

#include <span>

namespace doorward::registry {

/// Where the chain of events first is not what it was when it was written.
struct chain_fault {
    event_sequence sequence = 0;
    std::string what; // for people
};

struct chain_report {
    event_place sound;                 // the last event before the fault; of a chain without one, the last event
    std::uint64_t unknown_history = 0; // rows of history from before there were events: nothing proves them
    std::optional<chain_fault> fault;
};

/// Reads everything that is about events and compares:
///
///  - the events: that there is one for each number, and that each has the digest that follows from it and the one
///    before; so any byte of any of them that was changed is found, and which one it was
///  - the end of the chain, as the store remembers it, with the last event
///  - rows of history with the events they belong to, in both directions; but for what identifies people, which is in
///    no event and may be erased
///  - the index with the events, in both directions
///  - `known`, places that were true once (checkpoints), with the events there: without them somebody who can write
///    the store could write all of it anew
///
/// time  linear in the events; a snapshot is open all along, so not beside a server that is written to
[[nodiscard]] chain_report verify_chain(const kv::read_txn& txn, std::span<const event_place> known = {});

} // namespace doorward::registry
