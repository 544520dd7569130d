#pragma once

#include "registry/event.hpp"
#include "registry/store.hpp"

namespace doorward::registry {

// The feed: one dense sequence of events for the whole store, each chained to the one before by its digest
//
//     digest(n) = BLAKE2b-256( digest(n - 1) || n || the record of event n without its digest )
//
// with 32 zero bytes for digest(0). What identifies people is not in the record: whose registration it is, on whose
// behalf it was done, how the phone is called. Readers find that where it can be erased, in the registration and its
// history. An event is appended by the change that it tells of, so it is on the disk with it or not at all, and a
// sequence without gaps follows from the transaction.

/// An event as it lies in the store.
struct stored_event {
    event_place place;
    event what;
};

/// Appends an event: its row, its rows in the index, and the end of the chain. The only way that events come to be.
/// Writer thread, in a change, among its writes.
///
/// returns  its place, for the row of history that it belongs to
event_place append_event(kv::write_txn& txn, const event& what);

/// What append_event() writes, as a part of an ordinary change (kv::pending_write::weight()).
inline constexpr std::size_t event_weight = 1;

/// Makes the events of a registration be found under another user id.
void rename_user_in_events(kv::write_txn& txn, registration_number number, std::string_view from, std::string_view to);

/// The last event; sequence 0 when there is none.
[[nodiscard]] event_place last_event(const kv::read_txn& txn);

/// Empty when there is no such event. Throws record_fault for a damaged one.
[[nodiscard]] std::optional<stored_event> find_event(const kv::read_txn& txn, event_sequence sequence);

/// Visits the events after `after`, in their order, until it returns false.
void scan_events(const kv::read_txn& txn, event_sequence after, const std::function<bool(const stored_event&)>& visit);

/// The same without what identifies people: no user, external user, name. A third of the work.
void scan_bare_events(const kv::read_txn& txn, event_sequence after,
                      const std::function<bool(const stored_event&)>& visit);

/// Events of one thing: the index has a row for each of them.
class event_filter {
public:
    static event_filter everything() { return event_filter{}; }
    static event_filter of_registration(registration_number number);
    static event_filter of_application(std::string_view id);
    static event_filter of_user(std::string_view id);
    /// What an account did, and what was done to it.
    static event_filter of_account(std::string_view name);

    [[nodiscard]] const std::optional<kv::key>& prefix() const noexcept { return prefix_; }

private:
    std::optional<kv::key> prefix_; // of their rows in the index; empty: all events
};

/// Visits them, newest first, beginning below `before` (0: with the newest), until it returns false: a scan of a range,
/// however many other events there are.
void scan_events_back(const kv::read_txn& txn, const event_filter& which, event_sequence before,
                      const std::function<bool(const stored_event&)>& visit);

/// The first event of this time or later, as far as times grow with sequences; behind the last when there is none.
[[nodiscard]] event_sequence first_event_since(const kv::read_txn& txn, time_ms at);

/// The rows of the index that belong to an event.
[[nodiscard]] std::vector<kv::key> index_keys(event_sequence sequence, const event& what);

/// The digest of an event; `record` is as in the store, without its digest.
[[nodiscard]] crypto::digest32 chain_digest(const crypto::digest32& before, event_sequence sequence,
                                            crypto::bytes_view record);

/// A row of `events` in its two parts. Throws record_fault when it is too short for them.
struct event_row_parts {
    crypto::bytes_view record;
    crypto::digest32 digest;
};
[[nodiscard]] event_row_parts split_event_row(crypto::bytes_view value);

} // namespace doorward::registry
