#include "registry/webhook_events.hpp"

namespace doorward::registry {
namespace {

constexpr std::size_t overtaken_rows_max = 64; // rows of a history looked at for one event

// Events of earlier versions that come later in the feed.
void add_overtaken(const kv::read_txn& txn, const uuid& webhook_id, const delivery_queue::item& by, webhook_events& out)
{
    std::size_t looked_at = 0;
    scan_history(txn, by.number, by.version, [&](const history_row& row) {
        if (++looked_at > overtaken_rows_max || !row.event)
            return false;
        if (!is_told_by_webhooks(row.by))
            return true;
        const event_sequence sequence = row.event->sequence;
        if (sequence < by.sequence)
            return false;
        out.items.push_back({sequence, by.number, row.version, row.at, find_delivery(txn, webhook_id, sequence)});
        return true;
    });
}

} // namespace

webhook_events find_webhook_events(const kv::read_txn& txn, std::string_view application_id, const uuid& webhook_id,
                                   event_sequence after, std::size_t most)
{
    webhook_events out;
    out.looked_at = after;
    if (most == 0)
        return out;
    txn.scan(tables::events, event_key(after + 1), [&](crypto::bytes_view key, crypto::bytes_view value) {
        out.looked_at = kv::from_number(key);
        const auto told = decode<event>(split_event_row(value).record);
        const auto* const change = told.of_registration();
        if (change != nullptr && told.application_id == application_id && is_told_by_webhooks(change->by)) {
            const delivery_queue::item found{out.looked_at, change->number, change->version, told.at,
                                             find_delivery(txn, webhook_id, out.looked_at)};
            out.items.push_back(found);
            add_overtaken(txn, webhook_id, found, out);
        }
        return out.looked_at - after < most;
    });
    return out;
}

} // namespace doorward::registry
