#pragma once

#include "registry/decision.hpp"
#include "registry/refused_proofs.hpp"

#include <atomic>
#include <mutex>

namespace doorward::registry {

/// Which one-time password of a registration was looked at: how often it was replaced before.
using otp_edition = std::uint32_t;

/// The attempts of one registration in memory: one atomic word, and beside it what follows from the word.
///
/// Invariants, for every interleaving of callers (DESIGN.md 5.1):
///   (1) At most max_failed refusals are revealed between two resets: a refusal is revealed only after refuse() has
///       raised the count in the word, and no count is raised on a word that is not ACTIVE.
///   (2) Right proofs never punish each other: nothing is spent before the verdict.
///   (3) A counter value is accepted at most once: the swap that accepts it moves the position past it, and a swap
///       that lost finds the new position and verifies again.
///   (5) REMOVED is terminal: no transition starts from it.
///   (6) Operator changes swap the same word, so they serialise with verification.
///   (10) A registration that was made from another one starts in one step with what becomes of that one, its parent
///       (swap_both), and nothing that comes after its start reaches the disk before the two of them (start_pending).
/// (4, "on disk before the answer", is kept by the callers: attempts.hpp.)
///
/// threads  any, all functions
class attempt_slot {
public:
    /// Who the attempts belong to. Constant while the slot lives.
    struct identity {
        registration_number number;
        uuid id;
        std::string application_id;
    };

    /// What a slot is made of: what the store knows of a registration.
    struct content {
        identity whose;
        attempt_limits judged_by;
        counters stored;
        bool accepts_decimal = false;
        flag_set flags{};
        time_ms blocked_until = 0;
    };
    explicit attempt_slot(content what);

    const identity owner;
    const unsigned look_ahead;

    /// The limits as they are, a policy of its own included. After loading a word: whoever swaps that word then was
    /// judged by them, or by those that are on their way (change_limits).
    [[nodiscard]] attempt_limits limits() const;
    /// Its own policy if it has one, `otherwise` if not. Takes no lock then. After loading a word, as limits().
    [[nodiscard]] lockout_policy policy_or(const lockout_policy& otherwise) const;

    [[nodiscard]] attempt_word load() const noexcept
    {
        // The word carries its own data, and a base that is older or newer than it is recognised (counter()).
        // acquire: pairs with swap_both(); whoever acts on a word sees that a start is pending below it.
        return attempt_word{word_.load(std::memory_order_acquire)};
    }

    /// One transition: true when the word was `expected` and is now `next`.
    ///
    /// until  of one that blocks: when that ends by itself, in ms since 1970; 0: it does not. None: the end stays
    [[nodiscard]] bool swap(attempt_word expected, attempt_word next,
                            std::optional<time_ms> until = std::nullopt) noexcept;

    enum class pair_swap : std::uint8_t {
        done,       // both words are what they should become
        lost,       // our word is no longer the expected one; the other was not touched
        other_lost, // the other's is not; ours was not touched
    };

    /// Two transitions in one step: of this registration, which starts by it, and of its parent, which is active.
    /// Somebody who looks in between may see the parent's and not ours; nobody ever sees ours alone.
    [[nodiscard]] pair_swap swap_both(attempt_word expected, attempt_word next, attempt_slot& parent,
                                      attempt_word parents_expected, attempt_word parents_next) noexcept;

    /// The version of the word with which this registration started, as long as that start is not on the disk together
    /// with its parent's change; 0: there is nothing to wait for.
    [[nodiscard]] std::uint64_t start_pending() const noexcept
    {
        return start_pending_.load(std::memory_order_relaxed); // relaxed: ordered by the word, see load()
    }
    // Writer thread only: the start is in the batch under way, and what became of it.
    void start_applied() noexcept { start_applied_ = true; }
    void start_undone() noexcept { start_applied_ = false; }
    void start_durable() noexcept
    {
        start_applied_ = false;
        start_pending_.store(0, std::memory_order_relaxed);
    }
    /// Writer thread only: would a change of this version reach the disk before the start that it builds upon?
    [[nodiscard]] bool is_ahead_of_start(std::uint64_t version) const noexcept
    {
        const auto start = start_pending();
        return start != 0 && version > start && !start_applied_;
    }

    /// The counter that belongs to a word: hashed forward from the base. Empty when the word is outdated: load again.
    [[nodiscard]] std::optional<counter_place> counter(attempt_word of) const noexcept;

