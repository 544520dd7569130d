// What is done to applications and accounts, as the feed and the audit log tell it; and their master keys.

#include "crypto/encoding.hpp"
#include "registry/administration.hpp"
#include "registry/audit_chain.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::event_sequence;

struct administered_world : scratch_world {
    answer admin(std::string_view method, std::string_view target, const json& body = nullptr)
    {
        auto out = office(method, target, body.is_null() ? std::string{} : body.dump(), "admin");
        return out;
    }
    json done(std::string_view method, std::string_view target, const json& body = nullptr)
    {
        const auto got = admin(method, target, body);
        BOOST_TEST_REQUIRE(got.status == 200U, method << ' ' << target << ' ' << got.text);
        return got.body;
    }
    event_sequence last()
    {
        return env().view([](const kv::read_txn& txn) { return registry::last_event(txn).sequence; });
    }
    // What the feed tells somebody about what `deed` does.
    json told(const std::function<void()>& deed, std::string_view who = "admin")
    {
        const auto before = last();
        deed();
        return office("GET", "/v2/events?after=" + std::to_string(before), {}, who).body.at("events");
    }
    // Exactly one event, with what every event of administration has.
    json told_once(const std::function<void()>& deed)
    {
        clock.advance(1000);
        const auto all = told(deed);
        BOOST_TEST_REQUIRE(all.size() == 1U, all.dump());
        json out = all.front();
        BOOST_TEST(out.at("account") == "admin");
        BOOST_TEST(out.at("timestampCreated") == clock.now());
        BOOST_TEST(!out.contains("registrationId"));
        return out;
    }
};

void check_event(const json& what, std::string_view subject, std::string_view id, std::string_view event,
                 const std::string& application, const std::string& detail)
{
    BOOST_TEST(what.at("subject") == std::string{subject});
    BOOST_TEST(what.at("subjectId") == std::string{id});
    BOOST_TEST(what.at("event") == std::string{event});
    BOOST_TEST(what.value("applicationId", "") == application);
    BOOST_TEST(what.value("detail", "") == detail);
}

const std::string bank = "/admin/applications/bank";
const std::string bob = "/admin/users/bob";

