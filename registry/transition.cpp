#include "registry/transition.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

void put_counters(kv::write_txn& txn, registration_number number, const counters& fresh)
{
    auto stored = find_counters(txn, number);
    assert(stored); // written when the registration was created, never erased
    // Invariant 5, at the place where records are written.
    assert(stored->word.current() != state::removed || stored->word.version() >= fresh.word.version());
    merge(*stored, fresh);
    txn.put(tables::counters, number_key(number), encode(*stored));
}

row_sequence append_row(kv::write_txn& txn, journal& to, const transition& change)
{
    attempt_slot& slot = *change.slot;
    attempt_row row;
    row.number = slot.owner.number;
    if (change.changes_word()) {
        row.word = change.after;
        row.counter = change.counter;
    }
    row.previous = slot.last_row();
    row.at = change.at;
    row.what = *change.details;
    const row_sequence place = to.append(txn, row);
    slot.row_appended(place);
    if (row.what.report)
        txn.put(tables::reports, report_key(row.number, row.what.report->attempt_id), row_key(place));
    return place;
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
    if (is_unfinished(before) && !is_unfinished(after)) {
        txn.erase(tables::due, due_key(record->expires_at, due_kind::registration, crypto::big_endian(number)));
        record->otp_hash.clear();
    }
    if (is_unfinished(before) && after == state::removed && record->origin) {
        // It never started, so nothing comes from its parent by it.
        const auto parent = find_number(txn, record->origin->parent);
        assert(parent);
        txn.erase(tables::children, child_key(*parent, number));
    }
    // What leaves the state alone says nothing about why it is as it is.
    if (before != after && record->status_version < change.after.version()) {
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

counters transition::result() const
{
    counters out;
    if (changes_word()) { // otherwise the word may be somebody else's, and not on disk yet
        out.word = after;
        out.counter = counter;
        out.refused = refused;
    }
    if (verdict != attempt::none)
        out.last_used_at = at;
    if (verdict == attempt::refused)
        out.last_failed_at = at;
    out.last_row = row_;
    return out;
}

bool transition::must_wait(const std::vector<transition>& together) const noexcept
{
    return changes_word() && slot->is_ahead_of_start(after.version()) &&
           std::ranges::none_of(together, [this](const transition& other) {
               return other.slot == slot && other.after.version() == slot->start_pending();
           });
}

void transition::apply(kv::write_txn& txn, journal& to)
{
    if (is_start())
        slot->start_applied();
    if (details)
        row_ = append_row(txn, to, *this);
    if (is_row_alone())
        return;
    put_counters(txn, slot->owner.number, result());
    if (by)
        put_state_change(txn, *this);
    if (ends_decimal) {
        auto record = find_registration(txn, slot->owner.number);
        assert(record);
        record->accepts_decimal = false;
        txn.put(tables::registrations, number_key(slot->owner.number), encode(*record));
    }
}

void transition::durable(journal& to) const noexcept
{
    if (row_ != 0) {
        slot->row_settled(row_);
        if (is_row_alone())
            to.settled(slot->owner.number, result());
        else
            to.settled(row_);
    }
    if (is_start())
        slot->start_durable();
    // Last: whoever waits for this version reads the counters next.
    if (changes_word())
        slot->mark_durable(after.version());
}

void transition::undone() const noexcept
{
    if (is_start())
        slot->start_undone();
    slot->row_undone();
}

} // namespace doorward::registry
