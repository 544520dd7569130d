// Signing in to the console, and its files.

#include "crypto/encoding.hpp"
#include "handlers/authenticate.hpp"
#include "handlers/console_files.hpp"
#include "handlers/sweep.hpp"
#include "registry/console_session_changes.hpp"
#include "registry/store.hpp"
#include "tests/support.hpp"

#include <regex>

namespace {

using namespace doorward;
using namespace doorward::tests;
using handlers::side;
using registry::role;

constexpr const char* own_origin = "http://127.0.0.1:8081";
constexpr const char* own_host = "127.0.0.1:8081";

struct console_world : scratch_world {
    registry::source_address from = v4(192, 0, 2, 1);

    owned_request asking(std::string method, std::string target, std::string body = {})
    {
        owned_request out;
        out.method = std::move(method);
        out.target = std::move(target);
        out.body = std::move(body);
        out.host = own_host;
        out.source = from;
        return out;
    }

    answer sign_in(const std::string& name, const std::string& password, const std::string& origin = own_origin)
    {
        auto req = asking("POST", "/console/session", json{{"username", name}, {"password", password}}.dump());
        req.origin = origin;
        return call(side::office, req);
    }

    // name=value of the cookie that came with an answer.
    static std::string cookie_of(const answer& told)
    {
        const auto text = told.header("Set-Cookie");
        return text.substr(0, text.find(';'));
    }

    std::string signed_in(const std::string& name)
    {
        const auto told = sign_in(name, name);
        BOOST_TEST_REQUIRE(told.status == 200U, told.text);
        return cookie_of(told);
    }

    answer with(const std::string& cookie, std::string target = "/v2/registrations?userId=alice",
                std::string console = "1", std::string origin = {})
    {
        auto req = asking("GET", std::move(target));
        req.cookie = cookie;
        req.console = std::move(console);
        req.origin = std::move(origin);
        return call(side::office, req);
    }

    bool holds(const std::string& cookie) { return with(cookie).status == 200U; }

    answer sign_out(const std::string& cookie, const std::string& origin = own_origin)
    {
        auto req = asking("DELETE", "/console/session");
        req.cookie = cookie;
        req.console = "1";
        req.origin = origin;
        return call(side::office, req);
    }

    std::size_t stored()
    {
        return env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::console_sessions); });
    }

    std::vector<std::string> account_events(const std::string& name)
    {
        std::vector<std::string> out;
        const auto told = office("GET", "/v2/events?limit=1000", {}, "admin");
        for (const json& each : told.body.at("events"))
            if (each.at("subject") == "ACCOUNT" && each.at("subjectId") == name && each.value("account", "") == name)
                out.push_back(each.at("event"));
        return out;
    }
};

void check_refused(const answer& told)
{
    BOOST_TEST(told.status == 401U, told.text);
    BOOST_TEST(told.code() == "HTTP_401");
    BOOST_TEST(told.header("Set-Cookie").empty());
}

} // namespace

BOOST_AUTO_TEST_SUITE(console)

// --- sessions

BOOST_AUTO_TEST_CASE(who_signs_in_may_do_what_the_account_may)
{
    console_world world;
    world.create_account("desk", role::human_operator, {"app"}, true, {registry::right::remove});
    const auto told = world.sign_in("desk", "desk");
    BOOST_TEST_REQUIRE(told.status == 200U, told.text);
    BOOST_TEST(told.body.at("username") == "desk");
    BOOST_TEST(told.body.at("role") == "OPERATOR");
    BOOST_TEST(told.body.at("rights") == json({"REMOVE"}));
    BOOST_TEST(told.body.at("applications") == json({"app"}));
    BOOST_TEST(told.body.at("timestampExpire") == world.clock.now() + registry::session_life_ms);
    BOOST_TEST(told.body.at("idleTimeoutMs") == registry::session_idle_ms);
    BOOST_TEST(!told.body.contains("password"));

    const auto cookie = world.cookie_of(told);
    BOOST_TEST(world.with(cookie).status == 200U);
    BOOST_TEST(world.with(cookie, "/admin/users").status == 403U);
    BOOST_TEST(world.with(cookie, "/console/session").body == told.body);
    // Whoever comes with a password or a token is told the same, but for the session.
    const auto plain = world.office("GET", "/console/session", {}, "desk");
    BOOST_TEST(plain.body.at("role") == "OPERATOR");
    BOOST_TEST(!plain.body.contains("timestampExpire"));
    BOOST_TEST((world.account_events("desk") == std::vector<std::string>{"SIGN_IN"}));
}

