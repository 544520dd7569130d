// GET /v2/registrations/{id}, GET /v2/registrations and GET /v2/registrations/{id}/children (REGISTRATION-API.md R3, R2
// and R16)

#include "handlers/criteria_json.hpp"
#include "handlers/permissions.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/registration_page.hpp"

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

} // namespace

task<response> show_registration(const call& asked, services& svc)
{
    const auto found = co_await load_registration(asked, svc);
    co_return found ? detail_answer(svc, *found) : problem(found.error());
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
