// POST /v2/registrations/lookup (REGISTRATION-API.md R13): the registrations of many users, or many registrations, in
// one request. Newest first, whatever the order of the question; what is unknown or foreign is absent.

#include "handlers/criteria_json.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_page.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

struct lookup_request {
    std::vector<std::string> user_ids;
    std::optional<std::vector<registry::uuid>> registration_ids; // in place of users
    registration_filter filter;
};

lookup_request decode_lookup(const call& asked, std::vector<violation>& violations)
{
    lookup_request out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    out.user_ids = decode_user_ids(*body);
    out.registration_ids = decode_registration_ids(*body);
    if (body->has("userIds") == body->has("registrationIds"))
        body->complain("userIds", "either userIds or registrationIds is required");
    out.filter.criteria = decode_criteria(*body);
    out.filter.page = decode_page(*body);
    out.filter.visible = [who = asked.who](const registry::registration& record) {
        return who->may_see(record.application_id);
    };
    return out;
}

registration_scan scan_ids(std::vector<registry::uuid> ids)
{
    return
        [ids = std::move(ids)](const registry::snapshot& txn, registry::registration_number before, const auto& visit) {
            std::vector<registry::registration_number> numbers;
            for (const registry::uuid& each : ids) {
                const auto number = registry::find_number(txn, each);
                if (number && (before == 0 || *number < before))
                    numbers.push_back(*number);
            }
            std::ranges::sort(numbers, std::greater{});
            for (const registry::registration_number each : numbers) {
                if (!visit(each))
                    return;
            }
        };
}

registration_scan scan_of(lookup_request& wanted)
{
    if (wanted.registration_ids)
        return scan_ids(*std::move(wanted.registration_ids));
    return [users = std::move(wanted.user_ids)](const registry::snapshot& txn, registry::registration_number before,
                                                const auto& visit) { registry::scan_users(txn, users, before, visit); };
}

} // namespace

task<response> lookup_registrations(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_lookup(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto scan = scan_of(wanted);
    auto answer = co_await answer_page(svc, std::move(wanted.filter), std::move(scan));
    co_return answer;
}

} // namespace doorward::handlers
