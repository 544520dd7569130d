#include "registry/lockout_breaker.hpp"

#include <algorithm>
#include <cmath>

namespace doorward::registry {

bool lockout_breaker::is_open(std::string_view application, std::string_view version, time_ms now) const
{
    // relaxed: a moment sooner or later makes no difference.
    if (latest_until_.load(std::memory_order_relaxed) <= now)
        return false;
    const std::lock_guard lock{mutex_};
    const auto found = meters_.find(key{application, version});
    return found != meters_.end() && found->second.open.until > now;
}

void lockout_breaker::follow(meter& it, const breaker_settings& by, time_ms now) noexcept
{
    if (it.window_begins == 0 || now < it.window_begins) { // the first; or the clock was set back
        it.window_begins = now;
        it.lockouts = 0;
        return;
    }
    const auto passed = (now - it.window_begins) / by.window;
    if (passed == 0)
        return;
    // A mean in which a window of a day ago weighs a third of one of now.
    const double fade = 1.0 - std::min(1.0, static_cast<double>(by.window) / static_cast<double>(breaker_memory_ms));
    it.usual = it.usual * fade + it.lockouts * (1.0 - fade);
    it.usual *= std::pow(fade, static_cast<double>(passed - 1));
    it.lockouts = 0;
    it.window_begins += passed * by.window;
}

std::optional<lockout_breaker::opening> lockout_breaker::count(std::string_view application, std::string_view version,
                                                               const breaker_settings& by, time_ms now)
{
    const std::lock_guard lock{mutex_};
    meter& it = meters_[key{application, version}];
    follow(it, by, now);
    ++it.lockouts;
    const double too_many = std::max(static_cast<double>(by.least), by.factor * it.usual);
    if (it.lockouts < too_many || it.open.until > now)
        return std::nullopt;
    if (it.open.until != 0)
        let_go({std::string{application}, std::string{version}}, it); // nobody has looked since
    it.open = {it.lockouts, it.usual, now + by.pause};
    it.held = 0;
    add({true, std::string{application}, std::string{version}, it.open, 0, now});
    // What led to this is not to be taken as usual, nor to open it again when it closes.
    it.window_begins = now;
    it.lockouts = 0;
    latest_until_.store(std::max(latest_until_.load(std::memory_order_relaxed), it.open.until),
                        std::memory_order_relaxed);
    return it.open;
}

void lockout_breaker::note_held(std::string_view application, std::string_view version)
{
    const std::lock_guard lock{mutex_};
    const auto found = meters_.find(key{application, version});
    if (found != meters_.end())
        ++found->second.held;
}

void lockout_breaker::let_go(const key& whose, meter& it)
{
    add({false, whose.first, whose.second, it.open, it.held, it.open.until});
    it.open = {};
}

void lockout_breaker::add(notice what)
{
    if (notices_.size() >= breaker_notices_max)
        notices_.pop_front();
    notices_.push_back(std::move(what));
}

std::vector<lockout_breaker::notice> lockout_breaker::take_notices(time_ms now)
{
    if (latest_until_.load(std::memory_order_relaxed) == 0)
        return {};
    const std::lock_guard lock{mutex_};
    for (auto& [whose, it] : meters_) {
        if (it.open.until != 0 && it.open.until <= now)
            let_go(whose, it);
    }
    std::vector<notice> out{std::make_move_iterator(notices_.begin()), std::make_move_iterator(notices_.end())};
    notices_.clear();
    return out;
}

void lockout_breaker::give_back(std::vector<notice> untold)
{
    const std::lock_guard lock{mutex_};
    for (auto each = untold.rbegin(); each != untold.rend() && notices_.size() < breaker_notices_max; ++each)
        notices_.push_front(std::move(*each));
}

std::map<std::string, lockout_breaker::opening> lockout_breaker::all_open(std::string_view application,
                                                                          time_ms now) const
{
    std::map<std::string, opening> out;
    const std::lock_guard lock{mutex_};
    for (const auto& [whose, it] : meters_) {
        if (whose.first == application && it.open.until > now)
            out.emplace(whose.second, it.open);
    }
    return out;
}

} // namespace doorward::registry
