#pragma once

#include "registry/attempt_slot.hpp"

#include <optional>
#include <utility>

namespace doorward::registry {

/// The place of one slot in memory and how many hold it. Places outlive the slots in them: somebody who has the address
/// of a place may always ask whether the slot there can be held, whatever has become of it meanwhile.
class slot_place {
public:
    slot_place() = default;
    slot_place(const slot_place&) = delete;
    slot_place& operator=(const slot_place&) = delete;

    /// One holder more, unless the place is empty.
    [[nodiscard]] bool hold() noexcept
    {
        auto count = holders_.load(std::memory_order_relaxed);
        while (count != empty) {
            // acquire: sees the slot as fill() left it.
            if (holders_.compare_exchange_weak(count, count + 1, std::memory_order_acquire, std::memory_order_relaxed))
                return true;
        }
        return false;
    }
    void hold_again() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); } // the caller holds it already
    void let_go() noexcept
    {
        // release: what this holder did with the slot comes before whatever clear() does to it.
        const auto before = holders_.fetch_sub(1, std::memory_order_release);
        assert(before != 0 && before != empty);
        if (before == 1 && alone_) {
            std::atomic_thread_fence(std::memory_order_acquire);
            delete this;
        }
    }

    // By one at a time: whoever owns the place (attempt_table: under the mutex of its part).

    /// Puts a slot in; the caller holds it.
    void fill(attempt_slot::content what)
    {
        assert(holders_.load(std::memory_order_relaxed) == empty);
        slot_.emplace(std::move(what));
        holders_.store(1, std::memory_order_release);
    }
    /// Takes the slot out when nobody holds it.
    [[nodiscard]] bool clear() noexcept
    {
        std::uint32_t idle = 0;
        // acquire: pairs with the release of the last holder.
        if (!holders_.compare_exchange_strong(idle, empty, std::memory_order_acquire, std::memory_order_relaxed))
            return false;
        slot_.reset();
        return true;
    }

    /// For the owner of the place.
    [[nodiscard]] bool is_filled() const noexcept { return slot_.has_value(); }

    /// For holders and the owner of the place, while there is one.
    [[nodiscard]] attempt_slot& slot() noexcept { return *slot_; }

private:
    friend class slot_ptr;
    static constexpr std::uint32_t empty = 0xFFFF'FFFF;

    std::atomic<std::uint32_t> holders_{empty};
    bool alone_ = false; // in no table: goes with its last holder
    std::optional<attempt_slot> slot_;
};

/// Holds a slot: while one of these exists the slot stays where it is. threads  any; one object, one thread at a time
class slot_ptr {
public:
    slot_ptr() = default;
    slot_ptr(std::nullptr_t) noexcept {} // NOLINT: none

    /// Takes over a hold.
    explicit slot_ptr(slot_place& held) noexcept : place_{&held} {}
    /// A slot in no table.
    explicit slot_ptr(attempt_slot::content what) : place_{new slot_place}
    {
        place_->alone_ = true;
        place_->fill(std::move(what));
    }

    slot_ptr(const slot_ptr& other) noexcept : place_{other.place_}
    {
        if (place_ != nullptr)
            place_->hold_again();
    }
    slot_ptr(slot_ptr&& other) noexcept : place_{std::exchange(other.place_, nullptr)} {}
    slot_ptr& operator=(slot_ptr other) noexcept
    {
        std::swap(place_, other.place_);
        return *this;
    }
    ~slot_ptr()
    {
        if (place_ != nullptr)
            place_->let_go();
    }

    [[nodiscard]] attempt_slot* get() const noexcept { return place_ != nullptr ? &place_->slot() : nullptr; }
    attempt_slot* operator->() const noexcept { return &place_->slot(); }
    attempt_slot& operator*() const noexcept { return place_->slot(); }
    explicit operator bool() const noexcept { return place_ != nullptr; }
    bool operator==(const slot_ptr&) const = default;

private:
    slot_place* place_ = nullptr;
};

} // namespace doorward::registry
