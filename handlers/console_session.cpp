// POST, GET, DELETE /console/session: signing in to the console and out of it

#include "crypto/secret.hpp"
#include "handlers/authenticate.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"

namespace doorward::handlers {
namespace {

constexpr std::size_t sign_in_password_bytes_max = 1'024;

// Whether the browser spoke TLS, perhaps to somebody before us: it says so itself.
bool came_by_tls(const request& req) noexcept
{
    return req.origin.starts_with("https://");
}

// Gone with the browser; how long it holds is the server's business.
std::string session_cookie_text(const request& req, std::string_view secret)
{
    std::string out{came_by_tls(req) ? secure_session_cookie : plain_session_cookie};
    out.append("=").append(secret).append("; Path=/; HttpOnly; SameSite=Strict");
    if (came_by_tls(req))
        out += "; Secure";
    if (secret.empty())
        out += "; Max-Age=0";
    return out;
}

struct sign_in_request {
    std::string username;
    std::string password;
};

sign_in_request decode_sign_in(const call& asked, std::vector<violation>& violations)
{
    sign_in_request out;
    if (const auto body = parse_body(asked, violations)) {
        out.username = body->text("username", {.bytes_max = 255, .required = true}).value_or("");
        out.password =
            body->text("password", {.bytes_max = sign_in_password_bytes_max, .required = true, .secret = true})
                .value_or("");
    }
    return out;
}

std::string session_json(const registry::account& who, std::optional<registry::time_ms> created_at)
{
    json_writer out;
    out.object().member("username", who.username).member("role", to_text(who.its_role)).key("rights").array();
    for (const registry::right each : registry::all_rights) {
        if (who.rights.has(each))
            out.value(to_text(each));
    }
    out.end().member("applications", who.applications);
    if (created_at)
        out.member("timestampCreated", *created_at)
            .member("timestampExpire", *created_at + registry::session_life_ms)
            .member("idleTimeoutMs", registry::session_idle_ms);
    return out.member("version", DOORWARD_VERSION).end().text();
}

} // namespace

task<response> sign_in(const call& asked, services& svc)
{
    if (!is_of_own_origin(asked.req))
        co_return problem(office_problem::forbidden);
    std::vector<violation> violations;
    auto given = decode_sign_in(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const std::string username = given.username;
    auto checking = check_credentials(std::move(given.username), std::move(given.password), asked.req.source, svc);
    const auto shown = co_await std::move(checking);
    if (!shown)
        co_return problem(shown.error());
    if (shown->wait_ms > 0)
        co_return too_many_sign_ins(shown->wait_ms);
    const auto& who = shown->who;
    if (!who)
        co_return not_signed_in();

    registry::authorship by{{}, svc.clock.now()};
    by.who.account = username;
    auto drawn = svc.sessions.draw(*who, by);
    if (const auto ec = co_await commit(svc, drawn.change))
        co_return ec == registry::errc::account_not_found ? not_signed_in() : problem(ec);
    svc.sessions.add(drawn.change);
    response answer;
    answer.body = session_json(*who, by.at);
    answer.headers.emplace_back("Set-Cookie", session_cookie_text(asked.req, drawn.secret));
    crypto::wipe(drawn.secret.data(), drawn.secret.size());
    co_return answer;
}

task<response> show_session(const call& asked, services& svc)
{
    std::optional<registry::time_ms> created_at;
    const auto secret = session_of(asked.req);
    if (!secret.empty()) {
        const auto known = svc.sessions.find(secret, svc.directory, svc.clock.now(), console_sessions::use::unnoticed);
        if (known)
            created_at = known.created_at;
    }
    response answer;
    answer.body = session_json(*asked.who, created_at);
    co_return answer;
}

task<response> sign_out(const call& asked, services& svc)
{
    if (!is_of_own_origin(asked.req))
        co_return problem(office_problem::forbidden);
    const auto secret = session_cookie(asked.req);
    if (auto ending = svc.sessions.end(secret)) {
        ending->by = registry::authorship{{}, svc.clock.now()};
        if (const auto ec = co_await commit(svc, *ending))
            co_return problem(ec);
    }
    response answer = ok();
    answer.headers.emplace_back("Set-Cookie", session_cookie_text(asked.req, {}));
    co_return answer;
}

} // namespace doorward::handlers
