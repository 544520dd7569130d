// POST /pa/v3/activation/remove: the user removes the registration in the app (PROTOCOL.md 11.5).

#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/proof_check.hpp"

namespace doorward::handlers {
namespace {

constexpr std::string_view uri_id = "/pa/activation/remove";
constexpr registry::factors allowed[]{
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

} // namespace

task<response> remove_activation(const call& asked, services& svc)
{
    const signed_request signed_part{
        .header = asked.req.power_auth_authorization,
        .method = "POST",
        .uri_id = uri_id,
        .body = asked.req.body_bytes(),
        .allowed = allowed,
        .source = asked.req.source,
    };
    judged_proof proof = co_await judge(svc, signed_part);
    if (proof.throttled)
        co_return too_much_noise(*proof.throttled);
    if (proof.what == judged_proof::kind::type_not_allowed)
        co_return problem(device_problem::signature_type_invalid);

    // The accepted proof and the removal reach the disk together.
    if (proof.accepted()) {
        auto removed = registry::attempts::change_state(proof.slot, registry::move::remove, {}, {}, svc.clock.now());
        if (removed)
            proof.more.push_back(std::move(*removed));
    }
    const bool removed_by_others = proof.accepted() && proof.more.empty(); // between the two swaps
    if (const auto ec = co_await settle(svc, proof))
        co_return problem(ec);
    if (removed_by_others) {
        if (const auto ec = co_await wait_until_durable(svc, proof.slot, proof.slot->load().version()))
            co_return problem(ec);
    }
    if (!proof.accepted())
        co_return problem(device_problem::signature_invalid);
    co_return ok([&](json_writer& out) { out.member("activationId", proof.slot->owner.id.text()); });
}

} // namespace doorward::handlers
