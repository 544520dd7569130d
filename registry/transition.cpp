#include "registry/transition.hpp"
#include "registry/changes.hpp"
#include "registry/events.hpp"

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

// Rows of later changes that reached the writer before this one, oldest first.
std::vector<history_row> later_rows(const kv::read_txn& txn, registration_number number, std::uint64_t version)
{
    std::vector<history_row> out;
    scan_history(txn, number, 0, [&](const history_row& row) {
        if (row.version <= version)
            return false;
        out.push_back(row);
        return true;
    });
    std::ranges::reverse(out);
    return out;
}

bool says_changed(const history_row& row, std::string_view what)
{
    return std::ranges::find(row.changed, what) != row.changed.end();
}

bool is_renaming(const history_row& row)
{
    return row.by == move::rename || says_changed(row, edited_member::name);
}

// Gives a name from this change on: to the later rows, until one that names it anew, and to the record if there is
// none.
void put_name(kv::write_txn& txn, registration_number number, std::vector<history_row>& later, const std::string& name,
              registration& record)
{
    for (history_row& row : later) {
        if (is_renaming(row))
            return;
        row.name = name;
        txn.put(tables::history, history_key(number, row.version), encode(row));
    }
    record.name = name;
}

// The name before this change, which is what the row before it says, as far as the changes before it have arrived.
std::string name_before(const kv::read_txn& txn, registration_number number, std::uint64_t version)
{
    std::string out;
    scan_history(txn, number, version, [&](const history_row& row) {
        out = row.name;
        return false;
    });
    return out;
}

// Why the registration was blocked when a change that leaves it so was made; as far as the changes before it have
// arrived.
std::string blocked_reason_before(const kv::read_txn& txn, registration_number number, std::uint64_t version)
{
    std::string out;
    scan_history(txn, number, version, [&](const history_row& row) {
        if (is_beside_state(row.by))
            return true;
        out = row.now == state::blocked ? row.reason : std::string{};
        return false;
    });
    return out;
}

// Tells of a change what it says itself. What the changes before it had said is in the events before this one, or in
// those that are still to come when it overtook them.
event_place tell(kv::write_txn& txn, const registration& record, const transition& change, const std::string* name)
{
    registration_event told;
    told.number = change.slot->owner.number;
    told.id = record.id;
    told.version = change.after.version();
    told.by = *change.by;
    told.previous = change.before.current();
    told.now = change.after.current();
    told.reason = change.reason;
    if (told.now == state::blocked)
        told.blocked_reason =
            is_beside_state(told.by) ? blocked_reason_before(txn, told.number, told.version) : change.reason;
    if (name != nullptr)
        told.name = *name;
    if (change.labelled)
        told.flags = change.labelled->flags;
    return append_event(txn, {change.at, record.application_id, record.user_id, change.who, std::move(told)});
}

// The name that a change brings with it.
const std::string* name_of(const transition& change)
{
    if (change.bound && !change.bound->name.empty())
        return &change.bound->name;
    return change.labelled && change.labelled->name ? &*change.labelled->name : nullptr;
}

// When a block ends by itself, in the record and in the table of what is due; 0: it does not.
void put_block_end(kv::write_txn& txn, registration_number number, time_ms at, registration& record)
{
    const auto key = [number](time_ms when) {
        return due_key(when, due_kind::end_of_block, crypto::big_endian(number));
    };
    if (record.blocked_until != 0)
        txn.erase(tables::due, key(record.blocked_until));
    if (at != 0)
        txn.put(tables::due, key(at), {});
    record.blocked_until = at;
}

void put_metadata(kv::write_txn& txn, registration_number number, const stored_metadata& now)
{
    if (now.sealed.empty())
        txn.erase(tables::metadata, number_key(number));
    else
        txn.put(tables::metadata, number_key(number), encode(now));
}

