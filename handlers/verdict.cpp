#include "handlers/verdict.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "handlers/text.hpp"

namespace doorward::handlers {

namespace {

std::string_view member_for(verdict_on subject)
{
    return subject == verdict_on::token ? "tokenValid" : "signatureValid";
}

} // namespace

response tell_verdict(const services& svc, const registry::full_registration& on, const verdict& what,
                      verdict_on subject)
{
    const registry::registration& record = on.record;
    const auto missing = registry::missing_flags(what.required_flags, record.flags);
    json_writer out;
    out.object()
        .member(member_for(subject), what.valid && missing.empty())
        .member("userId", record.user_id)
        .member("registrationId", record.id.text())
        .member("registrationStatus", to_text(on.current()));
    if (what.type)
        out.member("signatureType", upper(to_text(*what.type)));
    const auto application = svc.directory.find_application(record.application_id);
    if (!application || application->settings.hint_remaining_attempts)
        out.member("remainingAttempts", count_failures(svc, on).remaining);
    out.member_unless_empty("blockedReason", record.blocked_reason);
    if (record.blocked_until != 0 && (!application || application->settings.hint_blocked_until))
        out.member("blockedUntil", record.blocked_until);
    out.member("flags", record.flags);
    if (what.valid && !missing.empty())
        out.member("missingFlags", missing);
    out.key("application").object().member("id", record.application_id);
    if (application)
        out.member("roles", application->settings.roles);
    response answer;
    answer.body = out.end().end().text();
    return answer;
}

task<response> tell_verdict(services& svc, registry::uuid id, verdict what, verdict_on subject)
{
    const auto found = co_await find_current(svc, id);
    if (!found)
        co_return problem(found.error());
    co_return tell_verdict(svc, *found, what, subject);
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
