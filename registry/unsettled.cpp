#include "registry/unsettled.hpp"

#include <algorithm>
#include <iterator>

namespace doorward::registry {

void unsettled_transitions::keep(std::vector<transition> steps)
{
    const std::lock_guard lock{mutex_};
    for (transition& step : steps) {
        step.slot->set_unsettled(true);
        auto& mine = kept_[step.slot.get()];
        mine.push_back(std::move(step));
        std::ranges::sort(mine, {}, [](const transition& each) { return each.after.version(); });
    }
}

std::vector<transition> unsettled_transitions::take(const attempt_slot& of)
{
    const std::lock_guard lock{mutex_};
    const auto found = kept_.find(&of);
    if (found == kept_.end())
        return {};
    std::vector<transition> out = std::move(found->second);
    kept_.erase(found);
    out.front().slot->set_unsettled(false);
    return out;
}

std::vector<transition> unsettled_transitions::take_some(std::size_t steps_max)
{
    const std::lock_guard lock{mutex_};
    std::vector<transition> out;
    while (!kept_.empty() && out.size() < steps_max) {
        const auto first = kept_.begin();
        first->second.front().slot->set_unsettled(false);
        std::ranges::move(first->second, std::back_inserter(out));
        kept_.erase(first);
    }
    return out;
}

std::size_t unsettled_transitions::registrations() const
{
    const std::lock_guard lock{mutex_};
    return kept_.size();
}

} // namespace doorward::registry
