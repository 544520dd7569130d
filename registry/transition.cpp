#include "registry/transition.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

void put_counters(kv::write_txn& txn, const transition& change)
{
    const registration_number number = change.slot->owner.number;
    auto stored = find_counters(txn, number);
    assert(stored); // written when the registration was created, never erased

    if (change.verdict != transition::attempt::none)
        stored->last_used_at = std::max(stored->last_used_at, change.at);
    if (change.verdict == transition::attempt::refused)
        stored->last_failed_at = std::max(stored->last_failed_at, change.at);
    if (stored->word.version() < change.after.version()) {
        assert(stored->word.current() != state::removed); // invariant 5, at the place where records are written
        stored->word = change.after;
        stored->counter = change.counter;
        stored->refused = change.refused;
    }
    txn.put(tables::counters, number_key(number), encode(*stored));
}

// Rows of later changes that reached the writer before the key exchange told the phone's name.
void name_later_rows(kv::write_txn& txn, registration_number number, std::uint64_t version, const std::string& name)
{
    std::vector<history_row> later;
    scan_history(txn, number, 0, [&](const history_row& row) {
        if (row.version > version)
            later.push_back(row);
        return row.version > version;
    });
    for (history_row& row : later) {
        row.name = name;
        txn.put(tables::history, history_key(number, row.version), encode(row));
    }
}

void put_state_change(kv::write_txn& txn, const transition& change)
{
    const registration_number number = change.slot->owner.number;
    auto record = find_registration(txn, number);
    assert(record);

    const state before = change.before.current();
    const state after = change.after.current();
    if (change.bound) {
        record->device_key = change.bound->device_key;
        record->server_key = change.bound->server_key;
        if (!change.bound->name.empty()) {
            record->name = change.bound->name;
            name_later_rows(txn, number, change.after.version(), record->name);
        }
        record->platform = change.bound->platform;
        record->device_info = change.bound->device_info;
        record->extras = change.bound->extras;
        record->accepts_decimal = change.bound->accepts_decimal;
        txn.put(tables::keys, number_key(number), encode(change.bound->keys));
    }
    if (before == state::created && after != state::created) {
        txn.erase(tables::by_code, code_key(record->application_id, record->activation_code));
        record->activation_code.clear(); // single use
    }
    const auto unfinished = [](state s) { return s == state::created || s == state::pending_commit; };
    if (unfinished(before) && !unfinished(after)) {
        txn.erase(tables::due, due_key(record->expires_at, due_kind::registration, crypto::big_endian(number)));
        record->otp_hash.clear();
    }
    if (record->status_version < change.after.version()) {
        record->status_version = change.after.version();
        record->blocked_reason = after == state::blocked ? change.reason : std::string{};
    }
    record->changed_at = std::max(record->changed_at, change.at);

    history_row row;
    row.version = change.after.version();
    row.by = *change.by;
    row.previous = before;
    row.now = after;
    row.reason = change.reason;
    row.who = change.who;
    row.name = record->name;
    row.at = change.at;
    txn.put(tables::history, history_key(number, row.version), encode(row));
    txn.put(tables::registrations, number_key(number), encode(*record));
}

} // namespace

kv::error_code transition::operator()(kv::write_txn& txn) const
{
    put_counters(txn, *this);
    if (by)
        put_state_change(txn, *this);
    if (ends_decimal) {
        auto record = find_registration(txn, slot->owner.number);
        assert(record);
        record->accepts_decimal = false;
        txn.put(tables::registrations, number_key(slot->owner.number), encode(*record));
    }
    return {};
}

} // namespace doorward::registry
