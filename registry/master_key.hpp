#pragma once

#include "registry/events.hpp"
#include "registry/store.hpp"

#include <memory>

namespace doorward::registry {

// The master key of a store: the one that is at hand found out, and exchanged for another while the store is in use.
//
// A rotation begins with one change: the known text is sealed with the next key, and what the former key still has to
// open is written down. From then on everything new is sealed with the next key, and a walk over all that is sealed
// brings the rest, step by step, and again from the start until it finds nothing. Whenever it is interrupted, the two
// keys together open everything; they are told apart by the number that each sealed value begins with.

[[nodiscard]] std::optional<rotation> find_rotation(const kv::read_txn& txn);

/// The known text, sealed: tells a wrong master key.
[[nodiscard]] crypto::bytes seal_key_check(const crypto::sealer& with);

/// Is this the master key that everything is sealed with, or that everything is going to be sealed with?
[[nodiscard]] bool is_master_key(const kv::read_txn& txn, crypto::sealer::master_key key);

/// What opens everything in a store.
struct store_keys {
    std::unique_ptr<crypto::sealer> sealer;
    std::size_t current; // which of those at hand everything is sealed with
};
/// Finds among the master keys that are at hand the store's; while a rotation is under way, the former too. Keys for
/// other purposes are derived as ever.
///
/// errors  throws kv::open_error: another format; the store's key is not among them; record_fault: what keys are
///         derived from does not open
[[nodiscard]] store_keys find_store_keys(const kv::read_txn& txn, std::span<const crypto::secret<32>> at_hand);

/// Begins a rotation, and tells so in the feed. The caller seals with `next` once this is on the disk.
struct begin_rotation {
    const crypto::sealer* present = nullptr;
    const crypto::sealer* next = nullptr; // whose number is the one after the present one
    time_ms at = 0;

    /// errors  illegal_change: one is under way
    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return 3 + event_weight; }
};

/// Rows that a step of a rotation looks at, for each that it may write.
inline constexpr std::size_t rotation_reads_per_row = 8;

/// One step of the rotation that is under way. It ends when a walk over all that is sealed found nothing.
struct advance_rotation {
    const crypto::sealer* keys = nullptr; // seals with the next one, and opens both
    std::size_t rows_max = 0;             // that are sealed anew
    bool starts_over = false;             // the walk: somebody may have been behind it
    time_ms at = 0;

    std::optional<rotation> after{}; // as it is now; empty: there is none
    std::uint64_t sealed_anew = 0;   // values, in this step
    bool walk_ended = false;

    kv::error_code operator()(kv::write_txn& txn);
    [[nodiscard]] std::size_t weight() const noexcept { return rows_max + event_weight; }

private:
    void walk(kv::write_txn& txn, rotation& it) const;
    [[nodiscard]] std::optional<crypto::bytes> seal_anew(const kv::read_txn& txn, kv::table table,
                                                         crypto::bytes_view key, crypto::bytes_view stored,
                                                         rotation& it) const;
};

} // namespace doorward::registry
