// Accounts of the office side and their tokens.

#include "tests/support.hpp"

#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::right;
using registry::role;

constexpr const char* a_list = "/v2/registrations?userId=alice";

void check_error(const answer& got, unsigned status, std::string_view code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code, got.text);
}

void check_violation(const answer& got, std::string_view field)
{
    check_error(got, 400, "ERROR_REQUEST");
    const auto fields = got.violated();
    BOOST_TEST((std::ranges::find(fields, field) != fields.end()), got.text);
}

struct accounts_world : scratch_world {
    answer admin(std::string_view method, std::string_view target, const json& body = json::object())
    {
        return office(method, target, body.dump(), "admin");
    }

    answer with_header(std::string authorization, std::string_view target = a_list)
    {
        auto req = office_request("GET", target, {}, {});
        req.authorization = std::move(authorization);
        return call(handlers::side::office, req);
    }
    answer with_password(const std::string& name, const std::string& password, std::string_view target = a_list)
    {
        return with_header("Basic " + crypto::to_base64(crypto::as_bytes(name + ':' + password)), target);
    }
    answer with_token(const std::string& token, std::string_view target = a_list)
    {
        return with_header("Bearer " + token, target);
    }

    std::string make_token(const std::string& username, const json& body)
    {
        const auto made = admin("POST", "/admin/users/" + username + "/tokens", body);
        BOOST_TEST_REQUIRE(made.status == 200U, made.text);
        return made.body.at("token");
    }

    std::vector<json> tokens(const std::string& username)
    {
        const auto shown = admin("GET", "/admin/users/" + username + "/tokens");
        BOOST_TEST_REQUIRE(shown.status == 200U, shown.text);
        return shown.body.at("tokens");
    }
};

std::vector<std::string> names_of(const std::vector<json>& tokens)
{
    std::vector<std::string> out;
    for (const json& each : tokens)
        out.push_back(each.at("name"));
    return out;
}