    /// Moves the base of later counter() calls forward; an older place changes nothing. After a won swap.
    void advance_base(const counter_place& place) noexcept;

    enum class refusal : std::uint8_t {
        counted,  // the word was `expected` and is another now
        repeated, // this very proof was refused before and is not counted again; the word is `expected`
        lost,     // the word is no longer `expected`
        held,     // it would have blocked; the word is `expected`
    };

    /// A failure that was counted: the word that it made, and what has to be remembered with that. It is told here
    /// because a later refusal may change it at once.
    struct counted {
        attempt_word after;
        failures refused;
        time_ms blocked_until = 0;
    };

    /// Counts one refused proof, once. When counted, by what is in *out.
    ///
    /// more    with a digest; without one (0) it is not recognised when it comes again
    /// policy  of the application, for a registration that has none of its own
    /// holds   one that would block is not counted
    [[nodiscard]] refusal refuse(attempt_word expected, const failure& more, const lockout_policy& policy,
                                 counted* out = nullptr, bool holds = false);

    /// A failure was held: until when nobody looks at an attempt, each time for twice as long. Forgotten by a success,
    /// and with the slot.
    void hold(time_ms now) noexcept;
    /// 0, or a time that may be over: attempts are looked at again from then on.
    [[nodiscard]] time_ms held_until() const noexcept { return held_until_.load(std::memory_order_relaxed); }
    void hold_no_more() noexcept
    {
        if (held_until() != 0) {
            held_until_.store(0, std::memory_order_relaxed);
            holds_.store(0, std::memory_order_relaxed);
        }
    }

    /// A success with biometry, where failures are counted apart: true when the word was `expected` and is one now that
    /// counts those failures no more, in *out.
    ///
    /// accepted  the word after the success with all failures in it
    [[nodiscard]] bool forgive_biometry(attempt_word expected, attempt_word accepted, counted& out);

    /// The end of a temporary block: true when the word was `expected`, is ACTIVE now, and that is in *out. One whose
    /// time is not over at `now`, or that is not temporary, does not end.
    [[nodiscard]] bool end_block(attempt_word expected, const lockout_policy& policy, time_ms now, counted& out);

    /// When the block ends by itself; 0: it does not, or there is none.
    [[nodiscard]] time_ms blocked_until() const noexcept { return blocked_until_.load(std::memory_order_relaxed); }

    /// One transition that changes the limits (but not the look-ahead): true when the word was `expected` and is now
    /// `next`, with these.
    [[nodiscard]] bool change_limits(attempt_word expected, attempt_word next, const attempt_limits& to);

    /// The highest version known to be on disk. An answer that tells of a state waits for it (4).
    [[nodiscard]] std::uint64_t durable_version() const noexcept
    {
        return durable_version_.load(std::memory_order_relaxed); // relaxed: a number that only grows
    }
    /// A change that carried the word of this version is on disk.
    void mark_durable(std::uint64_t version) noexcept;

    /// Has the slot transitions that the disk had no room for? Kept by unsettled_transitions.
    [[nodiscard]] bool is_unsettled() const noexcept { return unsettled_.load(std::memory_order_acquire); }
    void set_unsettled(bool now) noexcept { unsettled_.store(now, std::memory_order_release); }

    /// The registration's latest row in the journal, which the next one points back at. Writer thread only.
    [[nodiscard]] row_sequence last_row() const noexcept { return last_row_; }
    void row_appended(row_sequence row) noexcept { last_row_ = row; }
    void row_settled(row_sequence row) noexcept
    {
        settled_row_ = std::max(settled_row_, row);
        last_row_ = std::max(last_row_, settled_row_);
    }
    void row_undone() noexcept { last_row_ = settled_row_; }

    /// May proofs have decimal components? Only those of a phone that registered with protocol 3.0 and has not used a
    /// later one since: anybody can claim that version, and short components can be guessed.
    [[nodiscard]] bool accepts_decimal() const noexcept { return accepts_decimal_.load(std::memory_order_relaxed); }
    void refuse_decimal() noexcept { accepts_decimal_.store(false, std::memory_order_relaxed); }
    void accept_decimal() noexcept { accepts_decimal_.store(true, std::memory_order_relaxed); }

    // Replacements of the one-time password. The password is in the store and a check of it takes milliseconds, so
    // what comes of the check must not be swapped in once the password is another one:
    //
    //   who checks     edition = settled_otp(); reads the store; checks; swaps only while latest_otp() is that edition
    //   who replaces   otp_replacement_begins(); swaps; writes; otp_replacement_ended()
    //
    // Of two that swap at once one loses and looks again: the checker at the edition, the replacer at the state.

