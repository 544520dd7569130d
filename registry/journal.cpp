#include "registry/journal.hpp"
#include "registry/lockout.hpp"

#include <algorithm>
#include <functional>

namespace doorward::registry {
namespace {

row_sequence stored_mark(const kv::read_txn& txn)
{
    const auto found = txn.get(tables::meta, crypto::as_bytes(meta_key::fold_mark));
    return found ? crypto::from_big_endian<row_sequence>(*found) : 0;
}

// The mark is about to pass rows that are not in these counters. A row that nobody can read stays so, even if it was
// the memory that was at fault and not the disk: otherwise it would come back without those attempts.
void give_up(kv::write_txn& txn, registration_number number)
{
    txn.put(tables::counters, number_key(number), {});
}

} // namespace

journal::journal(const kv::env& store, const journal_limits& limits) : store_{store}, limits_{limits}
{
    store_.view([this](const kv::read_txn& txn) { replay(txn); });
}

void journal::replay(const kv::read_txn& txn)
{
    mark_ = stored_mark(txn);
    std::unordered_map<registration_number, std::vector<replayed_row>> found;
    settled_row_ = mark_;
    txn.scan(tables::journal, kv::key{}.number(mark_ + 1), [&](crypto::bytes_view key, crypto::bytes_view value) {
        const auto sequence = crypto::from_big_endian<row_sequence>(key);
        const auto row = decode<attempt_row>(value);
        settled_row_ = sequence;
        const bool counted_failure = row.what.outcome == attempt_outcome::refused && row.what.counted;
        if (row.number != 0)
            found[row.number].push_back({sequence, row.word, row.counter, row.at, row.what.digest, counted_failure,
                                         is_biometric(row.what.type)});
        return true;
    });
    if (const auto last = txn.last(tables::journal))
        settled_row_ = std::max(settled_row_, crypto::from_big_endian<row_sequence>(last->key));
    next_row_ = settled_row_ + 1;
    rows_in_front_.store(settled_row_ - mark_, std::memory_order_relaxed);
    for (auto& [number, rows] : found) {
        auto now = find_sound_counters(txn, number);
        if (!now) {
            damaged_.push_back(number);
            continue;
        }
        registry::replay(*now, rows);
        insert_dirty(number, *now);
    }
}

// Empty: its row is damaged. That is no reason to keep all others waiting.
std::optional<counters> journal::find_sound_counters(const kv::read_txn& txn, registration_number number) const
{
    const kv::key key = number_key(number);
    const auto stored = txn.get_as_stored(tables::counters, key);
    if (!stored)
        throw record_fault{"an attempt on a registration that does not exist"};
    if (!txn.is_sound(tables::counters, key, *stored)) {
        store_.report("a row of the table counters is damaged");
        return std::nullopt;
    }
    try { // of the row alone: after a fault of the file this transaction is of no use
        return find_counters(txn, number);
    } catch (const record_fault& fault) {
        store_.report(fault.what());
        return std::nullopt;
    }
}

std::optional<counters> journal::find_unfolded(registration_number number) const
{
    const part_of_map& mine = part_for(number);
    const std::lock_guard lock{mine.mutex};
    const auto found = mine.entries.find(number);
    return found != mine.entries.end() ? std::optional{found->second.now} : std::nullopt;
}

journal::usage journal::used() const noexcept
{
    return {rows_in_front_.load(std::memory_order_relaxed), unfolded_.load(std::memory_order_relaxed)};
}

bool journal::is_filling() const noexcept
{
    const usage now = used();
    return now.rows_in_front > journal_rows_in_front_goal || now.unfolded > limits_.unfolded / 4 * 3;
}

// As many as it takes to keep up when the journal fills, few enough to keep a batch short otherwise.
std::size_t journal::step_size() const noexcept
{
    return is_filling() ? fold_registrations_most : fold_registrations_least;
}

bool journal::is_full() const noexcept
{
    const usage now = used();
    return now.rows_in_front >= limits_.rows_in_front || now.unfolded >= limits_.unfolded;
}

row_sequence journal::append(kv::write_txn& txn, const attempt_row& row)
{
    const row_sequence place = next_row_++; // a place that a failed batch has used stays empty
    txn.append(tables::journal, kv::key{}.number(place), encode(row));
    return place;
}

void journal::settled(row_sequence row) noexcept
{
    settled_row_ = std::max(settled_row_, row);
    rows_in_front_.store(settled_row_ - mark_, std::memory_order_relaxed);
}

void journal::settled(registration_number number, const counters& now)
{
    settled(now.last_row);
    insert_dirty(number, now);
}

void journal::insert_dirty(registration_number number, const counters& now)
{
    part_of_map& mine = part_for(number);
    const std::lock_guard lock{mine.mutex};
    const auto [place, fresh] = mine.entries.try_emplace(number);
    unfolded_entry& entry = place->second;
    if (fresh) {
        entry.now = now;
        unfolded_.fetch_add(1, std::memory_order_relaxed);
    } else {
        merge(entry.now, now);
    }
    if (!entry.dirty) {
        entry.dirty = true;
        dirty_.push_back(number);
    }
}

void journal::begin_sweep()
{
    sweep_.swap(dirty_);
    // A heap and not a sorted list: making it takes a moment only, and each step takes its share of the sorting.
    std::ranges::make_heap(sweep_, std::greater{});
    sweep_mark_ = settled_row_;
    sweeping_ = true;
}

kv::error_code journal::fold_step::operator()(kv::write_txn& txn)
{
    journal& mine = *journal_;
    const auto began = std::chrono::steady_clock::now();
    if (!mine.sweeping_) {
        if (mine.dirty_.empty() && mine.settled_row_ == mine.mark_ && mine.damaged_.empty()) {
            sweep_ended = true;
            return {};
        }
        mine.begin_sweep();
    }
    for (const registration_number each : mine.damaged_)
        give_up(txn, each);
    const std::size_t wanted = mine.step_size();
    while (written_.size() < wanted && !mine.sweep_.empty()) {
        const registration_number number = mine.sweep_.front();
        const auto fresh = mine.find_unfolded(number);
        auto stored = mine.find_sound_counters(txn, number);
        assert(fresh);
        std::ranges::pop_heap(mine.sweep_, std::greater{});
        mine.sweep_.pop_back();
        written_.push_back({number, fresh->word.version(), fresh->last_row});
        if (!stored) {
            give_up(txn, number);
            continue;
        }
        assert(stored->word.current() != state::removed || stored->word.version() >= fresh->word.version()); // (5)
        merge(*stored, *fresh);
        txn.put(tables::counters, number_key(number), encode(*stored));
    }
    folded = written_.size();
    if (mine.sweep_.empty()) {
        sweep_ended = true;
        txn.put(tables::meta, crypto::as_bytes(meta_key::fold_mark), crypto::big_endian(mine.sweep_mark_));
    }
    took = std::chrono::steady_clock::now() - began;
    return {};
}

void journal::fold_step::durable() noexcept
{
    journal& mine = *journal_;
    mine.damaged_.clear();
    const auto epoch = mine.epoch_.load();
    for (const written& each : written_) {
        part_of_map& part = mine.part_for(each.number);
        const std::lock_guard lock{part.mutex};
        unfolded_entry& entry = part.entries.at(each.number);
        if (entry.now.word.version() == each.version && entry.now.last_row == each.last_row) {
            entry.dirty = false;
            entry.folded_in = epoch;
        } else {
            mine.dirty_.push_back(each.number); // changed meanwhile: once more in the next sweep
        }
    }
    if (sweep_ended && mine.sweeping_) {
        mine.sweeping_ = false;
        mine.mark_ = mine.sweep_mark_;
        mine.rows_in_front_.store(mine.settled_row_ - mine.mark_, std::memory_order_relaxed);
    }
}

void journal::fold_step::undone() noexcept
{
    for (const written& each : written_) {
        journal_->sweep_.push_back(each.number);
        std::ranges::push_heap(journal_->sweep_, std::greater{});
    }
    written_.clear(); // it may be applied again
    folded = 0;
    sweep_ended = false;
}

std::atomic<std::uint32_t>& journal::enter() const noexcept
{
    // Sequentially consistent throughout: begin_epoch() must not find a count of 0 that this thread is about to raise
    // for an epoch that it has read before.
    for (;;) {
        const auto epoch = epoch_.load();
        auto& count = readers_[epoch % 2];
        count.fetch_add(1);
        if (epoch_.load() == epoch)
            return count;
        count.fetch_sub(1);
    }
}

journal::reading::reading(const journal& of) noexcept : count_{of.enter()} {}

journal::reading::~reading()
{
    count_.fetch_sub(1);
}

void journal::begin_epoch() noexcept
{
    // Views of the epoch before this one would be taken for views of the next.
    const auto epoch = epoch_.load();
    if (readers_[(epoch + 1) % 2].load() == 0)
        epoch_.store(epoch + 1);
}

void journal::forget_folded(std::size_t part)
{
    // Views that run began in this epoch or in the one before; an entry folded before both is in all their snapshots.
    const auto epoch = epoch_.load();
    part_of_map& mine = map_[part];
    const std::lock_guard lock{mine.mutex};
    const auto forgotten = std::erase_if(
        mine.entries, [epoch](const auto& each) { return !each.second.dirty && each.second.folded_in + 2 <= epoch; });
    unfolded_.fetch_sub(forgotten, std::memory_order_relaxed);
}

kv::error_code erase_attempts::operator()(kv::write_txn& txn)
{
    const row_sequence mark = stored_mark(txn);
    std::vector<std::pair<row_sequence, std::optional<kv::key>>> rows; // with the key of its report
    txn.scan(tables::journal, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
        const auto sequence = crypto::from_big_endian<row_sequence>(key);
        if (sequence > mark || rows.size() >= rows_max)
            return false;
        const auto row = decode<attempt_row>(value);
        if (row.at >= before)
            return false;
        std::optional<kv::key> report;
        if (row.what.report)
            report = report_key(row.number, row.what.report->attempt_id);
        rows.emplace_back(sequence, report);
        return true;
    });
    for (const auto& [sequence, report] : rows) {
        txn.erase(tables::journal, kv::key{}.number(sequence));
        if (report)
            txn.erase(tables::reports, *report);
    }
    erased = rows.size();
    return {};
}

} // namespace doorward::registry
