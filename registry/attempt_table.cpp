#include "registry/attempt_table.hpp"

namespace doorward::registry {

std::shared_ptr<attempt_slot> attempt_table::find(const uuid& id, const loader& load)
{
    part& mine = parts_[id.value[0] % parts];
    const std::lock_guard lock{mine.mutex};
    if (const auto found = mine.slots.find(id); found != mine.slots.end())
        return found->second;
    auto loaded = load();
    if (!loaded)
        return nullptr;
    if (mine.slots.size() >= part_slots_max)
        mine.drop_idle();
    mine.slots.emplace(id, loaded);
    return loaded;
}

std::size_t attempt_table::size() const
{
    std::size_t total = 0;
    for (const part& each : parts_) {
        const std::lock_guard lock{each.mutex};
        total += each.slots.size();
    }
    return total;
}

void attempt_table::part::drop_idle()
{
    // An eighth at once, so that this is rare. Nobody can start to hold a slot meanwhile: that takes the mutex.
    std::size_t wanted = part_slots_max / 8;
    for (auto each = slots.begin(); each != slots.end() && wanted > 0;) {
        if (each->second.use_count() == 1) {
            each = slots.erase(each);
            --wanted;
        } else {
            ++each;
        }
    }
}

} // namespace doorward::registry
