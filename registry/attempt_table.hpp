#pragma once

#include "registry/attempt_slot.hpp"

#include <functional>
#include <memory>
#include <unordered_map>

namespace doorward::registry {

/// Slots kept in memory, all together. Beyond it idle ones go first; a slot that somebody holds always stays.
inline constexpr std::size_t attempt_slots_max = 262'144;

/// The slots of the registrations with recent activity.
///
/// A slot is loaded from the store when it is first asked for and may be dropped when nobody holds it. Everybody who
/// has a transition under way holds the slot until that transition is on disk, so what is loaded again is never older
/// than what was dropped. threads  any
class attempt_table {
public:
    attempt_table() = default;

    using loader = std::function<std::shared_ptr<attempt_slot>()>;

    /// The slot of a registration; `load` reads it from the store when there is none (null: no such registration).
    ///
    /// `load` runs under the lock of a part of the table. Otherwise this could happen: one thread reads the record,
    /// another loads, changes, stores and drops the slot, and the first one then inserts what is outdated by now.
    [[nodiscard]] std::shared_ptr<attempt_slot> find(const uuid& id, const loader& load);

    [[nodiscard]] std::size_t size() const;

private:
    static constexpr std::size_t parts = 64;
    static constexpr std::size_t part_slots_max = attempt_slots_max / parts;

    struct hash {
        // The id is random already.
        std::size_t operator()(const uuid& id) const noexcept
        {
            return crypto::from_big_endian<std::uint64_t>(crypto::bytes_view{id.value}.last(8));
        }
    };
    struct alignas(64) part {
        mutable std::mutex mutex;
        std::unordered_map<uuid, std::shared_ptr<attempt_slot>, hash> slots; // guarded by mutex

        void drop_idle();
    };

    part parts_[parts];
};

} // namespace doorward::registry
