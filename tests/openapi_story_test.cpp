// That the description of the requests (handlers/openapi.json) says what the server does: its operations are the routes
// of the tables, for the same roles, and its examples are played against a whole server, in one story.

#include "tests/openapi_support.hpp"
#include "tests/support.hpp"

#include <fstream>
#include <map>
#include <sstream>

namespace {

using namespace doorward;
using namespace doorward::tests;
using handlers::side;

// A route or an operation, as both can be compared: method, path, who may call it.
using callable = std::tuple<std::string, std::string, std::set<std::string>, std::string>;

std::string text_of(const callable& what)
{
    const auto& [method, path, roles, right] = what;
    std::string out = method + ' ' + path + " for";
    for (const std::string& each : roles)
        out += ' ' + each;
    return right.empty() ? out : out + " with " + right;
}

// Which methods an endpoint takes that looks at them itself.
std::vector<std::string> methods_of(scratch_world& world, side which, std::string_view path)
{
    owned_request question;
    question.method = "TRACE";
    question.target = path;
    std::istringstream allowed{world.call(which, question).header("Allow")};
    std::vector<std::string> out;
    for (std::string each; std::getline(allowed >> std::ws, each, ',');)
        out.push_back(each);
    return out;
}

std::set<callable> routes_of(scratch_world& world, side which)
{
    std::set<callable> out;
    for (const handlers::route_description& each : handlers::list_routes(which)) {
        std::set<std::string> roles;
        for (const registry::role role : registry::all_roles) {
            if (each.callers.roles.has(role))
                roles.insert(std::string{to_text(role)});
        }
        const std::string right{each.callers.operators_right ? to_text(*each.callers.operators_right) : ""};
        const auto methods = each.method == "*" ? methods_of(world, which, each.path)
                                                : std::vector<std::string>{std::string{each.method}};
        for (const std::string& method : methods)
            out.emplace(method, each.path, roles, right);
    }
    return out;
}

std::set<callable> operations_of(side which)
{
    std::set<callable> out;
    for (const described_operation& each : described_operations()) {
        if (each.side == to_text(which) || each.side == "both")
            out.emplace(each.method, each.pattern(), each.roles, each.operators_right);
    }
    return out;
}

void check_same(const std::set<callable>& routes, const std::set<callable>& operations)
{
    for (const callable& each : routes)
        BOOST_TEST(operations.contains(each), "not described: " << text_of(each));
    for (const callable& each : operations)
        BOOST_TEST(routes.contains(each), "described, but not there: " << text_of(each));
}

// --- the story

// What stands in the examples for what only the server can know.
constexpr std::string_view example_registration = "3c7d7dc2-24c2-4f38-9b1c-6d2f7a5f0e91";
constexpr std::string_view example_other = "9b0a4f1e-7a52-4be3-8a6d-0f5d6f3c2b17";

std::string with_percents(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

void replace_all(std::string& in, std::string_view what, std::string_view by)
{
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + by.size()))
        in.replace(at, what.size(), by);
}

// Plays operations as an admin would who reads the page and puts in his own ids.
class player {
public:
    scratch_world world;
    std::map<std::string, std::string> known; // by the name of the parameter, in place of its example
    std::set<std::string> played;

    // The example of that name, or the only one; what is answered has to be described.
    json play(const std::string& operation_id, const std::string& example = {}, const std::string& query = {})
    {
        const described_operation& of = described(operation_id);
        json out;
        BOOST_TEST_CONTEXT(operation_id << ' ' << example)
        {
            std::string body;
            if (const auto described_body = of.what->find("requestBody"); described_body != of.what->end())
                body = body_of(*described_body, example);
            const auto told = world.office(of.method, target_of(of) + query, body, "admin");
            played.insert(operation_id);
            BOOST_TEST_REQUIRE(told.status / 100 == 2U, told.text);
            out = told.body;
            const auto& answers = of.what->at("responses");
            const auto described_answer = answers.find(std::to_string(told.status));
            BOOST_TEST_REQUIRE((described_answer != answers.end()), told.status << " is not described");
            const auto& content = resolved(*described_answer).at("content");
            if (content.contains("application/json")) {
                for (const std::string& fault : faults_of(out, content.at("application/json").at("schema")))
                    BOOST_ERROR("the answer" << fault << ": " << told.text);
            }
            for (const auto& [name, header] : resolved(*described_answer).at("headers").items()) {
                if (name == "ETag" && !out.contains("at")) // the past cannot be changed
                    BOOST_TEST(!told.header(name).empty());
            }
        }
        return out;
    }

