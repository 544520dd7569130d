#include "registry/webhook_changes.hpp"
#include "registry/limits.hpp"

namespace doorward::registry {
namespace {

constexpr time_ms expire_later_ms = 3600 * 1000;

void tell_of_webhook(kv::write_txn& txn, const webhook& what, const actor& who, std::string action, time_ms at)
{
    append_event(txn,
                 {at,
                  what.application_id,
                  {},
                  who,
                  administration_event{event_subject::webhook, what.id.text(), std::move(action), what.settings.name}});
}

void put_webhook(kv::write_txn& txn, const webhook& record)
{
    txn.put(tables::webhooks, webhook_key(record.application_id, record.id), encode(record));
}

void put_delivery(kv::write_txn& txn, const uuid& id, event_sequence sequence, const delivery& record)
{
    txn.put(tables::deliveries, delivery_key(id, sequence), encode(record));
}

kv::key delivery_due_key(time_ms at, const uuid& id, event_sequence sequence)
{
    return due_key(at, due_kind::delivery, delivery_key(id, sequence));
}

// What it has not finished is erased; the rest follows in its time.
void erase_webhook(kv::write_txn& txn, std::string_view application_id, const uuid& id)
{
    const event_sequence cursor = find_webhook_cursor(txn, id);
    auto unfinished = find_redeliveries(txn, id);
    for (const event_sequence each : unfinished)
        txn.erase(tables::redeliveries, redelivery_key(id, each));
    scan_deliveries(txn, id, 0, [&](event_sequence sequence, const delivery&) {
        if (sequence > cursor)
            unfinished.push_back(sequence);
        return sequence > cursor;
    });
    for (const event_sequence each : unfinished)
        txn.erase(tables::deliveries, delivery_key(id, each));
    txn.erase(tables::webhook_cursors, id.view());
    txn.erase(tables::webhooks, webhook_key(application_id, id));
}

std::vector<uuid> webhooks_of(const kv::read_txn& txn, std::string_view application_id)
{
    std::vector<uuid> out;
    scan_webhooks(txn, application_id, [&](const webhook& each) {
        out.push_back(each.id);
        return true;
    });
    return out;
}

} // namespace

kv::error_code create_webhook::operator()(kv::write_txn& txn) const
{
    if (!txn.get(tables::applications, crypto::as_bytes(record.application_id)))
        return errc::unknown_application;
    if (webhooks_of(txn, record.application_id).size() >= webhooks_of_application_max ||
        txn.row_count(tables::webhooks) >= webhooks_max)
        return errc::too_many_webhooks;
    put_webhook(txn, record);
    tell_of_webhook(txn, record, who, "CREATE_WEBHOOK", record.created_at);
    txn.put(tables::webhook_cursors, record.id.view(), crypto::big_endian(last_event(txn).sequence));
    return {};
}

kv::error_code change_webhook::operator()(kv::write_txn& txn) const
{
    const auto found = find_webhook(txn, before.application_id, before.id);
    if (!found)
        return errc::webhook_not_found;
    if (*found != before)
        return errc::changed_meanwhile;
    put_webhook(txn, after);
    tell_of_webhook(txn, after, who, action, after.changed_at);
    return {};
}

kv::error_code remove_webhook::operator()(kv::write_txn& txn) const
{
    const auto found = find_webhook(txn, application_id, id);
    if (!found)
        return errc::webhook_not_found;
    erase_webhook(txn, application_id, id);
    tell_of_webhook(txn, *found, who, "REMOVE_WEBHOOK", at);
    return {};
}

void erase_webhooks(kv::write_txn& txn, std::string_view application_id)
{
    for (const uuid& each : webhooks_of(txn, application_id))
        erase_webhook(txn, application_id, each);
}

kv::error_code record_deliveries::operator()(kv::write_txn& txn) const
{
    if (!txn.get(tables::webhooks, webhook_key(application_id, id)))
        return {};
    for (const outcome& each : outcomes) {
        put_delivery(txn, id, each.sequence, each.record);
        if (each.record.now == delivery_state::pending)
            continue;
        txn.put(tables::due, delivery_due_key(each.record.expires_at, id, each.sequence), {});
        if (each.record.again)
            txn.erase(tables::redeliveries, redelivery_key(id, each.sequence));
    }
    if (cursor > find_webhook_cursor(txn, id))
        txn.put(tables::webhook_cursors, id.view(), crypto::big_endian(cursor));
    return {};
}

kv::error_code redeliver::operator()(kv::write_txn& txn)
{
    const auto owner = find_webhook(txn, application_id, id);
    if (!owner)
        return errc::webhook_not_found;
    auto found = find_delivery(txn, id, sequence);
    if (!found)
        return errc::delivery_not_found;
    result = *found;
    if (found->now == delivery_state::pending)
        return {};
    if (find_redeliveries(txn, id).size() >= webhook_again_max)
        return errc::too_many_redeliveries;
    txn.erase(tables::due, delivery_due_key(found->expires_at, id, sequence));
    result = delivery{};
    result.again = true;
    result.next_at = now;
    put_delivery(txn, id, sequence, result);
    txn.put(tables::redeliveries, redelivery_key(id, sequence), {});
    append_event(txn, {now,
                       application_id,
                       {},
                       who,
                       administration_event{event_subject::webhook, id.text(), "REDELIVER",
                                            "event " + std::to_string(sequence)}});
    return {};
}

void expire_delivery(kv::write_txn& txn, time_ms due_at, crypto::bytes_view key)
{
    const uuid id{crypto::take<16>(key)};
    const event_sequence sequence = kv::from_descending(key.last(8));
    auto found = find_delivery(txn, id, sequence);
    if (!found || found->now == delivery_state::pending || found->expires_at > due_at)
        return;
    // Below the cursor nobody looks any more. What is above it says that it need not be sent after a restart.
    const bool is_removed = !txn.get(tables::webhook_cursors, id.view());
    if (is_removed || sequence <= find_webhook_cursor(txn, id)) {
        txn.erase(tables::deliveries, key);
        return;
    }
    found->expires_at = due_at + expire_later_ms;
    put_delivery(txn, id, sequence, *found);
    txn.put(tables::due, delivery_due_key(found->expires_at, id, sequence), {});
}

} // namespace doorward::registry
