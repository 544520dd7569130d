// GET /v2/audit/log and GET /audit/log (REGISTRATION-API.md M5): newest first.

#include "handlers/endpoint.hpp"
#include "handlers/event_json.hpp"
#include "handlers/page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::event_sequence;
using registry::time_ms;

constexpr std::size_t event_types_max = 32; // named in one question

struct audit_request {
    std::optional<registry::uuid> registration;
    std::string user_id;
    std::string application_id;
    std::string account;
    std::vector<std::string> types; // empty: all
    time_ms from = 0;
    time_ms to = 0;
    page_request page;
};

constexpr time_ms latest = std::numeric_limits<time_ms>::max();

std::string decode_key_text(const std::string& name, const std::string& value, std::size_t bytes_max,
                            std::vector<violation>& violations)
{
    if (!value.empty() && value.size() <= bytes_max && value.find('\0') == std::string::npos)
        return value;
    violations.push_back({name, echo(value), "must be 1 to " + std::to_string(bytes_max) + " bytes"});
    return {};
}

audit_request decode_audit(std::string_view query, time_ms now, std::vector<violation>& violations)
{
    audit_request out;
    std::optional<time_ms> from;
    std::optional<time_ms> to;
    const auto parameters = decode_query(query, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "registrationId") {
            out.registration = registry::uuid::parse(value);
            if (!out.registration)
                violations.push_back({name, echo(value), "must be the id of a registration"});
        } else if (name == "userId") {
            if (value != "*") // "all", as clients of PowerAuth Cloud ask
                out.user_id = decode_key_text(name, value, registry::user_id_bytes_max, violations);
        } else if (name == "appId") {
            out.application_id = decode_key_text(name, value, registry::application_id_bytes_max, violations);
        } else if (name == "account") {
            out.account = decode_key_text(name, value, registry::username_bytes_max, violations);
        } else if (name == "eventType") {
            out.types.push_back(decode_key_text(name, value, registry::event_action_bytes_max, violations));
        } else if (name == "timestampFrom") {
            from = decode_number(name, value, 0, latest, violations);
        } else if (name == "timestampTo") {
            to = decode_number(name, value, 0, latest, violations);
        }
    }
    if (out.types.size() > event_types_max)
        violations.push_back({"eventType", "", "may be given 32 times"});
    out.page = decode_page(parameters, violations);
    out.to = to.value_or(latest);
    out.from = from.value_or(std::max(std::min(now, out.to) - registry::audit_period_ms, time_ms{0}));
    return out;
}

// The narrowest range that holds all that is asked for; empty where there can be nothing.
std::optional<registry::event_filter> choose_filter(const kv::read_txn& txn, const audit_request& wanted)
{
    using registry::event_filter;
    if (wanted.registration) {
        const auto number = registry::find_number(txn, *wanted.registration);
        return number ? std::optional{event_filter::of_registration(*number)} : std::nullopt;
    }
    if (!wanted.user_id.empty())
        return event_filter::of_user(wanted.user_id);
    if (!wanted.account.empty())
        return event_filter::of_account(wanted.account);
    if (!wanted.application_id.empty())
        return event_filter::of_application(wanted.application_id);
    return event_filter::everything();
}

bool is_by_or_about(const registry::event& what, const std::string& account)
{
    const auto* done = what.of_administration();
    return what.who.account == account ||
           (done != nullptr && done->about == registry::event_subject::account && done->subject == account);
}

bool is_wanted(const registry::event& what, const audit_request& wanted)
{
    const auto* change = what.of_registration();
    return what.at >= wanted.from && what.at <= wanted.to &&
           (!wanted.registration || (change != nullptr && change->id == *wanted.registration)) &&
           (wanted.user_id.empty() || what.user_id == wanted.user_id) &&
           (wanted.application_id.empty() || what.application_id == wanted.application_id) &&
           (wanted.account.empty() || is_by_or_about(what, wanted.account)) &&
           (wanted.types.empty() || std::ranges::find(wanted.types, what.type()) != wanted.types.end());
}

std::string read_audit(const services& svc, const registry::account& who, const audit_request& wanted)
{
    constexpr time_ms slack = registry::audit_clock_slack_ms;
    std::optional<event_sequence> next;
    std::size_t written = 0;
    std::size_t looked_at = 0;
    json_writer out;
    out.object().key("items").array();
    svc.journal.view([&](const registry::snapshot& txn) {
        const auto which = choose_filter(txn, wanted);
        if (!which)
            return;
        // Times grow with sequences, but for clocks that were set back.
        const auto oldest = registry::first_event_since(txn, wanted.from - slack);
        auto before = wanted.page.before;
        if (wanted.to < latest - slack) {
            const auto too_new = registry::first_event_since(txn, wanted.to + slack + 1);
            before = before == 0 ? too_new : std::min(before, too_new);
        }
        registry::scan_events_back(txn, *which, before, [&](const registry::stored_event& each) {
            if (each.place.sequence < oldest)
                return false;
            const bool shown = who.may_see(each.what.application_id) && is_wanted(each.what, wanted);
            if ((shown && written == wanted.page.limit) || ++looked_at > registry::page_scan_rows_max) {
                next = each.place.sequence + 1;
                return false;
            }
            if (shown) {
                write_audit_row(out, each);
                ++written;
            }
            return true;
        });
    });
    out.end();
    if (next)
        out.member("nextCursor", write_cursor(*next));
    return out.end().text();
}

} // namespace

task<response> audit_log(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode_audit(asked.req.query, svc.clock.now(), violations);
    if (!violations.empty())
        co_return problem(violations);
    if (wanted.from > wanted.to)
        co_return problem(office_problem::audit_period_invalid);
    auto read = [&svc, who = asked.who, wanted] { return read_audit(svc, *who, wanted); };
    auto text = co_await read_aside(svc, std::move(read));
    if (!text)
        co_return problem(text.error());
    response answer;
    answer.body = *std::move(text);
    co_return answer;
}

} // namespace doorward::handlers
