// POST /pa/v3/activation/create: the key exchange (PROTOCOL.md 11.3, 12.2 and 12.4)
//
//     phone  -> outer { type, identityAttributes, activationData: inner { devicePublicKey, activationName, ... } }
//     server -> outer { activationData: inner { activationId, serverPublicKey, ctrData }, customAttributes }
//
// Two envelopes, one inside the other, each with its own ephemeral key; both are remembered before anything changes.

#include "crypto/encoding.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/envelope_json.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/otp_check.hpp"
#include "handlers/power_auth_header.hpp"
#include "handlers/problem.hpp"
#include "handlers/start_registration.hpp"
#include "registry/activation_code.hpp"
#include "registry/changes.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::errc;

constexpr std::size_t identity_attributes_max = 16;
constexpr std::size_t identity_attribute_bytes_max = 1024;

struct outer_content {
    std::string type;
    std::string code;
    std::optional<std::string> custom_attributes; // JSON, passed through
    registry::envelope_request inner;
};

std::optional<registry::envelope_request> decode_envelope(std::string_view json)
{
    std::vector<violation> ignored;
    const auto top = parse_json(json, ignored);
    return top ? read_envelope(*top) : std::nullopt;
}

std::optional<outer_content> decode_outer(std::string_view json)
{
    std::vector<violation> problems;
    const auto top = parse_json(json, problems);
    if (!top)
        return std::nullopt;
    outer_content out;
    out.type = top->text("type", {.bytes_max = 16, .required = true}).value_or("");
    const auto identity = top->object("identityAttributes", true);
    if (identity) {
        for (const auto& [name, value] : identity->all_texts(identity_attributes_max, identity_attribute_bytes_max)) {
            if (name == "code")
                out.code = value;
        }
    }
    if (top->object("customAttributes"))
        out.custom_attributes = top->json("customAttributes");
    const auto inner = top->object("activationData", true);
    auto envelope = inner ? read_envelope(*inner) : std::nullopt;
    if (!problems.empty() || !envelope)
        return std::nullopt;
    out.inner = *std::move(envelope);
    return out;
}

struct inner_content {
    crypto::p256_public_key device_key;
    std::string name;
    std::string extras;
    std::optional<std::string> otp;
    std::string platform;
    std::string device_info;
};

