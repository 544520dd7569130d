#include "registry/changes.hpp"
#include "registry/administration.hpp"

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

// Is there another account that may do everything?
bool has_other_admin(const kv::read_txn& txn, std::string_view username)
{
    bool found = false;
    txn.scan(tables::accounts, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
        const auto other = decode<account>(value);
        found = other.enabled && other.its_role == role::admin && other.username != username;
        return !found;
    });
    return found;
}

bool administers(const account& who) noexcept
{
    return who.enabled && who.its_role == role::admin;
}

std::vector<stored_application_version> versions_of(const kv::read_txn& txn, std::string_view application_id)
{
    std::vector<stored_application_version> out;
    txn.scan(tables::versions, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
        auto version = decode<stored_application_version>(value);
        if (version.application_id == application_id)
            out.push_back(std::move(version));
        return true;
    });
    return out;
}

std::optional<std::size_t> place_of_master_key(const stored_application& of, std::string_view key_id)
{
    const auto& keys = of.master_keys;
    const auto found =
        std::ranges::find_if(keys, [&](const stored_master_key& each) { return master_key_id(each.point) == key_id; });
    return found == keys.end() ? std::nullopt : std::optional{static_cast<std::size_t>(found - keys.begin())};
}

std::vector<std::string> token_names(const kv::read_txn& txn, std::string_view username)
{
    std::vector<std::string> out;
    scan_account_tokens(txn, username, [&](const account_token& each) {
        out.push_back(each.name);
        return true;
    });
    return out;
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
    if (!txn.get(tables::applications, crypto::as_bytes(record.application_id)))
        return errc::unknown_application;
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

    registration_event told;
    told.number = number;
    told.id = record.id;
    told.version = row.version;
    told.by = by;
    told.previous = before;
    told.now = row.now;
    told.reason = reason;
    if (by == move::create) {
        row.flags = record.flags;
        told.flags = record.flags;
        told.name = record.name;
    }
    row.event = append_event(txn, {row.at, record.application_id, record.user_id, who, std::move(told)});
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
    if (!txn.get(tables::applications, crypto::as_bytes(application_id)))
        return errc::unknown_application;
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
    tell_of_application(txn, by, record.id, action::create_application, version.key);
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
    if (*found == before)
        return {};
    txn.put(tables::applications, crypto::as_bytes(found->id), encode(*found));
    tell_of_application(txn, by, found->id, action::change_application, describe_change(before, *found));
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
    auto built = record;
    built.master_key = owner->master_keys.back().point;
    txn.put(tables::applications, crypto::as_bytes(owner->id), encode(*owner));
    txn.put(tables::versions, crypto::as_bytes(record.key), encode(built));
    tell_of_application(txn, by, owner->id, action::create_version, record.key);
    return {};
}

kv::error_code create_master_key::operator()(kv::write_txn& txn) const
{
    auto owner = find_application(txn, application_id);
    if (!owner)
        return errc::unknown_application;
    if (owner->master_keys.size() >= master_keys_max)
        return errc::too_many_master_keys;
    // From now on it matters which one a version was built with.
    auto versions = versions_of(txn, application_id);
    for (stored_application_version& each : versions) {
        if (each.master_key)
            continue;
        each.master_key = owner->master_keys.front().point;
        txn.put(tables::versions, crypto::as_bytes(each.key), encode(each));
    }
    owner->master_keys.push_back(record);
    txn.put(tables::applications, crypto::as_bytes(owner->id), encode(*owner));
    tell_of_application(txn, by, owner->id, action::create_master_key, master_key_id(record.point));
    return {};
}

kv::error_code sign_with_master_key::operator()(kv::write_txn& txn) const
{
    auto owner = find_application(txn, application_id);
    if (!owner)
        return errc::unknown_application;
    const auto place = place_of_master_key(*owner, key_id);
    if (!place)
        return errc::unknown_master_key;
    if (*place == owner->signing)
        return {};
    owner->signing = static_cast<std::uint8_t>(*place);
    txn.put(tables::applications, crypto::as_bytes(owner->id), encode(*owner));
    tell_of_application(txn, by, owner->id, action::sign_with_master_key, key_id);
    return {};
}

