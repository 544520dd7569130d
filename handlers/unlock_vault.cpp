// POST /pa/v3/vault/unlock (PROTOCOL.md 11.9 and section 15): the key to what the phone keeps in its vault.
//
//     phone  -> signed envelope { reason }
//     server -> envelope { encryptedVaultEncryptionKey }
//
// Encrypted first and then signed, but opened before the signature is judged, so that a request that makes no sense
// costs no counter value.

#include "crypto/encoding.hpp"
#include "handlers/encrypted_request.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/proof_check.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr std::string_view uri_id = "/pa/vault/unlock";

// The vault protects the device's private key and what biometry is added with, so the PIN is asked for, unless the
// application says that biometry will do.
constexpr registry::factors allowed[]{
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
};

std::span<const registry::factors> allowed_factors(const registry::directory::known_version& application)
{
    const bool with_biometry = application && application.owner->settings.vault_with_biometry;
    return std::span{allowed}.first(with_biometry ? 2 : 1);
}

// Empty when it is none that is taken.
std::optional<std::string> decode_reason(crypto::bytes_view plaintext)
{
    std::vector<violation> problems;
    const auto top = parse_json(crypto::as_text(plaintext), problems);
    auto reason = top ? top->text("reason", {.bytes_max = registry::vault_reason_bytes_max}) : std::nullopt;
    if (!problems.empty() || (reason && !registry::is_vault_reason(*reason)))
        return std::nullopt;
    return reason ? *std::move(reason) : std::string{registry::reason::not_specified};
}

response sealed_vault_key(services& svc, const registry::opened_envelope& request,
                          const registry::registration_keys& keys)
{
    const auto plain =
        json_writer{}
            .object()
            .member("encryptedVaultEncryptionKey", crypto::to_base64(registry::encrypted_vault_key(keys)))
            .end()
            .text();
    return sealed_answer(svc, request, plain);
}

} // namespace

task<response> unlock_vault(const call& asked, services& svc)
{
    constexpr auto failure = device_problem::secure_vault_invalid;
    signed_request signed_part{
        .header = asked.req.power_auth_authorization,
        .method = "POST",
        .uri_id = uri_id,
        .body = asked.req.body_bytes(),
        .allowed = allowed,
        .source = asked.req.source,
    };
    const auto header = parse_authorization(asked.req.power_auth_authorization);
    if (!header) {
        const judged_proof unreadable = judge_unreadable(svc, signed_part);
        co_return unreadable.throttled ? too_much_noise(*unreadable.throttled)
                                       : problem(device_problem::signature_invalid);
    }
    const auto envelope = receive_envelope(asked.req.body, header->version);
    if (!envelope)
        co_return problem(device_problem::request_invalid);
    signed_part.allowed = allowed_factors(svc.directory.find_version(header->application_key));
    if (std::ranges::find(signed_part.allowed, header->type) == signed_part.allowed.end())
        co_return problem(failure);

    const auto parameters = parameters_of(*header);
    auto encrypted = encrypted_request::find(svc, parameters, encryption_scope::activation);
    const auto opened = encrypted ? encrypted->open(svc, *envelope, registry::envelope_use::vault_unlock)
                                  : kv::result<registry::opened_envelope>{encrypted.error()};
    if (!opened) {
        // Only the phone itself is told that its envelope does not open: to anybody else an ACTIVE registration looks
        // like one that does not exist. So the proof is judged like any other, and tells its phone from noise.
        if (encrypted && encrypted->is_active() && proves_possession(svc, signed_part))
            co_return problem(failure);
        judged_proof proof;
        const auto refused = co_await require_proof(svc, signed_part, proof);
        co_return refused ? *refused : problem(device_problem::signature_invalid); // became ACTIVE this very moment
    }
    const auto reason = decode_reason(opened->plaintext());
    if (!reason)
        co_return problem(failure);
    if (const auto ec = co_await remember(svc, *encrypted))
        co_return refuse_encrypted(svc, asked.req, parameters, ec, failure);

    signed_part.vault_reason = *reason;
    judged_proof proof;
    auto refused = co_await require_proof(svc, signed_part, proof);
    if (refused)
        co_return *std::move(refused);
    co_return sealed_vault_key(svc, *opened, encrypted->keys());
}

} // namespace doorward::handlers
