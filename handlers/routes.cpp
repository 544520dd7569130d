#include "handlers/routes.hpp"
#include "handlers/authenticate.hpp"
#include "handlers/console_page.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/idempotency.hpp"
#include "handlers/precondition.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"

#include <span>

namespace doorward::handlers {
namespace {

using registry::right;
using registry::role;

// Who may call what (REGISTRATION-API.md 8.2, 8.3 and 8.6). Beside that, everybody but an admin sees only what belongs
// to the applications of his account.
constexpr permission everybody{{}, {}}; // phones prove themselves in the request
constexpr permission admins{{role::admin}, {}};
constexpr permission back_offices{{role::admin, role::integration}, {}};
constexpr permission consoles{{role::admin, role::integration, role::human_operator}, {}};
constexpr permission removers{{role::admin, role::integration, role::human_operator}, right::remove};
constexpr permission auditors{{role::admin, role::auditor}, {}};
constexpr permission followers{{role::admin, role::integration, role::human_operator, role::auditor}, {}};
constexpr permission statisticians{{role::admin, role::auditor, role::metrics}, {}};
constexpr permission watchers{{role::admin, role::human_operator, role::auditor, role::metrics}, {}};
constexpr permission bulk_changers{{role::admin, role::human_operator}, right::bulk};
constexpr permission everyone_known{
    {role::admin, role::integration, role::human_operator, role::auditor, role::metrics}, {}};
constexpr permission readers{{role::admin, role::integration, role::human_operator, role::auditor}, {}};

struct endpoint {
    std::string_view method; // "*": the handler looks at it
    std::string_view path;   // {} stands for one segment
    permission callers;
    endpoint_handler* handler;
};

constexpr endpoint device_endpoints[]{
    {"*", "/pa/v3/signature/validate", everybody, validate_signature},
    {"POST", "/pa/v3/activation/status", everybody, activation_status},
    {"POST", "/pa/v3/status", everybody, device_status},
    {"POST", "/pa/v3/keystore/create", everybody, create_temporary_key},
    {"POST", "/pa/v3/activation/create", everybody, create_activation},
    {"POST", "/pa/v3/activation/remove", everybody, remove_activation},
    {"POST", "/pa/v3/token/create", everybody, create_token},
    {"POST", "/pa/v3/token/remove", everybody, remove_token},
    {"POST", "/pa/v3/vault/unlock", everybody, unlock_vault},
    {"POST", "/pa/v3/user/info", everybody, show_user_info},
    {"POST", "/pa/v3/upgrade/start", everybody, refuse_upgrade},
    {"POST", "/pa/v3/upgrade/commit", everybody, refuse_upgrade},
    {"POST", "/pa/v3/recovery/confirm", everybody, refuse_recovery},
    {"GET", "/api/registration", everybody, show_own_registration},
    {"POST", "/api/registration", everybody, show_own_registration}, // as phones ask, who POST everything
    {"POST", "/api/activation/code", everybody, request_activation_code},
    {"POST", "/api/registration/pin-changed", everybody, record_pin_change},
    {"POST", "/api/registration/rename", everybody, rename_own_registration},
    {"POST", "/api/registrations/list", everybody, list_own_registrations},
    {"POST", "/api/registrations/remove", everybody, remove_own_registration},
    {"GET", "/health", everybody, show_readiness},
    {"GET", "/health/live", everybody, show_liveness},
    {"GET", "/health/ready", everybody, show_readiness},
};

constexpr endpoint office_endpoints[]{
    {"POST", "/v2/signature/verify", back_offices, verify_signature},
    {"POST", "/v2/signature/offline/verify", back_offices, verify_offline_signature},
    {"POST", "/v2/signature/ecdsa/verify", back_offices, verify_device_signature},
    {"POST", "/v2/signature/offline/personalized/create", back_offices, create_personalized_payload},
    {"POST", "/v2/signature/offline/non-personalized/create", back_offices, create_plain_payload},
    {"POST", "/v2/token/verify", back_offices, verify_token},
    {"GET", "/v2/registrations/{}", readers, show_registration},
    {"GET", "/v2/registrations", readers, list_registrations},
    {"POST", "/v2/registrations", back_offices, create_registration},
    {"POST", "/v2/registrations/{}/commit", back_offices, commit_registration},
    {"POST", "/v2/registrations/lookup", consoles, lookup_registrations},
    {"POST", "/v2/registrations/bulk", bulk_changers, change_many},
    {"PUT", "/v2/registrations/{}", consoles, change_registration},
    {"PATCH", "/v2/registrations/{}", back_offices, edit_registration},
    {"DELETE", "/v2/registrations/{}", removers, remove_registration},
    {"POST", "/v2/registrations/{}/transfer", back_offices, transfer_registration},
    {"GET", "/v2/registrations/{}/activation-qr", back_offices, show_activation_qr},
    {"GET", "/v2/registrations/{}/children", readers, list_children},
    {"PUT", "/v2/registrations/{}/otp", back_offices, replace_otp},
    {"GET", "/v2/registrations/{}/history", readers, registration_history},
    {"GET", "/v2/registrations/{}/explain", consoles, explain_registration},
    {"PUT", "/v2/registrations/{}/name", consoles, rename_registration},
    {"GET", "/v2/registrations/{}/flags", readers, show_flags},
    {"POST", "/v2/registrations/{}/flags", back_offices, add_flags},
    {"PUT", "/v2/registrations/{}/flags", back_offices, replace_flags},
    {"DELETE", "/v2/registrations/{}/flags", back_offices, remove_flags},
    {"POST", "/v2/registrations/{}/attempts", back_offices, report_attempt},
    {"GET", "/v2/registrations/{}/attempts", readers, registration_attempts},
    {"POST", "/v2/attempts", back_offices, report_attempts},
    {"GET", "/v2/registrations/{}/lockout", readers, show_lockout},
    {"PUT", "/v2/registrations/{}/lockout", consoles, reset_lockout},
    {"GET", "/v2/jobs", bulk_changers, list_jobs},
    {"GET", "/v2/jobs/{}", bulk_changers, show_job},
    {"DELETE", "/v2/jobs/{}", bulk_changers, cancel_job},
    {"GET", "/v2/users", readers, find_users},
    {"DELETE", "/v2/users/{}", admins, remove_all_of_user},
    {"PUT", "/v2/users/{}/claims", back_offices, set_user_claims},
    {"GET", "/v2/users/{}/claims", back_offices, show_user_claims},
    {"DELETE", "/v2/users/{}/claims", back_offices, remove_user_claims},
    {"GET", "/v2/events", followers, list_events},
    {"GET", "/v2/events/stream", followers, stream_events},
    {"GET", "/v2/audit/log", auditors, audit_log},
    {"GET", "/audit/log", auditors, audit_log},
    {"GET", "/v2/audit/checkpoint", auditors, audit_checkpoint},
    {"GET", "/v2/stats", statisticians, show_stats},
    {"GET", "/v2/stats/live", watchers, show_live_stats},
    {"GET", "/metrics", statisticians, show_metrics},
    {"POST", "/admin/applications", admins, create_application},
    {"GET", "/admin/applications", admins, list_applications},
    {"GET", "/admin/applications/{}", admins, show_application},
    {"PATCH", "/admin/applications/{}", admins, change_application},
    {"GET", "/admin/applications/{}/lockout-policy", admins, show_lockout_policy},
    {"PUT", "/admin/applications/{}/lockout-policy", admins, put_lockout_policy},
    {"POST", "/admin/applications/{}/lockout-policy/simulate", admins, simulate_lockout},
    {"POST", "/admin/applications/{}/versions", admins, create_application_version},
    {"PUT", "/admin/applications/{}/versions/{}", admins, support_application_version},
    {"DELETE", "/admin/applications/{}", admins, remove_application},
    {"GET", "/admin/applications/{}/versions/{}/sdk-config", admins, show_sdk_config},
    {"POST", "/admin/applications/{}/master-keys", admins, create_master_key},
    {"PUT", "/admin/applications/{}/master-keys/{}", admins, sign_with_master_key},
    {"DELETE", "/admin/applications/{}/master-keys/{}", admins, remove_master_key},
    {"POST", "/admin/backup", admins, make_backup},
    {"GET", "/admin/backup", admins, show_backup},
    {"POST", "/admin/users", admins, create_user},
    {"GET", "/admin/users", admins, list_users},
    {"GET", "/admin/users/{}", admins, show_user},
    {"PATCH", "/admin/users/{}", admins, change_user},
    {"DELETE", "/admin/users/{}", admins, remove_user},
    {"POST", "/admin/users/{}/rotate", admins, rotate_user},
    {"POST", "/admin/users/{}/applications/{}", admins, assign_user},
    {"DELETE", "/admin/users/{}/applications/{}", admins, unassign_user},
    {"POST", "/admin/users/{}/tokens", admins, create_account_token},
    {"GET", "/admin/users/{}/tokens", admins, list_account_tokens},
    {"DELETE", "/admin/users/{}/tokens", admins, remove_account_tokens},
    {"DELETE", "/admin/users/{}/tokens/{}", admins, remove_account_token},
    {"POST", "/admin/applications/{}/callbacks", back_offices, create_webhook},
    {"GET", "/admin/applications/{}/callbacks", back_offices, list_webhooks},
    {"GET", "/admin/applications/{}/callbacks/{}", back_offices, show_webhook},
    {"PUT", "/admin/applications/{}/callbacks/{}", back_offices, put_webhook},
    {"DELETE", "/admin/applications/{}/callbacks/{}", back_offices, remove_webhook},
    {"POST", "/admin/applications/{}/callbacks/{}/rotate", back_offices, rotate_webhook},
    {"POST", "/admin/applications/{}/callbacks/{}/test", back_offices, try_webhook},
    {"GET", "/admin/applications/{}/callbacks/{}/deliveries", back_offices, list_deliveries},
    {"POST", "/admin/applications/{}/callbacks/{}/deliveries/{}/redeliver", back_offices, deliver_again},
    {"POST", "/console/session", everybody, sign_in}, // it proves who it is in the body
    {"GET", "/console/session", everyone_known, show_session},
    {"DELETE", "/console/session", everybody, sign_out},
    {"GET", "/openapi.json", everybody, show_openapi},
    {"GET", "/docs", everybody, show_docs},
    {"GET", "/docs/docs.js", everybody, show_docs_script},
    {"GET", "/docs/docs.css", everybody, show_docs_style},
    {"GET", "/health", everybody, show_readiness},
    {"GET", "/health/live", everybody, show_liveness},
    {"GET", "/health/ready", everybody, show_readiness},
};

std::span<const endpoint> table_of(side which) noexcept
{
    return which == side::device ? std::span<const endpoint>{device_endpoints}
                                 : std::span<const endpoint>{office_endpoints};
}

// Clients of PowerAuth Cloud have this in their base URL.
constexpr std::string_view cloud_prefix = "/powerauth-cloud";

// What PowerAuth Cloud has under /admin, newer clients look for under /v2/admin.
constexpr std::string_view admin_prefix = "/admin/";
constexpr std::string_view newer_admin_prefix = "/v2/admin/";

// The segments of `path` that stand for the holes of `pattern`; empty when it does not match. No
// pattern has more than three.
struct segments {
    std::string_view values[3];
    std::size_t count = 0;
};
std::optional<segments> match(std::string_view pattern, std::string_view path)
{
    segments found;
    for (;;) {
        const auto hole = pattern.find("{}");
        if (hole == std::string_view::npos)
            return pattern == path ? std::optional{found} : std::nullopt;
        if (path.substr(0, hole) != pattern.substr(0, hole))
            return std::nullopt;
        pattern.remove_prefix(hole + 2);
        path.remove_prefix(hole);
        const std::string_view segment = path.substr(0, path.find('/'));
        if (segment.empty())
            return std::nullopt;
        found.values[found.count++] = segment;
        path.remove_prefix(segment.size());
    }
}

} // namespace

registry::actor call::actor(std::string external_user_id) const
{
    registry::actor out;
    if (who)
        out.account = who->username;
    out.external_user_id = external_user_id.empty() ? std::string{req.external_user} : std::move(external_user_id);
    return out;
}

bool permission::allows(const registry::account& who) const noexcept
{
    const bool lacks_right =
        operators_right && who.its_role == role::human_operator && !who.rights.has(*operators_right);
    return roles.has(who.its_role) && !lacks_right;
}

std::vector<route_description> list_routes(side which)
{
    std::vector<route_description> out;
    for (const endpoint& each : table_of(which))
        out.push_back({each.method, each.path, each.callers});
    return out;
}

task<response> route(side which, const request& req, services& svc)
{
    std::string_view path = req.path;
    if (which == side::office && path.starts_with(cloud_prefix) && path.substr(cloud_prefix.size()).starts_with('/'))
        path.remove_prefix(cloud_prefix.size());
    if (which == side::office && path.starts_with(newer_admin_prefix)) // the same under /v2
        path.remove_prefix(newer_admin_prefix.size() - admin_prefix.size());

    if (which == side::office && is_console_page(path))
        co_return console_page(req, path);

    call asked{req, {}, {}, nullptr};
    const endpoint* found = nullptr;
    segments holes;
    std::string allowed;
    for (const endpoint& candidate : table_of(which)) {
        const auto matched = match(candidate.path, path);
        if (!matched)
            continue;
        if (candidate.method == "*" || candidate.method == req.method) {
            found = &candidate;
            holes = *matched;
            break;
        }
        allowed += allowed.empty() ? "" : ", ";
        allowed += candidate.method;
    }
    if (found == nullptr && allowed.empty())
        co_return problem(office_problem::not_found);
    if (found == nullptr) {
        response out = problem(office_problem::method_not_allowed);
        out.headers.emplace_back("Allow", std::move(allowed));
        co_return out;
    }

    const auto told = [&](response answer) { // for the log
        answer.route = found->path;
        answer.asked_by = asked.who;
        return answer;
    };
    bool once = false; // is it a request that is remembered, to be carried out once?
    if (!found->callers.is_open()) {
        asked.who = find_bearer(req, svc);
        if (!asked.who)
            asked.who = find_session_owner(req, svc);
        if (!asked.who && !names_bearer(req)) {
            const auto shown = co_await authenticate(req, svc);
            if (!shown)
                co_return told(problem(shown.error()));
            if (shown->wait_ms > 0)
                co_return told(too_many_sign_ins(shown->wait_ms));
            asked.who = shown->who;
        }
        if (!asked.who)
            co_return told(is_of_console(req) ? not_signed_in() : problem(office_problem::unauthorized));
        if (!found->callers.allows(*asked.who))
            co_return told(problem(office_problem::forbidden));
        // What is no text of a name names nothing.
        asked.first = percent_decode(holes.values[0], false).value_or("");
        asked.second = percent_decode(holes.values[1], false).value_or("");
        asked.third = percent_decode(holes.values[2], false).value_or("");
        std::vector<violation> violations;
        if (!is_clean_text(req.external_user, registry::external_user_characters_max))
            violations.push_back(
                {"X-External-User", "", "must be UTF-8 without control characters, at most 255 characters"});
        asked.expected = decode_if_match(req.if_match, violations);
        if (!violations.empty())
            co_return told(problem(violations));
        if (svc.office_manners.strict_json)
            asked.unknown = unknown_members::refused;
        once = req.method == "POST" && !req.idempotency_key.empty();
    }
    auto pending = once ? run_once(asked, path, found->handler, svc) : found->handler(asked, svc);
    response answer = co_await std::move(pending);
    if (which == side::office && answer.rest_status != 0 && svc.office_manners.statuses == status_style::rest)
        answer.status = answer.rest_status;
    co_return told(std::move(answer));
}

} // namespace doorward::handlers
