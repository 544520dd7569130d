// POST /v2/signature/offline/personalized/create, .../non-personalized/create and .../verify: signatures of phones
// without a network (PROTOCOL.md section 16; paths and fields as PowerAuth Server has them, REGISTRATION-API.md 2.2)

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/lockout_watch.hpp"
#include "handlers/problem.hpp"
#include "handlers/proof_check.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/verdict.hpp"
#include "registry/offline.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr std::size_t uri_id_bytes_max = 1024;
constexpr std::size_t base_bytes_max = 8 * 1024; // POST&B64(uri)&nonce&B64(body)
constexpr std::size_t nonce_bytes_max = 24;      // Base64 of 16 bytes

// --- reading

// What becomes lines of a QR code. Line feeds divide it into its parts; other control characters have no business
// there.
std::string decode_lines(const json_object& from, std::string_view name)
{
    const auto text =
        from.text(name, {.bytes_max = registry::offline_data_bytes_max, .required = true, .free_form = true});
    if (!text)
        return {};
    std::string without_line_ends = *text;
    std::erase(without_line_ends, '\n');
    if (has_control_character(without_line_ends))
        from.complain(name, "must not contain control characters other than line feeds");
    return *text;
}

std::optional<std::string> decode_nonce(const json_object& from, bool required)
{
    auto nonce = from.text("nonce", {.bytes_max = nonce_bytes_max, .required = required});
    if (nonce && !crypto::from_base64_sized<16>(*nonce))
        from.complain("nonce", "must be Base64 of 16 bytes", *nonce);
    return nonce;
}

// steps  does the caller say how many earlier passwords are right, too?
std::optional<registry::proximity_check> decode_proximity(const json_object& from, bool steps)
{
    const auto given = from.object("proximityCheck");
    if (!given)
        return std::nullopt;
    registry::proximity_check out;
    if (const auto seed = given->text("seed", {.bytes_max = 128, .required = true, .secret = true})) {
        auto decoded = crypto::from_base64(*seed);
        if (!decoded || decoded->size() < registry::totp_seed_bytes_min ||
            decoded->size() > registry::totp_seed_bytes_max)
            given->complain("seed", "must be Base64 of " + std::to_string(registry::totp_seed_bytes_min) + " to " +
                                        std::to_string(registry::totp_seed_bytes_max) + " bytes");
        else
            out.seed = *std::move(decoded);
    }
    out.step_seconds = static_cast<unsigned>(
        given->integer("stepLength", registry::totp_step_seconds_min, registry::totp_step_seconds_max)
            .value_or(registry::totp_step_seconds_default));
    if (steps)
        out.earlier_steps = static_cast<unsigned>(given->integer("stepCount", 0, registry::totp_earlier_steps_max)
                                                      .value_or(registry::totp_earlier_steps_default));
    return out;
}

registry::uuid decode_id(const json_object& from)
{
    // What is no id names nothing, as in a path.
    const auto text = from.text("registrationId", {.bytes_max = 64, .required = true}).value_or("");
    return registry::uuid::parse(text).value_or(registry::uuid{});
}

// --- payloads

struct wanted_payload {
    std::string data; // with the line of the proximity check
    std::string nonce;
};

wanted_payload decode_payload(const json_object& from, registry::time_ms now)
{
    wanted_payload out;
    out.data = decode_lines(from, "data");
    out.nonce = decode_nonce(from, false).value_or(crypto::to_base64(crypto::random_array<16>()));
    if (const auto check = decode_proximity(from, false); check && !check->seed.empty()) {
        out.data += '\n';
        out.data += registry::right_passwords(*check, now).front();
    }
    return out;
}

response tell_payload(const wanted_payload& wanted, registry::payload_signer mark, const crypto::p256_private_key& key)
{
    response answer;
    answer.body = json_writer{}
                      .object()
                      .member("offlineData", registry::offline_payload(wanted.data, wanted.nonce, mark, key))
                      .member("nonce", wanted.nonce)
                      .end()
                      .text();
    return answer;
}

// --- verification

struct wanted_verdict {
    registry::uuid id;
    std::vector<registry::presented_proof>
        readings; // what the digits may have been made as, in the order of section 16.3
    registry::flag_set required_flags;
};

// What comes before the body in the signed data, and the body.
struct signed_text {
    std::string before; // METHOD&B64(URI_ID)&NONCE&
    crypto::bytes body;
};

signed_text decode_parts(const json_object& from)
{
    const auto uri_id =
        from.text("uriId", {.bytes_max = uri_id_bytes_max}).value_or(std::string{registry::offline_uri_id});
    const auto nonce = decode_nonce(from, true).value_or("");
    const auto body = decode_lines(from, "body");
    const auto bytes = crypto::as_bytes(body);
    signed_text out;
    out.before =
        std::string{registry::offline_method} + '&' + crypto::to_base64(crypto::as_bytes(uri_id)) + '&' + nonce + '&';
    out.body.assign(bytes.begin(), bytes.end());
    return out;
}

// The same in one text, as PowerAuth Server takes it.
signed_text decode_base(const json_object& from)
{
    signed_text out;
    const auto base = from.text("data", {.bytes_max = base_bytes_max, .required = true}).value_or("");
    for (const char* other : {"nonce", "body", "uriId"}) {
        if (from.has(other))
            from.complain(other, "cannot be given together with data");
    }
    const auto body_at = base.rfind('&') + 1; // 0 when there is none
    auto body = crypto::from_base64(std::string_view{base}.substr(body_at));
    if (std::ranges::count(base, '&') != 3 || !body)
        from.complain("data", "must be METHOD&URI_ID&NONCE&BODY, the URI id and the body in Base64");
    else if (body->size() > registry::offline_data_bytes_max)
        from.complain("data", "must have a body of at most 2048 bytes");
    else
        out.body = *std::move(body);
    out.before = base.substr(0, body_at);
    return out;
}

