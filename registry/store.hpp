#pragma once

#include "kv/env.hpp"
#include "kv/key.hpp"
#include "registry/codec.hpp"
#include "registry/errc.hpp"
#include "registry/tables.hpp"

namespace doorward::registry {

// Typed access to the tables, in the domain's own words. The functions that read take any snapshot, the writer's own
// transaction included; those that write are for changes (changes.hpp). All are stateless.

[[nodiscard]] std::optional<registration_number> find_number(const kv::read_txn& txn, const uuid& id);
[[nodiscard]] std::optional<registration> find_registration(const kv::read_txn& txn, registration_number number);
[[nodiscard]] std::optional<std::string> find_user_id(const kv::read_txn& txn, registration_number number);
[[nodiscard]] std::optional<counters> find_counters(const kv::read_txn& txn, registration_number number);
[[nodiscard]] std::optional<stored_keys> find_keys(const kv::read_txn& txn, registration_number number);
[[nodiscard]] std::optional<stored_temporary_key> find_temporary_key(const kv::read_txn& txn, const uuid& id);
[[nodiscard]] std::optional<stored_application> find_application(const kv::read_txn& txn, std::string_view id);
/// By APP_KEY, Base64 text.
[[nodiscard]] std::optional<stored_application_version> find_application_version(const kv::read_txn& txn,
                                                                                 std::string_view key);
[[nodiscard]] std::optional<account> find_account(const kv::read_txn& txn, std::string_view username);
[[nodiscard]] std::optional<account_token> find_account_token(const kv::read_txn& txn, std::string_view username,
                                                              std::string_view name);
/// Visits an account's tokens, in the order of their names, until it returns false.
void scan_account_tokens(const kv::read_txn& txn, std::string_view username,
                         const std::function<bool(const account_token&)>& visit);
[[nodiscard]] std::optional<idempotent_request> find_idempotent_request(const kv::read_txn& txn,
                                                                        const idempotency_mark& mark);
[[nodiscard]] bool is_seen(const kv::read_txn& txn, const crypto::byte_array<16>& mark);

/// The registration that a token belongs to, and the token.
[[nodiscard]] std::optional<registration_number> find_token_owner(const kv::read_txn& txn, const uuid& token);
[[nodiscard]] std::optional<stored_token> find_token(const kv::read_txn& txn, registration_number owner,
                                                     const uuid& token);

/// What the back office has told about a user of an application.
[[nodiscard]] std::optional<stored_claims> find_claims(const kv::read_txn& txn, std::string_view application_id,
                                                       std::string_view user_id);

/// What the back office keeps with a registration.
[[nodiscard]] std::optional<stored_metadata> find_metadata(const kv::read_txn& txn, registration_number number);

[[nodiscard]] std::optional<job> find_job(const kv::read_txn& txn, const uuid& id);
/// The registrations that one step of a job is about; none when that step has been done.
[[nodiscard]] std::vector<registration_number> find_job_targets(const kv::read_txn& txn, const uuid& id,
                                                                std::uint32_t chunk);

[[nodiscard]] std::optional<webhook> find_webhook(const kv::read_txn& txn, std::string_view application_id,
                                                  const uuid& id);
/// Visits the webhooks of an application, in the order of their ids, until it returns false; of all of them without an
/// application.
void scan_webhooks(const kv::read_txn& txn, std::optional<std::string_view> application_id,
                   const std::function<bool(webhook)>& visit);
/// The last event that a webhook needs nothing more of: it and all before it are delivered, given up or none of its
/// business.
[[nodiscard]] event_sequence find_webhook_cursor(const kv::read_txn& txn, const uuid& id);
[[nodiscard]] std::optional<delivery> find_delivery(const kv::read_txn& txn, const uuid& webhook_id,
                                                    event_sequence sequence);
/// Visits the deliveries of a webhook, newest event first, starting below `before` (0: from the newest), until it
/// returns false.
void scan_deliveries(const kv::read_txn& txn, const uuid& webhook_id, event_sequence before,
                     const std::function<bool(event_sequence, const delivery&)>& visit);
/// The events that a webhook is sent once more, oldest first.
[[nodiscard]] std::vector<event_sequence> find_redeliveries(const kv::read_txn& txn, const uuid& webhook_id);

/// The unfinished registration of an application that has this activation code; it may have its phone already.
[[nodiscard]] std::optional<registration_number> find_by_code(const kv::read_txn& txn, std::string_view application_id,
                                                              std::string_view code);

/// Whether an application is in use, as far as it was looked at.
struct application_use {
    bool in_use = false;               // by a registration that is not removed
    registration_number looked_at = 0; // the last one
    bool more = false;                 // there are registrations behind it
};
/// Looks at the registrations behind a number, of whatever application, at most `rows_max` and until one is found.
/// What it says of those that it looked at holds for good, as long as nobody is found: REMOVED is terminal.
[[nodiscard]] application_use find_application_use(const kv::read_txn& txn, std::string_view application_id,
                                                   registration_number behind, std::size_t rows_max);

class journal;

/// A consistent view of the store: the tables, and what the journal has not folded into them yet (journal.hpp).
class snapshot {
public:
    snapshot(const kv::read_txn& tables, const journal& unfolded) : tables_{tables}, unfolded_{unfolded} {}

