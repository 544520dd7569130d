#include "handlers/cascade.hpp"
#include "handlers/slots.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <deque>
#include <span>

namespace doorward::handlers {
namespace {

using registry::move;
using registry::registration_number;
using registry::state;

struct child {
    registration_number number;
    registry::uuid id;
};

// The children of the first of `parents`, which leave the list: about as many as one change takes, of no more parents.
std::vector<child> next_children(services& svc, std::deque<registration_number>& parents, std::size_t at_most)
{
    std::vector<child> out;
    svc.journal.view([&](const registry::snapshot& txn) {
        const std::size_t enough = std::min(at_most, registry::cascade_step_max);
        for (std::size_t i = 0; i < registry::cascade_step_max && !parents.empty() && out.size() < enough; ++i) {
            registry::scan_children(txn, parents.front(), 0, [&](registration_number number) {
                out.push_back({number, registry::find_registration(txn, number).value().id});
                return out.size() < at_most;
            });
            parents.pop_front();
        }
    });
    return out;
}

// A block that ends by itself stops nothing for good.
bool is_stopped(const registry::attempt_slot& slot)
{
    const state at = slot.load().current();
    return at == state::removed || (at == state::blocked && slot.blocked_until() == 0);
}

move stopping(state at)
{
    return at == state::active ? move::block : at == state::blocked ? move::change_block : move::cancel;
}

// Blocks a registration, or cancels one that has not started. Empty when it is blocked for good or removed already.
std::optional<registry::transition> stop(const registry::slot_ptr& slot, const registry::actor& who,
                                         const std::string& reason, registry::time_ms now)
{
    for (;;) {
        if (is_stopped(*slot))
            return std::nullopt;
        auto change = registry::attempts::change_state(slot, stopping(slot->load().current()), who, reason, now);
        if (change) // otherwise it is in another state by now
            return *std::move(change);
    }
}

// All of them in one change, on the disk when this returns; or those in front of the first for which changed_max leaves
// no room.
task<kv::error_code> stop_all(services& svc, std::span<const child> children, const registry::actor& who,
                              const std::string& reason, std::size_t changed_max, cascade_result& result)
{
    // Whatever may fail comes before the first swap: a step that was swapped and not handed over would be in memory
    // only, for good.
    std::vector<registry::slot_ptr> slots;
    for (const child& each : children) {
        slots.push_back(find_slot(svc, each.id));
        if (needs_healing(svc, *slots.back())) {
            if (const auto ec = co_await heal(svc, slots.back()))
                co_return ec;
        }
    }
    std::vector<registry::transition> steps;
    std::vector<registry::slot_ptr> stopped_by_others;
    for (const auto& slot : slots) {
        if (result.changed() >= changed_max && !is_stopped(*slot)) {
            result.complete = false;
            break;
        }
        if (auto step = stop(slot, who, reason, svc.clock.now())) {
            ++(step->by == move::cancel ? result.removed : result.blocked);
            steps.push_back(*std::move(step));
        } else {
            stopped_by_others.push_back(slot);
        }
    }
    if (!steps.empty()) {
        if (const auto ec = co_await commit_transitions(svc, std::move(steps)))
            co_return ec;
    }
    for (const auto& slot : stopped_by_others) {
        if (const auto ec = co_await wait_until_durable(svc, slot, slot->load().version()))
            co_return ec;
    }
    co_return kv::error_code{};
}

} // namespace

task<kv::result<cascade_result>> block_descendants(services& svc, const registry::full_registration& root,
                                                   registry::actor who, cascade_bounds within)
{
    const std::string reason = std::string{registry::reason::blocked_with} + root.record.id.text();
    cascade_result out;
    std::size_t left = within.looked_at_max;
    const auto here = co_await boost::asio::this_coro::executor;
    // Stopped, on the disk, and their children are still to be looked for. A child's number is greater than its
    // parent's, so nobody comes twice.
    std::deque<registration_number> parents{root.number};
    while (out.complete && !parents.empty()) {
        co_await boost::asio::post(here, boost::asio::deferred); // others go on, also where there is nothing to write
        auto children = next_children(svc, parents, left + 1);
        const bool all = children.size() <= left;
        children.resize(std::min(children.size(), left));
        left -= children.size();
        for (std::span<const child> rest{children}; out.complete && !rest.empty();) {
            const auto some = rest.first(std::min(rest.size(), registry::cascade_step_max));
            rest = rest.subspan(some.size());
            if (const auto ec = co_await stop_all(svc, some, who, reason, within.changed_max, out))
                co_return ec;
        }
        out.complete = out.complete && all;
        for (const child& each : children)
            parents.push_back(each.number);
    }
    co_return out;
}

} // namespace doorward::handlers
