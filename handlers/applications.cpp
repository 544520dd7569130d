// POST, GET /admin/applications, GET, PATCH, DELETE /admin/applications/{id} and the versions of an application
// (REGISTRATION-API.md 1.6 and 8.6); GET and PUT /v2/admin/applications/{id}/lockout-policy (8.4)

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/application_settings_json.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/qr_code.hpp"
#include "handlers/query_fields.hpp"
#include "handlers/read_aside.hpp"
#include "registry/changes.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr int patch_rounds_max = 8;  // each lost to a change that was made meanwhile
constexpr int remove_rounds_max = 8; // likewise

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

registry::stored_master_key draw_master_key(const services& svc, std::string_view application_id)
{
    const auto pair = crypto::p256_private_key::generate();
    return {pair.point(),
            registry::seal_private_key(svc.sealer, "applications", crypto::as_bytes(application_id), pair),
            svc.clock.now()};
}

void write_master_key(json_writer& to, const registry::application& of, std::size_t place)
{
    const registry::master_key& what = of.master_keys[place];
    to.object()
        .member("keyId", registry::master_key_id(what.pair->point()))
        .member("masterServerPublicKey", crypto::to_base64(what.pair->point()))
        .member("signs", place == of.signing)
        .member("timestampCreated", what.created_at)
        .end();
}

void write_master_keys(json_writer& to, const registry::application& of)
{
    to.key("masterKeys").array();
    for (std::size_t i = 0; i < of.master_keys.size(); ++i)
        write_master_key(to, of, i);
    to.end();
}

response answer_with_master_key(const services& svc, std::string_view application_id, std::string_view key_id)
{
    const auto found = svc.directory.find_application(application_id);
    for (std::size_t i = 0; found && i < found->master_keys.size(); ++i) {
        if (registry::master_key_id(found->master_keys[i].pair->point()) != key_id)
            continue;
        json_writer out;
        write_master_key(out, *found, i);
        response answer;
        answer.body = out.text();
        return answer;
    }
    return problem(make_error_code(registry::errc::unknown_master_key)); // removed meanwhile
}

// What is compiled into an app.
void write_version_keys(json_writer& to, const registry::application_version& version)
{
    to.member("mobileSdkConfig", registry::sdk_config(version.key, version.secret, version.master_point))
        .member("appKey", version.key)
        .member("appSecret", version.secret);
}

void write_version(json_writer& to, const registry::application_version& version)
{
    to.object();
    write_version_keys(to, version);
    to.member("masterKeyId", registry::master_key_id(version.master_point));
    to.member("supported", version.supported);
    if (version.created_at != 0)
        to.member("timestampCreated", version.created_at);
    to.end();
}

response answer_with(const services& svc, std::string_view id)
{
    const auto found = svc.directory.find_application(id);
    if (!found) // never there, or removed meanwhile
        return problem(make_error_code(registry::errc::unknown_application));
    const registry::application& what = *found;
    json_writer out;
    out.object().member("id", what.id);
    write_version_keys(out, what.current_version());
    out.member("masterServerPublicKey", crypto::to_base64(what.current_version().master_point));
    write_settings(out, what);
    out.member("timestampCreated", what.created_at).key("versions").array();
    for (const registry::application_version& each : what.versions)
        write_version(out, each);
    out.end();
    write_master_keys(out, what);
    response answer;
    answer.body = out.end().text();
    return answer;
}