// All bytes of the store's file.
std::string file_of(const kv::env& env)
{
    std::string out;
    env.view([&](const kv::read_txn& txn) {
        for (unsigned table = 0; table < std::size(registry::tables::names); ++table)
            txn.scan(kv::table{table}, {}, [&](kv::bytes_view key, kv::bytes_view value) {
                out += crypto::as_text(key);
                out += crypto::as_text(value);
                return true;
            });
    });
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(accounts)

BOOST_AUTO_TEST_CASE(an_account_is_made_with_its_role_and_rights)
{
    accounts_world world;
    const auto made = world.admin("POST", "/admin/users",
                                  {{"username", "desk"}, {"role", "OPERATOR"}, {"rights", {"REMOVE", "BULK"}}});
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    BOOST_TEST(made.body.at("username") == "desk");
    BOOST_TEST(made.body.at("role") == json({"OPERATOR"}));
    BOOST_TEST(made.body.at("rights") == json({"REMOVE", "BULK"}));
    BOOST_TEST(made.body.at("enabled") == true);
    BOOST_TEST(made.body.at("applications") == json::array());
    BOOST_TEST(made.body.at("timestampCreated") == world.clock.now());
    BOOST_TEST(world.with_password("desk", made.body.at("password")).status == 200U);

    const auto plain = world.admin("POST", "/admin/users", {{"username", "plain"}, {"role", nullptr}});
    BOOST_TEST(plain.body.at("role") == json({"INTEGRATION"}));
    BOOST_TEST(plain.body.at("rights") == json::array());

    world.restart();
    const auto shown = world.admin("GET", "/admin/users/desk");
    BOOST_TEST(shown.body.at("rights") == json({"REMOVE", "BULK"}));
    BOOST_TEST(!shown.body.contains("password"));
}

BOOST_AUTO_TEST_CASE(what_is_no_role_or_right_is_refused)
{
    accounts_world world;
    check_violation(world.admin("POST", "/admin/users", {{"username", "x"}, {"role", "operator"}}), "role");
    check_violation(world.admin("POST", "/admin/users", {{"username", "x"}, {"role", "DEVICE"}}), "role");
    check_violation(world.admin("POST", "/admin/users", {{"username", "x"}, {"rights", {"UNBLOCK"}}}), "rights");
    check_violation(world.admin("POST", "/admin/users", {{"username", "x"}, {"rights", "REMOVE"}}), "rights");
    check_violation(world.admin("POST", "/admin/users", {{"username", "x y"}}), "username");
    check_violation(world.admin("PATCH", "/admin/users/office", {{"role", "BOSS"}}), "role");
    check_violation(world.admin("PATCH", "/admin/users/office", {{"rights", {"ALL"}}}), "rights");
    check_violation(world.admin("PATCH", "/admin/users/office", {{"enabled", "yes"}}), "enabled");
    check_violation(world.admin("PATCH", "/admin/users/office", {{"username", "back-office"}}), "username");
    check_error(world.admin("GET", "/admin/users/x"), 400, "ERROR_REQUEST");
    BOOST_TEST(world.admin("GET", "/admin/users/office").body.at("enabled") == true);
}

BOOST_AUTO_TEST_CASE(all_accounts_are_listed_by_name)
{
    accounts_world world;
    const auto listed = world.admin("GET", "/admin/users");
    BOOST_TEST_REQUIRE(listed.status == 200U);
    std::vector<std::string> names;
    for (const json& each : listed.body.at("users")) {
        names.push_back(each.at("username"));
        BOOST_TEST(!each.contains("password"));
        BOOST_TEST(each == world.admin("GET", "/admin/users/" + names.back()).body);
    }
    BOOST_TEST((names == std::vector<std::string>{"admin", "office", "stranger"}));
}

BOOST_AUTO_TEST_CASE(unknown_accounts_are_told)
{
    accounts_world world;
    const std::string too_long(300, 'x');
    for (const std::string& name : {std::string{"nobody"}, std::string{"a%20b"}, std::string{"%00"}, too_long})
        BOOST_TEST_CONTEXT(name)
        {
            const std::string path = "/admin/users/" + name;
            for (const auto& [method, rest] :
                 std::vector<std::pair<const char*, std::string>>{{"GET", ""},
                                                                  {"PATCH", ""},
                                                                  {"DELETE", ""},
                                                                  {"POST", "/rotate"},
                                                                  {"POST", "/applications/app"},
                                                                  {"DELETE", "/applications/app"},
                                                                  {"GET", "/tokens"},
                                                                  {"DELETE", "/tokens"},
                                                                  {"DELETE", "/tokens/a"}})
                check_error(world.admin(method, path + rest), 400, "ERROR_REQUEST");
            check_error(world.admin("POST", path + "/tokens", {{"name", "a"}}), 400, "ERROR_REQUEST");
        }
}

// Not only for those who ask next: the password was remembered as right.
BOOST_AUTO_TEST_CASE(a_disabled_account_is_shut_out_at_once)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    BOOST_TEST(world.office("GET", a_list).status == 200U);
    BOOST_TEST(world.with_token(token).status == 200U);
    const auto changed = world.admin("PATCH", "/admin/users/office", {{"enabled", false}});
    BOOST_TEST(changed.status == 200U);
    BOOST_TEST(changed.body.at("enabled") == false);
    check_error(world.office("GET", a_list), 401, "HTTP_401");
    check_error(world.with_token(token), 401, "HTTP_401");
    world.restart();
    check_error(world.office("GET", a_list), 401, "HTTP_401");
    check_error(world.with_token(token), 401, "HTTP_401");
    BOOST_TEST(world.admin("PATCH", "/admin/users/office", {{"enabled", true}}).status == 200U);
    BOOST_TEST(world.office("GET", a_list).status == 200U);
    BOOST_TEST(world.with_token(token).status == 200U);
}

