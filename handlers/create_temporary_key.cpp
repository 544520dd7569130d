// POST /pa/v3/keystore/create (PROTOCOL.md section 9)
//
//     phone  -> { requestObject: { jwt: HS256(applicationKey, challenge [, activationId]) } }
//     server -> { jwt: ES256(sub, applicationKey [, activationId], challenge, publicKey, iat, exp, iat_ms, exp_ms) }

#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/jwt.hpp"
#include "handlers/noise.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

constexpr std::size_t jwt_bytes_max = 4096;
constexpr std::size_t challenge_bytes_max = 256;

std::optional<std::string> decode_request(std::string_view body)
{
    std::vector<violation> ignored;
    const auto top = parse_json(body, ignored);
    const auto asked = top ? top->object("requestObject", true) : std::nullopt;
    return asked ? asked->text("jwt", {.bytes_max = jwt_bytes_max, .required = true}) : std::nullopt;
}

struct claims {
    std::string application_key;
    std::string challenge;
    std::optional<std::string> activation_id; // as sent: it is copied
};

std::optional<claims> decode_claims(const split_jwt& token)
{
    std::vector<violation> ignored;
    {
        const auto header = parse_json(token.header, ignored);
        if (!header || header->text("alg", {.bytes_max = 16}) != "HS256")
            return std::nullopt;
    }
    const auto payload = parse_json(token.payload, ignored);
    if (!payload)
        return std::nullopt;
    auto key = payload->text("applicationKey", {.bytes_max = 24, .required = true});
    auto challenge = payload->text("challenge", {.bytes_max = challenge_bytes_max, .required = true});
    auto id = payload->text("activationId", {.bytes_max = 36});
    if (!key || !challenge || !ignored.empty())
        return std::nullopt;
    return claims{*std::move(key), *std::move(challenge), std::move(id)};
}

// Who checks the question and signs the answer: the application, or one registration of it.
struct activation_scope {
    registry::full_registration registration;
    registry::stored_keys keys;
    crypto::key16 transport;
};

// Empty when the phone may not have a key.
std::optional<activation_scope> find_activation_scope(services& svc, const registry::application& application,
                                                      std::string_view id_text)
{
    const auto id = registry::uuid::parse(id_text);
    if (!id)
        return std::nullopt;
    auto found = svc.journal.view([&](const registry::snapshot& txn) -> std::optional<activation_scope> {
        auto registration = registry::find_full(txn, *id);
        auto keys = registration ? registry::find_keys(txn, registration->number) : std::nullopt;
        if (!keys || registration->record.application_id != application.id)
            return std::nullopt;
        return activation_scope{*std::move(registration), *std::move(keys), {}};
    });
    if (!found)
        return std::nullopt;
    // Blocked phones must still be able to encrypt, or they would see a transport error in place of the refusal.
    const auto now = found->registration.current();
    if (now != registry::state::active && now != registry::state::blocked)
        return std::nullopt;
    const auto keys = registry::open_keys(svc.sealer, *id, found->keys.sealed_keys);
    if (!keys)
        return std::nullopt;
    found->transport = keys->transport;
    return found;
}

std::string answer_claims(const registry::uuid& key_id, const claims& asked, const crypto::point_bytes& point,
                          registry::time_ms issued, registry::time_ms expires)
{
    json_writer out;
    out.object().member("sub", key_id.text()).member("applicationKey", asked.application_key);
    out.member("activationId", asked.activation_id);
    return out.member("challenge", asked.challenge)
        .member("publicKey", crypto::to_base64(point))
        .member("iat", issued / 1000)
        .member("exp", expires / 1000)
        .member("iat_ms", issued)
        .member("exp_ms", expires)
        .end()
        .text();
}

// A question that nobody signed who may ask it: noise of whoever it names, and of its address.
response refuse(services& svc, const request& req, const std::optional<claims>& asked,
                const registry::directory::known_version& application)
{
    return answer_noise(svc, req,
                        asked && asked->activation_id ? registry::uuid::parse(*asked->activation_id) : std::nullopt,
                        application.owner.get(), problem(device_problem::temporary_key_failure));
}

} // namespace

task<response> create_temporary_key(const call& asked, services& svc)
{
    const auto jwt = decode_request(asked.req.body);
    const auto token = jwt ? split(*jwt) : std::nullopt;
    const auto wanted = token ? decode_claims(*token) : std::nullopt;
    const auto application =
        wanted ? svc.directory.find_version(wanted->application_key) : registry::directory::known_version{};
    // The key store is of 3.3 alone, so that is what whoever asks it speaks.
    if (!registry::accepts(application, registry::protocol_version::v3_3))
        co_return refuse(svc, asked.req, wanted, application);

    // The question is checked before any work on the curve is done for whoever asks.
    const auto secret = crypto::from_base64(application.version->secret).value();
    std::optional<activation_scope> phone;
    if (wanted->activation_id) {
        phone = find_activation_scope(svc, *application.owner, *wanted->activation_id);
        if (!phone)
            co_return refuse(svc, asked.req, wanted, application);
    }
    const auto request_key = phone ? crypto::kdf_internal(phone->transport, secret) : crypto::key16{secret};
    if (!verify_hs256(*token, request_key))
        co_return refuse(svc, asked.req, wanted, application);
    std::optional<crypto::p256_private_key> own_signer;
    if (phone) {
        const auto& record = phone->registration.record;
        own_signer = registry::open_private_key(svc.sealer, "keys", record.id.view(),
                                                phone->keys.sealed_server_private_key, record.server_key.value());
        if (!own_signer)
            co_return problem(device_problem::temporary_key_failure);
    }

    const auto pair = crypto::p256_private_key::generate();
    const auto now = svc.clock.now();
    registry::create_temporary_key change;
    change.id = registry::uuid::random();
    change.record = {wanted->application_key, phone ? phone->registration.number : 0, pair.point(),
                     registry::seal_private_key(svc.sealer, "temporary_keys", change.id.view(), pair),
                     now + registry::temporary_key_life_ms};
    const auto key_id = change.id;
    if (const auto ec = co_await commit(svc, change))
        co_return device_problem_or_storage(ec, device_problem::temporary_key_failure);

    const auto& signer = own_signer ? *own_signer : *application.version->master_key;
    const auto claims_json = answer_claims(key_id, *wanted, pair.point(), now, now + registry::temporary_key_life_ms);
    co_return ok([&](json_writer& out) { out.member("jwt", sign_es256(claims_json, signer)); });
}

} // namespace doorward::handlers