response answer_with_version(const services& svc, std::string_view application_id, std::string_view key)
{
    const auto found = svc.directory.find_version(key);
    if (!found || found.owner->id != application_id)
        return problem(make_error_code(registry::errc::unknown_application_version));
    json_writer out;
    write_version(out, *found.version);
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
void decode_patch(const services& svc, const call& asked, patched& out)
{
    const registry::stored_application& now = out.change.before;
    const auto body = parse_body(asked, out.violations);
    if (!body)
        return;
    const auto id = body->text("id", {.bytes_max = registry::application_id_bytes_max});
    if (id && *id != now.id)
        body->complain("id", "cannot be changed", *id);
    auto wanted = decode_settings(*body, now.settings, now.id, !now.sealed_provider_secret.empty(), svc.directory);
    if (out.violations.empty())
        out.change.sealed_provider_secret = sealed_secret(svc, now.id, wanted, now.sealed_provider_secret);
    out.change.settings = std::move(wanted.settings);
}

// The last look at the registrations of an application that is to be removed, before the writer's own.
struct use_so_far {
    registry::registration_number looked_at = 0;
    bool in_use = false;
};

// All registrations there are, whatever their application: there is no list by application, since nothing else needs
// one. In steps, so that no snapshot stays open for long.
use_so_far look_for_use(const services& svc, std::string_view id, registry::registration_number behind)
{
    use_so_far out{behind, false};
    for (bool more = true; more && !out.in_use;) {
        const auto step = svc.journal.view([&](const registry::snapshot& txn) {
            return registry::find_application_use(txn, id, out.looked_at, registry::remove_application_look_rows);
        });
        out = {step.looked_at, step.in_use};
        more = step.more;
    }
    return out;
}

void put_lockout(const services&, const call& asked, patched& out)
{
    out.change.sealed_provider_secret = out.change.before.sealed_provider_secret;
    if (const auto body = parse_body(asked, out.violations))
        out.change.settings = decode_lockout_settings(*body, out.change.before.settings);
}

response lockout_answer(const services& svc, std::string_view id)
{
    const auto found = svc.directory.find_application(id);
    if (!found)
        return problem(make_error_code(registry::errc::unknown_application));
    json_writer out;
    out.object();
    write_lockout_settings(out, found->settings);
    response answer;
    answer.body = out.end().text();
    return answer;
}

// Works out other settings of the application that a path names, from those in the store, until nobody else was faster.
//
// returns  the answer when that was refused
task<std::optional<response>> change_settings(const call& asked, services& svc, decltype(&decode_patch) work_out)
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
        patched next;
        next.change.before = *std::move(before);
        next.change.by = authorship_of(asked, svc);
        work_out(svc, asked, next);
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
    if (const auto body = parse_body(asked, violations)) {
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
    record.created_at = svc.clock.now();
    record.master_keys = {draw_master_key(svc, id)};
    change.version = draw_version(svc, id);
    change.version.master_key = record.master_keys.front().point;
    change.by = authorship_of(asked, svc);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with(svc, id);
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
    co_return answer_with(svc, asked.first);
}

task<response> change_application(const call& asked, services& svc)
{
    auto refused = co_await change_settings(asked, svc, decode_patch);
    if (refused)
        co_return *std::move(refused);
    co_return answer_with(svc, asked.first);
}

task<response> show_lockout_policy(const call& asked, services& svc)
{
    co_return lockout_answer(svc, asked.first);
}

task<response> put_lockout_policy(const call& asked, services& svc)
{
    auto refused = co_await change_settings(asked, svc, put_lockout);
    if (refused)
        co_return *std::move(refused);
    co_return lockout_answer(svc, asked.first);
}

task<response> remove_application(const call& asked, services& svc)
{
    const std::string id = asked.first;
    if (!svc.directory.find_application(id))
        co_return problem(make_error_code(registry::errc::unknown_application));
    kv::error_code ec;
    registry::remove_application change{id};
    change.by = authorship_of(asked, svc);
    for (int round = 0; round < remove_rounds_max; ++round) {
        // What was made meanwhile is looked at in the next round; what is left then, by the writer.
        auto looking = [&svc, id, behind = change.looked_at] { return look_for_use(svc, id, behind); };
        const auto use = co_await read_aside(svc, std::move(looking));
        if (!use)
            co_return problem(use.error());
        if (use->in_use)
            co_return problem(make_error_code(registry::errc::application_in_use));
        change.looked_at = use->looked_at;
        registry::erase_claims erasing{id};
        do {
            if (const auto failed = co_await commit(svc, erasing))
                co_return problem(failed);
        } while (erasing.erased == erasing.rows_max);
        ec = co_await commit(svc, change);
        if (ec != registry::errc::changed_meanwhile)
            break;
    }
    if (ec)
        co_return problem(ec);
    svc.directory.reload();
    svc.webhooks.changed(); // its own are gone
    co_return ok();
}

task<response> show_sdk_config(const call& asked, services& svc)
{
    bool as_picture = false;
    std::vector<violation> violations;
    const auto parameters = decode_query(asked.req.query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "format" && value != "json" && value != "svg")
            violations.push_back({name, echo(value), "must be json or svg"});
        as_picture = as_picture || (name == "format" && value == "svg");
    }
    if (!violations.empty())
        co_return problem(violations);
    const auto application = svc.directory.find_application(asked.first);
    if (!application)
        co_return problem(make_error_code(registry::errc::unknown_application));
    const auto found = svc.directory.find_version(asked.second);
    if (!found || found.owner->id != application->id)
        co_return problem(make_error_code(registry::errc::unknown_application_version));
    const auto config = registry::sdk_config(found.version->key, found.version->secret, found.version->master_point);
    response answer;
    if (as_picture) {
        answer.body = qr_code_svg(config);
        answer.content_type = "image/svg+xml";
    } else {
        answer.body = json_writer{}.object().member("mobileSdkConfig", config).end().text();
    }
    co_return answer;
}

task<response> create_application_version(const call& asked, services& svc)
{
    if (!svc.directory.find_application(asked.first))
        co_return problem(make_error_code(registry::errc::unknown_application));
    registry::create_application_version change;
    change.record = draw_version(svc, asked.first);
    change.by = authorship_of(asked, svc);
    const std::string key = change.record.key;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with_version(svc, asked.first, key);
}

task<response> create_master_key(const call& asked, services& svc)
{
    if (!svc.directory.find_application(asked.first))
        co_return problem(make_error_code(registry::errc::unknown_application));
    registry::create_master_key change{asked.first, draw_master_key(svc, asked.first), authorship_of(asked, svc)};
    const auto key_id = registry::master_key_id(change.record.point);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with_master_key(svc, asked.first, key_id);
}

task<response> sign_with_master_key(const call& asked, services& svc)
{
    std::vector<violation> violations;
    if (const auto body = parse_body(asked, violations)) {
        const auto signs = body->boolean("signs");
        if (violations.empty() && !signs.value_or(false))
            body->complain("signs", "must be true; let another one sign in its place");
    }
    if (!violations.empty())
        co_return problem(violations);
    if (!svc.directory.find_application(asked.first))
        co_return problem(make_error_code(registry::errc::unknown_application));
    registry::sign_with_master_key change{asked.first, asked.second, authorship_of(asked, svc)};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with_master_key(svc, asked.first, asked.second);
}

task<response> remove_master_key(const call& asked, services& svc)
{
    if (!svc.directory.find_application(asked.first))
        co_return problem(make_error_code(registry::errc::unknown_application));
    registry::remove_master_key change{asked.first, asked.second, authorship_of(asked, svc)};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return ok();
}

task<response> support_application_version(const call& asked, services& svc)
{
    registry::support_application_version change;
    std::vector<violation> violations;
    if (const auto body = parse_body(asked, violations)) {
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
    change.by = authorship_of(asked, svc);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return answer_with_version(svc, asked.first, asked.second);
}

} // namespace doorward::handlers