// A change of an erased registration that was swapped before and comes late brings nothing back of what was erased.
void forget_person(transition& change)
{
    if (change.bound) {
        change.bound->name.clear();
        change.bound->platform.clear();
        change.bound->device_info.clear();
        change.bound->extras.clear();
    }
    if (change.labelled) {
        change.labelled->name.reset();
        change.labelled->metadata.reset();
    }
    change.who.external_user_id.clear();
}

void put_state_change(kv::write_txn& txn, transition& change)
{
    const registration_number number = change.slot->owner.number;
    auto record = find_registration(txn, number);
    assert(record);
    if (record->erased_at != 0)
        forget_person(change);

    const state before = change.before.current();
    const state after = change.after.current();
    if (change.bound) {
        bind(*record, *change.bound);
        txn.put(tables::keys, number_key(number), encode(change.bound->keys));
    }
    if (is_unfinished(before) && !is_unfinished(after)) {
        txn.erase(tables::due, due_key(record->expires_at, due_kind::registration, crypto::big_endian(number)));
        if (!record->activation_code.empty()) // custom activations have none
            txn.erase(tables::by_code, code_key(record->application_id, record->activation_code));
        record->activation_code.clear();
        record->otp_hash.clear();
    }
    if (is_unfinished(before) && after == state::removed && record->origin) {
        // It never started, so nothing comes from its parent by it.
        const auto parent = find_number(txn, record->origin->parent);
        assert(parent);
        txn.erase(tables::children, child_key(*parent, number));
    }
    if (change.may_erase_tokens())
        erase_tokens(txn, number);
    auto later = later_rows(txn, number, change.after.version());
    const std::string* const name = name_of(change);
    if (name != nullptr)
        put_name(txn, number, later, *name, *record);
    if (change.labelled && change.labelled->flags &&
        std::ranges::find(later, move::change_flags, &history_row::by) == later.end())
        record->flags = *change.labelled->flags;
    if (change.labelled && change.labelled->metadata &&
        std::ranges::none_of(later, [](const history_row& row) { return says_changed(row, edited_member::metadata); }))
        put_metadata(txn, number, *change.labelled->metadata);
    const auto settles_otp = [](const history_row& row) {
        return row.by == move::replace_otp || !is_unfinished(row.now);
    };
    if (change.otp && std::ranges::none_of(later, settles_otp))
        record->otp_hash = *change.otp;
    if (!is_beside_state(*change.by) && record->status_version < change.after.version()) {
        record->status_version = change.after.version();
        record->blocked_reason = after == state::blocked ? change.reason : std::string{};
        put_block_end(txn, number, after == state::blocked ? change.blocked_until : 0, *record);
    }
    if (change.limits && std::ranges::find(later, move::change_limits, &history_row::by) == later.end()) {
        record->max_failed_attempts = change.limits->max_failed;
        record->policy.reset();
        if (change.limits->policy)
            record->policy = *change.limits->policy;
    }
    record->changed_at = std::max(record->changed_at, change.at);

    history_row row;
    row.version = change.after.version();
    row.by = *change.by;
    row.previous = before;
    row.now = after;
    row.reason = change.reason;
    row.who = change.who;
    if (record->erased_at == 0)
        row.name = name != nullptr ? *name : name_before(txn, number, row.version);
    row.at = change.at;
    if (change.labelled && change.labelled->flags)
        row.flags = *change.labelled->flags;
    if (change.by == move::edit && change.labelled)
        row.changed = change.labelled->changed();
    row.event = tell(txn, *record, change, name);
    txn.put(tables::history, history_key(number, row.version), encode(row));
    txn.put(tables::registrations, number_key(number), encode(*record));
}

} // namespace

std::vector<std::string> labels::changed() const
{
    std::vector<std::string> out;
    if (name)
        out.emplace_back(edited_member::name);
    if (metadata)
        out.emplace_back(edited_member::metadata);
    return out;
}

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
    if (by == move::replace_otp)
        slot->otp_replacement_ended();
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
