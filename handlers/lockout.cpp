// GET and PUT /v2/registrations/{id}/lockout (REGISTRATION-API.md A6): how near a registration is to being blocked, and
// a clean count without unblocking.

#include "handlers/json_reader.hpp"
#include "handlers/precondition.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

response lockout_answer(const services& svc, const registry::full_registration& of)
{
    const auto near = count_failures(svc, of);
    json_writer out;
    out.object()
        .member("registrationId", of.record.id.text())
        .member("registrationStatus", to_text(of.current()))
        .member_unless_empty("blockedReason", of.record.blocked_reason)
        .member("maxFailedAttempts", of.record.max_failed_attempts)
        .member("failedAttempts", near.failed)
        .member("remainingAttempts", near.remaining)
        .member("failedKnowledge", near.knowledge)
        .member("failedBiometry", near.biometry)
        .member("blockLevel", of.attempts.refused.blocks);
    if (of.record.blocked_until != 0)
        out.member("blockedUntil", of.record.blocked_until);
    if (of.attempts.last_failed_at != 0)
        out.member("timestampLastFailure", of.attempts.last_failed_at);
    response answer;
    answer.headers.emplace_back("ETag", entity_tag(of.attempts.word.version()));
    answer.body = out.member("version", of.attempts.word.version()).end().text();
    return answer;
}

} // namespace

task<response> show_lockout(const call& asked, services& svc)
{
    const auto found = co_await load_registration(asked, svc);
    co_return found ? lockout_answer(svc, *found) : problem(found.error());
}

task<response> reset_lockout(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::string external_user_id;
    if (const auto body = parse_body(asked, violations)) {
        if (!body->boolean("reset").value_or(false))
            body->complain("reset", "must be true");
        external_user_id =
            body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    // What is 0 already is left alone: no history without a change.
    const auto slot = find_slot(svc, found->record.id);
    const auto word = slot->load();
    if (word.failed() > 0) {
        wanted_move forgetting{.by = registry::move::reset_attempts,
                               .who = asked.actor(std::move(external_user_id)),
                               .expected = asked.expected};
        const auto reset = co_await move_state(svc, slot, std::move(forgetting));
        if (!reset)
            co_return problem(reset.error());
        if (!reset->moved)
            co_return problem(make_error_code(registry::errc::illegal_change));
    } else {
        // The 0 may be somebody else's, and still on its way to the disk.
        if (const auto ec = co_await wait_until_durable(svc, slot, word.version()))
            co_return problem(ec);
        if (!registry::is_expected(word, asked.expected_versions()))
            co_return problem(make_error_code(registry::errc::precondition_failed));
        if (!registry::target(word.current(), registry::move::reset_attempts))
            co_return problem(make_error_code(registry::errc::illegal_change));
    }
    const auto after = co_await load_registration(asked, svc);
    co_return after ? lockout_answer(svc, *after) : problem(after.error());
}

} // namespace doorward::handlers
