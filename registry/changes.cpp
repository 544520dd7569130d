#include "registry/changes.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {
namespace {

// Is another registration of the user on its way in this application?
bool has_incomplete(const kv::read_txn& txn, const registration& fresh)
{
    bool found = false;
    std::size_t looked_at = 0; // the newest ones: a registration is unfinished for minutes only
    scan_user(txn, fresh.user_id, 0, [&](registration_number number) {
        if (++looked_at > page_rows_max)
            return false;
        const auto other = find_registration(txn, number);
        const auto attempts = find_counters(txn, number); // its state: what attempts change is of no interest
        found = other && attempts && other->application_id == fresh.application_id &&
                full_registration{number, *other, *attempts}.is_waiting(fresh.created_at);
        return !found;
    });
    return found;
}

// May one child more be made from this registration?
kv::error_code check_parent(const kv::read_txn& txn, registration_number parent, time_ms now)
{
    const auto attempts = find_counters(txn, parent); // a change of state always writes the table
    if (!attempts || attempts->word.current() != state::active)
        return errc::illegal_change;
    std::size_t waiting = 0;
    std::size_t started = 0;
    scan_children(txn, parent, 0, [&](registration_number number) {
        const auto child = find_counters(txn, number);
        if (!child || !is_unfinished(child->word.current())) {
            ++started;
        } else {
            const auto record = find_registration(txn, number);
            waiting += record && record->expires_at > now ? 1U : 0U;
        }
        return true;
    });
    if (started >= children_max)
        return errc::too_many_children;
    return waiting >= waiting_children_max ? make_error_code(errc::incomplete_registration) : kv::error_code{};
}

// Where what a row of `due` is about lies. A registration stays.
std::optional<kv::table> table_of(due_kind kind)
{
    switch (kind) {
    case due_kind::temporary_key:
        return tables::temporary_keys;
    case due_kind::seen:
        return tables::seen;
    case due_kind::job:
        return tables::jobs;
    case due_kind::registration:
        break;
    }
    return std::nullopt;
}

void erase_token(kv::write_txn& txn, registration_number owner, const uuid& id)
{
    txn.erase(tables::tokens, token_key(owner, id));
    txn.erase(tables::token_ids, id.view());
}

} // namespace

kv::error_code create_registration::operator()(kv::write_txn& txn)
{
    assert(bound.has_value() == record.activation_code.empty() && (bound || !committed));
    std::optional<registration_number> parent;
    if (record.origin) {
        parent = find_number(txn, record.origin->parent);
        if (!parent)
            return errc::registration_not_found;
        if (const auto ec = check_parent(txn, *parent, record.created_at))
            return ec;
    }
    if (refuse_if_incomplete && has_incomplete(txn, record))
        return errc::incomplete_registration;
    const auto code = code_key(record.application_id, record.activation_code);
    if ((!bound && txn.get(tables::by_code, code)) || find_number(txn, record.id))
        return errc::changed_meanwhile;

    const auto last = txn.get(tables::meta, crypto::as_bytes(meta_key::last_number));
    assert(last);
    number = crypto::from_big_endian<registration_number>(*last) + 1;
    const auto number_bytes = crypto::big_endian(number);
    txn.put(tables::meta, crypto::as_bytes(meta_key::last_number), number_bytes);

    if (bound) {
        bind(record, *bound);
        if (!bound->name.empty())
            record.name = bound->name;
        txn.put(tables::keys, number_bytes, encode(bound->keys));
    }
    if (record.origin)
        reason = std::string{record.origin->type == transfer_type::move ? registry::reason::move_of
                                                                        : registry::reason::spawn_of} +
                 record.origin->parent.text();
    attempt_word word = attempt_word::first();
    put_history(txn, word, move::create, std::nullopt);
    const auto go_on = [&](move by) {
        const state before = word.current();
        word = word.moved(target(before, by).value(), 0);
        put_history(txn, word, by, before);
    };
    if (bound)
        go_on(move::exchange_keys);
    if (committed)
        go_on(move::commit);

    counters attempts;
    attempts.word = word;
    attempts.counter.data = first_counter;
    record.status_version = word.version();
    txn.put(tables::ids, record.id.view(), number_bytes);
    txn.put(tables::registrations, number_bytes, encode(record));
    txn.put(tables::counters, number_bytes, encode(attempts));
    txn.put(tables::by_user, user_key(record.user_id, number), {});
    if (metadata)
        txn.put(tables::metadata, number_bytes, encode(*metadata));
    if (parent)
        txn.put(tables::children, child_key(*parent, number), {});
    if (!bound)
        txn.put(tables::by_code, code, number_bytes);
    if (is_unfinished(word.current()))
        txn.put(tables::due, due_key(record.expires_at, due_kind::registration, number_bytes), {});
    return {};
}

void create_registration::put_history(kv::write_txn& txn, attempt_word word, move by, std::optional<state> before) const
{
    history_row row;
    row.version = word.version();
    row.by = by;
    row.previous = before;
    row.now = word.current();
    row.reason = reason;
    row.who = who;
    row.name = record.name;
    row.at = record.created_at;
    txn.put(tables::history, history_key(number, row.version), encode(row));
}

