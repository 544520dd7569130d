// DELETE /v2/users/{userId} (REGISTRATION-API.md R18): all registrations of a user in all applications are removed, as
// a job. With mode=erase the user is also made unrecognisable in what stays (registry/erasure.hpp).

#include "handlers/criteria_json.hpp"
#include "handlers/jobs.hpp"
#include "handlers/problem.hpp"
#include "handlers/target_search.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

registry::job decode_removal(const call& asked, std::vector<violation>& violations)
{
    registry::job out;
    out.kind = registry::job_kind::remove_user;
    std::string external_user_id;
    if (!is_user_id(asked.first))
        violations.push_back({"userId", "", "must have 1 to 255 bytes"});
    for (const auto& [name, value] : decode_query(asked.req.query, violations)) {
        if (name == "mode" && value == "erase")
            out.kind = registry::job_kind::erase_user;
        else if (name == "mode" && value != "remove")
            violations.push_back({name, echo(value), "must be remove or erase"});
        if (name == "externalUserId")
            external_user_id = decode_text(name, value, registry::external_user_characters_max, violations);
    }
    out.who = asked.actor(std::move(external_user_id));
    return out;
}

} // namespace

task<response> remove_all_of_user(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto job = decode_removal(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const bool erases = job.kind == registry::job_kind::erase_user;
    target_question question;
    question.scan = [user = asked.first](const registry::snapshot& txn, registry::registration_number before,
                                         const auto& visit) { registry::scan_user(txn, user, before, visit); };
    question.visible = [](const registry::registration&) { return true; }; // admins see all
    question.criteria.removed = erases;                                    // there is something to forget in those, too
    auto found = co_await search_targets(svc, std::move(question));
    if (!found)
        co_return problem(found.error());
    if (!found->complete || found->matched > registry::job_targets_max)
        co_return problem(make_error_code(registry::errc::too_many_matched));

    const auto id = registry::uuid::random();
    job.reason = erases ? registry::reason::user_erased : registry::reason::user_removed;
    job.criteria.removed = true;
    if (erases)
        job.sealed_user = registry::seal_user(svc.sealer, id, asked.first);
    job.matched = static_cast<std::uint32_t>(found->matched);
    job.created_at = svc.clock.now();
    auto answer = co_await start_job(svc, id, std::move(job), std::move(found->numbers));
    co_return answer;
}

} // namespace doorward::handlers
