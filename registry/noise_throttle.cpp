#include "registry/noise_throttle.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace doorward::registry {
namespace {

constexpr std::uint64_t us_per_ms = 1000;
constexpr std::uint64_t minute_us = 60'000 * us_per_ms;

constexpr unsigned tag_shift = 52;
constexpr std::uint64_t free_at_mask = (std::uint64_t{1} << tag_shift) - 1; // enough until the year 2112

constexpr std::uint64_t free_at(std::uint64_t cell) noexcept
{
    return cell & free_at_mask;
}

// Is the budget of this cell not whole? A time further ahead than any spending puts it is left over from before the
// clock was set back. Threads may differ a little about `now`, hence two minutes and not one.
constexpr bool is_used(std::uint64_t cell, std::uint64_t now) noexcept
{
    return free_at(cell) > now && free_at(cell) <= now + 2 * minute_us;
}

// The greatest budget must still cost something.
static_assert(minute_us / (std::uint64_t{unproven_per_minute_max} * unproven_address_factor) > 0);

std::uint64_t in_us(time_ms now) noexcept
{
    return std::min(static_cast<std::uint64_t>(std::max(now, time_ms{0})) * us_per_ms, free_at_mask - 2 * minute_us);
}

struct chosen_cell {
    std::atomic<std::uint64_t>* cell;
    std::uint64_t content;
    std::uint64_t tag; // what it has from now on
};

// The cell of a tag: the one it has, else the first that is unused, else one that it shares.
template <class Cells>
chosen_cell choose(Cells& cells, std::uint64_t tag, std::uint64_t now) noexcept
{
    chosen_cell unused{nullptr, 0, tag};
    for (auto& cell : cells) {
        // relaxed: a cell carries all its data.
        const auto content = cell.load(std::memory_order_relaxed);
        const bool used = is_used(content, now);
        if (used && content >> tag_shift == tag)
            return {&cell, content, tag};
        if (!used && unused.cell == nullptr)
            unused = {&cell, content, tag};
    }
    if (unused.cell != nullptr)
        return unused;
    // Always the same one, so that sharing gives nobody more than a budget.
    auto& shared = cells[tag % std::size(cells)];
    const auto content = shared.load(std::memory_order_relaxed);
    return {&shared, content, is_used(content, now) ? content >> tag_shift : tag};
}

// When the budget of a cell is whole again after one more attempt.
std::uint64_t after_one_more(std::uint64_t content, std::uint64_t cost, std::uint64_t now) noexcept
{
    return (is_used(content, now) ? free_at(content) : now) + cost;
}

std::uint64_t too_far(std::uint64_t next, std::uint64_t now) noexcept
{
    return next > now + minute_us ? next - now - minute_us : 0;
}

time_ms in_ms(std::uint64_t wait) noexcept
{
    return static_cast<time_ms>((wait + us_per_ms - 1) / us_per_ms);
}

} // namespace

noise_throttle::noise_throttle(std::size_t cells) : registrations_{cells}, addresses_{cells} {}

time_ms noise_throttle::spend(const uuid* id, const source_address* from, unsigned per_minute, time_ms now) noexcept
{
    assert(per_minute <= unproven_per_minute_max);
    if (per_minute == 0)
        return 0;
    const time_us at = in_us(now);
    const time_us cost = minute_us / per_minute;
    const time_us address_cost = minute_us / (std::uint64_t{per_minute} * unproven_address_factor);

    table::place address{};
    if (from != nullptr) {
        address = addresses_.place_of(from->network());
        // Looked at first, so that an address without room does not use up the budget of a registration.
        if (const auto wait = table::wait(address, address_cost, at); wait > 0)
            return in_ms(wait);
    }
    if (id != nullptr) {
        if (const auto wait = table::spend(registrations_.place_of(id->view()), cost, at); wait > 0)
            return in_ms(wait);
    }
    return from == nullptr ? 0 : in_ms(table::spend(address, address_cost, at));
}

void noise_throttle::give_back(const source_address& from, unsigned per_minute, time_ms now) noexcept
{
    assert(per_minute <= unproven_per_minute_max);
    if (per_minute == 0)
        return;
    const time_us cost = minute_us / (std::uint64_t{per_minute} * unproven_address_factor);
    table::give_back(addresses_.place_of(from.network()), cost, in_us(now));
}

noise_throttle::table::table(std::size_t cells)
    : key_{crypto::random_array<32>()},
      mask_{cells / cells_per_bucket - 1},
      buckets_{new bucket[cells / cells_per_bucket]}
{
    assert(std::has_single_bit(cells) && cells >= cells_per_bucket);
}

noise_throttle::table::place noise_throttle::table::place_of(crypto::bytes_view key) const noexcept
{
    const auto hash = crypto::blake2b<16>(key, key_);
    const auto index = crypto::from_big_endian<std::uint64_t>(crypto::bytes_view{hash}.first(8));
    const auto tag = crypto::from_big_endian<std::uint64_t>(crypto::bytes_view{hash}.last(8));
    return {&buckets_[index & mask_], tag >> tag_shift};
}

noise_throttle::time_us noise_throttle::table::wait(const place& at, time_us cost, time_us now) noexcept
{
    const auto found = choose(at.where->cells, at.tag, now);
    return too_far(after_one_more(found.content, cost, now), now);
}

noise_throttle::time_us noise_throttle::table::spend(const place& at, time_us cost, time_us now) noexcept
{
    for (;;) {
        auto found = choose(at.where->cells, at.tag, now);
        const auto next = after_one_more(found.content, cost, now);
        if (const auto wait = too_far(next, now); wait > 0)
            return wait; // (2)
        // relaxed: a cell carries all its data. A swap that lost looks again, at another cell perhaps.
        if (found.cell->compare_exchange_strong(found.content, found.tag << tag_shift | next,
                                                std::memory_order_relaxed)) {
            assert(next > now && next <= now + minute_us); // (1)
            return 0;
        }
    }
}

void noise_throttle::table::give_back(const place& at, time_us cost, time_us now) noexcept
{
    for (;;) {
        auto found = choose(at.where->cells, at.tag, now);
        if (!is_used(found.content, now) || found.content >> tag_shift != at.tag)
            return; // whole again, or not its own
        // A time in the past is a whole budget (3).
        const auto next = std::max(free_at(found.content), cost) - cost;
        if (found.cell->compare_exchange_strong(found.content, at.tag << tag_shift | next, std::memory_order_relaxed))
            return;
    }
}

} // namespace doorward::registry
