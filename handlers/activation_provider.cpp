#include "handlers/activation_provider.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/services.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr registry::time_ms report_pause_ms = 1000; // between two lines about one application

using verdict = provider_verdict::kind;

provider_verdict no_user(verdict what, std::string why)
{
    return {what, {}, std::move(why)};
}

std::string server_of(const registry::provider_url& url)
{
    // Not the path: some keep a key in it.
    std::string out{url.tls ? "https://" : "http://"};
    return out + host_and_port(url);
}

// Of 4xx, those that are no verdict on what the phone showed: somebody set up doorward or the provider wrongly (its
// secret, its path), or the provider is busy.
bool blames_the_asker(unsigned status)
{
    constexpr unsigned all[]{401, 404, 405, 408, 429};
    return std::ranges::find(all, status) != std::end(all);
}

} // namespace

std::string write_question(const provider_question& asked, std::string_view application_id)
{
    json_writer out;
    out.object().member("applicationId", application_id).member("type", asked.type).key("identityAttributes").object();
    for (const auto& [name, value] : asked.identity)
        out.member(name, value);
    out.end();
    if (asked.custom_attributes)
        out.key("customAttributes").raw(*asked.custom_attributes);
    return out.member("platform", asked.platform)
        .member_unless_empty("deviceInfo", asked.device_info)
        .member_unless_empty("name", asked.name)
        .member_unless_empty("extras", asked.extras)
        .member_unless_empty("clientIp", asked.client_ip)
        .end()
        .text();
}

provider_verdict read_verdict(const outgoing_answer& answer)
{
    if (answer.failure != outgoing_failure::none)
        return no_user(verdict::failed, std::string{to_text(answer.failure)});
    const std::string status = "status " + std::to_string(answer.status);
    if (answer.status >= 400 && answer.status < 500 && !blames_the_asker(answer.status))
        return no_user(verdict::refused, "refused: " + status);
    if (answer.status != 200)
        return no_user(verdict::failed, "did not judge: " + status);

    std::vector<violation> problems;
    recognised_user user;
    if (const auto body = parse_json(answer.body, problems)) {
        if (body->boolean("accepted") == false)
            return no_user(verdict::refused, "refused: " + status);
        user.user_id = body->text("userId", {.bytes_max = registry::user_id_bytes_max, .required = true}).value_or("");
        user.commit = body->boolean("commit").value_or(false);
        if (body->object("customAttributes"))
            user.custom_attributes = body->json("customAttributes");
        user.flags = decode_flags(*body, "flags").value_or(std::vector<std::string>{});
        user.name = body->text("name", {.characters_max = registry::name_characters_max}).value_or("");
    }
    if (problems.empty())
        return {verdict::recognised, std::move(user), {}};
    const violation& first = problems.front(); // its hint is ours; its value is not told
    return no_user(verdict::failed,
                   "answered what cannot be used: " + first.field + (first.field.empty() ? "" : " ") + first.hint);
}

void provider_reports::failed(const registry::application& whose, std::string_view request_id, std::string_view why,
                              registry::time_ms now)
{
    std::uint64_t left_out = 0;
    {
        const std::lock_guard lock{mutex_};
        quiet& mine = applications_[whose.id];
        // Also when the clock was set back by more than the pause.
        if (now < mine.until && mine.until - now <= report_pause_ms) {
            ++mine.left_out;
            return;
        }
        mine.until = now + report_pause_ms;
        left_out = std::exchange(mine.left_out, 0);
    }
    const auto url =
        whose.settings.provider ? registry::parse_provider_url(whose.settings.provider->url) : std::nullopt;
    std::string line = "request " + std::string{request_id} + ": the provider of " + whose.id + " at ";
    line += (url ? server_of(*url) : "no address") + ' ' + std::string{why};
    if (left_out > 0)
        line += "; " + std::to_string(left_out) + " more since the line before";
    log_.warn(line);
}

kv::result<outgoing_permit> enter_provider(services& svc, const registry::application& whose,
                                           const request& on_behalf_of)
{
    auto permit = svc.outgoing.enter(whose.id);
    if (permit)
        return permit;
    svc.provider_failures.failed(whose, on_behalf_of.log_name(), "was not asked: too many calls are under way",
                                 svc.clock.now());
    return registry::errc::providers_busy;
}

task<kv::result<recognised_user>> ask_provider(services& svc, const registry::application& whose,
                                               const provider_question& asked, const request& on_behalf_of,
                                               outgoing_permit permit)
{
    const registry::provider_settings& provider = whose.settings.provider.value();
    outgoing_request call;
    call.to = registry::parse_provider_url(provider.url).value();
    if (whose.provider_secret)
        call.bearer = whose.provider_secret->view();
    call.request_id = on_behalf_of.request_id;
    call.body = write_question(asked, whose.id);
    call.timeout = std::chrono::milliseconds{provider.timeout_ms};

    const auto answer = co_await svc.outgoing.post(call, std::move(permit));
    auto judged = read_verdict(answer);
    if (judged.what == verdict::recognised)
        co_return std::move(judged.user);
    svc.provider_failures.failed(whose, on_behalf_of.log_name(), judged.why, svc.clock.now());
    co_return judged.what == verdict::refused ? registry::errc::not_recognised : registry::errc::provider_failed;
}

} // namespace doorward::handlers
