// POST /api/registration/pin-changed: a phone tells that its user has chosen another PIN. The server knows neither the
// old nor the new one: the phone has proven the old one (signature/validate) and signs this with the new one, so the
// history tells of a change that took place.

#include "handlers/ok_answer.hpp"
#include "handlers/own_proof.hpp"
#include "handlers/problem.hpp"

namespace doorward::handlers {
namespace {

constexpr own_request pin_request{
    .uri_id = "/api/registration/pin-changed", .allowed = with_knowledge, .manages = false};

} // namespace

task<response> record_pin_change(const call& asked, services& svc)
{
    auto own = co_await prove(svc, asked, pin_request);
    if (own)
        add_move(svc, own, registry::move::pin_changed);
    if (auto refusal = co_await settle(svc, own))
        co_return *std::move(refusal);
    co_return ok();
}

} // namespace doorward::handlers