kv::error_code remove_master_key::operator()(kv::write_txn& txn) const
{
    auto owner = find_application(txn, application_id);
    if (!owner)
        return errc::unknown_application;
    const auto place = place_of_master_key(*owner, key_id);
    if (!place)
        return errc::unknown_master_key;
    const auto& point = owner->master_keys[*place].point;
    const auto versions = versions_of(txn, application_id);
    const bool used = std::ranges::any_of(versions, [&](const stored_application_version& each) {
        return each.supported && each.master_key.value_or(owner->master_keys.front().point) == point;
    });
    if (used || *place == owner->signing)
        return errc::master_key_in_use;
    owner->master_keys.erase(owner->master_keys.begin() + static_cast<std::ptrdiff_t>(*place));
    if (*place < owner->signing)
        --owner->signing;
    txn.put(tables::applications, crypto::as_bytes(owner->id), encode(*owner));
    tell_of_application(txn, by, owner->id, action::remove_master_key, key_id);
    return {};
}

kv::error_code support_application_version::operator()(kv::write_txn& txn) const
{
    auto found = find_application_version(txn, key);
    if (!found || found->application_id != application_id)
        return errc::unknown_application_version;
    const auto owner = find_application(txn, application_id);
    if (supported && found->master_key && owner && !place_of_master_key(*owner, master_key_id(*found->master_key)))
        return errc::master_key_removed;
    if (found->supported != supported) {
        found->supported = supported;
        txn.put(tables::versions, crypto::as_bytes(key), encode(*found));
        tell_of_application(txn, by, application_id, supported ? action::support_version : action::retire_version, key);
    }
    return {};
}

kv::error_code erase_claims::operator()(kv::write_txn& txn)
{
    std::vector<crypto::bytes> keys;
    const auto prefix = kv::key{}.text(application_id);
    txn.scan_prefix(tables::claims, prefix, [&](crypto::bytes_view key, crypto::bytes_view) {
        keys.emplace_back(key.begin(), key.end());
        return keys.size() < rows_max;
    });
    for (const auto& key : keys)
        txn.erase(tables::claims, key);
    erased = keys.size();
    return {};
}

kv::error_code remove_application::operator()(kv::write_txn& txn) const
{
    if (!txn.get(tables::applications, crypto::as_bytes(id)))
        return errc::unknown_application;
    const auto use = find_application_use(txn, id, looked_at, remove_application_look_rows);
    if (use.in_use)
        return errc::application_in_use;
    bool has_claims = false;
    txn.scan_prefix(tables::claims, kv::key{}.text(id), [&](crypto::bytes_view, crypto::bytes_view) {
        has_claims = true;
        return false;
    });
    if (use.more || has_claims)
        return errc::changed_meanwhile;

    const auto versions = versions_of(txn, id);
    std::vector<account> seeing;
    txn.scan(tables::accounts, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
        auto each = decode<account>(value);
        if (std::erase(each.applications, id) > 0)
            seeing.push_back(std::move(each));
        return true;
    });
    for (const stored_application_version& each : versions)
        txn.erase(tables::versions, crypto::as_bytes(each.key));
    for (const account& each : seeing)
        txn.put(tables::accounts, crypto::as_bytes(each.username), encode(each));
    erase_webhooks(txn, id);
    txn.erase(tables::applications, crypto::as_bytes(id));
    tell_of_application(txn, by, id, action::remove_application, {});
    return {};
}

kv::error_code create_account::operator()(kv::write_txn& txn) const
{
    if (find_account(txn, record.username))
        return errc::account_exists;
    if (txn.row_count(tables::accounts) >= accounts_max)
        return errc::too_many_accounts;
    txn.put(tables::accounts, crypto::as_bytes(record.username), encode(record));
    tell_of_account(txn, by, record.username, action::create_account, describe(record));
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
        tell_of_account(txn, by, username, action::assign_application, application_id, application_id);
    }
    result = *std::move(found);
    return {};
}

kv::error_code unassign_application::operator()(kv::write_txn& txn)
{
    auto found = find_account(txn, username);
    if (!found)
        return errc::account_not_found;
    if (std::erase(found->applications, application_id) > 0) {
        txn.put(tables::accounts, crypto::as_bytes(username), encode(*found));
        tell_of_account(txn, by, username, action::unassign_application, application_id, application_id);
    }
    result = *std::move(found);
    return {};
}

