#include "handlers/event_json.hpp"
#include "crypto/encoding.hpp"
#include "handlers/registration_access.hpp"

namespace doorward::handlers {
namespace {

using registry::administration_event;
using registry::registration_event;

void write_change(json_writer& to, const registration_event& change)
{
    to.member("registrationStatus", to_text(change.now));
    if (change.previous)
        to.member("previousStatus", to_text(*change.previous));
    to.member("version", change.version)
        .member_unless_empty("eventReason", change.reason)
        .member_unless_empty("blockedReason", change.blocked_reason);
    if (change.name)
        to.member_unless_empty("name", *change.name);
    to.member("flags", change.flags);
}

} // namespace

void write_event(json_writer& to, const registry::stored_event& what)
{
    const registry::event& told = what.what;
    const auto* change = told.of_registration();
    const auto* done = told.of_administration();
    to.object()
        .member("seq", what.place.sequence)
        .member("subject", to_text(change != nullptr ? registry::event_subject::registration : done->about))
        .member("event", told.type())
        .member_unless_empty("applicationId", told.application_id)
        .member_unless_empty("userId", told.user_id);
    if (change != nullptr) {
        to.member("registrationId", change->id.text());
        write_change(to, *change);
    } else {
        to.member("subjectId", done->subject).member_unless_empty("detail", done->detail);
    }
    write_actor(to, told.who);
    to.member("timestampCreated", told.at).member("hash", crypto::to_hex(what.place.digest)).end();
}

void write_audit_row(json_writer& to, const registry::stored_event& what)
{
    const registry::event& told = what.what;
    const auto* change = told.of_registration();
    const auto* done = told.of_administration();
    to.object().member("seq", what.place.sequence).member("eventType", told.type());
    if (change != nullptr)
        to.member("activationId", change->id.text()).member("registrationId", change->id.text());
    to.member_unless_empty("applicationId", told.application_id).member_unless_empty("userId", told.user_id);
    write_actor(to, told.who);
    to.key("eventData").object();
    if (change != nullptr)
        write_change(to, *change);
    else
        to.member("subject", to_text(done->about))
            .member("subjectId", done->subject)
            .member_unless_empty("detail", done->detail);
    to.end();
    to.member("timestamp", told.at).member("hash", crypto::to_hex(what.place.digest)).end();
}

} // namespace doorward::handlers
