#include "handlers/webhook_message.hpp"
#include "handlers/json_writer.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using attribute = registry::webhook_attribute;
using authentication = registry::webhook_authentication;

// An event and what else receivers are told of its registration.
struct told_event {
    registry::event_sequence sequence = 0;
    registry::event what;
    registry::registration about;
    std::string name; // of the phone, as of then
    bool is_test = false;
};

std::string write_payload(const registry::webhook& to, const told_event& told)
{
    const auto& change = *told.what.of_registration();
    json_writer out;
    out.object().member("type", to_text(to.settings.payload)).member("activationId", change.id.text());
    const auto asked = [&to](attribute what) { return to.settings.attributes.has(what); };
    const auto text = [&](attribute what, std::string_view value) {
        if (asked(what))
            out.member_unless_empty(to_text(what), value);
    };
    text(attribute::user_id, told.about.user_id);
    text(attribute::activation_name, told.name);
    text(attribute::device_info, told.about.device_info);
    text(attribute::platform, told.about.platform);
    text(attribute::protocol, "POWERAUTH");
    if (asked(attribute::activation_flags))
        out.member(to_text(attribute::activation_flags), told.about.flags);
    text(attribute::activation_status, to_text(change.now));
    text(attribute::blocked_reason, change.blocked_reason);
    text(attribute::application_id, told.what.application_id);
    if (asked(attribute::event_seq) && !told.is_test)
        out.member(to_text(attribute::event_seq), told.sequence);
    if (asked(attribute::timestamp))
        out.member(to_text(attribute::timestamp), told.what.at);
    if (change.previous)
        text(attribute::previous_status, to_text(*change.previous));
    text(attribute::event_reason, change.reason);
    text(attribute::external_user_id, told.what.who.external_user_id);
    if (asked(attribute::version))
        out.member(to_text(attribute::version), change.version);
    if (told.is_test)
        out.member("test", true);
    return out.end().text();
}

// Everything but who is asked and with which credentials.
std::optional<told_event> read_told_event(const services& svc, registry::event_sequence sequence)
{
    return svc.journal.view([&](const registry::snapshot& txn) -> std::optional<told_event> {
        auto found = registry::find_event(txn, sequence);
        if (!found || found->what.of_registration() == nullptr)
            return std::nullopt;
        told_event out;
        out.sequence = sequence;
        const auto& change = *found->what.of_registration();
        if (auto record = registry::find_registration(txn, change.number))
            out.about = *std::move(record);
        registry::scan_history(txn, change.number, change.version + 1, [&](const registry::history_row& row) {
            if (row.version == change.version)
                out.name = row.name;
            return false;
        });
        out.what = std::move(found->what);
        return out;
    });
}

void add_credentials(const services& svc, const registry::webhook& to, webhook_message& out)
{
    if (to.settings.authentication == authentication::none)
        return;
    crypto::secret_bytes opened = registry::open_webhook_credentials(svc.sealer, to);
    switch (to.settings.authentication) {
    case authentication::none:
        break;
    case authentication::basic: {
        const auto name = crypto::as_bytes(to.settings.username);
        out.credentials = crypto::secret_bytes{name.size() + 1 + opened.size()};
        crypto::byte* const at = std::ranges::copy(name, out.credentials.data()).out;
        *at = ':';
        std::ranges::copy(opened.view(), at + 1);
        out.call.basic = out.credentials.view();
        break;
    }
    case authentication::bearer:
        out.credentials = std::move(opened);
        out.call.bearer = out.credentials.view();
        break;
    case authentication::certificate:
        out.certificate = crypto::client_certificate::parse(to.settings.certificates, opened.view());
        if (!out.certificate)
            throw registry::record_fault{"a webhook whose certificate cannot be used"};
        out.call.certificate = &*out.certificate;
        break;
    }
}

std::unique_ptr<webhook_message> write_message(const services& svc, const registry::webhook& to, const told_event& told,
                                               const registry::uuid& id, registry::time_ms now)
{
    auto out = std::make_unique<webhook_message>();
    const auto where = registry::parse_provider_url(to.settings.url);
    if (!where)
        throw registry::record_fault{"a webhook that leads nowhere"};
    out->call.to = *where;
    out->call.timeout = std::chrono::milliseconds{registry::webhook_timeout_ms};
    out->call.body = write_payload(to, told);
    add_credentials(svc, to, *out);

    std::vector<crypto::secret_bytes> secrets;
    secrets.push_back(registry::open_webhook_secret(svc.sealer, to.id, to.sealed_secret));
    if (!to.sealed_old_secret.empty() && now < to.old_secret_until)
        secrets.push_back(registry::open_webhook_secret(svc.sealer, to.id, to.sealed_old_secret));
    const std::string key = id.text();
    const std::string name = "msg_" + key;
    const std::int64_t seconds = now / 1000;
    out->call.headers = {{"webhook-id", name},
                         {"webhook-timestamp", std::to_string(seconds)},
                         {"webhook-signature", registry::sign_webhook(secrets, name, seconds, out->call.body)},
                         {"Idempotency-Key", key}};
    if (!told.is_test)
        out->call.headers.emplace_back("X-Doorward-Event-Seq", std::to_string(told.sequence));
    return out;
}

} // namespace

std::unique_ptr<webhook_message> make_webhook_message(const services& svc, const registry::webhook& to,
                                                      registry::event_sequence sequence, registry::time_ms now)
{
    const auto told = read_told_event(svc, sequence);
    return told ? write_message(svc, to, *told, registry::delivery_id(to.id, sequence), now) : nullptr;
}

std::unique_ptr<webhook_message> make_webhook_test(const services& svc, const registry::webhook& to,
                                                   registry::time_ms now)
{
    told_event told;
    told.is_test = true;
    registry::registration_event change;
    change.version = 3;
    change.by = registry::move::commit;
    change.previous = registry::state::pending_commit;
    change.now = registry::state::active;
    told.what = {now, to.application_id, "test", {}, std::move(change)};
    told.about.user_id = "test";
    told.about.platform = "unknown";
    told.about.device_info = "test";
    told.name = "test";
    return write_message(svc, to, told, registry::uuid::random(), now);
}

registry::delivery_failure to_delivery_failure(outgoing_failure what) noexcept
{
    using registry::delivery_failure;
    switch (what) {
    case outgoing_failure::none:
        return delivery_failure::none;
    case outgoing_failure::unresolved:
        return delivery_failure::unresolved;
    case outgoing_failure::unreachable:
        return delivery_failure::unreachable;
    case outgoing_failure::untrusted:
        return delivery_failure::untrusted;
    case outgoing_failure::closed:
        return delivery_failure::closed;
    case outgoing_failure::malformed:
        return delivery_failure::malformed;
    case outgoing_failure::too_large:
        return delivery_failure::too_large;
    case outgoing_failure::timed_out:
        return delivery_failure::timed_out;
    }
    return delivery_failure::unusable;
}

} // namespace doorward::handlers
