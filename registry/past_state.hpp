#pragma once

#include "registry/store.hpp"

namespace doorward::registry {

/// What a registration was at some time in the past, as its history tells.
struct past_state {
    state now{};
    std::string blocked_reason; // when it was BLOCKED
    std::string name;
    std::optional<flag_set> flags; // empty: nobody knows; they changed later, and it is older than events
    std::uint64_t version = 0;     // of its last change until then
    time_ms changed_at = 0;        // when that was
};

/// Empty when it did not exist then.
///
/// An unfinished registration is REMOVED from the moment on in which its time is over, also where the history says so
/// later: whoever had asked would have been told so.
/// time  linear in its history
[[nodiscard]] std::optional<past_state> find_past_state(const kv::read_txn& txn, registration_number number,
                                                        const registration& record, time_ms at);

} // namespace doorward::registry
