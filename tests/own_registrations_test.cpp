// What a phone may do about the registrations of its user, asked by the simulated phone.

#include "tests/support.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using type = bench::signature_type;

constexpr type two_factors = type::possession_knowledge;
constexpr const char* rename_path = "/api/registration/rename";
constexpr const char* list_path = "/api/registrations/list";
constexpr const char* remove_path = "/api/registrations/remove";
constexpr const char* pin_path = "/api/registration/pin-changed";
constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

class own_world : public scratch_world {
public:
    explicit own_world(bool allowed = true) { allow(allowed); }

    void allow(bool allowed)
    {
        const auto got =
            office("PATCH", "/admin/applications/app", json{{"deviceManagement", allowed}}.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }

    // A signed request with a body as it is.
    answer ask(bench::device& phone, const std::string& path, const json& object, type with = two_factors,
               std::string_view pin = right_pin)
    {
        return ask_raw(phone, path, json{{"requestObject", object}}.dump(), with, pin);
    }
    answer ask_raw(bench::device& phone, const std::string& path, const std::string& body, type with = two_factors,
                   std::string_view pin = right_pin)
    {
        const auto signed_one = phone.make_signed_request(
            "POST", path, path, body, with,
            with == type::possession || with == type::possession_biometry ? std::string_view{} : pin);
        const auto got = device(signed_one);
        return {static_cast<unsigned>(got.status), got.body, json::parse(got.body, nullptr, false), {}, false};
    }
    // And of an account of the back office.
    [[nodiscard]] int failed_attempts(const std::string& id) { return detail(id).at("failedAttempts").get<int>(); }
};

std::vector<std::string> ids_of(const json& list)
{
    std::vector<std::string> out;
    for (const json& each : list.at("registrations"))
        out.push_back(each.at("registrationId"));
    return out;
}

void check(const answer& got, unsigned status, std::string_view code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code, got.text);
}

} // namespace

// --- for all of them

BOOST_AUTO_TEST_SUITE(own_registrations)

BOOST_AUTO_TEST_CASE(two_factors_are_asked_for_and_wrong_ones_count)
{
    own_world world;
    auto it = enrol(world);
    for (const std::string path : {list_path, remove_path, rename_path, pin_path})
        BOOST_TEST_CONTEXT(path)
        {
            const auto other = enrol(world);
            const json object{{"registrationId", other.id}, {"name", "mine"}}; // each ignores what it does not know
            const bool with_pin = path == pin_path;
            check(world.ask(it.phone, path, object, type::possession), 401, "ERR_AUTHENTICATION");
            BOOST_TEST(world.failed_attempts(it.id) == 0);
            check(world.ask(it.phone, path, object, two_factors, wrong_pin), 401, "ERR_AUTHENTICATION");
            BOOST_TEST(world.failed_attempts(it.id) == 1);
            BOOST_TEST(world.status(other.id) == "ACTIVE");
            for (const auto with : {type::possession_knowledge_biometry, type::possession_biometry, two_factors}) {
                const bool refused = with_pin && with == type::possession_biometry;
                check(world.ask(it.phone, path, object, with), refused ? 401 : 200,
                      refused ? "ERR_AUTHENTICATION" : "");
            }
            BOOST_TEST(world.failed_attempts(it.id) == 0);
        }
}

BOOST_AUTO_TEST_CASE(a_signature_for_another_endpoint_is_refused)
{
    own_world world;
    auto it = enrol(world);
    const auto body = json{{"requestObject", json::object()}}.dump();
    for (const std::string path : {list_path, remove_path, rename_path, pin_path}) {
        const auto signed_elsewhere =
            it.phone.make_signed_request("POST", path, "/pa/signature/validate", body, two_factors, right_pin);
        BOOST_TEST(world.device(signed_elsewhere).status == 401);
    }
    BOOST_TEST(world.device(list_path, body).status == 401U);
    BOOST_TEST(world.device(list_path, body, "PowerAuth nonsense").status == 401U);
    owned_request get;
    get.method = "GET";
    get.target = list_path;
    BOOST_TEST(world.call(handlers::side::device, get).status == 405U);
}

