// PUT, GET and DELETE /v2/users/{userId}/claims: what the phones of a user are told about him. The claims belong to one
// application: user ids are the business of whoever hands them out, and an account may name any in its own application.

#include "handlers/user_claims.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"
#include "registry/changes.hpp"

#include <algorithm>
#include <limits>

namespace doorward::handlers {
namespace {

constexpr std::size_t address_members_max = 16;

enum class kind { text, date, flag, seconds, address };

// The claims that phones understand (PROTOCOL.md 11.10), beside `sub`.
constexpr std::pair<std::string_view, kind> known_claims[]{
    {"name", kind::text},
    {"given_name", kind::text},
    {"family_name", kind::text},
    {"middle_name", kind::text},
    {"nickname", kind::text},
    {"preferred_username", kind::text},
    {"profile", kind::text},
    {"picture", kind::text},
    {"website", kind::text},
    {"email", kind::text},
    {"email_verified", kind::flag},
    {"phone_number", kind::text},
    {"phone_number_verified", kind::flag},
    {"gender", kind::text},
    {"birthdate", kind::date},
    {"zoneinfo", kind::text},
    {"locale", kind::text},
    {"address", kind::address},
    {"updated_at", kind::seconds},
};

// yyyy-MM-dd, and there is such a day.
bool is_date(std::string_view text)
{
    const auto digits = [text](std::size_t from, std::size_t count) {
        int out = 0;
        for (const char c : text.substr(from, count)) {
            if (c < '0' || c > '9')
                return -1;
            out = out * 10 + (c - '0');
        }
        return out;
    };
    if (text.size() != 10 || text[4] != '-' || text[7] != '-')
        return false;
    const int year = digits(0, 4);
    const int month = digits(5, 2);
    const int day = digits(8, 2);
    return year >= 0 && month >= 0 && day >= 0 &&
           std::chrono::year_month_day{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                       std::chrono::day{static_cast<unsigned>(day)}}
               .ok();
}

void check_claim(const json_object& from, const std::string& name)
{
    constexpr text_rule any_text{.bytes_max = registry::claims_bytes_max};
    const auto* const known = std::ranges::find(known_claims, name, &std::pair<std::string_view, kind>::first);
    if (known == std::end(known_claims)) {
        if (!is_clean_text(name, registry::claim_name_characters_max) || name.empty())
            from.complain(name, "names of claims have 1 to 64 characters");
        else if (!from.is_scalar(name))
            from.complain(name, "must be a text, a number, true or false");
        return;
    }
    switch (known->second) {
    case kind::text:
        static_cast<void>(from.text(name, any_text));
        break;
    case kind::date:
        if (const auto text = from.text(name, any_text); text && !is_date(*text))
            from.complain(name, "must be a date, yyyy-MM-dd");
        break;
    case kind::flag:
        static_cast<void>(from.boolean(name));
        break;
    case kind::seconds:
        static_cast<void>(from.integer(name, 0, std::numeric_limits<std::int64_t>::max()));
        break;
    case kind::address:
        if (const auto address = from.object(name))
            static_cast<void>(address->all_texts(address_members_max, registry::claims_bytes_max));
        break;
    }
}

// The claims of a body, with `sub` in front: the JSON that phones are told.
std::string decode_claims(const call& asked, std::string_view user_id, std::vector<violation>& violations)
{
    const auto top = parse_body(asked, violations);
    if (!top)
        return {};
    const auto names = top->names();
    if (names.size() > registry::claims_max) {
        violations.push_back({"", "", "must be at most 128 claims"});
        return {};
    }
    json_writer out;
    out.object().member("sub", user_id);
    for (const std::string& name : names) {
        if (name == "sub") {
            if (top->text(name, {.bytes_max = registry::user_id_bytes_max}) != user_id)
                top->complain(name, "is the user id, and nothing else");
            continue;
        }
        check_claim(*top, name);
        out.key(name).raw(*top->json(name));
    }
    std::string json = out.end().text();
    if (json.size() > registry::claims_bytes_max)
        violations.push_back({"", "", "all claims together must have at most 4096 bytes"});
    return json;
}

// Whose claims a call is about.
struct claims_owner {
    std::string application_id;
    std::string user_id;
};

// The application may be left out where only one comes into question.
claims_owner decode_owner(const call& asked, services& svc, std::vector<violation>& violations)
{
    claims_owner out{{}, asked.first};
    if (out.user_id.empty() || out.user_id.size() > registry::user_id_bytes_max ||
        !is_clean_text(out.user_id, registry::user_id_bytes_max))
        violations.push_back({"userId", "", "must have 1 to 255 bytes, without control characters"});
    for (const auto& [name, value] : decode_query(asked.req.query, violations)) {
        if (name == "appId")
            out.application_id = value;
    }
    std::vector<std::string> visible;
    for (const auto& each : svc.directory.all_applications()) {
        if (asked.who->may_see(each->id))
            visible.push_back(each->id);
    }
    if (out.application_id.empty() && visible.size() == 1)
        out.application_id = visible.front();
    else if (out.application_id.empty())
        violations.push_back({"appId", "", "is required: the account sees more than one application, or none"});
    else if (std::ranges::find(visible, out.application_id) == visible.end())
        violations.push_back({"appId", echo(out.application_id), "no such application"});
    return out;
}

std::string claims_of(services& svc, const claims_owner& whom)
{
    const auto stored = svc.journal.view(
        [&](const registry::snapshot& txn) { return registry::find_claims(txn, whom.application_id, whom.user_id); });
    if (stored)
        return registry::open_claims(svc.sealer, whom.application_id, whom.user_id, *stored);
    return json_writer{}.object().member("sub", whom.user_id).end().text();
}

} // namespace

std::string user_info(services& svc, const registry::registration& of)
{
    return claims_of(svc, {of.application_id, of.user_id});
}

std::string user_info(services& svc, const registry::registration& of, registry::state now)
{
    return now == registry::state::active ? user_info(svc, of)
                                          : json_writer{}.object().member("sub", of.user_id).end().text();
}

task<response> set_user_claims(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto whom = decode_owner(asked, svc, violations);
    const auto json = decode_claims(asked, whom.user_id, violations);
    if (!violations.empty())
        co_return problem(violations);
    registry::set_claims change{
        whom.application_id,
        whom.user_id,
        registry::stored_claims{registry::seal_claims(svc.sealer, whom.application_id, whom.user_id, json),
                                svc.clock.now()},
    };
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    response answer;
    answer.body = json;
    co_return answer;
}

task<response> show_user_claims(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto whom = decode_owner(asked, svc, violations);
    if (!violations.empty())
        co_return problem(violations);
    response answer;
    answer.body = claims_of(svc, whom);
    co_return answer;
}

task<response> remove_user_claims(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto whom = decode_owner(asked, svc, violations);
    if (!violations.empty())
        co_return problem(violations);
    registry::set_claims change{whom.application_id, whom.user_id, std::nullopt};
    if (const auto ec = co_await commit(svc, change))
        co_return problem(ec);
    co_return ok();
}

} // namespace doorward::handlers
