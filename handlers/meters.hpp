#pragma once

#include "handlers/http.hpp"
#include "kv/meter.hpp"
#include "registry/attempts.hpp"

#include <deque>
#include <mutex>
#include <optional>

namespace doorward::handlers {

/// What an attempt is told as: a verdict, or noise, which is told like a refusal.
enum class attempt_kind : std::uint8_t { accepted, refused, blocked, noise };
inline constexpr std::array<std::string_view, 4> attempt_kind_names{"accepted", "refused", "blocked", "noise"};

/// Quantiles of the last seconds, from readings that whoever asks leaves for whoever asks next: nothing is done while
/// nobody looks. threads  any
class recent_quantiles {
public:
    static constexpr registry::time_ms window_ms = 10'000;
    static constexpr registry::time_ms step_ms = 1000; // between readings that are kept

    struct quantiles {
        std::uint64_t count = 0; // since the start
        double p50_ms = 0;
        double p99_ms = 0;
    };
    [[nodiscard]] quantiles of(const kv::histogram& which, registry::time_ms now);

private:
    struct mark {
        registry::time_ms at;
        kv::histogram::reading read;
    };
    std::mutex mutex_;       // a leaf
    std::deque<mark> marks_; // guarded by mutex_; oldest first, at most window_ms / step_ms + 1
};

/// What is counted while the server works, beside what its parts know of themselves. Since the start. threads  any
class meters {
public:
    meters() = default;
    meters(const meters&) = delete;
    meters& operator=(const meters&) = delete;

    /// An attempt was judged, and what it is told is on the disk.
    void count(const registry::attempt_result& what) noexcept
    {
        using verdict = registry::attempt_result::verdict;
        if (what.unproven && !what.counted)
            return; // noise, which is counted where it is found
        count(what.outcome == verdict::accepted  ? attempt_kind::accepted
              : what.outcome == verdict::refused ? attempt_kind::refused
                                                 : attempt_kind::blocked);
        if (what.counted && what.word.current() != registry::state::active)
            lockouts.add();
    }
    void count(attempt_kind kind, std::uint64_t how_many = 1) noexcept
    {
        attempts[static_cast<std::size_t>(kind)].add(how_many);
    }
    /// An answer on its way to the client, so long after its request had arrived.
    void count_answer(side where, unsigned status, std::chrono::nanoseconds took) noexcept
    {
        side_meters& there = sides[static_cast<std::size_t>(where)];
        there.answers[std::clamp(status / 100, 1U, answer_classes) - 1].add();
        there.took.observe(static_cast<std::uint64_t>(took.count()));
        if (status == 429)
            there.throttled.add();
        if (status == 401 && where == side::office)
            wrong_credentials.add();
    }

    static constexpr unsigned answer_classes = 5; // 1xx to 5xx
    struct side_meters {
        std::array<kv::counter, answer_classes> answers;
        kv::counter throttled; // of them
        kv::histogram took{kv::duration_bounds_ns};
    };

    std::array<kv::counter, attempt_kind_names.size()> attempts;
    kv::counter lockouts;                           // registrations that a failure blocked or removed
    kv::histogram verdicts{kv::duration_bounds_ns}; // of proofs, from reading the request to having it on the disk
    kv::counter wrong_credentials;                  // on the office side
    std::array<side_meters, all_sides.size()> sides;
    kv::histogram loop_lag{kv::duration_bounds_ns}; // how late event loops come to what is due
    kv::counter folded;                             // counters of registrations
    kv::histogram fold_steps{kv::duration_bounds_ns};
    kv::counter deliveries;        // to webhooks, those that succeeded
    kv::counter failed_deliveries; // and those that did not

    recent_quantiles recent_commits; // of the writer's commit_times()
    recent_quantiles recent_verdicts;
};

/// What the transport knows of itself.
class transport_gauges {
public:
    struct open_connections {
        std::size_t now = 0;
        std::size_t max = 0;
    };
    [[nodiscard]] virtual open_connections open(side where) const noexcept = 0;
    /// Is the server about to end? It takes no new connections then.
    [[nodiscard]] virtual bool is_draining() const noexcept = 0;

protected:
    ~transport_gauges() = default;
};

} // namespace doorward::handlers