BOOST_AUTO_TEST_CASE(the_cookie_is_for_this_server_and_no_script)
{
    console_world world;
    const auto plain = world.sign_in("office", "office").header("Set-Cookie");
    BOOST_TEST(
        std::regex_match(plain, std::regex{"doorward-console=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict"}),
        plain);
    auto req = world.asking("POST", "/console/session", R"({"username":"office","password":"office"})");
    req.host = "console.example";
    req.origin = "https://console.example";
    const auto secure = world.call(side::office, req).header("Set-Cookie");
    BOOST_TEST(
        std::regex_match(
            secure, std::regex{"__Host-doorward-console=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure"}),
        secure);
}

BOOST_AUTO_TEST_CASE(a_session_is_used_by_pages_of_this_server_only)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    const std::string target = "/v2/registrations?userId=alice";
    BOOST_TEST(world.with(cookie, target, "1", own_origin).status == 200U);
    BOOST_TEST(world.with(cookie, target, "0", own_origin).status == 200U);
    BOOST_TEST(world.with(cookie, target, "1", "HTTP://127.0.0.1:8081").status == 200U);
    check_refused(world.with(cookie, target, "")); // as a form, a picture or a link of another page would
    for (const char* origin : {"http://evil.example", "http://127.0.0.1:8082", "http://127.0.0.1", "null", "https://",
                               "http://evil.example/127.0.0.1:8081", "127.0.0.1:8081"})
        check_refused(world.with(cookie, target, "1", origin));
    for (const char* origin : {"http://evil.example", "null"}) {
        const auto told = world.sign_in("office", "office", origin);
        BOOST_TEST(told.status == 403U);
        BOOST_TEST(told.header("Set-Cookie").empty());
        BOOST_TEST(world.sign_out(cookie, origin).status == 403U);
    }
    BOOST_TEST(world.holds(cookie));
    BOOST_TEST(world.sign_in("office", "office", "").status == 200U); // no browser
}

BOOST_AUTO_TEST_CASE(other_credentials_are_not_helped_by_a_cookie)
{
    console_world world;
    const auto cookie = world.signed_in("admin");
    auto req = scratch_world::office_request("GET", "/admin/users", {}, "office");
    req.cookie = cookie;
    req.console = "1";
    BOOST_TEST(world.call(side::office, req).status == 403U);
    req.authorization = "Bearer dwt_nobody";
    check_refused(world.call(side::office, req));
}

BOOST_AUTO_TEST_CASE(cookies_are_found_among_others)
{
    const auto found = [](std::string_view text) {
        handlers::request req;
        req.cookie = text;
        return std::string{handlers::session_cookie(req)};
    };
    BOOST_TEST(found("doorward-console=a") == "a");
    BOOST_TEST(found("x=1; doorward-console=a; y=2") == "a");
    BOOST_TEST(found("doorward-console=a; __Host-doorward-console=b") == "b");
    BOOST_TEST(found("xdoorward-console=a; doorward-console").empty());
    BOOST_TEST(found("; ;=; doorward-console=a=b") == "a=b");
    BOOST_TEST(found("").empty());
}

BOOST_AUTO_TEST_CASE(the_page_is_not_told_to_ask_for_a_password_by_itself)
{
    console_world world;
    const auto told = world.with("doorward-console=nobody");
    check_refused(told);
    BOOST_TEST(told.header("WWW-Authenticate") == R"(Session realm="doorward")");
    BOOST_TEST(world.sign_in("office", "wrong").header("WWW-Authenticate") == R"(Session realm="doorward")");
    BOOST_TEST(world.with("", "/v2/registrations?userId=alice", "").header("WWW-Authenticate").starts_with("Basic"));
}

