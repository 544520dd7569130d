#pragma once

#include "registry/slot_ptr.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace doorward::registry {

/// Slots kept in memory, all together. Beyond it idle ones go first; a slot that somebody holds always stays.
inline constexpr std::size_t attempt_slots_max = 262'144;

/// The slots of the registrations with recent activity.
///
/// A slot is loaded from the store when it is first asked for and may be dropped when nobody holds it. Everybody who
/// has a transition under way holds the slot until that transition is on disk, so what is loaded again is never older
/// than what was dropped.
///
/// Finding a slot that is there takes no lock: open addressing over atomic entries, and one swap to hold what was
/// found. Loading and dropping are for one thread at a time in each part of the table. A search without the lock may
/// miss a slot that is just being moved; the search that follows under the lock does not. It never returns a wrong one:
/// the id is compared while the slot is held. threads  any
class attempt_table {
public:
    attempt_table();

    /// Reads a slot's content from the store; empty when there is no such registration.
    using loader = std::function<std::optional<attempt_slot::content>()>;

    /// The slot of a registration; null when `load` finds none.
    ///
    /// `load` runs under the lock of a part of the table. Otherwise this could happen: one thread reads the record,
    /// another loads, changes, stores and drops the slot, and the first one then inserts what is outdated by now.
    /// errors  throws what `load` throws; std::length_error when held slots alone fill a part
    [[nodiscard]] slot_ptr find(const uuid& id, const loader& load);

    [[nodiscard]] std::size_t size() const;

private:
    static constexpr std::size_t parts = 64;
    static constexpr std::size_t part_slots_max = attempt_slots_max / parts;
    static constexpr std::size_t part_entries = 2 * part_slots_max; // half full at most, as a rule
    static constexpr std::size_t part_entries_used_max = part_entries / 4 * 3;
    static constexpr std::size_t part_slots_possible = part_entries / 8 * 5; // when that many are held

    // Hash and place are not read as one: a place that belongs to another hash is recognised by its id.
    struct entry {
        std::atomic<std::uint64_t> hash{0};
        std::atomic<slot_place*> place{nullptr}; // null: never used since the last tidying; &gone: free
    };
    struct alignas(64) part {
        std::unique_ptr<entry[]> entries;

        mutable std::mutex mutex;
        std::vector<std::unique_ptr<slot_place>> places; // guarded by mutex, as all below
        std::vector<slot_place*> free;
        std::size_t filled = 0; // places with a slot
        std::size_t used = 0;   // entries that are not null
        std::size_t hand = 0;   // where the search for idle slots goes on

        [[nodiscard]] slot_ptr look(const uuid& id, std::uint64_t hash) const noexcept;
        void insert(slot_place& place, std::uint64_t hash) noexcept;
        void enter(slot_place& place, std::uint64_t hash) noexcept;
        void remove(const slot_place& place, std::uint64_t hash) noexcept;
        void drop_idle();
        void tidy() noexcept;
        [[nodiscard]] slot_place& free_place();
    };
    static slot_place gone; // stands for an entry whose slot was dropped: searches go on behind it

    // The id is random already.
    [[nodiscard]] static std::uint64_t hash_of(const uuid& id) noexcept
    {
        return crypto::from_big_endian<std::uint64_t>(crypto::bytes_view{id.value}.last(8));
    }

    part parts_[parts];
};

} // namespace doorward::registry
