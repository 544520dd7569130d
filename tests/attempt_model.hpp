#pragma once

// The protocol around the attempt word as a machine of small steps, and a search through everything the machine can do.
//
// A state is all that there is: the slot (word, base, digests, what is known to be durable), every caller and how far
// it is, the writer's queue and batch, the disk (counters, rows of the journal, mark), what the journal keeps in
// memory, and what the phones have been told. A step is what one thread does between two moments at which another can
// notice:
//
//     caller   loads the word and judges | takes the lock of the digests | swaps, or finds that it lost and begins
//     again
//              | hands its change to the writer | is answered
//     writer   takes what is queued, applies and flushes it | settles it
//     fold     writes the counters | moves the mark
//     disk     is full for one batch; what it refused is committed again later
//     crash    at any moment: memory is gone, the slot is loaded from what is on disk, and whoever was not answered
//              sends the same again
//
// All that decides is the production code: decide(), decide_move(), attempt_word, refused_proofs, place_of(),
// transition::result() and is_row_alone(), merge(), replay(). The model adds only the order.
//
// The search is breadth first and remembers whole states, so it is complete, and the first way to a broken invariant
// that it finds is a shortest one.

#include "registry/attempt_word.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace doorward::tests::model {

/// What a caller wants.
enum class wish : std::uint8_t {
    right,      // a right proof with the PIN
    right_bare, // a right proof of possession alone, which neither counts nor resets
    wrong,      // a wrong PIN
    block,
    unblock,
    remove,
    reset, // failed attempts
};

struct caller {
    wish wants;
    unsigned position = 0; // of its proof, counted from where the counter stands at first
    unsigned proof = 1;    // which one, 1 to 7: wrong proofs with the same number are the same byte for byte
};

/// Mistakes that the model can make, so that it can be seen to notice them.
enum class fault : std::uint8_t {
    none,
    word_stored_unseen,     // a swap that does not compare
    move_stored_unseen,     // the same, of operators only
    move_never_forbidden,   // an operator's move that does not ask target()
    verdict_kept,           // a lost swap is tried again with the verdict on the old word
    spent_in_advance,       // an attempt is counted first and given back when it was right
    refusal_resets,         // a wrong PIN puts the count back to 0
    digests_survive_reset,  // a reset does not forget the refused proofs
    digests_after_swap,     // the digests of a change are read when its swap is over
    answered_unflushed,     // an answer goes out when its change was handed over
    told_unflushed,         // an answer that changes nothing does not wait for the word it tells of
    last_arrival_wins,      // counters are replaced by whatever comes later, not by a later version
    mark_over_new_rows,     // the fold's mark moves over rows that came during its sweep
    rows_not_read_at_start, // a start takes the table as it is
};

/// Promises, by their numbers in ARCHITECTURE.md.
enum class invariant : std::uint8_t {
    refusals_bounded = 1,
    right_never_punished = 2,
    position_once = 3,
    answer_on_disk = 4,
    removed_is_terminal = 5,
    operators_serialise = 6,
    refused_counted_once = 9,
    nobody_waits_for_ever = 0, // not of the table: somebody must always be able to go on
};

/// Situations that a search should have come upon; a search that has not proves nothing.
enum class sight : std::uint8_t {
    swap_lost,
    count_lost,                 // a refusal's swap
    lock_found_taken,           // of the digests
    word_outdated,              // the base of the counter was ahead of the word
    repeat_recognised,          // the same refused proof again
    repeat_before_flush,        // the same, while the first one's change was not on disk
    blocked_though_right,       // a right proof came after the lockout
    behind_the_window,          // a right proof came after a later one
    move_forbidden,             //
    flushed_together,           // two changes in one batch
    arrived_out_of_order,       // a change came to the disk after one of a higher version
    crash_before_flush,         // with a swapped word in memory
    crash_after_flush,          // before the answer
    row_read_at_start,          // a word came back from the journal
    later_kept_without_earlier, // a crash lost a change and kept a later one of the same word
    row_during_sweep,           // came between the fold's writing and its mark
    disk_full,                  //
    healed,                     // what the disk had refused was committed
    count_,
};
inline constexpr std::size_t sights = static_cast<std::size_t>(sight::count_);

struct scenario {
    std::vector<caller> callers; // 1 to 4
    unsigned max_failed = 1;     // 1 to 3
    registry::state start = registry::state::active;
    unsigned crashes = 0;    // at most so many
    unsigned sweeps = 0;     // of the fold
    unsigned full_disks = 0; // batches that are refused
    bool fine = false;       // more steps: judging apart from loading, the base apart from the word, answers one by one
    fault mistake = fault::none;
};

/// A shortest way to a state in which an invariant does not hold.
struct counterexample {
    std::size_t steps;
    std::string text; // a line for each step
};

struct findings {
    std::size_t states = 0;
    std::size_t steps = 0; // between them
    std::size_t ends = 0;  // states in which everybody is answered and nothing is left to do
    std::array<std::size_t, sights> seen{};
    std::map<invariant, counterexample> broken;

    [[nodiscard]] std::size_t count(sight what) const { return seen[static_cast<std::size_t>(what)]; }
    void add(const findings& more);
};

/// Visits every state of a scenario. Throws std::length_error beyond what a state has room for.
[[nodiscard]] findings explore(const scenario& of);

/// What becomes of the callers when each begins after the one before is answered.
struct played {
    std::vector<std::string> answers; // "accepted", "refused", ...
    registry::attempt_word word;      // then
};
[[nodiscard]] played play(const scenario& of);

[[nodiscard]] std::string_view to_text(invariant which);
[[nodiscard]] std::string_view to_text(sight which);
[[nodiscard]] std::string_view to_text(fault which);
[[nodiscard]] std::string to_text(const scenario& which);

} // namespace doorward::tests::model
