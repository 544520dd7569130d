#pragma once

#include "registry/delivery_queue.hpp"
#include "registry/events.hpp"

namespace doorward::registry {

/// What of the feed is for one webhook.
struct webhook_events {
    std::vector<delivery_queue::item> items;
    event_sequence looked_at = 0; // the last event

    webhook_events() = default; // threads that read want one
};

/// Looks at up to `most` events behind `after`. Events of one registration that one flush wrote in another order than
/// that of their versions are found together, however far apart they are.
[[nodiscard]] webhook_events find_webhook_events(const kv::read_txn& txn, std::string_view application_id,
                                                 const uuid& webhook_id, event_sequence after, std::size_t most);

} // namespace doorward::registry
