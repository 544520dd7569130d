#include "handlers/encrypted_request.hpp"
#include "handlers/noise.hpp"

#include <algorithm>

namespace doorward::handlers {

using registry::errc;

std::optional<encryption_parameters> parameters_of(const request& req)
{
    if (!req.power_auth_authorization.empty()) {
        const auto header = parse_authorization(req.power_auth_authorization);
        return header ? std::optional{parameters_of(*header)} : std::nullopt;
    }
    auto header = parse_encryption(req.power_auth_encryption);
    if (!header)
        return std::nullopt;
    return encryption_parameters{header->version, std::move(header->application_key), header->activation_id};
}

encryption_parameters parameters_of(const authorization_header& header)
{
    return {header.version, std::string{header.application_key}, header.activation_id};
}

kv::result<registry::envelope_request> receive_envelope(std::string_view json, registry::protocol_version version)
{
    std::vector<violation> ignored;
    const auto top = parse_json(json, ignored);
    if (!top)
        return errc::envelope_malformed;
    return receive_envelope(*top, version);
}

kv::result<registry::envelope_request> receive_envelope(const json_object& from, registry::protocol_version version)
{
    auto envelope = read_envelope(from);
    if (!envelope || registry::check_form(*envelope, version))
        return errc::envelope_malformed;
    return *std::move(envelope);
}

std::optional<encrypted_request::binding> encrypted_request::find_binding(services& svc, const registry::uuid& id,
                                                                          std::string_view application_id)
{
    std::optional<registry::full_registration> registration;
    std::optional<registry::stored_keys> sealed;
    svc.journal.view([&](const registry::snapshot& txn) {
        registration = registry::find_full(txn, id);
        if (registration)
            sealed = registry::find_keys(txn, registration->number);
    });
    if (!sealed || registration->record.application_id != application_id)
        return std::nullopt;
    auto keys = registry::open_keys(svc.sealer, id, sealed->sealed_keys);
    if (!keys)
        return std::nullopt;
    return binding{*std::move(registration), *std::move(keys), std::move(sealed->sealed_server_private_key), id.text()};
}

kv::result<encrypted_request> encrypted_request::find(services& svc, encryption_parameters asked,
                                                      encryption_scope scope)
{
    auto application = svc.directory.find_version(asked.application_key);
    if (!registry::accepts(application, asked.version))
        return errc::unknown_application;
    if (asked.activation_id.has_value() != (scope == encryption_scope::activation))
        return errc::envelope_malformed;
    auto bound = asked.activation_id ? find_binding(svc, *asked.activation_id, application.owner->id) : std::nullopt;
    return encrypted_request{std::move(asked), std::move(application), std::move(bound)};
}

kv::error_code encrypted_request::choose_recipient(services& svc, const registry::envelope_request& envelope)
{
    if (recipient_chosen_)
        return envelope.temporary_key_id == temporary_key_id_ ? kv::error_code{}
                                                              : make_error_code(errc::unknown_temporary_key);
    if (registry::rules(asked_.version).temporary_keys) {
        const auto id = registry::uuid::parse(*envelope.temporary_key_id).value();
        const auto stored =
            svc.journal.view([&](const registry::snapshot& txn) { return registry::find_temporary_key(txn, id); });
        const registry::registration_number number = bound_ ? bound_->registration.number : 0;
        if (!stored || stored->application_key != asked_.application_key || is_stranger() || stored->number != number ||
            stored->expires_at <= svc.clock.now())
            return make_error_code(errc::unknown_temporary_key);
        recipient_ = registry::open_private_key(svc.sealer, "temporary_keys", id.view(), stored->sealed_private_key,
                                                stored->point);
        if (!recipient_)
            return make_error_code(errc::unknown_temporary_key);
    } else if (bound_) {
        const registry::registration& record = bound_->registration.record;
        recipient_ = registry::open_private_key(svc.sealer, "keys", record.id.view(), bound_->sealed_server_key,
                                                record.server_key.value());
        if (!recipient_)
            return make_error_code(errc::registration_not_found);
    }
    recipient_chosen_ = true;
    temporary_key_id_ = envelope.temporary_key_id;
    return {};
}

kv::result<registry::opened_envelope> encrypted_request::open(services& svc, const registry::envelope_request& envelope,
                                                              std::string_view use)
{
    const auto now = svc.clock.now();
    if (const auto ec = registry::check_time(envelope, asked_.version, now))
        return ec;
    if (const auto ec = choose_recipient(svc, envelope))
        return ec;
    const auto id = bound_ ? std::optional<std::string_view>{bound_->id_text} : std::nullopt;
    const registry::envelope_context context{asked_.version,
                                             use,
                                             application_.version->key,
                                             application_.version->secret,
                                             id,
                                             bound_ ? &bound_->keys.transport : nullptr};
    auto opened =
        registry::open_envelope(envelope, recipient_ ? *recipient_ : *application_.version->master_key, context);
    if (!opened)
        return opened.error();
    if (is_stranger()) // genuine for the application's key, which no phone takes in this scope
        return errc::registration_not_found;
    if (bound_ && !is_active())
        return errc::illegal_change;
    seen_.marks.push_back(
        {registry::replay_mark(envelope, asked_.version, id), registry::remember_until(envelope, now)});
    return opened;
}

task<kv::error_code> remember(services& svc, const encrypted_request& opened)
{
    registry::remember_seen change = opened.seen();
    // What is known to have been seen does not bother the writer.
    const bool known = svc.journal.view([&](const registry::snapshot& txn) {
        return std::ranges::any_of(change.marks, [&](const auto& mark) { return registry::is_seen(txn, mark.value); });
    });
    if (known)
        co_return make_error_code(errc::envelope_replayed);
    const auto ec = co_await commit(svc, change);
    co_return ec;
}

response sealed_answer(services& svc, const registry::opened_envelope& opened, std::string_view json)
{
    json_writer body;
    write_envelope(body, opened.seal(crypto::as_bytes(json), svc.clock.now()));
    response answer;
    answer.body = body.text();
    return answer;
}

response refuse_encrypted(services& svc, const request& req, const std::optional<encryption_parameters>& asked,
                          const kv::error_code& why, device_problem otherwise)
{
    const bool noise = why.category() == registry::category() && why != errc::illegal_change;
    if (!noise)
        return device_problem_or_storage(why, otherwise);
    const auto application =
        asked ? svc.directory.find_version(asked->application_key) : registry::directory::known_version{};
    return answer_noise(svc, req, asked ? asked->activation_id : std::nullopt, application.owner.get(),
                        problem(otherwise));
}

} // namespace doorward::handlers
