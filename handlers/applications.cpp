// POST, GET /admin/applications, GET, PATCH /admin/applications/{id} and the versions of an application
// (REGISTRATION-API.md 1.6 and 8.6); GET and PUT /v2/admin/applications/{id}/lockout-policy (8.4)

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/application_settings_json.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr int patch_rounds_max = 8; // each lost to a change that was made meanwhile

std::string random_text16()
{
    return crypto::to_base64(crypto::random_array<16>());
}

registry::stored_application_version draw_version(const services& svc, std::string application_id)
{
    registry::stored_application_version out;
    out.application_id = std::move(application_id);
    out.key = random_text16();
    out.sealed_secret = svc.sealer.seal(crypto::as_bytes(random_text16()),
                                        registry::seal_place("versions", crypto::as_bytes(out.key), "secret"));
    out.created_at = svc.clock.now();
    return out;
}

// What is compiled into an app.
void write_version_keys(json_writer& to, const registry::application& of, const registry::application_version& version)
{
    to.member("mobileSdkConfig", registry::sdk_config(version.key, version.secret, of.master_key.point()))
        .member("appKey", version.key)
        .member("appSecret", version.secret);
}

void write_version(json_writer& to, const registry::application& of, const registry::application_version& version)
{
    to.object();
    write_version_keys(to, of, version);
    to.member("supported", version.supported);
    if (version.created_at != 0)
        to.member("timestampCreated", version.created_at);
    to.end();
}

response answer_with(const registry::application& what)
{
    json_writer out;
    out.object().member("id", what.id);
    write_version_keys(out, what, what.current_version());
    out.member("masterServerPublicKey", crypto::to_base64(what.master_key.point()));
    write_settings(out, what);
    out.member("timestampCreated", what.created_at).key("versions").array();
    for (const registry::application_version& each : what.versions)
        write_version(out, what, each);
    response answer;
    answer.body = out.end().end().text();
    return answer;
}

response answer_with_version(const services& svc, std::string_view application_id, std::string_view key)
{
    const auto found = svc.directory.find_version(key);
    if (!found || found.owner->id != application_id)
        return problem(make_error_code(registry::errc::unknown_application_version));
    json_writer out;
    write_version(out, *found.owner, *found.version);
    response answer;
    answer.body = out.text();
    return answer;
}

crypto::bytes sealed_secret(const services& svc, std::string_view id, const wanted_settings& wanted,
                            const crypto::bytes& before)
{
    switch (wanted.secret) {
    case wanted_settings::secret_change::keep:
        return before;
    case wanted_settings::secret_change::forget:
        return {};
    case wanted_settings::secret_change::replace:
        return svc.sealer.seal(crypto::as_bytes(wanted.new_secret), registry::provider_secret_place(id));
    }
    return before;
}

// What a patch makes of the application as it is in the store now.
struct patched {
    registry::change_application change;
    std::vector<violation> violations;
};
patched patch_settings(const services& svc, registry::stored_application before, std::string_view text)
{
    patched out;
    out.change.before = std::move(before);
    const registry::stored_application& now = out.change.before;
    const auto body = parse_json(text, out.violations);
    if (!body)
        return out;
    const auto id = body->text("id", {.bytes_max = registry::application_id_bytes_max});
    if (id && *id != now.id)
        body->complain("id", "cannot be changed", *id);
    auto wanted = decode_settings(*body, now.settings, now.id, !now.sealed_provider_secret.empty(), svc.directory);
    if (out.violations.empty())
        out.change.sealed_provider_secret = sealed_secret(svc, now.id, wanted, now.sealed_provider_secret);
    out.change.settings = std::move(wanted.settings);
    return out;
}

patched put_lockout(const services&, registry::stored_application before, std::string_view text)
{
    patched out;
    out.change.before = std::move(before);
    out.change.sealed_provider_secret = out.change.before.sealed_provider_secret;
    if (const auto body = parse_json(text, out.violations))
        out.change.settings = decode_lockout_settings(*body, out.change.before.settings);
    return out;
}

response lockout_answer(const registry::application& of)
{
    json_writer out;
    out.object();
    write_lockout_settings(out, of.settings);
    response answer;
    answer.body = out.end().text();
    return answer;
}