std::optional<inner_content> decode_inner(std::string_view json)
{
    namespace limits = registry;
    std::vector<violation> problems;
    const auto top = parse_json(json, problems);
    if (!top)
        return std::nullopt;
    const auto key_text = top->text("devicePublicKey", {.bytes_max = 88, .required = true});
    const auto key_bytes = key_text ? crypto::from_base64(*key_text) : std::nullopt;
    auto key = key_bytes ? crypto::p256_public_key::import(*key_bytes) : std::nullopt;
    auto name =
        top->text("activationName", {.characters_max = limits::name_characters_max, .free_form = true}).value_or("");
    auto extras =
        top->text("extras", {.characters_max = limits::extras_characters_max, .free_form = true}).value_or("");
    auto otp = top->text("activationOtp", {.characters_max = limits::otp_characters_max, .secret = true});
    auto platform = top->lenient_text("platform", limits::platform_characters_max);
    auto device_info = top->lenient_text("deviceInfo", limits::device_info_characters_max);
    if (!problems.empty() || !key)
        return std::nullopt;
    std::ranges::transform(platform, platform.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (platform.empty())
        platform = "unknown";
    return inner_content{*std::move(key), std::move(name),     std::move(extras),
                         std::move(otp),  std::move(platform), std::move(device_info)};
}

// The key that phones encrypt to in application scope: the temporary key of 3.3, the master key of earlier versions.
std::optional<crypto::p256_private_key> temporary_key(services& svc, const registry::envelope_request& envelope,
                                                      std::string_view application_key)
{
    const auto id = registry::uuid::parse(*envelope.temporary_key_id).value();
    const auto stored =
        svc.journal.view([&](const registry::snapshot& txn) { return registry::find_temporary_key(txn, id); });
    if (!stored || stored->application_key != application_key || stored->number != 0 ||
        stored->expires_at <= svc.clock.now())
        return std::nullopt;
    return registry::open_private_key(svc.sealer, "temporary_keys", id.view(), stored->sealed_private_key,
                                      stored->point);
}

struct opened_request {
    registry::opened_envelope outer;
    outer_content outer_fields;
    registry::opened_envelope inner;
    inner_content inner_fields;
    registry::remember_seen seen;
};

// Opens both layers. Pure but for reading the temporary key; nothing has changed when it returns.
kv::result<opened_request> open_both(services& svc, const encryption_header& header,
                                     const registry::directory::known_version& application, std::string_view body)
{
    const auto now = svc.clock.now();
    const auto version = header.version;
    const bool has_temporary_key = registry::rules(version).temporary_keys;

    const auto outer_request = decode_envelope(body);
    if (!outer_request)
        return errc::envelope_malformed;
    if (const auto ec = registry::check_form(*outer_request, version))
        return ec;
    if (const auto ec = registry::check_time(*outer_request, version, now))
        return ec;

    std::optional<crypto::p256_private_key> temporary;
    if (has_temporary_key) {
        temporary = temporary_key(svc, *outer_request, header.application_key);
        if (!temporary)
            return errc::unknown_temporary_key;
    }
    const crypto::p256_private_key& recipient = temporary ? *temporary : application.owner->master_key;
    registry::envelope_context context{version,
                                       registry::envelope_use::application,
                                       application.version->key,
                                       application.version->secret,
                                       std::nullopt,
                                       nullptr};
    auto outer = registry::open_envelope(*outer_request, recipient, context);
    if (!outer)
        return outer.error();
    auto outer_fields = decode_outer(crypto::as_text(outer->plaintext()));
    if (!outer_fields)
        return errc::envelope_malformed;

    const registry::envelope_request& inner_request = outer_fields->inner;
    if (const auto ec = registry::check_form(inner_request, version))
        return ec;
    if (const auto ec = registry::check_time(inner_request, version, now))
        return ec;
    if (inner_request.temporary_key_id != outer_request->temporary_key_id)
        return errc::unknown_temporary_key;
    context.use = registry::envelope_use::activation_data;
    auto inner = registry::open_envelope(inner_request, recipient, context);
    if (!inner)
        return inner.error();
    auto inner_fields = decode_inner(crypto::as_text(inner->plaintext()));
    if (!inner_fields)
        return errc::envelope_malformed;

    registry::remember_seen seen;
    for (const registry::envelope_request* each : {&*outer_request, &inner_request}) {
        const auto until =
            each->timestamp ? *each->timestamp + registry::seen_memory_ms : now + registry::envelope_memory_ms;
        seen.marks.push_back({registry::replay_mark(*each, std::nullopt), until});
    }
    return opened_request{std::move(*outer), *std::move(outer_fields), std::move(*inner), *std::move(inner_fields),
                          std::move(seen)};
}

// The registration that waits for this code, as it stands now.
kv::result<registry::full_registration> find_waiting(services& svc, std::string_view application_id,
                                                     std::string_view code)
{
    if (!registry::is_activation_code(code))
        return errc::code_not_found;
    const auto found =
        svc.journal.view([&](const registry::snapshot& txn) -> std::optional<registry::full_registration> {
            const auto number = registry::find_by_code(txn, application_id, code);
            return number ? registry::find_full(txn, *number) : std::nullopt;
        });
    if (!found || found->current() != registry::state::created || found->is_expired(svc.clock.now()))
        return errc::code_not_found;
    return *found;
}

struct exchanged {
    registry::uuid id;
    crypto::point_bytes server_key;
    registry::ctr_data counter;
    std::string user_id;
};

// Derives and stores the keys; the registration becomes pending or active.
task<kv::result<exchanged>> exchange_keys(services& svc, const registry::full_registration& waiting,
                                          registry::slot_ptr slot, const inner_content& phone,
                                          registry::protocol_version version)
{
    const registry::uuid id = waiting.record.id;
    const auto server_key = crypto::p256_private_key::generate();
    const auto keys = registry::derive_keys(server_key, phone.device_key);
    registry::binding bound{
        phone.device_key.point(),
        server_key.point(),
        {registry::seal_keys(svc.sealer, id, keys),
         registry::seal_private_key(svc.sealer, "keys", id.view(), server_key)},
        phone.name,
        phone.platform,
        phone.device_info,
        phone.extras,
        registry::rules(version).decimal_proof,
    };
    const auto by = waiting.record.phase == registry::commit_phase::on_key_exchange ? registry::move::exchange_and_start
                                                                                    : registry::move::exchange_keys;
    // Of several phones with one code, the one whose swap succeeds has it.
    registry::actor phone_itself;
    auto moved = co_await start_registration(svc, waiting.record, slot, by, std::move(phone_itself), std::move(bound));
    if (!moved)
        co_return moved.error();
    if (!moved->moved)
        co_return errc::illegal_change;
    co_return exchanged{id, server_key.point(), waiting.attempts.counter.data, waiting.record.user_id};
}

response sealed_answer(services& svc, const opened_request& opened, const exchanged& result)
{
    const auto now = svc.clock.now();
    const auto inner_json = json_writer{}
                                .object()
                                .member("activationId", result.id.text())
                                .member("serverPublicKey", crypto::to_base64(result.server_key))
                                .member("ctrData", crypto::to_base64(result.counter))
                                .end()
                                .text();
    json_writer outer;
    outer.object().key("activationData");
    write_envelope(outer, opened.inner.seal(crypto::as_bytes(inner_json), now));
    if (opened.outer_fields.custom_attributes)
        outer.key("customAttributes").raw(*opened.outer_fields.custom_attributes);
    outer.key("userInfo").object().member("sub", result.user_id).end();
    const auto outer_json = outer.end().text();

    json_writer body;
    write_envelope(body, opened.outer.seal(crypto::as_bytes(outer_json), now));
    response answer;
    answer.body = body.text();
    return answer;
}

} // namespace