    operator const kv::read_txn&() const noexcept { return tables_; } // NOLINT: all other tables are read as they are
    [[nodiscard]] const journal& unfolded() const noexcept { return unfolded_; }

private:
    const kv::read_txn& tables_;
    const journal& unfolded_;
};

/// Counters as they are, attempts included. The other find_counters() reads the table alone, which is behind in
/// everything but the state: a change of state always writes it.
[[nodiscard]] std::optional<counters> find_counters(const snapshot& from, registration_number number);

/// A registration with what attempts made of it.
struct full_registration {
    registration_number number = 0;
    registration record;
    counters attempts;

    [[nodiscard]] state current() const noexcept { return attempts.word.current(); }

    [[nodiscard]] bool is_waiting(time_ms now) const noexcept
    {
        return is_unfinished(current()) && record.expires_at > now;
    }

    /// Unfinished, and its time is over: to be treated as removed, and written so at the next occasion.
    [[nodiscard]] bool is_expired(time_ms now) const noexcept
    {
        return is_unfinished(current()) && record.expires_at <= now;
    }

    /// Blocked for a time that is over: to be treated as active again, and written so at the next occasion.
    [[nodiscard]] bool is_block_over(time_ms now) const noexcept
    {
        return current() == state::blocked && record.blocked_until != 0 && record.blocked_until <= now;
    }

