#include "registry/lockout_simulation.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::registry {

void lockout_simulation::add(const attempt_row& row)
{
    const bool failed = row.what.outcome == attempt_outcome::refused && row.what.counted;
    const bool succeeded = row.what.outcome == attempt_outcome::accepted && row.what.type != factors::possession;
    if (!failed && !succeeded)
        return;
    ++so_far_.attempts;
    const auto [place, is_new] = phones_.try_emplace(row.number);
    if (is_new)
        ++so_far_.registrations;
    phone& it = place->second;
    if (it.now == state::blocked && it.blocked_until != 0 && it.blocked_until <= row.at) {
        it.now = state::active;
        it.since_reset = after_block(it.since_reset, policy_, max_, it.blocked_until);
    }
    if (failed)
        fail(it, row);
    else
        succeed(it, row);
}

void lockout_simulation::fail(phone& it, const attempt_row& row)
{
    if (it.now != state::active)
        return;
    const failure more{0, row.at, is_biometric(row.what.type)};
    auto& list = it.since_reset.list;
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(aged(list, policy_, row.at)));
    if (list.empty())
        it.since_reset.blocks = 0;
    const consequence led_to = consequence_of(list, more, it.since_reset.blocks, policy_, max_);
    list.push_back(more);
    it.since_reset.blocks = led_to.blocks;
    if (led_to.becomes == state::active)
        return;
    ++so_far_.lockouts;
    if (!it.was_locked_out)
        ++so_far_.locked_out;
    if (led_to.becomes == state::removed)
        ++so_far_.removals;
    it.was_locked_out = true;
    it.called_false = false;
    it.now = state::blocked;
    it.blocked_at = row.at;
    it.blocked_until = led_to.blocked_until;
}

void lockout_simulation::succeed(phone& it, const attempt_row& row)
{
    // Of one that has ended as well: it would have kept its owner waiting.
    if (it.was_locked_out && !it.called_false && row.at - it.blocked_at <= false_lockout_ms) {
        it.called_false = true;
        ++so_far_.probably_false;
    }
    if (it.now == state::blocked && it.blocked_until != 0)
        return; // would not have been let in
    if (it.now == state::blocked) {
        it.now = state::active;
        it.since_reset = {};
        return;
    }
    switch (forgotten_by(row.what.type, policy_)) {
    case forgotten::none:
        break;
    case forgotten::biometry:
        std::erase_if(it.since_reset.list, [](const failure& each) { return each.biometry(); });
        break;
    case forgotten::all:
        it.since_reset = {};
    }
}

} // namespace doorward::registry