BOOST_AUTO_TEST_CASE(a_session_ends_when_nobody_uses_it)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    world.clock.advance(registry::session_idle_ms - 1);
    BOOST_TEST(world.holds(cookie));
    world.clock.advance(registry::session_idle_ms - 1);
    // What the page asks by itself is no use.
    BOOST_TEST(world.with(cookie, "/v2/registrations?userId=alice", "0").status == 200U);
    BOOST_TEST(world.with(cookie, "/console/session", "0").status == 200U);
    world.clock.advance(1);
    check_refused(world.with(cookie));
}

BOOST_AUTO_TEST_CASE(a_session_ends_however_it_is_used)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    const auto end = world.clock.now() + registry::session_life_ms;
    while (world.clock.now() + registry::session_idle_ms / 2 < end) {
        world.clock.advance(registry::session_idle_ms / 2);
        BOOST_TEST_REQUIRE(world.holds(cookie));
    }
    world.clock.set(end - 1);
    BOOST_TEST(world.holds(cookie));
    world.clock.set(end);
    check_refused(world.with(cookie));
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_makes_no_session_immortal)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    world.clock.advance(-1000);
    BOOST_TEST(world.holds(cookie));
    world.clock.advance(-2 * registry::session_life_ms);
    check_refused(world.with(cookie));
}

BOOST_AUTO_TEST_CASE(signing_out_ends_it)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    const auto other = world.signed_in("office");
    const auto told = world.sign_out(cookie);
    BOOST_TEST(told.status == 200U);
    BOOST_TEST(told.header("Set-Cookie") == "doorward-console=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    check_refused(world.with(cookie));
    BOOST_TEST(world.holds(other));
    BOOST_TEST(world.sign_out(cookie).status == 200U); // of a session that is gone
    BOOST_TEST(world.sign_out("").status == 200U);
    BOOST_TEST((world.account_events("office") == std::vector<std::string>{"SIGN_IN", "SIGN_IN", "SIGN_OUT"}));
    world.restart();
    check_refused(world.with(cookie));
    BOOST_TEST(world.holds(other));
}

