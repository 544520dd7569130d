#include "handlers/start_registration.hpp"

#include <cassert>

namespace doorward::handlers {
namespace {

using registry::errc;

// The parent is not active, so the child does not start.
task<kv::error_code> refuse_child(services& svc, registry::slot_ptr child, registry::slot_ptr parent,
                                  registry::attempt_word parents_word)
{
    // Somebody else's change, perhaps still on its way to the disk.
    if (const auto ec = co_await wait_until_durable(svc, parent, parents_word.version()))
        co_return ec;
    if (parents_word.current() == registry::state::removed) {
        wanted_move cancel{.by = registry::move::cancel, .reason = std::string{registry::reason::parent_removed}};
        const auto removed = co_await move_state(svc, child, std::move(cancel));
        if (!removed)
            co_return removed.error();
    }
    co_return make_error_code(errc::parent_not_active);
}

task<kv::result<move_result>> start_with_parent(services& svc, registry::lineage origin, registry::slot_ptr child,
                                                registry::move by, registry::actor who,
                                                std::optional<registry::binding> bound,
                                                std::optional<registry::otp_edition> checked,
                                                std::optional<registry::expected_versions> expected)
{
    const auto parent = find_slot(svc, origin.parent);
    assert(parent); // records are never erased
    if (const auto ec = co_await heal(svc, child))
        co_return ec;
    if (const auto ec = co_await heal(svc, parent))
        co_return ec;
    registry::attempt_word forbidding;
    auto both = registry::attempts::start_child(child, parent, origin.type, by, std::move(who), svc.clock.now(),
                                                &forbidding, checked, expected ? &*expected : nullptr);
    if (!both && both.error() == errc::parent_not_active) {
        const auto why = co_await refuse_child(svc, child, parent, forbidding);
        co_return why;
    }
    if (!both && both.error() != errc::illegal_change && both.error() != errc::precondition_failed)
        co_return both.error();
    if (!both) {
        if (const auto ec = co_await wait_until_durable(svc, child, forbidding.version()))
            co_return ec;
        if (both.error() == errc::precondition_failed)
            co_return both.error();
        co_return move_result{false, forbidding.current()};
    }
    if (bound && bound->accepts_decimal)
        child->accept_decimal();
    both->child.bound = std::move(bound);
    std::vector<registry::transition> steps;
    steps.push_back(std::move(both->parent));
    steps.push_back(std::move(both->child));
    if (const auto ec = co_await commit_transitions(svc, std::move(steps)))
        co_return ec;
    co_return move_result{true, registry::state::active};
}

} // namespace

task<kv::result<move_result>> start_registration(services& svc, const registry::registration& which,
                                                 registry::slot_ptr slot, registry::move by, registry::actor who,
                                                 std::optional<registry::binding> bound,
                                                 std::optional<registry::otp_edition> checked,
                                                 std::optional<registry::expected_versions> expected)
{
    if (which.origin && by != registry::move::exchange_keys)
        return start_with_parent(svc, *which.origin, std::move(slot), by, std::move(who), std::move(bound), checked,
                                 std::move(expected));
    return move_state(svc, std::move(slot),
                      {.by = by,
                       .who = std::move(who),
                       .bound = std::move(bound),
                       .checked = checked,
                       .expected = std::move(expected)});
}

} // namespace doorward::handlers
