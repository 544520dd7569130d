#include "handlers/verdict.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/text.hpp"

namespace doorward::handlers {

namespace {

std::string_view member_for(verdict_on subject)
{
    return subject == verdict_on::token ? "tokenValid" : "signatureValid";
}

} // namespace

task<response> tell_verdict(services& svc, registry::slot_ptr slot, verdict what, verdict_on subject)
{
    // What is on the disk by now; never older than what the verdict was based on.
    const auto found = co_await find_current(svc, slot->owner.id);
    if (!found)
        co_return problem(found.error());
    json_writer out;
    out.object()
        .member(member_for(subject), what.valid)
        .member("userId", found->record.user_id)
        .member("registrationId", slot->owner.id.text())
        .member("registrationStatus", to_text(found->current()));
    if (what.type)
        out.member("signatureType", upper(to_text(*what.type)));
    out.member("remainingAttempts", slot->limits.max_failed - found->attempts.word.failed())
        .member_unless_empty("blockedReason", found->record.blocked_reason)
        .member("flags", found->record.flags);
    const auto application = svc.directory.find_application(slot->owner.application_id);
    out.key("application").object().member("id", slot->owner.application_id);
    if (application)
        out.member("roles", application->settings.roles);
    response answer;
    answer.body = out.end().end().text();
    co_return answer;
}

response unknown_verdict(verdict_on subject)
{
    response out;
    out.body = json_writer{}
                   .object()
                   .member(member_for(subject), false)
                   .member("registrationStatus", to_text(registry::state::removed))
                   .end()
                   .text();
    return out;
}

} // namespace doorward::handlers