BOOST_AUTO_TEST_CASE(what_changes_the_account_ends_its_sessions)
{
    struct change {
        const char* name;
        const char* method;
        const char* target;
        const char* body;
        bool ends;
    };
    const change table[]{
        {"another password", "POST", "/admin/users/desk/rotate", "", true},
        {"another role", "PATCH", "/admin/users/desk", R"({"role":"AUDITOR"})", true},
        {"another right", "PATCH", "/admin/users/desk", R"({"rights":["BULK"]})", true},
        {"disabled", "PATCH", "/admin/users/desk", R"({"enabled":false})", true},
        {"removed", "DELETE", "/admin/users/desk", "", true},
        {"another application", "POST", "/admin/users/desk/applications/other", "", false},
    };
    for (const change& each : table) {
        BOOST_TEST_CONTEXT(each.name)
        {
            console_world world;
            world.create_account("desk", role::human_operator, {"app"});
            const auto cookie = world.signed_in("desk");
            const auto others = world.signed_in("office");
            BOOST_TEST_REQUIRE(world.holds(cookie));
            BOOST_TEST_REQUIRE(world.office(each.method, each.target, each.body, "admin").status == 200U);
            BOOST_TEST(world.holds(cookie) == !each.ends);
            BOOST_TEST(world.holds(others));
            world.sweep();
            BOOST_TEST(world.stored() == (each.ends ? 1U : 2U));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_later_account_of_the_same_name_has_none_of_its_sessions)
{
    console_world world;
    world.create_account("desk", role::human_operator, {"app"});
    const auto cookie = world.signed_in("desk");
    BOOST_TEST_REQUIRE(world.office("DELETE", "/admin/users/desk", {}, "admin").status == 200U);
    world.create_account("desk", role::human_operator, {"app"});
    check_refused(world.with(cookie));
    BOOST_TEST(world.holds(world.signed_in("desk")));
}

BOOST_AUTO_TEST_CASE(an_account_that_changes_while_it_signs_in_gets_no_session)
{
    console_world world;
    world.create_account("desk", role::human_operator, {"app"});
    const auto whose = world.services().directory.find_account("desk");
    auto drawn = world.services().sessions.draw(*whose, {{}, world.clock.now()});
    BOOST_TEST_REQUIRE(world.office("POST", "/admin/users/desk/rotate", {}, "admin").status == 200U);
    BOOST_TEST((world.commit(drawn.change) == registry::errc::account_not_found));
    BOOST_TEST(world.stored() == 0U);
}

BOOST_AUTO_TEST_CASE(sessions_outlive_a_restart)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    world.clock.advance(registry::session_idle_ms / 2);
    BOOST_TEST(world.holds(cookie));
    world.sweep(); // writes the use down
    world.restart();
    world.clock.advance(registry::session_idle_ms - 1);
    BOOST_TEST(world.holds(cookie));
    world.restart(); // this use was not written down
    world.clock.advance(1);
    check_refused(world.with(cookie));
    world.sweep();
    BOOST_TEST(world.stored() == 0U);
}

BOOST_AUTO_TEST_CASE(the_store_does_not_have_the_secret)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    const auto secret = cookie.substr(cookie.find('=') + 1);
    std::string all;
    world.env().view([&](const kv::read_txn& txn) {
        for (unsigned table = 0; table < std::size(registry::tables::names); ++table)
            txn.scan(kv::table{table}, {}, [&](kv::bytes_view key, kv::bytes_view value) {
                all += crypto::as_text(key);
                all += crypto::as_text(value);
                return true;
            });
    });
    BOOST_TEST((all.find(secret) == std::string::npos));
    BOOST_TEST((all.find(secret.substr(0, 16)) == std::string::npos));
}

BOOST_AUTO_TEST_CASE(an_account_has_so_many_sessions_and_no_more)
{
    console_world world;
    const auto kept = world.signed_in("stranger");
    std::vector<std::string> cookies;
    for (std::size_t i = 0; i <= registry::console_sessions_of_account_max; ++i) {
        world.clock.advance(1);
        cookies.push_back(world.signed_in("office"));
        if (i == 1) // the first is used after the second
            BOOST_TEST(world.holds(cookies[0]));
        world.clock.advance(1);
        if (i == 1)
            BOOST_TEST(world.holds(cookies[0]));
    }
    BOOST_TEST(world.holds(cookies[0]));
    BOOST_TEST(!world.holds(cookies[1])); // unused for longest
    for (std::size_t i = 2; i < cookies.size(); ++i)
        BOOST_TEST(world.holds(cookies[i]));
    BOOST_TEST(world.holds(kept));
    BOOST_TEST(world.stored() == registry::console_sessions_of_account_max + 1);
}