kv::error_code remember_seen::operator()(kv::write_txn& txn) const
{
    for (std::size_t i = 0; i < marks.size(); ++i) {
        if (is_seen(txn, marks[i].value))
            return errc::envelope_replayed;
        for (std::size_t j = 0; j < i; ++j) {
            if (marks[j].value == marks[i].value) // one envelope inside itself
                return errc::envelope_replayed;
        }
    }
    for (const mark& each : marks) {
        txn.put(tables::seen, each.value, crypto::big_endian(static_cast<std::uint64_t>(each.until)));
        txn.put(tables::due, due_key(each.until, due_kind::seen, each.value), {});
    }
    return {};
}

kv::error_code create_temporary_key::operator()(kv::write_txn& txn) const
{
    txn.put(tables::temporary_keys, id.view(), encode(record));
    txn.put(tables::due, due_key(record.expires_at, due_kind::temporary_key, id.view()), {});
    return {};
}

kv::error_code create_token::operator()(kv::write_txn& txn) const
{
    const auto attempts = find_counters(txn, owner); // a change of state always writes the table
    if (!attempts || attempts->word.current() != state::active)
        return errc::illegal_change;
    std::vector<std::pair<time_ms, uuid>> others;
    scan_tokens(txn, owner, [&](const uuid& other, const stored_token& token) {
        others.emplace_back(token.created_at, other);
        return true;
    });
    if (const auto ec = seen(txn)) // the last step that may refuse; it writes when it does not
        return ec;
    if (others.size() >= tokens_max)
        erase_token(txn, owner, std::ranges::min(others).second);
    txn.put(tables::tokens, token_key(owner, id), encode(record));
    txn.put(tables::token_ids, id.view(), crypto::big_endian(owner));
    return {};
}

kv::error_code remove_token::operator()(kv::write_txn& txn) const
{
    if (find_token(txn, owner, id))
        erase_token(txn, owner, id);
    return {};
}

void erase_tokens(kv::write_txn& txn, registration_number owner)
{
    std::vector<uuid> all;
    scan_tokens(txn, owner, [&](const uuid& id, const stored_token&) {
        all.push_back(id);
        return true;
    });
    for (const uuid& id : all)
        erase_token(txn, owner, id);
}

kv::error_code set_claims::operator()(kv::write_txn& txn) const
{
    const kv::key key = claims_key(application_id, user_id);
    if (record)
        txn.put(tables::claims, key, encode(*record));
    else
        txn.erase(tables::claims, key);
    return {};
}

kv::error_code create_application::operator()(kv::write_txn& txn) const
{
    if (txn.get(tables::applications, crypto::as_bytes(record.id)))
        return errc::application_exists;
    if (txn.row_count(tables::applications) >= applications_max)
        return errc::too_many_applications;
    txn.put(tables::applications, crypto::as_bytes(record.id), encode(record));
    txn.put(tables::versions, crypto::as_bytes(version.key), encode(version));
    return {};
}

kv::error_code change_application::operator()(kv::write_txn& txn) const
{
    auto found = find_application(txn, before.id);
    if (!found)
        return errc::unknown_application;
    if (*found != before)
        return errc::changed_meanwhile;
    found->settings = settings;
    found->sealed_provider_secret = sealed_provider_secret;
    if (*found != before)
        txn.put(tables::applications, crypto::as_bytes(found->id), encode(*found));
    return {};
}

kv::error_code create_application_version::operator()(kv::write_txn& txn) const
{
    auto owner = find_application(txn, record.application_id);
    if (!owner)
        return errc::unknown_application;
    if (owner->versions >= application_versions_max)
        return errc::too_many_application_versions;
    ++owner->versions;
    txn.put(tables::applications, crypto::as_bytes(owner->id), encode(*owner));
    txn.put(tables::versions, crypto::as_bytes(record.key), encode(record));
    return {};
}

kv::error_code support_application_version::operator()(kv::write_txn& txn) const
{
    auto found = find_application_version(txn, key);
    if (!found || found->application_id != application_id)
        return errc::unknown_application_version;
    if (found->supported != supported) {
        found->supported = supported;
        txn.put(tables::versions, crypto::as_bytes(key), encode(*found));
    }
    return {};
}

kv::error_code create_account::operator()(kv::write_txn& txn) const
{
    if (find_account(txn, record.username))
        return errc::account_exists;
    if (txn.row_count(tables::accounts) >= accounts_max)
        return errc::too_many_accounts;
    txn.put(tables::accounts, crypto::as_bytes(record.username), encode(record));
    return {};
}

kv::error_code assign_application::operator()(kv::write_txn& txn)
{
    auto found = find_account(txn, username);
    if (!found)
        return errc::account_not_found;
    if (!txn.get(tables::applications, crypto::as_bytes(application_id)))
        return errc::unknown_application;
    const auto place = std::ranges::lower_bound(found->applications, application_id);
    if (place == found->applications.end() || *place != application_id) {
        found->applications.insert(place, application_id);
        txn.put(tables::accounts, crypto::as_bytes(username), encode(*found));
    }
    result = *std::move(found);
    return {};
}

kv::error_code erase_due::operator()(kv::write_txn& txn) const
{
    for (const due_row& row : rows) {
        if (const auto table = table_of(row.kind))
            txn.erase(*table, row.what);
        txn.erase(tables::due, due_key(row.at, row.kind, row.what));
    }
    return {};
}

} // namespace doorward::registry
