// Who may call what: every route of the office side, every role, applications of the account's own and of others, and
// nobody at all.

#include "tests/support.hpp"

#include <map>

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::right;
using registry::role;

constexpr const char* not_allowed = "This account may not do that.";
constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

// What a route is about, and so whether an account sees it.
enum class about {
    registration_in_path,
    registration_in_body,
    user,        // of an application, named in the query
    application, // named in the body or the query
    nothing,     // that belongs to an application
};

struct example {
    about what;
    std::string query; // %APP% stands for the application
    std::string body;  // %ID% for the registration, %N% for a number that is drawn once
};

// A request for each route that is right but for what it names. A route without one is not tested, so it must have one.
const std::map<std::pair<std::string_view, std::string_view>, example>& examples()
{
    using enum about;
    static const std::string auth_header =
        R"(PowerAuth pa_version=\"3.2\", pa_activation_id=\"%ID%\", pa_application_key=\"AAECAwQFBgcICQoLDA0ODw==\",)"
        R"( pa_nonce=\"EBESExQVFhcYGRobHB0eHw==\", pa_signature_type=\"possession_knowledge\",)"
        R"( pa_signature=\"c2lnbmF0dXJl\")";
    static const std::map<std::pair<std::string_view, std::string_view>, example> all{
        {{"POST", "/v2/signature/verify"},
         {registration_in_body, "", R"({"method":"POST","uriId":"/a","authHeader":")" + auth_header + R"("})"}},
        {{"POST", "/v2/signature/offline/verify"},
         {registration_in_body, "",
          R"({"registrationId":"%ID%","nonce":"EBESExQVFhcYGRobHB0eHw==","body":"x","signature":"12345678-12345678"})"}},
        {{"POST", "/v2/signature/ecdsa/verify"},
         {registration_in_body, "", R"({"registrationId":"%ID%","data":"YQ==","signature":"YQ=="})"}},
        {{"POST", "/v2/signature/offline/personalized/create"},
         {registration_in_body, "", R"({"registrationId":"%ID%","data":"x"})"}},
        {{"POST", "/v2/signature/offline/non-personalized/create"},
         {application, "", R"({"appId":"%APP%","data":"x"})"}},
        {{"POST", "/v2/token/verify"},
         {nothing, "",
          R"({"tokenId":"2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11","tokenDigest":"AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8=",)"
          R"("nonce":"EBESExQVFhcYGRobHB0eHw==","timestamp":"1700000000000","protocolVersion":"3.2"})"}},
        {{"GET", "/v2/registrations/{}"}, {registration_in_path, "", ""}},
        {{"GET", "/v2/registrations"}, {nothing, "?userId=alice", ""}},
        {{"POST", "/v2/registrations"}, {application, "", R"({"userId":"alice","appId":"%APP%"})"}},
        {{"POST", "/v2/registrations/lookup"}, {nothing, "", R"({"userIds":["alice"]})"}},
        {{"POST", "/v2/registrations/bulk"},
         {nothing, "", R"({"change":"BLOCK","registrationIds":["%ID%"],"maxAffected":1,"dryRun":true})"}},
        {{"PATCH", "/v2/registrations/{}"}, {registration_in_path, "", R"({"metadata":{"branch":"north"}})"}},
        {{"GET", "/v2/registrations/{}/explain"}, {registration_in_path, "", ""}},
        {{"GET", "/v2/jobs"}, {nothing, "", ""}},
        {{"GET", "/v2/jobs/{}"}, {nothing, "", ""}},
        {{"DELETE", "/v2/jobs/{}"}, {nothing, "", ""}},
        {{"GET", "/v2/users"}, {nothing, "?prefix=alice", ""}},
        {{"DELETE", "/v2/users/{}"}, {nothing, "?mode=remove", ""}},
        {{"POST", "/v2/registrations/{}/commit"}, {registration_in_path, "", ""}},
        {{"PUT", "/v2/registrations/{}"}, {registration_in_path, "", R"({"change":"BLOCK"})"}},
        {{"DELETE", "/v2/registrations/{}"}, {registration_in_path, "", ""}},
        {{"POST", "/v2/registrations/{}/transfer"}, {registration_in_path, "", R"({"type":"SPAWN"})"}},
        {{"GET", "/v2/registrations/{}/activation-qr"}, {registration_in_path, "", ""}},
        {{"GET", "/v2/registrations/{}/children"}, {registration_in_path, "", ""}},
        {{"PUT", "/v2/registrations/{}/otp"}, {registration_in_path, "", R"({"otp":"a password of twenty"})"}},
        {{"GET", "/v2/registrations/{}/history"}, {registration_in_path, "", ""}},
        {{"PUT", "/v2/registrations/{}/name"}, {registration_in_path, "", R"({"name":"a name"})"}},
        {{"GET", "/v2/registrations/{}/flags"}, {registration_in_path, "", ""}},
        {{"POST", "/v2/registrations/{}/flags"}, {registration_in_path, "", R"({"flags":["A"]})"}},
        {{"PUT", "/v2/registrations/{}/flags"}, {registration_in_path, "", R"({"flags":["B"]})"}},
        {{"DELETE", "/v2/registrations/{}/flags"}, {registration_in_path, "?flag=B", ""}},
        {{"POST", "/v2/registrations/{}/attempts"},
         {registration_in_path, "",
          R"({"result":"ERROR","factors":"POSSESSION_KNOWLEDGE","attemptId":"attempt-%N%"})"}},
        {{"GET", "/v2/registrations/{}/attempts"}, {registration_in_path, "", ""}},
        {{"POST", "/v2/attempts"},
         {registration_in_body, "",
          R"([{"registrationId":"%ID%","result":"ERROR","factors":"POSSESSION_KNOWLEDGE","attemptId":"many"}])"}},
        {{"GET", "/v2/registrations/{}/lockout"}, {registration_in_path, "", ""}},
        {{"PUT", "/v2/registrations/{}/lockout"}, {registration_in_path, "", R"({"reset":true})"}},
        {{"PUT", "/v2/users/{}/claims"}, {user, "?appId=%APP%", R"({"name":"Alice"})"}},
        {{"GET", "/v2/users/{}/claims"}, {user, "?appId=%APP%", ""}},
        {{"DELETE", "/v2/users/{}/claims"}, {user, "?appId=%APP%", ""}},
        {{"GET", "/v2/events"}, {nothing, "?limit=1000", ""}},
        {{"GET", "/v2/events/stream"}, {nothing, "", ""}},
        {{"GET", "/v2/audit/log"}, {nothing, "", ""}},
        {{"GET", "/audit/log"}, {nothing, "", ""}},
        {{"GET", "/v2/audit/checkpoint"}, {nothing, "", ""}},
        {{"GET", "/v2/stats"}, {nothing, "", ""}},
        {{"GET", "/v2/stats/live"}, {nothing, "", ""}},
        {{"GET", "/metrics"}, {nothing, "", ""}},
        {{"GET", "/admin/applications/{}/lockout-policy"}, {application, "", ""}},
        {{"PUT", "/admin/applications/{}/lockout-policy"}, {application, "", R"({"maxFailedAttempts":5})"}},
        {{"POST", "/admin/applications/{}/lockout-policy/simulate"}, {application, "", "{}"}},
        {{"POST", "/admin/applications"}, {nothing, "", R"({"id":"app-%N%"})"}},
        {{"GET", "/admin/applications"}, {nothing, "", ""}},
        {{"GET", "/admin/applications/{}"}, {application, "", ""}},
        {{"PATCH", "/admin/applications/{}"}, {application, "", R"({"roles":[]})"}},
        {{"DELETE", "/admin/applications/{}"}, {application, "", ""}},
        {{"POST", "/admin/applications/{}/versions"}, {application, "", ""}},
        {{"PUT", "/admin/applications/{}/versions/{}"}, {application, "", R"({"supported":true})"}},
        {{"GET", "/admin/applications/{}/versions/{}/sdk-config"}, {application, "", ""}},
        {{"POST", "/admin/applications/{}/master-keys"}, {application, "", ""}},
        {{"PUT", "/admin/applications/{}/master-keys/{}"}, {application, "", R"({"signs":true})"}},
        {{"DELETE", "/admin/applications/{}/master-keys/{}"}, {application, "", ""}},
        {{"POST", "/admin/backup"}, {nothing, "", ""}},
        {{"GET", "/admin/backup"}, {nothing, "", ""}},
        {{"POST", "/admin/users"}, {nothing, "", R"({"username":"user-%N%"})"}},
        {{"GET", "/admin/users"}, {nothing, "", ""}},
        {{"GET", "/admin/users/{}"}, {nothing, "", ""}},
        {{"PATCH", "/admin/users/{}"}, {nothing, "", R"({"enabled":true})"}},
        {{"DELETE", "/admin/users/{}"}, {nothing, "", ""}},
        {{"POST", "/admin/users/{}/rotate"}, {nothing, "", ""}},
        {{"POST", "/admin/users/{}/applications/{}"}, {nothing, "", ""}},
        {{"DELETE", "/admin/users/{}/applications/{}"}, {nothing, "", ""}},
        {{"POST", "/admin/users/{}/tokens"}, {nothing, "", R"({"name":"token-%N%"})"}},
        {{"GET", "/admin/users/{}/tokens"}, {nothing, "", ""}},
        {{"DELETE", "/admin/users/{}/tokens"}, {nothing, "", ""}},
        {{"DELETE", "/admin/users/{}/tokens/{}"}, {nothing, "", ""}},
        {{"POST", "/admin/applications/{}/callbacks"},
         {application, "",
          R"({"name":"hook","type":"REGISTRATION_STATUS_CHANGE","callbackUrl":"https://hook-%N%.example"})"}},
        {{"GET", "/admin/applications/{}/callbacks"}, {application, "", ""}},
        {{"GET", "/admin/applications/{}/callbacks/{}"}, {application, "", ""}},
        {{"PUT", "/admin/applications/{}/callbacks/{}"},
         {application, "", R"({"name":"hook","callbackUrl":"https://hook.example"})"}},
        {{"DELETE", "/admin/applications/{}/callbacks/{}"}, {application, "", ""}},
        {{"POST", "/admin/applications/{}/callbacks/{}/rotate"}, {application, "", ""}},
        {{"POST", "/admin/applications/{}/callbacks/{}/test"}, {application, "", ""}},
        {{"GET", "/admin/applications/{}/callbacks/{}/deliveries"}, {application, "", ""}},
        {{"POST", "/admin/applications/{}/callbacks/{}/deliveries/{}/redeliver"}, {application, "", ""}},
        {{"POST", "/console/session"}, {nothing, "", R"({"username":"admin","password":"admin"})"}},
        {{"GET", "/console/session"}, {nothing, "", ""}},
        {{"DELETE", "/console/session"}, {nothing, "", ""}},
        {{"GET", "/openapi.json"}, {nothing, "", ""}},
        {{"GET", "/docs"}, {nothing, "", ""}},
        {{"GET", "/docs/docs.js"}, {nothing, "", ""}},
        {{"GET", "/docs/docs.css"}, {nothing, "", ""}},
        {{"GET", "/health"}, {nothing, "", ""}},
        {{"GET", "/health/live"}, {nothing, "", ""}},
        {{"GET", "/health/ready"}, {nothing, "", ""}},
    };
    return all;
}

std::string replaced(std::string in, std::string_view what, std::string_view by)
{
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + by.size()))
        in.replace(at, what.size(), by);
    return in;
}

struct caller {
    std::string name; // "": nobody
    std::optional<role> its_role;
    registry::right_set rights{};
};

const std::vector<caller>& callers()
{
    static const std::vector<caller> all{
        {"", std::nullopt},
        {"the-admin", role::admin},
        {"the-integration", role::integration},
        {"the-operator", role::human_operator},
        {"the-remover", role::human_operator, {right::remove}},
        {"the-bulk-changer", role::human_operator, {right::bulk}},
        {"the-auditor", role::auditor},
        {"the-metrics", role::metrics},
    };
    return all;
}

// One phone's place in each of two applications, and an account of every kind that sees the first.
struct two_applications {
    scratch_world world;
    unsigned drawn = 0;

    two_applications()
    {
        for (const caller& each : callers()) {
            if (each.its_role)
                world.create_account(each.name, *each.its_role, {"app"}, true, each.rights);
        }
        world.create_account("victim", role::integration, {});
    }

    std::string create(const std::string& application)
    {
        const auto made = world.office("POST", "/v2/registrations",
                                       json{{"userId", "alice"}, {"appId", application}}.dump(), "admin");
        BOOST_TEST_REQUIRE(made.status == 200U, made.text);
        return made.body.at("registrationId");
    }

    answer ask(const handlers::route_description& route, const example& with, const caller& who,
               const std::string& application, const std::string& id)
    {
        std::string target{route.path};
        std::vector<std::string> holes{id};
        if (target.starts_with("/v2/users/"))
            holes = {"alice"};
        if (target.starts_with("/admin/applications/"))
            holes = {application, "AAECAwQFBgcICQoLDA0ODw%3D%3D"};
        if (target.starts_with("/admin/users/"))
            holes = {"victim", application};
        if (target.find("/callbacks/") != std::string::npos)
            holes = {application, nobodys_id, "1"};
        for (const std::string& hole : holes) {
            if (const auto at = target.find("{}"); at != std::string::npos)
                target.replace(at, 2, hole);
        }
        target += replaced(with.query, "%APP%", application);
        std::string body = replaced(replaced(with.body, "%APP%", application), "%ID%", id);
        body = replaced(body, "%N%", std::to_string(++drawn));
        if (route.path == "/admin/users/{}" && route.method == "DELETE")
            restore_victim();
        return world.office(route.method, target, body, who.name);
    }

    void restore_victim()
    {
        if (!world.services().directory.find_account("victim"))
            world.create_account("victim", role::integration, {});
    }
};

// What is drawn anew each time is left out.
json seen(two_applications& in, const std::string& id)
{
    json out = in.world.detail(id);
    out.erase("activationCodeSignature");
    out.erase("activationQrCodeData");
    return out;
}

bool is_of_registration(about what)
{
    return what == about::registration_in_path || what == about::registration_in_body;
}

// Does an answer say no more than one about an id that nobody has?
void check_hidden(const answer& got, const answer& about_nobody, const std::string& id)
{
    BOOST_TEST(got.status == about_nobody.status, got.text);
    BOOST_TEST(replaced(got.text, id, nobodys_id) == about_nobody.text);
}

// The cells of those for whom all applications are alike: admins, who see all, and whoever may not call the route.
void check_alike(two_applications& in, const handlers::route_description& route, const example& with, const caller& who,
                 bool may)
{
    for (const char* application : {"app", "other"}) {
        BOOST_TEST_CONTEXT("application " << application)
        {
            const std::string id = in.create(application);
            const auto before = seen(in, id);
            const auto got = in.ask(route, with, who, application, id);
            in.restore_victim();
            if (route.callers.is_open()) {
                BOOST_TEST(got.status == 200U);
            } else if (may) {
                BOOST_TEST((got.status != 401U && got.code() != "ERROR_REGISTRATION_NOT_FOUND"), got.text);
                BOOST_TEST((got.status != 403U || got.message() != not_allowed), got.text);
            } else {
                BOOST_TEST(got.status == (who.its_role ? 403U : 401U), got.text);
                BOOST_TEST(got.code() == (who.its_role ? "ERROR_FORBIDDEN" : "HTTP_401"));
                BOOST_TEST(seen(in, id) == before);
            }
        }
    }
}

// The cells of an account that may call the route and does not see the application.
void check_foreign(two_applications& in, const handlers::route_description& route, const example& with,
                   const caller& who)
{
    const std::string id = in.create("other");
    const auto before = seen(in, id);
    const auto got = in.ask(route, with, who, "other", id);
    if (is_of_registration(with.what)) {
        check_hidden(got, in.ask(route, with, who, "other", nobodys_id), id);
    } else if (with.what == about::user || with.what == about::application) {
        BOOST_TEST(got.status == 400U, got.text);
        BOOST_TEST(got.code() == "ERROR_REQUEST");
    } else {
        BOOST_TEST(got.text.find(id) == std::string::npos);
    }
    BOOST_TEST(seen(in, id) == before);
}

} // namespace

BOOST_AUTO_TEST_SUITE(roles)

BOOST_AUTO_TEST_CASE(every_route_has_an_example_and_every_example_a_route)
{
    std::size_t found = 0;
    for (const auto& route : handlers::list_routes(handlers::side::office)) {
        BOOST_TEST(examples().contains({route.method, route.path}), route.method << ' ' << route.path);
        found += examples().contains({route.method, route.path}) ? 1U : 0U;
    }
    BOOST_TEST(found == examples().size());
}

// Every route, every caller, the own application and another one.
BOOST_AUTO_TEST_CASE(every_cell_of_the_matrix)
{
    two_applications in;
    std::size_t cells = 0;
    for (const auto& route : handlers::list_routes(handlers::side::office)) {
        const auto with = examples().find({route.method, route.path});
        if (with == examples().end())
            continue; // told above
        for (const caller& who : callers()) {
            BOOST_TEST_CONTEXT(route.method << ' ' << route.path << " by " << (who.its_role ? who.name : "nobody"))
            {
                registry::account as;
                as.its_role = who.its_role.value_or(role::metrics);
                as.rights = who.rights;
                const bool may = who.its_role && route.callers.allows(as);
                if (!may || who.its_role == role::admin) {
                    check_alike(in, route, with->second, who, may);
                } else {
                    const auto got = in.ask(route, with->second, who, "app", in.create("app"));
                    BOOST_TEST((got.status != 401U && got.code() != "ERROR_REGISTRATION_NOT_FOUND"), got.text);
                    BOOST_TEST((got.status != 403U || got.message() != not_allowed), got.text);
                    check_foreign(in, route, with->second, who);
                }
                cells += 2;
            }
        }
    }
    BOOST_TEST(cells == 2U * callers().size() * handlers::list_routes(handlers::side::office).size());
}

// The table in words, so that a slip in it shows.
BOOST_AUTO_TEST_CASE(roles_are_what_they_are_meant_to_be)
{
    const auto may = [](role who, std::string_view method, std::string_view path, registry::right_set rights = {}) {
        registry::account as;
        as.its_role = who;
        as.rights = rights;
        for (const auto& route : handlers::list_routes(handlers::side::office)) {
            if (route.method == method && route.path == path)
                return route.callers.is_open() || route.callers.allows(as);
        }
        BOOST_FAIL("no such route");
        return false;
    };
    for (const auto& route : handlers::list_routes(handlers::side::office)) {
        if (route.path.starts_with("/console/")) // of whoever signs in
            continue;
        BOOST_TEST_CONTEXT(route.method << ' ' << route.path)
        {
            // Where its events go, a back office says itself.
            const bool administers =
                route.path.starts_with("/admin/") && route.path.find("/callbacks") == std::string_view::npos;
            const bool open = route.callers.is_open();
            BOOST_TEST(may(role::admin, route.method, route.path));
            const bool numbers = route.path.starts_with("/v2/stats") || route.path == "/metrics";
            const bool about_itself = route.path == "/console/session";
            BOOST_TEST(may(role::metrics, route.method, route.path) == (open || numbers || about_itself));
            if (!open && may(role::auditor, route.method, route.path))
                BOOST_TEST(route.method == "GET");
            // Many at once, users as a whole, the audit and numbers are for people.
            const bool at_large = route.path.starts_with("/v2/jobs") || route.path == "/v2/registrations/bulk" ||
                                  route.path == "/v2/users/{}" || route.path.find("audit/") != std::string_view::npos ||
                                  numbers;
            BOOST_TEST(may(role::integration, route.method, route.path) == (!administers && !at_large));
            if (administers) {
                BOOST_TEST(!may(role::human_operator, route.method, route.path, {right::remove, right::bulk}));
                BOOST_TEST(!may(role::auditor, route.method, route.path));
            }
        }
    }
    constexpr std::string_view one = "/v2/registrations/{}";
    BOOST_TEST(may(role::human_operator, "PUT", one));
    BOOST_TEST(may(role::human_operator, "PUT", "/v2/registrations/{}/name"));
    BOOST_TEST(may(role::human_operator, "PUT", "/v2/registrations/{}/lockout"));
    BOOST_TEST(!may(role::human_operator, "PUT", "/v2/registrations/{}/flags"));
    BOOST_TEST(!may(role::human_operator, "POST", "/v2/registrations"));
    BOOST_TEST(!may(role::human_operator, "POST", "/v2/signature/verify"));
    BOOST_TEST(!may(role::human_operator, "GET", "/v2/users/{}/claims"));
    BOOST_TEST(!may(role::human_operator, "DELETE", one));
    BOOST_TEST(!may(role::human_operator, "DELETE", one, {right::bulk}));
    BOOST_TEST(may(role::human_operator, "DELETE", one, {right::remove}));
    BOOST_TEST(!may(role::auditor, "DELETE", one, {right::remove})); // rights are of operators
    for (const std::string_view rest : {"", "/history", "/flags", "/attempts", "/lockout", "/children"}) {
        BOOST_TEST(may(role::auditor, "GET", std::string{one} + std::string{rest}));
        BOOST_TEST(may(role::human_operator, "GET", std::string{one} + std::string{rest}));
    }
}

BOOST_AUTO_TEST_CASE(phones_are_never_asked_for_an_account)
{
    for (const auto& route : handlers::list_routes(handlers::side::device))
        BOOST_TEST(route.callers.is_open(), route.path);
}

// Whoever has the code can register a phone.
BOOST_AUTO_TEST_CASE(activation_codes_are_for_those_who_may_create_them)
{
    two_applications in;
    const std::string id = in.create("app");
    for (const caller& who : callers()) {
        const auto got = in.world.office("GET", "/v2/registrations/" + id, {}, who.name);
        if (got.status != 200U)
            continue;
        BOOST_TEST_CONTEXT(who.name)
        {
            const bool may = who.its_role == role::admin || who.its_role == role::integration;
            for (const char* member : {"activationCode", "activationCodeSignature", "activationQrCodeData"})
                BOOST_TEST(got.body.contains(member) == may);
            BOOST_TEST(got.body.at("registrationStatus") == "CREATED");
        }
    }
}

BOOST_AUTO_TEST_CASE(roles_and_rights_have_texts_and_back)
{
    for (const role each : registry::all_roles)
        BOOST_TEST((registry::parse_role(to_text(each)) == each));
    for (const right each : registry::all_rights)
        BOOST_TEST((registry::parse_right(to_text(each)) == each));
    for (const char* other : {"", "admin", "DEVICE", "REMOVE"})
        BOOST_TEST(!registry::parse_role(other));
    for (const char* other : {"", "remove", "ADMIN"})
        BOOST_TEST(!registry::parse_right(other));
}

BOOST_AUTO_TEST_CASE(sets_hold_what_was_put_in)
{
    registry::role_set some{role::admin, role::metrics};
    BOOST_TEST(some.has(role::admin));
    BOOST_TEST(some.has(role::metrics));
    BOOST_TEST(!some.has(role::auditor));
    BOOST_TEST(some.bits() == 0b10001);
    some.add(role::auditor);
    BOOST_TEST(some.has(role::auditor));
    BOOST_TEST(!some.empty());
    BOOST_TEST(registry::role_set{}.empty());
    BOOST_TEST((registry::role_set{role::auditor, role::admin, role::metrics} == some));
}

BOOST_AUTO_TEST_SUITE_END()
