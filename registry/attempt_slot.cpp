#include "registry/attempt_slot.hpp"

#include <algorithm>
#include <utility>

namespace doorward::registry {

namespace {

std::uint64_t high_half(const ctr_data& data) noexcept
{
    return crypto::from_big_endian<std::uint64_t>(crypto::bytes_view{data}.first(8));
}

std::uint64_t low_half(const ctr_data& data) noexcept
{
    return crypto::from_big_endian<std::uint64_t>(crypto::bytes_view{data}.last(8));
}

} // namespace

// The word keeps 16 bits of the position; the base tells the rest. It is moved after every accepted proof, so it lags
// by the swaps that are under way, far fewer than 65,536.
static_assert(sizeof(attempt_word{}.position()) == 2);

attempt_slot::attempt_slot(content what)
    : owner{std::move(what.whose)},
      look_ahead{what.judged_by.look_ahead},
      word_{what.stored.word.bits()},
      durable_version_{what.stored.word.version()},
      last_row_{what.stored.last_row},
      settled_row_{what.stored.last_row},
      base_position_{what.stored.counter.position},
      base_high_{high_half(what.stored.counter.data)},
      base_low_{low_half(what.stored.counter.data)},
      refused_{std::move(what.stored.refused)},
      flags_{std::move(what.flags)},
      limits_{what.judged_by},
      has_own_policy_{what.judged_by.policy != nullptr},
      blocked_until_{what.stored.word.current() == state::blocked ? what.blocked_until : 0}
{
    accepts_decimal_.store(what.accepts_decimal, std::memory_order_relaxed);
    assert(limits_.max_failed > 0 && limits_.look_ahead > 0);
    assert(static_cast<std::uint16_t>(what.stored.counter.position) == what.stored.word.position());
}

attempt_limits attempt_slot::limits() const
{
    const std::lock_guard lock{refused_mutex_};
    return limits_;
}

lockout_policy attempt_slot::policy_or(const lockout_policy& otherwise) const
{
    // relaxed: a change of limits swaps the word after it, and swapping a word that was loaded before fails then.
    if (!has_own_policy_.load(std::memory_order_relaxed))
        return otherwise;
    const auto mine = limits().policy;
    return mine ? *mine : otherwise;
}

bool attempt_slot::swap(attempt_word expected, attempt_word next, std::optional<time_ms> until) noexcept
{
    const bool blocks = next.current() == state::blocked;
    if (expected.current() == state::active && !blocks)
        return exchange(expected, next);
    const std::lock_guard lock{refused_mutex_};
    if (!exchange(expected, next))
        return false;
    if (!blocks)
        until = 0;
    if (until)
        blocked_until_.store(*until, std::memory_order_relaxed);
    return true;
}

bool attempt_slot::exchange(attempt_word expected, attempt_word next) noexcept
{
    assert(next.version() == expected.version() + 1);
    assert(expected.current() != state::removed); // (5)
    std::uint64_t bits = expected.bits();
    // release: pairs with load(). Otherwise all that a verdict depends on is in the word, and what goes to the disk is
    // ordered by the writer's queue.
    return word_.compare_exchange_strong(bits, next.bits(), std::memory_order_release, std::memory_order_relaxed);
}

attempt_slot::pair_swap attempt_slot::swap_both(attempt_word expected, attempt_word next, attempt_slot& parent,
                                                attempt_word parents_expected, attempt_word parents_next) noexcept
{
    assert(&parent != this);
    assert(is_unfinished(expected.current()) && next.current() == state::active);
    assert(parents_expected.current() == state::active);
    const std::lock_guard lock{refused_mutex_};
    if (load() != expected)
        return pair_swap::lost;
    if (!parent.exchange(parents_expected, parents_next))
        return pair_swap::other_lost;
    // The parent's first: for the few instructions in between there is one active registration less, never one more.
    start_pending_.store(next.version(), std::memory_order_relaxed);
    const bool ours = exchange(expected, next);
    assert(ours); // nobody swaps an unfinished word without the mutex
    static_cast<void>(ours);
    return pair_swap::done;
}

std::optional<counter_place> attempt_slot::counter(attempt_word of) const noexcept
{
    for (;;) {
        // acquire: the fields below are at least as new as this sequence number.
        const auto before = base_sequence_.load(std::memory_order_acquire);
        counter_place base;
        // acquire on each: none of them moves behind the second look at the sequence number.
        base.position = base_position_.load(std::memory_order_acquire);
        const auto high = crypto::big_endian(base_high_.load(std::memory_order_acquire));
        const auto low = crypto::big_endian(base_low_.load(std::memory_order_acquire));
        const auto after = base_sequence_.load(std::memory_order_acquire);
        if (before != after || before % 2 != 0)
            continue; // a writer is at it for a few instructions
        std::ranges::copy(high, base.data.begin());
        std::ranges::copy(low, base.data.begin() + 8);

        return place_of(of, base);
    }
}

void attempt_slot::advance_base(const counter_place& place) noexcept
{
    // One writer at a time: whoever makes the sequence odd.
    std::uint32_t sequence = base_sequence_.load(std::memory_order_relaxed);
    do {
        sequence &= ~1U;
        // acquire on success: sees the fields of the writer before. An odd current value makes it fail and try again.
    } while (!base_sequence_.compare_exchange_weak(sequence, sequence + 1, std::memory_order_acquire,
                                                   std::memory_order_relaxed));
    if (base_position_.load(std::memory_order_relaxed) < place.position) {
        // release on each: a reader that sees a new field also sees the odd sequence number before it.
        base_position_.store(place.position, std::memory_order_release);
        base_high_.store(high_half(place.data), std::memory_order_release);
        base_low_.store(low_half(place.data), std::memory_order_release);
    }
    // release: the fields are complete when the even number is seen.
    base_sequence_.store(sequence + 2, std::memory_order_release);
}

attempt_slot::refusal attempt_slot::refuse(attempt_word expected, const failure& more, const lockout_policy& policy,
                                           counted* out, bool holds)
{
    if (out != nullptr)
        out->refused.list.reserve(expected.failed() + std::size_t{1}); // not under the mutex
    const std::lock_guard lock{refused_mutex_};
    if (load() != expected)
        return refusal::lost;
    refused_.follow(expected);
    if (more.digest() != 0 && refused_.contains(more.digest()))
        return refusal::repeated;
    const lockout_policy& mine = limits_.policy ? *limits_.policy : policy;
    const counted_failure next = count_failure(expected, refused_.known(), more, mine, limits_.max_failed);
    if (holds && next.after.current() != state::active)
        return refusal::held;
    refused_.make_room(); // a swap that was won must be noted
    if (!exchange(expected, next.after))
        return refusal::lost;
    refused_.add(next.after, more, next.aged, next.led_to.blocks);
    if (next.after.current() == state::blocked)
        blocked_until_.store(next.led_to.blocked_until, std::memory_order_relaxed);
    if (out != nullptr) {
        out->after = next.after;
        out->refused = refused_.known();
        out->blocked_until = next.led_to.blocked_until;
    }
    return refusal::counted;
}

void attempt_slot::hold(time_ms now) noexcept
{
    // Of two at once one may be overlooked: it doubles the next time.
    const auto before = holds_.load(std::memory_order_relaxed);
    if (before < hold_doublings_max)
        holds_.store(static_cast<std::uint8_t>(before + 1), std::memory_order_relaxed);
    held_until_.store(now + (hold_first_ms << before), std::memory_order_relaxed);
}

bool attempt_slot::forgive_biometry(attempt_word expected, attempt_word accepted, counted& out)
{
    const std::lock_guard lock{refused_mutex_};
    if (load() != expected)
        return false;
    refused_.follow(expected);
    out.refused = refused_.known();
    std::erase_if(out.refused.list, [](const failure& each) { return each.biometry(); });
    out.after = accepted.with_failed(static_cast<std::uint8_t>(out.refused.list.size()));
    if (!exchange(expected, out.after))
        return false;
    refused_.replace(out.after, out.refused);
    return true;
}

bool attempt_slot::end_block(attempt_word expected, const lockout_policy& policy, time_ms now, counted& out)
{
    const std::lock_guard lock{refused_mutex_};
    const time_ms until = blocked_until();
    if (load() != expected || expected.current() != state::blocked || until == 0 || until > now)
        return false;
    refused_.follow(expected);
    const lockout_policy& mine = limits_.policy ? *limits_.policy : policy;
    out.refused = after_block(refused_.known(), mine, limits_.max_failed, now);
    out.after = expected.moved(state::active, static_cast<std::uint8_t>(out.refused.list.size()));
    if (!exchange(expected, out.after))
        return false;
    refused_.replace(out.after, out.refused);
    blocked_until_.store(0, std::memory_order_relaxed);
    return true;
}

bool attempt_slot::change_limits(attempt_word expected, attempt_word next, const attempt_limits& to)
{
    const std::lock_guard lock{refused_mutex_};
    attempt_limits earlier = limits_;
    const auto set = [this](const attempt_limits& which) {
        limits_.max_failed = which.max_failed;
        limits_.policy = which.policy;
        has_own_policy_.store(which.policy != nullptr, std::memory_order_relaxed);
    };
    // Before the swap: whoever finds the new word is judged by the new limits.
    set(to);
    if (exchange(expected, next))
        return true;
    set(earlier);
    return false;
}

void attempt_slot::learn_keys(const factor_keys& opened) noexcept
{
    const std::lock_guard lock{refused_mutex_};
    if (keys_known_.load(std::memory_order_relaxed))
        return; // somebody else was as fast
    keys_ = opened;
    keys_known_.store(true, std::memory_order_release);
}

void attempt_slot::mark_durable(std::uint64_t version) noexcept
{
    std::uint64_t known = durable_version();
    while (known < version && !durable_version_.compare_exchange_weak(known, version, std::memory_order_relaxed)) {
    }
}

attempt_slot::flagged attempt_slot::flags() const
{
    const std::lock_guard lock{refused_mutex_};
    return {load(), flags_};
}

bool attempt_slot::swap_flags(attempt_word expected, attempt_word next, flag_set flags) noexcept
{
    const std::lock_guard lock{refused_mutex_};
    if (!exchange(expected, next))
        return false;
    flags_ = std::move(flags);
    return true;
}

failures attempt_slot::refused_until(attempt_word word) const
{
    if (word.failed() == 0)
        return {};
    const std::lock_guard lock{refused_mutex_};
    return refused_.of(word);
}

} // namespace doorward::registry
