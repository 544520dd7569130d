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
    std::vector<transition> out;
    take_with_partners(of, out);
    return out;
}

// Under the mutex. The loop ends: each round takes the transitions of a registration that had some.
void unsettled_transitions::take_with_partners(const attempt_slot& of, std::vector<transition>& to)
{
    std::vector<const attempt_slot*> wanted{&of};
    while (!wanted.empty()) {
        const auto found = kept_.find(wanted.back());
        wanted.pop_back();
        if (found == kept_.end())
            continue;
        std::vector<transition> mine = std::move(found->second);
        kept_.erase(found);
        mine.front().slot->set_unsettled(false);
        for (transition& step : mine) {
            if (step.partner)
                wanted.push_back(step.partner.get());
            to.push_back(std::move(step));
        }
    }
}

std::vector<transition> unsettled_transitions::take_some(std::size_t steps_max)
{
    const std::lock_guard lock{mutex_};
    std::vector<transition> out;
    while (!kept_.empty() && out.size() < steps_max)
        take_with_partners(*kept_.begin()->first, out);
    return out;
}

std::size_t unsettled_transitions::registrations() const
{
    const std::lock_guard lock{mutex_};
    return kept_.size();
}

} // namespace doorward::registry
