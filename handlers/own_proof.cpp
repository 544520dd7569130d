#include "handlers/own_proof.hpp"
#include "handlers/problem.hpp"

namespace doorward::handlers {

task<own_proof> prove(services& svc, const call& asked, const own_request& what)
{
    const signed_request signed_part{
        .header = asked.req.power_auth_authorization,
        .method = asked.req.method,
        .uri_id = what.uri_id,
        .body = asked.req.body_bytes(),
        .allowed = what.allowed,
        .source = asked.req.source,
    };
    own_proof out;
    out.judged = co_await judge(svc, signed_part);
    if (out.judged.throttled) {
        out.refusal = too_much_noise(*out.judged.throttled);
        co_return out;
    }
    if (!out.judged.accepted()) {
        out.refusal = problem(device_problem::signature_invalid);
        co_return out;
    }
    const registry::attempt_slot& slot = *out.judged.slot;
    const auto application = svc.directory.find_application(slot.owner.application_id);
    if (what.manages && !(application && application->settings.device_management)) {
        out.refusal = problem(device_problem::not_allowed);
        co_return out;
    }
    out.record = svc.journal.view(
        [&](const registry::snapshot& txn) { return registry::find_registration(txn, slot.owner.number); });
    assert(out.record);
    co_return out;
}

void add_move(services& svc, own_proof& own, registry::move by, std::optional<registry::labels> labelled)
{
    registry::attempt_word forbidding;
    auto change = registry::attempts::change_state(own.judged.slot, by, {}, {}, svc.clock.now(), &forbidding);
    if (!change) {
        own.overtaken_by = forbidding.version();
        return;
    }
    change->labelled = std::move(labelled);
    own.judged.more.push_back(std::move(*change));
}

task<std::optional<response>> settle(services& svc, own_proof& own)
{
    if (!own.judged.throttled) {
        if (const auto ec = co_await settle(svc, own.judged))
            co_return problem(ec);
    }
    if (own.overtaken_by != 0) {
        if (const auto ec = co_await wait_until_durable(svc, own.judged.slot, own.overtaken_by))
            co_return problem(ec);
        co_return problem(device_problem::signature_invalid);
    }
    co_return std::move(own.refusal);
}

} // namespace doorward::handlers
