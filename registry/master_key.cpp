#include "registry/master_key.hpp"
#include "registry/administration.hpp"
#include "registry/keys.hpp"
#include "registry/sealed_fields.hpp"

namespace doorward::registry {
namespace {

using crypto::as_bytes;
using crypto::bytes;
using crypto::bytes_view;
using crypto::sealer;

constexpr std::string_view known_text = "doorward";
constexpr const char* about_master_key = "master key"; // the subject of its events

bytes place_in_meta(std::string_view name)
{
    return seal_place("meta", {}, name);
}

std::optional<bytes_view> find_key_check(const kv::read_txn& txn)
{
    return txn.get(tables::meta, as_bytes(meta_key::key_check));
}

sealer::master_key view_of(const crypto::secret<32>& key)
{
    return key.view().first<crypto::guarded_key::size>();
}

bool opens(sealer::master_key key, bytes_view check)
{
    const auto number = sealer::number_of(check);
    return number != 0 && sealer{key, number}.open(check, place_in_meta(meta_key::key_check)).has_value();
}

// Which of the keys it is; as many as there are: none.
std::size_t find_opener(std::span<const crypto::secret<32>> at_hand, bytes_view check)
{
    const auto found = std::ranges::find_if(at_hand, [check](const auto& key) { return opens(view_of(key), check); });
    return static_cast<std::size_t>(found - at_hand.begin());
}

void learn_derivation(const kv::read_txn& txn, sealer& with)
{
    const auto sealed = txn.get(tables::meta, as_bytes(meta_key::derivation));
    if (!sealed)
        return;
    const auto base = with.open(*sealed, place_in_meta(meta_key::derivation));
    if (!base || base->size() != crypto::guarded_key::size)
        throw record_fault{"what keys are derived from does not open"};
    with.derive_from(base->view().first<crypto::guarded_key::size>());
}

void put_rotation(kv::write_txn& txn, const rotation& it)
{
    txn.put(tables::meta, as_bytes(meta_key::rotation), encode(it));
}

void end_rotation(kv::write_txn& txn, rotation& it, time_ms at)
{
    it.ended_at = at;
    it.former_check.clear();
    auto detail = std::to_string(it.sealed_anew) + " values";
    if (it.unreadable > 0)
        detail += ", " + std::to_string(it.unreadable) + " unreadable";
    tell_of_store(txn, at, about_master_key, action::end_rotation, std::move(detail));
}

} // namespace

std::optional<rotation> find_rotation(const kv::read_txn& txn)
{
    const auto found = txn.get(tables::meta, as_bytes(meta_key::rotation));
    return found ? std::optional{decode<rotation>(*found)} : std::nullopt;
}

bytes seal_key_check(const sealer& with)
{
    return with.seal(as_bytes(known_text), place_in_meta(meta_key::key_check));
}

bool is_master_key(const kv::read_txn& txn, sealer::master_key key)
{
    const auto check = find_key_check(txn);
    return check && opens(key, *check);
}

store_keys find_store_keys(const kv::read_txn& txn, std::span<const crypto::secret<32>> at_hand)
{
    if (find_format(txn) != store_format)
        throw kv::open_error{"the store was written by another version of doorward"};
    const auto check = find_key_check(txn);
    const std::size_t current = check ? find_opener(at_hand, *check) : at_hand.size();
    const auto under_way = find_rotation(txn);
    const bool needs_two = under_way && under_way->is_under_way();
    if (current == at_hand.size() && needs_two)
        throw kv::open_error{"the store is on its way to another master key, which is not at hand"};
    if (current == at_hand.size())
        throw kv::open_error{"the master key is not the one this store was made with"};

    store_keys out{std::make_unique<sealer>(view_of(at_hand[current]), sealer::number_of(*check)), current};
    if (needs_two) {
        const std::size_t former = find_opener(at_hand, under_way->former_check);
        if (former == at_hand.size())
            throw kv::open_error{"the store is on its way to another master key, and the one before is not at hand"};
        out.sealer->open_with(view_of(at_hand[former]), sealer::number_of(under_way->former_check));
    }
    learn_derivation(txn, *out.sealer);
    return out;
}

kv::error_code begin_rotation::operator()(kv::write_txn& txn) const
{
    const auto last = find_rotation(txn);
    const auto check = find_key_check(txn);
    if (!check || (last && last->is_under_way()))
        return errc::illegal_change;
    rotation it;
    it.number = next->number();
    it.began_at = at;
    it.former_check.assign(check->begin(), check->end());
    put_rotation(txn, it);
    txn.put(tables::meta, as_bytes(meta_key::key_check), seal_key_check(*next));
    txn.put(tables::meta, as_bytes(meta_key::derivation),
            next->seal(present->derivation_base(), place_in_meta(meta_key::derivation)));
    tell_of_store(txn, at, about_master_key, action::begin_rotation, {});
    return {};
}

// The row with its values under the present key; empty when it is so already.
std::optional<bytes> advance_rotation::seal_anew(const kv::read_txn& txn, kv::table table, bytes_view key,
                                                 bytes_view stored, rotation& it) const
{
    std::uint64_t count = 0;
    if (!txn.is_sound(table, key, stored)) {
        ++it.unreadable; // nobody gets to what it holds
        return std::nullopt;
    }
    try { // of the row alone: after a fault of the file this transaction is of no use
        const auto record = txn.get(table, key);
        const auto visit = [&](std::string_view, const bytes& place, bytes& sealed) {
            if (sealer::number_of(sealed) == keys->number())
                return;
            const auto opened = keys->open(sealed, place);
            if (!opened) {
                ++it.unreadable;
                return;
            }
            sealed = keys->seal(opened->view(), place);
            ++count;
        };
        auto out = visit_sealed(txn, table, key, record.value(), visit);
        if (count == 0)
            return std::nullopt;
        it.sealed_anew += count;
        return out;
    } catch (const record_fault&) {
        ++it.unreadable;
        return std::nullopt;
    }
}

void advance_rotation::walk(kv::write_txn& txn, rotation& it) const
{
    std::size_t looked_at = 0;
    while (it.table < std::size(tables::names)) {
        const auto table = static_cast<kv::table>(it.table);
        std::vector<std::pair<bytes, bytes>> fresh;
        bool is_through = true;
        if (has_sealed_fields(table)) {
            txn.scan_as_stored(table, it.key, [&](bytes_view key, bytes_view stored) {
                if (looked_at == rotation_reads_per_row * rows_max || fresh.size() == rows_max) {
                    it.key.assign(key.begin(), key.end());
                    is_through = false;
                    return false;
                }
                ++looked_at;
                if (auto row = seal_anew(txn, table, key, stored, it))
                    fresh.emplace_back(bytes{key.begin(), key.end()}, *std::move(row));
                return true;
            });
        }
        for (const auto& [key, row] : fresh)
            txn.put(table, key, row);
        if (!is_through)
            return;
        ++it.table;
        it.key.clear();
        if (!fresh.empty())
            return; // so that a step writes to one table
    }
}

kv::error_code advance_rotation::operator()(kv::write_txn& txn)
{
    walk_ended = false;
    sealed_anew = 0;
    after = find_rotation(txn);
    if (!after || !after->is_under_way())
        return {};
    rotation& it = *after;
    if (starts_over) {
        it.table = 0;
        it.key.clear();
        it.walk_began_with = it.sealed_anew;
    }
    if (it.table == 0 && it.key.empty())
        it.unreadable = 0;
    const auto before = it.sealed_anew;
    walk(txn, it);
    sealed_anew = it.sealed_anew - before;
    walk_ended = it.table == std::size(tables::names);
    if (walk_ended) {
        const bool found_nothing = it.sealed_anew == it.walk_began_with;
        ++it.walks;
        it.table = 0;
        it.walk_began_with = it.sealed_anew;
        if (found_nothing)
            end_rotation(txn, it, at);
    }
    put_rotation(txn, it);
    return {};
}

} // namespace doorward::registry