crypto::bytes proof_data(const signed_text& what, std::string_view password)
{
    crypto::bytes body = what.body;
    if (!password.empty()) {
        body.push_back('&');
        crypto::append(body, crypto::as_bytes(password));
    }
    const std::string text = what.before + crypto::to_base64(body) + '&' + std::string{registry::offline_secret};
    const auto bytes = crypto::as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

wanted_verdict decode_verify(const call& asked, registry::time_ms now, std::vector<violation>& violations)
{
    wanted_verdict out;
    const auto from = parse_body(asked, violations);
    if (!from)
        return out;
    out.id = decode_id(*from);
    const signed_text what = from->has("data") ? decode_base(*from) : decode_parts(*from);

    const auto digits = static_cast<unsigned>(
        from->integer("componentLength", registry::component_digits_min, registry::component_digits_max)
            .value_or(registry::component_digits_default));
    const auto signature = from->text("signature", {.bytes_max = 64, .required = true, .secret = true});
    const auto proof = signature ? registry::parse_offline_proof(*signature, digits) : std::nullopt;
    if (signature && !proof)
        from->complain("signature", "must be two groups of " + std::to_string(digits) + " digits, joined with a dash");

    std::vector<registry::factors> types{registry::factors::possession_knowledge};
    if (from->boolean("allowBiometry").value_or(false))
        types.push_back(registry::factors::possession_biometry);

    out.required_flags = decode_flags(*from, "requiredFlags").value_or(registry::flag_set{});
    std::vector<std::string> passwords{""};
    if (const auto check = decode_proximity(*from, true); check && !check->seed.empty())
        passwords = registry::right_passwords(*check, now);

    if (!violations.empty())
        return out;
    for (const auto type : types) {
        for (const std::string& password : passwords) {
            registry::presented_proof& reading = out.readings.emplace_back(*proof);
            reading.type = type;
            reading.data = proof_data(what, password);
        }
    }
    return out;
}

// As judge() does with what phones send, but that no application key and no version is involved, and no budget of noise
// either: digits can be guessed, so a failure counts whatever it proves.
task<judged_proof> judge_offline(services& svc, registry::slot_ptr slot, const wanted_verdict& wanted,
                                 registry::source_address source)
{
    judged_proof out;
    out.slot = slot;
    out.what = judged_proof::kind::judged;
    out.type = wanted.readings.front().type;
    out.failure = co_await heal(svc, slot);
    if (!out.failure && is_block_over(svc, *slot))
        out.failure = co_await end_block(svc, slot);
    if (out.failure)
        co_return out;
    const auto now = svc.clock.now();
    if (const auto held = held_for(svc, *slot); held > 0) {
        out.throttled = held;
        co_return out;
    }
    const auto rules = rules_for(svc, *slot);
    const auto* const keys = find_factor_keys(svc, *slot);
    if (keys != nullptr)
        out.result = svc.attempts.verify(slot, *keys, wanted.readings, rules, now);
    else // not active yet, or never was
        out.result = svc.attempts.refuse_unproven(slot, out.type, rules, now);
    watch_lockouts(svc, *slot, {}, out.result);
    if (out.result.change && out.result.change->details) {
        registry::attempt_details& details = *out.result.change->details;
        details.source = source;
        details.offline = true;
        if (out.accepted())
            out.type = details.type;
    } else {
        svc.noise_counts.count(slot->owner.number, source, now);
    }
    co_return out;
}

} // namespace

task<response> create_personalized_payload(const call& asked, services& svc)
{
    std::vector<violation> violations;
    registry::uuid id;
    wanted_payload wanted;
    if (const auto body = parse_body(asked, violations)) {
        id = decode_id(*body);
        wanted = decode_payload(*body, svc.clock.now());
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, id, svc);
    if (!found)
        co_return problem(found.error());
    if (found->current() != registry::state::active)
        co_return problem(make_error_code(registry::errc::illegal_change));
    const auto key = find_server_key(svc, *found);
    if (!key)
        co_return problem(office_problem::internal);
    co_return tell_payload(wanted, registry::payload_signer::server_key, *key);
}

task<response> create_plain_payload(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::string id;
    wanted_payload wanted;
    if (const auto body = parse_body(asked, violations)) {
        id = body->text("appId", {.bytes_max = registry::application_id_bytes_max, .required = true}).value_or("");
        wanted = decode_payload(*body, svc.clock.now());
    }
    const auto application = svc.directory.find_application(id);
    if (violations.empty() && (!application || !asked.who->may_see(id)))
        violations.push_back({"appId", id, "no such application"});
    if (!violations.empty())
        co_return problem(violations);
    co_return tell_payload(wanted, registry::payload_signer::master_key, application->signing_key());
}

task<response> verify_offline_signature(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode_verify(asked, svc.clock.now(), violations);
    if (!violations.empty())
        co_return problem(violations);
    // Before the proof is looked at: an account must not count attempts on registrations of others.
    const auto slot = find_slot(svc, wanted.id);
    if (!slot || !asked.who->may_see(slot->owner.application_id))
        co_return unknown_verdict();

    judged_proof proof = co_await judge_offline(svc, slot, wanted, asked.req.source);
    if (const auto ec = co_await settle(svc, proof))
        co_return problem(ec);
    verdict told{proof.accepted(), proof.type, wanted.required_flags};
    const bool several = wanted.readings.front().type != wanted.readings.back().type;
    if (!told.valid && several)
        told.type.reset();
    auto answer = co_await tell_verdict(svc, slot->owner.id, told);
    co_return answer;
}

} // namespace doorward::handlers
