#pragma once

#include "registry/ids.hpp"
#include "registry/limits.hpp"
#include "registry/source_address.hpp"

#include <atomic>
#include <memory>

namespace doorward::registry {

/// How much noise is still answered: a budget for each registration id that proofs name, and one for each address that
/// they come from. It is asked only after a proof was judged to be noise, so it never stands in the way of another one;
/// what is only guessed, such as a name at a provider, spends before it is judged and is given back what was no noise.
///
/// A budget of N per minute lets N through at once and refills evenly, one in each N-th part of a minute. Unknown ids
/// have the same budgets as known ones. What strangers send fills cells of a fixed number: when all the cells where a
/// key may live are taken by others, it shares one with them, and is refused sooner than it should be.
///
/// A cell is one 64-bit word and is spent from by one swap:
///
///     bits  0..51   free_at   microseconds since 1970: when the whole budget is there again; in the past: unused
///     bits 52..63   tag       whose it is: part of a keyed hash, so that nobody can choose who shares with whom
///
/// Invariants, for every interleaving of callers:
///   (1) A cell never lets more through than the budget: a swap moves free_at by one N-th of a minute, and none moves
///       it further than a minute ahead of its caller's `now`.
///   (2) What is refused spends nothing.
///   (3) What is given back was spent before, and never makes a budget more than whole.
/// So all keys together have at most the budgets of all cells. One key has exactly its budget, but for two cases: when
/// several threads claim a cell for it just as a neighbour's falls free, one attempt of each may go uncounted; and a
/// key that had to share and finds a cell of its own begins with a whole budget there.
///
/// threads  any
class noise_throttle {
public:
    /// cells  for each kind of key, a power of two and at least cells_per_bucket; 8 bytes each
    explicit noise_throttle(std::size_t cells = noise_cells);
    noise_throttle(const noise_throttle&) = delete;
    noise_throttle& operator=(const noise_throttle&) = delete;

    static constexpr std::size_t cells_per_bucket = 4;

    /// Spends one attempt from the budgets of a registration id and of an address; either may be null.
    ///
    /// per_minute  of the registration; an address has unproven_address_factor times as much. 0: no limit
    /// returns     0 when there was room; otherwise how long until there is again
    [[nodiscard]] time_ms spend(const uuid* id, const source_address* from, unsigned per_minute, time_ms now) noexcept;

    /// Takes back what an attempt spent from the budget of an address: it turned out to be no noise. Not when the
    /// address shares a cell by then, because that may be somebody else's.
    ///
    /// per_minute  as of the spending
    void give_back(const source_address& from, unsigned per_minute, time_ms now) noexcept;

private:
    using time_us = std::uint64_t;

    struct alignas(cells_per_bucket * sizeof(std::uint64_t)) bucket {
        std::atomic<std::uint64_t> cells[cells_per_bucket]{};
    };
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

    /// Budgets of one kind of key.
    class table {
    public:
        explicit table(std::size_t cells);

        struct place {
            bucket* where;
            std::uint64_t tag;
        };
        [[nodiscard]] place place_of(crypto::bytes_view key) const noexcept;

        /// How long until `cost` fits into the minute; 0: now. Spends nothing.
        [[nodiscard]] static time_us wait(const place& at, time_us cost, time_us now) noexcept;
        /// The same, and spends it when the answer is 0.
        [[nodiscard]] static time_us spend(const place& at, time_us cost, time_us now) noexcept;
        static void give_back(const place& at, time_us cost, time_us now) noexcept;

    private:
        const crypto::byte_array<32> key_; // of the hash; new for each process
        const std::size_t mask_;           // of a bucket's index
        const std::unique_ptr<bucket[]> buckets_;
    };

    table registrations_;
    table addresses_;
};

} // namespace doorward::registry