BOOST_AUTO_TEST_CASE(role_and_rights_change_at_once)
{
    accounts_world world;
    const auto made = world.create();
    const auto remove = [&] { return world.office("DELETE", "/v2/registrations/" + made.id).status; };
    BOOST_TEST(world.admin("PATCH", "/admin/users/office", {{"role", "OPERATOR"}}).status == 200U);
    BOOST_TEST(remove() == 403U);
    BOOST_TEST(world.admin("PATCH", "/admin/users/office", {{"rights", {"BULK"}}}).status == 200U);
    BOOST_TEST(remove() == 403U);
    const auto changed = world.admin("PATCH", "/admin/users/office", {{"rights", {"REMOVE"}}});
    BOOST_TEST(changed.body.at("role") == json({"OPERATOR"}));
    BOOST_TEST(changed.body.at("rights") == json({"REMOVE"}));
    BOOST_TEST(remove() == 200U);
    BOOST_TEST(world.history(made.id).back().at("account") == "office");
    // What is absent or null stays.
    const auto same = world.admin("PATCH", "/admin/users/office", {{"role", nullptr}});
    BOOST_TEST(same.body == changed.body);
}

BOOST_AUTO_TEST_CASE(a_removed_account_is_gone_with_its_tokens)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    BOOST_TEST(world.with_token(token).status == 200U);
    const auto gone = world.admin("DELETE", "/admin/users/office");
    BOOST_TEST(gone.status == 200U);
    BOOST_TEST(gone.body == json({{"status", "OK"}}));
    check_error(world.office("GET", a_list), 401, "HTTP_401");
    check_error(world.with_token(token), 401, "HTTP_401");
    check_error(world.admin("DELETE", "/admin/users/office"), 400, "ERROR_REQUEST");
    check_error(world.admin("GET", "/admin/users/office"), 400, "ERROR_REQUEST");
    // One of the same name has nothing of it.
    world.create_account("office", role::integration, {});
    check_error(world.with_token(token), 401, "HTTP_401");
    BOOST_TEST(world.tokens("office").empty());
    world.restart();
    check_error(world.with_token(token), 401, "HTTP_401");
}

BOOST_AUTO_TEST_CASE(the_last_enabled_admin_stays)
{
    accounts_world world;
    world.create_account("asleep", role::admin, {}, false);
    const json changes[]{{{"enabled", false}}, {{"role", "AUDITOR"}}, {{"role", "INTEGRATION"}, {"enabled", false}}};
    for (const json& change : changes)
        check_error(world.admin("PATCH", "/admin/users/admin", change), 409, "ERROR_CONFLICT");
    check_error(world.admin("DELETE", "/admin/users/admin"), 409, "ERROR_CONFLICT");
    BOOST_TEST(world.admin("PATCH", "/admin/users/admin", {{"enabled", true}, {"role", "ADMIN"}}).status == 200U);
    // One that is disabled may go, and does not count.
    BOOST_TEST(world.admin("DELETE", "/admin/users/asleep").status == 200U);

    world.create_account("second", role::admin, {});
    BOOST_TEST(world.admin("PATCH", "/admin/users/admin", {{"enabled", false}}).status == 200U);
    check_error(world.admin("GET", "/admin/users"), 401, "HTTP_401");
    check_error(world.office("DELETE", "/admin/users/second", "{}", "second"), 409, "ERROR_CONFLICT");
    BOOST_TEST(world.office("DELETE", "/admin/users/admin", "{}", "second").status == 200U);
}

// Two admins that remove each other: one is left.
BOOST_AUTO_TEST_CASE(two_admins_cannot_remove_each_other)
{
    for (const bool other_way_round : {false, true}) {
        accounts_world world;
        world.create_account("second", role::admin, {});
        BOOST_TEST(world.admin("GET", "/admin/users").status == 200U);
        BOOST_TEST(world.office("GET", "/admin/users", {}, "second").status == 200U);
        const std::pair<const char*, const char*> both[]{{"admin", "second"}, {"second", "admin"}};
        writer_gate gate{world.writer()};
        std::vector<std::shared_ptr<scratch_world::pending>> sent;
        for (std::size_t i = 0; i < 2; ++i) {
            const auto& [who, whom] = both[other_way_round ? 1 - i : i];
            sent.push_back(
                world.start(handlers::side::office,
                            scratch_world::office_request("DELETE", std::string{"/admin/users/"} + whom, "{}", who)));
        }
        world.poll();
        gate.open();
        world.run();
        std::multiset<unsigned> statuses;
        for (const auto& each : sent)
            statuses.insert(each->done.value().status);
        BOOST_TEST((statuses == std::multiset<unsigned>{200, 409}));
    }
}