std::string of_version(const std::string& key)
{
    std::string escaped;
    for (const char c : key)
        escaped += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
    return bank + "/versions/" + escaped;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(administration_events, administered_world)

BOOST_AUTO_TEST_CASE(each_change_of_an_application_is_one_event_that_its_accounts_see)
{
    std::string key;
    auto event = told_once([&] { key = done("POST", "/admin/applications", {{"id", "bank"}}).at("appKey"); });
    check_event(event, "APPLICATION", "bank", "CREATE_APPLICATION", "bank", key);

    event = told_once([&] {
        done("PATCH", bank,
             {{"maxFailedAttempts", 3},
              {"roles", {"R"}},
              {"lowestVersion", "3.2"},
              {"vaultWithBiometry", true},
              {"provider", {{"url", "https://judge.example"}, {"secret", "a-secret-of-theirs"}}}});
    });
    check_event(event, "APPLICATION", "bank", "CHANGE_APPLICATION", "bank",
                "roles, lowestVersion=3.2, maxFailedAttempts=3, vaultWithBiometry=true, provider, provider.secret");
    event = told_once([&] {
        done("PUT", "/v2/admin/applications/bank/lockout-policy",
             {{"maxFailedAttempts", 4},
              {"block", "temporary"},
              {"breaker", {{"least", 5}}},
              {"hints", {{"remainingAttempts", false}}}});
    });
    check_event(event, "APPLICATION", "bank", "CHANGE_APPLICATION", "bank",
                "maxFailedAttempts=4, lockout, breaker, hints.remainingAttempts=false");

    std::string second;
    event = told_once([&] { second = done("POST", bank + "/versions").at("appKey"); });
    check_event(event, "APPLICATION", "bank", "CREATE_APPLICATION_VERSION", "bank", second);
    event = told_once([&] { done("PUT", of_version(second), {{"supported", false}}); });
    check_event(event, "APPLICATION", "bank", "RETIRE_APPLICATION_VERSION", "bank", second);
    event = told_once([&] { done("PUT", of_version(second), {{"supported", true}}); });
    check_event(event, "APPLICATION", "bank", "SUPPORT_APPLICATION_VERSION", "bank", second);
    event = told_once([&] { done("DELETE", bank); });
    check_event(event, "APPLICATION", "bank", "REMOVE_APPLICATION", "bank", "");
}

BOOST_AUTO_TEST_CASE(each_change_of_an_account_is_one_event)
{
    auto event = told_once([&] {
        done("POST", "/admin/users", {{"username", "bob"}, {"role", "OPERATOR"}, {"rights", {"REMOVE"}}});
    });
    check_event(event, "ACCOUNT", "bob", "CREATE_ACCOUNT", "", "role=OPERATOR, rights=REMOVE");
    event = told_once([&] {
        done("PATCH", bob, {{"enabled", false}, {"role", "AUDITOR"}, {"rights", json::array()}});
    });
    check_event(event, "ACCOUNT", "bob", "CHANGE_ACCOUNT", "", "enabled=false, role=AUDITOR, rights=none");
    event = told_once([&] { done("POST", bob + "/rotate"); });
    check_event(event, "ACCOUNT", "bob", "ROTATE_PASSWORD", "", "");
    event = told_once([&] { done("POST", bob + "/applications/app"); });
    check_event(event, "ACCOUNT", "bob", "ASSIGN_APPLICATION", "app", "app");
    event = told_once([&] { done("DELETE", bob + "/applications/app"); });
    check_event(event, "ACCOUNT", "bob", "UNASSIGN_APPLICATION", "app", "app");
    event = told_once([&] { done("POST", bob + "/tokens", {{"name", "ci"}}); });
    check_event(event, "ACCOUNT", "bob", "CREATE_TOKEN", "", "ci");
    event = told_once([&] { done("DELETE", bob + "/tokens/ci"); });
    check_event(event, "ACCOUNT", "bob", "REVOKE_TOKEN", "", "ci");
    done("POST", bob + "/tokens", {{"name", "one"}});
    done("POST", bob + "/tokens", {{"name", "two"}});
    const auto revoked = told([&] { done("DELETE", bob + "/tokens"); });
    BOOST_TEST_REQUIRE(revoked.size() == 2U);
    check_event(revoked[0], "ACCOUNT", "bob", "REVOKE_TOKEN", "", "one");
    check_event(revoked[1], "ACCOUNT", "bob", "REVOKE_TOKEN", "", "two");
    event = told_once([&] { done("DELETE", bob); });
    check_event(event, "ACCOUNT", "bob", "REMOVE_ACCOUNT", "", "");
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_or_is_refused_is_no_event)
{
    const auto key = done("POST", "/admin/applications", {{"id", "bank"}}).at("appKey").get<std::string>();
    done("POST", "/admin/users", {{"username", "bob"}});
    done("POST", bob + "/applications/app");
    const auto nothing = told([&] {
        done("PATCH", bank, {{"maxFailedAttempts", 5}});
        done("PATCH", bank, json::object());
        done("PUT", of_version(key), {{"supported", true}});
        done("PATCH", bob, {{"enabled", true}});
        done("POST", bob + "/applications/app");
        done("DELETE", bob + "/applications/other");
        done("DELETE", bob + "/tokens");
        BOOST_TEST(admin("POST", "/admin/applications", {{"id", "bank"}}).status == 409U);
        BOOST_TEST(admin("POST", "/admin/users", {{"username", "bob"}}).status == 409U);
        BOOST_TEST(admin("DELETE", bob + "/tokens/none").status == 400U);
        BOOST_TEST(admin("DELETE", "/admin/users/admin").status == 409U);
        BOOST_TEST(admin("PATCH", bank, {{"maxFailedAttempts", 0}}).status == 400U);
        BOOST_TEST(admin("DELETE", "/admin/applications/none").status == 400U);
        BOOST_TEST(office("POST", bank + "/versions").status == 403U);
    });
    BOOST_TEST(nothing.empty(), nothing.dump());
}

BOOST_AUTO_TEST_CASE(accounts_see_what_is_done_to_their_applications_and_admins_the_rest)
{
    const auto deeds = [&] {
        done("PATCH", "/admin/applications/app", {{"roles", {"A"}}});
        done("PATCH", "/admin/applications/other", {{"roles", {"A"}}});
        done("POST", "/admin/users", {{"username", "bob"}});
        done("POST", bob + "/applications/other");
        done("POST", bob + "/applications/app");
    };
    const auto seen = told(deeds, "office");
    BOOST_TEST_REQUIRE(seen.size() == 2U, seen.dump());
    BOOST_TEST(seen[0].at("event") == "CHANGE_APPLICATION");
    BOOST_TEST(seen[0].at("subjectId") == "app");
    BOOST_TEST(seen[1].at("event") == "ASSIGN_APPLICATION");
    BOOST_TEST(seen[1].at("subjectId") == "bob");
}

BOOST_AUTO_TEST_CASE(the_audit_log_finds_them_by_account_application_and_type)
{
    create_account("auditor", registry::role::auditor, {"app"});
    done("POST", "/admin/users", {{"username", "bob"}});
    done("POST", bob + "/applications/app");
    done("PATCH", "/admin/applications/app", {{"maxFailedAttempts", 7}});
    const auto types = [&](const std::string& query, std::string_view who = "admin") {
        std::vector<std::string> out;
        const auto got = office("GET", "/v2/audit/log?" + query, {}, who);
        for (const json& each : got.body.at("items"))
            out.push_back(each.at("eventType"));
        return out;
    };
    using texts = std::vector<std::string>;
    BOOST_TEST((types("account=bob") == texts{"ASSIGN_APPLICATION", "CREATE_ACCOUNT"}));
    BOOST_TEST((types("account=bob", "auditor") == texts{"ASSIGN_APPLICATION"}));
    BOOST_TEST((types("appId=app&eventType=CHANGE_APPLICATION") == texts{"CHANGE_APPLICATION"}));
    BOOST_TEST(
        (types("appId=app", "auditor") == texts{"CHANGE_APPLICATION", "ASSIGN_APPLICATION", "CREATE_APPLICATION"}));
    const auto row = office("GET", "/v2/audit/log?eventType=CHANGE_APPLICATION", {}, "admin").body.at("items").front();
    BOOST_TEST((row.at("eventData") ==
                json{{"subject", "APPLICATION"}, {"subjectId", "app"}, {"detail", "maxFailedAttempts=7"}}));
}

BOOST_AUTO_TEST_CASE(no_secret_is_told_and_the_chain_holds)
{
    std::vector<std::string> secrets;
    const auto text =
        told([&] {
            secrets.push_back(done("POST", "/admin/users", {{"username", "bob"}}).at("password"));
            secrets.push_back(done("POST", bob + "/rotate").at("password"));
            secrets.push_back(done("POST", bob + "/tokens", {{"name", "ci"}}).at("token"));
            secrets.push_back(done("POST", "/admin/applications", {{"id", "bank"}}).at("appSecret"));
            secrets.push_back(done("POST", bank + "/versions").at("appSecret"));
            done("PATCH", bank, {{"provider", {{"url", "https://judge.example"}, {"secret", "a-secret-of-theirs"}}}});
            secrets.emplace_back("a-secret-of-theirs");
        }).dump();
    for (const std::string& each : secrets)
        BOOST_TEST(text.find(each) == std::string::npos, each);
    const auto report = env().view([](const kv::read_txn& txn) { return registry::verify_chain(txn, {}); });
    BOOST_TEST(!report.fault.has_value());
    BOOST_TEST(report.sound.sequence == last());
}

BOOST_AUTO_TEST_CASE(many_settings_are_cut_to_what_an_event_may_tell)
{
    const auto event = [&](std::string detail) {
        auto change = [&](kv::write_txn& txn) {
            registry::tell_of_application(txn, {{"admin", {}}, clock.now()}, "app", "TOUCH", std::move(detail));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!commit(change));
    };
    const auto all = told([&] { event(std::string(registry::event_detail_bytes_max + 1, 'x')); });
    BOOST_TEST(all.front().at("detail").get<std::string>().size() == registry::event_detail_bytes_max);
}

BOOST_AUTO_TEST_SUITE_END()

// --- master keys

namespace {

struct keyed_world : administered_world {
    keyed_world() { done("POST", "/admin/users/office/applications/bank"); }

    // Before the constructor's body.
    json made = done("POST", "/admin/applications", {{"id", "bank"}});
    std::list<bench::application> apps; // what phones refer to

    bench::device phone_of(const json& version, bench::protocol_version speaks = bench::protocol_version::v3_3)
    {
        apps.push_back(bench::application::from_sdk_config(version.at("mobileSdkConfig").get<std::string>()));
        bench::device_state state;
        state.version = speaks;
        state.pin_iterations = 1;
        bench::device out{apps.back(), std::move(state), bench::wire_style::android,
                          [this](const bench::http_request& req) { return device(req); }};
        out.take_time_from([this] { return clock.now(); });
        return out;
    }
    created create_in_bank() { return create("alice", {{"appId", "bank"}}); }
    // Is it registered by the code alone, as a person types it?
    bool registers(bench::device phone)
    {
        try {
            static_cast<void>(phone.activate(create_in_bank().code, right_pin));
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }
    // Does a phone believe the code that it is shown?
    bool believes(bench::device phone)
    {
        try {
            static_cast<void>(phone.activate(create_in_bank().qr_data, right_pin));
            return true;
        } catch (const bench::protocol_error&) {
            return false;
        }
    }
    json keys() { return done("GET", bank).at("masterKeys"); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(master_keys, keyed_world)

BOOST_AUTO_TEST_CASE(an_application_begins_with_one_that_signs)
{
    const auto all = keys();
    BOOST_TEST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all[0].at("signs") == true);
    BOOST_TEST(all[0].at("masterServerPublicKey") == made.at("masterServerPublicKey"));
    BOOST_TEST(all[0].at("timestampCreated") == made.at("timestampCreated"));
    BOOST_TEST(all[0].at("keyId") == made.at("versions")[0].at("masterKeyId"));
    const auto point = crypto::from_base64(made.at("masterServerPublicKey").get<std::string>()).value();
    BOOST_TEST(all[0].at("keyId") == crypto::to_hex(crypto::sha256(point)).substr(0, 16));
}

BOOST_AUTO_TEST_CASE(phones_of_both_keys_are_served_from_the_first_version_to_the_last_day)
{
    const json old_version = made.at("versions")[0];
    clock.advance(1000);
    const auto key = done("POST", bank + "/master-keys");
    BOOST_TEST(key.at("signs") == false);
    BOOST_TEST(key.at("timestampCreated") == clock.now());
    const auto new_version = done("POST", bank + "/versions");
    BOOST_TEST(new_version.at("masterKeyId") == key.at("keyId"));
    const auto shown = done("GET", bank);
    BOOST_TEST(shown.at("masterServerPublicKey") == key.at("masterServerPublicKey")); // of the next app to be built
    BOOST_TEST(shown.at("versions")[0].at("mobileSdkConfig") == old_version.at("mobileSdkConfig"));
    restart();
    for (const auto speaks : all_versions) {
        BOOST_TEST(registers(phone_of(old_version, speaks)));
        BOOST_TEST(registers(phone_of(new_version, speaks)));
    }
    // A phone takes only what was signed with the key that it was built with.
    BOOST_TEST(believes(phone_of(old_version)));
    BOOST_TEST(!believes(phone_of(new_version)));
    const auto path = bank + "/master-keys/" + key.at("keyId").get<std::string>();
    BOOST_TEST(done("PUT", path, {{"signs", true}}).at("signs") == true);
    BOOST_TEST(!believes(phone_of(old_version)));
    BOOST_TEST(believes(phone_of(new_version)));
    BOOST_TEST(registers(phone_of(old_version)));
    // Each phone has what it needs, whatever signs now.
    auto known = phone_of(old_version);
    static_cast<void>(known.activate(create_in_bank().code, right_pin));
    BOOST_TEST(known.is_activated());

    // The old one goes with the last version that was built with it.
    const auto old_path = bank + "/master-keys/" + old_version.at("masterKeyId").get<std::string>();
    BOOST_TEST(admin("DELETE", old_path).status == 409U);
    const auto old_key = old_version.at("appKey").get<std::string>();
    done("PUT", of_version(old_key), {{"supported", false}});
    BOOST_TEST(done("DELETE", old_path).at("status") == "OK");
    BOOST_TEST(keys().size() == 1U);
    BOOST_TEST(keys()[0].at("keyId") == key.at("keyId"));
    BOOST_TEST(keys()[0].at("signs") == true);
    BOOST_TEST(admin("PUT", of_version(old_key), {{"supported", true}}).status == 409U);
    restart();
    BOOST_TEST(!registers(phone_of(old_version)));
    BOOST_TEST(registers(phone_of(new_version)));
    BOOST_TEST(believes(phone_of(new_version)));
    BOOST_TEST(done("GET", bank).at("versions")[0].at("mobileSdkConfig") == old_version.at("mobileSdkConfig"));
}

BOOST_AUTO_TEST_CASE(payloads_without_a_network_are_signed_with_the_key_that_signs)
{
    const auto signer_of = [&] {
        const auto payload = office("POST", "/v2/signature/offline/non-personalized/create",
                                    json{{"appId", "bank"}, {"data", "x"}}.dump());
        BOOST_TEST_REQUIRE(payload.status == 200U, payload.text);
        const auto text = payload.body.at("offlineData").get<std::string>();
        const auto mark = text.rfind('\n') + 2;
        const auto signature = crypto::from_base64(text.substr(mark)).value();
        for (const json& each : keys()) {
            const auto point = crypto::from_base64(each.at("masterServerPublicKey").get<std::string>()).value();
            const auto key = crypto::p256_public_key::import(point);
            if (key && key->verify_der(crypto::as_bytes(text.substr(0, mark)), signature))
                return each.at("keyId").get<std::string>();
        }
        return std::string{};
    };
    const auto key = done("POST", bank + "/master-keys").at("keyId").get<std::string>();
    BOOST_TEST(signer_of() == keys()[0].at("keyId"));
    done("PUT", bank + "/master-keys/" + key, {{"signs", true}});
    BOOST_TEST(signer_of() == key);
}

BOOST_AUTO_TEST_CASE(a_rotation_that_nobody_used_can_be_undone)
{
    const auto key = done("POST", bank + "/master-keys").at("keyId").get<std::string>();
    BOOST_TEST(done("DELETE", bank + "/master-keys/" + key).at("status") == "OK");
    BOOST_TEST(done("POST", bank + "/versions").at("masterKeyId") == made.at("versions")[0].at("masterKeyId"));
}

BOOST_AUTO_TEST_CASE(bad_requests_about_keys_are_refused)
{
    const auto first = made.at("versions")[0].at("masterKeyId").get<std::string>();
    BOOST_TEST(admin("DELETE", bank + "/master-keys/" + first).status == 409U);
    BOOST_TEST(admin("DELETE", bank + "/master-keys/0123456789abcdef").status == 400U);
    BOOST_TEST(admin("PUT", bank + "/master-keys/0123456789abcdef", {{"signs", true}}).status == 400U);
    BOOST_TEST(admin("PUT", bank + "/master-keys/" + first, {{"signs", false}}).violated().front() == "signs");
    BOOST_TEST(admin("PUT", bank + "/master-keys/" + first, json::object()).violated().front() == "signs");
    BOOST_TEST(admin("POST", "/admin/applications/none/master-keys").status == 400U);
    BOOST_TEST(admin("PUT", "/admin/applications/none/master-keys/" + first, {{"signs", true}}).status == 400U);
    BOOST_TEST(admin("DELETE", "/admin/applications/none/master-keys/" + first).status == 400U);
    // Of another application.
    BOOST_TEST(admin("PUT", "/admin/applications/app/master-keys/" + first, {{"signs", true}}).status == 400U);
    for (std::size_t i = 1; i < registry::master_keys_max; ++i)
        done("POST", bank + "/master-keys");
    BOOST_TEST(admin("POST", bank + "/master-keys").status == 409U);
    BOOST_TEST(keys().size() == registry::master_keys_max);
}

BOOST_AUTO_TEST_CASE(each_change_of_keys_is_one_event)
{
    std::string key;
    auto event = told_once([&] { key = done("POST", bank + "/master-keys").at("keyId"); });
    check_event(event, "APPLICATION", "bank", "CREATE_MASTER_KEY", "bank", key);
    const auto path = bank + "/master-keys/" + key;
    event = told_once([&] { done("PUT", path, {{"signs", true}}); });
    check_event(event, "APPLICATION", "bank", "SIGN_WITH_MASTER_KEY", "bank", key);
    BOOST_TEST(told([&] { done("PUT", path, {{"signs", true}}); }).empty());
    const auto first = made.at("versions")[0];
    done("PUT", of_version(first.at("appKey").get<std::string>()), {{"supported", false}});
    const auto old_key = first.at("masterKeyId").get<std::string>();
    event = told_once([&] { done("DELETE", bank + "/master-keys/" + old_key); });
    check_event(event, "APPLICATION", "bank", "REMOVE_MASTER_KEY", "bank", old_key);
}

// Versions of stores from before there could be two keys do not name theirs.
BOOST_AUTO_TEST_CASE(versions_that_name_no_key_have_the_first)
{
    const auto old_version = made.at("versions")[0];
    const auto key = old_version.at("appKey").get<std::string>();
    auto forget = [&](kv::write_txn& txn) {
        auto stored = registry::find_application_version(txn, key).value();
        stored.master_key.reset();
        txn.put(registry::tables::versions, crypto::as_bytes(key), registry::encode(stored));
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!commit(forget));
    restart();
    BOOST_TEST(believes(phone_of(old_version)));
    done("PUT", bank + "/master-keys/" + done("POST", bank + "/master-keys").at("keyId").get<std::string>(),
         {{"signs", true}});
    restart();
    BOOST_TEST(registers(phone_of(old_version)));
    BOOST_TEST(done("GET", bank).at("versions")[0].at("mobileSdkConfig") == old_version.at("mobileSdkConfig"));
    BOOST_TEST(admin("DELETE", bank + "/master-keys/" + old_version.at("masterKeyId").get<std::string>()).status ==
               409U);
}

BOOST_AUTO_TEST_CASE(the_configuration_is_shown_as_a_picture)
{
    const auto version = made.at("versions")[0];
    const auto path = of_version(version.at("appKey").get<std::string>()) + "/sdk-config";
    BOOST_TEST(done("GET", path).at("mobileSdkConfig") == version.at("mobileSdkConfig"));
    BOOST_TEST(done("GET", path + "?format=json").at("mobileSdkConfig") == version.at("mobileSdkConfig"));
    const auto picture = admin("GET", path + "?format=svg");
    BOOST_TEST(picture.status == 200U);
    BOOST_TEST(picture.content_type == "image/svg+xml");
    BOOST_TEST(picture.text.starts_with(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )"));
    BOOST_TEST(picture.text.ends_with("</svg>"));
    BOOST_TEST(admin("GET", path + "?format=png").violated().front() == "format");
}

BOOST_AUTO_TEST_SUITE_END()
