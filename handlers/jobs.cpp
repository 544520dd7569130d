// GET /v2/jobs, GET and DELETE /v2/jobs/{jobId} (REGISTRATION-API.md R15): how far a job has come, and its end before
// its time. Jobs are their makers' and those of admins.

#include "handlers/jobs.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"

#include <algorithm>
#include <functional>

namespace doorward::handlers {
namespace {

void write_job(json_writer& out, const registry::uuid& id, const registry::job& record)
{
    out.object()
        .member("jobId", id.text())
        .member("change", to_text(record.kind))
        .member("state", to_text(record.now))
        .member("matched", record.matched)
        .member("done", record.done)
        .member("skipped", record.skipped)
        .member("failedCount", record.failed)
        .key("failed")
        .array();
    for (const registry::job::failure& each : record.failures)
        out.object().member("registrationId", each.registration.text()).member("code", to_text(each.why)).end();
    out.end();
    write_actor(out, record.who);
    out.member("timestampCreated", record.created_at);
    if (record.finished_at != 0)
        out.member("timestampFinished", record.finished_at);
    out.end();
}

response job_answer(const registry::uuid& id, const registry::job& record)
{
    json_writer out;
    write_job(out, id, record);
    response answer;
    answer.body = out.text();
    return answer;
}

bool may_see(const registry::account& who, const registry::job& record)
{
    return who.its_role == registry::role::admin || who.username == record.who.account;
}

// The job that a path names, as the caller may see it.
std::optional<std::pair<registry::uuid, registry::job>> find_visible(const call& asked, const services& svc)
{
    const auto id = registry::uuid::parse(asked.first);
    auto found = id ? svc.journal.view([&](const registry::snapshot& txn) { return registry::find_job(txn, *id); })
                    : std::nullopt;
    if (!found || !may_see(*asked.who, *found))
        return std::nullopt;
    return std::pair{*id, *std::move(found)};
}

} // namespace

task<response> start_job(services& svc, registry::uuid id, registry::job record,
                         std::vector<registry::registration_number> targets)
{
    const auto matched = record.matched;
    registry::create_job change{id, std::move(record), std::move(targets)};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    response answer;
    answer.status = 202;
    answer.body = json_writer{}.object().member("jobId", id.text()).member("matched", matched).end().text();
    co_return answer;
}

task<response> list_jobs(const call& asked, services& svc)
{
    std::vector<std::pair<registry::uuid, registry::job>> found;
    svc.journal.view([&](const registry::snapshot& txn) {
        registry::scan_jobs(txn, [&](const registry::uuid& id, const registry::job& record) {
            if (may_see(*asked.who, record))
                found.emplace_back(id, record);
            return true;
        });
    });
    std::ranges::sort(found, std::greater{}, [](const auto& each) { return each.second.created_at; });
    json_writer out;
    out.object().key("jobs").array();
    for (const auto& [id, record] : found)
        write_job(out, id, record);
    response answer;
    answer.body = out.end().end().text();
    co_return answer;
}

task<response> show_job(const call& asked, services& svc)
{
    const auto found = find_visible(asked, svc);
    co_return found ? job_answer(found->first, found->second) : problem(make_error_code(registry::errc::job_not_found));
}

task<response> cancel_job(const call& asked, services& svc)
{
    const auto found = find_visible(asked, svc);
    if (!found)
        co_return problem(make_error_code(registry::errc::job_not_found));
    registry::cancel_job change{found->first, svc.clock.now(), std::nullopt};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    if (!change.result) // forgotten meanwhile
        co_return problem(make_error_code(registry::errc::job_not_found));
    co_return job_answer(found->first, *change.result);
}

} // namespace doorward::handlers
