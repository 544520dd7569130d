#include "handlers/proof_check.hpp"
#include "registry/changes.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::attempt_result;

// Rounds through the writer to wait for somebody else's change. One nearly always does: the other thread submits its
// change right after the swap that made its word visible.
constexpr int durability_rounds_max = 64;

task<kv::error_code> wait_until_durable(services& svc, std::shared_ptr<registry::attempt_slot> slot,
                                        std::uint64_t version)
{
    for (int round = 0; round < durability_rounds_max && slot->durable_version() < version; ++round) {
        registry::barrier nothing;
        const auto ec = co_await commit(svc, nothing);
        if (ec)
            co_return ec;
    }
    co_return slot->durable_version() < version ? kv::make_error_code(kv::errc::storage_full) : kv::error_code{};
}

std::optional<registry::registration_keys> load_keys(services& svc, const registry::attempt_slot& slot)
{
    const auto stored =
        svc.store.view([&](const kv::read_txn& txn) { return registry::find_keys(txn, slot.owner.number); });
    if (!stored)
        return std::nullopt;
    return registry::open_keys(svc.sealer, slot.owner.id, stored->sealed_keys);
}

} // namespace

std::shared_ptr<registry::attempt_slot> find_slot(services& svc, const registry::uuid& id)
{
    return svc.slots.find(id, [&]() -> std::shared_ptr<registry::attempt_slot> {
        const auto found = svc.store.view([&](const kv::read_txn& txn) { return registry::find_full(txn, id); });
        if (!found)
            return nullptr;
        const auto application = svc.directory.find_application(found->record.application_id);
        const registry::attempt_limits limits{
            found->record.max_failed_attempts,
            registry::look_ahead_default,
            !application || application->count_only_if_possession_proven,
        };
        registry::attempt_slot::identity owner{found->number, id, found->record.application_id};
        return std::make_shared<registry::attempt_slot>(std::move(owner), limits, found->attempts);
    });
}

judged_proof judge(services& svc, const signed_request& asked)
{
    judged_proof out;
    const auto header = parse_authorization(asked.header);
    if (!header)
        return out;
    if (std::ranges::find(asked.allowed, header->type) == asked.allowed.end()) {
        out.what = judged_proof::kind::type_not_allowed;
        return out;
    }
    out.slot = find_slot(svc, header->activation_id);
    if (!out.slot) {
        out.what = judged_proof::kind::unknown;
        return out;
    }
    out.what = judged_proof::kind::judged;
    out.type = header->type;

    const auto now = svc.clock.now();
    const auto application = svc.directory.find_version(header->application_key);
    const bool foreign =
        !application || !application.version->supported || application.owner->id != out.slot->owner.application_id;
    auto proof = foreign ? std::nullopt : registry::parse_proof(header->version, header->type, header->signature);
    // While the registration is not active its keys may not exist; verify() tells so without looking at them.
    const auto keys = proof ? load_keys(svc, *out.slot) : std::nullopt;
    if (!keys) {
        out.result = svc.attempts.refuse_unproven(out.slot, header->type, now);
        return out;
    }
    proof->data =
        registry::proof_data(asked.method, asked.uri_id, header->nonce, asked.body, application.version->secret);
    out.result = svc.attempts.verify(out.slot, keys->factors, *proof, now);
    return out;
}

task<kv::error_code> commit_transitions(services& svc, std::vector<registry::transition> steps)
{
    registry::transitions change{std::move(steps)};
    const auto ec = co_await commit(svc, change);
    if (!ec)
        change.mark_durable();
    co_return ec;
}

task<kv::error_code> settle(services& svc, judged_proof& proof, std::vector<registry::transition> more)
{
    if (proof.what != judged_proof::kind::judged)
        co_return kv::error_code{};
    if (proof.result.change || !more.empty()) {
        std::vector<registry::transition> steps;
        if (proof.result.change)
            steps.push_back(std::move(*proof.result.change));
        std::ranges::move(more, std::back_inserter(steps));
        const auto ec = co_await commit_transitions(svc, std::move(steps));
        co_return ec;
    }
    const auto ec = co_await wait_until_durable(svc, proof.slot, proof.result.word.version());
    co_return ec;
}

task<kv::error_code> settle(services& svc, judged_proof& proof)
{
    std::vector<registry::transition> nothing;
    const auto ec = co_await settle(svc, proof, std::move(nothing));
    co_return ec;
}

} // namespace doorward::handlers
