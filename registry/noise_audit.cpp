#include "registry/noise_audit.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace doorward::registry {
namespace {

void add(noise_summary& to, const source_address& from, time_ms now)
{
    if (to.count == 0)
        to.first = now;
    if (to.count < std::numeric_limits<std::uint32_t>::max())
        ++to.count;
    to.last = now;
    to.source = from;
}

} // namespace

void noise_audit::count(registration_number number, const source_address& from, time_ms now)
{
    if (number != 0) {
        part& mine = parts_[number % parts];
        const std::lock_guard lock{mine.mutex};
        auto found = mine.counts.find(number);
        if (found == mine.counts.end() && mine.counts.size() < part_registrations_max)
            found = mine.counts.emplace(number, noise_summary{number, 0, 0, 0, {}}).first;
        if (found != mine.counts.end()) {
            add(found->second, from, now);
            return;
        }
    }
    const std::lock_guard lock{others_mutex_};
    add(others_, from, now);
}

std::vector<noise_summary> noise_audit::take_summaries(std::size_t most)
{
    std::vector<noise_summary> out;
    if (most == 0)
        return out;
    {
        const std::lock_guard lock{others_mutex_};
        if (others_.count > 0)
            out.push_back(std::exchange(others_, noise_summary{}));
    }
    // Begins where the last taking ended, so that each part has its turn however much noise the others get.
    for (std::size_t i = 0; i < parts && out.size() < most; ++i) {
        const unsigned at = next_part_.load() % parts;
        part& each = parts_[at];
        const std::lock_guard lock{each.mutex};
        while (!each.counts.empty() && out.size() < most) {
            out.push_back(each.counts.begin()->second);
            each.counts.erase(each.counts.begin());
        }
        if (each.counts.empty())
            next_part_.store(at + 1);
    }
    return out;
}

} // namespace doorward::registry
