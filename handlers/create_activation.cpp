// POST /pa/v3/activation/create: the key exchange (PROTOCOL.md 11.3, 12.2 to 12.4)
//
//     phone  -> outer { type, identityAttributes, activationData: inner { devicePublicKey, activationName, ... } }
//     server -> outer { activationData: inner { activationId, serverPublicKey, ctrData }, customAttributes, userInfo }
//
// Two envelopes, one inside the other, each with its own ephemeral key; both are remembered before anything changes,
// and before a provider is asked. There is room for the question by then.

#include "crypto/encoding.hpp"
#include "handlers/custom_activation.hpp"
#include "handlers/encrypted_request.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/noise.hpp"
#include "handlers/otp_check.hpp"
#include "handlers/start_registration.hpp"
#include "handlers/user_claims.hpp"
#include "registry/activation_code.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::errc;

constexpr std::size_t identity_attributes_max = 16;
constexpr std::size_t identity_attribute_bytes_max = 8 * 1024; // there are tokens among them

struct outer_content {
    custom_credentials shown; // type CODE: the code
    registry::envelope_request inner;

    [[nodiscard]] bool by_code() const noexcept { return shown.type == "CODE"; }
    // DIRECT with method oidc is the provider's business like any other: there is no client of OpenID Connect here.
    [[nodiscard]] bool by_provider() const noexcept { return shown.type == "CUSTOM" || shown.type == "DIRECT"; }
    [[nodiscard]] std::string_view code() const noexcept
    {
        const auto found = std::ranges::find(shown.identity, "code", &std::pair<std::string, std::string>::first);
        return found == shown.identity.end() ? std::string_view{} : found->second;
    }
};

std::optional<outer_content> decode_outer(std::string_view json, registry::protocol_version version)
{
    std::vector<violation> problems;
    const auto top = parse_json(json, problems);
    if (!top)
        return std::nullopt;
    outer_content out;
    out.shown.type = top->text("type", {.bytes_max = 16, .required = true}).value_or("");
    const auto identity = top->object("identityAttributes", true);
    if (identity)
        out.shown.identity = identity->all_texts(identity_attributes_max, identity_attribute_bytes_max);
    if (top->object("customAttributes"))
        out.shown.custom_attributes = top->json("customAttributes");
    const auto inner = top->object("activationData", true);
    auto envelope = inner ? receive_envelope(*inner, version) : errc::envelope_malformed;
    if (!problems.empty() || !envelope)
        return std::nullopt;
    out.inner = *std::move(envelope);
    return out;
}

struct opened_request {
    registry::opened_envelope outer;
    outer_content outer_fields;
    registry::opened_envelope inner;
    phone_details phone;
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
    if (!outer_fields || !(outer_fields->by_code() || outer_fields->by_provider()))
        return errc::envelope_malformed;

    auto inner = encrypted.open(svc, outer_fields->inner, registry::envelope_use::activation_data);
    if (!inner)
        return inner.error();
    auto phone = decode_phone(crypto::as_text(inner->plaintext()));
    if (!phone)
        return errc::envelope_malformed;
    return opened_request{*std::move(outer), *std::move(outer_fields), *std::move(inner), *std::move(phone)};
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

// Derives and stores the keys; the registration becomes pending or active.
task<kv::result<bound_phone>> exchange_keys(services& svc, const registry::full_registration& waiting,
                                            registry::slot_ptr slot, const phone_details& phone,
                                            registry::protocol_version version)
{
    const registry::uuid id = waiting.record.id;
    std::optional<registry::binding> bound{bind_phone(svc, id, phone, version)};
    const auto server_key = bound->server_key;
    const auto by = waiting.record.phase == registry::commit_phase::on_key_exchange ? registry::move::exchange_and_start
                                                                                    : registry::move::exchange_keys;
    // Of several phones with one code, the one whose swap succeeds has it.
    if (waiting.is_expired(svc.clock.now())) // since it was found
        co_return errc::code_not_found;
    registry::actor phone_itself;
    auto moved = co_await start_registration(svc, waiting.record, slot, by, std::move(phone_itself), std::move(bound));
    if (!moved)
        co_return moved.error();
    if (!moved->moved)
        co_return errc::illegal_change;
    co_return bound_phone{id, server_key, waiting.attempts.counter.data, user_info(svc, waiting.record, moved->now)};
}

// Asks for the one-time password of the registration that waits for a phone, and gives it to this one.
task<kv::result<bound_phone>> activate_by_code(services& svc, const registry::full_registration& waiting,
                                               const phone_details& phone, registry::protocol_version version)
{
    auto slot = find_slot(svc, waiting.record.id);
    const registry::actor nobody; // the phone itself
    const bool otp_due =
        waiting.record.phase == registry::commit_phase::on_key_exchange && !waiting.record.otp_hash.empty();
    if (const auto ec = co_await check_otp(svc, waiting, otp_due, phone.otp, nobody))
        co_return ec;
    auto bound = co_await exchange_keys(svc, waiting, slot, phone, version);
    co_return bound;
}

// custom_attributes  JSON object
response sealed_answer(services& svc, const opened_request& opened, const bound_phone& result,
                       const std::optional<std::string>& custom_attributes)
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
    if (custom_attributes)
        outer.key("customAttributes").raw(*custom_attributes);
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
    const registry::application& application = encrypted->application();
    const custom_credentials& shown = opened->outer_fields.shown;
    const phone_details& phone = opened->phone;

    // Looked for before anything is written: any copy of the app can make envelopes with invented codes or credentials.
    kv::result<registry::full_registration> waiting = errc::not_recognised;
    if (opened->outer_fields.by_code()) {
        waiting = find_waiting(svc, application.id, opened->outer_fields.code());
        if (!waiting)
            co_return refuse(waiting.error());
    } else if (!may_ask_provider(application, shown, phone)) {
        co_return refuse(make_error_code(errc::not_recognised));
    }
    // Credentials can be guessed, unlike codes. So whoever has them asks at the price of a wrong guess, which he gets
    // back: otherwise the right one would be told apart however many came before it.
    std::optional<noise_deposit> deposit;
    outgoing_permit permit;
    if (!waiting) {
        deposit.emplace(svc, noise_origin{nullptr, &application, asked.req.source});
        if (deposit->wait() > 0)
            co_return too_much_noise(deposit->wait());
        auto entered = enter_provider(svc, application, asked.req);
        if (!entered)
            co_return device_problem_or_storage(entered.error(), failure);
        permit = *std::move(entered);
    }
    if (const auto ec = co_await remember(svc, *encrypted)) {
        deposit.reset();
        co_return refuse(ec);
    }

    if (waiting) {
        const auto bound = co_await activate_by_code(svc, *waiting, phone, encrypted->version());
        if (!bound)
            co_return device_problem_or_storage(bound.error(), failure);
        co_return sealed_answer(svc, *opened, *bound, shown.custom_attributes);
    }
    const auto made = co_await activate_by_provider(svc, application, shown, phone, encrypted->version(), asked.req,
                                                    std::move(permit));
    if (!made && made.error() == errc::not_recognised) { // credentials that fit nobody are noise, as codes are
        deposit->forfeit();
        count_noise(svc, 0, asked.req.source);
    }
    if (!made)
        co_return device_problem_or_storage(made.error(), failure);
    co_return sealed_answer(svc, *opened, made->bound,
                            made->custom_attributes ? made->custom_attributes : shown.custom_attributes);
}

} // namespace doorward::handlers