BOOST_AUTO_TEST_CASE(an_application_that_does_not_allow_it_says_so_to_its_phones_only)
{
    own_world world{false};
    auto it = enrol(world);
    const auto other = enrol(world);
    const json object{{"registrationId", other.id}, {"name", "mine"}};
    for (const std::string path : {list_path, remove_path, rename_path}) {
        check(world.ask(it.phone, path, object), 403, "ERROR_FORBIDDEN");
        check(world.ask(it.phone, path, object, two_factors, wrong_pin), 401, "ERR_AUTHENTICATION");
        BOOST_TEST(world.failed_attempts(it.id) == 1);
    }
    BOOST_TEST(world.status(other.id) == "ACTIVE");
    check(world.ask(it.phone, pin_path, json::object()), 200, ""); // about itself it may tell
    world.allow(true);
    check(world.ask(it.phone, list_path, object), 200, "");
}

BOOST_AUTO_TEST_CASE(a_phone_that_is_not_active_is_refused)
{
    own_world world;
    auto it = enrol(world);
    const auto other = enrol(world);
    world.office("PUT", "/v2/registrations/" + it.id, R"({"change":"BLOCK"})");
    for (const std::string path : {list_path, remove_path, pin_path})
        check(world.ask(it.phone, path, {{"registrationId", other.id}}), 401, "ERR_AUTHENTICATION");
    world.office("DELETE", "/v2/registrations/" + it.id);
    for (const std::string path : {list_path, remove_path, pin_path})
        check(world.ask(it.phone, path, {{"registrationId", other.id}}), 401, "ERR_AUTHENTICATION");
    BOOST_TEST(world.status(other.id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(noise_is_slowed_down_here_too)
{
    own_world world;
    auto it = enrol(world);
    BOOST_TEST_REQUIRE(
        world.office("PATCH", "/admin/applications/app", R"({"unproven":{"perMinute":2}})", "admin").status == 200U);
    std::set<unsigned> seen;
    for (int i = 0; i < 5; ++i) {
        auto state = it.phone.state();
        state.activation->device_unlock = crypto::key16{crypto::byte_array<16>{1}}; // not its keys any more
        auto stranger = world.phone(std::move(state));
        seen.insert(world.ask(stranger, list_path, json::object()).status);
    }
    BOOST_TEST((seen == std::set<unsigned>{401, 429}));
    check(world.ask(it.phone, list_path, json::object()), 200, "");
}

// --- POST /api/registration/rename

BOOST_AUTO_TEST_CASE(a_phone_gives_itself_another_name)
{
    own_world world;
    auto it = enrol(world);
    it.phone.rename("Alice\u2019s phone", two_factors, right_pin);
    BOOST_TEST(world.detail(it.id).at("name") == "Alice\u2019s phone");
    const auto rows = world.history(it.id);
    BOOST_TEST(rows.back().at("event") == "RENAME");
    BOOST_TEST(rows.back().at("name") == "Alice\u2019s phone");
    BOOST_TEST(rows.back().at("registrationStatus") == "ACTIVE");
    BOOST_TEST(!rows.back().contains("account"));
    BOOST_TEST(!rows.back().contains("actorRegistrationId"));
    it.phone.rename("Alice\u2019s phone", two_factors, right_pin); // as it is
    BOOST_TEST(world.history(it.id).size() == rows.size());
    world.restart();
    BOOST_TEST(world.detail(it.id).at("name") == "Alice\u2019s phone");
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(bad_names_are_told_once_the_proof_is_right)
{
    own_world world;
    auto it = enrol(world);
    const auto name = world.detail(it.id).at("name");
    for (const json& object : {json::object(), json{{"name", ""}}, json{{"name", 7}},
                               json{{"name", std::string(256, 'x')}}, json{{"name", "a\nb"}}})
        check(world.ask(it.phone, rename_path, object), 400, "ERROR_REQUEST");
    check(world.ask_raw(it.phone, rename_path, "{}"), 400, "ERROR_REQUEST");
    check(world.ask(it.phone, rename_path, {{"name", ""}}, two_factors, wrong_pin), 401, "ERR_AUTHENTICATION");
    BOOST_TEST(world.detail(it.id).at("name") == name);
}

// --- POST /api/registrations/list

BOOST_AUTO_TEST_CASE(the_list_is_of_the_same_user_and_the_same_application)
{
    own_world world;
    auto it = enrol(world);
    const auto second = enrol(world);
    const auto bobs = enrol(world, json::object(), bench::protocol_version::v3_3, "bob");
    const auto elsewhere =
        world.office("POST", "/v2/registrations", json{{"userId", "alice"}, {"appId", "other"}}.dump(), "stranger");
    BOOST_TEST_REQUIRE(elsewhere.status == 200U);
    const auto waiting = world.create();
    const auto removed = enrol(world);
    world.office("DELETE", "/v2/registrations/" + removed.id);

    const auto got = json::parse(it.phone.list_registrations(two_factors, right_pin));
    BOOST_TEST((ids_of(got) == std::vector<std::string>{waiting.id, second.id, it.id}));
    BOOST_TEST(!got.contains("nextCursor"));
    const json& own = got.at("registrations").at(2);
    BOOST_TEST(own.at("own") == true);
    BOOST_TEST(own.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(own.at("name") == "Simulated phone");
    BOOST_TEST(own.at("platform") == "android");
    BOOST_TEST(own.at("timestampLastUsed") == world.detail(it.id).at("timestampLastUsed"));
    BOOST_TEST(got.at("registrations").at(1).at("own") == false);
    // Nothing that would help to take one of them over, and nothing of the business system.
    const std::set<std::string> known{"registrationId",   "registrationStatus", "name", "platform", "deviceInfo",
                                      "timestampCreated", "timestampLastUsed",  "own"};
    for (const json& each : got.at("registrations"))
        for (const auto& [name, value] : each.items())
            BOOST_TEST(known.contains(name), name);
}

BOOST_AUTO_TEST_CASE(the_list_comes_in_pages)
{
    own_world world;
    auto it = enrol(world);
    std::vector<std::string> all{it.id};
    for (int i = 0; i < 4; ++i)
        all.insert(all.begin(), world.create().id);
    std::vector<std::string> paged;
    json object{{"limit", 2}};
    for (;;) {
        const auto got = world.ask(it.phone, list_path, object);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        const json page = got.body.at("responseObject");
        BOOST_TEST(page.at("registrations").size() <= 2U);
        for (const auto& id : ids_of(page))
            paged.push_back(id);
        if (!page.contains("nextCursor"))
            break;
        object["cursor"] = page.at("nextCursor");
    }
    BOOST_TEST(paged == all);
}

BOOST_AUTO_TEST_CASE(bad_wishes_for_a_list_are_told_once_the_proof_is_right)
{
    own_world world;
    auto it = enrol(world);
    for (const json& object :
         {json{{"limit", 0}}, json{{"limit", 1001}}, json{{"limit", "2"}}, json{{"cursor", "x"}}, json{{"cursor", 7}}})
        check(world.ask(it.phone, list_path, object), 400, "ERROR_REQUEST");
    check(world.ask_raw(it.phone, list_path, "nonsense"), 400, "ERROR_REQUEST");
    check(world.ask_raw(it.phone, list_path, "nonsense", two_factors, wrong_pin), 401, "ERR_AUTHENTICATION");
    check(world.ask_raw(it.phone, list_path, "{}"), 200, "");
}

// --- POST /api/registrations/remove

BOOST_AUTO_TEST_CASE(another_registration_is_removed_for_good_and_its_history_says_by_whom)
{
    own_world world;
    auto it = enrol(world);
    auto victim = enrol(world);
    it.phone.remove_registration(victim.id, two_factors, right_pin);
    BOOST_TEST(world.status(victim.id) == "REMOVED");
    BOOST_TEST(!victim.phone.validate(two_factors, right_pin));
    const auto row = world.history(victim.id).back();
    BOOST_TEST(row.at("event") == "REMOVE");
    BOOST_TEST(row.at("eventReason") == "REMOVED_BY_USER");
    BOOST_TEST(row.at("actorRegistrationId") == it.id);
    BOOST_TEST(!row.contains("account"));
    // The second time it is as it was.
    const auto rows = world.history(victim.id).size();
    it.phone.remove_registration(victim.id, two_factors, right_pin);
    BOOST_TEST(world.history(victim.id).size() == rows);
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    world.restart();
    BOOST_TEST(world.status(victim.id) == "REMOVED");
    BOOST_TEST(world.history(victim.id).back() == row);
}

BOOST_AUTO_TEST_CASE(one_in_any_state_can_be_removed)
{
    own_world world;
    auto it = enrol(world);
    const auto created = world.create();
    const auto pending = world.create();
    auto second = world.phone();
    static_cast<void>(second.activate(pending.code, right_pin));
    const auto blocked = enrol(world);
    world.office("PUT", "/v2/registrations/" + blocked.id, R"({"change":"BLOCK"})");
    for (const auto& id : {created.id, pending.id, blocked.id}) {
        it.phone.remove_registration(id, two_factors, right_pin);
        BOOST_TEST(world.status(id) == "REMOVED");
    }
    auto third = world.phone();
    BOOST_CHECK_THROW(static_cast<void>(third.activate(created.code, right_pin)), bench::server_refused);
}

BOOST_AUTO_TEST_CASE(what_is_not_the_users_own_does_not_exist)
{
    own_world world;
    auto it = enrol(world);
    const auto bobs = enrol(world, json::object(), bench::protocol_version::v3_3, "bob");
    const auto elsewhere =
        world.office("POST", "/v2/registrations", json{{"userId", "alice"}, {"appId", "other"}}.dump(), "stranger");
    const std::string other_apps = elsewhere.body.at("registrationId");
    std::set<std::string> answers;
    for (const std::string& id : {std::string{nobodys_id}, std::string{"x"}, bobs.id, other_apps, it.id}) {
        const auto got = world.ask(it.phone, remove_path, {{"registrationId", id}});
        check(got, 400, "ERROR_REGISTRATION_NOT_FOUND");
        answers.insert(got.text);
    }
    BOOST_TEST(answers.size() == 1U);
    BOOST_TEST(world.status(bobs.id) == "ACTIVE");
    BOOST_TEST(world.detail(other_apps).at("registrationStatus") == "CREATED");
    BOOST_TEST(it.phone.validate(two_factors, right_pin)); // itself it removes elsewhere
    check(world.ask(it.phone, remove_path, json::object()), 400, "ERROR_REQUEST");
    check(world.ask_raw(it.phone, remove_path, "{}"), 400, "ERROR_REQUEST");
    check(world.ask_raw(it.phone, remove_path, "[]"), 400, "ERROR_REQUEST");
}

BOOST_AUTO_TEST_CASE(two_phones_that_remove_each_other_at_once_leave_one_story)
{
    own_world world;
    for (int round = 0; round < 10; ++round) {
        enrolled both[]{enrol(world), enrol(world)};
        owned_request calls[2];
        for (int i = 0; i < 2; ++i) {
            const auto req = both[i].phone.make_own_request(
                remove_path, json{{"registrationId", both[1 - i].id}}.dump(), two_factors, right_pin);
            calls[i].method = "POST";
            calls[i].target = req.path;
            calls[i].body = req.body;
            for (const auto& [name, value] : req.headers)
                if (name == "X-PowerAuth-Authorization")
                    calls[i].power_auth_authorization = value;
        }
        unsigned statuses[2]{};
        on_threads(2,
                   [&](unsigned who) { statuses[who] = world.call_alone(handlers::side::device, calls[who]).status; });
        for (int i = 0; i < 2; ++i) {
            // Who was accepted has removed the other one; whose proof came after its own removal has not.
            BOOST_TEST((statuses[i] == 200U || statuses[i] == 401U));
            BOOST_TEST((world.status(both[1 - i].id) == "REMOVED") == (statuses[i] == 200U));
        }
        BOOST_TEST((statuses[0] == 200U || statuses[1] == 200U));
    }
}

// --- POST /api/registration/pin-changed

BOOST_AUTO_TEST_CASE(a_changed_pin_is_a_row_of_history_and_nothing_else)
{
    own_world world{false};
    auto it = enrol(world);
    const auto before = world.detail(it.id);
    it.phone.change_pin(right_pin, "8642");
    it.phone.tell_pin_changed("8642");
    const auto row = world.history(it.id).back();
    BOOST_TEST(row.at("event") == "PIN_CHANGED");
    BOOST_TEST(row.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(row.at("previousStatus") == "ACTIVE");
    BOOST_TEST(!row.contains("eventReason"));
    BOOST_TEST(!row.contains("account"));
    BOOST_TEST(!row.contains("actorRegistrationId"));
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
    BOOST_TEST(world.detail(it.id).at("version") > before.at("version"));
    BOOST_TEST(it.phone.validate(two_factors, "8642"));
    world.restart();
    BOOST_TEST(world.history(it.id).back() == row);
    BOOST_TEST(it.phone.validate(two_factors, "8642"));
    // Told once more is told once more: the server does not know one PIN from another.
    it.phone.tell_pin_changed("8642");
    BOOST_TEST(world.history(it.id).size() == 5U);
}

BOOST_AUTO_TEST_CASE(who_does_not_know_the_new_pin_has_changed_nothing)
{
    own_world world;
    auto it = enrol(world);
    it.phone.change_pin(right_pin, "8642");
    const auto rows = world.history(it.id).size();
    check(world.ask(it.phone, pin_path, json::object(), two_factors, right_pin), 401, "ERR_AUTHENTICATION");
    BOOST_TEST(world.failed_attempts(it.id) == 1);
    BOOST_TEST(world.history(it.id).size() == rows);
}

BOOST_AUTO_TEST_SUITE_END()
