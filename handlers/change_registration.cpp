// POST /v2/registrations/{id}/commit, PUT and DELETE /v2/registrations/{id} (REGISTRATION-API.md R4, R5, R6)

#include "handlers/json_reader.hpp"
#include "handlers/otp_check.hpp"
#include "handlers/problem.hpp"
#include "handlers/proof_check.hpp"
#include "handlers/query.hpp"
#include "handlers/registration_access.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

using registry::move;
using registry::state;

struct change_request {
    move by = move::block;
    std::string reason;
    std::string external_user_id;
};

change_request decode_change(std::string_view text, std::vector<violation>& violations)
{
    change_request out;
    const auto body = parse_json(text, violations);
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
    return out;
}

// Moves the state and waits for the disk.
task<kv::error_code> move_state(services& svc, const registry::uuid& id, move by, registry::actor who,
                                std::string reason)
{
    const auto slot = find_slot(svc, id);
    auto change = registry::attempts::change_state(slot, by, std::move(who), std::move(reason), svc.clock.now());
    if (!change)
        co_return change.error();
    std::vector<registry::transition> steps;
    steps.push_back(std::move(*change));
    const auto ec = co_await commit_transitions(svc, std::move(steps));
    co_return ec;
}

response status_ok()
{
    response out;
    out.body = R"({"status":"OK"})";
    return out;
}

struct commit_request {
    std::optional<std::string> otp;
    std::string external_user_id;
};

commit_request decode_commit(std::string_view text, std::vector<violation>& violations)
{
    commit_request out;
    if (text.empty()) // clients that have nothing to say send no body
        return out;
    const auto body = parse_json(text, violations);
    if (!body)
        return out;
    out.otp = body->text("otp", {.characters_max = registry::otp_characters_max, .secret = true});
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    return out;
}

} // namespace

task<response> commit_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_commit(asked.req.body, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    if (found->current() != state::pending_commit)
        co_return problem(make_error_code(registry::errc::illegal_change));

    auto who = asked.actor(std::move(wanted.external_user_id));
    if (const auto ec = co_await check_otp(svc, *found, !found->record.otp_hash.empty(), wanted.otp, who))
        co_return problem(ec);
    if (const auto ec = co_await move_state(svc, found->record.id, move::commit, std::move(who), {}))
        co_return problem(ec);
    co_return status_ok();
}

task<response> change_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_change(asked.req.body, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    // Repeating a change is no error and records nothing; the first reason stays. What others do meanwhile decides the
    // move itself, so the present state is asked again when it turns out to be illegal.
    const state reached = wanted.by == move::block ? state::blocked : state::active;
    if (found->current() != reached) {
        if (wanted.by == move::block && wanted.reason.empty())
            wanted.reason = registry::reason::not_specified;
        auto who = asked.actor(std::move(wanted.external_user_id));
        const auto ec = co_await move_state(svc, found->record.id, wanted.by, std::move(who), wanted.reason);
        auto after = co_await load_registration(asked, svc);
        if (!after)
            co_return problem(after.error());
        if (ec && !(ec == registry::errc::illegal_change && after->current() == reached))
            co_return problem(ec);
        found = std::move(after);
    }
    response answer;
    answer.body = json_writer{}
                      .object()
                      .member("status", "OK")
                      .member("registrationStatus", to_text(found->current()))
                      .member_unless_empty("blockedReason", found->record.blocked_reason)
                      .end()
                      .text();
    co_return answer;
}

task<response> remove_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::string reason;
    std::string external_user_id;
    for (const auto& [name, value] : parse_query(asked.req.query).value_or(query_parameters{})) {
        if (name != "reason" && name != "externalUserId")
            continue;
        // Long enough for 255 characters of any alphabet.
        if (value.size() > 4 * registry::reason_characters_max)
            violations.push_back({name, "", "must not exceed 255 characters"});
        (name == "reason" ? reason : external_user_id) = value;
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    // Removing what is removed is no error and writes nothing.
    if (found->current() != state::removed) {
        auto who = asked.actor(std::move(external_user_id));
        const auto ec = co_await move_state(svc, found->record.id, move::remove, std::move(who), std::move(reason));
        if (ec && ec != registry::errc::illegal_change)
            co_return problem(ec);
    }
    co_return status_ok();
}

} // namespace doorward::handlers
