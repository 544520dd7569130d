#include "registry/store_check.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"
#include "registry/audit_chain.hpp"
#include "registry/sealed_fields.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace doorward::registry {
namespace {

using crypto::as_bytes;
using crypto::as_text;
using crypto::bytes_view;

bool is_key(bytes_view found, const kv::key& wanted)
{
    return std::ranges::equal(found, bytes_view{wanted});
}

// The place behind a text that a zero byte ends; 0: none does.
std::size_t behind_text(bytes_view key)
{
    const auto end = std::ranges::find(key, crypto::byte{0});
    return end == key.end() ? 0 : static_cast<std::size_t>(end - key.begin()) + 1;
}

class store_checker {
public:
    store_checker(const kv::read_txn& txn, const crypto::sealer* sealer) : txn_{txn}, sealer_{sealer} {}

    check_report run();

    using row_check = void (store_checker::*)(bytes_view key, bytes_view record);
    static const row_check row_checks[std::size(tables::names)];

private:
    // --- saying what is wrong

    void say(std::string what) { say(table_, key_, std::move(what)); }
    void say(kv::table table, bytes_view key, std::string what)
    {
        ++out_.found;
        if (out_.findings.size() < check_findings_max)
            out_.findings.push_back(
                {tables::names[static_cast<std::size_t>(table)], crypto::to_hex(key), std::move(what)});
    }
    void require(bool holds, const char* what)
    {
        if (!holds)
            say(what);
    }

    // --- looking elsewhere

    [[nodiscard]] bool has(kv::table in, bytes_view key) const { return txn_.get(in, key).has_value(); }
    // A row of an index that says nothing itself.
    void require_empty(bytes_view record) { require(record.empty(), "a row that should be empty is not"); }
    void require_due(time_ms at, due_kind kind, bytes_view what)
    {
        require(has(tables::due, due_key(at, kind, what)), "it would never expire: it is missing in due");
    }
    std::optional<std::uint64_t> number_of(bytes_view record)
    {
        if (record.size() == 8)
            return crypto::from_big_endian<std::uint64_t>(record);
        say("a number that is none");
        return std::nullopt;
    }
    bool has_size(bytes_view key, std::size_t size)
    {
        require(key.size() == size, "a key of another size");
        return key.size() == size;
    }
    // The counters as they are once the journal in front of the mark is folded.
    std::optional<attempt_word> word_of(registration_number number)
    {
        const auto folded = find_counters(txn_, number);
        if (!folded)
            return std::nullopt;
        const auto ahead = ahead_.find(number);
        return ahead != ahead_.end() && ahead->second.version() > folded->word.version() ? ahead->second : folded->word;
    }

    // --- the tables

    void check_meta(bytes_view key, bytes_view record);
    void check_application(bytes_view key, bytes_view record);
    void check_version(bytes_view key, bytes_view record);
    void check_account(bytes_view key, bytes_view record);
    void check_id(bytes_view key, bytes_view record);
    void check_registration(bytes_view key, bytes_view record);
    void check_keys(bytes_view key, bytes_view record);
    void check_counters(bytes_view key, bytes_view record);
    void check_by_user(bytes_view key, bytes_view record);
    void check_by_code(bytes_view key, bytes_view record);
    void check_history(bytes_view key, bytes_view record);
    void check_due(bytes_view key, bytes_view record);
    void check_temporary_key(bytes_view key, bytes_view record);
    void check_seen(bytes_view key, bytes_view record);
    void check_attempt(bytes_view key, bytes_view record);
    void check_report_row(bytes_view key, bytes_view record);
    void check_token(bytes_view key, bytes_view record);
    void check_token_id(bytes_view key, bytes_view record);
    void check_claims(bytes_view key, bytes_view record);
    void check_child(bytes_view key, bytes_view record);
    void check_event(bytes_view key, bytes_view record);
    void check_event_index(bytes_view key, bytes_view record);
    void check_account_token(bytes_view key, bytes_view record);
    void check_idempotent_request(bytes_view key, bytes_view record);
    void check_metadata(bytes_view key, bytes_view record);
    void check_job(bytes_view key, bytes_view record);
    void check_job_target(bytes_view key, bytes_view record);
    void check_webhook(bytes_view key, bytes_view record);
    void check_cursor(bytes_view key, bytes_view record);
    void check_delivery(bytes_view key, bytes_view record);
    void check_redelivery(bytes_view key, bytes_view record);
    void check_console_session(bytes_view key, bytes_view record);

