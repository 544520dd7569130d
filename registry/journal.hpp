#pragma once

#include "registry/attempt_row.hpp"
#include "registry/limits.hpp"
#include "registry/store.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace doorward::registry {

/// How far the journal may run ahead of the fold.
struct journal_limits {
    std::uint64_t rows_in_front = journal_rows_in_front_max;
    std::size_t unfolded = unfolded_registrations_max;
};

/// The journal of attempts: what makes an attempt durable, and the audit trail of attempts.
///
/// An attempt appends one row and changes nothing else on disk. What its registration's counters became by it stays in
/// memory (*unfolded*) until the fold writes it to the table `counters`, in the order of the keys and in small steps.
/// Rows behind the *fold mark* are in the tables; the others are read again when the store is opened. So
///
///     the counters of a registration = those in the table, or those unfolded, whichever have the higher version
///
/// Rows stay, after they are folded, until their retention is over.
///
/// Invariant (7): no reader sees counters older than those that were durable when its view began. Unfolded counters are
/// forgotten only when every view that began before they were folded has ended (`epoch`).
class journal {
public:
    /// Reads the rows in front of the mark. Throws record_fault for a damaged one.
    explicit journal(const kv::env& store, const journal_limits& limits = {});
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;

    /// Calls `read` with a snapshot and returns what it returns. Any thread, lock-free but for the lookups in it; as
    /// kv::env::view, never nest.
    template <class Read>
    auto view(Read&& read) const
    {
        const reading mark{*this};
        return store_.view([&](const kv::read_txn& txn) { return read(snapshot{txn, *this}); });
    }

    /// Of the store that it is part of. Any thread.
    [[nodiscard]] kv::env::usage store_usage() const { return store_.used(); }

    /// What is not folded yet of a registration. Any thread.
    [[nodiscard]] std::optional<counters> find_unfolded(registration_number number) const;

    struct usage {
        std::uint64_t rows_in_front; // of the mark: to be read at the next start
        std::size_t unfolded;        // registrations held in memory
    };
    [[nodiscard]] usage used() const noexcept;

    /// Is it so far ahead of the fold that the fold should take larger steps and not rest? Any thread.
    [[nodiscard]] bool is_filling() const noexcept;

    /// Is there no room for another attempt before the fold has caught up? Asked before a word is swapped, and by the
    /// change once more, which is refused with queue_full then. Any thread.
    [[nodiscard]] bool is_full() const noexcept;

    // The rest is for changes: writer thread.

    /// Appends a row and returns its place.
    row_sequence append(kv::write_txn& txn, const attempt_row& row);

    /// A row of this registration is on disk: `now` are the counters by it, where the table does not have them.
    void settled(registration_number number, const counters& now);
    /// The same for a row whose change wrote the counters itself.
    void settled(row_sequence row) noexcept;

    /// One step of the fold: writes some unfolded counters and, with the last ones of a sweep, the mark.
    class fold_step {
    public:
        explicit fold_step(journal& of) : journal_{&of} {}

        kv::error_code operator()(kv::write_txn& txn);
        void durable() noexcept;
        void undone() noexcept;
        [[nodiscard]] std::size_t weight() const noexcept { return journal_->step_size(); }

        std::size_t folded = 0; // registrations
        bool sweep_ended = false;
        std::chrono::steady_clock::duration took{}; // on the writer thread, the commit left out

    private:
        struct written {
            registration_number number;
            std::uint64_t version;
            row_sequence last_row;
        };
        journal* journal_;
        std::vector<written> written_;
    };

    // Between sweeps, on the thread that drives the fold (one at a time).

    /// Lets views that began from now on be told apart from earlier ones, as soon as nobody needs the last distinction.
    void begin_epoch() noexcept;
    /// Forgets what was folded long enough ago, of one part. Parts: 0 to parts - 1.
    void forget_folded(std::size_t part);
    static constexpr std::size_t parts = 64;

private:
    friend class snapshot;

    struct unfolded_entry {
        counters now;
        bool dirty = false;          // not folded since it changed last
        std::uint64_t folded_in = 0; // epoch
    };
    struct alignas(64) part_of_map {
        mutable std::mutex mutex;                                        // a leaf
        std::unordered_map<registration_number, unfolded_entry> entries; // guarded by mutex
    };
    // Registers a view with the epoch in which it began.
    class reading {
    public:
        explicit reading(const journal& of) noexcept;
        reading(const reading&) = delete;
        reading& operator=(const reading&) = delete;
        ~reading();

    private:
        std::atomic<std::uint32_t>& count_;
    };
    [[nodiscard]] std::atomic<std::uint32_t>& enter() const noexcept;

    [[nodiscard]] part_of_map& part_for(registration_number number) noexcept { return map_[number % parts]; }
    [[nodiscard]] const part_of_map& part_for(registration_number number) const noexcept
    {
        return map_[number % parts];
    }
    [[nodiscard]] std::size_t step_size() const noexcept;
    void replay(const kv::read_txn& txn);
    [[nodiscard]] std::optional<counters> find_sound_counters(const kv::read_txn& txn,
                                                              registration_number number) const;
    void insert_dirty(registration_number number, const counters& now);
    void begin_sweep();

    const kv::env& store_; // outlives this object
    const journal_limits limits_;
    std::vector<registration_number> damaged_; // found at the start, not given up on the disk yet; writer thread

    part_of_map map_[parts];
    std::atomic<std::size_t> unfolded_{0};
    std::atomic<std::uint64_t> rows_in_front_{0};

    // Readers count themselves under the parity of the epoch they began in. Only two epochs are ever inhabited:
    // begin_epoch() waits for the older one to be empty.
    std::atomic<std::uint64_t> epoch_{2};
    mutable std::atomic<std::uint32_t> readers_[2]{};

    // Writer thread only
    row_sequence next_row_ = 1;
    row_sequence settled_row_ = 0;           // the greatest that is on disk
    row_sequence mark_ = 0;                  // rows up to this are in the tables
    std::vector<registration_number> dirty_; // of the entries that are dirty, but for those in sweep_
    std::vector<registration_number> sweep_; // a heap, the least number first
    row_sequence sweep_mark_ = 0;            // the mark when the sweep has ended
    bool sweeping_ = false;
};

/// Erases rows of attempts whose retention is over, oldest first, folded ones only.
struct erase_attempts {
    time_ms before = 0;
    std::size_t rows_max = 0;

    std::size_t erased = 0;

    kv::error_code operator()(kv::write_txn& txn);
    [[nodiscard]] std::size_t weight() const noexcept { return rows_max; }
};

} // namespace doorward::registry