kv::error_code change_account::operator()(kv::write_txn& txn)
{
    const auto found = find_account(txn, username);
    if (!found)
        return errc::account_not_found;
    account changed = *found;
    changed.enabled = enabled.value_or(changed.enabled);
    changed.its_role = its_role.value_or(changed.its_role);
    changed.rights = rights.value_or(changed.rights);
    changed.password_hash = password_hash.value_or(changed.password_hash);
    if (administers(*found) && !administers(changed) && !has_other_admin(txn, username))
        return errc::last_admin;
    if (changed != *found)
        txn.put(tables::accounts, crypto::as_bytes(username), encode(changed));
    if (auto what = describe_change(*found, changed); !what.empty())
        tell_of_account(txn, by, username, action::change_account, std::move(what));
    if (changed.password_hash != found->password_hash)
        tell_of_account(txn, by, username, action::rotate_password, {});
    result = std::move(changed);
    return {};
}

kv::error_code remove_account::operator()(kv::write_txn& txn) const
{
    const auto found = find_account(txn, username);
    if (!found)
        return errc::account_not_found;
    if (administers(*found) && !has_other_admin(txn, username))
        return errc::last_admin;
    for (const std::string& name : token_names(txn, username))
        txn.erase(tables::account_tokens, account_token_key(username, name));
    txn.erase(tables::accounts, crypto::as_bytes(username));
    tell_of_account(txn, by, username, action::remove_account, {});
    return {};
}

kv::error_code create_account_token::operator()(kv::write_txn& txn) const
{
    if (!find_account(txn, username))
        return errc::account_not_found;
    if (find_account_token(txn, username, record.name))
        return errc::account_token_exists;
    if (token_names(txn, username).size() >= account_tokens_max)
        return errc::too_many_account_tokens;
    txn.put(tables::account_tokens, account_token_key(username, record.name), encode(record));
    tell_of_account(txn, by, username, action::create_token, record.name);
    return {};
}

kv::error_code remove_account_tokens::operator()(kv::write_txn& txn) const
{
    if (!find_account(txn, username))
        return errc::account_not_found;
    if (name && !find_account_token(txn, username, *name))
        return errc::account_token_not_found;
    const auto names = name ? std::vector<std::string>{*name} : token_names(txn, username);
    for (const std::string& each : names) {
        txn.erase(tables::account_tokens, account_token_key(username, each));
        tell_of_account(txn, by, username, action::revoke_token, each);
    }
    return {};
}

kv::error_code note_token_uses::operator()(kv::write_txn& txn) const
{
    for (const use& each : uses) {
        auto found = find_account_token(txn, each.username, each.name);
        if (!found || found->digest != each.digest || found->last_used_at >= each.at)
            continue;
        found->last_used_at = each.at;
        txn.put(tables::account_tokens, account_token_key(each.username, each.name), encode(*found));
    }
    return {};
}

kv::error_code begin_idempotent_request::operator()(kv::write_txn& txn) const
{
    const auto before = find_idempotent_request(txn, mark);
    if (before && before->expires_at > now)
        return errc::changed_meanwhile;
    if (!before && txn.row_count(tables::idempotent_requests) >= idempotent_requests_max)
        return errc::too_many_idempotency_keys;
    txn.put(tables::idempotent_requests, mark, encode(record));
    txn.put(tables::due, due_key(record.expires_at, due_kind::idempotent_request, mark), {});
    return {};
}

kv::error_code end_idempotent_request::operator()(kv::write_txn& txn) const
{
    auto found = find_idempotent_request(txn, mark);
    if (!found) // it took longer than it would have been remembered
        return {};
    if (sealed_answer) {
        found->sealed_answer = sealed_answer;
        txn.put(tables::idempotent_requests, mark, encode(*found));
        return {};
    }
    txn.erase(tables::idempotent_requests, mark);
    txn.erase(tables::due, due_key(found->expires_at, due_kind::idempotent_request, mark));
    return {};
}

kv::error_code erase_due::operator()(kv::write_txn& txn) const
{
    for (const due_row& row : rows) {
        switch (row.kind) {
        case due_kind::registration:
        case due_kind::end_of_block:
            break;
        case due_kind::temporary_key:
            txn.erase(tables::temporary_keys, row.what);
            break;
        case due_kind::seen:
            txn.erase(tables::seen, row.what);
            break;
        case due_kind::job:
            txn.erase(tables::jobs, row.what);
            break;
        case due_kind::delivery:
            expire_delivery(txn, row.at, row.what);
            break;
        case due_kind::idempotent_request: {
            const auto found = find_idempotent_request(txn, crypto::take<32>(row.what));
            if (found && found->expires_at <= row.at) // a later request may have taken the same key
                txn.erase(tables::idempotent_requests, row.what);
            break;
        }
        }
        txn.erase(tables::due, due_key(row.at, row.kind, row.what));
    }
    return {};
}

} // namespace doorward::registry
