// POST /pa/v3/token/create (PROTOCOL.md 11.7): a token for a proof.
//
//     phone  -> signed envelope {}
//     server -> envelope { tokenId, tokenSecret }
//
// Encrypted first and then signed: the signature covers the envelope as it travelled. It is judged, and that is on
// disk, before anything is decrypted.

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/encrypted_request.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/proof_check.hpp"

namespace doorward::handlers {
namespace {

constexpr std::string_view uri_id = "/pa/token/create";
constexpr registry::factors allowed[]{
    registry::factors::possession,
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

response sealed_token(services& svc, const registry::opened_envelope& request, const registry::uuid& id,
                      const crypto::key16& secret)
{
    std::string plain = json_writer{}
                            .object()
                            .member("tokenId", id.text())
                            .member("tokenSecret", crypto::to_base64(secret))
                            .end()
                            .text();
    response out = sealed_answer(svc, request, plain);
    crypto::wipe(plain.data(), plain.size());
    return out;
}

} // namespace

task<response> create_token(const call& asked, services& svc)
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

    // From here on the phone has proven itself, so nothing is noise.
    const auto header = parse_authorization(asked.req.power_auth_authorization).value();
    const auto envelope = receive_envelope(asked.req.body, header.version);
    if (!envelope)
        co_return problem(device_problem::request_invalid);
    auto encrypted = encrypted_request::find(svc, parameters_of(header), encryption_scope::activation);
    if (!encrypted)
        co_return problem(device_problem::token_error);
    const auto opened = encrypted->open(svc, *envelope, registry::envelope_use::token_create);
    if (!opened)
        co_return problem(device_problem::token_error);

    const auto number = encrypted->registration().number;
    const auto id = registry::uuid::random();
    const auto secret = crypto::random_secret<16>();
    registry::create_token change{
        number,
        id,
        {proof.type, registry::seal_token_secret(svc.sealer, number, id, secret), svc.clock.now()},
        encrypted->seen(),
    };
    if (const auto ec = co_await commit(svc, change))
        co_return device_problem_or_storage(ec, device_problem::token_error);
    co_return sealed_token(svc, *opened, id, secret);
}

} // namespace doorward::handlers
