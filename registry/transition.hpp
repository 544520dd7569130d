#pragma once

#include "registry/binding.hpp"
#include "registry/events.hpp"
#include "registry/journal.hpp"
#include "registry/limits.hpp"
#include "registry/slot_ptr.hpp"

#include <memory>

namespace doorward::registry {

/// What a rename, a change of flags or an edit makes of a registration: whole, not a difference.
struct labels {
    std::optional<std::string> name{};
    std::optional<flag_set> flags{};
    std::optional<stored_metadata> metadata{}; // edits of metadata are made one after the other (report_claims.hpp)

    /// What an edit changes, as its row of history says.
    [[nodiscard]] std::vector<std::string> changed() const;
};

/// One swap of an attempt word on its way to the disk: the change that the writer applies. Or, where `before` is
/// `after`, an attempt that changed nothing and is only recorded.
///
/// It carries the resulting state whole, not a difference, so transitions of one registration may reach the writer in
/// any order and several together: the higher version wins, and every state change writes its own row of history.
struct transition {
    enum class attempt : std::uint8_t { none, accepted, refused };

    slot_ptr slot; // held until this is settled (attempt_table.hpp)
    attempt_word before;
    attempt_word after;
    counter_place counter; // at after
    failures refused;      // at after
    attempt verdict = attempt::none;
    std::optional<attempt_details> details; // empty: no row in the journal
    std::optional<move> by;                 // empty: an attempt that leaves the state alone
    std::string reason;
    actor who;
    time_ms at = 0;
    std::optional<binding> bound;         // of exchange_keys and exchange_and_start
    std::optional<labels> labelled;       // of rename, change_flags and edit
    time_ms blocked_until = 0;            // of what leads into BLOCKED: when that ends by itself; 0: it does not
    std::optional<attempt_limits> limits; // of change_limits: the new ones
    std::optional<std::string> otp;       // of replace_otp: the hash of the new one
    std::shared_ptr<const void> claim;    // held until this is settled (report_claims.hpp)
    bool ends_decimal = false; // an accepted proof of a later protocol: 3.0 is no longer taken from this phone
    slot_ptr partner;          // its own transition of the same step must be on the disk with this one

    /// A transition that is none: a row of the journal about attempts that changed nothing.
    [[nodiscard]] bool changes_word() const noexcept { return before != after; }

    /// The registration had its time, and with it goes what it has got.
    [[nodiscard]] bool may_erase_tokens() const noexcept
    {
        return after.current() == state::removed &&
               (before.current() == state::active || before.current() == state::blocked);
    }

    /// The counters that it leads to.
    [[nodiscard]] counters result() const;

    /// An attempt that leaves the state alone is a row of the journal and nothing else: its counters come to the table
    /// with the fold.
    [[nodiscard]] bool is_row_alone() const noexcept { return details && !by && !ends_decimal; }
    /// Writer thread: builds upon the start of its registration, which is not on the disk yet, nor in this batch, nor
    /// among `together`.
    [[nodiscard]] bool must_wait(const std::vector<transition>& together) const noexcept;

    /// Writer thread. Never fails: what it needs was there when the word was swapped.
    void apply(kv::write_txn& txn, journal& to);
    void durable(journal& to) const noexcept;
    void undone() const noexcept;

    /// Its row of the journal; 0 when it has none, or was not applied yet.
    [[nodiscard]] row_sequence row() const noexcept { return row_; }

private:
    // What start_pending() of its slot waits for.
    [[nodiscard]] bool is_start() const noexcept { return partner && after.version() == slot->start_pending(); }

    row_sequence row_ = 0; // once applied
};

/// What erasing the tokens of a removed registration weighs: each is a row in two tables, and an ordinary change writes
/// some eight.
inline constexpr std::size_t erased_tokens_weight = 2 * tokens_max / 8;

/// Transitions that must reach the disk together, such as "accepted" and "removed" of one request.
struct transitions {
    journal* to;
    std::vector<transition> steps;

    /// errors  kv::errc::queue_full when the fold has to catch up first, or the start of a registration that one of
    ///         them builds upon: between its swap and its arrival here somebody may have swapped the word on
    kv::error_code operator()(kv::write_txn& txn)
    {
        if (to->is_full())
            return kv::errc::queue_full;
        for (const transition& step : steps) {
            if (step.must_wait(steps))
                return kv::errc::queue_full;
        }
        for (transition& step : steps)
            step.apply(txn, *to);
        return {};
    }

    /// Writer thread, after the commit: tells the slots and the journal what is on disk.
    void durable() const noexcept
    {
        for (const transition& step : steps)
            step.durable(*to);
    }
    [[nodiscard]] std::size_t weight() const noexcept
    {
        std::size_t out = steps.size();
        for (const transition& step : steps)
            out += (step.may_erase_tokens() ? erased_tokens_weight : 0) + (step.by ? event_weight : 0);
        return out;
    }
    void undone() const noexcept
    {
        for (const transition& step : steps)
            step.undone();
    }
};

} // namespace doorward::registry
