// POST /api/activation/code: a phone asks for a code with which another phone of its user registers, beside it or in
// its place (REGISTRATION-API.md chapter 6, device cloning, and R16).
//
//     phone  -> envelope { requestObject: { applicationId, otp } }, signed and then encrypted
//     server -> envelope { status: OK, responseObject: { activationId, activationCode, activationSignature } }
//
// Two factors. The signature covers the plaintext (PROTOCOL.md 8.7), so the envelope is opened and remembered first:
// one that comes again is refused before its signature could count as an attempt. Errors are never encrypted.

#include "handlers/child_registration.hpp"
#include "handlers/encrypted_request.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/own_proof.hpp"
#include "handlers/registration_access.hpp"
#include "registry/transfer_rules.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::errc;

constexpr std::string_view uri_id = "/api/activation/code";

struct code_request {
    std::string application_id;
    std::string otp;
    std::optional<registry::transfer_type> type; // none: the usual one
};

std::optional<code_request> decode(std::string_view text)
{
    std::vector<violation> problems;
    const auto body = parse_json(text, problems);
    const auto object = body ? body->object("requestObject", true) : std::nullopt;
    if (!object)
        return std::nullopt;
    code_request out;
    out.application_id =
        object->text("applicationId", {.bytes_max = registry::application_id_bytes_max, .required = true}).value_or("");
    out.otp = object->text("otp", {.characters_max = registry::otp_characters_max, .required = true, .secret = true})
                  .value_or("");
    if (const auto type = object->text("type", {.bytes_max = 16})) {
        out.type = registry::parse_transfer_type(*type);
        if (!out.type)
            return std::nullopt;
    }
    const bool valid =
        problems.empty() && !out.application_id.empty() && characters(out.otp) >= registry::transfer_otp_characters_min;
    return valid ? std::optional{std::move(out)} : std::nullopt;
}

// The child that the phone asks for, by the rules of its application.
task<kv::result<registry::registration>> make_wanted(services& svc, const registry::registration& parent,
                                                     code_request wanted)
{
    const auto application = svc.directory.find_application(parent.application_id);
    if (!application) // it was removed, and the parent before it
        co_return errc::parent_not_active;
    const auto type = wanted.type ? wanted.type : registry::usual_transfer(application->settings.transfer);
    if (!type)
        co_return errc::transfer_not_allowed;
    const auto now = svc.clock.now();
    wanted_registration child;
    child.record.application_id = std::move(wanted.application_id);
    child.record.flags = application->settings.transfer.flags;
    child.record.phase = registry::commit_phase::on_key_exchange; // the password takes the place of a commit
    child.record.created_at = child.record.changed_at = now;
    child.record.expires_at = now + registry::registration_expiry_default_ms;
    child.otp = std::move(wanted.otp);
    child.who.phone = parent.id;
    auto made = co_await make_child(svc, parent, *type, std::move(child));
    co_return made;
}

response sealed_code(services& svc, const registry::opened_envelope& opened, const registry::registration& made)
{
    const auto application = svc.directory.find_application(made.application_id);
    if (!application) // removed meanwhile, and the new registration before it
        return problem(device_problem::activation_code_failed);
    const auto texts = sign_activation_code(*application, made.activation_code);
    const auto plain = json_writer{}
                           .object()
                           .member("status", "OK")
                           .key("responseObject")
                           .object()
                           .member("activationId", made.id.text())
                           .member("activationCode", made.activation_code)
                           .member("activationSignature", texts.signature)
                           .end()
                           .end()
                           .text();
    return sealed_answer(svc, opened, plain);
}

} // namespace

task<response> request_activation_code(const call& asked, services& svc)
{
    signed_request signed_part{
        .header = asked.req.power_auth_authorization,
        .method = "POST",
        .uri_id = uri_id,
        .body = {},
        .allowed = two_factors,
        .source = asked.req.source,
    };
    const auto header = parse_authorization(asked.req.power_auth_authorization);
    if (!header) {
        const judged_proof unreadable = judge_unreadable(svc, signed_part);
        co_return unreadable.throttled ? too_much_noise(*unreadable.throttled)
                                       : problem(device_problem::signature_invalid);
    }
    if (std::ranges::find(two_factors, header->type) == std::end(two_factors))
        co_return problem(device_problem::signature_invalid);

    const auto parameters = parameters_of(*header);
    const auto refuse = [&](const kv::error_code& why) {
        return refuse_encrypted(svc, asked.req, parameters, why, device_problem::encryption_failed);
    };
    auto encrypted = encrypted_request::find(svc, parameters, encryption_scope::activation);
    if (!encrypted)
        co_return refuse(encrypted.error());
    const auto envelope = receive_envelope(asked.req.body, encrypted->version());
    if (!envelope)
        co_return refuse(envelope.error());
    const auto opened = encrypted->open(svc, *envelope, registry::envelope_use::activation);
    if (!opened && opened.error() == errc::illegal_change) // it is the phone, but its registration is not ACTIVE
        co_return problem(device_problem::signature_invalid);
    if (!opened)
        co_return refuse(opened.error());
    if (const auto ec = co_await remember(svc, *encrypted))
        co_return refuse(ec);

    signed_part.body = opened->plaintext();
    judged_proof proof;
    auto refused = co_await require_proof(svc, signed_part, proof);
    if (refused)
        co_return *std::move(refused);
    auto wanted = decode(crypto::as_text(opened->plaintext()));
    if (!wanted)
        co_return problem(device_problem::request_object_invalid);
    const auto made = co_await make_wanted(svc, encrypted->registration().record, *std::move(wanted));
    if (!made)
        co_return device_problem_or_storage(made.error(), device_problem::activation_code_failed);
    co_return sealed_code(svc, *opened, *made);
}

} // namespace doorward::handlers
