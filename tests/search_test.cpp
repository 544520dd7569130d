// Registrations by what they are like: criteria, lists with filters (REGISTRATION-API.md R2) and look-ups (R13).

#include "handlers/permissions.hpp"
#include "registry/criteria.hpp"
#include "registry/store.hpp"
#include "tests/support.hpp"

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::full_registration;
using registry::registration_criteria;
using registry::state;

full_registration some_registration()
{
    full_registration out;
    out.record.application_id = "app";
    out.record.name = "Petra's Phone";
    out.record.platform = "android";
    out.record.flags = {"A", "B"};
    out.record.created_at = 100;
    out.attempts.word = registry::attempt_word::first().moved(state::active, 0);
    out.attempts.last_used_at = 200;
    return out;
}

std::vector<std::string> ids_of(const answer& list)
{
    BOOST_TEST_REQUIRE(list.status == 200U, list.text);
    std::vector<std::string> out;
    for (const json& each : list.body.at("registrations"))
        out.push_back(each.at("registrationId"));
    return out;
}

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

// Three registrations of alice and one of bob, some with phones; one of another application's user alice.
struct search_world : scratch_world {
    search_world()
    {
        clock.set(1000);
        first = create("alice", {{"flags", {"VIP", "OLD"}}, {"name", "Alice's Tablet"}}).id;
        clock.set(2000);
        second = enrol(*this, {{"flags", {"VIP"}}}).id;
        clock.set(3000);
        third = create("alice").id;
        bobs = create("bob", {{"flags", {"VIP"}}}).id;
        const json body{{"userId", "alice"}, {"appId", "other"}};
        foreign = office("POST", "/v2/registrations", body.dump(), "stranger").body.at("registrationId");
    }

    answer list(const std::string& query, std::string_view who = "office")
    {
        return office("GET", "/v2/registrations?" + query, {}, who);
    }
    std::vector<std::string> of_alice(const std::string& more) { return ids_of(list("userId=alice" + more)); }
    answer lookup(const json& body, std::string_view who = "office")
    {
        return office("POST", "/v2/registrations/lookup", body.dump(), who);
    }
    std::vector<std::string> found(const json& body, std::string_view who = "office")
    {
        return ids_of(lookup(body, who));
    }

    std::string first, second, third, bobs, foreign;
};

using ids = std::vector<std::string>;
constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

} // namespace

BOOST_AUTO_TEST_SUITE(criteria)

BOOST_AUTO_TEST_CASE(what_is_named_must_hold)
{
    using change = void (*)(registration_criteria&);
    const struct {
        const char* what;
        change say;
        bool matches;
    } table[]{
        {"nothing", [](registration_criteria&) {}, true},
        {"its application",
         [](registration_criteria& c) {
             c.application_ids = {"other", "app"};
         },
         true},
        {"another application", [](registration_criteria& c) { c.application_ids = {"other"}; }, false},
        {"its state",
         [](registration_criteria& c) {
             c.states = {state::blocked, state::active};
         },
         true},
        {"another state", [](registration_criteria& c) { c.states = {state::blocked}; }, false},
        {"a flag of its", [](registration_criteria& c) { c.flags = {"B"}; }, true},
        {"all its flags",
         [](registration_criteria& c) {
             c.flags = {"A", "B"};
         },
         true},
        {"a flag that it lacks",
         [](registration_criteria& c) {
             c.flags = {"A", "C"};
         },
         false},
        {"its platform", [](registration_criteria& c) { c.platform = "android"; }, true},
        {"its platform in capitals", [](registration_criteria& c) { c.platform = "Android"; }, true},
        {"a part of its platform", [](registration_criteria& c) { c.platform = "andro"; }, false},
        {"its name", [](registration_criteria& c) { c.name_part = "Petra's Phone"; }, true},
        {"a part of its name", [](registration_criteria& c) { c.name_part = "A'S PH"; }, true},
        {"more than its name", [](registration_criteria& c) { c.name_part = "Petra's Phones"; }, false},
        {"used from then on", [](registration_criteria& c) { c.last_used.after = 200; }, true},
        {"used later", [](registration_criteria& c) { c.last_used.after = 201; }, false},
        {"used before", [](registration_criteria& c) { c.last_used.before = 201; }, true},
        {"used until then", [](registration_criteria& c) { c.last_used.before = 200; }, false},
        {"made from then on", [](registration_criteria& c) { c.created.after = 100; }, true},
        {"made later", [](registration_criteria& c) { c.created.after = 101; }, false},
        {"made before", [](registration_criteria& c) { c.created.before = 101; }, true},
        {"made until then", [](registration_criteria& c) { c.created.before = 100; }, false},
    };
    for (const auto& each : table)
        BOOST_TEST_CONTEXT(each.what)
        {
            registration_criteria wanted;
            each.say(wanted);
            BOOST_TEST(wanted.matches(some_registration()) == each.matches);
        }
}

