// What clients of PowerAuth Cloud rely on: the list of REGISTRATION-API.md 8.7, each case under its number, and the
// call sequences of chapter 1, with a password and with a token. Only the status and fields that are documented there
// are read.
//
//     1, 2   here
//     3 - 6  here, in the words of the list; every rule behind them is in handlers_test, attempts_test, events_test
//     7      here for each route that names a registration; random lives of several operations are in states_test

#include "tests/support.hpp"

#include "crypto/encoding.hpp"
#include "registry/events.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;

enum class credentials { basic, bearer };

// A back office as its clients are written: it knows a base path, how to say who it is, and JSON.
struct client {
    scratch_world& world;
    std::string authorization;

    answer ask(std::string_view method, const std::string& target, std::string_view body = {})
    {
        owned_request req;
        req.method = method;
        req.target = "/powerauth-cloud" + target;
        req.body = body;
        req.authorization = authorization;
        return world.call(handlers::side::office, req);
    }
    // The body of a 200.
    json get(std::string_view method, const std::string& target, std::string_view body = {})
    {
        const auto got = ask(method, target, body);
        BOOST_TEST_REQUIRE(got.status == 200U, method << ' ' << target << ' ' << got.text);
        return got.body;
    }
};

std::string basic(std::string_view name, std::string_view password)
{
    return "Basic " + crypto::to_base64(crypto::as_bytes(std::string{name} + ':' + std::string{password}));
}

struct cloud_world : scratch_world {
    client client_of(const std::string& name, credentials how)
    {
        client out{*this, basic(name, name)};
        if (how == credentials::bearer) {
            client admin{*this, basic("admin", "admin")};
            const auto token = admin.get("POST", "/admin/users/" + name + "/tokens", R"({"name":"client"})");
            out.authorization = "Bearer " + token.at("token").get<std::string>();
        }
        return out;
    }
    client admin_with(credentials how) { return client_of("admin", how); }
    client office_with(credentials how) { return client_of("office", how); }
    std::size_t events_of(const std::string& id, std::string_view type)
    {
        std::size_t out = 0;
        env().view([&](const kv::read_txn& txn) {
            registry::scan_events(txn, 0, [&](const registry::stored_event& each) {
                const auto* change = each.what.of_registration();
                out += change != nullptr && change->id.text() == id && each.what.type() == type ? 1U : 0U;
                return true;
            });
        });
        return out;
    }
};

constexpr credentials both[]{credentials::basic, credentials::bearer};

void check_error(const answer& got, unsigned status, const std::string& code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.body.at("status") == "ERROR");
    BOOST_TEST(got.body.at("responseObject").at("code") == code);
    BOOST_TEST(got.body.at("responseObject").at("message").is_string());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(compatibility, cloud_world)

// Of the three SDKs' helpers: create, commit, detail, block, unblock, delete.
BOOST_AUTO_TEST_CASE(list_8_7_number_1_the_sequence_of_the_sdk_helpers)
{
    for (const credentials how : both) {
        auto office_client = office_with(how);
        const auto made = office_client.get("POST", "/v2/registrations", R"({"userId":"alice","appId":"app"})");
        const auto id = made.at("registrationId").get<std::string>();
        const auto target = "/v2/registrations/" + id;
        BOOST_TEST(made.at("activationQrCodeData").get<std::string>() ==
                   made.at("activationCode").get<std::string>() + '#' +
                       made.at("activationCodeSignature").get<std::string>());
        auto device_of = phone();
        const auto fingerprint = device_of.activate(made.at("activationQrCodeData").get<std::string>(), right_pin, {});
        auto shown = office_client.get("GET", target);
        BOOST_TEST(shown.at("registrationStatus") == "PENDING_COMMIT");
        BOOST_TEST(shown.at("activationFingerprint") == fingerprint);
        BOOST_TEST(office_client.get("POST", target + "/commit", "{}").at("status") == "OK");
        shown = office_client.get("GET", target);
        BOOST_TEST(shown.at("registrationStatus") == "ACTIVE");
        BOOST_TEST(shown.at("registrationId") == id);
        BOOST_TEST(shown.at("userId") == "alice");
        BOOST_TEST(shown.at("applicationId") == "app");
        BOOST_TEST(shown.at("flags") == json::array());
        BOOST_TEST(shown.at("timestampCreated").is_number_integer());
        BOOST_TEST(shown.at("timestampLastUsed").is_number_integer());
        BOOST_TEST(office_client.get("PUT", target, R"({"change":"BLOCK"})").at("registrationStatus") == "BLOCKED");
        BOOST_TEST(office_client.get("GET", target).at("blockedReason") == "NOT_SPECIFIED");
        BOOST_TEST(office_client.get("PUT", target, R"({"change":"UNBLOCK"})").at("registrationStatus") == "ACTIVE");
        const auto list = office_client.get("GET", "/v2/registrations?userId=alice").at("registrations");
        BOOST_TEST_REQUIRE(list.size() == 1U);
        BOOST_TEST(list[0].at("registrationId") == id);
        BOOST_TEST(office_client.get("DELETE", target).at("status") == "OK");
        BOOST_TEST(office_client.get("GET", target).at("registrationStatus") == "REMOVED");
        BOOST_TEST(office_client.get("GET", "/v2/registrations?userId=alice").at("registrations").empty());
        const auto all = office_client.get("GET", "/v2/registrations?userId=alice&removed=true").at("registrations");
        BOOST_TEST(all.back().at("registrationStatus") == "REMOVED");
    }
}

