#include "registry/erasure.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"
#include "registry/changes.hpp"
#include "registry/events.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

constexpr std::string_view pseudonym_prefix = "erased-";

// Is there anything of the user in a row? Its registration's own rows tell names of the phone, too.
bool is_erasable(const history_row& row, bool of_the_user, const forgotten_user& whom)
{
    return row.who.external_user_id == whom.user_id || (of_the_user && !row.name.empty());
}

bool belongs_to(const kv::read_txn& txn, registration_number number, const forgotten_user& whom)
{
    const auto record = find_registration(txn, number);
    return record && record->erased_at != 0 && record->user_id == whom.pseudonym;
}

void replace(std::string& text, const forgotten_user& whom)
{
    if (text == whom.user_id)
        text = whom.pseudonym;
}

} // namespace

std::string pseudonym_of(const crypto::sealer& with, std::string_view user_id)
{
    const auto key = with.derive("erased users");
    return std::string{pseudonym_prefix} + crypto::to_hex(crypto::blake2b<16>(crypto::as_bytes(user_id), key.view()));
}

kv::error_code erase_registrations::operator()(kv::write_txn& txn) const
{
    for (const registration_number number : numbers) {
        auto record = find_registration(txn, number);
        const auto state_of = find_counters(txn, number);
        if (!record || !state_of || state_of->word.current() != state::removed || record->user_id != whom.user_id)
            continue;
        txn.erase(tables::by_user, user_key(whom.user_id, number));
        txn.put(tables::by_user, user_key(whom.pseudonym, number), {});
        rename_user_in_events(txn, number, whom.user_id, whom.pseudonym);
        txn.erase(tables::metadata, number_key(number));
        record->user_id = whom.pseudonym;
        record->name.clear();
        record->platform.clear();
        record->device_info.clear();
        record->extras.clear();
        record->erased_at = progress.now;
        txn.put(tables::registrations, number_key(number), encode(*record));
    }
    return progress(txn);
}

erasable_history find_erasable(const kv::read_txn& txn, const forgotten_user& whom, history_place from)
{
    erasable_history out;
    const kv::key first = from.number == 0 ? kv::key{} : history_key(from.number, from.version);
    registration_number last = 0;
    bool of_the_user = false;
    std::size_t looked_at = 0;
    txn.scan(tables::history, first, [&](crypto::bytes_view key, crypto::bytes_view value) {
        const history_place here{kv::from_number(key), kv::from_descending(key.last(8))};
        if (++looked_at > erase_walk_rows || out.rows.size() == erase_rewrite_max) {
            out.next = here;
            return false;
        }
        if (here.number != last)
            of_the_user = belongs_to(txn, here.number, whom);
        last = here.number;
        if (is_erasable(decode<history_row>(value), of_the_user, whom))
            out.rows.push_back(here);
        return true;
    });
    return out;
}

kv::error_code erase_history::operator()(kv::write_txn& txn) const
{
    auto record = find_job(txn, job_id);
    if (!record || record->now != job_state::running)
        return {};
    for (const history_place& each : rows) {
        const kv::key key = history_key(each.number, each.version);
        const auto found = txn.get(tables::history, key);
        if (!found)
            continue;
        auto row = decode<history_row>(*found);
        replace(row.who.external_user_id, whom);
        if (belongs_to(txn, each.number, whom))
            row.name.clear();
        txn.put(tables::history, key, encode(row));
    }
    record->walked_number = next.number;
    record->walked_version = next.version;
    txn.put(tables::jobs, job_id.view(), encode(*record));
    return {};
}

kv::error_code finish_erasure::operator()(kv::write_txn& txn) const
{
    auto record = find_job(txn, job_id);
    if (!record || record->now != job_state::running)
        return {};
    std::vector<registration_number> left;
    scan_user(txn, whom.user_id, 0, [&](registration_number number) {
        left.push_back(number);
        return left.size() < job_chunk;
    });
    if (!left.empty()) {
        put_job_targets(txn, job_id, *record, left);
        record->matched += static_cast<std::uint32_t>(left.size());
        record->walked_number = 0;
        record->walked_version = 0;
        txn.put(tables::jobs, job_id.view(), encode(*record));
        return {};
    }
    for (const std::string& each : application_ids)
        txn.erase(tables::claims, claims_key(each, whom.user_id));
    std::vector<std::pair<uuid, job>> mentioning;
    scan_jobs(txn, [&](const uuid& id, const job& other) {
        if (id != job_id && other.who.external_user_id == whom.user_id)
            mentioning.emplace_back(id, other);
        return true;
    });
    for (auto& [id, other] : mentioning) {
        replace(other.who.external_user_id, whom);
        txn.put(tables::jobs, id.view(), encode(other));
    }
    replace(record->who.external_user_id, whom);
    end_job(txn, job_id, *record, job_state::done, now);
    txn.put(tables::jobs, job_id.view(), encode(*record));
    return {};
}

} // namespace doorward::registry
