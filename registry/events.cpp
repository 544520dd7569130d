#include "registry/events.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <limits>

namespace doorward::registry {
namespace {

using crypto::bytes_view;

constexpr std::size_t digest_bytes = sizeof(crypto::digest32);

// What the first byte of a row of the index says.
enum class index_kind : std::uint8_t { registration = 1, application = 2, user = 3, account = 4 };

kv::key prefix_of(index_kind kind)
{
    return kv::key{}.small(static_cast<std::uint8_t>(kind));
}
kv::key text_prefix(index_kind kind, std::string_view value)
{
    return prefix_of(kind).text(value);
}

// Who it is about, and who did it: told by the registration and its history, so that it can be forgotten there.
void add_people(const kv::read_txn& txn, event& to)
{
    auto* const change = std::get_if<registration_event>(&to.what);
    if (change == nullptr)
        return;
    if (auto user_id = find_user_id(txn, change->number))
        to.user_id = *std::move(user_id);
    const auto row = txn.get(tables::history, history_key(change->number, change->version));
    if (!row)
        return;
    auto told = decode<history_row>(*row);
    to.who.external_user_id = std::move(told.who.external_user_id);
    if (change->name)
        change->name = std::move(told.name);
}

stored_event to_bare_event(event_sequence sequence, bytes_view value)
{
    const auto parts = split_event_row(value);
    return {{sequence, parts.digest}, decode<event>(parts.record)};
}

stored_event to_event(const kv::read_txn& txn, event_sequence sequence, bytes_view value)
{
    stored_event out = to_bare_event(sequence, value);
    add_people(txn, out.what);
    return out;
}

bool starts_with(bytes_view key, bytes_view prefix)
{
    return key.size() == prefix.size() + 8 && std::ranges::equal(key.first(prefix.size()), prefix);
}

} // namespace

crypto::digest32 chain_digest(const crypto::digest32& before, event_sequence sequence, bytes_view record)
{
    crypto::bytes all;
    all.reserve(before.size() + sizeof sequence + record.size());
    crypto::append(all, before);
    crypto::append(all, crypto::big_endian(sequence));
    crypto::append(all, record);
    return crypto::blake2b<digest_bytes>(all);
}

event_row_parts split_event_row(bytes_view value)
{
    if (value.size() <= digest_bytes)
        throw record_fault{"an event that is too short"};
    const auto size = value.size() - digest_bytes;
    return {value.first(size), crypto::take<digest_bytes>(value.subspan(size))};
}

std::vector<kv::key> index_keys(event_sequence sequence, const event& what)
{
    std::vector<kv::key> out;
    const auto add = [&](kv::key prefix) { out.push_back(prefix.number_descending(sequence)); };
    if (const auto* change = what.of_registration())
        add(prefix_of(index_kind::registration).number(change->number));
    if (!what.application_id.empty())
        add(text_prefix(index_kind::application, what.application_id));
    if (!what.user_id.empty())
        add(text_prefix(index_kind::user, what.user_id));
    if (!what.who.account.empty())
        add(text_prefix(index_kind::account, what.who.account));
    const auto* done = what.of_administration();
    if (done != nullptr && done->about == event_subject::account && done->subject != what.who.account)
        add(text_prefix(index_kind::account, done->subject));
    return out;
}

event_place append_event(kv::write_txn& txn, const event& what)
{
    [[maybe_unused]] const auto* done = what.of_administration();
    assert(done == nullptr ||
           (done->about != event_subject::registration && done->action.size() <= event_action_bytes_max &&
            done->detail.size() <= event_detail_bytes_max));
    const event_place before = last_event(txn);
    crypto::bytes row = encode(what);
    const event_sequence sequence = before.sequence + 1;
    const event_place place{sequence, chain_digest(before.digest, sequence, row)};
    crypto::append(row, place.digest);
    txn.append(tables::events, event_key(sequence), row);
    for (const kv::key& key : index_keys(sequence, what))
        txn.put(tables::event_index, key, {});
    crypto::bytes end;
    crypto::append(end, crypto::big_endian(sequence));
    crypto::append(end, place.digest);
    txn.put(tables::meta, crypto::as_bytes(meta_key::last_event), end);
    return place;
}

void rename_user_in_events(kv::write_txn& txn, registration_number number, std::string_view from, std::string_view to)
{
    std::vector<event_sequence> sequences;
    txn.scan_prefix(tables::event_index, prefix_of(index_kind::registration).number(number),
                    [&](bytes_view key, bytes_view) {
                        sequences.push_back(kv::from_descending(key.last(8)));
                        return true;
                    });
    for (const event_sequence each : sequences) {
        txn.erase(tables::event_index, text_prefix(index_kind::user, from).number_descending(each));
        txn.put(tables::event_index, text_prefix(index_kind::user, to).number_descending(each), {});
    }
}

event_place last_event(const kv::read_txn& txn)
{
    const auto found = txn.get(tables::meta, crypto::as_bytes(meta_key::last_event));
    if (!found)
        return {};
    if (found->size() != 8 + digest_bytes)
        throw record_fault{"an end of the events that is not one"};
    return {crypto::from_big_endian<event_sequence>(*found), crypto::take<digest_bytes>(found->subspan(8))};
}

std::optional<stored_event> find_event(const kv::read_txn& txn, event_sequence sequence)
{
    const auto found = txn.get(tables::events, event_key(sequence));
    return found ? std::optional{to_event(txn, sequence, *found)} : std::nullopt;
}

void scan_events(const kv::read_txn& txn, event_sequence after, const std::function<bool(const stored_event&)>& visit)
{
    if (after == std::numeric_limits<event_sequence>::max())
        return;
    txn.scan(tables::events, event_key(after + 1),
             [&](bytes_view key, bytes_view value) { return visit(to_event(txn, kv::from_number(key), value)); });
}

void scan_bare_events(const kv::read_txn& txn, event_sequence after,
                      const std::function<bool(const stored_event&)>& visit)
{
    if (after == std::numeric_limits<event_sequence>::max())
        return;
    txn.scan(tables::events, event_key(after + 1),
             [&](bytes_view key, bytes_view value) { return visit(to_bare_event(kv::from_number(key), value)); });
}

event_filter event_filter::of_registration(registration_number number)
{
    event_filter out;
    out.prefix_ = prefix_of(index_kind::registration).number(number);
    return out;
}

event_filter event_filter::of_application(std::string_view id)
{
    event_filter out;
    out.prefix_ = text_prefix(index_kind::application, id);
    return out;
}

event_filter event_filter::of_user(std::string_view id)
{
    event_filter out;
    out.prefix_ = text_prefix(index_kind::user, id);
    return out;
}

event_filter event_filter::of_account(std::string_view name)
{
    event_filter out;
    out.prefix_ = text_prefix(index_kind::account, name);
    return out;
}

void scan_events_back(const kv::read_txn& txn, const event_filter& which, event_sequence before,
                      const std::function<bool(const stored_event&)>& visit)
{
    const event_sequence newest = before == 0 ? std::numeric_limits<event_sequence>::max() : before - 1;
    if (!which.prefix()) {
        // Dense, so the one before has the number before.
        for (auto sequence = std::min(newest, last_event(txn).sequence); sequence > 0; --sequence) {
            const auto found = find_event(txn, sequence);
            if (!found || !visit(*found))
                return;
        }
        return;
    }
    const bytes_view prefix = *which.prefix();
    txn.scan(tables::event_index, kv::key{*which.prefix()}.number_descending(newest), [&](bytes_view key, bytes_view) {
        if (!starts_with(key, prefix))
            return false;
        const auto found = find_event(txn, kv::from_descending(key.last(8)));
        return !found || visit(*found);
    });
}

event_sequence first_event_since(const kv::read_txn& txn, time_ms at)
{
    event_sequence low = 1;
    event_sequence high = last_event(txn).sequence + 1;
    while (low < high) {
        const event_sequence middle = low + (high - low) / 2;
        const auto found = find_event(txn, middle);
        if (found && found->what.at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

} // namespace doorward::registry