    void check_due_of(due_kind kind, time_ms at, bytes_view what);
    void check_seals(bytes_view key, bytes_view record);
    void check_places(const registration& record, registration_number number, attempt_word word);

    void learn();
    void read_table(kv::table which);
    void check_row(bytes_view key, bytes_view stored);
    void check_whole();
    void check_chain();

    const kv::read_txn& txn_;
    const crypto::sealer* const sealer_;
    check_report out_;

    kv::table table_{}; // the row that is looked at
    bytes_view key_;

    std::map<registration_number, attempt_word> ahead_; // by rows in front of the mark
    std::map<std::string, std::size_t, std::less<>> versions_;
    std::set<uuid> webhooks_;
    row_sequence first_row_ = 0; // of the journal; 0: it is empty
    event_sequence last_event_ = 0;
    registration_number last_number_ = 0;
};

void store_checker::check_meta(bytes_view key, bytes_view record)
{
    const auto name = as_text(key);
    if (name == meta_key::format)
        require(record.size() == 1 && record[0] == store_format, "another format");
    else if (name == meta_key::last_number || name == meta_key::fold_mark)
        static_cast<void>(number_of(record));
    else if (name == meta_key::last_event)
        require(record.size() == 8 + sizeof(crypto::digest32), "an end of the events that is none");
    else if (name == meta_key::rotation)
        static_cast<void>(decode<rotation>(record));
    else if (name != meta_key::key_check && name != meta_key::audit_key && name != meta_key::derivation)
        say("nothing that doorward knows");
}

void store_checker::check_application(bytes_view key, bytes_view record)
{
    const auto it = decode<stored_application>(record);
    require(it.id == as_text(key), "the record is of another application");
    const auto versions = versions_.find(it.id);
    require(it.versions == (versions == versions_.end() ? 0 : versions->second), "it counts its versions wrongly");
}

void store_checker::check_version(bytes_view key, bytes_view record)
{
    const auto it = decode<stored_application_version>(record);
    require(it.key == as_text(key), "the record is of another version");
    require(has(tables::applications, as_bytes(it.application_id)), "its application is not there");
}

void store_checker::check_account(bytes_view key, bytes_view record)
{
    const auto it = decode<account>(record);
    require(it.username == as_text(key), "the record is of another account");
    require(std::ranges::is_sorted(it.applications), "its applications are out of order");
    for (const std::string& each : it.applications)
        require(has(tables::applications, as_bytes(each)), "it sees an application that is not there");
}

void store_checker::check_id(bytes_view key, bytes_view record)
{
    const auto number = number_of(record);
    if (!has_size(key, 16) || !number)
        return;
    const auto owner = find_registration(txn_, *number);
    require(owner && std::ranges::equal(owner->id.view(), key), "it leads to another registration");
}

void store_checker::check_registration(bytes_view key, bytes_view record)
{
    if (!has_size(key, 8))
        return;
    const auto number = kv::from_number(key);
    const auto it = decode<registration>(record);
    require(number > 0 && number <= last_number_, "a number that was not given out");
    require(find_number(txn_, it.id) == number, "its id leads elsewhere");
    require(has(tables::by_user, user_key(it.user_id, number)), "it is missing in by_user");
    require(it.server_key.has_value() == has(tables::keys, key), "its keys are missing, or should not be there");
    const auto word = word_of(number);
    if (!word) {
        say("its counters are missing");
        return;
    }
    require(it.status_version <= word->version(), "it knows of a later change than its counters");
    check_places(it, number, *word);
}

// Where a registration in this state must be, and must not.
void store_checker::check_places(const registration& it, registration_number number, attempt_word word)
{
    const state now = word.current();
    const auto place = crypto::big_endian(number);
    if (is_unfinished(now))
        require_due(it.expires_at, due_kind::registration, place);
    else
        require(it.activation_code.empty() && it.otp_hash.empty(), "it has started and still has a code or password");
    if (!it.activation_code.empty())
        require(has(tables::by_code, code_key(it.application_id, it.activation_code)), "it is missing in by_code");
    if (it.blocked_until != 0)
        require_due(it.blocked_until, due_kind::end_of_block, place);
    if (now != state::removed)
        require(has(tables::applications, as_bytes(it.application_id)), "its application is not there");
    if (it.origin) {
        const auto parent = find_number(txn_, it.origin->parent);
        bool has_started = false;
        scan_history(txn_, number, 0, [&](const history_row& row) {
            has_started = row.now == state::active;
            return !has_started;
        });
        const bool is_listed = parent && has(tables::children, child_key(*parent, number));
        require(parent && (is_listed || (now == state::removed && !has_started)), "its parent does not know it");
    }
    bool is_first = true;
    scan_history(txn_, number, 0, [&](const history_row& row) {
        // An attempt may have reached the disk before the change that it came after, and a crash come between.
        if (is_first)
            require(row.now == now || row.version < word.version(), "its history ends in another state");
        is_first = false;
        return false;
    });
    require(!is_first, "it has no history");
}

void store_checker::check_keys(bytes_view key, bytes_view record)
{
    static_cast<void>(decode<stored_keys>(record));
    const auto owner = has_size(key, 8) ? find_registration(txn_, kv::from_number(key)) : std::nullopt;
    require(owner && owner->server_key.has_value(), "they belong to no registration that has a phone");
}

void store_checker::check_counters(bytes_view key, bytes_view record)
{
    const auto it = decode<counters>(record);
    if (!has_size(key, 8))
        return;
    const auto number = kv::from_number(key);
    require(has(tables::registrations, key), "they belong to no registration");
    if (it.last_row == 0 || first_row_ == 0 || it.last_row < first_row_) // it may have been erased
        return;
    const auto row = txn_.get(tables::journal, row_key(it.last_row));
    require(row && decode<attempt_row>(*row).number == number, "their last attempt is not in the journal");
}

void store_checker::check_by_user(bytes_view key, bytes_view record)
{
    require_empty(record);
    const auto end = behind_text(key);
    if (end == 0 || key.size() != end + 8) {
        say("a key that is none");
        return;
    }
    const auto owner = find_registration(txn_, kv::from_descending(key.last(8)));
    require(owner && owner->user_id == as_text(key.first(end - 1)), "it leads to a registration of another user");
}

void store_checker::check_by_code(bytes_view key, bytes_view record)
{
    const auto number = number_of(record);
    const auto owner = number ? find_registration(txn_, *number) : std::nullopt;
    require(owner && !owner->activation_code.empty() &&
                is_key(key, code_key(owner->application_id, owner->activation_code)),
            "it leads to a registration with another code");
}

void store_checker::check_history(bytes_view key, bytes_view record)
{
    const auto it = decode<history_row>(record);
    if (!has_size(key, 16))
        return;
    const auto number = kv::from_number(key);
    require(it.version == kv::from_descending(key.last(8)), "the record is of another version");
    const auto word = word_of(number);
    require(word && it.version <= word->version(), "it is ahead of its registration's counters");
    require(!it.event || it.event->sequence <= last_event_, "its event is not there");
}

void store_checker::check_due_of(due_kind kind, time_ms at, bytes_view what)
{
    const auto sized = [&](std::size_t size) { return what.size() == size; };
    switch (kind) {
    case due_kind::registration: {
        const auto owner = sized(8) ? find_registration(txn_, kv::from_number(what)) : std::nullopt;
        const auto word = owner ? word_of(kv::from_number(what)) : std::nullopt;
        require(word && is_unfinished(word->current()) && owner->expires_at == at, "nothing expires then");
        return;
    }
    case due_kind::end_of_block: {
        const auto owner = sized(8) ? find_registration(txn_, kv::from_number(what)) : std::nullopt;
        require(owner && owner->blocked_until == at, "no block ends then");
        return;
    }
    case due_kind::temporary_key: {
        const auto found = sized(16) ? find_temporary_key(txn_, uuid{crypto::take<16>(what)}) : std::nullopt;
        require(found && found->expires_at == at, "no temporary key expires then");
        return;
    }
    case due_kind::seen: {
        const auto found = sized(16) ? txn_.get(tables::seen, what) : std::nullopt;
        require(found && found->size() == 8 && crypto::from_big_endian<time_ms>(*found) == at,
                "nothing that was seen is forgotten then");
        return;
    }
    case due_kind::idempotent_request: {
        // A later request with the same key may have taken its place.
        const auto found = sized(32) ? find_idempotent_request(txn_, crypto::take<32>(what)) : std::nullopt;
        require(found && found->expires_at >= at, "no idempotent request expires then");
        return;
    }
    case due_kind::job: {
        const auto found = sized(16) ? find_job(txn_, uuid{crypto::take<16>(what)}) : std::nullopt;
        require(found && found->now != job_state::running, "no job is forgotten then");
        return;
    }
    case due_kind::delivery:
        require(sized(24), "a delivery that is none"); // it may have been erased with its webhook
        return;
    }
    say("of an unknown kind");
}

void store_checker::check_due(bytes_view key, bytes_view record)
{
    require_empty(record);
    if (key.size() < 9)
        say("a key that is none");
    else
        check_due_of(static_cast<due_kind>(key[8]), crypto::from_big_endian<time_ms>(key), key.subspan(9));
}

void store_checker::check_temporary_key(bytes_view key, bytes_view record)
{
    const auto it = decode<stored_temporary_key>(record);
    if (has_size(key, 16))
        require_due(it.expires_at, due_kind::temporary_key, key);
    require(it.number <= last_number_, "it belongs to a registration that is not there");
}

void store_checker::check_seen(bytes_view key, bytes_view record)
{
    const auto until = number_of(record);
    if (until && has_size(key, 16))
        require_due(static_cast<time_ms>(*until), due_kind::seen, key);
}

void store_checker::check_attempt(bytes_view key, bytes_view record)
{
    const auto it = decode<attempt_row>(record);
    if (!has_size(key, 8))
        return;
    const auto sequence = kv::from_number(key);
    require(it.number <= last_number_, "an attempt on a registration that is not there");
    require(it.previous < sequence, "it follows an attempt that came later");
    if (it.number != 0 && it.previous >= first_row_ && it.previous != 0) {
        const auto before = txn_.get(tables::journal, row_key(it.previous));
        require(before && decode<attempt_row>(*before).number == it.number, "the attempt before it is not there");
    }
    if (it.number != 0) {
        const auto word = word_of(it.number);
        require(word && it.word.version() <= word->version(), "it is ahead of its registration's counters");
    }
    if (it.what.report) {
        const auto report = txn_.get(tables::reports, report_key(it.number, it.what.report->attempt_id));
        require(report && std::ranges::equal(*report, key), "it was reported, and is missing in reports");
    }
}

void store_checker::check_report_row(bytes_view key, bytes_view record)
{
    const auto sequence = number_of(record);
    const auto row = sequence ? txn_.get(tables::journal, row_key(*sequence)) : std::nullopt;
    if (!row) {
        say("its attempt is not there");
        return;
    }
    const auto it = decode<attempt_row>(*row);
    require(it.what.report && is_key(key, report_key(it.number, it.what.report->attempt_id)),
            "it leads to another attempt");
}

void store_checker::check_token(bytes_view key, bytes_view record)
{
    static_cast<void>(decode<stored_token>(record));
    if (!has_size(key, 24))
        return;
    const auto owner = kv::from_number(key);
    const auto word = word_of(owner);
    require(word && word->current() != state::removed, "it belongs to no registration that could use it");
    require(find_token_owner(txn_, uuid{crypto::take<16>(key.last(16))}) == owner, "it is missing in token_ids");
}

void store_checker::check_token_id(bytes_view key, bytes_view record)
{
    const auto owner = number_of(record);
    if (owner && has_size(key, 16))
        require(has(tables::tokens, token_key(*owner, uuid{crypto::take<16>(key)})), "there is no such token");
}

void store_checker::check_claims(bytes_view key, bytes_view record)
{
    static_cast<void>(decode<stored_claims>(record));
    const auto end = behind_text(key);
    require(end != 0 && has(tables::applications, key.first(end - 1)), "they belong to no application");
}

void store_checker::check_child(bytes_view key, bytes_view record)
{
    require_empty(record);
    if (!has_size(key, 16))
        return;
    const auto child = find_registration(txn_, kv::from_descending(key.last(8)));
    require(child && child->origin && find_number(txn_, child->origin->parent) == kv::from_number(key),
            "it is no child of this registration");
}

// Events, their index and their rows of history are compared by the walk over the chain.
void store_checker::check_event(bytes_view key, bytes_view)
{
    has_size(key, 8);
}

void store_checker::check_event_index(bytes_view, bytes_view record)
{
    require_empty(record);
}

void store_checker::check_account_token(bytes_view key, bytes_view record)
{
    const auto it = decode<account_token>(record);
    const auto end = behind_text(key);
    require(end != 0 && it.name == as_text(key.subspan(end)), "the record is of another token");
    require(end != 0 && has(tables::accounts, key.first(end - 1)), "it belongs to no account");
}

void store_checker::check_idempotent_request(bytes_view key, bytes_view record)
{
    const auto it = decode<idempotent_request>(record);
    if (has_size(key, 32))
        require_due(it.expires_at, due_kind::idempotent_request, key);
}

void store_checker::check_metadata(bytes_view key, bytes_view record)
{
    static_cast<void>(decode<stored_metadata>(record));
    require(has(tables::registrations, key), "they belong to no registration");
}

void store_checker::check_job(bytes_view key, bytes_view record)
{
    const auto it = decode<job>(record);
    if (!has_size(key, 16))
        return;
    require(it.next_chunk <= it.chunks, "it has come further than it goes");
    if (it.now == job_state::running) {
        for (auto chunk = it.next_chunk; chunk < it.chunks; ++chunk)
            require(has(tables::job_targets, job_target_key(uuid{crypto::take<16>(key)}, chunk)),
                    "what it is about is not there");
    } else {
        require_due(it.finished_at + job_memory_ms, due_kind::job, key);
    }
}

void store_checker::check_job_target(bytes_view key, bytes_view record)
{
    if (!has_size(key, 24))
        return;
    const auto owner = find_job(txn_, uuid{crypto::take<16>(key)});
    const auto chunk = kv::from_number(key.last(8));
    require(owner && owner->now == job_state::running && chunk >= owner->next_chunk && chunk < owner->chunks,
            "it belongs to no job that will come to it");
    require(!record.empty() && record.size() % 8 == 0, "a list of registrations that is none");
    for (; record.size() >= 8; record = record.subspan(8)) {
        const auto number = kv::from_number(record);
        require(number > 0 && number <= last_number_, "a registration that is not there");
    }
}

void store_checker::check_webhook(bytes_view key, bytes_view record)
{
    const auto it = decode<webhook>(record);
    require(is_key(key, webhook_key(it.application_id, it.id)), "the record is of another webhook");
    require(has(tables::applications, as_bytes(it.application_id)), "its application is not there");
    require(has(tables::webhook_cursors, it.id.view()), "it has no cursor");
}

void store_checker::check_cursor(bytes_view key, bytes_view record)
{
    const auto at = number_of(record);
    require(!at || *at <= last_event_, "it is ahead of the events");
    if (has_size(key, 16))
        require(webhooks_.contains(uuid{crypto::take<16>(key)}), "it belongs to no webhook");
}

void store_checker::check_delivery(bytes_view key, bytes_view record)
{
    const auto it = decode<delivery>(record);
    if (!has_size(key, 24))
        return;
    const uuid id{crypto::take<16>(key)};
    const auto sequence = kv::from_descending(key.last(8));
    require(sequence > 0 && sequence <= last_event_, "of an event that is not there");
    if (it.now != delivery_state::pending) {
        require_due(it.expires_at, due_kind::delivery, key);
        return;
    }
    require(webhooks_.contains(id), "it belongs to no webhook");
    require(!it.again || has(tables::redeliveries, redelivery_key(id, sequence)), "it is missing in redeliveries");
}

void store_checker::check_redelivery(bytes_view key, bytes_view record)
{
    require_empty(record);
    if (!has_size(key, 24))
        return;
    const auto found = find_delivery(txn_, uuid{crypto::take<16>(key)}, kv::from_number(key.last(8)));
    require(found && found->again && found->now == delivery_state::pending, "there is no such delivery");
}

// Sessions of accounts that are no more may still be there: they end when somebody comes with them.
void store_checker::check_console_session(bytes_view key, bytes_view record)
{
    static_cast<void>(has_size(key, 32));
    const auto it = decode<console_session>(record);
    require(it.created_at <= it.last_used_at, "it was used before it began");
}

// In the order of the tables.
const store_checker::row_check store_checker::row_checks[std::size(tables::names)]{
    &store_checker::check_meta,
    &store_checker::check_application,
    &store_checker::check_version,
    &store_checker::check_account,
    &store_checker::check_id,
    &store_checker::check_registration,
    &store_checker::check_keys,
    &store_checker::check_counters,
    &store_checker::check_by_user,
    &store_checker::check_by_code,
    &store_checker::check_history,
    &store_checker::check_due,
    &store_checker::check_temporary_key,
    &store_checker::check_seen,
    &store_checker::check_attempt,
    &store_checker::check_report_row,
    &store_checker::check_token,
    &store_checker::check_token_id,
    &store_checker::check_claims,
    &store_checker::check_child,
    &store_checker::check_event,
    &store_checker::check_event_index,
    &store_checker::check_account_token,
    &store_checker::check_idempotent_request,
    &store_checker::check_metadata,
    &store_checker::check_job,
    &store_checker::check_job_target,
    &store_checker::check_webhook,
    &store_checker::check_cursor,
    &store_checker::check_delivery,
    &store_checker::check_redelivery,
    &store_checker::check_console_session,
};

void store_checker::check_seals(bytes_view key, bytes_view record)
{
    if (sealer_ == nullptr || !has_sealed_fields(table_))
        return;
    const auto sealed = [this](std::string_view field, const crypto::bytes& place, const crypto::bytes& value) {
        ++out_.seals;
        if (!sealer_->open(value, place))
            say("its " + std::string{field} + " does not open with this master key");
    };
    static_cast<void>(visit_sealed(txn_, table_, key, record, sealed));
}

void store_checker::check_row(bytes_view key, bytes_view stored)
{
    key_ = key;
    ++out_.rows;
    try {
        if (!txn_.is_sound(table_, key, stored)) {
            say("its sum does not fit");
            return;
        }
        const auto record = txn_.get(table_, key);
        if (!record) {
            say("it is found by going through the table and not by its key");
            return;
        }
        (this->*row_checks[static_cast<std::size_t>(table_)])(key, *record);
        check_seals(key, *record);
    } catch (const kv::damaged& fault) {
        say(fault.what());
    }
}

void store_checker::read_table(kv::table which)
{
    table_ = which;
    std::uint64_t rows = 0;
    try {
        txn_.scan_as_stored(which, {}, [&](bytes_view key, bytes_view stored) {
            ++rows;
            check_row(key, stored);
            return true;
        });
        key_ = {};
        require(rows == txn_.row_count(which), "it has another number of rows than it says");
    } catch (const kv::damaged& fault) {
        key_ = {};
        say(fault.what());
    }
}

// What the checks of rows compare with. What is damaged is left out here; it is said when its table is read.
void store_checker::learn()
{
    const auto careful = [](const auto& read) {
        try {
            read();
        } catch (const kv::damaged&) {
        }
    };
    const auto number_in_meta = [this](std::string_view name) {
        const auto found = txn_.get(tables::meta, as_bytes(name));
        return found && found->size() == 8 ? crypto::from_big_endian<std::uint64_t>(*found) : std::uint64_t{0};
    };
    const auto each_row = [this, &careful](kv::table which, bytes_view from, const auto& visit) {
        careful([&] {
            txn_.scan_as_stored(which, from, [&](bytes_view key, bytes_view stored) {
                careful([&] {
                    if (txn_.is_sound(which, key, stored))
                        visit(stored.first(stored.size() - kv::sum_bytes));
                });
                return true;
            });
        });
    };
    row_sequence mark = 0;
    careful([&] { last_number_ = number_in_meta(meta_key::last_number); });
    careful([&] { last_event_ = last_event(txn_).sequence; });
    careful([&] { mark = number_in_meta(meta_key::fold_mark); });
    careful([this] {
        txn_.scan_as_stored(tables::journal, {}, [this](bytes_view key, bytes_view) {
            first_row_ = key.size() == 8 ? kv::from_number(key) : 0;
            return false;
        });
    });
    each_row(tables::versions, {},
             [this](bytes_view record) { ++versions_[decode<stored_application_version>(record).application_id]; });
    each_row(tables::webhooks, {}, [this](bytes_view record) { webhooks_.insert(decode<webhook>(record).id); });
    each_row(tables::journal, row_key(mark + 1), [this](bytes_view record) {
        const auto row = decode<attempt_row>(record);
        auto& latest = ahead_[row.number];
        if (row.word.version() > latest.version())
            latest = row.word;
    });
}

void store_checker::check_whole()
{
    const auto say_of = [this](kv::table which, const char* what) { say(which, {}, what); };
    for (const auto name : {meta_key::format, meta_key::key_check, meta_key::last_number}) {
        if (!txn_.get_as_stored(tables::meta, as_bytes(name)))
            say(tables::meta, as_bytes(name), "it is missing");
    }
    // Numbers are given out one after the other, and records stay.
    for (const kv::table each : {tables::registrations, tables::counters, tables::ids, tables::by_user}) {
        if (txn_.row_count(each) != last_number_)
            say_of(each, "it has not one row for each registration");
    }
    if (txn_.row_count(tables::tokens) != txn_.row_count(tables::token_ids))
        say_of(tables::token_ids, "it has not one row for each token");
    if (txn_.row_count(tables::webhooks) != txn_.row_count(tables::webhook_cursors))
        say_of(tables::webhook_cursors, "it has not one row for each webhook");
}

void store_checker::check_chain()
{
    try {
        const auto chain = verify_chain(txn_);
        if (chain.fault)
            say(tables::events, event_key(chain.fault->sequence), chain.fault->what);
    } catch (const kv::damaged& fault) {
        say(tables::events, {}, fault.what());
    }
}

check_report store_checker::run()
{
    learn();
    for (std::size_t i = 0; i < std::size(tables::names); ++i)
        read_table(static_cast<kv::table>(i));
    check_whole();
    check_chain();
    return std::move(out_);
}

} // namespace

check_report check_rows(const kv::read_txn& txn, const crypto::sealer* sealer)
{
    return store_checker{txn, sealer}.run();
}

bool has_row_check(kv::table which) noexcept
{
    const auto place = static_cast<std::size_t>(which);
    return place < std::size(store_checker::row_checks) && store_checker::row_checks[place] != nullptr;
}

} // namespace doorward::registry
