#include "registry/attempt_table.hpp"

#include <stdexcept>

namespace doorward::registry {

slot_place attempt_table::gone; // never filled, so it cannot be held

attempt_table::attempt_table()
{
    for (part& each : parts_)
        each.entries = std::make_unique<entry[]>(part_entries);
}

slot_ptr attempt_table::find(const uuid& id, const loader& load)
{
    part& mine = parts_[id.value[0] % parts];
    const auto hash = hash_of(id);
    if (auto found = mine.look(id, hash))
        return found;

    const std::lock_guard lock{mine.mutex};
    if (auto found = mine.look(id, hash)) // somebody else was faster, or it was being moved
        return found;
    auto loaded = load();
    if (!loaded)
        return nullptr;
    if (mine.filled >= part_slots_max)
        mine.drop_idle();
    if (mine.filled >= part_slots_possible)
        throw std::length_error{"too many attempts are under way"};
    slot_place& place = mine.free_place();
    place.fill(*std::move(loaded));
    mine.insert(place, hash);
    return slot_ptr{place};
}

std::size_t attempt_table::size() const
{
    std::size_t total = 0;
    for (const part& each : parts_) {
        const std::lock_guard lock{each.mutex};
        total += each.filled;
    }
    return total;
}

slot_ptr attempt_table::part::look(const uuid& id, std::uint64_t hash) const noexcept
{
    for (std::size_t i = 0; i < part_entries; ++i) {
        const entry& each = entries[(hash + i) % part_entries];
        // acquire: pairs with insert(), so that the place is complete.
        slot_place* const place = each.place.load(std::memory_order_acquire);
        if (place == nullptr)
            break;
        if (each.hash.load(std::memory_order_relaxed) != hash || !place->hold())
            continue;
        slot_ptr held{*place};
        if (held->owner.id == id)
            return held;
    }
    return nullptr;
}

void attempt_table::part::insert(slot_place& place, std::uint64_t hash) noexcept
{
    if (used >= part_entries_used_max) {
        tidy(); // enters this one too: it is in `places`
        return;
    }
    enter(place, hash);
}

void attempt_table::part::enter(slot_place& place, std::uint64_t hash) noexcept
{
    for (std::size_t i = 0;; ++i) {
        entry& each = entries[(hash + i) % part_entries];
        slot_place* const there = each.place.load(std::memory_order_relaxed);
        if (there != nullptr && there != &gone)
            continue;
        used += there == nullptr ? 1U : 0U;
        each.hash.store(hash, std::memory_order_relaxed);
        each.place.store(&place, std::memory_order_release);
        ++filled;
        return;
    }
}

void attempt_table::part::remove(const slot_place& place, std::uint64_t hash) noexcept
{
    for (std::size_t i = 0;; ++i) {
        entry& each = entries[(hash + i) % part_entries];
        const slot_place* const there = each.place.load(std::memory_order_relaxed);
        assert(there != nullptr && i < part_entries);
        if (there != &place)
            continue;
        each.place.store(&gone, std::memory_order_relaxed);
        --filled;
        return;
    }
}

void attempt_table::part::drop_idle()
{
    // An eighth at once, so that this is rare; at most once around.
    std::size_t wanted = part_slots_max / 8;
    for (std::size_t looked = 0; looked < places.size() && wanted > 0; ++looked) {
        slot_place& place = *places[hand];
        hand = (hand + 1) % places.size();
        if (!place.is_filled())
            continue;
        const auto hash = hash_of(place.slot().owner.id);
        if (!place.clear())
            continue; // held
        remove(place, hash);
        free.push_back(&place);
        --wanted;
    }
}

// Puts every entry where a search meets it first, and forgets the free ones.
void attempt_table::part::tidy() noexcept
{
    for (std::size_t i = 0; i < part_entries; ++i)
        entries[i].place.store(nullptr, std::memory_order_relaxed);
    used = 0;
    filled = 0;
    for (const auto& place : places) {
        if (place->is_filled())
            enter(*place, hash_of(place->slot().owner.id));
    }
}

slot_place& attempt_table::part::free_place()
{
    if (free.empty()) {
        places.push_back(std::make_unique<slot_place>());
        return *places.back();
    }
    slot_place& out = *free.back();
    free.pop_back();
    return out;
}

} // namespace doorward::registry
