// POST /v2/signature/verify (REGISTRATION-API.md 1.4 and A1): a back office asks about a request that a phone signed
// for it. A wrong signature is no error: the answer is 200 with a false verdict and the state of the lockout.

#include "crypto/encoding.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/problem.hpp"
#include "handlers/proof_check.hpp"
#include "handlers/text.hpp"
#include "handlers/verdict.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr std::size_t uri_id_bytes_max = 1024;
constexpr std::size_t header_bytes_max = 4096;
constexpr std::size_t body_base64_bytes_max = 128 * 1024;
constexpr std::size_t query_parameters_max = 64;
constexpr std::size_t query_value_bytes_max = 4096;

constexpr std::string_view methods[]{"GET", "POST", "PUT", "DELETE", "PATCH"};
// Proofs without possession are taken nowhere: a wrong PIN could not be told from noise.
constexpr registry::factors allowed[]{
    registry::factors::possession,
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

struct verify_request {
    std::string method;
    std::string uri_id;
    std::string header;
    crypto::bytes body; // of a GET: its canonical query
    registry::flag_set required_flags;
};

verify_request decode(const call& asked, std::vector<violation>& violations)
{
    verify_request out;
    const auto top = parse_body(asked, violations);
    if (!top)
        return out;
    out.method = top->text("method", {.bytes_max = 16, .required = true}).value_or("");
    out.method = upper(out.method);
    if (!out.method.empty() && std::ranges::find(methods, out.method) == std::end(methods))
        top->complain("method", "must be GET, POST, PUT, PATCH or DELETE", out.method);
    out.uri_id = top->text("uriId", {.bytes_max = uri_id_bytes_max, .required = true}).value_or("");
    out.header =
        top->text("authHeader", {.bytes_max = header_bytes_max, .required = true, .secret = true}).value_or("");
    out.required_flags = decode_flags(*top, "requiredFlags").value_or(registry::flag_set{});

    // Each has a meaning for some methods only.
    top->tolerate("queryParams");
    top->tolerate("requestBody");
    if (out.method == "GET") {
        if (const auto parameters = top->object("queryParams")) {
            const auto canonical = canonical_query(parameters->all_texts(query_parameters_max, query_value_bytes_max));
            const auto bytes = crypto::as_bytes(canonical);
            out.body.assign(bytes.begin(), bytes.end());
        }
    } else if (const auto encoded = top->text("requestBody", {.bytes_max = body_base64_bytes_max, .secret = true})) {
        auto decoded = crypto::from_base64(*encoded);
        if (!decoded)
            top->complain("requestBody", "must be Base64");
        else
            out.body = *std::move(decoded);
    }
    return out;
}

} // namespace

task<response> verify_signature(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto header = parse_authorization(wanted.header);
    if (!header)
        co_return problem(office_problem::signature_header_invalid);

    // Before the proof is looked at: an account must not count attempts on registrations of others.
    const auto slot = find_slot(svc, header->activation_id);
    if (!slot || !asked.who->may_see(slot->owner.application_id))
        co_return unknown_verdict();

    // Noise over its budget is answered like any other here: the back office decides what the phone is told.
    const signed_request signed_part{
        .header = wanted.header,
        .method = wanted.method,
        .uri_id = wanted.uri_id,
        .body = wanted.body,
        .allowed = allowed,
        .source = asked.req.source,
        .from = sender::back_office,
    };
    judged_proof proof = co_await judge(svc, signed_part);
    if (const auto ec = co_await settle(svc, proof))
        co_return problem(ec);

    const verdict told{proof.accepted(), header->type, wanted.required_flags};
    auto answer = co_await tell_verdict(svc, slot->owner.id, told);
    co_return answer;
}

} // namespace doorward::handlers
