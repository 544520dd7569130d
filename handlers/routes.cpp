#include "handlers/routes.hpp"
#include "handlers/authenticate.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"

#include <span>

namespace doorward::handlers {
namespace {

enum class access {
    open,  // phones prove themselves in the request
    admin, // an account with the role admin
    office // any account; what it sees depends on its applications
};

struct endpoint {
    std::string_view method; // "*": the handler looks at it
    std::string_view path;   // {} stands for one segment
    access needs;
    task<response> (*handler)(const call&, services&);
};

constexpr endpoint device_endpoints[]{
    {"*", "/pa/v3/signature/validate", access::open, validate_signature},
    {"POST", "/pa/v3/activation/status", access::open, activation_status},
    {"POST", "/pa/v3/status", access::open, device_status},
    {"POST", "/pa/v3/keystore/create", access::open, create_temporary_key},
    {"POST", "/pa/v3/activation/create", access::open, create_activation},
    {"POST", "/pa/v3/activation/remove", access::open, remove_activation},
    {"POST", "/pa/v3/token/create", access::open, create_token},
    {"POST", "/pa/v3/token/remove", access::open, remove_token},
    {"POST", "/pa/v3/vault/unlock", access::open, unlock_vault},
    {"POST", "/pa/v3/user/info", access::open, show_user_info},
    {"POST", "/pa/v3/upgrade/start", access::open, refuse_upgrade},
    {"POST", "/pa/v3/upgrade/commit", access::open, refuse_upgrade},
    {"POST", "/pa/v3/recovery/confirm", access::open, refuse_recovery},
    {"GET", "/api/registration", access::open, show_own_registration},
    {"POST", "/api/registration", access::open, show_own_registration}, // as phones ask, who POST everything
    {"POST", "/api/activation/code", access::open, request_activation_code},
    {"POST", "/api/registration/pin-changed", access::open, record_pin_change},
    {"POST", "/api/registration/rename", access::open, rename_own_registration},
    {"POST", "/api/registrations/list", access::open, list_own_registrations},
    {"POST", "/api/registrations/remove", access::open, remove_own_registration},
    {"GET", "/health", access::open, health},
    {"GET", "/health/live", access::open, health},
    {"GET", "/health/ready", access::open, health},
};

constexpr endpoint office_endpoints[]{
    {"POST", "/v2/signature/verify", access::office, verify_signature},
    {"POST", "/v2/signature/offline/verify", access::office, verify_offline_signature},
    {"POST", "/v2/signature/ecdsa/verify", access::office, verify_device_signature},
    {"POST", "/v2/signature/offline/personalized/create", access::office, create_personalized_payload},
    {"POST", "/v2/signature/offline/non-personalized/create", access::office, create_plain_payload},
    {"POST", "/v2/token/verify", access::office, verify_token},
    {"GET", "/v2/registrations/{}", access::office, show_registration},
    {"GET", "/v2/registrations", access::office, list_registrations},
    {"POST", "/v2/registrations", access::office, create_registration},
    {"POST", "/v2/registrations/{}/commit", access::office, commit_registration},
    {"PUT", "/v2/registrations/{}", access::office, change_registration},
    {"DELETE", "/v2/registrations/{}", access::office, remove_registration},
    {"POST", "/v2/registrations/{}/transfer", access::office, transfer_registration},
    {"GET", "/v2/registrations/{}/children", access::office, list_children},
    {"PUT", "/v2/registrations/{}/otp", access::office, replace_otp},
    {"GET", "/v2/registrations/{}/history", access::office, registration_history},
    {"PUT", "/v2/registrations/{}/name", access::office, rename_registration},
    {"GET", "/v2/registrations/{}/flags", access::office, show_flags},
    {"POST", "/v2/registrations/{}/flags", access::office, add_flags},
    {"PUT", "/v2/registrations/{}/flags", access::office, replace_flags},
    {"DELETE", "/v2/registrations/{}/flags", access::office, remove_flags},
    {"POST", "/v2/registrations/{}/attempts", access::office, report_attempt},
    {"GET", "/v2/registrations/{}/attempts", access::office, registration_attempts},
    {"POST", "/v2/attempts", access::office, report_attempts},
    {"GET", "/v2/registrations/{}/lockout", access::office, show_lockout},
    {"PUT", "/v2/registrations/{}/lockout", access::office, reset_lockout},
    {"PUT", "/v2/users/{}/claims", access::office, set_user_claims},
    {"GET", "/v2/users/{}/claims", access::office, show_user_claims},
    {"DELETE", "/v2/users/{}/claims", access::office, remove_user_claims},
    {"POST", "/admin/applications", access::admin, create_application},
    {"GET", "/admin/applications", access::admin, list_applications},
    {"GET", "/admin/applications/{}", access::admin, show_application},
    {"PATCH", "/admin/applications/{}", access::admin, change_application},
    {"POST", "/admin/applications/{}/versions", access::admin, create_application_version},
    {"PUT", "/admin/applications/{}/versions/{}", access::admin, support_application_version},
    {"POST", "/admin/users", access::admin, create_user},
    {"POST", "/admin/users/{}/applications/{}", access::admin, assign_user},
    {"GET", "/openapi.json", access::open, show_openapi},
    {"GET", "/docs", access::open, show_docs},
    {"GET", "/docs/docs.js", access::open, show_docs_script},
    {"GET", "/docs/docs.css", access::open, show_docs_style},
    {"GET", "/health", access::open, health},
    {"GET", "/health/live", access::open, health},
    {"GET", "/health/ready", access::open, health},
};

// Clients of PowerAuth Cloud have this in their base URL.
constexpr std::string_view cloud_prefix = "/powerauth-cloud";

// The segments of `path` that stand for the holes of `pattern`; empty when it does not match. No
// pattern has more than two.
struct segments {
    std::string_view values[2];
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

task<response> route(side which, const request& req, services& svc)
{
    const std::span<const endpoint> table = which == side::device ? std::span<const endpoint>{device_endpoints}
                                                                  : std::span<const endpoint>{office_endpoints};
    std::string_view path = req.path;
    if (which == side::office && path.starts_with(cloud_prefix) && path.substr(cloud_prefix.size()).starts_with('/'))
        path.remove_prefix(cloud_prefix.size());

    call asked{req, {}, {}, nullptr};
    const endpoint* found = nullptr;
    segments holes;
    std::string allowed;
    for (const endpoint& candidate : table) {
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

    if (found->needs != access::open) {
        const auto who = co_await authenticate(req, svc);
        if (!who)
            co_return problem(office_problem::rate_limited);
        if (*who == nullptr)
            co_return problem(office_problem::unauthorized);
        if (found->needs == access::admin && (*who)->its_role != registry::role::admin)
            co_return problem(office_problem::forbidden);
        asked.who = *who;
        // What is no text of a name names nothing.
        asked.first = percent_decode(holes.values[0], false).value_or("");
        asked.second = percent_decode(holes.values[1], false).value_or("");
        if (!is_clean_text(req.external_user, registry::external_user_characters_max)) {
            const std::vector<violation> why{
                {"X-External-User", "", "must be UTF-8 without control characters, at most 255 characters"}};
            co_return problem(why);
        }
    }
    response answer = co_await found->handler(asked, svc);
    co_return answer;
}

} // namespace doorward::handlers