BOOST_AUTO_TEST_CASE(a_rotated_password_replaces_the_one_before)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    BOOST_TEST(world.office("GET", a_list).status == 200U);
    const auto rotated = world.admin("POST", "/admin/users/office/rotate");
    BOOST_TEST_REQUIRE(rotated.status == 200U, rotated.text);
    const std::string password = rotated.body.at("password");
    BOOST_TEST(password.size() == 32U);
    BOOST_TEST(rotated.body.at("applications") == json({"app"}));
    check_error(world.office("GET", a_list), 401, "HTTP_401");
    BOOST_TEST(world.with_password("office", password).status == 200U);
    BOOST_TEST(world.with_token(token).status == 200U); // tokens are secrets of their own
    BOOST_TEST(world.admin("POST", "/admin/users/office/rotate").body.at("password") != password);
    check_error(world.with_password("office", password), 401, "HTTP_401");
}

BOOST_AUTO_TEST_CASE(guessing_a_password_is_slowed_down_where_it_is_done)
{
    accounts_world world;
    const auto asked_from = [&world](const registry::source_address& where, const std::string& name,
                                     const std::string& password) {
        auto req = world.office_request("GET", a_list, {}, {});
        const std::string both = name + ':' + password;
        req.authorization = "Basic " + crypto::to_base64(crypto::as_bytes(both));
        req.source = where;
        return world.call(handlers::side::office, req);
    };
    const auto here = v4(192, 0, 2, 1);
    const auto there = v4(192, 0, 2, 2);
    constexpr unsigned most = registry::sign_ins_of_pair_max;
    for (unsigned i = 0; i < most; ++i)
        BOOST_TEST(asked_from(here, "office", "guess " + std::to_string(i)).status == 401U);
    const auto slowed = asked_from(here, "office", "office"); // right, which nobody looks at
    check_error(slowed, 429, "ERROR_RATE_LIMITED");
    BOOST_TEST(slowed.header("Retry-After") == std::to_string(registry::sign_in_window_ms / most / 1000));
    BOOST_TEST(asked_from(here, "nobody", "guess").status == 401U); // each name for itself
    BOOST_TEST(asked_from(there, "office", "office").status == 200U);
    BOOST_TEST(asked_from(here, "office", "office").status == 200U); // remembered by now
    for (unsigned i = 0; i + 1 < most; ++i)
        BOOST_TEST(asked_from(here, "stranger", "guess").status == 401U);
    BOOST_TEST(asked_from(here, "stranger", "stranger").status == 200U); // and is forgiven
    BOOST_TEST(asked_from(here, "stranger", "guess").status == 401U);
    BOOST_TEST(asked_from(here, "office", "guess").status == 429U);
    world.clock.advance(registry::sign_in_window_ms / most);
    BOOST_TEST(asked_from(here, "office", "guess").status == 401U);
    BOOST_TEST(asked_from(here, "office", "guess").status == 429U);
}

