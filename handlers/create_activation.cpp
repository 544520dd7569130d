// POST /pa/v3/activation/create: the key exchange (PROTOCOL.md 11.3, 12.2 and 12.4)
//
//     phone  -> outer { type, identityAttributes, activationData: inner { devicePublicKey, activationName, ... } }
//     server -> outer { activationData: inner { activationId, serverPublicKey, ctrData }, customAttributes, userInfo }
//
// Two envelopes, one inside the other, each with its own ephemeral key; both are remembered before anything changes.

#include "crypto/encoding.hpp"
#include "handlers/encrypted_request.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/otp_check.hpp"
#include "handlers/start_registration.hpp"
#include "handlers/user_claims.hpp"
#include "registry/activation_code.hpp"

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

std::optional<outer_content> decode_outer(std::string_view json, registry::protocol_version version)
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
    auto envelope = inner ? receive_envelope(*inner, version) : errc::envelope_malformed;
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

struct opened_request {
    registry::opened_envelope outer;
    outer_content outer_fields;
    registry::opened_envelope inner;
    inner_content inner_fields;
};

// Opens both layers. Nothing has changed when it returns.
kv::result<opened_request> open_both(services& svc, encrypted_request& encrypted, std::string_view body)
{
    const auto outer_request = receive_envelope(body, encrypted.version());
    if (!outer_request)
        return outer_request.error();
    auto outer = encrypted.open(svc, *outer_request, registry::envelope_use::application);
    if (!outer)
        return outer.error();
    auto outer_fields = decode_outer(crypto::as_text(outer->plaintext()), encrypted.version());
    if (!outer_fields || outer_fields->type != "CODE")
        return errc::envelope_malformed;

    auto inner = encrypted.open(svc, outer_fields->inner, registry::envelope_use::activation_data);
    if (!inner)
        return inner.error();
    auto inner_fields = decode_inner(crypto::as_text(inner->plaintext()));
    if (!inner_fields)
        return errc::envelope_malformed;
    return opened_request{*std::move(outer), *std::move(outer_fields), *std::move(inner), *std::move(inner_fields)};
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
    std::string user_info; // JSON
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
    // Whoever waits for commit may yet turn out to be somebody else.
    std::string told = by == registry::move::exchange_and_start
                           ? user_info(svc, waiting.record)
                           : json_writer{}.object().member("sub", waiting.record.user_id).end().text();
    co_return exchanged{id, server_key.point(), waiting.attempts.counter.data, std::move(told)};
}

response sealed_answer(services& svc, const opened_request& opened, const exchanged& result)
{
    const auto inner_json = json_writer{}
                                .object()
                                .member("activationId", result.id.text())
                                .member("serverPublicKey", crypto::to_base64(result.server_key))
                                .member("ctrData", crypto::to_base64(result.counter))
                                .end()
                                .text();
    json_writer outer;
    outer.object().key("activationData");
    write_envelope(outer, opened.inner.seal(crypto::as_bytes(inner_json), svc.clock.now()));
    if (opened.outer_fields.custom_attributes)
        outer.key("customAttributes").raw(*opened.outer_fields.custom_attributes);
    outer.key("userInfo").raw(result.user_info);
    return sealed_answer(svc, opened.outer, outer.end().text());
}

} // namespace

task<response> create_activation(const call& asked, services& svc)
{
    constexpr auto failure = device_problem::activation_invalid;
    const auto parameters = parameters_of(asked.req);
    const auto refuse = [&](const kv::error_code& why) {
        return refuse_encrypted(svc, asked.req, parameters, why, failure);
    };
    if (!parameters)
        co_return refuse(make_error_code(errc::envelope_malformed));
    auto encrypted = encrypted_request::find(svc, *parameters, encryption_scope::application);
    if (!encrypted)
        co_return refuse(encrypted.error());
    auto opened = open_both(svc, *encrypted, asked.req.body);
    if (!opened)
        co_return refuse(opened.error());

    // Looked for before anything is written: any copy of the app can make envelopes with invented codes.
    const auto waiting = find_waiting(svc, encrypted->application().id, opened->outer_fields.code);
    if (!waiting)
        co_return refuse(waiting.error());
    if (const auto ec = co_await remember(svc, *encrypted))
        co_return refuse(ec);

    auto slot = find_slot(svc, waiting->record.id);
    const registry::actor phone;
    const bool otp_due =
        waiting->record.phase == registry::commit_phase::on_key_exchange && !waiting->record.otp_hash.empty();
    if (const auto ec = co_await check_otp(svc, *waiting, otp_due, opened->inner_fields.otp, phone))
        co_return device_problem_or_storage(ec, failure);
    const auto result = co_await exchange_keys(svc, *waiting, slot, opened->inner_fields, encrypted->version());
    if (!result)
        co_return device_problem_or_storage(result.error(), failure);
    co_return sealed_answer(svc, *opened, *result);
}

} // namespace doorward::handlers
