#pragma once

#include "registry/limits.hpp"
#include "registry/webhook.hpp"

#include <map>
#include <set>

namespace doorward::registry {

/// Which events of one webhook are sent when. Decides only: whoever sends them and writes down what came of it is
/// handlers/webhook_work.hpp.
///
/// Events behind the cursor need nothing more. Up to webhook_window_events ahead of it are looked at; those that are to
/// be sent wait here.
///   (1) Of one registration there is one on its way at a time, in the order of their versions: the next one only when
///       the one before is delivered or given up.
///   (2) A failed one is tried again after its backoff, until it has failed attempts_max times.
///   (3) After webhook_breaker_events different events failed with no success between, the breaker is open: one attempt
///       in webhook_probe_pause_ms, which uses up none of the attempts of its event, unless that is older than
///       webhook_hold_ms. So a receiver that is away loses nothing, and events that it never takes do not stop others
///       for good. A success closes it, and what waits is due at once.
///   (4) What somebody asks for once more is sent beside all that, in no order.
///
/// threads  one
class delivery_queue {
public:
    explicit delivery_queue(event_sequence cursor) noexcept : cursor_{cursor}, looked_at_{cursor} {}

    /// The last event that needs nothing more.
    [[nodiscard]] event_sequence cursor() const noexcept { return cursor_; }
    /// The last event that was looked at.
    [[nodiscard]] event_sequence looked_at() const noexcept { return looked_at_; }
    /// How many more may be looked at now.
    [[nodiscard]] std::size_t room() const noexcept
    {
        return webhook_window_events - static_cast<std::size_t>(looked_at_ - cursor_);
    }

    struct item {
        event_sequence sequence = 0;
        registration_number number = 0;
        std::uint64_t version = 0;
        time_ms at = 0;                // of the event
        std::optional<delivery> row{}; // where there were attempts already
    };
    /// An event that is to be sent. Twice is no harm: it may be behind what was looked at, where an earlier one of its
    /// registration has a greater number.
    void add(const item& what);
    /// All events up to this one were looked at, and those that are to be sent were added.
    void looked(event_sequence up_to);
    /// An event that is to be sent once more. Twice is no harm.
    void add_again(event_sequence sequence, const delivery& row);

    /// What is on its way.
    struct attempt {
        event_sequence sequence = 0;
        bool again = false;
        bool probe = false;
        bool counts = true; // uses up one of its attempts when it fails
    };
    /// The next event to be sent now, which is on its way then; empty when there is none.
    [[nodiscard]] std::optional<attempt> next(time_ms now);

    /// What is written down of an attempt that has ended. Nothing changes by asking.
    struct ending {
        std::uint16_t status = 0;
        delivery_failure failure = delivery_failure::none;

        [[nodiscard]] bool is_success() const noexcept
        {
            return failure == delivery_failure::none && status >= 200 && status < 300;
        }
    };
    [[nodiscard]] delivery record_of(const attempt& which, const ending& how, const delivery_rules& rules, time_ms now,
                                     std::uint16_t jitter) const;
    /// Where the cursor is when that attempt has ended so.
    [[nodiscard]] event_sequence cursor_after(const attempt& which, const delivery& record) const;
    /// It was written down. Ends the attempt.
    void ended(const attempt& which, const delivery& record, bool succeeded, time_ms now);
    /// It was not made after all.
    void withdraw(const attempt& which);

    /// Somebody has changed the webhook: what waits is due, and the breaker closed.
    void start_over(time_ms now);

    /// When next() may find something, if nothing else happens; empty: never.
    [[nodiscard]] std::optional<time_ms> wake_at() const;

    [[nodiscard]] bool is_open() const noexcept { return failed_.size() >= webhook_breaker_events; } // the breaker
    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return items_.size() + again_.size(); }

private:
    struct entry {
        registration_number number = 0;
        std::uint64_t version = 0;
        time_ms at = 0; // of the event; of those that are sent once more, when that was asked for
        delivery row;
        bool in_flight = false;
        unsigned probes = 0;
    };
    using entries = std::map<event_sequence, entry>;
    struct line { // of one registration
        std::set<std::pair<std::uint64_t, event_sequence>> versions;
        bool in_flight = false;
    };

    [[nodiscard]] entries& entries_of(bool again) noexcept { return again ? again_ : items_; }
    [[nodiscard]] const entry& find(const attempt& which) const;
    // May it be sent, when its time has come?
    [[nodiscard]] bool is_free(event_sequence sequence, const entry& one, bool again) const;
    template <class Visit>
    void for_each_free(const Visit& visit) const; // (sequence, entry, again) until it returns false
    attempt start(attempt which);
    void release(const attempt& which, entry& one);
    void make_due(time_ms now);
    void advance();

    event_sequence cursor_;
    event_sequence looked_at_;
    entries items_; // neither delivered nor given up; up to looked_at_, or pulled forward
    entries again_;
    std::map<registration_number, line> lines_; // of items_
    std::size_t in_flight_ = 0;
    std::set<event_sequence> failed_; // since the last success, at most webhook_breaker_events
    time_ms probe_at_ = 0;            // while the breaker is open
    bool probing_ = false;
};

} // namespace doorward::registry
