// POST /v2/registrations/{id}/commit, PUT and DELETE /v2/registrations/{id} (REGISTRATION-API.md R4, R5, R6)

#include "handlers/cascade.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/otp_check.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/start_registration.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

using registry::move;
using registry::state;

// A block that ended, and was there again, while it was being changed.
constexpr int block_rounds_max = 4;

struct change_request {
    move by = move::block;
    std::string reason;
    std::string external_user_id;
    bool cascade = false;                // block what was made from it, too
    registry::time_ms blocked_until = 0; // 0: until somebody ends it
};

change_request decode_change(const call& asked, registry::time_ms now, std::vector<violation>& violations)
{
    change_request out;
    const auto parameters = decode_query(asked.req.query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "cascade")
            out.cascade = decode_boolean(name, value, violations);
    }
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    const auto change = body->text("change", {.bytes_max = 32, .required = true});
    if (change == "UNBLOCK")
        out.by = move::unblock;
    else if (change && *change != "BLOCK")
        body->complain("change", "must be BLOCK or UNBLOCK", *change);
    const auto given = body->text("blockedReason", {.characters_max = registry::reason_characters_max});
    const auto alias =
        body->text("reason", {.characters_max = registry::reason_characters_max}); // newer clients may say so
    out.reason = given.value_or(alias.value_or(""));
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    out.cascade = body->boolean("cascade").value_or(out.cascade);
    if (out.cascade && out.by == move::unblock)
        body->complain("cascade", "goes with BLOCK only", "true");
    if (const auto until = body->integer("blockedUntil", now + 1, now + registry::temporary_block_max_ms)) {
        out.blocked_until = *until;
        if (out.by == move::unblock)
            body->complain("blockedUntil", "goes with BLOCK only", std::to_string(*until));
    }
    return out;
}

bool cascades(const services& svc, const registry::registration& of)
{
    const auto application = svc.directory.find_application(of.application_id);
    return application && application->settings.transfer.cascade_block;
}

// Blocks or unblocks. What is blocked for a time is blocked for another one, or for good, when that is asked for: a
// lockout that ends in five minutes must not keep an operator from blocking a stolen phone.
task<kv::result<move_result>> block_or_unblock(services& svc, registry::slot_ptr slot, wanted_move wanted)
{
    for (int round = 0; round < block_rounds_max; ++round) {
        wanted_move first = wanted;
        auto result = co_await move_state(svc, slot, std::move(first));
        const bool lasts_for_a_time = result && !result->moved && result->now == state::blocked &&
                                      wanted.by == move::block && slot->blocked_until() != 0;
        if (!lasts_for_a_time || slot->blocked_until() == wanted.blocked_until)
            co_return result;
        wanted_move longer = wanted;
        longer.by = move::change_block;
        result = co_await move_state(svc, slot, std::move(longer));
        if (!result || result->moved)
            co_return result;
        // It ended meanwhile.
    }
    co_return make_error_code(registry::errc::changed_meanwhile);
}

struct commit_request {
    std::optional<std::string> otp;
    std::string external_user_id;
};

commit_request decode_commit(const call& asked, std::vector<violation>& violations)
{
    commit_request out;
    if (asked.req.body.empty()) // clients that have nothing to say send no body
        return out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    out.otp = body->text("otp", {.characters_max = registry::otp_characters_max, .secret = true});
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    return out;
}

// One commit, with the one-time password as it is at the moment.
//
// errors  changed_meanwhile: it was replaced before the commit had an effect; the same request is to be judged again
task<kv::error_code> commit_once(const call& asked, services& svc, const registry::uuid& id,
                                 const commit_request& wanted)
{
    const auto slot = find_slot(svc, id);
    const auto edition = co_await settled_otp(svc, slot);
    if (!edition)
        co_return edition.error();
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return found.error();
    if (!registry::is_expected(found->attempts.word, asked.expected_versions()))
        co_return make_error_code(registry::errc::precondition_failed);
    if (found->current() != state::pending_commit)
        co_return make_error_code(registry::errc::illegal_change);

    const auto who = asked.actor(wanted.external_user_id);
    const bool otp_due = !found->record.otp_hash.empty();
    if (const auto ec = co_await check_otp(svc, *found, otp_due, wanted.otp, who, *edition))
        co_return ec;
    if (found->is_expired(svc.clock.now())) // while the password was being checked
        co_return make_error_code(registry::errc::illegal_change);
    std::optional<registry::binding> bound_already;
    auto expected = asked.expected;
    const auto committed = co_await start_registration(svc, found->record, slot, move::commit, who,
                                                       std::move(bound_already), *edition, std::move(expected));
    if (!committed)
        co_return committed.error();
    co_return committed->moved ? kv::error_code{} : make_error_code(registry::errc::illegal_change);
}

} // namespace

task<response> commit_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode_commit(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const registry::uuid id = found->record.id;
    auto ec = co_await commit_once(asked, svc, id, wanted);
    for (int replaced = 0; ec == registry::errc::changed_meanwhile && replaced < otp_replacements_max; ++replaced)
        ec = co_await commit_once(asked, svc, id, wanted);
    co_return ec ? problem(ec) : ok();
}

task<response> change_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_change(asked, svc.clock.now(), violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    const bool blocking = wanted.by == move::block;
    if (blocking && wanted.reason.empty())
        wanted.reason = registry::reason::not_specified;
    const auto who = asked.actor(std::move(wanted.external_user_id));
    const auto slot = find_slot(svc, found->record.id);
    wanted_move change{.by = wanted.by, .who = who, .reason = std::move(wanted.reason), .expected = asked.expected};
    change.blocked_until = wanted.blocked_until;
    const auto result = co_await block_or_unblock(svc, slot, std::move(change));
    if (!result)
        co_return problem(result.error());
    // Repeating a change is no error and records nothing; the first reason stays.
    if (!result->moved && result->now != (blocking ? state::blocked : state::active))
        co_return problem(make_error_code(registry::errc::illegal_change));

    json_writer out;
    out.object().member("status", "OK").member("registrationStatus", to_text(result->now));
    if (blocking) {
        const auto after = co_await load_registration(asked, svc); // for the reason, which may be an earlier one
        if (after)
            out.member_unless_empty("blockedReason", after->record.blocked_reason);
        if (after && after->record.blocked_until != 0)
            out.member("blockedUntil", after->record.blocked_until);
    }
    // Also when it was blocked already: a cascade that was cut short is made complete by asking again.
    if (blocking && (wanted.cascade || cascades(svc, found->record))) {
        const auto done = co_await block_descendants(svc, *found, who);
        if (!done)
            co_return problem(done.error());
        out.key("cascade")
            .object()
            .member("blocked", done->blocked)
            .member("removed", done->removed)
            .member("complete", done->complete)
            .end();
    }
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

task<response> remove_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::string reason;
    std::string external_user_id;
    const auto parameters = decode_query(asked.req.query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "reason")
            reason = decode_text(name, value, registry::reason_characters_max, violations);
        if (name == "externalUserId")
            external_user_id = decode_text(name, value, registry::external_user_characters_max, violations);
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    const auto slot = find_slot(svc, found->record.id);
    wanted_move removal{.by = move::remove,
                        .who = asked.actor(std::move(external_user_id)),
                        .reason = std::move(reason),
                        .expected = asked.expected};
    const auto result = co_await move_state(svc, slot, std::move(removal));
    if (!result) // removing what is removed is no error and writes nothing
        co_return problem(result.error());
    co_return ok();
}

} // namespace doorward::handlers
