// How requests and answers behave whatever they are about: status style, strict bodies, entity tags, pages, traces.

#include "tests/support.hpp"

#include "handlers/manners.hpp"
#include "handlers/page.hpp"
#include "handlers/precondition.hpp"
#include "handlers/problem.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using handlers::status_style;

constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

void check_error(const answer& got, unsigned status, std::string_view code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code, got.text);
}

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

struct mannered_world : scratch_world {
    explicit mannered_world(handlers::manners chosen = {})
    {
        manners = chosen;
        restart();
    }

    answer conditional(std::string_view method, const std::string& target, const std::string& if_match,
                       std::string_view body = {})
    {
        auto req = office_request(method, target, body);
        req.if_match = if_match;
        return call(handlers::side::office, req);
    }
    std::string tag(const std::string& id) { return office("GET", path(id)).header("ETag"); }
};

} // namespace

// --- status style

BOOST_AUTO_TEST_SUITE(status_styles)

BOOST_AUTO_TEST_CASE(styles_have_names)
{
    BOOST_TEST((handlers::parse_status_style("compat") == status_style::compat));
    BOOST_TEST((handlers::parse_status_style("rest") == status_style::rest));
    for (const char* other : {"", "REST", "v2"})
        BOOST_TEST(!handlers::parse_status_style(other));
}

BOOST_AUTO_TEST_CASE(rest_changes_three_codes_and_nothing_else)
{
    for (const auto style : {status_style::compat, status_style::rest}) {
        mannered_world world{{style, false}};
        const bool rest = style == status_style::rest;
        check_error(world.office("GET", path(nobodys_id)), rest ? 404U : 400U, "ERROR_REGISTRATION_NOT_FOUND");
        const auto made = world.create();
        check_error(world.office("POST", path(made.id, "/commit"), "{}"), rest ? 409U : 400U,
                    "ERROR_REGISTRATION_CHANGE");
        check_error(
            world.office("POST", "/v2/registrations?incompleteStatusCheck=true", R"({"userId":"alice","appId":"app"})"),
            rest ? 409U : 400U, "ERROR_REGISTRATION_NOT_ALLOWED");
        check_error(world.office("POST", "/v2/registrations", "{}"), 400U, "ERROR_REQUEST");
        check_error(world.office("GET", "/nowhere"), 404U, "ERROR_NOT_FOUND");
        check_error(world.office("GET", "/admin/users/x", {}, "admin"), 400U, "ERROR_REQUEST");
        check_error(world.office("GET", path(made.id), {}, {}), 401U, "HTTP_401");
        BOOST_TEST(world.office("GET", path(made.id)).status == 200U);
    }
}

