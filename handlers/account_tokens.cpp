// POST, GET, DELETE /admin/users/{username}/tokens and DELETE .../tokens/{name}: secrets that stand for an account
// (REGISTRATION-API.md 8.1, "Auth")

#include "crypto/secret.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

void write_token(json_writer& to, const registry::account_token& what, std::string_view text = {})
{
    const auto when = [](registry::time_ms at) { return at == 0 ? std::nullopt : std::optional{at}; };
    to.object()
        .member("name", what.name)
        .member_unless_empty("token", text)
        .member("timestampCreated", what.created_at)
        .member("timestampExpire", when(what.expires_at))
        .member("timestampLastUsed", when(what.last_used_at))
        .end();
}

task<response> remove_tokens(const call& asked, services& svc, std::optional<std::string> name)
{
    if (!registry::is_username(asked.first)) // longer names cannot exist, and would not fit a key
        co_return problem(make_error_code(registry::errc::account_not_found));
    if (name && !registry::is_token_name(*name))
        co_return problem(make_error_code(registry::errc::account_token_not_found));
    registry::remove_account_tokens change{asked.first, std::move(name)};
    change.by = authorship_of(asked, svc);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return ok();
}

} // namespace

task<response> create_account_token(const call& asked, services& svc)
{
    std::vector<violation> violations;
    registry::create_account_token change;
    change.username = asked.first;
    registry::account_token& record = change.record;
    record.created_at = svc.clock.now();
    change.by = authorship_of(asked, svc);
    if (const auto body = parse_body(asked, violations)) {
        record.name =
            body->text("name", {.bytes_max = registry::account_token_name_bytes_max, .required = true}).value_or("");
        if (violations.empty() && !registry::is_token_name(record.name))
            body->complain("name", "must consist of letters, digits and . _ - @", record.name);
        record.expires_at = body->integer("timestampExpire", record.created_at + 1,
                                          record.created_at + registry::account_token_life_max_ms)
                                .value_or(0);
    }
    if (!violations.empty())
        co_return problem(violations);
    if (!registry::is_username(asked.first))
        co_return problem(make_error_code(registry::errc::account_not_found));

    const std::string text = registry::draw_account_token();
    record.digest = registry::account_token_digest(text, svc.sealer.derive(registry::account_token_purpose));
    const registry::account_token made = record;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    json_writer out;
    write_token(out, made, text);
    response answer;
    answer.body = out.text();
    co_return answer;
}

task<response> list_account_tokens(const call& asked, services& svc)
{
    if (!svc.directory.find_account(asked.first))
        co_return problem(make_error_code(registry::errc::account_not_found));
    json_writer out;
    out.object().key("tokens").array();
    for (const registry::account_token& each : svc.directory.tokens_of(asked.first))
        write_token(out, each);
    response answer;
    answer.body = out.end().end().text();
    co_return answer;
}

task<response> remove_account_token(const call& asked, services& svc)
{
    return remove_tokens(asked, svc, asked.second);
}

task<response> remove_account_tokens(const call& asked, services& svc)
{
    return remove_tokens(asked, svc, std::nullopt);
}

} // namespace doorward::handlers
