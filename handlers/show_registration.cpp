// GET /v2/registrations/{id}, GET /v2/registrations and GET /v2/registrations/{id}/children (REGISTRATION-API.md R3, R2
// and R16)

#include "handlers/criteria_json.hpp"
#include "handlers/permissions.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/registration_page.hpp"
#include "registry/past_state.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

struct list_request {
    std::optional<std::string> user_id;
    registration_filter filter;
};

list_request decode_list(const call& asked, std::vector<violation>& violations)
{
    list_request out;
    const auto parameters = decode_query(asked.req.query, violations);
    const auto user = std::ranges::find(parameters, "userId", &query_parameters::value_type::first);
    if (user != parameters.end())
        out.user_id = user->second;
    out.filter.criteria = decode_criteria(parameters, violations);
    out.filter.page = decode_page(parameters, violations);
    out.filter.visible = [who = asked.who](const registry::registration& record) {
        return who->may_see(record.application_id);
    };
    return out;
}

void check_user(const std::optional<std::string>& user_id, const registry::account& who,
                std::vector<violation>& violations)
{
    if (user_id ? !is_user_id(*user_id) : !may_list_everybody(who))
        violations.push_back({"userId", "", "is required: 1 to 255 bytes"});
}

// Of one user, or of all.
registration_scan scan_of(std::optional<std::string> user_id)
{
    if (!user_id)
        return registry::scan_registrations;
    return [user = *std::move(user_id)](const registry::snapshot& txn, registry::registration_number before,
                                        const auto& visit) { registry::scan_user(txn, user, before, visit); };
}

std::optional<registry::time_ms> decode_at(std::string_view query, std::vector<violation>& violations)
{
    std::optional<registry::time_ms> out;
    for (const auto& [name, value] : decode_query(query, violations)) {
        if (name == "at")
            out = decode_number(name, value, 0, std::numeric_limits<registry::time_ms>::max(), violations);
    }
    return out;
}

// What it was at some time in the past.
task<response> show_past(services& svc, const registry::full_registration& what, registry::time_ms at)
{
    auto read = [&svc, number = what.number, record = what.record, at] {
        return svc.journal.view(
            [&](const registry::snapshot& txn) { return registry::find_past_state(txn, number, record, at); });
    };
    const auto then = co_await read_aside(svc, std::move(read));
    if (!then)
        co_return problem(then.error());
    if (!*then) // it did not exist yet
        co_return problem(registry::errc::registration_not_found);
    const registry::registration& record = what.record;
    const registry::past_state& was = **then;
    json_writer out;
    out.object()
        .member("at", at)
        .member("registrationId", record.id.text())
        .member("userId", record.user_id)
        .member("applicationId", record.application_id)
        .member("registrationStatus", to_text(was.now))
        .member_unless_empty("blockedReason", was.blocked_reason)
        .member_unless_empty("name", was.name)
        .member("flags", was.flags)
        .member("timestampCreated", record.created_at)
        .member("timestampLastChange", was.changed_at)
        .member("maxFailedAttempts", record.max_failed_attempts)
        .member("commitPhase", to_text(record.phase))
        .member("version", was.version);
    if (record.origin)
        out.member("parentRegistrationId", record.origin->parent.text())
            .member("transferType", to_text(record.origin->type));
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

} // namespace

task<response> show_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto at = decode_at(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    if (at) {
        auto then = co_await show_past(svc, *found, *at);
        co_return then;
    }
    co_return detail_answer(svc, *found, *asked.who);
}

task<response> list_registrations(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_list(asked, violations);
    check_user(wanted.user_id, *asked.who, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto scan = scan_of(std::move(wanted.user_id));
    auto answer = co_await answer_page(svc, std::move(wanted.filter), std::move(scan));
    co_return answer;
}

task<response> list_children(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_list(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto parent = co_await load_registration(asked, svc);
    if (!parent)
        co_return problem(parent.error());
    registration_scan of_parent = [number = parent->number](const registry::snapshot& txn,
                                                            registry::registration_number before, const auto& visit) {
        registry::scan_children(txn, number, before, visit);
    };
    auto answer = co_await answer_page(svc, std::move(wanted.filter), std::move(of_parent));
    co_return answer;
}

} // namespace doorward::handlers