// Works out other settings of the application that a path names, from those in the store, until nobody else was faster.
//
// returns  the answer when that was refused
task<std::optional<response>> change_settings(const call& asked, services& svc, decltype(&patch_settings) work_out)
{
    kv::error_code ec = make_error_code(registry::errc::unknown_application);
    for (int round = 0; round < patch_rounds_max; ++round) {
        // From the store, not the directory: a change that came just before may not be there yet.
        auto before = svc.directory.find_application(asked.first)
                          ? svc.journal.view([&asked](const registry::snapshot& txn) {
                                return registry::find_application(txn, asked.first);
                            })
                          : std::nullopt;
        if (!before)
            break;
        patched next = work_out(svc, *std::move(before), asked.req.body);
        if (!next.violations.empty())
            co_return problem(next.violations);
        ec = co_await commit(svc, next.change);
        if (ec != registry::errc::changed_meanwhile)
            break;
    }
    if (ec)
        co_return problem(ec);
    svc.directory.reload();
    co_return std::nullopt;
}

} // namespace

task<response> create_application(const call& asked, services& svc)
{
    std::vector<violation> violations;
    registry::create_application change;
    registry::stored_application& record = change.record;
    if (const auto body = parse_json(asked.req.body, violations)) {
        record.id = body->text("id", {.bytes_max = registry::application_id_bytes_max, .required = true}).value_or("");
        if (violations.empty() && !registry::is_application_id(record.id))
            body->complain("id", "must consist of letters, digits, dots, dashes and underscores", record.id);
        auto wanted = decode_settings(*body, {}, record.id, false, svc.directory);
        if (violations.empty())
            record.sealed_provider_secret = sealed_secret(svc, record.id, wanted, {});
        record.settings = std::move(wanted.settings);
    }
    if (!violations.empty())
        co_return problem(violations);

    const std::string id = record.id;
    const auto master = crypto::p256_private_key::generate();
    record.master_key = master.point();
    record.sealed_master_key = registry::seal_private_key(svc.sealer, "applications", crypto::as_bytes(id), master);
    record.created_at = svc.clock.now();
    change.version = draw_version(svc, id);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with(*svc.directory.find_application(id));
}

task<response> list_applications(const call&, services& svc)
{
    json_writer out;
    out.object().key("applications").array();
    for (const auto& each : svc.directory.all_applications()) {
        out.object().member("id", each->id);
        write_settings(out, *each);
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
    co_return answer_with(*found);
}

task<response> change_application(const call& asked, services& svc)
{
    auto refused = co_await change_settings(asked, svc, patch_settings);
    if (refused)
        co_return *std::move(refused);
    co_return answer_with(*svc.directory.find_application(asked.first));
}

task<response> show_lockout_policy(const call& asked, services& svc)
{
    const auto found = svc.directory.find_application(asked.first);
    co_return found ? lockout_answer(*found) : problem(make_error_code(registry::errc::unknown_application));
}

task<response> put_lockout_policy(const call& asked, services& svc)
{
    auto refused = co_await change_settings(asked, svc, put_lockout);
    if (refused)
        co_return *std::move(refused);
    co_return lockout_answer(*svc.directory.find_application(asked.first));
}

task<response> create_application_version(const call& asked, services& svc)
{
    if (!svc.directory.find_application(asked.first))
        co_return problem(make_error_code(registry::errc::unknown_application));
    registry::create_application_version change;
    change.record = draw_version(svc, asked.first);
    const std::string key = change.record.key;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with_version(svc, asked.first, key);
}

task<response> support_application_version(const call& asked, services& svc)
{
    registry::support_application_version change;
    std::vector<violation> violations;
    if (const auto body = parse_json(asked.req.body, violations)) {
        const auto supported = body->boolean("supported");
        if (violations.empty() && !supported)
            body->complain("supported", "is required");
        change.supported = supported.value_or(true);
    }
    if (!violations.empty())
        co_return problem(violations);
    if (!svc.directory.find_application(asked.first))
        co_return problem(make_error_code(registry::errc::unknown_application));
    if (!svc.directory.find_version(asked.second)) // no other text would fit a key
        co_return problem(make_error_code(registry::errc::unknown_application_version));
    change.application_id = asked.first;
    change.key = asked.second;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with_version(svc, asked.first, asked.second);
}

} // namespace doorward::handlers