// Every error of the domain, so that a new one is thought of.
BOOST_AUTO_TEST_CASE(the_style_belongs_to_the_code)
{
    for (int value = 1; value <= registry::errc_last; ++value) {
        const auto told = handlers::problem(make_error_code(static_cast<registry::errc>(value)));
        const std::string code = json::parse(told.body).at("responseObject").at("code");
        BOOST_TEST_CONTEXT(code << ' ' << value)
        {
            if (code == "ERROR_REGISTRATION_NOT_FOUND")
                BOOST_TEST(told.rest_status == 404U);
            else if (code == "ERROR_REGISTRATION_CHANGE" || code == "ERROR_REGISTRATION_NOT_ALLOWED")
                BOOST_TEST(told.rest_status == 409U);
            else
                BOOST_TEST(told.rest_status == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(phones_hear_the_same_in_every_style)
{
    for (const auto style : {status_style::compat, status_style::rest}) {
        mannered_world world{{style, false}};
        BOOST_TEST(world.device("/pa/v3/activation/create", "{}").status == 400U);
        BOOST_TEST(world.device("/pa/v3/signature/validate", "{}").status == 401U);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --- strict bodies

BOOST_AUTO_TEST_SUITE(strict_json)

BOOST_AUTO_TEST_CASE(unknown_members_are_ignored_unless_the_server_is_strict)
{
    const std::string body = R"({"userId":"alice","appId":"app","nickname":"x","moreOver":null})";
    mannered_world lenient;
    BOOST_TEST(lenient.office("POST", "/v2/registrations", body).status == 200U);
    mannered_world strict{{status_style::compat, true}};
    const auto got = strict.office("POST", "/v2/registrations", body);
    check_error(got, 400, "ERROR_REQUEST");
    BOOST_TEST((got.violated() == std::vector<std::string>{"nickname", "moreOver"}));
}

BOOST_AUTO_TEST_CASE(questions_and_jobs_about_many_are_read_strictly_too)
{
    mannered_world world{{status_style::compat, true}};
    const auto phone = enrol(world);
    const auto refused = [&](const std::string& target, const json& body, const std::string& member) {
        const auto got = world.office("POST", target, body.dump(), "admin");
        check_error(got, 400, "ERROR_REQUEST");
        BOOST_TEST((got.violated() == std::vector<std::string>{member}), got.text);
    };
    const auto accepted = [&](const std::string& target, const json& body, unsigned status) {
        const auto got = world.office("POST", target, body.dump(), "admin");
        BOOST_TEST(got.status == status, got.text);
    };
    const std::string lookup = "/v2/registrations/lookup";
    json question{
        {"userIds", {"alice"}}, {"registrationIds", nullptr}, {"appIds", {"app"}},       {"status", {"ACTIVE"}},
        {"flags", nullptr},     {"removed", nullptr},         {"platform", nullptr},     {"name", nullptr},
        {"lastUsedAfter", 0},   {"lastUsedBefore", nullptr},  {"createdAfter", nullptr}, {"createdBefore", nullptr},
        {"limit", 10},          {"cursor", nullptr}};
    accepted(lookup, question, 200);
    accepted(lookup, {{"registrationIds", {phone.id}}, {"userIds", nullptr}, {"limit", 1}}, 200);
    question["user"] = "alice";
    refused(lookup, question, "user");

    const std::string bulk = "/v2/registrations/bulk";
    json job{{"change", "BLOCK"},
             {"registrationIds", nullptr},
             {"maxAffected", 1},
             {"dryRun", true},
             {"flags", nullptr},
             {"blockedReason", "LOST"},
             {"reason", nullptr},
             {"externalUserId", nullptr},
             {"filter",
              {{"userIds", {"alice"}},
               {"appIds", {"app"}},
               {"status", {"ACTIVE"}},
               {"flags", nullptr},
               {"platform", nullptr},
               {"lastUsedAfter", 0},
               {"lastUsedBefore", nullptr},
               {"createdAfter", nullptr},
               {"createdBefore", nullptr}}}};
    accepted(bulk, job, 200);
    accepted(bulk, {{"change", "BLOCK"}, {"registrationIds", {phone.id}}, {"filter", nullptr}, {"maxAffected", 1}},
             202);
    auto inside = job;
    inside["filter"]["users"] = "alice";
    refused(bulk, inside, "filter.users");
    job["max"] = 1;
    refused(bulk, job, "max");
}

// Everything that is documented, in each body that has alternatives.
BOOST_AUTO_TEST_CASE(known_members_are_known_also_where_they_have_no_meaning)
{
    mannered_world world{{status_style::compat, true}};
    const auto phone = enrol(world);
    const auto accepted = [&](std::string_view method, const std::string& target, const json& body,
                              std::string_view who = "office") {
        const auto got = world.office(method, target, body.dump(), who);
        BOOST_TEST(got.status == 200U, method << ' ' << target << ' ' << got.text);
    };
    accepted("POST", "/v2/registrations",
             {{"userId", "bob"},
              {"appId", "app"},
              {"otp", "secret"},
              {"commitPhase", "ON_COMMIT"},
              {"otpValidation", nullptr},
              {"maxFailedAttempts", 4},
              {"timestampRegistrationExpire", world.clock.now() + 1000},
              {"flags", {"A"}},
              {"name", "a name"},
              {"externalUserId", nullptr}});
    accepted("PUT", path(phone.id),
             {{"change", "BLOCK"}, {"blockedReason", "LOST"}, {"externalUserId", "x"}, {"cascade", false}});
    accepted("PUT", path(phone.id), {{"change", "UNBLOCK"}, {"reason", nullptr}, {"cascade", false}});
    accepted("PUT", path(phone.id, "/name"), {{"name", "n"}, {"externalUserId", "x"}});
    accepted("PUT", path(phone.id, "/flags"), {{"flags", {"B"}}, {"externalUserId", "x"}});
    accepted("POST", path(phone.id, "/attempts"),
             {{"result", "ERROR"},
              {"factors", "POSSESSION"},
              {"attemptId", "a"},
              {"possessionProven", true},
              {"channel", "ONLINE"},
              {"clientIp", "192.0.2.1"},
              {"appVersion", "1"},
              {"uriId", "/x"},
              {"timestamp", 5}});
    accepted("PUT", path(phone.id, "/lockout"), {{"reset", true}, {"externalUserId", "x"}});
    accepted("PUT", "/v2/users/alice/claims", {{"name", "Alice"}, {"anything", 1}, {"address", {{"city", "Ulm"}}}});
    accepted("POST", "/admin/users", {{"username", "u"}, {"role", "OPERATOR"}, {"rights", {"BULK"}}}, "admin");
    accepted("PATCH", "/admin/users/u", {{"username", "u"}, {"enabled", true}, {"role", nullptr}, {"rights", nullptr}},
             "admin");
    accepted("POST", "/admin/users/u/tokens", {{"name", "t"}, {"timestampExpire", nullptr}}, "admin");
    accepted("PATCH", "/admin/applications/app",
             {{"id", "app"},
              {"roles", json::array()},
              {"unproven", {{"perMinute", 30}}},
              {"provider", {{"url", "https://bank.example"}, {"timeoutMs", 500}, {"secret", nullptr}}},
              {"transfer", {{"spawn", true}, {"targets", nullptr}, {"maxFailedAttempts", nullptr}}}},
             "admin");
}

BOOST_AUTO_TEST_CASE(unknown_members_of_nested_objects_are_told_with_their_place)
{
    mannered_world world{{status_style::compat, true}};
    const auto got = world.office("PATCH", "/admin/applications/app",
                                  R"({"transfer":{"spawn":true,"spam":true},"unproven":{"perHour":1}})", "admin");
    check_error(got, 400, "ERROR_REQUEST");
    const auto fields = got.violated();
    BOOST_TEST((std::set<std::string>{fields.begin(), fields.end()}.contains("unproven.perHour")));
    const auto many = world.office("POST", "/v2/attempts",
                                   R"([{"registrationId":"x","result":"ERROR","factors":"POSSESSION","attemptId":"a",)"
                                   R"("extra":1}])");
    BOOST_TEST((many.violated() == std::vector<std::string>{"[0].extra"}));
}

// Perhaps it was not asked for because of what is wrong.
BOOST_AUTO_TEST_CASE(other_mistakes_are_told_first)
{
    mannered_world world{{status_style::compat, true}};
    const auto got = world.office("POST", "/v2/registrations", R"({"userId":5,"appId":"app","extra":1})");
    BOOST_TEST((got.violated() == std::vector<std::string>{"userId"}));
}

BOOST_AUTO_TEST_CASE(what_has_a_meaning_for_another_method_is_known)
{
    mannered_world world{{status_style::compat, true}};
    const auto got = world.office("POST", "/v2/signature/verify",
                                  R"({"method":"GET","uriId":"/a","authHeader":"x","queryParams":{"a":"b"},)"
                                  R"("requestBody":"YQ==","requiredFlags":["A"]})");
    check_error(got, 400, "ERROR_SIGNATURE_INVALID"); // the body was read
}

BOOST_AUTO_TEST_CASE(phones_may_send_what_they_like)
{
    mannered_world world{{status_style::compat, true}};
    BOOST_TEST(world.device("/pa/v3/status", R"({"anything":1})").status == 200U);
    static_cast<void>(enrol(world)); // whose envelopes hold members that nobody reads
}

BOOST_AUTO_TEST_CASE(a_reader_watches_until_its_last_copy_goes)
{
    std::vector<handlers::violation> violations;
    {
        auto first = handlers::parse_json(R"({"a":"x","b":{"c":1,"d":2},"e":null})", violations,
                                          handlers::unknown_members::refused);
        BOOST_TEST_REQUIRE(first.has_value());
        const handlers::json_object copy = *first;
        BOOST_TEST(first->has("a"));
        first.reset();
        BOOST_TEST(violations.empty());
        {
            const auto nested = copy.object("b");
            BOOST_TEST(nested->has("c"));
            nested->tolerate("d");
        }
        BOOST_TEST(violations.empty());
        BOOST_TEST(!copy.is_null("a"));
    }
    BOOST_TEST_REQUIRE(violations.size() == 1U);
    BOOST_TEST(violations[0].field == "e");
    violations.clear();
    {
        const auto all = handlers::parse_json(R"({"a":"x","b":"y"})", violations, handlers::unknown_members::refused);
        BOOST_TEST(all->names().size() == 2U);
    }
    BOOST_TEST(violations.empty());
}

BOOST_AUTO_TEST_SUITE_END()

// --- entity tags

BOOST_AUTO_TEST_SUITE(entity_tags)

BOOST_AUTO_TEST_CASE(if_match_is_a_list_of_tags)
{
    using versions = std::optional<registry::expected_versions>;
    const auto read = [](std::string_view field) {
        std::vector<handlers::violation> violations;
        auto out = handlers::decode_if_match(field, violations);
        BOOST_TEST(violations.empty(), field);
        return out;
    };
    BOOST_TEST((read("") == versions{}));
    BOOST_TEST((read("*") == versions{}));
    BOOST_TEST((read(" * ") == versions{}));
    BOOST_TEST((read("\"17\"") == versions{{17}}));
    BOOST_TEST((read(" \"17\" ,\"18\", \"19\"") == versions{{17, 18, 19}}));
    BOOST_TEST((read("\"17\",") == versions{{17}}));
    BOOST_TEST((read("W/\"17\"") == versions{registry::expected_versions{}}));
    BOOST_TEST(
        (read("\"x\", \"\", \"-1\", \"99999999999999999999\", \"a,b\"") == versions{registry::expected_versions{}}));
    BOOST_TEST((read("\"18446744073709551615\"") == versions{{18'446'744'073'709'551'615U}}));
    for (const char* bad : {"17", "\"17", "17\"", "\"17\" \"18\"", "W/17", "\"17\";", "*, \"17\"", ",\"17\"", "\""})
        BOOST_TEST_CONTEXT(bad)
        {
            std::vector<handlers::violation> violations;
            BOOST_TEST(!handlers::decode_if_match(bad, violations));
            BOOST_TEST(violations.size() == 1U);
        }
}

BOOST_AUTO_TEST_CASE(the_tag_is_the_version)
{
    mannered_world world;
    const auto phone = enrol(world);
    const auto shown = world.office("GET", path(phone.id));
    BOOST_TEST(shown.header("ETag") == '"' + std::to_string(shown.body.at("version").get<std::uint64_t>()) + '"');
    BOOST_TEST(world.office("GET", path(phone.id, "/lockout")).header("ETag") == shown.header("ETag"));
    BOOST_TEST(world.office("PUT", path(phone.id), R"({"change":"BLOCK"})").status == 200U);
    BOOST_TEST(world.tag(phone.id) != shown.header("ETag"));
}

// Every change that takes If-Match: done with the present tag, left undone with an earlier one.
BOOST_AUTO_TEST_CASE(a_change_is_made_to_the_version_that_was_meant)
{
    struct conditional_change {
        const char* method;
        const char* rest;
        const char* body;
    };
    const conditional_change changes[]{
        {"PUT", "", R"({"change":"BLOCK"})"},
        {"PUT", "/name", R"({"name":"another"})"},
        {"PUT", "/flags", R"({"flags":["NEW"]})"},
        {"POST", "/flags", R"({"flags":["NEW"]})"},
        {"DELETE", "/flags?flag=OLD", ""},
        {"PUT", "/lockout", R"({"reset":true})"},
        {"DELETE", "", ""},
    };
    for (const auto& each : changes) {
        BOOST_TEST_CONTEXT(each.method << ' ' << each.rest)
        {
            mannered_world world;
            const auto phone = enrol(world, {{"flags", {"OLD"}}});
            const auto before = world.tag(phone.id);
            const auto attempt =
                world.office("POST", path(phone.id, "/attempts"),
                             R"({"result":"FAILURE","factors":"POSSESSION_KNOWLEDGE","attemptId":"a"})");
            BOOST_TEST_REQUIRE(attempt.status == 200U);
            const auto detail = world.detail(phone.id);
            BOOST_TEST(world.tag(phone.id) != before);
            const auto target = path(phone.id, each.rest);
            check_error(world.conditional(each.method, target, before, each.body), 412, "ERROR_PRECONDITION");
            check_error(world.conditional(each.method, target, "\"other\"", each.body), 412, "ERROR_PRECONDITION");
            check_error(world.conditional(each.method, target, "garbage", each.body), 400, "ERROR_REQUEST");
            BOOST_TEST(world.detail(phone.id) == detail);
            const auto done = world.conditional(each.method, target, before + ", " + world.tag(phone.id), each.body);
            BOOST_TEST(done.status == 200U, done.text);
            BOOST_TEST(world.detail(phone.id) != detail);
        }
    }
}

// What is as it was asked for is no reason to overlook the condition.
BOOST_AUTO_TEST_CASE(repeated_changes_keep_the_condition)
{
    mannered_world world;
    const auto phone = enrol(world, {{"flags", {"A"}}, {"name", "mine"}});
    const auto stale = std::string{"\"1\""};
    check_error(world.conditional("PUT", path(phone.id), stale, R"({"change":"UNBLOCK"})"), 412, "ERROR_PRECONDITION");
    check_error(world.conditional("PUT", path(phone.id, "/flags"), stale, R"({"flags":["A"]})"), 412,
                "ERROR_PRECONDITION");
    check_error(world.conditional("PUT", path(phone.id, "/lockout"), stale, R"({"reset":true})"), 412,
                "ERROR_PRECONDITION");
    const std::string name = world.detail(phone.id).at("name");
    check_error(world.conditional("PUT", path(phone.id, "/name"), stale, json{{"name", name}}.dump()), 412,
                "ERROR_PRECONDITION");
    const auto version = world.tag(phone.id);
    BOOST_TEST(world.conditional("PUT", path(phone.id), version, R"({"change":"UNBLOCK"})").status == 200U);
    BOOST_TEST(world.conditional("PUT", path(phone.id, "/name"), version, json{{"name", name}}.dump()).status == 200U);
    BOOST_TEST(world.conditional("DELETE", path(phone.id), version).status == 200U);
    check_error(world.conditional("DELETE", path(phone.id), version), 412, "ERROR_PRECONDITION");
    BOOST_TEST(world.conditional("DELETE", path(phone.id), "*").status == 200U);
    check_error(world.conditional("DELETE", path(nobodys_id), version), 400, "ERROR_REGISTRATION_NOT_FOUND");
}

BOOST_AUTO_TEST_CASE(a_one_time_password_is_replaced_in_the_version_that_was_meant)
{
    mannered_world world;
    const auto made = world.create("alice", {{"otp", "first"}});
    auto phone = world.phone();
    static_cast<void>(phone.activate(made.qr_data, right_pin, bench::activation_details{}));
    const auto target = path(made.id, "/otp");
    const auto version = world.tag(made.id);
    check_error(world.conditional("PUT", target, "\"1\"", R"({"otp":"second"})"), 412, "ERROR_PRECONDITION");
    check_error(world.conditional("PUT", target, "\"1\"", R"({"otp":"first"})"), 412, "ERROR_PRECONDITION");
    BOOST_TEST(world.conditional("PUT", target, version, R"({"otp":"second"})").status == 200U);
    check_error(world.office("POST", path(made.id, "/commit"), R"({"otp":"first"})"), 400, "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.office("POST", path(made.id, "/commit"), R"({"otp":"second"})").status == 200U);
}

BOOST_AUTO_TEST_CASE(a_commit_is_made_to_the_version_that_was_meant)
{
    mannered_world world;
    const auto made = world.create("alice", {{"otp", "secret"}});
    auto phone = world.phone();
    static_cast<void>(phone.activate(made.qr_data, right_pin, bench::activation_details{}));
    const auto target = path(made.id, "/commit");
    const auto version = world.tag(made.id);
    const auto detail = world.detail(made.id);
    // Nothing is compared, so a wrong password is not counted either.
    check_error(world.conditional("POST", target, "\"1\"", R"({"otp":"wrong"})"), 412, "ERROR_PRECONDITION");
    check_error(world.conditional("POST", target, "\"1\"", R"({"otp":"secret"})"), 412, "ERROR_PRECONDITION");
    check_error(world.conditional("POST", target, "garbage", R"({"otp":"secret"})"), 400, "ERROR_REQUEST");
    BOOST_TEST(world.detail(made.id) == detail);
    check_error(world.conditional("POST", target, version, R"({"otp":"wrong"})"), 400, "ERROR_REGISTRATION_CHANGE");
    check_error(world.conditional("POST", target, version, R"({"otp":"secret"})"), 412, "ERROR_PRECONDITION");
    BOOST_TEST(world.conditional("POST", target, world.tag(made.id), R"({"otp":"secret"})").status == 200U);
    BOOST_TEST(world.status(made.id) == "ACTIVE");
    check_error(world.conditional("POST", path(nobodys_id, "/commit"), version, "{}"), 400,
                "ERROR_REGISTRATION_NOT_FOUND");
}

// The one that it is compared with is the present one, also where the swap is lost to somebody else.
BOOST_AUTO_TEST_CASE(a_commit_whose_version_changes_while_its_password_is_checked_is_refused)
{
    mannered_world world;
    const auto made = world.create("alice", {{"otp", "secret"}});
    auto phone = world.phone();
    static_cast<void>(phone.activate(made.qr_data, right_pin, bench::activation_details{}));
    auto req = scratch_world::office_request("POST", path(made.id, "/commit"), R"({"otp":"secret"})");
    req.if_match = world.tag(made.id);
    const auto commit = world.start(handlers::side::office, req);
    world.poll_until_passwords_are_checked();
    const auto renamed =
        world.call_alone(handlers::side::office,
                         scratch_world::office_request("PUT", path(made.id, "/name"), R"({"name":"meanwhile"})"));
    BOOST_TEST_REQUIRE(renamed.status == 200U);
    world.run();
    check_error(commit->done.value(), 412, "ERROR_PRECONDITION");
    BOOST_TEST(world.status(made.id) == "PENDING_COMMIT");
}

BOOST_AUTO_TEST_CASE(a_transfer_is_made_from_the_version_that_was_meant)
{
    mannered_world world;
    BOOST_TEST_REQUIRE(
        world.office("PATCH", "/admin/applications/app", R"({"transfer":{"spawn":true}})", "admin").status == 200U);
    auto parent = enrol(world);
    const auto target = path(parent.id, "/transfer");
    const auto version = world.tag(parent.id);
    static_cast<void>(parent.phone.validate(bench::signature_type::possession_knowledge, wrong_pin));
    check_error(world.conditional("POST", target, version, R"({"type":"SPAWN"})"), 412, "ERROR_PRECONDITION");
    BOOST_TEST(world.detail(parent.id).value("childCount", 0) == 0);
    const auto made = world.conditional("POST", target, world.tag(parent.id), R"({"type":"SPAWN"})");
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);

    // A commit of what was made from another is conditional, too.
    auto second = world.phone();
    static_cast<void>(second.activate(made.body.at("activationQrCodeData").get<std::string>(), right_pin,
                                      bench::activation_details{}));
    const auto child = made.body.at("registrationId").get<std::string>();
    check_error(world.conditional("POST", path(child, "/commit"), "\"1\"", "{}"), 412, "ERROR_PRECONDITION");
    BOOST_TEST(world.status(child) == "PENDING_COMMIT");
    BOOST_TEST(world.conditional("POST", path(child, "/commit"), world.tag(child), "{}").status == 200U);
    BOOST_TEST(world.status(child) == "ACTIVE");
    BOOST_TEST(world.office("PUT", path(parent.id), R"({"change":"BLOCK"})").status == 200U);
    check_error(world.conditional("POST", target, version, R"({"type":"SPAWN"})"), 412, "ERROR_PRECONDITION");
    check_error(world.conditional("POST", target, world.tag(parent.id), R"({"type":"SPAWN"})"), 400,
                "ERROR_REGISTRATION_CHANGE");
}

// Of several that change the same version one does.
BOOST_AUTO_TEST_CASE(of_several_changes_to_one_version_one_is_made)
{
    mannered_world world;
    const auto phone = enrol(world);
    const auto version = world.tag(phone.id);
    constexpr unsigned senders = 6;
    std::vector<answer> answers(senders);
    on_threads(senders, [&](unsigned i) {
        auto req = scratch_world::office_request("PUT", path(phone.id, "/flags"),
                                                 json{{"flags", {"F" + std::to_string(i)}}}.dump());
        req.if_match = version;
        answers[i] = world.call_alone(handlers::side::office, req);
    });
    unsigned done = 0;
    for (const answer& each : answers) {
        done += each.status == 200U ? 1U : 0U;
        BOOST_TEST((each.status == 200U || each.status == 412U), each.text);
    }
    BOOST_TEST(done == 1U);
}

// The version that refuses may be on its way: it is not told of before it is on the disk.
BOOST_AUTO_TEST_CASE(a_failed_condition_waits_for_what_it_tells_of)
{
    mannered_world world;
    const auto phone = enrol(world);
    const auto version = world.tag(phone.id);
    writer_gate gate{world.writer()};
    const auto rename = world.start(handlers::side::office,
                                    scratch_world::office_request("PUT", path(phone.id, "/name"), R"({"name":"n"})"));
    world.poll();
    auto req = scratch_world::office_request("PUT", path(phone.id), R"({"change":"BLOCK"})");
    req.if_match = version;
    const auto block = world.start(handlers::side::office, req);
    world.poll();
    BOOST_TEST(!block->done.has_value());
    gate.open();
    world.run();
    BOOST_TEST(rename->done.value().status == 200U);
    check_error(block->done.value(), 412, "ERROR_PRECONDITION");
}

BOOST_AUTO_TEST_SUITE_END()

// --- pages

BOOST_AUTO_TEST_SUITE(page_numbers)

BOOST_AUTO_TEST_CASE(pages_are_read_by_cursor_or_by_number)
{
    const auto read = [](const handlers::query_parameters& given, std::size_t mistakes = 0) {
        std::vector<handlers::violation> violations;
        const auto out = handlers::decode_page(given, violations);
        BOOST_TEST(violations.size() == mistakes);
        return out;
    };
    BOOST_TEST(read({}).limit == registry::page_rows_default);
    BOOST_TEST(read({}).skip == 0U);
    BOOST_TEST(read({{"pageSize", "20"}}).limit == 20U);
    BOOST_TEST(read({{"pageNumber", "3"}}).skip == 300U);
    BOOST_TEST(read({{"pageNumber", "3"}, {"pageSize", "20"}}).skip == 60U);
    BOOST_TEST(read({{"pageSize", "20"}, {"pageNumber", "3"}}).skip == 60U);
    BOOST_TEST(read({{"pageSize", "1000"}, {"pageNumber", "9"}}).skip == 9'000U);
    static_cast<void>(read({{"pageSize", "1000"}, {"pageNumber", "10"}}, 1)); // beyond what is looked at
    static_cast<void>(read({{"pageNumber", "100"}}, 1));
    static_cast<void>(read({{"pageNumber", "-1"}}, 1));
    static_cast<void>(read({{"pageNumber", "x"}}, 1));
    static_cast<void>(read({{"pageSize", "0"}}, 1));
    static_cast<void>(read({{"pageSize", "1001"}}, 1));
    static_cast<void>(read({{"pageSize", "5"}, {"limit", "5"}}, 1));
    static_cast<void>(read({{"pageNumber", "0"}, {"cursor", handlers::write_cursor(5)}}, 1));
}

BOOST_AUTO_TEST_CASE(page_numbers_walk_through_every_list)
{
    mannered_world world;
    const auto phone = enrol(world);
    for (int i = 0; i < 6; ++i) {
        static_cast<void>(world.create("alice"));
        BOOST_TEST(world.office("PUT", path(phone.id, "/name"), json{{"name", std::to_string(i)}}.dump()).status ==
                   200U);
        BOOST_TEST(
            world
                .office("POST", path(phone.id, "/attempts"),
                        json{{"result", "ERROR"}, {"factors", "POSSESSION"}, {"attemptId", std::to_string(i)}}.dump())
                .status == 200U);
    }
    const std::pair<std::string, const char*> lists[]{
        {"/v2/registrations?userId=alice&", "registrations"},
        {path(phone.id, "/history?"), "items"},
        {path(phone.id, "/attempts?"), "items"},
    };
    for (const auto& [target, member] : lists) {
        BOOST_TEST_CONTEXT(target)
        {
            const auto all = world.office("GET", target + "limit=1000").body.at(member);
            BOOST_TEST(all.size() >= 6U);
            json joined = json::array();
            for (int page = 0; page < 10; ++page) {
                const auto got = world.office("GET", target + "pageSize=4&pageNumber=" + std::to_string(page));
                BOOST_TEST_REQUIRE(got.status == 200U, got.text);
                BOOST_TEST(got.body.contains("nextCursor") == (joined.size() + 4 < all.size()));
                for (const json& each : got.body.at(member))
                    joined.push_back(each);
            }
            BOOST_TEST(joined == all);
        }
    }
}

BOOST_AUTO_TEST_CASE(rows_that_are_not_wanted_are_not_skipped_either)
{
    mannered_world world;
    std::vector<std::string> kept;
    for (int i = 0; i < 6; ++i) {
        const auto made = world.create("alice");
        if (i % 2 == 0)
            BOOST_TEST(world.office("DELETE", path(made.id)).status == 200U);
        else
            kept.insert(kept.begin(), made.id);
    }
    for (std::size_t page = 0; page < 3; ++page) {
        const auto got =
            world.office("GET", "/v2/registrations?userId=alice&pageSize=1&pageNumber=" + std::to_string(page));
        BOOST_TEST_REQUIRE(got.body.at("registrations").size() == 1U);
        BOOST_TEST(got.body.at("registrations")[0].at("registrationId") == kept[page]);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --- names of requests

BOOST_AUTO_TEST_SUITE(traces)

BOOST_AUTO_TEST_CASE(visible_text_is_harmless)
{
    for (const std::string& good : {std::string{"!"}, std::string{"~"}, std::string(128, 'x'), std::string{"a-b_c:d"}})
        BOOST_TEST(handlers::is_visible_text(good, 128), good);
    for (const std::string& bad : {std::string{}, std::string(129, 'x'), std::string{"a b"}, std::string{"a\r\nb"},
                                   std::string{"\x7F"}, std::string{"\xC3\xA9"}, std::string{"a\0", 2}})
        BOOST_TEST(!handlers::is_visible_text(bad, 128), bad);
}

BOOST_AUTO_TEST_CASE(a_traceparent_names_its_trace)
{
    const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const std::string good = "00-" + trace + "-00f067aa0ba902b7-01";
    const auto read = [](const std::string& field) { return std::string{handlers::trace_id(field).value_or("")}; };
    BOOST_TEST(read(good) == trace);
    BOOST_TEST(read("01" + good.substr(2)) == trace);
    BOOST_TEST(read("cc" + good.substr(2) + "-what-the-future-brings") == trace);
    const auto with = [&](std::size_t at, std::string_view text) {
        std::string out = good;
        out.replace(at, text.size(), text);
        return out;
    };
    for (const std::string& bad :
         {std::string{}, std::string{"00"}, good.substr(0, 54), good + "-x", good + "0", with(0, "ff"), with(0, "0g"),
          with(0, "0A"), with(2, "_"), with(3, "4B"), with(3, std::string(32, '0')), with(35, "_"),
          with(36, std::string(16, '0')), with(36, "0g"), with(52, "_"), with(53, "zz"), with(40, " "),
          "01" + good.substr(2) + "x", "01" + good.substr(2) + '-' + std::string(100, 'x')})
        BOOST_TEST(read(bad).empty(), bad);
}

BOOST_AUTO_TEST_CASE(log_lines_name_request_and_trace)
{
    handlers::request req;
    req.request_id = "abc";
    BOOST_TEST(req.log_name() == "abc");
    req.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    BOOST_TEST(req.log_name() == "abc of trace 4bf92f3577b34da6a3ce929d0e0e4736");
}

BOOST_AUTO_TEST_SUITE_END()
