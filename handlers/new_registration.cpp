#include "handlers/new_registration.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/registration_access.hpp"
#include "registry/activation_code.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

constexpr int code_draws_max = 8; // two equal codes among 80 random bits never happen; the loop is bounded all the same

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

} // namespace

void decode_wanted(const json_object& body, registry::time_ms now, wanted_registration& out)
{
    registry::registration& record = out.record;
    out.otp = body.text("otp", {.characters_max = registry::otp_characters_max, .secret = true});
    if (out.otp && out.otp->empty())
        body.complain("otp", "must not be empty");
    decode_phase(body, out);
    record.flags = decode_flags(body, "flags").value_or(std::vector<std::string>{});
    record.expires_at = body.integer("timestampRegistrationExpire", now + 1, now + registry::registration_expiry_max_ms)
                            .value_or(now + registry::registration_expiry_default_ms);
    record.created_at = now;
    record.changed_at = now;
}

task<kv::result<registry::registration>> make_registration(services& svc, wanted_registration wanted)
{
    if (wanted.otp) {
        auto hashing = [otp = *wanted.otp] { return crypto::hash_password(otp, crypto::otp_cost); };
        auto pending = svc.otp_passwords.async_run(std::move(hashing), boost::asio::as_tuple(boost::asio::deferred));
        auto [busy, hash] = co_await std::move(pending);
        if (busy)
            co_return busy;
        wanted.record.otp_hash = std::move(hash);
    }
    registry::create_registration change;
    change.record = std::move(wanted.record);
    change.who = std::move(wanted.who);
    change.refuse_if_incomplete = wanted.refuse_if_incomplete;
    kv::error_code ec;
    for (int draw = 0; draw < code_draws_max; ++draw) {
        change.record.id = registry::uuid::random();
        change.record.activation_code = registry::activation_code(svc.codes.draw());
        change.first_counter = crypto::random_array<16>();
        if (!wanted.metadata.empty()) // sealed for this very registration
            change.metadata = registry::stored_metadata{
                registry::seal_metadata(svc.sealer, change.record.id, wanted.metadata), change.record.created_at};
        ec = co_await commit(svc, change);
        if (ec != registry::errc::changed_meanwhile)
            break;
    }
    if (ec)
        co_return ec;
    co_return std::move(change.record);
}

void write_new_registration(json_writer& to, const registry::registration& made,
                            const registry::application& application)
{
    const auto texts = sign_activation_code(application, made.activation_code);
    to.member("registrationId", made.id.text())
        .member("activationCode", made.activation_code)
        .member("activationCodeSignature", texts.signature)
        .member("activationQrCodeData", texts.qr_data);
}

} // namespace doorward::handlers