    // A registration of which a phone has the keys; everything after is about it.
    void enrol_phone(const std::string& user, const char* wanted)
    {
        const auto made = world.create(user);
        auto phone = world.phone();
        static_cast<void>(phone.activate(made.qr_data, right_pin, {}));
        known["registrationId"] = made.id;
        BOOST_TEST_REQUIRE(world.status(made.id) == "PENDING_COMMIT");
        if (std::string_view{wanted} == "ACTIVE")
            play("commitRegistration", "plain");
        BOOST_TEST_REQUIRE(world.status(made.id) == wanted);
    }

private:
    std::string body_of(const json& described_body, const std::string& example)
    {
        for (const described_example& each : examples_of(described_body)) {
            if (each.name != example)
                continue;
            std::string out = each.value->dump();
            if (known.contains("registrationId"))
                replace_all(out, example_registration, known.at("registrationId"));
            if (known.contains("otherRegistrationId"))
                replace_all(out, example_other, known.at("otherRegistrationId"));
            return out;
        }
        throw std::runtime_error{"no example " + example};
    }

    std::string target_of(const described_operation& of)
    {
        std::string out = of.path;
        std::string query;
        for (const json* from : {of.item, of.what}) {
            for (const json& each : from->value("parameters", json::array())) {
                const json& one = resolved(each);
                const auto name = one.at("name").get<std::string>();
                const auto where = one.at("in").get<std::string>();
                if (!one.contains("example") && !known.contains(name))
                    continue;
                const json value = known.contains(name) ? json(known.at(name)) : one.at("example");
                if (where == "path")
                    replace_all(out, '{' + name + '}', with_percents(value.get<std::string>()));
                else if (where == "query" && one.contains("example"))
                    query += (query.empty() ? "?" : "&") + name + '=' +
                             with_percents((value.is_array() ? value.front() : value).get<std::string>());
            }
        }
        return out + query;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(openapi_story)

BOOST_AUTO_TEST_CASE(the_operations_of_the_office_side_are_its_routes)
{
    scratch_world world;
    check_same(routes_of(world, side::office), operations_of(side::office));
}

BOOST_AUTO_TEST_CASE(the_operations_of_the_device_side_are_its_routes)
{
    scratch_world world;
    check_same(routes_of(world, side::device), operations_of(side::device));
}

BOOST_AUTO_TEST_CASE(roles_are_those_that_accounts_can_have)
{
    std::set<std::string> roles;
    for (const registry::role each : registry::all_roles)
        roles.insert(std::string{to_text(each)});
    BOOST_TEST(
        (description().at("components").at("schemas").at("Role").at("enum").get<std::set<std::string>>() == roles));
}

// The document for people has the same codes.
BOOST_AUTO_TEST_CASE(every_code_is_explained_to_people)
{
    std::ifstream stream{std::filesystem::path{DOORWARD_SOURCE_DIR} / "handlers/API.md", std::ios::binary};
    std::ostringstream text;
    text << stream.rdbuf();
    for (const json& each : description().at("components").at("schemas").at("ErrorCode").at("enum")) {
        const auto code = each.get<std::string>();
        BOOST_TEST(text.str().find('`' + code + '`') != std::string::npos, code << " is not in API.md");
    }
}

// All examples of the office side on a server that has nothing but an admin, and a phone where one is needed.
BOOST_AUTO_TEST_CASE(the_examples_work)
{
    player story;
    for (const char* each : {"getHealth", "getLiveness", "getReadiness", "getOpenApi"})
        story.play(each);

    // who is asking
    for (const char* each : {"signIn", "getSession", "signOut"})
        story.play(each);

    // applications
    story.play("createApplication", "more");
    story.play("listApplications");
    story.play("getApplication");
    for (const char* example : {"provider", "default", "transfer"})
        story.play("changeApplication", example);
    story.known["appKey"] = story.play("createVersion").at("appKey").get<std::string>();
    story.play("getSdkConfig");
    story.known["keyId"] = story.play("createMasterKey").at("keyId").get<std::string>();
    story.play("removeMasterKey");
    story.known["keyId"] = story.play("createMasterKey").at("keyId").get<std::string>();
    story.play("signWithMasterKey");
    story.play("supportVersion");
    story.play("getLockoutPolicy");
    story.play("putLockoutPolicy");
    story.play("simulateLockoutPolicy");

    // where its events go
    story.known["callbackId"] = story.play("createCallback").at("id").get<std::string>();
    for (const char* each : {"listCallbacks", "getCallback", "putCallback", "testCallback", "rotateCallback"})
        story.play(each);

    // accounts
    story.play("createAccount", "integration");
    story.play("createAccount", "operator");
    story.play("assignApplication");
    story.play("listAccounts");
    story.play("getAccount");
    story.play("createToken");
    story.play("listTokens");
    story.play("rotatePassword");
    story.play("revokeToken");
    story.play("revokeTokens");
    story.play("changeAccount", "role");
    story.play("changeAccount", "disable");
    story.play("unassignApplication");
    story.play("removeAccount");
    story.play("getBackup");
    story.play("makeBackup");
    story.play("getBackup");

    // what a registration is before a phone has it
    for (const char* example : {"least", "otp", "policy", "more"})
        story.known["registrationId"] =
            story.play("createRegistration", example).at("registrationId").get<std::string>();
    story.known["otherRegistrationId"] = story.known["registrationId"];
    story.play("getActivationQr");
    story.play("findUsers");
    story.play("getRegistration");
    story.play("getRegistration", {}, "?at=1700000000000");
    story.play("listRegistrations");
    for (const char* example : {"users", "ids"})
        story.play("lookupRegistrations", example);
    story.play("editRegistration", "metadata");
    story.play("addFlags");
    story.play("getFlags");
    story.play("replaceFlags");
    story.play("removeFlags");
    story.play("createPlainPayload");

    // while it waits for a commit, and afterwards
    story.enrol_phone("bob", "PENDING_COMMIT");
    story.play("replaceOtp");
    story.play("getRegistration");
    story.enrol_phone("alice", "ACTIVE");
    story.play("editRegistration", "name");
    story.play("renameRegistration");
    story.play("reportAttempt");
    story.play("reportAttempts");
    story.play("listAttempts");
    story.play("getLockout");
    story.play("explainRegistration");
    story.play("resetLockout");
    story.play("createPersonalizedPayload");
    for (const char* example : {"post", "get"})
        story.play("verifySignature", example);
    story.play("verifyOfflineSignature");
    story.play("verifyDeviceSignature");
    for (const char* example : {"header", "fields"})
        story.play("verifyToken", example);
    BOOST_TEST(
        story.world.office("PATCH", "/admin/applications/app", R"({"transfer":{"spawn":true,"move":true}})", "admin")
            .status == 200U);
    const std::string receiver = story.known["registrationId"];
    for (const char* example : {"spawn", "move"})
        story.play("transferRegistration", example);
    story.play("listChildren");
    story.play("changeRegistration", "block");
    story.play("getRegistration");
    story.play("explainRegistration");
    story.play("changeRegistration", "unblock");
    story.play("getHistory");
    BOOST_TEST(story.known["registrationId"] == receiver);

    // users, many at once
    for (const char* each : {"setClaims", "getClaims", "removeClaims"})
        story.play(each);
    for (const char* example : {"dryRun", "flags", "block"}) {
        const auto begun = story.play("changeRegistrations", example);
        if (begun.contains("jobId"))
            story.known["jobId"] = begun.at("jobId").get<std::string>();
    }
    story.play("getJob");
    story.play("listJobs");
    story.play("cancelJob");
    story.play("removeRegistration");
    story.play("removeUser");

    // what was sent
    story.world.send_webhooks();
    const auto sent = story.play("listDeliveries").at("deliveries");
    BOOST_TEST_REQUIRE(!sent.empty());
    story.known["deliveryId"] = std::to_string(sent.front().at("id").get<std::uint64_t>());
    story.play("redeliver");
    story.play("removeCallback");

    // what came of it all
    for (const char* each :
         {"listEvents", "listAudit", "listAuditAlias", "getCheckpoint", "getStatistics", "getLiveStatistics"})
        story.play(each);
    BOOST_TEST(story.world.office("POST", "/admin/applications", R"({"id":"spare"})", "admin").status == 200U);
    story.known["id"] = "spare";
    story.play("removeApplication");

    const std::set<std::string> elsewhere{"streamEvents", "getMetrics", "getDocs", "getDocsScript",
                                          "getDocsStyle"}; // no JSON
    for (const described_operation& each : described_operations()) {
        if (each.side != "device")
            BOOST_TEST((story.played.contains(each.id()) || elsewhere.contains(each.id())), each.id()
                                                                                                << " is not played");
    }
}

BOOST_AUTO_TEST_SUITE_END()
