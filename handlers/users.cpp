// POST /admin/users, POST /admin/users/{username}/applications/{appId} (REGISTRATION-API.md 1.6)

#include "crypto/encoding.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

void write_account(json_writer& to, const registry::account& what, std::string_view password)
{
    to.object().member("username", what.username).member_unless_empty("password", password);
    to.member("enabled", what.enabled);
    to.key("role").array().value(to_text(what.its_role)).end();
    to.member("applications", what.applications).end();
}

} // namespace

task<response> create_user(const call& asked, services& svc)
{
    std::vector<violation> violations;
    registry::create_account change;
    registry::account& record = change.record;
    if (const auto body = parse_json(asked.req.body, violations)) {
        record.username =
            body->text("username", {.bytes_max = registry::username_bytes_max, .required = true}).value_or("");
        if (violations.empty() && !registry::is_username(record.username))
            body->complain("username", "must consist of letters, digits and . _ - @", record.username);
        if (const auto wanted = body->text("role", {.bytes_max = 32})) {
            const auto parsed = registry::parse_role(*wanted);
            if (!parsed)
                body->complain("role", "must be ADMIN or INTEGRATION", *wanted);
            record.its_role = parsed.value_or(registry::role::integration);
        }
    }
    if (!violations.empty())
        co_return problem(violations);

    // Shown once, in this answer; 24 random bytes.
    const std::string password = crypto::to_base64url(crypto::random_array<24>());
    auto hashing = [password] { return crypto::hash_password(password, crypto::office_password_cost); };
    auto pending = svc.office_passwords.async_run(std::move(hashing), boost::asio::as_tuple(boost::asio::deferred));
    auto [busy, hash] = co_await std::move(pending);
    if (busy)
        co_return problem(busy);
    record.password_hash = std::move(hash);
    record.created_at = svc.clock.now();
    const registry::account made = record;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();

    json_writer out;
    write_account(out, made, password);
    response answer;
    answer.body = out.text();
    co_return answer;
}

task<response> assign_user(const call& asked, services& svc)
{
    registry::assign_application change;
    change.username = asked.first;
    change.application_id = asked.second;
    // Longer names cannot exist, and would not fit a key.
    if (!registry::is_username(change.username))
        co_return problem(make_error_code(registry::errc::account_not_found));
    if (!registry::is_application_id(change.application_id))
        co_return problem(make_error_code(registry::errc::unknown_application));
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();

    json_writer out;
    write_account(out, change.result, {});
    response answer;
    answer.body = out.text();
    co_return answer;
}

} // namespace doorward::handlers
