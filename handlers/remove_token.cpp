// POST /pa/v3/token/remove (PROTOCOL.md 11.8). A token that does not exist, or belongs to another registration, is left
// alone, and the answer is the same.

#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/proof_check.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

constexpr std::string_view uri_id = "/pa/token/remove";
constexpr registry::factors allowed[]{
    registry::factors::possession,
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

// Empty when there is none.
std::optional<std::string> decode_token_id(std::string_view body)
{
    std::vector<violation> ignored;
    const auto top = parse_json(body, ignored);
    const auto asked = top ? top->object("requestObject", true) : std::nullopt;
    return asked ? asked->text("tokenId", {.bytes_max = 64, .required = true}) : std::nullopt;
}

} // namespace

task<response> remove_token(const call& asked, services& svc)
{
    const signed_request signed_part{
        .header = asked.req.power_auth_authorization,
        .method = "POST",
        .uri_id = uri_id,
        .body = asked.req.body_bytes(),
        .allowed = allowed,
        .source = asked.req.source,
    };
    judged_proof proof;
    auto refused = co_await require_proof(svc, signed_part, proof);
    if (refused)
        co_return *std::move(refused);

    const auto id_text = decode_token_id(asked.req.body);
    if (!id_text)
        co_return problem(device_problem::request_invalid);
    const auto id = registry::uuid::parse(*id_text);
    if (!id)
        co_return problem(device_problem::token_error);
    registry::remove_token change{proof.slot->owner.number, *id};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    co_return ok([&](json_writer& out) { out.member("tokenId", id->text()); });
}

} // namespace doorward::handlers