task<response> create_activation(const call& asked, services& svc)
{
    const response failure = problem(device_problem::activation_invalid);

    const auto header = parse_encryption(asked.req.power_auth_encryption);
    if (!header || header->activation_id)
        co_return failure;
    const auto application = svc.directory.find_version(header->application_key);
    if (!registry::accepts(application, header->version))
        co_return failure;
    auto opened = open_both(svc, *header, application, asked.req.body);
    if (!opened || opened->outer_fields.type != "CODE")
        co_return failure;

    if (const auto ec = co_await commit(svc, opened->seen))
        co_return device_problem_or_storage(ec, device_problem::activation_invalid);

    const auto waiting = find_waiting(svc, application.owner->id, opened->outer_fields.code);
    if (!waiting)
        co_return failure;
    auto slot = find_slot(svc, waiting->record.id);
    const registry::actor phone;
    const bool otp_due =
        waiting->record.phase == registry::commit_phase::on_key_exchange && !waiting->record.otp_hash.empty();
    if (const auto ec = co_await check_otp(svc, *waiting, otp_due, opened->inner_fields.otp, phone))
        co_return device_problem_or_storage(ec, device_problem::activation_invalid);
    const auto result = co_await exchange_keys(svc, *waiting, slot, opened->inner_fields, header->version);
    if (!result)
        co_return device_problem_or_storage(result.error(), device_problem::activation_invalid);
    co_return sealed_answer(svc, *opened, *result);
}

} // namespace doorward::handlers