BOOST_AUTO_TEST_CASE(an_application_is_taken_out_of_sight)
{
    accounts_world world;
    const auto made = world.create();
    BOOST_TEST(world.admin("POST", "/admin/users/office/applications/other").body.at("applications") ==
               json({"app", "other"}));
    const auto left = world.admin("DELETE", "/admin/users/office/applications/app");
    BOOST_TEST(left.status == 200U);
    BOOST_TEST(left.body.at("applications") == json({"other"}));
    BOOST_TEST(world.office("GET", "/v2/registrations/" + made.id).code() == "ERROR_REGISTRATION_NOT_FOUND");
    // Twice is no error, nor is one that never was in sight.
    BOOST_TEST(world.admin("DELETE", "/admin/users/office/applications/app").body == left.body);
    BOOST_TEST(world.admin("DELETE", "/admin/users/office/applications/never").body == left.body);
    BOOST_TEST(world.admin("POST", "/admin/users/office/applications/app").status == 200U);
    BOOST_TEST(world.office("GET", "/v2/registrations/" + made.id).status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- tokens

BOOST_AUTO_TEST_SUITE(account_tokens)

BOOST_AUTO_TEST_CASE(a_token_stands_for_its_account)
{
    accounts_world world;
    const auto made = world.admin("POST", "/admin/users/office/tokens", {{"name", "ci"}});
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    const std::string token = made.body.at("token");
    BOOST_TEST(registry::is_account_token(token));
    BOOST_TEST(made.body.at("name") == "ci");
    BOOST_TEST(made.body.at("timestampCreated") == world.clock.now());
    BOOST_TEST(!made.body.contains("timestampExpire"));
    BOOST_TEST(!made.body.contains("timestampLastUsed"));

    const auto registration = world.create();
    BOOST_TEST(world.with_token(token, "/v2/registrations/" + registration.id).status == 200U);
    check_error(world.with_token(token, "/admin/users"), 403, "ERROR_FORBIDDEN");
    world.restart();
    BOOST_TEST(world.with_token(token).status == 200U);
    BOOST_TEST(world.with_header("bearer " + token).status == 200U); // the scheme has no case

    // History tells the account.
    auto req = scratch_world::office_request("PUT", "/v2/registrations/" + registration.id + "/flags",
                                             R"({"flags":["A"]})", {});
    req.authorization = "Bearer " + token;
    BOOST_TEST(world.call(handlers::side::office, req).status == 200U);
    BOOST_TEST(world.history(registration.id).back().at("account") == "office");
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused_like_a_wrong_one)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    const auto expected = world.with_token(registry::draw_account_token());
    check_error(expected, 401, "HTTP_401");
    std::string other = token;
    other.back() = other.back() == 'A' ? 'E' : 'A';
    for (const std::string& wrong :
         {other, std::string{}, token + 'A', token.substr(1), token.substr(0, token.size() - 1), ' ' + token,
          token + ' ', std::string(token.size(), 'x'), std::string{"office"}, std::string(1000, 'A')})
        BOOST_TEST_CONTEXT(wrong)
        {
            const auto got = world.with_token(wrong);
            BOOST_TEST(got.status == 401U);
            BOOST_TEST(got.text == expected.text);
        }
    BOOST_TEST(expected.headers.size() == 2U); // says that both ways are open
    BOOST_TEST(world.with_token(token).status == 200U);
}

// Neither the token nor a digest that anybody could make of it.
BOOST_AUTO_TEST_CASE(the_store_has_a_keyed_digest_of_it)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    const std::string file = file_of(world.env());
    BOOST_TEST((file.find(token) == std::string::npos));
    BOOST_TEST((file.find(token.substr(registry::account_token_prefix.size())) == std::string::npos));
    const auto plain = crypto::blake2b<32>(crypto::as_bytes(token));
    BOOST_TEST((file.find(crypto::as_text(plain)) == std::string::npos));
    const auto sha = crypto::sha256(crypto::as_bytes(token));
    BOOST_TEST((file.find(crypto::as_text(sha)) == std::string::npos));
    const auto key = world.services().sealer.derive(registry::account_token_purpose);
    const auto keyed = registry::account_token_digest(token, key);
    BOOST_TEST((file.find(crypto::as_text(keyed)) != std::string::npos));
}

