// POST and GET /admin/applications, GET /admin/applications/{id} (REGISTRATION-API.md 1.6 and 8.6)

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

constexpr std::size_t role_characters_max = 64;

void write_unproven(json_writer& to, const registry::application& what)
{
    to.key("unproven").object().member("perMinute", what.unproven_per_minute).end();
}

void write_application(json_writer& to, const registry::application& what)
{
    const registry::application_version& version = what.versions.front();
    const auto& point = what.master_key.point();
    to.object()
        .member("id", what.id)

        .member("mobileSdkConfig", registry::sdk_config(version.key, version.secret, point))
        .member("appKey", version.key)
        .member("appSecret", version.secret)
        .member("masterServerPublicKey", crypto::to_base64(point))
        .member("roles", what.roles);
    write_unproven(to, what);
    to.member("timestampCreated", what.created_at).end();
}

std::string random_text16()
{
    return crypto::to_base64(crypto::random_array<16>());
}

} // namespace

task<response> create_application(const call& asked, services& svc)
{
    std::vector<violation> violations;
    std::string id;
    std::vector<std::string> roles;
    unsigned unproven_per_minute = registry::unproven_per_minute_default;
    if (const auto body = parse_json(asked.req.body, violations)) {
        id = body->text("id", {.bytes_max = registry::application_id_bytes_max, .required = true}).value_or("");
        if (violations.empty() && !registry::is_application_id(id))
            body->complain("id", "must consist of letters, digits, dots, dashes and underscores", id);
        roles = body->texts("roles", registry::roles_max, role_characters_max).value_or(std::vector<std::string>{});
        if (const auto unproven = body->object("unproven")) {
            if (const auto number = unproven->integer("perMinute", 0, registry::unproven_per_minute_max))
                unproven_per_minute = static_cast<unsigned>(*number);
        }
    }
    if (!violations.empty())
        co_return problem(violations);

    const auto master = crypto::p256_private_key::generate();
    const auto now = svc.clock.now();
    registry::create_application change;
    change.record = {id,
                     roles,
                     master.point(),
                     registry::seal_private_key(svc.sealer, "applications", crypto::as_bytes(id), master),
                     true,
                     now,
                     static_cast<std::uint16_t>(unproven_per_minute)};
    const std::string key = random_text16();
    const std::string secret = random_text16();
    change.version = {
        id, key,
        svc.sealer.seal(crypto::as_bytes(secret), registry::seal_place("versions", crypto::as_bytes(key), "secret")),
        true};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();

    const auto made = svc.directory.find_application(id);
    json_writer out;
    write_application(out, *made);
    response answer;
    answer.body = out.text();
    co_return answer;
}

task<response> list_applications(const call&, services& svc)
{
    json_writer out;
    out.object().key("applications").array();
    for (const auto& each : svc.directory.all_applications()) {
        out.object().member("id", each->id).member("roles", each->roles);
        write_unproven(out, *each);
        out.end();
    }
    response answer;
    answer.body = out.end().end().text();
    co_return answer;
}

task<response> show_application(const call& asked, services& svc)
{
    const auto found = svc.directory.find_application(asked.first);
    if (!found)
        co_return problem(make_error_code(registry::errc::unknown_application));
    json_writer out;
    write_application(out, *found);
    response answer;
    answer.body = out.text();
    co_return answer;
}

} // namespace doorward::handlers
