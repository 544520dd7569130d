// POST /v2/registrations/bulk (REGISTRATION-API.md R14): the same change for many registrations, as a job. Which ones
// is settled before the answer; the work is done afterwards (job_work.hpp).

#include "handlers/criteria_json.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/jobs.hpp"
#include "handlers/permissions.hpp"
#include "handlers/problem.hpp"
#include "handlers/target_search.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::job_kind;

struct bulk_request {
    registry::job job;
    std::optional<std::vector<registry::uuid>> ids; // in place of a filter
    std::vector<std::string> user_ids;              // of a filter
    std::size_t affected_max = 0;
    bool dry_run = false;
};

bool may_be_asked_for(job_kind kind)
{
    return kind != job_kind::remove_user && kind != job_kind::erase_user;
}

void decode_change(const json_object& body, registry::job& out)
{
    const auto text = body.text("change", {.bytes_max = 32, .required = true});
    const auto kind = text ? registry::parse_job_kind(*text) : std::nullopt;
    if (text && (!kind || !may_be_asked_for(*kind)))
        body.complain("change", "must be BLOCK, UNBLOCK, REMOVE, ADD_FLAGS or REMOVE_FLAGS", *text);
    out.kind = kind.value_or(job_kind::block);

    const bool wants_flags = out.kind == job_kind::add_flags || out.kind == job_kind::remove_flags;
    out.flags = decode_flags(body, "flags").value_or(registry::flag_set{});
    if (wants_flags && out.flags.empty())
        body.complain("flags", "is required with ADD_FLAGS and REMOVE_FLAGS");
    if (!wants_flags && body.has("flags"))
        body.complain("flags", "goes with ADD_FLAGS and REMOVE_FLAGS only");

    const auto blocked = body.text("blockedReason", {.characters_max = registry::reason_characters_max});
    const auto removed = body.text("reason", {.characters_max = registry::reason_characters_max});
    if (blocked && out.kind != job_kind::block)
        body.complain("blockedReason", "goes with BLOCK only", *blocked);
    if (removed && out.kind != job_kind::block && out.kind != job_kind::remove)
        body.complain("reason", "goes with BLOCK and REMOVE only", *removed);
    out.reason = blocked.value_or(removed.value_or(""));
    if (out.kind == job_kind::block && out.reason.empty())
        out.reason = registry::reason::not_specified;
}

void decode_filter(const json_object& filter, bulk_request& out)
{
    out.user_ids = decode_user_ids(filter);
    out.job.criteria = decode_criteria(filter);
    const bool names_removed =
        out.job.criteria.removed ||
        std::ranges::find(out.job.criteria.states, registry::state::removed) != out.job.criteria.states.end();
    if (names_removed)
        filter.complain("status", "what is REMOVED cannot be changed");
    if (filter.has("name"))
        filter.complain("name", "is not for changes: phones give themselves names");
    if (out.user_ids.empty() && out.job.criteria == registry::registration_criteria{})
        filter.complain("", "must say something");
}

bulk_request decode_bulk(const call& asked, std::vector<violation>& violations)
{
    bulk_request out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    decode_change(*body, out.job);
    if (body->has("registrationIds") == body->has("filter"))
        body->complain("filter", "either filter or registrationIds is required");
    out.ids = decode_registration_ids(*body);
    if (out.ids)
        out.job.criteria.removed = true; // whoever names it is told that it cannot be changed any more
    if (const auto filter = body->object("filter"))
        decode_filter(*filter, out);
    if (!body->has("maxAffected"))
        body->complain("maxAffected", "is required");
    out.affected_max = static_cast<std::size_t>(
        body->integer("maxAffected", 1, static_cast<std::int64_t>(registry::job_targets_max)).value_or(1));
    out.dry_run = body->boolean("dryRun").value_or(false);
    out.job.who = asked.actor(
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or(""));
    return out;
}

// Named ones in the order of their ids: each is looked at, so the order is of no importance. What is unknown or foreign
// goes to the failures of the job.
std::vector<registry::registration_number> find_named(const services& svc, const registry::account& who,
                                                      bulk_request& of)
{
    std::vector<registry::registration_number> out;
    svc.journal.view([&](const registry::snapshot& txn) {
        for (const registry::uuid& each : *of.ids) {
            const auto number = registry::find_number(txn, each);
            const auto record = number ? registry::find_registration(txn, *number) : std::nullopt;
            if (record && who.may_see(record->application_id))
                out.push_back(*number);
            else
                of.job.fail(each, registry::job_problem::not_found);
        }
    });
    return out;
}

registration_scan scan_of(const bulk_request& wanted)
{
    if (wanted.user_ids.empty())
        return registry::scan_registrations;
    return [users = wanted.user_ids](const registry::snapshot& txn, registry::registration_number before,
                                     const auto& visit) { registry::scan_users(txn, users, before, visit); };
}

task<kv::result<found_targets>> find_targets(const call& asked, services& svc, bulk_request& wanted)
{
    if (wanted.ids) {
        found_targets out;
        out.numbers = find_named(svc, *asked.who, wanted);
        out.matched = out.numbers.size();
        co_return out;
    }
    target_question question;
    question.scan = scan_of(wanted);
    question.visible = [who = asked.who](const registry::registration& record) {
        return who->may_see(record.application_id);
    };
    question.criteria = wanted.job.criteria;
    question.kept_max = wanted.affected_max;
    question.count_on = wanted.dry_run;
    auto out = co_await search_targets(svc, std::move(question));
    co_return out;
}

response dry_answer(const services& svc, const found_targets& found)
{
    json_writer out;
    out.object().member("matched", found.matched).key("sample").array();
    svc.journal.view([&](const registry::snapshot& txn) {
        for (std::size_t i = 0; i < std::min(found.numbers.size(), registry::bulk_sample_max); ++i) {
            if (const auto each = registry::find_full(txn, found.numbers[i]))
                write_list_row(out, svc, *each);
        }
    });
    response answer;
    answer.body = out.end().end().text();
    return answer;
}

} // namespace

task<response> change_many(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_bulk(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    if (wanted.job.kind == job_kind::remove && !may_remove(*asked.who))
        co_return problem(office_problem::forbidden);
    auto found = co_await find_targets(asked, svc, wanted);
    if (!found)
        co_return problem(found.error());
    if (!found->complete) {
        violations.push_back({"filter", "", "there are more registrations than can be searched; name users"});
        co_return problem(violations);
    }
    if (wanted.dry_run)
        co_return dry_answer(svc, *found);
    if (found->matched > wanted.affected_max)
        co_return problem(make_error_code(registry::errc::too_many_matched));
    wanted.job.matched = static_cast<std::uint32_t>(found->matched);
    wanted.job.created_at = svc.clock.now();
    const auto id = registry::uuid::random();
    auto answer = co_await start_job(svc, id, std::move(wanted.job), std::move(found->numbers));
    co_return answer;
}

} // namespace doorward::handlers
