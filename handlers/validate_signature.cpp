// POST, PUT, DELETE, GET /pa/v3/signature/validate (PROTOCOL.md 11.6)

#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/proof_check.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr std::string_view uri_id = "/pa/signature/validate";
constexpr std::string_view methods[]{"POST", "GET", "PUT", "DELETE"};
// Possession alone too: phones bring a lagging server forward with it.
constexpr registry::factors allowed[]{
    registry::factors::possession,
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

} // namespace

task<response> validate_signature(const call& asked, services& svc)
{
    const request& req = asked.req;
    if (std::ranges::find(methods, req.method) == std::end(methods)) {
        response out = problem(office_problem::method_not_allowed);
        out.headers.emplace_back("Allow", "POST, GET, PUT, DELETE");
        co_return out;
    }
    // The query of a GET stands for its body (section 7.3).
    const bool get = req.method == "GET";
    const auto query = get ? canonical_query(req.query) : std::nullopt;
    const signed_request signed_part{
        .header = req.power_auth_authorization,
        .method = req.method,
        .uri_id = uri_id,
        .body = get && query ? crypto::as_bytes(*query) : req.body_bytes(),
        .allowed = allowed,
        .source = req.source,
    };
    if (get && !query) {
        const judged_proof unreadable = judge_unreadable(svc, signed_part);
        co_return unreadable.throttled ? too_much_noise(*unreadable.throttled)
                                       : problem(device_problem::signature_invalid);
    }
    judged_proof proof = co_await judge(svc, signed_part);
    if (proof.throttled)
        co_return too_much_noise(*proof.throttled);
    if (const auto ec = co_await settle(svc, proof))
        co_return problem(ec);
    co_return proof.accepted() ? ok() : problem(device_problem::signature_invalid);
}

} // namespace doorward::handlers