    /// The edition that the store holds; empty while a replacement is on its way there.
    [[nodiscard]] std::optional<otp_edition> settled_otp() const noexcept
    {
        const auto begun = otp_begun_.load(std::memory_order_acquire);
        // acquire: pairs with otp_replacement_ended(); a snapshot opened from now on has the password.
        return otp_ended_.load(std::memory_order_acquire) == begun ? std::optional{begun} : std::nullopt;
    }
    /// The edition that was replaced to last, or is being replaced to. Between loading a word and swapping it.
    [[nodiscard]] otp_edition latest_otp() const noexcept
    {
        // acquire: whoever has loaded a word that a replacement made sees here that it began.
        std::atomic_thread_fence(std::memory_order_acquire);
        return otp_begun_.load(std::memory_order_relaxed);
    }
    void otp_replacement_begins() noexcept
    {
        otp_begun_.fetch_add(1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release); // before the swap that follows
    }
    /// It is on the disk, or will never be.
    void otp_replacement_ended() noexcept { otp_ended_.fetch_add(1, std::memory_order_release); }

    /// The factor keys, opened at the first attempt and kept as long as the slot is: at most attempt_slots_max of them
    /// are in memory. Null until then. They never change once a phone has them.
    [[nodiscard]] const factor_keys* known_keys() const noexcept
    {
        // acquire: the keys are complete.
        return keys_known_.load(std::memory_order_acquire) ? &keys_ : nullptr;
    }
    void learn_keys(const factor_keys& opened) noexcept;

    /// The flags of the registration, and a word as of which they are. They are in memory because what an edit makes of
    /// them depends on the edit before, which may still be on its way to the disk.
    struct flagged {
        attempt_word word;
        flag_set flags;
    };
    [[nodiscard]] flagged flags() const;

    /// One transition that changes the flags: true when the word was `expected` and is now `next`, with these flags.
    [[nodiscard]] bool swap_flags(attempt_word expected, attempt_word next, flag_set flags) noexcept;

    /// The failures that belong to a word. Empty when a later refusal has changed the
    /// list, so whoever swaps a word that keeps its failures asks before the swap: when that is won, they belong to the
    /// new word too.
    [[nodiscard]] failures refused_until(attempt_word word) const;

private:
    [[nodiscard]] bool exchange(attempt_word expected, attempt_word next) noexcept;

    // While it tells of an unfinished or a blocked registration, or is to, it is swapped under refused_mutex_ only, so
    // that who holds that can rely on it. Accepting a proof with the PIN never needs the mutex for this.
    std::atomic<std::uint64_t> word_;
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

    std::atomic<std::uint64_t> durable_version_;
    std::atomic<std::uint64_t> start_pending_{0};
    row_sequence last_row_;      // writer thread only; in the batch under way perhaps
    row_sequence settled_row_;   // writer thread only; on disk
    bool start_applied_ = false; // writer thread only
    std::atomic<bool> unsettled_{false};
    std::atomic<bool> accepts_decimal_{false};

    std::atomic<otp_edition> otp_begun_{0};
    std::atomic<otp_edition> otp_ended_{0};

    factor_keys keys_; // written once, under refused_mutex_, before keys_known_
    std::atomic<bool> keys_known_{false};

    // The base of the counter: a known place at or before the word's position. A sequence lock: odd while it is being
    // written. All fields are atomic, so that a torn read is detected rather than undefined.
    std::atomic<std::uint32_t> base_sequence_{0};
    std::atomic<std::uint64_t> base_position_;
    std::atomic<std::uint64_t> base_high_;
    std::atomic<std::uint64_t> base_low_;

    // A leaf: held for a handful of instructions, never together with another lock. Refusals take it, and whoever
    // writes down a word with failed attempts in it or swaps one that is unfinished; accepting a proof with the PIN
    // takes no lock at all.
    mutable std::mutex refused_mutex_;
    refused_proofs refused_; // guarded by refused_mutex_
    flag_set flags_;         // guarded by refused_mutex_
    attempt_limits limits_;  // guarded by refused_mutex_
    std::atomic<bool> has_own_policy_;
    std::atomic<std::uint8_t> holds_{0};
    std::atomic<time_ms> held_until_{0};
    std::atomic<time_ms> blocked_until_; // written under refused_mutex_, together with the word
};

} // namespace doorward::registry
