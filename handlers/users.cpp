// /admin/users and what is below it but for tokens: the accounts of the office side (REGISTRATION-API.md 1.6 and M2)

#include "crypto/encoding.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "registry/changes.hpp"

namespace doorward::handlers {
namespace {

constexpr std::size_t right_characters_max = 16;

std::vector<std::string> texts_of(registry::right_set rights)
{
    std::vector<std::string> out;
    for (const registry::right each : registry::all_rights) {
        if (rights.has(each))
            out.emplace_back(to_text(each));
    }
    return out;
}

void write_account(json_writer& to, const registry::account& what, std::string_view password = {})
{
    to.object().member("username", what.username).member_unless_empty("password", password);
    to.member("enabled", what.enabled);
    to.key("role").array().value(to_text(what.its_role)).end();
    to.member("rights", texts_of(what.rights)).member("applications", what.applications);
    if (what.created_at != 0)
        to.member("timestampCreated", what.created_at);
    to.end();
}

response account_answer(const registry::account& what, std::string_view password = {})
{
    json_writer out;
    write_account(out, what, password);
    response answer;
    answer.body = out.text();
    return answer;
}

std::optional<registry::role> decode_role(const json_object& from)
{
    const auto wanted = from.text("role", {.bytes_max = 32});
    const auto parsed = wanted ? registry::parse_role(*wanted) : std::nullopt;
    if (wanted && !parsed)
        from.complain("role", "must be ADMIN, INTEGRATION, OPERATOR, AUDITOR or METRICS", *wanted);
    return parsed;
}

std::optional<registry::right_set> decode_rights(const json_object& from)
{
    const auto wanted = from.texts("rights", std::size(registry::all_rights), right_characters_max);
    if (!wanted)
        return std::nullopt;
    registry::right_set out;
    for (const std::string& each : *wanted) {
        if (const auto parsed = registry::parse_right(each))
            out.add(*parsed);
        else
            from.complain("rights", "each entry must be REMOVE or BULK", each);
    }
    return out;
}

// Shown once; 24 random bytes.
struct new_password {
    std::string text;
    std::string hash;
};
task<kv::result<new_password>> draw_password(services& svc)
{
    new_password out{crypto::to_base64url(crypto::random_array<24>()), {}};
    auto hashing = [text = out.text] { return crypto::hash_password(text, crypto::office_password_cost); };
    auto pending = svc.office_passwords.async_run(std::move(hashing), boost::asio::as_tuple(boost::asio::deferred));
    auto [busy, hash] = co_await std::move(pending);
    if (busy)
        co_return busy;
    out.hash = std::move(hash);
    co_return out;
}

// Longer names cannot exist, and would not fit a key.
bool may_exist(const call& asked)
{
    return registry::is_username(asked.first);
}

response no_account()
{
    return problem(make_error_code(registry::errc::account_not_found));
}

} // namespace

task<response> create_user(const call& asked, services& svc)
{
    std::vector<violation> violations;
    registry::create_account change;
    registry::account& record = change.record;
    if (const auto body = parse_body(asked, violations)) {
        record.username =
            body->text("username", {.bytes_max = registry::username_bytes_max, .required = true}).value_or("");
        if (violations.empty() && !registry::is_username(record.username))
            body->complain("username", "must consist of letters, digits and . _ - @", record.username);
        record.its_role = decode_role(*body).value_or(registry::role::integration);
        record.rights = decode_rights(*body).value_or(registry::right_set{});
    }
    if (!violations.empty())
        co_return problem(violations);

    auto password = co_await draw_password(svc);
    if (!password)
        co_return problem(password.error());
    record.password_hash = std::move(password->hash);
    record.created_at = svc.clock.now();
    change.by = authorship_of(asked, svc);
    const registry::account made = record;
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return account_answer(made, password->text);
}

task<response> list_users(const call&, services& svc)
{
    json_writer out;
    out.object().key("users").array();
    for (const auto& each : svc.directory.all_accounts())
        write_account(out, *each);
    response answer;
    answer.body = out.end().end().text();
    co_return answer;
}

task<response> show_user(const call& asked, services& svc)
{
    const auto found = svc.directory.find_account(asked.first);
    co_return found ? account_answer(*found) : no_account();
}

task<response> change_user(const call& asked, services& svc)
{
    std::vector<violation> violations;
    registry::change_account change;
    change.username = asked.first;
    change.by = authorship_of(asked, svc);
    if (const auto body = parse_body(asked, violations)) {
        const auto name = body->text("username", {.bytes_max = registry::username_bytes_max});
        if (name && *name != asked.first)
            body->complain("username", "cannot be changed", *name);
        change.enabled = body->boolean("enabled");
        change.its_role = decode_role(*body);
        change.rights = decode_rights(*body);
    }
    if (!violations.empty())
        co_return problem(violations);
    if (!may_exist(asked))
        co_return no_account();
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return account_answer(change.result);
}

task<response> remove_user(const call& asked, services& svc)
{
    if (!may_exist(asked))
        co_return no_account();
    registry::remove_account change{asked.first};
    change.by = authorship_of(asked, svc);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return ok();
}

task<response> rotate_user(const call& asked, services& svc)
{
    if (!svc.directory.find_account(asked.first)) // hashing costs more than looking
        co_return no_account();
    auto password = co_await draw_password(svc);
    if (!password)
        co_return problem(password.error());
    registry::change_account change;
    change.username = asked.first;
    change.password_hash = std::move(password->hash);
    change.by = authorship_of(asked, svc);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return account_answer(change.result, password->text);
}

task<response> assign_user(const call& asked, services& svc)
{
    if (!may_exist(asked))
        co_return no_account();
    registry::assign_application change;
    change.username = asked.first;
    change.application_id = asked.second;
    change.by = authorship_of(asked, svc);
    if (!registry::is_application_id(change.application_id))
        co_return problem(make_error_code(registry::errc::unknown_application));
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return account_answer(change.result);
}

task<response> unassign_user(const call& asked, services& svc)
{
    if (!may_exist(asked))
        co_return no_account();
    registry::unassign_application change;
    change.username = asked.first;
    change.application_id = asked.second;
    change.by = authorship_of(asked, svc);
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    svc.directory.reload();
    co_return account_answer(change.result);
}

} // namespace doorward::handlers
