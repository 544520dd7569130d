// GET and POST /api/registration: what the server knows of the phone that asks, for whoever has a token of it. A
// resource for reading: a token protects neither URL nor body.

#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/slots.hpp"
#include "handlers/token_check.hpp"

namespace doorward::handlers {
namespace {

constexpr registry::factors allowed[]{
    registry::factors::possession,
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};

} // namespace

task<response> show_own_registration(const call& asked, services& svc)
{
    const auto token = co_await require_token(svc, asked.req, allowed);
    if (!token)
        co_return device_problem_or_storage(token.error(), device_problem::token_invalid);
    const registry::registration& record = token->owner.record;
    const registry::counters& attempts = token->owner.attempts;
    const auto near = count_failures(svc, token->owner);
    co_return ok([&](json_writer& out) {
        out.member("registrationId", record.id.text())
            .member("registrationStatus", to_text(token->owner.current()))
            .member_unless_empty("name", record.name)
            .member_unless_empty("platform", record.platform)
            .member_unless_empty("deviceInfo", record.device_info)
            .member("flags", record.flags)
            .member("timestampCreated", record.created_at)
            .member("timestampLastUsed", attempts.last_used_at == 0 ? record.created_at : attempts.last_used_at)
            .member("maxFailedAttempts", record.max_failed_attempts)
            .member("failedAttempts", near.failed)
            .member("remainingAttempts", near.remaining);
    });
}

} // namespace doorward::handlers