BOOST_AUTO_TEST_CASE(a_stream_ends_with_its_session)
{
    console_world world;
    const auto cookie = world.signed_in("office");
    auto req = world.asking("GET", "/v2/events/stream");
    req.cookie = cookie;
    req.console = "0";
    const auto told = world.call(side::office, req);
    BOOST_TEST_REQUIRE(told.status == 200U);
    BOOST_TEST_REQUIRE(told.stream != nullptr);
    const auto next = [&] { return world.finish(told.stream->next()); };
    BOOST_TEST(next() == "retry: 1000\n\n");
    world.create("alice");
    BOOST_TEST(next().find("CREATE") != std::string::npos);
    BOOST_TEST_REQUIRE(world.sign_out(cookie).status == 200U);
    BOOST_TEST(next().empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_sign_in_is_refused)
{
    console_world world;
    const auto violated = [&](const std::string& body) {
        const auto told = world.call(side::office, world.asking("POST", "/console/session", body));
        BOOST_TEST(told.status == 400U, told.text);
        return told.violated();
    };
    BOOST_TEST(violated("{}").size() == 2U);
    BOOST_TEST(violated("[]").size() == 1U);
    const auto long_one = violated(json{{"username", "a"}, {"password", std::string(1025, 'x')}}.dump());
    BOOST_TEST(long_one.size() == 1U);
    for (const auto& each : long_one)
        BOOST_TEST(each.find("xxx") == std::string::npos);
    check_refused(world.sign_in("nobody", "x"));
    check_refused(world.sign_in("office", "Office"));
    world.create_account("off", role::auditor, {}, false);
    check_refused(world.sign_in("off", "off"));
    BOOST_TEST(world.stored() == 0U);
}

// --- guessing

constexpr registry::time_ms forgotten_of_pair_ms = registry::sign_in_window_ms / registry::sign_ins_of_pair_max;
constexpr registry::time_ms forgotten_of_address_ms = registry::sign_in_window_ms / registry::sign_ins_of_address_max;

void check_slowed(const answer& told, registry::time_ms wait)
{
    BOOST_TEST(told.status == 429U, told.text);
    BOOST_TEST(told.code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(told.header("Retry-After") == std::to_string((wait + 999) / 1000));
}

BOOST_AUTO_TEST_CASE(wrong_passwords_of_a_name_from_an_address_are_slowed_down)
{
    console_world world;
    for (const char* name : {"office", "nobody"}) { // a name that nobody has looks the same
        BOOST_TEST_CONTEXT(name)
        {
            for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
                check_refused(world.sign_in(name, "wrong"));
            for (int i = 0; i < 3; ++i) {
                check_slowed(world.sign_in(name, name), forgotten_of_pair_ms); // the right one, too
                world.clock.advance(forgotten_of_pair_ms - 1);
                check_slowed(world.sign_in(name, name), 1);
                world.clock.advance(1);
                check_refused(world.sign_in(name, "wrong"));
            }
        }
    }
    world.from = v4(203, 0, 113, 1); // its owner, elsewhere
    BOOST_TEST(world.sign_in("office", "office").status == 200U);
}

BOOST_AUTO_TEST_CASE(a_right_password_forgives_its_name_there)
{
    console_world world;
    for (int round = 0; round < 2; ++round) {
        for (unsigned i = 0; i + 1 < registry::sign_ins_of_pair_max; ++i)
            check_refused(world.sign_in("office", "wrong"));
        BOOST_TEST(world.sign_in("office", "office").status == 200U);
    }
}

BOOST_AUTO_TEST_CASE(credentials_that_are_remembered_are_not_slowed_down)
{
    console_world world;
    BOOST_TEST(world.sign_in("office", "office").status == 200U);
    for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
        check_refused(world.sign_in("office", "wrong"));
    BOOST_TEST(world.sign_in("office", "wrong").status == 429U);
    BOOST_TEST(world.sign_in("office", "office").status == 200U);
    BOOST_TEST(world.sign_in("office", "wrong").status == 429U); // which forgives nothing
}

BOOST_AUTO_TEST_CASE(guesses_at_the_console_and_with_basic_are_counted_together)
{
    console_world world;
    const auto basic = [&world](const std::string& name, const std::string& password) {
        auto req = world.asking("GET", "/v2/registrations?userId=alice");
        const std::string both = name + ':' + password;
        req.authorization = "Basic " + crypto::to_base64(crypto::as_bytes(both));
        return world.call(side::office, req);
    };
    for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
        BOOST_TEST((i % 2 == 0 ? basic("office", "wrong") : world.sign_in("office", "wrong")).status == 401U);
    check_slowed(basic("office", "office"), forgotten_of_pair_ms);
    check_slowed(world.sign_in("office", "office"), forgotten_of_pair_ms);
    world.clock.advance(forgotten_of_pair_ms);
    BOOST_TEST(basic("office", "office").status == 200U);
    check_refused(world.sign_in("office", "wrong"));
}

struct guessing {
    handlers::sign_in_throttle throttle;
    registry::time_ms now = 1'700'000'000'000;

    registry::time_ms guess(const std::string& name, std::uint32_t address)
    {
        return throttle.begin(name, address_of(address), now);
    }
    static registry::source_address address_of(std::uint32_t number)
    {
        return v4(10, static_cast<crypto::byte>(number >> 16U), static_cast<crypto::byte>(number >> 8U),
                  static_cast<crypto::byte>(number));
    }
};

BOOST_FIXTURE_TEST_CASE(an_address_that_tries_many_names_is_slowed_down, guessing)
{
    for (unsigned i = 0; i < registry::sign_ins_of_address_max; ++i)
        BOOST_TEST_REQUIRE(guess("name-" + std::to_string(i), 1) == 0);
    BOOST_TEST(guess("office", 1) == forgotten_of_address_ms);
    BOOST_TEST(guess("office", 2) == 0);
    now += forgotten_of_address_ms;
    BOOST_TEST(guess("office", 1) == 0);
    throttle.succeeded("office", address_of(1));
    // That one was right does not forgive the address its wrong ones.
    BOOST_TEST(guess("name-0", 1) == 0);
    BOOST_TEST(guess("office", 1) == forgotten_of_address_ms);
    now += registry::sign_in_window_ms;
    for (unsigned i = 0; i < registry::sign_ins_of_address_max; ++i)
        BOOST_TEST_REQUIRE(guess("name-" + std::to_string(i), 1) == 0);
    BOOST_TEST(guess("office", 1) > 0);
}

BOOST_FIXTURE_TEST_CASE(a_clock_that_is_set_back_keeps_nobody_out, guessing)
{
    for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
        BOOST_TEST_REQUIRE(guess("office", 1) == 0);
    BOOST_TEST(guess("office", 1) > 0);
    now = 1000;
    BOOST_TEST(guess("office", 1) == 0);
    throttle.succeeded("office", address_of(1));
    for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
        BOOST_TEST_REQUIRE(guess("office", 1) == 0);
    BOOST_TEST(guess("office", 1) > 0); // and counts from then on
}

BOOST_FIXTURE_TEST_CASE(many_guesses_at_once_gain_nothing, guessing)
{
    unsigned judged = 0;
    for (int i = 0; i < 100; ++i)
        judged += guess("office", 1) == 0 ? 1U : 0U;
    BOOST_TEST(judged == registry::sign_ins_of_pair_max);
    now += 10 * forgotten_of_pair_ms;
    for (int i = 0; i < 100; ++i)
        judged += guess("office", 1) == 0 ? 1U : 0U;
    BOOST_TEST(judged == registry::sign_ins_of_pair_max + 10);
}

BOOST_FIXTURE_TEST_CASE(what_nobody_could_judge_is_not_counted, guessing)
{
    for (int i = 0; i < 1000; ++i) {
        BOOST_TEST_REQUIRE(guess("office", 1) == 0);
        throttle.give_back("office", address_of(1));
    }
    for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
        BOOST_TEST_REQUIRE(guess("office", 1) == 0);
    BOOST_TEST(guess("office", 1) > 0); // what was given back made no room beyond that
}

BOOST_FIXTURE_TEST_CASE(the_memory_of_guesses_is_bounded_and_keeps_who_guesses_most, guessing)
{
    for (unsigned i = 0; i < registry::sign_ins_of_pair_max; ++i)
        BOOST_TEST(guess("office", 0) == 0);
    BOOST_TEST(guess("office", 0) > 0);
    for (std::uint32_t i = 0; i < 2 * registry::sign_in_entries_max; ++i)
        BOOST_TEST_REQUIRE(guess("name-" + std::to_string(i), i + 1) == 0);
    BOOST_TEST(guess("office", 0) > 0);
    BOOST_TEST(guess("name-0", 1) == 0); // others gave way
}

// --- files

BOOST_AUTO_TEST_CASE(the_page_and_its_files_are_served)
{
    console_world world;
    const auto& files = handlers::embedded::console_files;
    BOOST_TEST_REQUIRE(files.size() >= 4U);
    for (const auto& each : files) {
        BOOST_TEST_CONTEXT(each.name)
        {
            auto req = world.asking("GET", "/console/" + std::string{each.name});
            const auto plain = world.call(side::office, req);
            BOOST_TEST(plain.status == 200U);
            BOOST_TEST((plain.text == each.plain));
            BOOST_TEST(plain.content_type == each.content_type);
            BOOST_TEST(plain.header("Content-Encoding").empty());
            BOOST_TEST(plain.header("Vary") == "Accept-Encoding");
            BOOST_TEST(plain.header("X-Content-Type-Options") == "nosniff");
            req.accept_encoding = "gzip, deflate";
            BOOST_TEST(world.call(side::office, req).header("Content-Encoding") == "gzip");
            BOOST_TEST((world.call(side::office, req).text == each.gzip));
            req.accept_encoding = "gzip, deflate, br;q=0.5";
            BOOST_TEST(world.call(side::office, req).header("Content-Encoding") == "br");
            BOOST_TEST((world.call(side::office, req).text == each.brotli));
            req.accept_encoding = "br;q=0, gzip;q=0.0";
            BOOST_TEST(world.call(side::office, req).header("Content-Encoding").empty());
            req.if_none_match = plain.header("ETag");
            const auto same = world.call(side::office, req);
            BOOST_TEST(same.status == 304U);
            BOOST_TEST(same.text.empty());
            req.method = "POST";
            BOOST_TEST(world.call(side::office, req).status == 405U);
            BOOST_TEST(world.call(side::device, world.asking("GET", "/console/")).status == 404U);
        }
    }
    for (const char* nothing :
         {"/console/nothing.js", "/console/../openapi.json", "/console/%2e%2e", "/console//", "/consoles"})
        BOOST_TEST(world.call(side::office, world.asking("GET", nothing)).status == 404U, nothing);
}

BOOST_AUTO_TEST_CASE(what_leads_to_the_page)
{
    console_world world;
    for (const char* elsewhere : {"/", "/console"}) {
        const auto told = world.call(side::office, world.asking("GET", elsewhere));
        BOOST_TEST(told.status == 302U);
        BOOST_TEST(told.header("Location") == "/console/");
    }
    const auto page = world.call(side::office, world.asking("GET", "/console/"));
    BOOST_TEST(page.status == 200U);
    BOOST_TEST(page.content_type == "text/html; charset=utf-8");
}

// The policy forbids what is inside the page; so there must be nothing. What it names is there, under names that tell
// the content.
BOOST_AUTO_TEST_CASE(the_page_is_without_code_and_all_it_names_is_there)
{
    console_world world;
    const auto page = world.call(side::office, world.asking("GET", "/console/"));
    const auto policy = page.header("Content-Security-Policy");
    for (const char* part : {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                             "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"})
        BOOST_TEST(policy.find(part) != std::string::npos, part);
    BOOST_TEST(policy.find("unsafe") == std::string::npos);
    static const std::regex inline_code{R"(<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:)"};
    BOOST_TEST(!std::regex_search(page.text, inline_code));
    static const std::regex named{R"re((?:src|href)="(/console/[^"]+)")re"};
    std::size_t seen = 0;
    for (std::sregex_iterator it{page.text.begin(), page.text.end(), named}; it != std::sregex_iterator{}; ++it) {
        ++seen;
        BOOST_TEST(std::regex_search((*it)[1].str(), std::regex{"-[A-Z0-9]{8}\\.(js|css|svg)$"}), it->str());
        BOOST_TEST(world.call(side::office, world.asking("GET", (*it)[1])).status == 200U, it->str());
    }
    BOOST_TEST(seen == 3U);
    for (const auto& each : handlers::embedded::console_files)
        BOOST_TEST(each.is_forever == (each.name != "index.html"));
}

// --- finding users

BOOST_AUTO_TEST_CASE(users_are_found_by_the_beginning_of_their_ids)
{
    console_world world;
    for (const char* user : {"alice", "alice", "alicia", "bob", "al", "Alice"})
        world.create(user);
    BOOST_TEST_REQUIRE(
        world.office("POST", "/v2/registrations", R"({"userId":"alfred","appId":"other"})", "admin").status == 200U);
    const auto found = [&](const std::string& query, const char* who) {
        const auto told = world.office("GET", "/v2/users?" + query, {}, who);
        BOOST_TEST(told.status == 200U, told.text);
        std::vector<std::string> out;
        for (const json& each : told.body.at("users"))
            out.push_back(each.at("userId"));
        return std::pair{out, told.body.at("complete").get<bool>()};
    };
    using names = std::vector<std::string>;
    BOOST_TEST((found("prefix=al", "office") == std::pair{names{"al", "alice", "alicia"}, true}));
    BOOST_TEST((found("prefix=al", "admin") == std::pair{names{"al", "alfred", "alice", "alicia"}, true}));
    BOOST_TEST((found("prefix=al", "stranger") == std::pair{names{"alfred"}, true}));
    BOOST_TEST((found("prefix=al&limit=2", "admin") == std::pair{names{"al", "alfred"}, false}));
    BOOST_TEST((found("prefix=alicia", "office") == std::pair{names{"alicia"}, true}));
    BOOST_TEST((found("prefix=alicias", "office") == std::pair{names{}, true}));
    BOOST_TEST((found("prefix=c", "office") == std::pair{names{}, true}));
    for (const char* bad : {"", "prefix=", "prefix=a%00b", "prefix=a&limit=0", "prefix=a&limit=101", "prefix=%zz"})
        BOOST_TEST(world.office("GET", std::string{"/v2/users?"} + bad).status == 400U, bad);
}

BOOST_AUTO_TEST_CASE(the_picture_of_a_code_is_there_while_the_code_is)
{
    console_world world;
    const auto made = world.create("alice");
    const auto target = "/v2/registrations/" + made.id + "/activation-qr";
    const auto told = world.office("GET", target);
    BOOST_TEST(told.status == 200U);
    BOOST_TEST(told.content_type == "image/svg+xml");
    BOOST_TEST(told.text.find("<svg") != std::string::npos);
    auto phone = world.phone();
    static_cast<void>(phone.activate(made.qr_data, "1234", {}));
    const auto late = world.office("GET", target);
    BOOST_TEST(late.status == 400U);
    BOOST_TEST(late.code() == "ERROR_REGISTRATION_CHANGE");
}

BOOST_AUTO_TEST_CASE(jobs_are_listed_for_their_makers)
{
    console_world world;
    world.create_account("desk", role::human_operator, {"app"}, true, {registry::right::bulk});
    const auto made = world.create("alice");
    const auto body =
        json{{"change", "ADD_FLAGS"}, {"registrationIds", {made.id}}, {"flags", {"A"}}, {"maxAffected", 1}};
    const std::string first = world.office("POST", "/v2/registrations/bulk", body.dump(), "admin").body.at("jobId");
    world.clock.advance(1);
    const std::string second = world.office("POST", "/v2/registrations/bulk", body.dump(), "desk").body.at("jobId");
    const auto listed = [&](const char* who) {
        const auto told = world.office("GET", "/v2/jobs", {}, who);
        std::vector<std::string> out;
        for (const json& each : told.body.at("jobs"))
            out.push_back(each.at("jobId"));
        return out;
    };
    BOOST_TEST((listed("admin") == std::vector<std::string>{second, first}));
    BOOST_TEST((listed("desk") == std::vector<std::string>{second}));
    world.finish_jobs();
    const json told = world.office("GET", "/v2/jobs", {}, "desk").body.at("jobs").at(0);
    BOOST_TEST(told == world.office("GET", "/v2/jobs/" + second, {}, "desk").body);
}

BOOST_AUTO_TEST_SUITE_END()
