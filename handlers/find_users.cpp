// GET /v2/users: users by the beginning of their ids, for whoever types one

#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "registry/limits.hpp"
#include "registry/store.hpp"

namespace doorward::handlers {
namespace {

struct user_search {
    std::string prefix;
    std::size_t limit = registry::found_users_default;
};

user_search decode_user_search(std::string_view query, std::vector<violation>& violations)
{
    user_search out;
    bool is_given = false;
    for (const auto& [name, value] : decode_query(query, violations)) {
        if (name == "prefix") {
            is_given = true;
            out.prefix = decode_text(name, value, registry::user_id_bytes_max, violations);
        } else if (name == "limit") {
            const auto limit = decode_number(name, value, 1, registry::found_users_max, violations);
            out.limit = static_cast<std::size_t>(limit.value_or(1));
        }
    }
    if (violations.empty() && (!is_given || out.prefix.empty() || out.prefix.size() > registry::user_id_bytes_max))
        violations.push_back({"prefix", "", "is required: 1 to 255 bytes"});
    return out;
}

struct found_users {
    std::vector<std::string> ids;
    bool is_complete = true; // there are no more than these
};

found_users find_users_in(const registry::snapshot& txn, const user_search& wanted, const registry::account& who)
{
    found_users out;
    std::size_t looked_at = 0;
    registry::scan_users_with_prefix(
        txn, wanted.prefix, [&](std::string_view user_id, registry::registration_number number) {
            using registry::next_of_users;
            if (++looked_at > registry::page_scan_rows_max || out.ids.size() == wanted.limit) {
                out.is_complete = false;
                return next_of_users::nothing;
            }
            const auto record = registry::find_registration(txn, number);
            if (!record || !who.may_see(record->application_id))
                return next_of_users::registration;
            out.ids.emplace_back(user_id);
            return next_of_users::user;
        });
    return out;
}

} // namespace

task<response> find_users(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_user_search(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto read = [&svc, who = asked.who, wanted = std::move(wanted)] {
        return svc.journal.view([&](const registry::snapshot& txn) { return find_users_in(txn, wanted, *who); });
    };
    const auto found = co_await read_aside(svc, std::move(read));
    if (!found)
        co_return problem(found.error());
    json_writer out;
    out.object().key("users").array();
    for (const std::string& each : found->ids)
        out.object().member("userId", each).end();
    response answer;
    answer.body = out.end().member("complete", found->is_complete).end().text();
    co_return answer;
}

} // namespace doorward::handlers