BOOST_AUTO_TEST_CASE(removed_ones_are_meant_only_when_that_is_said)
{
    auto one = some_registration();
    one.attempts.word = one.attempts.word.moved(state::removed, 0);
    registration_criteria wanted;
    BOOST_TEST(!wanted.matches(one));
    wanted.removed = true;
    BOOST_TEST(wanted.matches(one));
    wanted = {};
    wanted.states = {state::removed};
    BOOST_TEST(wanted.matches(one));
    wanted.states = {state::active};
    wanted.removed = true; // a list of states is exact
    BOOST_TEST(!wanted.matches(one));
}

BOOST_AUTO_TEST_CASE(one_that_was_never_used_counts_as_used_when_it_was_made)
{
    auto one = some_registration();
    one.attempts.last_used_at = 0;
    BOOST_TEST(registry::last_used_at(one) == 100);
    registration_criteria wanted;
    wanted.last_used = {100, 101};
    BOOST_TEST(wanted.matches(one));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(registration_lists, search_world)

BOOST_AUTO_TEST_CASE(lists_are_filtered)
{
    const std::string none;
    const struct {
        std::string query;
        ids expected;
    } table[]{
        {"", {third, second, first}},
        {"&flag=VIP", {second, first}},
        {"&flag=VIP&flag=OLD", {first}},
        {"&flag=OLD&flag=NEW", {}},
        {"&platform=ANDROID", {second}},
        {"&platform=ios", {}},
        {"&name=tablet", {first}},
        {"&name=s%20T", {first}},
        {"&createdAfter=2000", {third, second}},
        {"&createdBefore=2000", {first}},
        {"&createdAfter=2000&createdBefore=3000", {second}},
        {"&lastUsedBefore=2000", {first}},
        {"&lastUsedAfter=2000&lastUsedBefore=3000", {second}},
        {"&flag=VIP&status=ACTIVE&createdAfter=1", {second}},
        {"&flag=VIP&flag=VIP", {second, first}},
        {"&appId=app&appId=app", {third, second, first}},
        {"&appId=", {third, second, first}},
    };
    for (const auto& each : table)
        BOOST_TEST_CONTEXT(each.query)
        {
            BOOST_TEST(of_alice(each.query) == each.expected, boost::test_tools::per_element());
        }
}

BOOST_AUTO_TEST_CASE(what_contradicts_itself_is_a_mistake)
{
    const std::pair<const char*, const char*> table[]{
        {"&removed=false&status=REMOVED", "removed"},
        {"&lastUsedAfter=5&lastUsedBefore=5", "lastUsedBefore"},
        {"&createdAfter=6&createdBefore=5", "createdBefore"},
        {"&createdAfter=6&lastUsedBefore=5", "lastUsedBefore"},
        {"&appId=app&appId=other", "appId"},
        {"&userId=bob", "userId"},
        {"&name=a&name=b", "name"},
        {"&removed=true&removed=false", "removed"},
        {"&platform=a&platform=b", "platform"},
        {"&createdAfter=1&createdAfter=2", "createdAfter"},
    };
    for (const auto& [query, field] : table)
        BOOST_TEST(complains_of(list(std::string{"userId=alice"} + query), field), query);
}

BOOST_AUTO_TEST_CASE(bad_filters_are_mistakes)
{
    const std::pair<std::string, const char*> table[]{
        {"&createdAfter=x", "createdAfter"},
        {"&createdBefore=-1", "createdBefore"},
        {"&lastUsedAfter=1.5", "lastUsedAfter"},
        {"&lastUsedBefore=", "lastUsedBefore"},
        {"&flag=" + std::string(256, 'x'), "flag"},
        {"&platform=" + std::string(33, 'x'), "platform"},
        {"&name=a%00b", "name"},
    };
    for (const auto& [query, field] : table)
        BOOST_TEST(complains_of(list("userId=alice" + query), field), query);
    std::string many;
    for (std::size_t i = 0; i <= registry::flags_max; ++i)
        many += "&flag=F" + std::to_string(i);
    BOOST_TEST(complains_of(list("userId=alice" + many), "flag"));
}

BOOST_AUTO_TEST_CASE(who_may_sees_the_registrations_of_everybody)
{
    BOOST_TEST(ids_of(list("", "admin")) == (ids{foreign, bobs, third, second, first}),
               boost::test_tools::per_element());
    BOOST_TEST(ids_of(list("flag=VIP", "admin")) == (ids{bobs, second, first}), boost::test_tools::per_element());
    BOOST_TEST(ids_of(list("appId=other", "admin")) == (ids{foreign}), boost::test_tools::per_element());
    BOOST_TEST(complains_of(list(""), "userId"));
    BOOST_TEST(complains_of(list("userId=", "admin"), "userId")); // a mistake, not a wish for everybody
    registry::account who;
    for (const auto each : registry::all_roles) {
        who.its_role = each;
        const bool may =
            each == registry::role::admin || each == registry::role::auditor || each == registry::role::human_operator;
        BOOST_TEST(handlers::may_list_everybody(who) == may);
    }
}

BOOST_AUTO_TEST_CASE(pages_of_everybody_are_stable_while_others_come)
{
    const auto one = list("limit=2", "admin");
    BOOST_TEST(ids_of(one) == (ids{foreign, bobs}), boost::test_tools::per_element());
    create("carol");
    const auto two = list("limit=2&cursor=" + one.body.at("nextCursor").get<std::string>(), "admin");
    BOOST_TEST(ids_of(two) == (ids{third, second}), boost::test_tools::per_element());
    const auto three = list("limit=2&cursor=" + two.body.at("nextCursor").get<std::string>(), "admin");
    BOOST_TEST(ids_of(three) == (ids{first}), boost::test_tools::per_element());
    BOOST_TEST(!three.body.contains("nextCursor"));
}

BOOST_AUTO_TEST_CASE(a_list_of_everybody_writes_down_who_is_late)
{
    clock.advance(registry::registration_expiry_default_ms);
    BOOST_TEST(ids_of(list("", "admin")) == (ids{second}), boost::test_tools::per_element());
    BOOST_TEST(status(first) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(children_are_filtered_too)
{
    const auto got = office("GET", "/v2/registrations/" + second + "/children?flag=A&createdAfter=9&createdBefore=3");
    BOOST_TEST(complains_of(got, "createdBefore"));
    BOOST_TEST(office("GET", "/v2/registrations/" + second + "/children?flag=A").status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(registration_lookup, search_world)

BOOST_AUTO_TEST_CASE(users_are_looked_up_together_newest_first)
{
    BOOST_TEST(found({{"userIds", {"alice", "bob", "nobody"}}}) == (ids{bobs, third, second, first}),
               boost::test_tools::per_element());
    BOOST_TEST(found({{"userIds", {"bob", "alice", "bob"}}}) == (ids{bobs, third, second, first}),
               boost::test_tools::per_element());
    BOOST_TEST(found({{"userIds", {"nobody"}}}).empty());
    BOOST_TEST(found({{"userIds", json::array()}}).empty());
    BOOST_TEST(found({{"userIds", {"alice"}}}, "stranger") == (ids{foreign}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(registrations_are_looked_up_together_newest_first)
{
    const json wanted{first, bobs, foreign, nobodys_id, "no id", second, first};
    BOOST_TEST(found({{"registrationIds", wanted}}) == (ids{bobs, second, first}), boost::test_tools::per_element());
    BOOST_TEST(found({{"registrationIds", wanted}}, "admin") == (ids{foreign, bobs, second, first}),
               boost::test_tools::per_element());
    BOOST_TEST(lookup({{"registrationIds", {second}}}).body.at("registrations").at(0) == detail(second));
}

BOOST_AUTO_TEST_CASE(lookups_are_filtered)
{
    const json users{"alice", "bob"};
    const std::pair<json, ids> table[]{
        {{{"flags", {"VIP"}}}, {bobs, second, first}},
        {{{"flags", {"OLD", "VIP"}}}, {first}},
        {{{"appIds", {"app", "other"}}, {"status", {"ACTIVE"}}}, {second}},
        {{{"appIds", {"other"}}}, {}},
        {{{"lastUsedAfter", 2000}, {"lastUsedBefore", 3000}}, {second}},
        {{{"createdBefore", 2000}}, {first}},
        {{{"platform", "android"}}, {second}},
        {{{"name", "TABLET"}}, {first}},
        {{{"status", {"REMOVED"}}}, {}},
    };
    for (const auto& [more, expected] : table)
        BOOST_TEST_CONTEXT(more)
        {
            json body{{"userIds", users}};
            body.update(more);
            BOOST_TEST(found(body) == expected, boost::test_tools::per_element());
        }
    BOOST_TEST(office("DELETE", "/v2/registrations/" + third).status == 200U);
    BOOST_TEST(found({{"registrationIds", {third}}}).empty());
    BOOST_TEST(found({{"registrationIds", {third}}, {"removed", true}}) == (ids{third}),
               boost::test_tools::per_element());
    BOOST_TEST(found({{"registrationIds", {third}}, {"status", {"REMOVED"}}}) == (ids{third}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lookups_come_in_pages_that_are_the_whole)
{
    const json questions[]{{{"userIds", {"alice", "bob"}}}, {{"registrationIds", {first, second, third, bobs}}}};
    for (json body : questions)
        for (int limit = 1; limit <= 4; ++limit) {
            ids all;
            body["limit"] = limit;
            body.erase("cursor");
            for (bool more = true; more;) {
                const auto page = lookup(body);
                const auto part = ids_of(page);
                BOOST_TEST(part.size() <= static_cast<std::size_t>(limit));
                all.insert(all.end(), part.begin(), part.end());
                more = page.body.contains("nextCursor");
                if (more)
                    body["cursor"] = page.body.at("nextCursor");
            }
            BOOST_TEST(all == (ids{bobs, third, second, first}), boost::test_tools::per_element());
        }
}

BOOST_AUTO_TEST_CASE(bad_lookups_are_mistakes)
{
    json thousand = json::array();
    for (std::size_t i = 0; i < registry::lookup_names_max; ++i)
        thousand.push_back("user-" + std::to_string(i));
    BOOST_TEST(found({{"userIds", thousand}}).empty());
    thousand.push_back("one more");
    const std::pair<json, const char*> table[]{
        {json::object(), "userIds"},
        {{{"userIds", {"a"}}, {"registrationIds", {first}}}, "userIds"},
        {{{"userIds", "a"}}, "userIds"},
        {{{"userIds", {""}}}, "userIds"},
        {{{"userIds", {std::string(256, 'x')}}}, "userIds"},
        {{{"userIds", {std::string(200, 'x') + std::string(56, '\x7e')}}}, "userIds"},
        {{{"userIds", thousand}}, "userIds"},
        {{{"registrationIds", thousand}}, "registrationIds"},
        {{{"userIds", {"a"}}, {"status", {"GONE"}}}, "status"},
        {{{"userIds", {"a"}}, {"appIds", thousand}}, "appIds"},
        {{{"userIds", {"a"}}, {"removed", false}, {"status", {"REMOVED"}}}, "removed"},
        {{{"userIds", {"a"}}, {"limit", 0}}, "limit"},
        {{{"userIds", {"a"}}, {"limit", 1001}}, "limit"},
        {{{"userIds", {"a"}}, {"cursor", "x"}}, "cursor"},
        {{{"userIds", {"a"}}, {"lastUsedAfter", 2}, {"lastUsedBefore", 1}}, "lastUsedBefore"},
    };
    for (const auto& [body, field] : table)
        BOOST_TEST(complains_of(lookup(body), field), field << " of " << body.dump().substr(0, 100));
    BOOST_TEST(office("POST", "/v2/registrations/lookup", "[]").code() == "ERROR_REQUEST");
    BOOST_TEST(office("POST", "/v2/registrations/lookup", "{}", "").status == 401U);
}

BOOST_AUTO_TEST_SUITE_END()