// The load test's: a new application and a new user of it, who registers phones.
BOOST_AUTO_TEST_CASE(list_8_7_number_2_the_scenario_of_the_load_test)
{
    int turn = 0;
    for (const credentials how : both) {
        auto admin = admin_with(how);
        const auto suffix = std::to_string(++turn);
        const auto application = "bank" + suffix;
        const auto made = admin.get("POST", "/admin/applications", json{{"id", application}}.dump());
        for (const char* each : {"id", "mobileSdkConfig", "appKey", "appSecret", "masterServerPublicKey"})
            BOOST_TEST(made.at(each).is_string());
        BOOST_TEST(made.at("roles") == json::array());
        const auto user = admin.get("POST", "/admin/users", json{{"username", "user" + suffix}}.dump());
        BOOST_TEST(user.at("enabled") == true);
        BOOST_TEST(user.at("role").is_array());
        BOOST_TEST(user.at("applications") == json::array());
        const auto assigned = admin.get("POST", "/admin/users/user" + suffix + "/applications/" + application);
        BOOST_TEST(assigned.at("applications") == json::array({application}));

        client of_user{*this, basic("user" + suffix, user.at("password").get<std::string>())};
        if (how == credentials::bearer)
            of_user.authorization =
                "Bearer " + admin.get("POST", "/admin/users/user" + suffix + "/tokens", R"({"name":"load"})")
                                .at("token")
                                .get<std::string>();
        const auto callback =
            of_user.get("POST", "/v2/admin/applications/" + application + "/callbacks",
                        R"({"name":"load","type":"REGISTRATION_STATUS_CHANGE","callbackUrl":"http://localhost/hook"})");
        BOOST_TEST(callback.at("name") == "load");
        BOOST_TEST(callback.at("type") == "REGISTRATION_STATUS_CHANGE");
        BOOST_TEST(callback.at("callbackUrl") == "http://localhost/hook");

        const auto registered =
            of_user.get("POST", "/v2/registrations", json{{"userId", "alice"}, {"appId", application}}.dump());
        const auto app = bench::application::from_sdk_config(made.at("mobileSdkConfig").get<std::string>());
        bench::device device_of{app, phone().state(), bench::wire_style::android,
                                [this](const bench::http_request& req) { return device(req); }};
        device_of.take_time_from([this] { return clock.now(); });
        static_cast<void>(device_of.activate(registered.at("activationQrCodeData").get<std::string>(), right_pin, {}));
        const auto target = "/v2/registrations/" + registered.at("registrationId").get<std::string>();
        BOOST_TEST(of_user.get("POST", target + "/commit", R"({"externalUserId":null})").at("status") == "OK");
        // The phone signs, the back office asks whether it did.
        const auto request = device_of.make_validate_request(bench::signature_type::possession_knowledge, right_pin);
        std::string header;
        for (const auto& [name, value] : request.headers)
            header = name == "X-PowerAuth-Authorization" ? value : header;
        const auto verdict = of_user.get("POST", "/v2/signature/verify",
                                         json{{"method", "POST"},
                                              {"uriId", "/pa/signature/validate"},
                                              {"authHeader", header},
                                              {"requestBody", crypto::to_base64(crypto::as_bytes(request.body))}}
                                             .dump());
        BOOST_TEST(verdict.at("signatureValid") == true, verdict.dump());
        BOOST_TEST(verdict.at("userId") == "alice");
        BOOST_TEST(verdict.at("registrationStatus") == "ACTIVE");
        BOOST_TEST(verdict.at("remainingAttempts") == 5);
    }
}

BOOST_AUTO_TEST_CASE(list_8_7_number_3_a_change_that_is_none)
{
    const auto it = enrol(*this);
    auto office_client = office_with(credentials::basic);
    for (const char* change : {"block", "DESTROY", ""}) {
        const auto got = office_client.ask("PUT", "/v2/registrations/" + it.id, json{{"change", change}}.dump());
        check_error(got, 400, "ERROR_REQUEST");
        const auto& told = got.body.at("responseObject").at("violations")[0];
        BOOST_TEST(told.at("fieldName") == "change");
        BOOST_TEST(told.at("hint").is_string());
    }
    BOOST_TEST(status(it.id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(list_8_7_number_4_what_is_not_there_and_who_is_not_known)
{
    auto office_client = office_with(credentials::basic);
    check_error(office_client.ask("GET", "/v2/registrations/2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11"), 400,
                "ERROR_REGISTRATION_NOT_FOUND");
    check_error(office_client.ask("GET", "/v2/no-such-thing"), 404, "ERROR_NOT_FOUND");
    for (const auto& wrong : {basic("office", "guess"), std::string{"Bearer dwt_guess"}, std::string{}}) {
        client stranger{*this, wrong};
        check_error(stranger.ask("GET", "/v2/registrations?userId=alice"), 401, "HTTP_401");
    }
}

BOOST_AUTO_TEST_CASE(list_8_7_number_5_a_success_in_between_begins_anew)
{
    auto it = enrol(*this, {{"maxFailedAttempts", 3}});
    const auto validates = [&](std::string_view pin) {
        return it.phone.validate(bench::signature_type::possession_knowledge, pin);
    };
    for (const auto pin : {wrong_pin, wrong_pin, right_pin, wrong_pin, wrong_pin})
        BOOST_TEST(validates(pin) == (pin == right_pin));
    BOOST_TEST(status(it.id) == "ACTIVE");
    const auto rows = history(it.id).size();
    BOOST_TEST(!validates(wrong_pin));
    BOOST_TEST(status(it.id) == "BLOCKED");
    BOOST_TEST(detail(it.id).at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(history(it.id).size() == rows + 1);
    BOOST_TEST(events_of(it.id, history(it.id).back().at("event").get<std::string>()) == 1U);
}

BOOST_AUTO_TEST_CASE(list_8_7_number_6_repeated_and_impossible_changes)
{
    const auto it = enrol(*this);
    auto office_client = office_with(credentials::basic);
    const auto target = "/v2/registrations/" + it.id;
    office_client.get("PUT", target, R"({"change":"BLOCK","blockedReason":"LOST"})");
    BOOST_TEST(office_client.get("PUT", target, R"({"change":"BLOCK","blockedReason":"STOLEN"})").at("blockedReason") ==
               "LOST");
    office_client.get("PUT", target, R"({"change":"UNBLOCK"})");
    const auto rows = history(it.id).size();
    BOOST_TEST(office_client.get("PUT", target, R"({"change":"UNBLOCK"})").at("registrationStatus") == "ACTIVE");
    BOOST_TEST(history(it.id).size() == rows);
    office_client.get("DELETE", target);
    check_error(office_client.ask("PUT", target, R"({"change":"UNBLOCK"})"), 400, "ERROR_REGISTRATION_CHANGE");
}

BOOST_AUTO_TEST_CASE(list_8_7_number_7_nothing_leads_out_of_removed)
{
    const auto it = enrol(*this);
    auto admin = admin_with(credentials::basic);
    admin.get("PATCH", "/admin/applications/app", R"({"transfer":{"spawn":true,"move":true}})");
    admin.get("DELETE", "/v2/registrations/" + it.id);
    const auto before = detail(it.id);
    const auto rows = history(it.id);
    std::size_t asked = 0;
    for (const auto& route : handlers::list_routes(handlers::side::office)) {
        std::string target{route.path};
        const auto hole = target.find("/v2/registrations/{}");
        if (hole == std::string::npos)
            continue;
        target.replace(target.find("{}"), 2, it.id);
        for (const char* body :
             {"", "{}", R"({"change":"UNBLOCK"})", R"({"change":"BLOCK"})", R"({"name":"n"})", R"({"flags":["F"]})",
              R"({"reset":true})", R"({"otp":"a password of twenty"})", R"({"type":"SPAWN"})", R"({"type":"MOVE"})",
              R"({"metadata":{"a":1},"maxFailedAttempts":9})",
              R"({"result":"SUCCESS","factors":"POSSESSION_KNOWLEDGE","attemptId":"a"})"}) {
            static_cast<void>(admin.ask(route.method, target, body));
            ++asked;
            BOOST_TEST(status(it.id) == "REMOVED", route.method << ' ' << target << ' ' << body);
        }
    }
    BOOST_TEST(asked > 100U);
    BOOST_TEST(history(it.id) == rows);
    BOOST_TEST(detail(it.id).at("version") == before.at("version"));
}

// Chapter 1.6 and 1.7, beyond the two sequences above.
BOOST_AUTO_TEST_CASE(administration_and_audit_as_clients_know_them)
{
    for (const credentials how : both) {
        auto admin = admin_with(how);
        const auto it = enrol(*this, json::object(), bench::protocol_version::v3_3, "carol");
        BOOST_TEST(admin.get("GET", "/admin/applications").at("applications").size() == 2U);
        BOOST_TEST(admin.get("GET", "/admin/users").at("users").size() == 3U);
        const auto rows = admin.get("GET", "/audit/log?userId=carol").at("items");
        BOOST_TEST_REQUIRE(!rows.empty());
        for (const json& each : rows) {
            BOOST_TEST(each.at("activationId").is_string());
            BOOST_TEST(each.at("eventType").is_string());
            BOOST_TEST(each.at("eventData").is_object());
            BOOST_TEST(each.at("timestamp").is_number_integer());
        }
        BOOST_TEST(rows.front().at("activationId") == it.id);
    }
    check_error(admin_with(credentials::basic).ask("GET", "/audit/log?timestampFrom=2&timestampTo=1"), 400,
                "ERROR_AUDIT");
}

BOOST_AUTO_TEST_SUITE_END()
