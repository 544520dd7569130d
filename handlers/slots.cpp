#include "handlers/slots.hpp"
#include "registry/changes.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace doorward::handlers {
namespace {

namespace asio = boost::asio;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

// Waiting for somebody else's change. One round through the writer nearly always does: the other thread submits its
// change right after the swap that made its word visible. When it was interrupted in between, it needs a moment.
constexpr int quick_rounds = 2;
constexpr int rounds_max = 500;
constexpr std::chrono::milliseconds round_pause{2};

// until  of (); true when there is nothing to wait for any more
template <class Condition>
task<kv::error_code> wait(services& svc, registry::slot_ptr slot, Condition until)
{
    for (int round = 0; !until(); ++round) {
        if (round == rounds_max)
            co_return make_error_code(kv::errc::queue_full);
        if (round >= quick_rounds) {
            timer pause{co_await asio::this_coro::executor};
            pause.expires_after(round_pause);
            const auto [ignored] = co_await pause.async_wait(asio::as_tuple(asio::deferred));
            static_cast<void>(ignored);
        }
        if (const auto ec = co_await heal(svc, slot))
            co_return ec;
        registry::barrier nothing;
        if (const auto ec = co_await commit(svc, nothing))
            co_return ec;
    }
    co_return kv::error_code{};
}

} // namespace

registry::slot_ptr find_slot(services& svc, const registry::uuid& id)
{
    return svc.slots.find(id, [&]() -> std::optional<registry::attempt_slot::content> {
        const auto found =
            svc.journal.view([&](const registry::snapshot& txn) { return registry::find_full(txn, id); });
        if (!found)
            return std::nullopt;
        registry::attempt_limits limits{found->record.max_failed_attempts, registry::look_ahead_default};
        if (found->record.policy)
            limits.policy = std::make_shared<const registry::lockout_policy>(*found->record.policy);
        registry::attempt_slot::identity owner{found->number, id, found->record.application_id};
        return registry::attempt_slot::content{std::move(owner),    limits,
                                               found->attempts,     found->record.accepts_decimal,
                                               found->record.flags, found->record.blocked_until};
    });
}

const registry::factor_keys* find_factor_keys(services& svc, registry::attempt_slot& slot)
{
    if (slot.known_keys() == nullptr) {
        const auto stored = svc.journal.view(
            [&](const registry::snapshot& txn) { return registry::find_keys(txn, slot.owner.number); });
        if (!stored)
            return nullptr;
        if (const auto opened = registry::open_keys(svc.sealer, slot.owner.id, stored->sealed_keys))
            slot.learn_keys(opened->factors);
    }
    return slot.known_keys();
}

registry::lockout_policy policy_for(const services& svc, const registry::attempt_slot& slot)
{
    const auto application = svc.directory.find_application(slot.owner.application_id);
    return application ? application->settings.lockout : registry::lockout_policy{};
}

registry::failure_count count_failures(const services& svc, const registry::full_registration& of)
{
    const registry::registration& record = of.record;
    const auto application = record.policy ? nullptr : svc.directory.find_application(record.application_id);
    const auto policy = record.policy ? *record.policy
                        : application ? application->settings.lockout
                                      : registry::lockout_policy{};
    return registry::count_failures(of.attempts, policy, record.max_failed_attempts, svc.clock.now());
}

task<kv::error_code> end_block(services& svc, registry::slot_ptr slot)
{
    auto change = registry::attempts::end_block(slot, policy_for(svc, *slot), svc.clock.now());
    if (!change) // somebody else was faster; whoever tells of it waits for the word that it tells of
        co_return kv::error_code{};
    const auto ec = co_await commit_transition(svc, *std::move(change));
    co_return ec;
}

task<kv::error_code> commit_transitions(services& svc, std::vector<registry::transition> steps)
{
    registry::transitions change{&svc.journal, std::move(steps)};
    auto pending = kv::async_commit(svc.writer, std::move(change), asio::as_tuple(asio::deferred));
    auto [ec, settled] = co_await std::move(pending);
    if (ec)
        svc.unsettled.keep(std::move(settled.steps));
    co_return ec;
}

task<kv::error_code> commit_transition(services& svc, registry::transition step)
{
    std::vector<registry::transition> steps;
    steps.push_back(std::move(step));
    const auto ec = co_await commit_transitions(svc, std::move(steps));
    co_return ec;
}

task<kv::error_code> heal(services& svc, registry::slot_ptr slot)
{
    if (svc.journal.is_full()) // told before a word is swapped that could not be written down
        co_return make_error_code(kv::errc::queue_full);
    if (!slot->is_unsettled())
        co_return kv::error_code{};
    auto steps = svc.unsettled.take(*slot);
    if (steps.empty()) // somebody else is at it
        co_return kv::error_code{};
    const auto ec = co_await commit_transitions(svc, std::move(steps));
    co_return ec;
}

task<kv::error_code> wait_until_durable(services& svc, registry::slot_ptr slot, std::uint64_t version)
{
    const auto on_disk = [at = &*slot, version] { return at->durable_version() >= version; };
    return wait(svc, std::move(slot), on_disk);
}

task<kv::error_code> wait_until_settled(services& svc, registry::slot_ptr slot)
{
    const auto version = slot->load().version();
    // A later version may be on disk before an earlier one, whose change found no room.
    const auto on_disk = [at = &*slot, version] { return !at->is_unsettled() && at->durable_version() >= version; };
    return wait(svc, std::move(slot), on_disk);
}

task<kv::result<registry::otp_edition>> settled_otp(services& svc, registry::slot_ptr slot)
{
    std::optional<registry::otp_edition> found;
    const auto on_disk = [at = &*slot, &found] { return (found = at->settled_otp()).has_value(); };
    if (const auto ec = co_await wait(svc, slot, on_disk))
        co_return ec;
    co_return *found;
}

task<kv::result<move_result>> move_state(services& svc, registry::slot_ptr slot, wanted_move what)
{
    if (const auto ec = co_await heal(svc, slot))
        co_return ec;
    if (is_block_over(svc, *slot)) {
        if (const auto ec = co_await end_block(svc, slot))
            co_return ec;
    }
    registry::attempt_word forbidding;
    auto change = registry::attempts::change_state(slot, what.by, std::move(what.who), std::move(what.reason),
                                                   svc.clock.now(), &forbidding, what.checked,
                                                   what.expected ? &*what.expected : nullptr, what.blocked_until);
    const bool unexpected = !change && change.error() == registry::errc::precondition_failed;
    if (!change && !unexpected && change.error() != registry::errc::illegal_change)
        co_return change.error();
    if (!change) {
        // The word that forbids it may be somebody else's, and still on its way to the disk.
        if (const auto ec = co_await wait_until_durable(svc, slot, forbidding.version()))
            co_return ec;
        if (unexpected)
            co_return make_error_code(registry::errc::precondition_failed);
        co_return move_result{false, forbidding.current()};
    }
    if (what.bound && what.bound->accepts_decimal)
        slot->accept_decimal();
    change->bound = std::move(what.bound);
    change->labelled = std::move(what.labelled);
    change->claim = std::move(what.claim);
    const auto now = change->after.current();
    if (const auto ec = co_await commit_transition(svc, std::move(*change)))
        co_return ec;
    co_return move_result{true, now};
}

} // namespace doorward::handlers