BOOST_AUTO_TEST_CASE(a_token_ends_when_it_says)
{
    accounts_world world;
    const auto end = world.clock.now() + 10'000;
    const auto made = world.admin("POST", "/admin/users/office/tokens", {{"name", "a"}, {"timestampExpire", end}});
    BOOST_TEST(made.body.at("timestampExpire") == end);
    const std::string token = made.body.at("token");
    world.clock.advance(9'999);
    BOOST_TEST(world.with_token(token).status == 200U);
    world.clock.advance(1);
    check_error(world.with_token(token), 401, "HTTP_401");
    BOOST_TEST(names_of(world.tokens("office")) == std::vector<std::string>{"a"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(names_and_ends_of_tokens_have_rules)
{
    accounts_world world;
    const std::string path = "/admin/users/office/tokens";
    const auto now = world.clock.now();
    check_violation(world.admin("POST", path), "name");
    check_violation(world.admin("POST", path, {{"name", ""}}), "name");
    check_violation(world.admin("POST", path, {{"name", "a b"}}), "name");
    check_violation(world.admin("POST", path, {{"name", std::string(65, 'x')}}), "name");
    check_violation(world.admin("POST", path, {{"name", "a"}, {"timestampExpire", now}}), "timestampExpire");
    check_violation(world.admin("POST", path, {{"name", "a"}, {"timestampExpire", "tomorrow"}}), "timestampExpire");
    check_violation(
        world.admin("POST", path, {{"name", "a"}, {"timestampExpire", now + registry::account_token_life_max_ms + 1}}),
        "timestampExpire");
    BOOST_TEST(world.tokens("office").empty());
    static_cast<void>(world.make_token("office", {{"name", std::string(64, 'x')}}));
    static_cast<void>(
        world.make_token("office", {{"name", "b"}, {"timestampExpire", now + registry::account_token_life_max_ms}}));
    check_error(world.admin("POST", path, {{"name", "b"}}), 409, "ERROR_CONFLICT");
    // Another account may use the name.
    static_cast<void>(world.make_token("stranger", {{"name", "b"}}));
}

BOOST_AUTO_TEST_CASE(an_account_has_so_many_tokens_and_no_more)
{
    accounts_world world;
    for (std::size_t i = 0; i < registry::account_tokens_max; ++i)
        static_cast<void>(world.make_token("office", {{"name", "t" + std::to_string(i)}}));
    check_error(world.admin("POST", "/admin/users/office/tokens", {{"name", "more"}}), 409, "ERROR_CONFLICT");
    BOOST_TEST(world.admin("DELETE", "/admin/users/office/tokens/t3").status == 200U);
    static_cast<void>(world.make_token("office", {{"name", "more"}}));
    BOOST_TEST(world.tokens("office").size() == registry::account_tokens_max);
}

BOOST_AUTO_TEST_CASE(tokens_are_revoked_one_by_one_or_all)
{
    accounts_world world;
    std::map<std::string, std::string> tokens;
    for (const char* name : {"a", "b", "c"})
        tokens[name] = world.make_token("office", {{"name", name}});
    const auto others = world.make_token("stranger", {{"name", "a"}});
    const auto gone = world.admin("DELETE", "/admin/users/office/tokens/b");
    BOOST_TEST(gone.body == json({{"status", "OK"}}));
    check_error(world.with_token(tokens["b"]), 401, "HTTP_401");
    BOOST_TEST(world.with_token(tokens["a"]).status == 200U);
    check_error(world.admin("DELETE", "/admin/users/office/tokens/b"), 400, "ERROR_REQUEST");
    check_error(world.admin("DELETE", "/admin/users/office/tokens/a%20b"), 400, "ERROR_REQUEST");
    BOOST_TEST((names_of(world.tokens("office")) == std::vector<std::string>{"a", "c"}));

    BOOST_TEST(world.admin("DELETE", "/admin/users/office/tokens").status == 200U);
    for (const auto& [name, token] : tokens)
        check_error(world.with_token(token), 401, "HTTP_401");
    BOOST_TEST(world.tokens("office").empty());
    BOOST_TEST(world.admin("DELETE", "/admin/users/office/tokens").status == 200U); // none is no error
    BOOST_TEST(world.with_token(others, "/v2/registrations?userId=x").status == 200U);
    // The name is free again, for another token.
    const auto again = world.make_token("office", {{"name", "a"}});
    BOOST_TEST(again != tokens["a"]);
    check_error(world.with_token(tokens["a"]), 401, "HTTP_401");
}

// Each thread keeps what it saw last of the directory; none may go on with it.
BOOST_AUTO_TEST_CASE(a_revoked_token_is_refused_on_every_thread)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    constexpr unsigned threads = 4;
    std::atomic<unsigned> accepted_before{0};
    std::atomic<unsigned> accepted_after{0};
    std::atomic<unsigned> ready{0};
    std::atomic<bool> revoked{false};
    const auto& directory = world.services().directory;
    const auto now = world.clock.now();
    {
        std::vector<std::jthread> running;
        for (unsigned i = 0; i < threads; ++i)
            running.emplace_back([&] {
                accepted_before += directory.find_token_owner(token, now) ? 1U : 0U;
                ++ready;
                while (!revoked.load())
                    std::this_thread::yield();
                accepted_after += directory.find_token_owner(token, now) ? 1U : 0U;
            });
        while (ready.load() < threads)
            std::this_thread::yield();
        const auto gone = world.admin("DELETE", "/admin/users/office/tokens/a");
        revoked = true;
        BOOST_TEST(gone.status == 200U);
    }
    BOOST_TEST(accepted_before.load() == threads);
    BOOST_TEST(accepted_after.load() == 0U);
}

// Readers, while the directory is replaced all the time.
BOOST_AUTO_TEST_CASE(tokens_are_found_while_the_directory_is_read_again)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    auto& directory = world.services().directory;
    const auto now = world.clock.now();
    std::atomic<bool> stop{false};
    std::atomic<unsigned> missed{0};
    {
        std::vector<std::jthread> running;
        for (unsigned i = 0; i < 3; ++i)
            running.emplace_back([&] {
                while (!stop.load()) {
                    const auto owner = directory.find_token_owner(token, now);
                    missed += owner && owner->username == "office" ? 0U : 1U;
                }
            });
        for (unsigned i = 0; i < 200; ++i)
            directory.reload();
        stop = true;
    }
    BOOST_TEST(missed.load() == 0U);
}

BOOST_AUTO_TEST_CASE(the_last_use_is_told_to_the_minute_and_written_now_and_then)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    const auto stored = [&] {
        return world.env()
            .view([](const kv::read_txn& txn) { return registry::find_account_token(txn, "office", "a"); })
            .value()
            .last_used_at;
    };
    const auto minute = [&] { return world.clock.now() - world.clock.now() % registry::token_use_told_ms; };
    world.sweep();
    BOOST_TEST(stored() == 0);
    BOOST_TEST(world.with_token(token).status == 200U);
    const auto first = minute();
    BOOST_TEST(world.tokens("office").front().at("timestampLastUsed") == first);
    world.sweep();
    BOOST_TEST(stored() == first);

    // Within the hour it is in memory only; a reload keeps it.
    world.clock.advance(5 * 60'000);
    BOOST_TEST(world.with_token(token).status == 200U);
    const auto second = minute();
    static_cast<void>(world.make_token("stranger", {{"name", "x"}}));
    BOOST_TEST(world.tokens("office").front().at("timestampLastUsed") == second);
    world.sweep();
    BOOST_TEST(stored() == first);
    world.clock.advance(registry::token_use_written_ms);
    BOOST_TEST(world.with_token(token).status == 200U);
    world.sweep();
    BOOST_TEST(stored() == minute());

    // One that is refused was not used.
    BOOST_TEST(world.admin("PATCH", "/admin/users/office", {{"enabled", false}}).status == 200U);
    const auto last = stored();
    world.clock.advance(2 * registry::token_use_written_ms);
    check_error(world.with_token(token), 401, "HTTP_401");
    world.sweep();
    BOOST_TEST(stored() == last);
    world.restart();
    BOOST_TEST(world.tokens("office").front().at("timestampLastUsed") == last);
}

BOOST_AUTO_TEST_CASE(what_was_noted_of_a_token_that_is_gone_is_dropped)
{
    accounts_world world;
    static_cast<void>(world.make_token("office", {{"name", "a"}}));
    registry::note_token_uses change{{{"office", "a", {}, 5}, {"office", "b", {}, 5}, {"nobody", "a", {}, 5}}};
    BOOST_TEST(!world.commit(std::move(change)));
    BOOST_TEST(!world.tokens("office").front().contains("timestampLastUsed"));
}

// No password hash, so the thread that does them may be busy with others.
BOOST_AUTO_TEST_CASE(tokens_do_not_wait_for_passwords)
{
    accounts_world world;
    const auto token = world.make_token("office", {{"name", "a"}});
    auto req = scratch_world::office_request("GET", "/v2/signature/verify", {}, {});
    req.method = "POST";
    req.body = "{}";
    req.authorization = "Bearer " + token;
    const auto sent = world.start(handlers::side::office, req);
    world.poll(); // no other thread had a part in it
    BOOST_TEST_REQUIRE(sent->done.has_value());
    BOOST_TEST(sent->done->code() == "ERROR_REQUEST");
}

BOOST_AUTO_TEST_SUITE_END()
