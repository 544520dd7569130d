// Webhooks (REGISTRATION-API.md M3): their settings, who may see them, what is sent, and what becomes of deliveries.

#include "crypto/encoding.hpp"
#include "handlers/slots.hpp"
#include "handlers/webhook_message.hpp"
#include "registry/webhook_changes.hpp"
#include "registry/webhook_events.hpp"
#include "tests/provider_server.hpp"
#include "tests/support.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace tables = registry::tables;

constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";
constexpr const char* all_hooks = "/v2/admin/applications/app/callbacks";

json minimal()
{
    return {{"name", "fraud desk"}, {"type", "REGISTRATION_STATUS_CHANGE"}, {"callbackUrl", "https://hook.example/in"}};
}

const json all_attributes = {"userId",          "activationName",   "deviceInfo",    "platform",       "protocol",
                             "activationFlags", "activationStatus", "blockedReason", "applicationId",  "eventSeq",
                             "timestamp",       "previousStatus",   "eventReason",   "externalUserId", "version"};

struct webhooks_world : scratch_world {
    answer make(const json& body, std::string_view who = "office")
    {
        return office("POST", all_hooks, body.dump(), who);
    }
    // The id of a webhook that is accepted.
    std::string created(const json& more = json::object())
    {
        json body = minimal();
        body.update(more);
        const auto got = make(body);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        secret = got.body.at("secret");
        return got.body.at("id");
    }
    static std::string path(const std::string& id, std::string_view rest = {})
    {
        return std::string{all_hooks} + '/' + id + std::string{rest};
    }
    json shown(const std::string& id)
    {
        const auto got = office("GET", path(id));
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    std::vector<json> deliveries(const std::string& id, std::string_view query = {})
    {
        const auto got = office("GET", path(id, "/deliveries") + std::string{query});
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body.at("deliveries");
    }
    void change(const std::string& registration, const char* what)
    {
        const auto got = office("PUT", "/v2/registrations/" + registration, json{{"change", what}}.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
    void succeed() { provider.answer(204, ""); }
    void fail(unsigned status = 503) { provider.answer(status, "out of order"); }

    // The last events of a registration that receivers are told of, as their payloads have them.
    std::vector<json> told(std::string_view activation = {})
    {
        std::vector<json> out;
        for (const auto& each : provider.requests()) {
            if (activation.empty() || each.body.at("activationId") == activation)
                out.push_back(each.body);
        }
        return out;
    }
    std::size_t rows(kv::table of)
    {
        return env().view([&](const kv::read_txn& txn) { return txn.row_count(of); });
    }
    registry::event_sequence last_event()
    {
        return env().view([](const kv::read_txn& txn) { return registry::last_event(txn).sequence; });
    }
    // The present as it is after a kill: what is on its way never comes back.
    void crash()
    {
        auto end = [](handlers::services& svc) -> handlers::task<int> {
            co_await svc.webhooks.finish(std::chrono::milliseconds{0});
            co_return 0;
        };
        BOOST_TEST(finish(end(services())) == 0);
        provider.release();
        restart();
    }
    // One round whose deliveries stay on their way.
    void start_round()
    {
        auto done = std::make_shared<std::optional<std::chrono::nanoseconds>>();
        spawn(services().webhooks.round(services()), *done);
        rounds.push_back(done);
        while (!done->has_value())
            poll();
    }

    std::vector<std::shared_ptr<std::optional<std::chrono::nanoseconds>>> rounds;
    std::string secret; // of the webhook that was created last
};

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

// HMAC-SHA256 as RFC 2104 has it, from the digest up.
std::string signature_of(const std::string& secret_text, const scripted_provider::request& of)
{
    auto key = crypto::from_base64(std::string_view{secret_text}.substr(6)).value();
    key.resize(64);
    const auto padded = [&key](crypto::byte with) {
        crypto::bytes out;
        for (const crypto::byte each : key)
            out.push_back(static_cast<crypto::byte>(each ^ with));
        return out;
    };
    const std::string message = of.header("webhook-id") + "." + of.header("webhook-timestamp") + "." + of.text;
    const auto inner = crypto::sha256({padded(0x36), crypto::as_bytes(message)});
    return "v1," + crypto::to_base64(crypto::sha256({padded(0x5C), inner}));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(webhooks, webhooks_world)

// --- settings

BOOST_AUTO_TEST_CASE(a_webhook_of_the_least_that_can_be_said_has_defaults)
{
    const auto made = make(minimal());
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    const auto& got = made.body;
    BOOST_TEST(got.at("applicationId") == "app");
    BOOST_TEST(got.at("name") == "fraud desk");
    BOOST_TEST(got.at("type") == "REGISTRATION_STATUS_CHANGE");
    BOOST_TEST(got.at("callbackUrl") == "https://hook.example/in");
    BOOST_TEST(got.at("attributes") == json::array());
    BOOST_TEST(got.at("payloadType") == "REGISTRATION_STATUS_CHANGE");
    BOOST_TEST((got.at("authentication") == json{{"type", "NONE"}}));
    BOOST_TEST(got.at("maxAttempts") == 10);
    BOOST_TEST(got.at("initialBackoff") == 30'000);
    BOOST_TEST(got.at("retentionPeriod") == 30LL * 24 * 3600 * 1000);
    BOOST_TEST(got.at("enabled") == true);
    BOOST_TEST(got.at("timestampCreated") == clock.now());
    const std::string whsec = got.at("secret");
    BOOST_TEST(whsec.starts_with("whsec_"));
    BOOST_TEST(crypto::from_base64(whsec.substr(6)).value().size() == 32U);

    auto again = shown(got.at("id"));
    BOOST_TEST(!again.contains("secret")); // shown once
    auto expected = got;
    expected.erase("secret");
    BOOST_TEST(again == expected);
    BOOST_TEST((office("GET", all_hooks).body == json{{"callbacks", json::array({expected})}}));
}

BOOST_AUTO_TEST_CASE(all_that_can_be_set_is_told_but_secrets)
{
    const json body{{"name", "n"},
                    {"type", "REGISTRATION_STATUS_CHANGE"},
                    {"callbackUrl", "http://10.0.0.7:8080/a/b"},
                    {"attributes", all_attributes},
                    {"payloadType", "ACTIVATION"},
                    {"authentication", {{"type", "BASIC"}, {"username", "door"}, {"password", "p4ss:word"}}},
                    {"maxAttempts", 3},
                    {"initialBackoff", 1000},
                    {"retentionPeriod", 3'600'000},
                    {"enabled", false}};
    const auto made = make(body);
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    BOOST_TEST(made.text.find("p4ss") == std::string::npos);
    auto got = made.body;
    for (const char* each : {"callbackUrl", "attributes", "payloadType", "maxAttempts", "initialBackoff",
                             "retentionPeriod", "enabled", "name", "type"})
        BOOST_TEST(got.at(each) == body.at(each), each);
    BOOST_TEST((got.at("authentication") == json{{"type", "BASIC"}, {"username", "door"}}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_webhook_is_told)
{
    const std::pair<const char*, json> wrong[]{
        {"name", {{"name", ""}}},
        {"name", {{"name", nullptr}}},
        {"name", {{"name", std::string(256, 'n')}}},
        {"type", {{"type", "OPERATION_STATUS_CHANGE"}}},
        {"type", {{"type", nullptr}}},
        {"callbackUrl", {{"callbackUrl", nullptr}}},
        {"callbackUrl", {{"callbackUrl", "ftp://hook.example"}}},
        {"callbackUrl", {{"callbackUrl", "https://user@hook.example/"}}},
        {"callbackUrl", {{"callbackUrl", "https://hook.example/?a=b"}}},
        {"attributes", {{"attributes", {"userId", "shoeSize"}}}},
        {"attributes", {{"attributes", "userId"}}},
        {"payloadType", {{"payloadType", "OPERATION"}}},
        {"maxAttempts", {{"maxAttempts", 0}}},
        {"maxAttempts", {{"maxAttempts", 101}}},
        {"initialBackoff", {{"initialBackoff", 999}}},
        {"initialBackoff", {{"initialBackoff", 6 * 3600 * 1000 + 1}}},
        {"retentionPeriod", {{"retentionPeriod", 3'599'999}}},
        {"enabled", {{"enabled", "yes"}}},
        {"authentication.type", {{"authentication", {{"type", "OAUTH"}}}}},
        {"authentication.username", {{"authentication", {{"type", "BASIC"}, {"password", "x"}}}}},
        {"authentication.username", {{"authentication", {{"type", "BASIC"}, {"username", "a:b"}, {"password", "x"}}}}},
        {"authentication.password", {{"authentication", {{"type", "BASIC"}, {"username", "a"}}}}},
        {"authentication.token", {{"authentication", {{"type", "BEARER"}}}}},
        {"authentication.token", {{"authentication", {{"type", "BEARER"}, {"token", "a b"}}}}},
        {"authentication.token", {{"authentication", {{"type", "BEARER"}, {"token", "a\r\nX-Evil: 1"}}}}},
        {"authentication.certificates", {{"authentication", {{"type", "CERTIFICATE"}, {"privateKey", "x"}}}}},
        {"authentication.privateKey", {{"authentication", {{"type", "CERTIFICATE"}, {"certificates", "x"}}}}},
        {"authentication.certificates",
         {{"authentication", {{"type", "CERTIFICATE"}, {"certificates", "x"}, {"privateKey", "y"}}}}},
    };
    for (const auto& [field, change_of] : wrong)
        BOOST_TEST_CONTEXT(field << " in " << change_of.dump())
        {
            auto body = minimal();
            body.update(change_of);
            const auto got = make(body);
            BOOST_TEST(complains_of(got, field), got.text);
        }
    for (const char* secret_of : {"a b"}) // secrets are never told back
        BOOST_TEST(make({{"authentication", {{"type", "BEARER"}, {"token", secret_of}}}}).text.find(secret_of) ==
                   std::string::npos);
    BOOST_TEST(rows(tables::webhooks) == 0U);
}

BOOST_AUTO_TEST_CASE(a_strict_server_knows_every_member)
{
    manners.strict_json = true;
    restart();
    json body = minimal();
    body.update({{"attributes", {"userId"}},
                 {"payloadType", "ACTIVATION"},
                 {"authentication", {{"type", "BEARER"}, {"token", "t0ken"}}},
                 {"maxAttempts", 3},
                 {"initialBackoff", 1000},
                 {"retentionPeriod", 3'600'000},
                 {"enabled", true}});
    const auto made = make(body);
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    auto put = made.body; // with what is read only
    put.erase("secret");
    const auto changed = office("PUT", path(made.body.at("id")), put.dump());
    BOOST_TEST(changed.status == 200U, changed.text);
    body["colour"] = "red";
    BOOST_TEST(complains_of(make(body), "colour"));
}

BOOST_AUTO_TEST_CASE(a_webhook_is_put_whole)
{
    const auto id = created({{"maxAttempts", 3}, {"attributes", {"userId"}}});
    clock.advance(5);
    const auto changed =
        office("PUT", path(id), json{{"name", "other"}, {"callbackUrl", "https://other.example"}}.dump());
    BOOST_TEST_REQUIRE(changed.status == 200U, changed.text);
    BOOST_TEST(changed.body == shown(id));
    BOOST_TEST(changed.body.at("name") == "other");
    BOOST_TEST(changed.body.at("maxAttempts") == 10);
    BOOST_TEST(changed.body.at("attributes") == json::array());
    BOOST_TEST(changed.body.at("timestampLastChange") == clock.now());
    BOOST_TEST(changed.body.at("timestampCreated") == clock.now() - 5);
    BOOST_TEST(complains_of(office("PUT", path(id), "{}"), "name"));
    BOOST_TEST(
        complains_of(office("PUT", path(id), R"({"name":"n","callbackUrl":"https://a.b","type":"OTHER"})"), "type"));
    BOOST_TEST(shown(id) == changed.body);
}

BOOST_AUTO_TEST_CASE(credentials_that_are_left_out_stay_with_the_same_server_only)
{
    const json basic{{"type", "BASIC"}, {"username", "door"}};
    const auto id = created({{"authentication", {{"type", "BASIC"}, {"username", "door"}, {"password", "p4ss"}}}});
    const auto put = [&](const json& more) {
        json body = minimal();
        body.update(more);
        return office("PUT", path(id), body.dump());
    };
    const auto sent_with = [&] {
        provider.forget_requests();
        succeed();
        BOOST_TEST_REQUIRE(office("POST", path(id, "/test")).status == 200U);
        const auto all = provider.requests();
        BOOST_TEST_REQUIRE(all.size() == 1U);
        return all[0].basic + '|' + all[0].bearer;
    };
    BOOST_TEST(sent_with() == "door:p4ss|");
    BOOST_TEST(put({{"authentication", {{"type", "BASIC"}, {"username", "gate"}}}}).status == 200U);
    BOOST_TEST(sent_with() == "gate:p4ss|");
    BOOST_TEST(put({{"authentication", basic}, {"callbackUrl", "https://hook.example/other"}}).status == 200U);
    BOOST_TEST(sent_with() == "door:p4ss|");
    for (const char* elsewhere : {"https://evil.example/in", "http://hook.example/in", "https://hook.example:8443/in"})
        BOOST_TEST(
            complains_of(put({{"authentication", basic}, {"callbackUrl", elsewhere}}), "authentication.password"));
    BOOST_TEST(complains_of(put({{"authentication", {{"type", "BEARER"}}}}), "authentication.token"));
    BOOST_TEST(put({{"authentication", {{"type", "BEARER"}, {"token", "t0ken"}}}}).status == 200U);
    BOOST_TEST(sent_with() == "|t0ken");
    BOOST_TEST(put(json::object()).status == 200U);
    BOOST_TEST(sent_with() == "|");
    BOOST_TEST(complains_of(put({{"authentication", {{"type", "BEARER"}}}}), "authentication.token")); // forgotten
}

BOOST_AUTO_TEST_CASE(sixteen_webhooks_of_an_application_are_enough)
{
    for (std::size_t i = 0; i < registry::webhooks_of_application_max; ++i)
        static_cast<void>(created());
    const auto one_more = make(minimal());
    BOOST_TEST(one_more.status == 409U);
    BOOST_TEST(one_more.code() == "ERROR_CONFLICT");
    BOOST_TEST(office("POST", "/admin/applications/other/callbacks", minimal().dump(), "stranger").status == 200U);
    const auto listed = office("GET", all_hooks).body.at("callbacks");
    BOOST_TEST(listed.size() == registry::webhooks_of_application_max);
    BOOST_TEST(office("DELETE", path(listed[3].at("id"))).status == 200U);
    BOOST_TEST(make(minimal()).status == 200U);
}

BOOST_AUTO_TEST_CASE(every_way_of_naming_them_leads_there)
{
    const auto id = created();
    for (const std::string prefix : {"/admin", "/v2/admin", "/powerauth-cloud/admin", "/powerauth-cloud/v2/admin"})
        BOOST_TEST(office("GET", prefix + "/applications/app/callbacks/" + id).status == 200U, prefix);
}

// --- who sees what

BOOST_AUTO_TEST_CASE(webhooks_of_others_are_as_if_there_were_none)
{
    const auto id = created();
    const std::tuple<const char*, std::string, std::string> requests[]{
        {"GET", "", ""},       {"PUT", "", minimal().dump()}, {"POST", "/rotate", ""},
        {"POST", "/test", ""}, {"GET", "/deliveries", ""},    {"POST", "/deliveries/1/redeliver", ""},
        {"DELETE", "", ""},
    };
    for (const auto& [method, rest, body] : requests)
        BOOST_TEST_CONTEXT(method << ' ' << rest)
        {
            // An application of others is no application; a webhook of another application, or none, is no webhook.
            const auto foreign = office(method, path(id, rest), body, "stranger");
            const auto nowhere = office(method, "/v2/admin/applications/none/callbacks/" + id + rest, body, "stranger");
            BOOST_TEST(foreign.status == 400U);
            BOOST_TEST(foreign.text == nowhere.text);
            const auto unknown = office(method, path(nobodys_id, rest), body);
            BOOST_TEST(unknown.status == 400U);
            BOOST_TEST(unknown.code() == "ERROR_REQUEST");
            BOOST_TEST(unknown.message() == "The application has no such callback.");
            BOOST_TEST(office(method, path("x", rest), body).text == unknown.text);
            BOOST_TEST(office(method, "/admin/applications/other/callbacks/" + id + rest, body, "stranger").text ==
                       unknown.text);
            BOOST_TEST(office(method, "/admin/applications/other/callbacks/" + id + rest, body, "admin").text ==
                       unknown.text);
        }
    BOOST_TEST(make(minimal(), "stranger").text == office("GET", all_hooks, {}, "stranger").text);
    BOOST_TEST(rows(tables::webhooks) == 1U);
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(office("GET", path(id), {}, "admin").status == 200U);
}

BOOST_AUTO_TEST_CASE(what_is_done_to_webhooks_is_in_the_feed)
{
    const auto id = created();
    BOOST_TEST_REQUIRE(office("PUT", path(id), minimal().dump()).status == 200U);
    BOOST_TEST_REQUIRE(office("POST", path(id, "/rotate")).status == 200U);
    BOOST_TEST_REQUIRE(office("DELETE", path(id)).status == 200U);
    const auto feed = office("GET", "/v2/events").body.at("events");
    std::vector<std::string> actions;
    for (const auto& each : feed) {
        if (each.at("subject") != "WEBHOOK")
            continue;
        actions.push_back(each.at("event"));
        BOOST_TEST(each.at("subjectId") == id);
        BOOST_TEST(each.at("applicationId") == "app");
        BOOST_TEST(each.at("account") == "office");
        BOOST_TEST(each.at("detail") == "fraud desk");
    }
    BOOST_TEST((actions == std::vector<std::string>{"CREATE_WEBHOOK", "CHANGE_WEBHOOK", "ROTATE_WEBHOOK_SECRET",
                                                    "REMOVE_WEBHOOK"}));
}

BOOST_AUTO_TEST_CASE(no_secret_is_on_the_disk_as_it_is)
{
    const auto id = created({{"authentication", {{"type", "BASIC"}, {"username", "door"}, {"password", "p4ss-w0rd"}}}});
    const auto first = crypto::from_base64(secret.substr(6)).value();
    BOOST_TEST_REQUIRE(office("POST", path(id, "/rotate")).status == 200U);
    env().view([&](const kv::read_txn& txn) {
        for (unsigned i = 0; i < std::size(tables::names); ++i) {
            txn.scan(kv::table{i}, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
                const auto text = crypto::as_text(value);
                BOOST_TEST(text.find("p4ss-w0rd") == std::string_view::npos);
                BOOST_TEST((std::search(value.begin(), value.end(), first.begin(), first.end()) == value.end()));
                BOOST_TEST(text.find(secret.substr(6)) == std::string_view::npos);
                return true;
            });
        }
    });
    BOOST_TEST(std::ranges::none_of(log.lines(), [](const auto& line) { return line.find("p4ss") != line.npos; }));
}

// --- what is sent

BOOST_AUTO_TEST_CASE(events_are_sent_as_standard_webhooks)
{
    succeed();
    const auto id = created();
    clock.advance(1234);
    const auto registration = create().id;
    send_webhooks();
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 1U);
    const auto& one = sent[0];
    BOOST_TEST(one.to.host == "hook.example");
    BOOST_TEST(one.to.path == "/in");
    BOOST_TEST(one.timeout.count() == registry::webhook_timeout_ms);
    BOOST_TEST(one.owner == handlers::webhook_calls_owner);
    BOOST_TEST((one.body == json{{"type", "REGISTRATION_STATUS_CHANGE"}, {"activationId", registration}}));
    std::vector<std::string> names;
    for (const auto& [name, value] : one.headers)
        names.push_back(name);
    BOOST_TEST((names == std::vector<std::string>{"webhook-id", "webhook-timestamp", "webhook-signature",
                                                  "Idempotency-Key", "X-Doorward-Event-Seq"}));
    const auto key = one.header("Idempotency-Key");
    BOOST_TEST(registry::uuid::parse(key).has_value());
    BOOST_TEST(one.header("webhook-id") == "msg_" + key);
    BOOST_TEST(one.header("webhook-timestamp") == std::to_string(clock.now() / 1000));
    BOOST_TEST(one.header("webhook-signature") == signature_of(secret, one));
    const auto rows_of = deliveries(id);
    BOOST_TEST_REQUIRE(rows_of.size() == 1U);
    BOOST_TEST(one.header("X-Doorward-Event-Seq") == std::to_string(rows_of[0].at("id").get<int>()));
    BOOST_TEST(rows_of[0].at("webhookId") == one.header("webhook-id"));
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 1U); // once
}

BOOST_AUTO_TEST_CASE(a_payload_has_what_was_asked_for)
{
    succeed();
    static_cast<void>(created({{"attributes", all_attributes}, {"payloadType", "ACTIVATION"}}));
    auto alice = enrol(*this, {{"flags", {"VIP"}}});
    const auto blocked =
        office("PUT", "/v2/registrations/" + alice.id,
               json{{"change", "BLOCK"}, {"blockedReason", "STOLEN"}, {"externalUserId", "clerk"}}.dump());
    BOOST_TEST_REQUIRE(blocked.status == 200U);
    send_webhooks();
    const auto all = told(alice.id);
    BOOST_TEST_REQUIRE(all.size() == 4U);
    const auto row = history(alice.id).back();
    const json expected{{"type", "ACTIVATION"},
                        {"activationId", alice.id},
                        {"userId", "alice"},
                        {"activationName", "Simulated phone"},
                        {"deviceInfo", "doorward-device"},
                        {"platform", "android"},
                        {"protocol", "POWERAUTH"},
                        {"activationFlags", {"VIP"}},
                        {"activationStatus", "BLOCKED"},
                        {"blockedReason", "STOLEN"},
                        {"applicationId", "app"},
                        {"eventSeq", row.at("seq")},
                        {"timestamp", clock.now()},
                        {"previousStatus", "ACTIVE"},
                        {"eventReason", "STOLEN"},
                        {"externalUserId", "clerk"},
                        {"version", row.at("version")}};
    BOOST_TEST(all[3] == expected);
    BOOST_TEST(all[0].at("activationStatus") == "CREATED");
    BOOST_TEST(!all[0].contains("previousStatus"));
    BOOST_TEST(!all[0].contains("activationName")); // nobody had named it then
    BOOST_TEST(all[1].at("activationStatus") == "PENDING_COMMIT");
    BOOST_TEST(all[2].at("activationStatus") == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(changes_beside_the_state_are_not_told)
{
    succeed();
    auto alice = enrol(*this);
    static_cast<void>(created());
    const std::string at = "/v2/registrations/" + alice.id;
    BOOST_TEST(office("PUT", at + "/name", R"({"name":"other"})").status == 200U);
    BOOST_TEST(office("PUT", at + "/flags", R"({"flags":["A"]})").status == 200U);
    BOOST_TEST(office("PATCH", at, R"({"metadata":{"a":"b"}})").status == 200U);
    send_webhooks();
    BOOST_TEST(provider.requests().empty());
    change(alice.id, "BLOCK");
    change(alice.id, "BLOCK"); // changes nothing
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_webhook_hears_of_its_own_application_and_from_its_creation_on)
{
    succeed();
    static_cast<void>(create("early"));
    static_cast<void>(created());
    const auto other =
        office("POST", "/v2/registrations", json{{"userId", "u"}, {"appId", "other"}}.dump(), "stranger");
    BOOST_TEST_REQUIRE(other.status == 200U);
    const auto mine = create("late").id;
    send_webhooks();
    const auto all = told();
    BOOST_TEST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all[0].at("activationId") == mine);
}

BOOST_AUTO_TEST_CASE(two_webhooks_are_told_apart)
{
    succeed();
    const auto one = created();
    const auto first_secret = secret;
    const auto two = created({{"callbackUrl", "https://second.example/x"}});
    static_cast<void>(create());
    send_webhooks();
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 2U);
    BOOST_TEST(sent[0].header("webhook-id") != sent[1].header("webhook-id"));
    for (const auto& each : sent)
        BOOST_TEST(each.header("webhook-signature") ==
                   signature_of(each.to.host == "hook.example" ? first_secret : secret, each));
    BOOST_TEST(deliveries(one).size() == 1U);
    BOOST_TEST(deliveries(two).size() == 1U);
}

BOOST_AUTO_TEST_CASE(after_a_rotation_both_secrets_sign_for_a_day)
{
    succeed();
    const auto id = created();
    const auto old = secret;
    const auto rotated = office("POST", path(id, "/rotate"));
    BOOST_TEST_REQUIRE(rotated.status == 200U, rotated.text);
    const std::string fresh = rotated.body.at("secret");
    BOOST_TEST(fresh != old);
    BOOST_TEST(!shown(id).contains("secret"));
    static_cast<void>(create("a"));
    send_webhooks();
    clock.advance(registry::webhook_old_secret_ms);
    static_cast<void>(create("b"));
    send_webhooks();
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 2U);
    BOOST_TEST(sent[0].header("webhook-signature") == signature_of(fresh, sent[0]) + ' ' + signature_of(old, sent[0]));
    BOOST_TEST(sent[1].header("webhook-signature") == signature_of(fresh, sent[1]));
}

BOOST_AUTO_TEST_CASE(what_was_erased_is_not_told_any_more)
{
    fail();
    static_cast<void>(created({{"attributes", {"userId", "activationName", "externalUserId"}}}));
    auto alice = enrol(*this);
    send_webhooks();
    BOOST_TEST_REQUIRE(office("DELETE", "/v2/users/alice?mode=erase", {}, "admin").status == 202U);
    while (work()) {
    }
    provider.forget_requests();
    succeed();
    for (int i = 0; i < 20; ++i) {
        clock.advance(60'000);
        send_webhooks();
    }
    const auto all = told(alice.id);
    BOOST_TEST(all.size() >= 4U);
    for (const json& each : all) {
        BOOST_TEST(each.at("userId") != "alice");
        BOOST_TEST(!each.contains("activationName"));
    }
}

// --- what becomes of it

BOOST_AUTO_TEST_CASE(a_failed_delivery_is_tried_again_with_the_same_name)
{
    fail(500);
    const auto id = created();
    static_cast<void>(create());
    send_webhooks();
    auto row = deliveries(id).at(0);
    BOOST_TEST(row.at("state") == "PENDING");
    BOOST_TEST(row.at("attempts") == 1);
    BOOST_TEST(row.at("lastStatus") == 500);
    BOOST_TEST(row.at("event") == "CREATE");
    BOOST_TEST(row.at("registrationStatus") == "CREATED");
    const registry::time_ms next = row.at("timestampNextAttempt");
    BOOST_TEST(next - clock.now() >= 24'000);
    BOOST_TEST(next - clock.now() <= 36'000);
    clock.set(next - 1);
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 1U);
    clock.set(next);
    handlers::outgoing_answer silence;
    silence.failure = handlers::outgoing_failure::timed_out;
    provider.answer(silence);
    send_webhooks();
    row = deliveries(id).at(0);
    BOOST_TEST(row.at("attempts") == 2);
    BOOST_TEST(!row.contains("lastStatus"));
    BOOST_TEST(row.at("lastFailure") == "TIMED_OUT");
    succeed();
    clock.set(row.at("timestampNextAttempt"));
    send_webhooks();
    row = deliveries(id).at(0);
    BOOST_TEST(row.at("state") == "DELIVERED");
    BOOST_TEST(row.at("attempts") == 3);
    BOOST_TEST(row.at("lastStatus") == 204);
    BOOST_TEST(!row.contains("lastFailure"));
    BOOST_TEST(!row.contains("timestampNextAttempt"));
    BOOST_TEST(row.at("timestampFinished") == clock.now());
    BOOST_TEST(shown(id).at("lastEventSeq") == row.at("id"));
    std::set<std::string> names;
    std::set<std::string> signatures;
    for (const auto& each : provider.requests()) {
        names.insert(each.header("webhook-id") + each.header("Idempotency-Key"));
        signatures.insert(each.header("webhook-signature"));
        BOOST_TEST(each.header("webhook-signature") == signature_of(secret, each));
    }
    BOOST_TEST(names.size() == 1U);
    BOOST_TEST(signatures.size() == 3U); // of other times
}

BOOST_AUTO_TEST_CASE(every_failure_has_its_word)
{
    using handlers::outgoing_failure;
    const std::pair<outgoing_failure, const char*> all[]{
        {outgoing_failure::unresolved, "UNRESOLVED"}, {outgoing_failure::unreachable, "UNREACHABLE"},
        {outgoing_failure::untrusted, "UNTRUSTED"},   {outgoing_failure::closed, "CLOSED"},
        {outgoing_failure::malformed, "MALFORMED"},   {outgoing_failure::too_large, "TOO_LARGE"},
        {outgoing_failure::timed_out, "TIMED_OUT"},
    };
    const auto id = created();
    for (const auto& [failure, word] : all) {
        handlers::outgoing_answer none;
        none.failure = failure;
        provider.answer(none);
        const auto got = office("POST", path(id, "/test"));
        BOOST_TEST((got.body == json{{"delivered", false}, {"lastFailure", word}}), got.text);
    }
}

BOOST_AUTO_TEST_CASE(an_event_is_given_up_after_its_last_attempt)
{
    fail();
    const auto id = created({{"maxAttempts", 2}});
    const auto registration = create().id;
    send_webhooks();
    BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + registration).status == 200U);
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 1U); // the second waits for the first
    clock.advance(36'000);
    send_webhooks();
    auto rows_of = deliveries(id);
    BOOST_TEST_REQUIRE(rows_of.size() == 2U);
    BOOST_TEST(rows_of[1].at("state") == "GIVEN_UP");
    BOOST_TEST(rows_of[1].at("attempts") == 2);
    BOOST_TEST(rows_of[0].at("state") == "PENDING");
    BOOST_TEST(rows_of[0].at("event") == "REMOVE");
    BOOST_TEST(shown(id).at("lastEventSeq") == rows_of[1].at("id"));
}

BOOST_AUTO_TEST_CASE(a_receiver_that_is_down_for_an_hour_gets_everything_in_order)
{
    fail();
    static_cast<void>(created({{"attributes", {"eventSeq", "version"}}}));
    std::vector<std::string> ids;
    for (int i = 0; i < 6; ++i)
        ids.push_back(enrol(*this, {}, bench::protocol_version::v3_3, "user-" + std::to_string(i)).id);
    for (int minute = 0; minute < 60; ++minute) {
        if (minute % 10 == 0) {
            for (const auto& each : ids)
                change(each, minute % 20 == 0 ? "BLOCK" : "UNBLOCK");
        }
        clock.advance(60'000);
        send_webhooks();
    }
    const auto attempts_while_down = provider.requests().size();
    BOOST_TEST(attempts_while_down < 60U + 20U); // once a minute, after the first few
    BOOST_TEST(std::ranges::any_of(log.lines(), [](const auto& line) { return line.find(" fails;") != line.npos; }));
    provider.forget_requests();
    succeed();
    clock.advance(60'000);
    send_webhooks();
    for (const auto& each : ids) {
        const auto all = told(each);
        BOOST_TEST(all.size() == 3U + 6U); // created, bound, committed, and six changes
        for (std::size_t i = 1; i < all.size(); ++i)
            BOOST_TEST(all[i].at("version") > all[i - 1].at("version"));
    }
    BOOST_TEST(told().size() == 6U * 9U);
    BOOST_TEST(std::ranges::any_of(log.lines(), [](const auto& line) { return line.find(" again") != line.npos; }));
}

// As two transitions of one registration may reach the writer.
BOOST_AUTO_TEST_CASE(what_one_flush_wrote_in_another_order_is_sent_in_that_of_the_versions)
{
    succeed();
    static_cast<void>(created({{"attributes", {"version"}}}));
    const auto alice = enrol(*this);
    send_webhooks();
    provider.forget_requests();
    const auto slot = handlers::find_slot(services(), registry::uuid::parse(alice.id).value());
    BOOST_TEST_REQUIRE(static_cast<bool>(slot));
    auto first = registry::attempts::change_state(slot, registry::move::block, {}, "A", clock.now());
    auto second = registry::attempts::change_state(slot, registry::move::unblock, {}, "B", clock.now());
    BOOST_TEST_REQUIRE((first && second));
    std::vector<registry::transition> swapped;
    swapped.push_back(*std::move(second));
    swapped.push_back(*std::move(first));
    BOOST_TEST_REQUIRE(!commit(registry::transitions{&services().journal, std::move(swapped)}));
    send_webhooks();
    const auto all = told(alice.id);
    BOOST_TEST_REQUIRE(all.size() == 2U);
    BOOST_TEST(all[0].at("version") < all[1].at("version"));
}

BOOST_AUTO_TEST_CASE(events_beyond_the_window_wait)
{
    const auto hook = registry::uuid::random();
    for (int i = 0; i < 30; ++i)
        static_cast<void>(create("user-" + std::to_string(i)));
    const auto looked = [&](registry::event_sequence after, std::size_t most) {
        return env().view(
            [&](const kv::read_txn& txn) { return registry::find_webhook_events(txn, "app", hook, after, most); });
    };
    const auto some = looked(0, 20);
    BOOST_TEST(some.looked_at == 20U);
    const auto rest = looked(20, 1000);
    BOOST_TEST(some.items.size() + rest.items.size() == 30U);
    BOOST_TEST(looked(rest.looked_at, 1000).looked_at == rest.looked_at);
    BOOST_TEST(looked(rest.looked_at, 1000).items.empty());
    BOOST_TEST(looked(0, 0).looked_at == 0U);
}

BOOST_AUTO_TEST_CASE(at_most_eight_of_one_webhook_and_sixty_four_in_all_are_on_their_way)
{
    succeed();
    for (int i = 0; i < 10; ++i)
        static_cast<void>(created());
    for (int i = 0; i < 20; ++i)
        static_cast<void>(create("user-" + std::to_string(i)));
    provider.hold();
    start_round();
    poll();
    BOOST_TEST(provider.requests().size() == registry::webhooks_in_flight_max);
    BOOST_TEST(services().webhooks.in_flight() == registry::webhooks_in_flight_max);
    std::map<std::string, int> each;
    for (const auto& one : provider.requests())
        ++each[one.header("webhook-signature")];
    provider.release();
    run();
    send_webhooks();
    BOOST_TEST(told().size() == 10U * 20U);
    BOOST_TEST(services().webhooks.in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(eight_of_one_webhook_are_on_their_way)
{
    succeed();
    static_cast<void>(created());
    for (int i = 0; i < 20; ++i)
        static_cast<void>(create("user-" + std::to_string(i)));
    provider.hold();
    start_round();
    poll();
    BOOST_TEST(provider.requests().size() == registry::webhook_in_flight_max);
    provider.release();
    run();
    send_webhooks();
    BOOST_TEST(told().size() == 20U);
}

BOOST_AUTO_TEST_CASE(without_room_for_a_call_nothing_is_used_up)
{
    const auto id = created();
    static_cast<void>(create());
    provider.leave_room_for(0);
    send_webhooks();
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(deliveries(id).empty());
    const auto busy = office("POST", path(id, "/test"));
    BOOST_TEST(busy.status == 429U);
    BOOST_TEST(busy.code() == "ERROR_RATE_LIMITED");
    provider.leave_room_for(1);
    succeed();
    send_webhooks();
    BOOST_TEST(deliveries(id).size() == 1U);
}

// --- crashes and restarts

BOOST_AUTO_TEST_CASE(what_was_on_its_way_at_a_crash_is_sent_again)
{
    succeed();
    const auto id = created();
    const auto one = create("a").id;
    send_webhooks();
    const auto two = create("b").id;
    provider.hold();
    start_round();
    poll();
    BOOST_TEST(provider.requests().size() == 2U);
    crash();
    BOOST_TEST(deliveries(id).size() == 1U);
    provider.forget_requests();
    send_webhooks();
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 1U);
    BOOST_TEST(sent[0].body.at("activationId") == two);
    BOOST_TEST(deliveries(id).size() == 2U);
    restart();
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(attempts_and_their_times_survive_a_restart)
{
    fail();
    const auto id = created();
    const auto one = create("a").id;
    send_webhooks();
    succeed();
    const auto two = create("b").id;
    send_webhooks(); // delivered, ahead of the cursor
    const auto before = deliveries(id);
    restart();
    provider.forget_requests();
    send_webhooks();
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(json(deliveries(id)) == json(before));
    clock.advance(36'000);
    send_webhooks();
    const auto all = told();
    BOOST_TEST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all[0].at("activationId") == one);
    BOOST_TEST(deliveries(id)[1].at("attempts") == 2);
    BOOST_TEST(shown(id).at("lastEventSeq") == deliveries(id)[0].at("id"));
}

// Two that end side by side do not know of each other, and the server may stop before the cursor is written for both.
BOOST_AUTO_TEST_CASE(a_cursor_catches_up_after_a_restart_with_what_was_delivered)
{
    const auto id = created();
    static_cast<void>(create("a"));
    registry::delivery done;
    done.now = registry::delivery_state::delivered;
    done.attempts = 1;
    done.first_at = done.last_at = done.finished_at = clock.now();
    done.expires_at = clock.now() + registry::webhook_retention_default_ms;
    registry::record_deliveries change;
    change.application_id = "app";
    change.id = registry::uuid::parse(id).value();
    change.outcomes.push_back({last_event(), done});
    BOOST_TEST_REQUIRE(!commit(change));
    BOOST_TEST(shown(id).at("lastEventSeq") < last_event());
    restart();
    send_webhooks();
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(shown(id).at("lastEventSeq") == last_event());
}

BOOST_AUTO_TEST_CASE(a_cursor_is_written_also_where_there_is_nothing_to_send)
{
    const auto id = created();
    const auto first = shown(id).at("lastEventSeq").get<std::uint64_t>();
    const auto many = [](kv::write_txn& txn) {
        using registry::administration_event;
        const administration_event nothing{registry::event_subject::application, "other", "NOTHING", {}};
        for (std::size_t i = 0; i < registry::webhook_window_events + 5; ++i)
            registry::append_event(txn, {1, "other", {}, {}, nothing});
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!commit(many));
    send_webhooks();
    BOOST_TEST(shown(id).at("lastEventSeq").get<std::uint64_t>() >= first + registry::webhook_window_events);
    BOOST_TEST(provider.requests().empty());
}

// --- switched off, changed, removed

BOOST_AUTO_TEST_CASE(a_webhook_that_is_switched_off_goes_on_where_it_was)
{
    succeed();
    const auto id = created({{"enabled", false}});
    const auto one = create().id;
    send_webhooks();
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(!services().webhooks.is_needed());
    BOOST_TEST_REQUIRE(office("PUT", path(id), minimal().dump()).status == 200U);
    send_webhooks();
    BOOST_TEST(services().webhooks.is_needed());
    BOOST_TEST(told(one).size() == 1U);
}

BOOST_AUTO_TEST_CASE(other_settings_are_tried_at_once)
{
    fail(401);
    const auto id = created();
    static_cast<void>(create());
    send_webhooks();
    auto body = minimal();
    body["callbackUrl"] = "https://moved.example/";
    BOOST_TEST_REQUIRE(office("PUT", path(id), body.dump()).status == 200U);
    succeed();
    send_webhooks();
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 2U);
    BOOST_TEST(sent[1].to.host == "moved.example");
}

BOOST_AUTO_TEST_CASE(a_webhook_that_is_removed_hears_no_more_and_leaves_nothing_unfinished)
{
    fail();
    const auto id = created();
    static_cast<void>(create("a"));
    send_webhooks();
    static_cast<void>(create("b"));
    provider.hold();
    start_round();
    poll();
    BOOST_TEST(provider.requests().size() == 2U);
    // On a loop of its own: ours does not rest while something is on its way.
    BOOST_TEST_REQUIRE(call_alone(handlers::side::office, office_request("DELETE", path(id))).status == 200U);
    provider.release();
    run();
    send_webhooks();
    clock.advance(3'600'000);
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 2U);
    for (const auto table : {tables::webhooks, tables::webhook_cursors, tables::deliveries, tables::redeliveries})
        BOOST_TEST(rows(table) == 0U);
    BOOST_TEST(office("GET", path(id)).message() == "The application has no such callback.");
}

BOOST_AUTO_TEST_CASE(webhooks_go_with_their_application)
{
    succeed();
    const auto made = office("POST", "/admin/applications", R"({"id":"brief"})", "admin");
    BOOST_TEST_REQUIRE(made.status == 200U);
    BOOST_TEST_REQUIRE(office("POST", "/admin/applications/brief/callbacks", minimal().dump(), "admin").status == 200U);
    const auto kept = created();
    BOOST_TEST_REQUIRE(office("DELETE", "/admin/applications/brief", {}, "admin").status == 200U);
    BOOST_TEST(rows(tables::webhooks) == 1U);
    BOOST_TEST(rows(tables::webhook_cursors) == 1U);
    send_webhooks();
    BOOST_TEST(office("GET", path(kept)).status == 200U);
}

// --- the log

BOOST_AUTO_TEST_CASE(deliveries_are_listed_in_pages_newest_first)
{
    succeed();
    const auto id = created();
    std::vector<std::string> ids;
    for (int i = 0; i < 7; ++i)
        ids.push_back(create("user-" + std::to_string(i)).id);
    send_webhooks();
    std::vector<std::string> seen;
    std::string query = "?limit=3";
    for (int page = 0; page < 5; ++page) {
        const auto got = office("GET", path(id, "/deliveries") + query);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        for (const json& each : got.body.at("deliveries"))
            seen.push_back(each.at("registrationId"));
        if (!got.body.contains("nextCursor"))
            break;
        query = "?limit=3&cursor=" + got.body.at("nextCursor").get<std::string>();
    }
    std::ranges::reverse(seen);
    BOOST_TEST(seen == ids);
    BOOST_TEST(deliveries(id, "?pageSize=2&pageNumber=1")[0].at("registrationId") == ids[4]);
    for (const char* bad : {"?limit=0", "?limit=1001", "?cursor=x", "?limit=1&pageNumber=0"})
        BOOST_TEST(office("GET", path(id, "/deliveries") + bad).status == 400U);
}

BOOST_AUTO_TEST_CASE(finished_deliveries_are_forgotten_after_their_time)
{
    succeed();
    const auto id = created({{"retentionPeriod", 3'600'000}});
    static_cast<void>(create());
    send_webhooks();
    clock.advance(3'600'000 - 1);
    while (sweep()) {
    }
    BOOST_TEST(deliveries(id).size() == 1U);
    clock.advance(1);
    while (sweep()) {
    }
    BOOST_TEST(deliveries(id).empty());
    send_webhooks();
    BOOST_TEST(told().size() == 2U); // the expiry of the registration is another event
}

BOOST_AUTO_TEST_CASE(what_the_cursor_has_not_passed_is_remembered_longer)
{
    provider.answer_each([](const scripted_provider::request& what) {
        handlers::outgoing_answer out;
        out.status = what.body.at("userId") == "bad" ? 500 : 200;
        return out;
    });
    const auto id = created({{"retentionPeriod", 3'600'000}, {"attributes", {"userId"}}});
    const json forever{{"timestampRegistrationExpire", clock.now() + registry::registration_expiry_max_ms}};
    static_cast<void>(create("bad", forever));
    static_cast<void>(create("good", forever));
    send_webhooks();
    clock.advance(3'600'000 + 1);
    while (sweep()) {
    }
    BOOST_TEST(deliveries(id).size() == 2U);
    restart();
    provider.forget_requests();
    send_webhooks();
    for (const json& each : told())
        BOOST_TEST(each.at("userId") == "bad");
    provider.answer_each({});
    succeed();
    clock.advance(24 * 3'600'000);
    send_webhooks();
    clock.advance(2 * 3'600'000);
    while (sweep()) {
    }
    BOOST_TEST(deliveries(id).empty());
}

// --- by hand

BOOST_AUTO_TEST_CASE(a_test_tells_its_outcome_and_is_no_delivery)
{
    succeed();
    const auto id = created({{"attributes", all_attributes}});
    const auto got = office("POST", path(id, "/test"));
    BOOST_TEST((got.body == json{{"delivered", true}, {"lastStatus", 204}}), got.text);
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 1U);
    BOOST_TEST(sent[0].body.at("test") == true);
    BOOST_TEST(sent[0].body.at("type") == "REGISTRATION_STATUS_CHANGE");
    BOOST_TEST(sent[0].body.at("activationId") == "00000000-0000-0000-0000-000000000000");
    BOOST_TEST(sent[0].header("webhook-signature") == signature_of(secret, sent[0]));
    BOOST_TEST(sent[0].header("X-Doorward-Event-Seq").empty());
    fail(418);
    const auto refused = office("POST", path(id, "/test"));
    BOOST_TEST((refused.body == json{{"delivered", false}, {"lastStatus", 418}}), refused.text);
    BOOST_TEST(refused.text.find("out of order") == std::string::npos); // what a receiver says is nobody's business
    BOOST_TEST(provider.requests()[1].header("webhook-id") != sent[0].header("webhook-id"));
    BOOST_TEST(deliveries(id).empty());
    const auto off = created({{"enabled", false}});
    BOOST_TEST(office("POST", path(off, "/test")).status == 200U); // to be tried before it is switched on
}

BOOST_AUTO_TEST_CASE(a_delivery_that_has_ended_can_be_sent_once_more)
{
    fail();
    const auto id = created({{"maxAttempts", 1}});
    static_cast<void>(create());
    send_webhooks();
    auto row = deliveries(id).at(0);
    BOOST_TEST(row.at("state") == "GIVEN_UP");
    const std::string sequence = std::to_string(row.at("id").get<int>());
    const auto asked = office("POST", path(id, "/deliveries/" + sequence + "/redeliver"));
    BOOST_TEST_REQUIRE(asked.status == 200U, asked.text);
    BOOST_TEST(asked.body.at("state") == "PENDING");
    BOOST_TEST(asked.body.at("redelivery") == true);
    BOOST_TEST(asked.body.at("attempts") == 0);
    const auto twice = office("POST", path(id, "/deliveries/" + sequence + "/redeliver"));
    BOOST_TEST(twice.body == asked.body); // it is on its way already
    BOOST_TEST(rows(tables::redeliveries) == 1U);
    restart(); // before anybody had a chance
    succeed();
    send_webhooks();
    row = deliveries(id).at(0);
    BOOST_TEST(row.at("state") == "DELIVERED");
    BOOST_TEST(row.at("attempts") == 1);
    BOOST_TEST(rows(tables::redeliveries) == 0U);
    const auto sent = provider.requests();
    BOOST_TEST_REQUIRE(sent.size() == 2U);
    BOOST_TEST(sent[0].header("webhook-id") == sent[1].header("webhook-id"));
    BOOST_TEST(sent[0].header("Idempotency-Key") == sent[1].header("Idempotency-Key"));
    send_webhooks();
    restart();
    send_webhooks();
    BOOST_TEST(provider.requests().size() == 2U);
    clock.advance(registry::webhook_retention_default_ms + 1);
    while (sweep()) {
    }
    BOOST_TEST(deliveries(id, "?limit=1000").size() <= 1U); // the expiry of the registration at most
}

BOOST_AUTO_TEST_CASE(what_is_no_delivery_cannot_be_sent_once_more)
{
    succeed();
    const auto id = created();
    static_cast<void>(create());
    send_webhooks();
    for (const char* none : {"0", "1", "999999", "x", "-1", "99999999999999999999999", "1x"}) {
        const auto got = office("POST", path(id, std::string{"/deliveries/"} + none + "/redeliver"));
        BOOST_TEST(got.status == 400U, none);
        BOOST_TEST(got.message() == "The callback has no such delivery.", none);
    }
}

BOOST_AUTO_TEST_CASE(a_hundred_redeliveries_at_once_are_enough)
{
    succeed();
    const auto id = created();
    for (std::size_t i = 0; i <= registry::webhook_again_max; ++i)
        static_cast<void>(create("user-" + std::to_string(i)));
    send_webhooks();
    const auto all = deliveries(id, "?limit=1000");
    BOOST_TEST_REQUIRE(all.size() == registry::webhook_again_max + 1);
    answer last;
    for (const json& each : all)
        last = office("POST", path(id, "/deliveries/" + std::to_string(each.at("id").get<int>()) + "/redeliver"));
    BOOST_TEST(last.status == 409U);
    BOOST_TEST(last.code() == "ERROR_CONFLICT");
    provider.forget_requests();
    send_webhooks();
    BOOST_TEST(told().size() == registry::webhook_again_max);
}

// --- credentials

BOOST_AUTO_TEST_CASE(a_certificate_comes_with_its_key)
{
    const auto mine = make_certificate("doorward");
    const auto other = make_certificate("other");
    const auto with = [](const json& chain, const json& key) {
        json body = minimal();
        body["authentication"] = {{"type", "CERTIFICATE"}, {"certificates", chain}, {"privateKey", key}};
        return body;
    };
    BOOST_TEST(complains_of(make(with(mine.certificate, other.key)), "authentication.certificates"));
    BOOST_TEST(complains_of(make(with(mine.key, mine.key)), "authentication.certificates"));
    BOOST_TEST(complains_of(make(with(mine.certificate.substr(0, 300), mine.key)), "authentication.certificates"));
    std::string too_many;
    for (std::size_t i = 0; i <= crypto::client_certificate::certificates_max; ++i)
        too_many += mine.certificate;
    BOOST_TEST(complains_of(make(with(too_many, mine.key)), "authentication.certificates"));

    const auto made = make(with(mine.certificate + other.certificate, mine.key));
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    BOOST_TEST(made.text.find("PRIVATE") == std::string::npos);
    const std::string id = made.body.at("id");
    succeed();
    const auto shows = [&] {
        BOOST_TEST_REQUIRE(office("POST", path(id, "/test")).body.at("delivered") == true);
        return provider.requests().back().shows_certificate;
    };
    BOOST_TEST(shows());
    auto body = minimal();
    body["authentication"] = {{"type", "CERTIFICATE"}};
    BOOST_TEST(office("PUT", path(id), body.dump()).status == 200U); // both stay
    BOOST_TEST(shows());
    body["authentication"]["certificates"] = mine.certificate;
    BOOST_TEST(complains_of(office("PUT", path(id), body.dump()), "authentication.privateKey"));
    BOOST_TEST(office("PUT", path(id), minimal().dump()).status == 200U);
    BOOST_TEST(!shows());
}

BOOST_AUTO_TEST_CASE(credentials_that_do_not_open_are_told_and_nothing_is_sent)
{
    const auto id = created({{"authentication", {{"type", "BEARER"}, {"token", "t0ken"}}}});
    const auto damage = [&](kv::write_txn& txn) {
        auto found = registry::find_webhook(txn, "app", registry::uuid::parse(id).value());
        found->sealed_credentials.back() ^= 1U;
        txn.put(tables::webhooks, registry::webhook_key("app", found->id), encode(*found));
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!commit(damage));
    static_cast<void>(create());
    send_webhooks();
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(deliveries(id).at(0).at("lastFailure") == "UNUSABLE");
    BOOST_TEST(log.lines().size() == 1U);
    BOOST_TEST((office("POST", path(id, "/test")).body == json{{"delivered", false}, {"lastFailure", "UNUSABLE"}}));
}

BOOST_AUTO_TEST_SUITE_END()
