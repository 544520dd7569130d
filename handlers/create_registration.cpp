// POST /v2/registrations (REGISTRATION-API.md 1.3 and R1)

#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"
#include "handlers/registration_access.hpp"
#include "registry/activation_code.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

constexpr int code_draws_max = 8; // two equal codes among 80 random bits never happen; the loop is bounded all the same

constexpr std::uint8_t as_the_application_says = 0; // no registration has that many attempts

struct wanted_registration {
    registry::registration record; // as far as the request tells
    std::optional<std::string> otp;
    std::string external_user_id;
};

// When the one-time password is checked, in the older words and in the newer ones (PROTOCOL.md 12.4).
void decode_phase(const json_object& body, wanted_registration& out)
{
    const auto mode = body.text("otpValidation", {.bytes_max = 32});
    const auto phase = body.text("commitPhase", {.bytes_max = 32});
    if (mode && phase)
        body.complain("otpValidation", "cannot be given together with commitPhase", *mode);
    if (phase && *phase != "ON_COMMIT" && *phase != "ON_KEY_EXCHANGE")
        body.complain("commitPhase", "must be ON_COMMIT or ON_KEY_EXCHANGE", *phase);
    if (mode && *mode != "NONE" && *mode != "ON_COMMIT" && *mode != "ON_KEY_EXCHANGE")
        body.complain("otpValidation", "must be NONE, ON_COMMIT or ON_KEY_EXCHANGE", *mode);
    if (mode && *mode != "NONE" && !out.otp)
        body.complain("otp", "is required with this otpValidation");
    if (mode && *mode == "NONE" && out.otp)
        body.complain("otp", "must be absent when otpValidation is NONE");
    if (phase == "ON_KEY_EXCHANGE" || mode == "ON_KEY_EXCHANGE")
        out.record.phase = registry::commit_phase::on_key_exchange;
}

wanted_registration decode(std::string_view text, registry::time_ms now, std::vector<violation>& violations)
{
    wanted_registration out;
    const auto body = parse_json(text, violations);
    if (!body)
        return out;
    registry::registration& record = out.record;
    record.user_id = body->text("userId", {.bytes_max = registry::user_id_bytes_max, .required = true}).value_or("");
    record.application_id =
        body->text("appId", {.bytes_max = registry::application_id_bytes_max, .required = true}).value_or("");
    out.otp = body->text("otp", {.characters_max = registry::otp_characters_max, .secret = true});
    if (out.otp && out.otp->empty())
        body->complain("otp", "must not be empty");
    decode_phase(*body, out);
    record.flags = decode_flags(*body, "flags").value_or(std::vector<std::string>{});
    record.name = body->text("name", {.characters_max = registry::name_characters_max}).value_or("");
    record.max_failed_attempts = static_cast<std::uint8_t>(
        body->integer("maxFailedAttempts", 1, registry::max_failed_attempts_max).value_or(as_the_application_says));
    record.expires_at =
        body->integer("timestampRegistrationExpire", now + 1, now + registry::registration_expiry_max_ms)
            .value_or(now + registry::registration_expiry_default_ms);
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    record.created_at = now;
    record.changed_at = now;
    return out;
}

} // namespace

task<response> create_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode(asked.req.body, svc.clock.now(), violations);
    const auto application = svc.directory.find_application(wanted.record.application_id);
    const bool visible = application && asked.who->may_see(application->id);
    if (violations.empty() && !visible)
        violations.push_back({"appId", wanted.record.application_id, "no such application"});

    bool refuse_if_incomplete = false;
    const auto parameters = decode_query(asked.req.query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "incompleteStatusCheck")
            refuse_if_incomplete = decode_boolean(name, value, violations);
    }
    if (!violations.empty())
        co_return problem(violations);
    if (wanted.record.max_failed_attempts == as_the_application_says)
        wanted.record.max_failed_attempts = application->settings.max_failed_attempts;

    if (wanted.otp) {
        auto hashing = [otp = *wanted.otp] { return crypto::hash_password(otp, crypto::otp_cost); };
        auto pending = svc.otp_passwords.async_run(std::move(hashing), boost::asio::as_tuple(boost::asio::deferred));
        auto [busy, hash] = co_await std::move(pending);
        if (busy)
            co_return problem(busy);
        wanted.record.otp_hash = std::move(hash);
    }

    registry::create_registration change;
    change.record = std::move(wanted.record);
    change.who = asked.actor(std::move(wanted.external_user_id));
    change.refuse_if_incomplete = refuse_if_incomplete;
    kv::error_code ec;
    for (int draw = 0; draw < code_draws_max; ++draw) {
        change.record.id = registry::uuid::random();
        change.record.activation_code = registry::activation_code(crypto::random_array<10>());
        change.first_counter = crypto::random_array<16>();
        ec = co_await commit(svc, change);
        if (ec != registry::errc::changed_meanwhile)
            break;
    }
    if (ec)
        co_return problem(ec);

    const auto texts = sign_activation_code(*application, change.record.activation_code);
    response answer;
    answer.body = json_writer{}
                      .object()
                      .member("registrationId", change.record.id.text())
                      .member("activationCode", change.record.activation_code)
                      .member("activationCodeSignature", texts.signature)
                      .member("activationQrCodeData", texts.qr_data)
                      .end()
                      .text();
    co_return answer;
}

} // namespace doorward::handlers
