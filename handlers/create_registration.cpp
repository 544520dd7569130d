// POST /v2/registrations (REGISTRATION-API.md 1.3 and R1)

#include "handlers/endpoint.hpp"
#include "handlers/lockout_policy_json.hpp"
#include "handlers/metadata_json.hpp"
#include "handlers/new_registration.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

constexpr std::uint8_t as_the_application_says = 0; // no registration has that many attempts

wanted_registration decode(const call& asked, registry::time_ms now, std::vector<violation>& violations)
{
    wanted_registration out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    registry::registration& record = out.record;
    record.user_id = body->text("userId", {.bytes_max = registry::user_id_bytes_max, .required = true}).value_or("");
    record.application_id =
        body->text("appId", {.bytes_max = registry::application_id_bytes_max, .required = true}).value_or("");
    decode_wanted(*body, now, out);
    record.name = body->text("name", {.characters_max = registry::name_characters_max}).value_or("");
    record.max_failed_attempts = static_cast<std::uint8_t>(
        body->integer("maxFailedAttempts", 1, registry::max_failed_attempts_max).value_or(as_the_application_says));
    if (const auto policy = body->object("policy"))
        merge_policy(*policy, record.policy.emplace());
    if (const auto metadata = decode_metadata(*body, "metadata"); metadata && !metadata->empty())
        out.metadata = write_metadata(*metadata);
    out.who = asked.actor(
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or(""));
    return out;
}

} // namespace

task<response> create_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode(asked, svc.clock.now(), violations);
    const auto application = svc.directory.find_application(wanted.record.application_id);
    const bool visible = application && asked.who->may_see(application->id);
    if (violations.empty() && !visible)
        violations.push_back({"appId", wanted.record.application_id, "no such application"});
    const auto parameters = decode_query(asked.req.query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "incompleteStatusCheck")
            wanted.refuse_if_incomplete = decode_boolean(name, value, violations);
    }
    if (!violations.empty())
        co_return problem(violations);
    if (wanted.record.max_failed_attempts == as_the_application_says)
        wanted.record.max_failed_attempts = application->settings.max_failed_attempts;

    const auto made = co_await make_registration(svc, std::move(wanted));
    if (!made)
        co_return problem(made.error());
    json_writer out;
    out.object();
    write_new_registration(out, *made, *application);
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

} // namespace doorward::handlers