    /// One of both.
    [[nodiscard]] bool is_due(time_ms now) const noexcept { return is_expired(now) || is_block_over(now); }
};
[[nodiscard]] std::optional<full_registration> find_full(const snapshot& from, const uuid& id);
[[nodiscard]] std::optional<full_registration> find_full(const snapshot& from, registration_number number);

/// Visits the attempts on a registration, newest first, until it returns false. Rows whose retention is over are gone.
///
/// from  where an earlier visit stopped; or, to begin with the newest, the last row of what journal::find_unfolded()
///       said before the snapshot was taken (0: nothing): what is unfolded by now may be newer than the snapshot
void scan_attempts(const kv::read_txn& txn, registration_number number, row_sequence from, bool from_newest,
                   const std::function<bool(row_sequence, const attempt_row&)>& visit);

/// Visits the rows of the journal, of all registrations, oldest first, beginning with `from`, until it returns false.
void scan_journal(const kv::read_txn& txn, row_sequence from,
                  const std::function<bool(row_sequence, const attempt_row&)>& visit);
/// The first row of a time or later, as far as rows are in the order of their times; one past the last when there is
/// none.
[[nodiscard]] row_sequence find_row_at(const kv::read_txn& txn, time_ms at);

/// The attempt that a business system reported under this id.
struct reported_attempt {
    row_sequence sequence;
    attempt_row row;
};
[[nodiscard]] std::optional<reported_attempt> find_report(const kv::read_txn& txn, registration_number number,
                                                          std::string_view attempt_id);

/// Visits a user's registrations, newest first, starting below `before` (0: from the newest), until it returns false.
void scan_user(const kv::read_txn& txn, std::string_view user_id, registration_number before,
               const std::function<bool(registration_number)>& visit);

/// The same for several users, each named once; the registrations of all of them together are newest first.
void scan_users(const kv::read_txn& txn, const std::vector<std::string>& user_ids, registration_number before,
                const std::function<bool(registration_number)>& visit);

/// Visits the numbers of all registrations, newest first, starting below `before` (0: from the newest), until it
/// returns false. A number that was given out has a record, for good.
void scan_registrations(const kv::read_txn& txn, registration_number before,
                        const std::function<bool(registration_number)>& visit);

/// Visits the registrations that were made from one, newest first, starting below `before` (0: from the newest), until
/// it returns false. Those that were removed before they started are not among them.
void scan_children(const kv::read_txn& txn, registration_number parent, registration_number before,
                   const std::function<bool(registration_number)>& visit);
[[nodiscard]] std::size_t count_children(const kv::read_txn& txn, registration_number parent);

/// Visits registrations of users whose id begins with these bytes, in the order of the ids and the newest of each
/// first. The visitor says what comes next.
enum class next_of_users { registration, user, nothing };
void scan_users_with_prefix(const kv::read_txn& txn, std::string_view prefix,
                            const std::function<next_of_users(std::string_view user_id, registration_number)>& visit);

/// Visits a registration's history, newest first, starting below version `before` (0: from the newest).
void scan_history(const kv::read_txn& txn, registration_number number, std::uint64_t before,
                  const std::function<bool(const history_row&)>& visit);

/// Visits a registration's tokens, in the order of their ids, until it returns false.
void scan_tokens(const kv::read_txn& txn, registration_number owner,
                 const std::function<bool(const uuid&, const stored_token&)>& visit);

/// Visits all jobs, in the order of their ids, until it returns false.
void scan_jobs(const kv::read_txn& txn, const std::function<bool(const uuid&, const job&)>& visit);

// Keys of the tables

[[nodiscard]] inline kv::key number_key(registration_number number)
{
    return kv::key{}.number(number);
}
[[nodiscard]] inline kv::key code_key(std::string_view application_id, std::string_view code)
{
    return kv::key{}.text(application_id).raw(crypto::as_bytes(code));
}
[[nodiscard]] inline kv::key user_key(std::string_view user_id, registration_number number)
{
    return kv::key{}.text(user_id).number_descending(number);
}
[[nodiscard]] inline kv::key child_key(registration_number parent, registration_number number)
{
    return kv::key{}.number(parent).number_descending(number);
}
/// Newest version first.
[[nodiscard]] inline kv::key history_key(registration_number number, std::uint64_t version)
{
    return kv::key{}.number(number).number_descending(version);
}

/// In the order in which they happened.
[[nodiscard]] inline kv::key event_key(event_sequence sequence)
{
    return kv::key{}.number(sequence);
}

[[nodiscard]] inline kv::key row_key(row_sequence sequence)
{
    return kv::key{}.number(sequence);
}
[[nodiscard]] kv::key report_key(registration_number number, std::string_view attempt_id);
[[nodiscard]] inline kv::key token_key(registration_number owner, const uuid& token)
{
    return kv::key{}.number(owner).raw(token.view());
}

[[nodiscard]] inline kv::key job_target_key(const uuid& id, std::uint32_t chunk)
{
    return kv::key{}.raw(id.view()).number(chunk);
}

[[nodiscard]] inline kv::key webhook_key(std::string_view application_id, const uuid& id)
{
    return kv::key{}.text(application_id).raw(id.view());
}
/// Newest event first.
[[nodiscard]] inline kv::key delivery_key(const uuid& webhook_id, event_sequence sequence)
{
    return kv::key{}.raw(webhook_id.view()).number_descending(sequence);
}
[[nodiscard]] inline kv::key redelivery_key(const uuid& webhook_id, event_sequence sequence)
{
    return kv::key{}.raw(webhook_id.view()).number(sequence);
}

[[nodiscard]] inline kv::key account_token_key(std::string_view username, std::string_view name)
{
    return kv::key{}.text(username).raw(crypto::as_bytes(name));
}

/// What a row of `due` is about.
enum class due_kind : std::uint8_t {
    registration = 1,
    temporary_key = 2,
    seen = 3,
    end_of_block = 4,
    idempotent_request = 5,
    job = 6,
    delivery = 7,
};

[[nodiscard]] inline kv::key due_key(time_ms at, due_kind kind, crypto::bytes_view what)
{
    return kv::key{}.number(static_cast<std::uint64_t>(at)).small(static_cast<std::uint8_t>(kind)).raw(what);
}
struct due_row {
    time_ms at;
    due_kind kind;
    crypto::bytes what; // number, uuid, mark, or key of a delivery
};
/// The first rows that are due at `now`, at most `rows_max`.
[[nodiscard]] std::vector<due_row> find_due(const kv::read_txn& txn, time_ms now, std::size_t rows_max);

// The store as a whole

/// Settings of a store, written when it is made.
namespace meta_key {
inline constexpr std::string_view format = "format";         // u8, raised when tables or records change incompatibly
inline constexpr std::string_view key_check = "keycheck";    // a known text, sealed: tells a wrong master key
inline constexpr std::string_view fold_mark = "folded";      // u64, rows of the journal up to it are in the tables
inline constexpr std::string_view last_number = "number";    // u64, the greatest registration number given out
inline constexpr std::string_view last_event = "events";     // u64 and 32 bytes, the last event and its digest
inline constexpr std::string_view audit_key = "auditkey";    // the key that checkpoints are signed with, sealed
inline constexpr std::string_view derivation = "derivation"; // where keys for other purposes come from, sealed
inline constexpr std::string_view rotation = "rotation";     // of the master key (registry/master_key.hpp)
} // namespace meta_key

/// 1: rows without sums. 2: every row ends with its sum (kv/record_sum.hpp).
inline constexpr crypto::byte store_format = 2;

/// The format of the store that a snapshot is of; empty: there is none yet. Of an older one, too.
/// errors  throws record_fault when it cannot be told
[[nodiscard]] std::optional<crypto::byte> find_format(const kv::read_txn& txn);
[[nodiscard]] bool is_initialised(const kv::read_txn& txn);

/// Throws kv::open_error, with what to do about it, when the directory holds no store yet, or one of another format.
void require_store(const kv::read_txn& txn, const std::filesystem::path& directory);

/// Turns an empty store into a doorward store. Writer only.
void initialise(kv::write_txn& txn, const crypto::sealer& with);

} // namespace doorward::registry
