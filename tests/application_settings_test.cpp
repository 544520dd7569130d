// What an operator may set for an application, and its versions.

#include "crypto/encoding.hpp"
#include "tests/support.hpp"

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::tests;

constexpr auto two_factors = bench::signature_type::possession_knowledge;

const json default_settings{
    {"roles", json::array()},
    {"countOnlyIfPossessionProven", true},
    {"unproven", {{"perMinute", 30}}},
    {"lowestVersion", "3.0"},
    {"maxFailedAttempts", 5},
    {"vaultWithBiometry", false},
    {"deviceManagement", false},
    {"transfer",
     {{"spawn", false},
      {"move", false},
      {"targets", json::array()},
      {"flags", json::array()},
      {"cascadeBlock", false}}},
    {"lockout", {{"counters", "shared"}, {"resetOn", "ANY"}, {"window", 0}, {"block", "permanent"}}},
    {"hints", {{"remainingAttempts", true}, {"blockedUntil", true}}},
};

const json every_setting{
    {"roles", {"B", "A"}},
    {"countOnlyIfPossessionProven", false},
    {"unproven", {{"perMinute", 0}}},
    {"lowestVersion", "3.2"},
    {"maxFailedAttempts", 255},
    {"vaultWithBiometry", true},
    {"deviceManagement", true},
    {"provider", {{"url", "https://bank.example:8443/judge"}, {"timeoutMs", 100}}},
    {"transfer",
     {{"spawn", true},
      {"move", true},
      {"targets", {"app", "other"}},
      {"flags", {"CLONE", "NEW"}},
      {"maxFailedAttempts", 3},
      {"cascadeBlock", true}}},
    {"lockout",
     {{"counters", "perFactor"},
      {"resetOn", "KNOWLEDGE"},
      {"window", 60'000},
      {"block", "temporary"},
      {"temporary",
       {{"first", 1'000},
        {"multiplier", 3},
        {"max", 9'000},
        {"maxBlocks", 4},
        {"thenAction", "REMOVE"},
        {"attemptsAfterExpiry", 2}}}}},
    {"breaker", {{"least", 7}, {"factor", 8}, {"window", 9'000}, {"pause", 10'000}}},
    {"hints", {{"remainingAttempts", false}, {"blockedUntil", false}}},
};

struct admin_world : scratch_world {
    answer admin(std::string_view method, const std::string& path, const json& body)
    {
        return office(method, "/admin/applications" + path, body.dump(), "admin");
    }
    answer patch(const json& body, const std::string& id = "app") { return admin("PATCH", '/' + id, body); }
    json shown(const std::string& id = "app")
    {
        const auto got = office("GET", "/admin/applications/" + id, {}, "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    // Of an application as it is shown, the settings.
    json settings(const std::string& id = "app")
    {
        json out = shown(id);
        for (const char* other : {"id", "mobileSdkConfig", "appKey", "appSecret", "masterServerPublicKey",
                                  "timestampCreated", "versions", "masterKeys"})
            out.erase(other);
        return out;
    }
    std::string provider_secret(const std::string& id = "app")
    {
        const auto found = services().directory.find_application(id);
        return found->provider_secret ? std::string{crypto::as_text(found->provider_secret->view())} : std::string{};
    }
    registry::stored_application stored(const std::string& id = "app")
    {
        return env().view([&](const kv::read_txn& txn) { return registry::find_application(txn, id).value(); });
    }
    int failed(const std::string& id) { return detail(id).at("failedAttempts").get<int>(); }

    // A signature that fits nothing.
    answer invent(const std::string& id, const std::string& application_key)
    {
        const auto header =
            bench::authorization_header(bench::rules_of(bench::protocol_version::v3_3), id, application_key,
                                        "AAAAAAAAAAAAAAAAAAAAAA==", two_factors, std::string(43, 'A') + "=");
        return device("/pa/v3/signature/validate", "{}", header);
    }
    answer invent(const std::string& id) { return invent(id, application().key()); }

    int validate(bench::device& of, std::string_view pin = right_pin)
    {
        return device(of.make_validate_request(two_factors, pin)).status;
    }
};

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

std::string encoded(std::string key)
{
    std::string out;
    for (const char c : key)
        out += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string{c};
    return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(application_settings, admin_world)

BOOST_AUTO_TEST_CASE(a_new_application_has_defaults)
{
    BOOST_TEST(settings() == default_settings);
    const auto all = office("GET", "/admin/applications", {}, "admin").body.at("applications");
    json expected = default_settings;
    expected["id"] = "app";
    BOOST_TEST(all.at(0) == expected);
}

BOOST_AUTO_TEST_CASE(an_application_can_be_created_with_every_setting)
{
    json body = every_setting;
    body["id"] = "full";
    body["provider"]["secret"] = "s3cret";
    const auto made = admin("POST", "", body);
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    json expected = every_setting;
    expected["provider"]["hasSecret"] = true;
    BOOST_TEST(settings("full") == expected);
    BOOST_TEST(made.body == shown("full"));
    restart();
    BOOST_TEST(settings("full") == expected);
    BOOST_TEST(provider_secret("full") == "s3cret");
    const auto all = office("GET", "/admin/applications", {}, "admin").body.at("applications");
    expected["id"] = "full";
    BOOST_TEST(all.at(1) == expected);
}

BOOST_AUTO_TEST_CASE(every_setting_can_be_changed_alone_and_is_there_after_a_restart)
{
    json expected = default_settings;
    for (const auto& [name, value] : every_setting.items())
        BOOST_TEST_CONTEXT(name)
        {
            const auto got = patch({{name, value}});
            BOOST_TEST_REQUIRE(got.status == 200U, got.text);
            expected[name] = value;
            if (name == "provider")
                expected[name]["hasSecret"] = false;
            BOOST_TEST(got.body == shown());
            BOOST_TEST(settings() == expected);
            restart();
            BOOST_TEST(settings() == expected);
        }
    BOOST_TEST(settings("other") == default_settings);
    // And back, each alone.
    for (const auto& [name, value] : every_setting.items())
        BOOST_TEST_CONTEXT(name << " null")
        {
            BOOST_TEST_REQUIRE(patch({{name, nullptr}}).status == 200U);
            if (default_settings.contains(name))
                expected[name] = default_settings.at(name);
            else
                expected.erase(name);
            BOOST_TEST(settings() == expected);
        }
    BOOST_TEST(settings() == default_settings);
}

BOOST_AUTO_TEST_CASE(a_patch_reaches_into_objects)
{
    BOOST_TEST_REQUIRE(patch(every_setting).status == 200U);
    json expected = settings();
    const auto check = [&](const json& body) {
        const auto got = patch(body);
        BOOST_TEST(got.status == 200U, got.text);
        BOOST_TEST(settings() == expected, body.dump());
    };
    expected["transfer"]["spawn"] = false;
    check({{"transfer", {{"spawn", false}}}});
    expected["transfer"].erase("maxFailedAttempts");
    check({{"transfer", {{"maxFailedAttempts", nullptr}}}});
    expected["transfer"]["targets"] = json::array();
    check({{"transfer", {{"targets", nullptr}}}});
    expected["transfer"]["flags"] = {"A", "B"}; // sorted, each once
    check({{"transfer", {{"flags", {"B", "A", "B"}}}}});
    expected["transfer"]["targets"] = {"app", "other"};
    check({{"transfer", {{"targets", {"other", "app", "other"}}}}});
    expected["provider"]["timeoutMs"] = 10'000;
    check({{"provider", {{"timeoutMs", 10'000}}}});
    expected["provider"]["timeoutMs"] = 3'000;
    check({{"provider", {{"timeoutMs", nullptr}}}});
    expected["unproven"]["perMinute"] = 30;
    check({{"unproven", {{"perMinute", nullptr}}}});
    expected["roles"] = json::array();
    check({{"roles", json::array()}});
    // Nothing at all, and what nobody knows.
    check(json::object());
    check({{"unproven", json::object()}, {"transfer", json::object()}, {"provider", json::object()}, {"x", 1}});
    check({{"id", "app"}});
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_refused_by_field_and_change_nothing)
{
    BOOST_TEST_REQUIRE(patch(every_setting).status == 200U);
    const json before = shown();
    const std::string long_text(256, 'x');
    const std::vector<std::string> seventeen_targets(17, "app");
    const std::pair<json, std::string> wrong[]{
        {{{"roles", "A"}}, "roles"},
        {{{"roles", {5}}}, "roles"},
        {{{"roles", std::vector<std::string>(17, "A")}}, "roles"},
        {{{"countOnlyIfPossessionProven", 1}}, "countOnlyIfPossessionProven"},
        {{{"unproven", 30}}, "unproven"},
        {{{"unproven", {{"perMinute", -1}}}}, "unproven.perMinute"},
        {{{"unproven", {{"perMinute", 6001}}}}, "unproven.perMinute"},
        {{{"lowestVersion", "3.4"}}, "lowestVersion"},
        {{{"lowestVersion", "2.1"}}, "lowestVersion"},
        {{{"lowestVersion", "3"}}, "lowestVersion"},
        {{{"lowestVersion", 3.1}}, "lowestVersion"},
        {{{"maxFailedAttempts", 0}}, "maxFailedAttempts"},
        {{{"maxFailedAttempts", 256}}, "maxFailedAttempts"},
        {{{"maxFailedAttempts", "5"}}, "maxFailedAttempts"},
        {{{"vaultWithBiometry", "true"}}, "vaultWithBiometry"},
        {{{"deviceManagement", 0}}, "deviceManagement"},
        {{{"provider", "http://bank/"}}, "provider"},
        {{{"provider", {{"url", 5}}}}, "provider.url"},
        {{{"provider", {{"url", "bank"}}}}, "provider.url"},
        {{{"provider", {{"url", ""}}}}, "provider.url"},
        {{{"provider", {{"url", nullptr}}}}, "provider.url"},
        {{{"provider", {{"url", "http://" + long_text + long_text}}}}, "provider.url"},
        {{{"provider", {{"timeoutMs", 99}}}}, "provider.timeoutMs"},
        {{{"provider", {{"timeoutMs", 10'001}}}}, "provider.timeoutMs"},
        {{{"provider", {{"secret", ""}}}}, "provider.secret"},
        {{{"provider", {{"secret", "two words"}}}}, "provider.secret"},
        {{{"provider", {{"secret", "\xC3\xA9"}}}}, "provider.secret"},
        {{{"provider", {{"secret", long_text}}}}, "provider.secret"},
        {{{"provider", {{"secret", 5}}}}, "provider.secret"},
        {{{"transfer", true}}, "transfer"},
        {{{"transfer", {{"spawn", 1}}}}, "transfer.spawn"},
        {{{"transfer", {{"move", "true"}}}}, "transfer.move"},
        {{{"transfer", {{"targets", "app"}}}}, "transfer.targets"},
        {{{"transfer", {{"targets", {"nothing"}}}}}, "transfer.targets"},
        {{{"transfer", {{"targets", seventeen_targets}}}}, "transfer.targets"},
        {{{"transfer", {{"flags", {""}}}}}, "transfer.flags"},
        {{{"transfer", {{"flags", std::vector<std::string>(65, "A")}}}}, "transfer.flags"},
        {{{"transfer", {{"flags", {std::string(255, 'a'), std::string(255, 'b'), "ccc"}}}}}, "transfer.flags"},
        {{{"transfer", {{"maxFailedAttempts", 0}}}}, "transfer.maxFailedAttempts"},
        {{{"transfer", {{"maxFailedAttempts", 256}}}}, "transfer.maxFailedAttempts"},
        {{{"transfer", {{"cascadeBlock", 1}}}}, "transfer.cascadeBlock"},
    };
    for (const auto& [body, field] : wrong)
        BOOST_TEST_CONTEXT(body.dump())
        {
            auto with_a_right_one = body;
            with_a_right_one["vaultWithBiometry"] = body.value("vaultWithBiometry", json(false));
            BOOST_TEST(complains_of(patch(with_a_right_one), field));
            BOOST_TEST(shown() == before);
            auto fresh = body;
            fresh["id"] = "fresh";
            BOOST_TEST(complains_of(admin("POST", "", fresh), field));
        }
    BOOST_TEST(complains_of(patch({{"id", "another"}}), "id"));
    BOOST_TEST(complains_of(office("PATCH", "/admin/applications/app", "[]", "admin"), ""));
    BOOST_TEST(complains_of(office("PATCH", "/admin/applications/app", "", "admin"), ""));
    BOOST_TEST(complains_of(office("PATCH", "/admin/applications/app", R"({"roles":[],"roles":[]})", "admin"), ""));
    BOOST_TEST(shown() == before);
    BOOST_TEST(patch(json::object(), "fresh").status == 400U);
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_told_at_once)
{
    const auto got = patch({{"lowestVersion", "4"}, {"maxFailedAttempts", 0}, {"provider", {{"timeoutMs", 1}}}});
    const std::vector<std::string> expected{"lowestVersion", "maxFailedAttempts", "provider.url", "provider.timeoutMs"};
    BOOST_TEST(got.violated() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_an_admin_changes_applications_that_exist)
{
    for (const auto& [method, path] :
         {std::pair{"PATCH", "/admin/applications/app"}, std::pair{"POST", "/admin/applications/app/versions"},
          std::pair{"PUT", "/admin/applications/app/versions/x"}}) {
        BOOST_TEST(office(method, path, "{}", "office").code() == "ERROR_FORBIDDEN");
        BOOST_TEST(office(method, path, "{}", {}).code() == "HTTP_401");
    }
    for (const std::string& id : {std::string{"nothing"}, std::string{"%zz"}, std::string(600, 'a')}) {
        const auto got = patch({{"vaultWithBiometry", true}}, id);
        BOOST_TEST(got.status == 400U);
        BOOST_TEST(got.message() == "No such application.");
    }
}

// --- the secret of the provider

BOOST_AUTO_TEST_CASE(the_secret_of_a_provider_is_written_and_never_shown)
{
    constexpr std::string_view secret = "correct-horse-battery";
    const json told{{"url", "http://10.0.0.1:8080/judge"}, {"secret", secret}};
    const auto got = patch({{"provider", told}});
    BOOST_TEST_REQUIRE(got.status == 200U);
    BOOST_TEST(got.body.at("provider").at("hasSecret") == true);
    for (const answer& each : {got, office("GET", "/admin/applications", {}, "admin"),
                               office("GET", "/admin/applications/app", {}, "admin")})
        BOOST_TEST(each.text.find(secret) == std::string::npos);
    BOOST_TEST(provider_secret() == secret);
    const auto record = registry::encode(stored());
    BOOST_TEST(crypto::as_text(record).find(secret) == std::string_view::npos);

    // A violation does not repeat it either.
    const auto refused = patch({{"provider", {{"secret", "correct horse"}}}});
    BOOST_TEST(refused.status == 400U);
    BOOST_TEST(refused.text.find("horse") == std::string::npos);

    // It stays when something else changes, and goes with null or with the provider.
    BOOST_TEST(patch({{"provider", {{"timeoutMs", 200}}}}).status == 200U);
    BOOST_TEST(provider_secret() == secret);
    restart();
    BOOST_TEST(provider_secret() == secret);
    BOOST_TEST(patch({{"provider", {{"secret", nullptr}}}}).body.at("provider").at("hasSecret") == false);
    BOOST_TEST(provider_secret().empty());
    BOOST_TEST(patch({{"provider", {{"secret", "another"}}}}).status == 200U);
    BOOST_TEST(provider_secret() == "another");
    BOOST_TEST(!patch({{"provider", nullptr}}).body.contains("provider"));
    BOOST_TEST(provider_secret().empty());
    BOOST_TEST(stored().sealed_provider_secret.empty());
    // And does not come back with the next provider.
    BOOST_TEST(patch({{"provider", {{"url", "http://a/"}}}}).body.at("provider").at("hasSecret") == false);
}

BOOST_AUTO_TEST_CASE(a_secret_does_not_follow_its_url_to_another_server)
{
    BOOST_TEST_REQUIRE(patch({{"provider", {{"url", "https://bank/a"}, {"secret", "s"}}}}).status == 200U);
    BOOST_TEST(patch({{"provider", {{"url", "https://BANK:443/b"}}}}).status == 200U); // the same one
    for (const char* url : {"https://thief/a", "http://bank/a", "https://bank:444/a"})
        BOOST_TEST(complains_of(patch({{"provider", {{"url", url}}}}), "provider.secret"), url);
    BOOST_TEST(shown().at("provider").at("url") == "https://BANK:443/b");
    BOOST_TEST(patch({{"provider", {{"url", "https://next/"}, {"secret", "t"}}}}).status == 200U);
    BOOST_TEST(provider_secret() == "t");
    BOOST_TEST(patch({{"provider", {{"url", "https://last/"}, {"secret", nullptr}}}}).status == 200U);
    BOOST_TEST(provider_secret().empty());
    BOOST_TEST(patch({{"provider", {{"url", "https://very-last/"}}}}).status == 200U); // nothing to be stolen
}

BOOST_AUTO_TEST_CASE(a_sealed_secret_opens_for_its_application_only)
{
    BOOST_TEST_REQUIRE(patch({{"provider", {{"url", "https://bank/"}, {"secret", "s"}}}}).status == 200U);
    auto change = [thief = stored("other"), of = stored()](kv::write_txn& txn) mutable {
        thief.settings.provider = of.settings.provider;
        thief.sealed_provider_secret = of.sealed_provider_secret;
        txn.put(registry::tables::applications, crypto::as_bytes(thief.id), registry::encode(thief));
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!commit(std::move(change)));
    BOOST_CHECK_THROW(services().directory.reload(), kv::open_error);
}

// --- in effect at once

BOOST_AUTO_TEST_CASE(what_counts_changes_for_slots_that_are_in_memory)
{
    auto alice = enrol(*this);
    BOOST_TEST(validate(alice.phone) == 200); // its slot is loaded
    BOOST_TEST(invent(alice.id).status == 401U);
    BOOST_TEST(failed(alice.id) == 0);
    BOOST_TEST_REQUIRE(patch({{"countOnlyIfPossessionProven", false}}).status == 200U);
    BOOST_TEST(invent(alice.id).status == 401U);
    BOOST_TEST(failed(alice.id) == 1);
    BOOST_TEST(invent(alice.id, application("other").key()).status == 401U); // another application's key
    BOOST_TEST(failed(alice.id) == 2);
    const json report{{"result", "FAILURE"}, {"factors", "POSSESSION_KNOWLEDGE"}, {"possessionProven", false}};
    const auto reported = [&](const char* attempt_id) {
        json body = report;
        body["attemptId"] = attempt_id;
        return office("POST", "/v2/registrations/" + alice.id + "/attempts", body.dump()).body.at("counted");
    };
    BOOST_TEST(reported("a") == true);
    BOOST_TEST(failed(alice.id) == 3);
    BOOST_TEST_REQUIRE(patch({{"countOnlyIfPossessionProven", true}}).status == 200U);
    BOOST_TEST(invent(alice.id).status == 401U);
    BOOST_TEST(invent(alice.id, application("other").key()).status == 401U);
    BOOST_TEST(reported("b") == false);
    BOOST_TEST(failed(alice.id) == 3);
    BOOST_TEST(validate(alice.phone) == 200);
}

BOOST_AUTO_TEST_CASE(how_much_noise_is_borne_changes_at_once)
{
    auto alice = enrol(*this);
    const auto throttled = [&] { return invent(alice.id).status == 429; };
    BOOST_TEST_REQUIRE(patch({{"unproven", {{"perMinute", 1}}}}).status == 200U);
    BOOST_TEST(!throttled());
    BOOST_TEST(throttled());
    BOOST_TEST_REQUIRE(patch({{"unproven", {{"perMinute", 0}}}}).status == 200U);
    BOOST_TEST(!throttled());
    BOOST_TEST(!throttled());
}

BOOST_AUTO_TEST_CASE(new_registrations_have_the_attempts_of_their_application)
{
    const auto older = create();
    BOOST_TEST_REQUIRE(patch({{"maxFailedAttempts", 2}}).status == 200U);
    const auto attempts = [&](const created& of) { return detail(of.id).at("maxFailedAttempts").get<int>(); };
    BOOST_TEST(attempts(older) == 5);
    BOOST_TEST(attempts(create("bob")) == 2);
    BOOST_TEST(attempts(create("bob", {{"maxFailedAttempts", 7}})) == 7);
    auto carol = enrol(*this, json::object(), bench::protocol_version::v3_3, "carol");
    BOOST_TEST(validate(carol.phone, wrong_pin) == 401);
    BOOST_TEST(status(carol.id) == "ACTIVE");
    BOOST_TEST(validate(carol.phone, wrong_pin) == 401);
    BOOST_TEST(status(carol.id) == "BLOCKED");
}

// --- together with others

BOOST_AUTO_TEST_CASE(patches_of_different_members_at_once_are_all_kept)
{
    const json patches[]{
        {{"vaultWithBiometry", true}},     {{"deviceManagement", true}},     {{"maxFailedAttempts", 9}},
        {{"transfer", {{"spawn", true}}}}, {{"transfer", {{"move", true}}}}, {{"unproven", {{"perMinute", 7}}}},
    };
    std::atomic<int> refused{0};
    on_threads(std::size(patches), [&](unsigned i) {
        const auto req = office_request("PATCH", "/admin/applications/app", patches[i].dump(), "admin");
        if (call_alone(handlers::side::office, req).status != 200)
            ++refused;
    });
    BOOST_TEST(refused == 0);
    const auto now = settings();
    restart();
    BOOST_TEST(settings() == now);
    json expected = default_settings;
    for (const json& each : patches)
        expected.merge_patch(each);
    BOOST_TEST(now == expected);
}

BOOST_AUTO_TEST_CASE(a_change_that_was_worked_out_from_an_older_record_is_refused)
{
    registry::change_application late;
    late.before = stored();
    late.settings = late.before.settings;
    late.settings.vault_with_biometry = true;
    BOOST_TEST_REQUIRE(patch({{"deviceManagement", true}}).status == 200U);
    BOOST_TEST((commit(late) == registry::errc::changed_meanwhile));
    BOOST_TEST(stored().settings.device_management);
    BOOST_TEST(!stored().settings.vault_with_biometry);
    late.before = stored();
    BOOST_TEST(!commit(late));
    BOOST_TEST(stored().settings.vault_with_biometry);
    late.before.id = "nothing";
    BOOST_TEST((commit(late) == registry::errc::unknown_application));
}

// --- versions

BOOST_AUTO_TEST_CASE(an_application_can_have_more_versions)
{
    auto alice = enrol(*this);
    const json first = shown();
    BOOST_TEST_REQUIRE(first.at("versions").size() == 1U);
    clock.advance(1);
    const auto made = admin("POST", "/app/versions", json::object());
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    BOOST_TEST(made.body.at("supported") == true);
    BOOST_TEST(made.body.at("timestampCreated") == clock.now());
    BOOST_TEST(made.body.at("appKey") != first.at("appKey"));
    BOOST_TEST(made.body.at("appSecret") != first.at("appSecret"));
    const auto config = bench::application::from_sdk_config(made.body.at("mobileSdkConfig").get<std::string>());
    BOOST_TEST(config.key() == made.body.at("appKey"));
    BOOST_TEST(config.secret() == made.body.at("appSecret"));
    BOOST_TEST(crypto::to_base64(config.master()->point()) == first.at("masterServerPublicKey"));

    // In front stands what the next app is to be built with; the list is oldest first.
    for (int round = 0; round < 2; ++round) {
        const json now = shown();
        BOOST_TEST(now.at("appKey") == made.body.at("appKey"));
        BOOST_TEST(now.at("versions").at(0) == first.at("versions").at(0));
        BOOST_TEST(now.at("versions").at(1) == made.body);
        restart();
    }

    // Phones with either of them are let in: this one was just updated.
    BOOST_TEST(validate(alice.phone) == 200);
    bench::device updated{config, alice.phone.state(), bench::wire_style::android};
    updated.take_time_from([this] { return clock.now(); });
    BOOST_TEST(validate(updated) == 200);
}

BOOST_AUTO_TEST_CASE(a_version_that_is_no_longer_supported_lets_nobody_in)
{
    auto alice = enrol(*this);
    const std::string key = shown().at("appKey");
    const std::string path = "/app/versions/" + encoded(key);
    const auto off = admin("PUT", path, {{"supported", false}});
    BOOST_TEST_REQUIRE(off.status == 200U, off.text);
    BOOST_TEST(off.body.at("supported") == false);
    BOOST_TEST(off.body == shown().at("versions").at(0));
    BOOST_TEST(shown().at("appKey") == key); // there is no better one
    BOOST_TEST(validate(alice.phone) == 401);
    restart();
    BOOST_TEST(validate(alice.phone) == 401);
    BOOST_TEST(failed(alice.id) == 0);
    clock.advance(1);
    const auto second = admin("POST", "/app/versions", json::object()).body;
    BOOST_TEST(shown().at("appKey") == second.at("appKey"));
    BOOST_TEST(admin("PUT", path, {{"supported", true}}).status == 200U);
    BOOST_TEST(admin("PUT", path, {{"supported", true}}).status == 200U); // twice is no error
    BOOST_TEST(validate(alice.phone) == 200);
    // A version that is newer but not supported is not to be built with.
    BOOST_TEST(admin("PUT", "/app/versions/" + encoded(second.at("appKey")), {{"supported", false}}).status == 200U);
    BOOST_TEST(shown().at("appKey") == key);
}

BOOST_AUTO_TEST_CASE(a_version_that_is_none_is_refused)
{
    const std::string foreign = shown("other").at("appKey");
    for (const std::string& key : {encoded(foreign), std::string{"AAAA"}, std::string{"%zz"}, std::string(700, 'A')}) {
        const auto got = admin("PUT", "/app/versions/" + key, {{"supported", false}});
        BOOST_TEST(got.status == 400U);
        BOOST_TEST(got.code() == "ERROR_REQUEST");
        BOOST_TEST(got.message() == "No such version of this application.", key);
    }
    BOOST_TEST(shown("other").at("versions").at(0).at("supported") == true);
    BOOST_TEST(admin("PUT", "/nothing/versions/" + encoded(foreign), {{"supported", false}}).message() ==
               "No such application.");
    BOOST_TEST(admin("POST", "/nothing/versions", json::object()).message() == "No such application.");
    const std::string path = "/app/versions/" + encoded(shown().at("appKey"));
    for (const json& body : {json::object(), json{{"supported", nullptr}}, json{{"supported", 1}}})
        BOOST_TEST(complains_of(admin("PUT", path, body), "supported"));
    BOOST_TEST(complains_of(admin("PUT", path, json::array()), ""));
}

BOOST_AUTO_TEST_CASE(versions_of_an_application_are_bounded_however_they_come)
{
    constexpr unsigned threads = 4;
    std::atomic<unsigned> made{0};
    std::atomic<unsigned> too_many{0};
    on_threads(threads, [&](unsigned) {
        for (std::size_t i = 0; i < registry::application_versions_max / threads + 1; ++i) {
            const auto got = call_alone(handlers::side::office,
                                        office_request("POST", "/admin/applications/app/versions", "{}", "admin"));
            if (got.status == 200)
                ++made;
            if (got.status == 409 && got.code() == "ERROR_CONFLICT")
                ++too_many;
        }
    });
    BOOST_TEST(made == registry::application_versions_max - 1); // there was one
    BOOST_TEST(too_many == threads + 1);
    BOOST_TEST(shown().at("versions").size() == registry::application_versions_max);
    BOOST_TEST(patch({{"vaultWithBiometry", true}}).status == 200U);
    BOOST_TEST(admin("POST", "/app/versions", json::object()).status == 409U); // the patch kept the count
    BOOST_TEST(admin("POST", "/other/versions", json::object()).status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()
