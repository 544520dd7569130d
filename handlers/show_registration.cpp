// GET /v2/registrations/{id}, GET /v2/registrations?userId= and GET /v2/registrations/{id}/children
// (REGISTRATION-API.md R3, R2 and R16)

#include "handlers/precondition.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/registration_page.hpp"
#include "registry/past_state.hpp"

namespace doorward::handlers {
namespace {

struct list_request {
    std::string user_id;
    std::string application_id; // empty: all that the account sees
    registration_filter filter;
};

list_request decode_list(const call& asked, std::vector<violation>& violations)
{
    list_request out;
    const auto parameters = decode_query(asked.req.query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "userId") {
            out.user_id = value;
        } else if (name == "removed") {
            out.filter.removed = decode_boolean(name, value, violations);
        } else if (name == "appId") {
            out.application_id = value;
        } else if (name == "status") {
            const auto parsed = registry::parse_state(value);
            if (parsed) {
                out.filter.states.push_back(*parsed);
                out.filter.removed = out.filter.removed || *parsed == registry::state::removed;
            } else {
                violations.push_back({name, echo(value), "must be a registration status"});
            }
        }
    }
    out.filter.page = decode_page(parameters, violations);
    out.filter.visible = [who = asked.who, wanted = out.application_id](const registry::registration& record) {
        return who->may_see(record.application_id) && (wanted.empty() || wanted == record.application_id);
    };
    return out;
}

void require_user(const std::string& user, std::vector<violation>& violations)
{
    if (user.empty() || user.size() > registry::user_id_bytes_max || user.find('\0') != std::string::npos)
        violations.push_back({"userId", "", "is required: 1 to 255 bytes"});
}

task<response> answer_list(services& svc, registration_filter filter, registration_scan scan)
{
    registration_writer write = [&svc](json_writer& to, const registry::full_registration& each) {
        to.object();
        write_registration(to, svc, each, nullptr);
        to.end();
    };
    const auto page = co_await load_page(svc, std::move(filter), std::move(scan), std::move(write));
    if (!page)
        co_return problem(page.error());
    json_writer out;
    out.object().key("registrations").raw(page->rows);
    if (page->next)
        out.member("nextCursor", write_cursor(*page->next));
    response answer;
    answer.body = out.end().text();
    co_return answer;
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
    const auto application = svc.directory.find_application(found->record.application_id);
    json_writer out;
    out.object();
    // Whoever has the activation code can register a phone: it is for those only who may create one.
    const auto role = asked.who->its_role;
    const bool sees_code = role == registry::role::admin || role == registry::role::integration;
    write_registration(out, svc, *found, sees_code ? application.get() : nullptr);
    const auto children =
        svc.journal.view([&](const registry::snapshot& txn) { return registry::count_children(txn, found->number); });
    if (children > 0)
        out.member("childCount", children);
    response answer;
    answer.headers.emplace_back("ETag", entity_tag(found->attempts.word.version()));
    answer.body = out.end().text();
    co_return answer;
}

task<response> list_registrations(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_list(asked, violations);
    require_user(wanted.user_id, violations);
    if (!violations.empty())
        co_return problem(violations);
    registration_scan of_user =
        [user = std::move(wanted.user_id)](const registry::snapshot& txn, registry::registration_number before,
                                           const auto& visit) { registry::scan_user(txn, user, before, visit); };
    auto answer = co_await answer_list(svc, std::move(wanted.filter), std::move(of_user));
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
    auto answer = co_await answer_list(svc, std::move(wanted.filter), std::move(of_parent));
    co_return answer;
}

} // namespace doorward::handlers
