#include "registry/delivery_queue.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {

void delivery_queue::add(const item& what)
{
    const bool is_over = what.sequence <= cursor_ || (what.row && what.row->now != delivery_state::pending);
    const bool is_sent_again = what.row && what.row->again; // so it was over before
    if (is_over || is_sent_again)
        return;
    entry one;
    one.number = what.number;
    one.version = what.version;
    one.at = what.at;
    one.row = what.row.value_or(delivery{});
    if (items_.try_emplace(what.sequence, std::move(one)).second)
        lines_[what.number].versions.emplace(what.version, what.sequence);
}

void delivery_queue::looked(event_sequence up_to)
{
    assert(up_to >= looked_at_ && up_to - cursor_ <= webhook_window_events);
    looked_at_ = up_to;
    advance();
}

void delivery_queue::add_again(event_sequence sequence, const delivery& row)
{
    if (row.now != delivery_state::pending)
        return;
    entry one;
    one.at = row.first_at != 0 ? row.first_at : row.next_at;
    one.row = row;
    again_.try_emplace(sequence, std::move(one));
}

const delivery_queue::entry& delivery_queue::find(const attempt& which) const
{
    const entries& in = which.again ? again_ : items_;
    const auto found = in.find(which.sequence);
    assert(found != in.end() && found->second.in_flight);
    return found->second;
}

bool delivery_queue::is_free(event_sequence sequence, const entry& one, bool again) const
{
    if (one.in_flight || again)
        return !one.in_flight;
    const line& its = lines_.at(one.number);
    return !its.in_flight && its.versions.begin()->second == sequence;
}

template <class Visit>
void delivery_queue::for_each_free(const Visit& visit) const
{
    for (const bool again : {true, false}) {
        for (const auto& [sequence, one] : again ? again_ : items_) {
            if (is_free(sequence, one, again) && !visit(sequence, one, again))
                return;
        }
    }
}

delivery_queue::attempt delivery_queue::start(attempt which)
{
    entry& one = entries_of(which.again).at(which.sequence);
    one.in_flight = true;
    if (!which.again)
        lines_.at(one.number).in_flight = true;
    if (which.probe) {
        ++one.probes;
        probing_ = true;
    }
    ++in_flight_;
    return which;
}

std::optional<delivery_queue::attempt> delivery_queue::next(time_ms now)
{
    if (in_flight_ >= webhook_in_flight_max)
        return std::nullopt;
    std::optional<attempt> out;
    if (!is_open()) {
        for_each_free([&](event_sequence sequence, const entry& one, bool again) {
            if (one.row.next_at > now)
                return true;
            out = attempt{sequence, again, false, true};
            return false;
        });
    } else if (!probing_ && probe_at_ <= now) {
        // Those first that were tried least often: one that is never taken must not be all that is tried.
        unsigned least = 0;
        for_each_free([&](event_sequence sequence, const entry& one, bool again) {
            if (!out || one.probes < least) {
                out = attempt{sequence, again, true, now - one.at > webhook_hold_ms};
                least = one.probes;
            }
            return true;
        });
    }
    return out ? std::optional{start(*out)} : std::nullopt;
}

delivery delivery_queue::record_of(const attempt& which, const ending& how, const delivery_rules& rules, time_ms now,
                                   std::uint16_t jitter) const
{
    delivery out = find(which).row;
    out.first_at = out.first_at != 0 ? out.first_at : now;
    out.last_at = now;
    out.last_status = how.status;
    out.last_failure = how.failure;
    const bool succeeded = how.is_success();
    if (succeeded || which.counts)
        ++out.attempts;
    if (succeeded)
        out.now = delivery_state::delivered;
    else if (which.counts && out.attempts >= rules.attempts_max)
        out.now = delivery_state::given_up;
    if (out.now == delivery_state::pending) {
        if (which.counts)
            out.next_at = now + backoff(rules, out.attempts, jitter);
    } else {
        out.next_at = 0;
        out.finished_at = now;
        out.expires_at = now + rules.retention;
    }
    return out;
}

event_sequence delivery_queue::cursor_after(const attempt& which, const delivery& record) const
{
    if (which.again || record.now == delivery_state::pending)
        return cursor_;
    const auto left = std::ranges::find_if(items_, [&](const auto& each) { return each.first != which.sequence; });
    return left == items_.end() ? looked_at_ : std::min(looked_at_, left->first - 1);
}

void delivery_queue::release(const attempt& which, entry& one)
{
    one.in_flight = false;
    if (!which.again)
        lines_.at(one.number).in_flight = false;
    if (which.probe)
        probing_ = false;
    --in_flight_;
}

void delivery_queue::withdraw(const attempt& which)
{
    static_cast<void>(find(which));
    release(which, entries_of(which.again).at(which.sequence));
}

void delivery_queue::ended(const attempt& which, const delivery& record, bool succeeded, time_ms now)
{
    static_cast<void>(find(which));
    entries& in = entries_of(which.again);
    entry& one = in.at(which.sequence);
    release(which, one);
    one.row = record;
    if (record.now != delivery_state::pending) {
        if (!which.again) {
            const auto its = lines_.find(one.number);
            its->second.versions.erase({one.version, which.sequence});
            if (its->second.versions.empty())
                lines_.erase(its);
        }
        in.erase(which.sequence);
        advance();
    }
    if (succeeded) {
        if (is_open())
            make_due(now);
        failed_.clear();
        return;
    }
    const bool was_open = is_open();
    if (!was_open)
        failed_.insert(which.sequence);
    if (is_open() && (!was_open || which.probe))
        probe_at_ = now + webhook_probe_pause_ms;
}

void delivery_queue::make_due(time_ms now)
{
    for (entries* const all : {&items_, &again_}) {
        for (auto& [sequence, one] : *all) {
            one.row.next_at = std::min(one.row.next_at, now);
            one.probes = 0;
        }
    }
}

void delivery_queue::start_over(time_ms now)
{
    make_due(now);
    failed_.clear();
}

std::optional<time_ms> delivery_queue::wake_at() const
{
    if (in_flight_ >= webhook_in_flight_max || (is_open() && probing_))
        return std::nullopt; // an ending wakes
    std::optional<time_ms> out;
    for_each_free([&](event_sequence, const entry& one, bool) {
        const time_ms at = is_open() ? probe_at_ : one.row.next_at;
        out = std::min(out.value_or(at), at);
        return true;
    });
    return out;
}

void delivery_queue::advance()
{
    cursor_ = items_.empty() ? looked_at_ : std::min(looked_at_, items_.begin()->first - 1);
}

} // namespace doorward::registry
