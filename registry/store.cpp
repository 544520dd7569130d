#include "registry/store.hpp"
#include "crypto/digest.hpp"
#include "registry/journal.hpp"
#include "registry/master_key.hpp"

#include <algorithm>
#include <limits>
#include <queue>

namespace doorward::registry {
namespace {

using crypto::as_bytes;
using crypto::bytes_view;

template <class Record>
std::optional<Record> find(const kv::read_txn& txn, kv::table from, bytes_view key)
{
    const auto found = txn.get(from, key);
    if (!found)
        return std::nullopt;
    return decode<Record>(*found);
}

std::optional<registration_number> to_number(std::optional<bytes_view> value)
{
    if (!value)
        return std::nullopt;
    if (value->size() != 8)
        throw record_fault{"a registration number that is not one"};
    return crypto::from_big_endian<registration_number>(*value);
}

} // namespace

std::optional<registration_number> find_number(const kv::read_txn& txn, const uuid& id)
{
    return to_number(txn.get(tables::ids, id.view()));
}

std::optional<registration> find_registration(const kv::read_txn& txn, registration_number number)
{
    return find<registration>(txn, tables::registrations, number_key(number));
}

std::optional<std::string> find_user_id(const kv::read_txn& txn, registration_number number)
{
    const auto found = txn.get(tables::registrations, number_key(number));
    return found ? std::optional{decode_user_id(*found)} : std::nullopt;
}

std::optional<counters> find_counters(const kv::read_txn& txn, registration_number number)
{
    return find<counters>(txn, tables::counters, number_key(number));
}

std::optional<stored_keys> find_keys(const kv::read_txn& txn, registration_number number)
{
    return find<stored_keys>(txn, tables::keys, number_key(number));
}

std::optional<stored_temporary_key> find_temporary_key(const kv::read_txn& txn, const uuid& id)
{
    return find<stored_temporary_key>(txn, tables::temporary_keys, id.view());
}

std::optional<stored_application> find_application(const kv::read_txn& txn, std::string_view id)
{
    return find<stored_application>(txn, tables::applications, as_bytes(id));
}

std::optional<stored_application_version> find_application_version(const kv::read_txn& txn, std::string_view key)
{
    return find<stored_application_version>(txn, tables::versions, as_bytes(key));
}

std::optional<account> find_account(const kv::read_txn& txn, std::string_view username)
{
    return find<account>(txn, tables::accounts, as_bytes(username));
}

std::optional<account_token> find_account_token(const kv::read_txn& txn, std::string_view username,
                                                std::string_view name)
{
    return find<account_token>(txn, tables::account_tokens, account_token_key(username, name));
}

void scan_account_tokens(const kv::read_txn& txn, std::string_view username,
                         const std::function<bool(const account_token&)>& visit)
{
    txn.scan_prefix(tables::account_tokens, account_token_key(username, {}),
                    [&](bytes_view, bytes_view value) { return visit(decode<account_token>(value)); });
}

std::optional<idempotent_request> find_idempotent_request(const kv::read_txn& txn, const idempotency_mark& mark)
{
    return find<idempotent_request>(txn, tables::idempotent_requests, mark);
}

std::optional<registration_number> find_token_owner(const kv::read_txn& txn, const uuid& token)
{
    return to_number(txn.get(tables::token_ids, token.view()));
}

std::optional<stored_token> find_token(const kv::read_txn& txn, registration_number owner, const uuid& token)
{
    return find<stored_token>(txn, tables::tokens, token_key(owner, token));
}

std::optional<stored_claims> find_claims(const kv::read_txn& txn, std::string_view application_id,
                                         std::string_view user_id)
{
    return find<stored_claims>(txn, tables::claims, claims_key(application_id, user_id));
}

std::optional<stored_metadata> find_metadata(const kv::read_txn& txn, registration_number number)
{
    return find<stored_metadata>(txn, tables::metadata, number_key(number));
}

std::optional<webhook> find_webhook(const kv::read_txn& txn, std::string_view application_id, const uuid& id)
{
    return find<webhook>(txn, tables::webhooks, webhook_key(application_id, id));
}

void scan_webhooks(const kv::read_txn& txn, std::optional<std::string_view> application_id,
                   const std::function<bool(webhook)>& visit)
{
    const auto take = [&](bytes_view, bytes_view value) { return visit(decode<webhook>(value)); };
    if (application_id)
        txn.scan_prefix(tables::webhooks, kv::key{}.text(*application_id), take);
    else
        txn.scan(tables::webhooks, {}, take);
}

event_sequence find_webhook_cursor(const kv::read_txn& txn, const uuid& id)
{
    return to_number(txn.get(tables::webhook_cursors, id.view())).value_or(0);
}

std::optional<delivery> find_delivery(const kv::read_txn& txn, const uuid& webhook_id, event_sequence sequence)
{
    return find<delivery>(txn, tables::deliveries, delivery_key(webhook_id, sequence));
}

void scan_deliveries(const kv::read_txn& txn, const uuid& webhook_id, event_sequence before,
                     const std::function<bool(event_sequence, const delivery&)>& visit)
{
    const event_sequence newest = before == 0 ? std::numeric_limits<event_sequence>::max() : before - 1;
    txn.scan(tables::deliveries, delivery_key(webhook_id, newest), [&](bytes_view key, bytes_view value) {
        return std::ranges::equal(key.first(16), webhook_id.view()) &&
               visit(kv::from_descending(key.last(8)), decode<delivery>(value));
    });
}

std::vector<event_sequence> find_redeliveries(const kv::read_txn& txn, const uuid& webhook_id)
{
    std::vector<event_sequence> out;
    txn.scan_prefix(tables::redeliveries, webhook_id.view(), [&](bytes_view key, bytes_view) {
        out.push_back(kv::from_number(key.last(8)));
        return true;
    });
    return out;
}

std::optional<job> find_job(const kv::read_txn& txn, const uuid& id)
{
    return find<job>(txn, tables::jobs, id.view());
}

std::vector<registration_number> find_job_targets(const kv::read_txn& txn, const uuid& id, std::uint32_t chunk)
{
    std::vector<registration_number> out;
    const auto found = txn.get(tables::job_targets, job_target_key(id, chunk));
    for (bytes_view rest = found.value_or(bytes_view{}); rest.size() >= 8; rest = rest.subspan(8))
        out.push_back(crypto::from_big_endian<registration_number>(rest));
    return out;
}

bool is_seen(const kv::read_txn& txn, const crypto::byte_array<16>& mark)
{
    return txn.get(tables::seen, mark).has_value();
}

std::optional<registration_number> find_by_code(const kv::read_txn& txn, std::string_view application_id,
                                                std::string_view code)
{
    return to_number(txn.get(tables::by_code, code_key(application_id, code)));
}

application_use find_application_use(const kv::read_txn& txn, std::string_view application_id,
                                     registration_number behind, std::size_t rows_max)
{
    application_use out;
    out.looked_at = behind;
    std::size_t rows = 0;
    txn.scan(tables::registrations, number_key(behind + 1), [&](bytes_view key, bytes_view value) {
        out.more = ++rows > rows_max;
        if (out.more)
            return false;
        out.looked_at = kv::from_number(key);
        if (decode<registration>(value).application_id == application_id) {
            const auto attempts = find_counters(txn, out.looked_at); // a change of state always writes the table
            out.in_use = !attempts || attempts->word.current() != state::removed;
        }
        return !out.in_use;
    });
    return out;
}

std::optional<counters> find_counters(const snapshot& from, registration_number number)
{
    const kv::read_txn& txn = from;
    auto out = find_counters(txn, number);
    if (out) {
        if (const auto unfolded = from.unfolded().find_unfolded(number))
            merge(*out, *unfolded);
    }
    return out;
}

std::optional<full_registration> find_full(const snapshot& from, const uuid& id)
{
    const auto number = find_number(from, id);
    if (!number)
        return std::nullopt;
    return find_full(from, *number);
}

std::optional<full_registration> find_full(const snapshot& from, registration_number number)
{
    const kv::read_txn& txn = from;
    const auto record = txn.get(tables::registrations, number_key(number));
    auto attempts = find_counters(from, number);
    if (!record || !attempts)
        return std::nullopt;
    std::optional out{full_registration{number, decode<registration>(*record), *std::move(attempts)}};
    // Unfolded counters may be newer than the snapshot: the registration is not blocked any more.
    if (out->current() != state::blocked)
        out->record.blocked_reason.clear();
    return out;
}

void scan_attempts(const kv::read_txn& txn, registration_number number, row_sequence from, bool from_newest,
                   const std::function<bool(row_sequence, const attempt_row&)>& visit)
{
    if (from_newest) {
        const auto folded = find_counters(txn, number);
        from = std::max(from, folded ? folded->last_row : row_sequence{0});
    }
    while (from != 0) {
        const auto found = find<attempt_row>(txn, tables::journal, row_key(from));
        if (!found || found->number != number || !visit(from, *found))
            return;
        from = found->previous < from ? found->previous : 0;
    }
}

std::optional<reported_attempt> find_report(const kv::read_txn& txn, registration_number number,
                                            std::string_view attempt_id)
{
    const auto sequence = to_number(txn.get(tables::reports, report_key(number, attempt_id)));
    if (!sequence)
        return std::nullopt;
    auto row = find<attempt_row>(txn, tables::journal, row_key(*sequence));
    if (!row)
        return std::nullopt;
    return reported_attempt{*sequence, *std::move(row)};
}

kv::key report_key(registration_number number, std::string_view attempt_id)
{
    return kv::key{}.number(number).raw(crypto::blake2b<16>(as_bytes(attempt_id)));
}

void scan_journal(const kv::read_txn& txn, row_sequence from,
                  const std::function<bool(row_sequence, const attempt_row&)>& visit)
{
    txn.scan(tables::journal, row_key(from), [&](bytes_view key, bytes_view value) {
        return visit(crypto::from_big_endian<row_sequence>(key), decode<attempt_row>(value));
    });
}

row_sequence find_row_at(const kv::read_txn& txn, time_ms at)
{
    const auto last = txn.last(tables::journal);
    row_sequence low = 0;
    row_sequence high = last ? crypto::from_big_endian<row_sequence>(last->key) + 1 : 0;
    while (low < high) { // every row before `low` is earlier, every one from `high` on is not
        const row_sequence middle = low + (high - low) / 2;
        row_sequence found = high;
        bool earlier = false;
        scan_journal(txn, middle, [&](row_sequence sequence, const attempt_row& row) {
            found = sequence;
            earlier = row.at < at;
            return false;
        });
        if (earlier)
            low = found + 1;
        else
            high = middle;
    }
    return low;
}

void scan_user(const kv::read_txn& txn, std::string_view user_id, registration_number before,
               const std::function<bool(registration_number)>& visit)
{
    const kv::key prefix = kv::key{}.text(user_id);
    const kv::key first = user_key(user_id, before == 0 ? std::numeric_limits<std::uint64_t>::max() : before - 1);
    txn.scan(tables::by_user, first, [&](bytes_view key, bytes_view) {
        const bytes_view wanted = prefix;
        if (key.size() != wanted.size() + 8 || !std::ranges::equal(key.first(wanted.size()), wanted))
            return false;
        return visit(kv::from_descending(key.last(8)));
    });
}

void scan_users(const kv::read_txn& txn, const std::vector<std::string>& user_ids, registration_number before,
                const std::function<bool(registration_number)>& visit)
{
    // The newest of each user that was not visited yet.
    std::priority_queue<std::pair<registration_number, const std::string*>> next;
    const auto look_below = [&](const std::string& user_id, registration_number below) {
        scan_user(txn, user_id, below, [&](registration_number number) {
            next.emplace(number, &user_id);
            return false;
        });
    };
    for (const std::string& each : user_ids)
        look_below(each, before);
    while (!next.empty()) {
        const auto [number, user_id] = next.top();
        next.pop();
        if (!visit(number))
            return;
        look_below(*user_id, number);
    }
}

void scan_users_with_prefix(const kv::read_txn& txn, std::string_view prefix,
                            const std::function<next_of_users(std::string_view user_id, registration_number)>& visit)
{
    constexpr std::size_t behind_name = 1 + sizeof(registration_number); // its end, and the number
    kv::key from{as_bytes(prefix)};
    for (auto next = next_of_users::user; next == next_of_users::user;) {
        next = next_of_users::nothing;
        txn.scan(tables::by_user, from, [&](bytes_view key, bytes_view) {
            const std::string_view user_id = crypto::as_text(key.first(key.size() - behind_name));
            if (!user_id.starts_with(prefix))
                return false;
            next = visit(user_id, kv::from_descending(key.last(sizeof(registration_number))));
            if (next == next_of_users::user)
                from = kv::key{as_bytes(user_id)}.small(1); // behind all of his
            return next == next_of_users::registration;
        });
    }
}

void scan_registrations(const kv::read_txn& txn, registration_number before,
                        const std::function<bool(registration_number)>& visit)
{
    const auto last = to_number(txn.get(tables::meta, as_bytes(meta_key::last_number)));
    const auto newest = last.value_or(0);
    for (auto number = before == 0 ? newest : std::min(before - 1, newest); number > 0; --number) {
        if (!visit(number))
            return;
    }
}

void scan_children(const kv::read_txn& txn, registration_number parent, registration_number before,
                   const std::function<bool(registration_number)>& visit)
{
    const kv::key first = child_key(parent, before == 0 ? std::numeric_limits<std::uint64_t>::max() : before - 1);
    txn.scan(tables::children, first, [&](bytes_view key, bytes_view) {
        return kv::from_number(key) == parent && visit(kv::from_descending(key.last(8)));
    });
}

std::size_t count_children(const kv::read_txn& txn, registration_number parent)
{
    std::size_t count = 0;
    scan_children(txn, parent, 0, [&](registration_number) {
        ++count;
        return true;
    });
    return count;
}

void scan_history(const kv::read_txn& txn, registration_number number, std::uint64_t before,
                  const std::function<bool(const history_row&)>& visit)
{
    const kv::key first = history_key(number, before == 0 ? std::numeric_limits<std::uint64_t>::max() : before - 1);
    txn.scan(tables::history, first, [&](bytes_view key, bytes_view value) {
        return key.size() == 16 && crypto::from_big_endian<std::uint64_t>(key) == number &&
               visit(decode<history_row>(value));
    });
}

void scan_tokens(const kv::read_txn& txn, registration_number owner,
                 const std::function<bool(const uuid&, const stored_token&)>& visit)
{
    txn.scan_prefix(tables::tokens, number_key(owner), [&](bytes_view key, bytes_view value) {
        const uuid id{crypto::take<16>(key.last(16))};
        return visit(id, decode<stored_token>(value));
    });
}

void scan_jobs(const kv::read_txn& txn, const std::function<bool(const uuid&, const job&)>& visit)
{
    txn.scan(tables::jobs, {}, [&](bytes_view key, bytes_view value) {
        const uuid id{crypto::take<16>(key)};
        return visit(id, decode<job>(value));
    });
}

std::vector<due_row> find_due(const kv::read_txn& txn, time_ms now, std::size_t rows_max)
{
    std::vector<due_row> out;
    txn.scan(tables::due, {}, [&](bytes_view key, bytes_view) {
        const auto at = crypto::from_big_endian<time_ms>(key);
        if (at > now || out.size() >= rows_max)
            return false;
        const bytes_view what = key.subspan(9);
        out.push_back({at, static_cast<due_kind>(key[8]), {what.begin(), what.end()}});
        return true;
    });
    return out;
}

std::optional<crypto::byte> find_format(const kv::read_txn& txn)
{
    const auto key = as_bytes(meta_key::format);
    const auto stored = txn.get_as_stored(tables::meta, key);
    if (!stored)
        return std::nullopt;
    if (stored->size() == 1) // rows had no sums
        return (*stored)[0];
    if (stored->size() != 1 + kv::sum_bytes || !txn.is_sound(tables::meta, key, *stored))
        throw record_fault{"the row of the table meta that says what the store is, is damaged"};
    return (*stored)[0];
}

bool is_initialised(const kv::read_txn& txn)
{
    return find_format(txn).has_value();
}

namespace {

void require_format(crypto::byte found, const std::filesystem::path& directory)
{
    if (found > store_format)
        throw kv::open_error{"the store was written by a newer doorward: its format is " + std::to_string(found) +
                             ", this one knows up to " + std::to_string(store_format)};
    if (found < store_format)
        throw kv::open_error{"the store was written by an older doorward: its format is " + std::to_string(found) +
                             "; back it up, then bring it to " + std::to_string(store_format) +
                             " with: doorward upgrade --data " + directory.string()};
}

} // namespace

void require_store(const kv::read_txn& txn, const std::filesystem::path& directory)
{
    const auto format = find_format(txn);
    if (!format)
        throw kv::open_error{directory.string() + " holds no store yet; make one with: doorward init --data " +
                             directory.string()};
    require_format(*format, directory);
}

void initialise(kv::write_txn& txn, const crypto::sealer& with)
{
    txn.put(tables::meta, as_bytes(meta_key::format), std::span{&store_format, 1});
    txn.put(tables::meta, as_bytes(meta_key::key_check), seal_key_check(with));
    txn.put(tables::meta, as_bytes(meta_key::last_number), crypto::big_endian(registration_number{0}));
}

} // namespace doorward::registry
