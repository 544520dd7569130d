// Applications that are removed, and the configuration of their versions.

#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;

void check_error(const answer& got, unsigned status, std::string_view code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code, got.text);
}

struct removing_world : scratch_world {
    answer remove(const std::string& id = "app") { return admin("DELETE", "/admin/applications/" + id); }
    answer admin(std::string_view method, const std::string& target, std::string_view body = {})
    {
        return office(method, target, body, "admin");
    }
    std::size_t rows(kv::table of) const
    {
        return env().view([of](const kv::read_txn& txn) { return txn.row_count(of); });
    }
    void remove_registration(const std::string& id)
    {
        const auto gone = office("DELETE", "/v2/registrations/" + id, {}, "admin");
        BOOST_TEST_REQUIRE(gone.status == 200U, gone.text);
    }
};

registry::create_registration new_registration(const std::string& application, registry::time_ms now)
{
    registry::create_registration out;
    out.record.id = registry::uuid::random();
    out.record.application_id = application;
    out.record.user_id = "alice";
    out.record.activation_code = out.record.id.text();
    out.record.max_failed_attempts = 5;
    out.record.created_at = now;
    out.record.expires_at = now + 1000;
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(remove_application)

BOOST_AUTO_TEST_CASE(an_application_without_registrations_goes_with_all_that_is_its_own)
{
    removing_world world;
    const auto phones_key = world.application().key();
    BOOST_TEST(world.admin("POST", "/admin/applications/app/versions").status == 200U);
    BOOST_TEST(world.office("PUT", "/v2/users/alice/claims", R"({"name":"Alice"})").status == 200U);
    const auto gone = world.remove();
    BOOST_TEST(gone.status == 200U, gone.text);
    BOOST_TEST(gone.body == json({{"status", "OK"}}));
    BOOST_TEST(world.rows(registry::tables::applications) == 1U);
    BOOST_TEST(world.rows(registry::tables::versions) == 1U);
    BOOST_TEST(world.rows(registry::tables::claims) == 0U);
    BOOST_TEST(!world.services().directory.find_version(phones_key));
    check_error(world.admin("GET", "/admin/applications/app"), 400, "ERROR_REQUEST");
    check_error(world.remove(), 400, "ERROR_REQUEST");
    BOOST_TEST(world.admin("GET", "/admin/users/office").body.at("applications") == json::array());
    BOOST_TEST(world.admin("GET", "/admin/users/stranger").body.at("applications") == json({"other"}));
    check_error(world.office("POST", "/v2/registrations", R"({"userId":"alice","appId":"app"})"), 400, "ERROR_REQUEST");
    world.restart();
    BOOST_TEST(world.admin("GET", "/admin/applications").body.at("applications").size() == 1U);
}

BOOST_AUTO_TEST_CASE(one_that_is_in_use_stays)
{
    removing_world world;
    const auto phone = enrol(world);
    const auto waiting = world.create("bob");
    const auto refused = world.remove();
    check_error(refused, 409, "ERROR_CONFLICT");
    BOOST_TEST((refused.message().find("not removed") != std::string::npos));
    world.remove_registration(phone.id);
    check_error(world.remove(), 409, "ERROR_CONFLICT");
    BOOST_TEST(world.office("PUT", "/v2/users/alice/claims", R"({"name":"Alice"})").status == 200U);
    check_error(world.remove(), 409, "ERROR_CONFLICT");
    BOOST_TEST(world.rows(registry::tables::claims) == 1U); // nothing is gone that was not to go
    world.remove_registration(waiting.id);
    BOOST_TEST(world.remove().status == 200U);
    // What others have is no obstacle.
    removing_world two;
    const auto others = two.admin("POST", "/v2/registrations", R"({"userId":"alice","appId":"other"})");
    BOOST_TEST(others.status == 200U);
    BOOST_TEST(two.remove().status == 200U);
    check_error(two.remove("other"), 409, "ERROR_CONFLICT");
}

BOOST_AUTO_TEST_CASE(blocked_ones_are_in_use_too)
{
    removing_world world;
    const auto phone = enrol(world);
    BOOST_TEST(world.office("PUT", "/v2/registrations/" + phone.id, R"({"change":"BLOCK"})").status == 200U);
    check_error(world.remove(), 409, "ERROR_CONFLICT");
}

// Everything that asks for the application of a registration finds none.
BOOST_AUTO_TEST_CASE(what_was_registered_keeps_its_history)
{
    removing_world world;
    auto phone = enrol(world);
    world.remove_registration(phone.id);
    BOOST_TEST(world.remove().status == 200U);
    const std::string path = "/v2/registrations/" + phone.id;
    for (const auto& [method, rest, body] :
         std::vector<std::tuple<const char*, std::string, const char*>>{{"GET", "", ""},
                                                                        {"GET", "/history", ""},
                                                                        {"GET", "/attempts", ""},
                                                                        {"GET", "/flags", ""},
                                                                        {"GET", "/lockout", ""},
                                                                        {"GET", "/children", ""},
                                                                        {"DELETE", "", ""}})
        BOOST_TEST(world.admin(method, path + rest, body).status == 200U, method << ' ' << rest);
    for (const auto& [method, rest, body] : std::vector<std::tuple<const char*, std::string, const char*>>{
             {"PUT", "", R"({"change":"BLOCK"})"},
             {"PUT", "", R"({"change":"UNBLOCK"})"},
             {"POST", "/commit", "{}"},
             {"POST", "/transfer", R"({"type":"SPAWN"})"},
             {"POST", "/flags", R"({"flags":["A"]})"},
             {"PUT", "/name", R"({"name":"n"})"},
             {"PUT", "/otp", R"({"otp":"a password of twenty"})"},
             {"PUT", "/lockout", R"({"reset":true})"}})
        check_error(world.admin(method, path + rest, body), 400, "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.office("GET", path).code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(world.admin("GET", "/v2/registrations?userId=alice&removed=true").body.at("registrations").size() == 1U);
    BOOST_TEST(world.device(phone.phone.prepare_status().request).status == 200);
}

BOOST_AUTO_TEST_CASE(the_id_is_free_again_for_another_application)
{
    removing_world world;
    const auto before = world.application().key();
    BOOST_TEST(world.remove().status == 200U);
    BOOST_TEST(world.admin("POST", "/admin/applications", R"({"id":"app"})").status == 200U);
    BOOST_TEST(world.application().key() != before);
    BOOST_TEST(world.office("POST", "/v2/registrations", R"({"userId":"alice","appId":"app"})").status == 400U);
    BOOST_TEST(world.admin("POST", "/admin/users/office/applications/app").status == 200U);
    BOOST_TEST(world.office("POST", "/v2/registrations", R"({"userId":"alice","appId":"app"})").status == 200U);
}

// A registration that is made after the last look at them: the writer looks at those behind it.
BOOST_AUTO_TEST_CASE(one_that_comes_meanwhile_is_not_overlooked)
{
    removing_world world;
    BOOST_TEST(!world.commit(new_registration("other", world.clock.now())));
    const auto looked_at = world.env().view([](const kv::read_txn& txn) {
        return registry::find_application_use(txn, "app", 0, registry::remove_application_look_rows);
    });
    BOOST_TEST(!looked_at.in_use);
    BOOST_TEST(looked_at.looked_at == 1U);
    BOOST_TEST(!looked_at.more);
    BOOST_TEST(!world.commit(new_registration("app", world.clock.now())));
    BOOST_TEST(
        (world.commit(registry::remove_application{"app", looked_at.looked_at}) == registry::errc::application_in_use));
    BOOST_TEST(!world.commit(registry::remove_application{"app", 2})); // had it been looked at and found removed
    // The other way round: it was removed, and somebody who had seen it comes late.
    BOOST_TEST((world.commit(new_registration("app", world.clock.now())) == registry::errc::unknown_application));
    BOOST_TEST((world.commit(registry::set_claims{"app", "alice", registry::stored_claims{}}) ==
                registry::errc::unknown_application));
    BOOST_TEST((world.commit(registry::remove_application{"app", 2}) == registry::errc::unknown_application));
}

BOOST_AUTO_TEST_CASE(registrations_are_looked_at_in_steps)
{
    removing_world world;
    for (int i = 0; i < 7; ++i)
        BOOST_TEST(!world.commit(new_registration("other", world.clock.now())));
    BOOST_TEST(!world.commit(new_registration("app", world.clock.now())));
    const auto look = [&](registry::registration_number behind) {
        return world.env().view(
            [&](const kv::read_txn& txn) { return registry::find_application_use(txn, "app", behind, 3); });
    };
    auto step = look(0);
    BOOST_TEST((step.looked_at == 3U && step.more && !step.in_use));
    step = look(3);
    BOOST_TEST((step.looked_at == 6U && step.more && !step.in_use));
    step = look(6);
    BOOST_TEST((step.looked_at == 8U && step.in_use));
    step = look(8);
    BOOST_TEST((step.looked_at == 8U && !step.more && !step.in_use));
}

BOOST_AUTO_TEST_CASE(claims_are_erased_in_steps_and_before_the_application)
{
    removing_world world;
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(!world.commit(registry::set_claims{"app", "user-" + std::to_string(i), registry::stored_claims{}}));
    BOOST_TEST(!world.commit(registry::set_claims{"other", "user", registry::stored_claims{}}));
    BOOST_TEST((world.commit(registry::remove_application{"app"}) == registry::errc::changed_meanwhile));
    registry::erase_claims some{"app", 3};
    BOOST_TEST(!kv::blocking_commit(world.writer(), some));
    BOOST_TEST(some.erased == 3U);
    BOOST_TEST(!kv::blocking_commit(world.writer(), some));
    BOOST_TEST(some.erased == 2U);
    BOOST_TEST(!world.commit(registry::remove_application{"app"}));
    BOOST_TEST(world.rows(registry::tables::claims) == 1U);
}

BOOST_AUTO_TEST_CASE(each_version_has_its_configuration)
{
    removing_world world;
    const auto made = world.admin("POST", "/admin/applications/app/versions");
    BOOST_TEST_REQUIRE(made.status == 200U);
    const auto listed = world.admin("GET", "/admin/applications/app").body.at("versions");
    BOOST_TEST(listed.size() == 2U);
    const auto escaped = [](std::string key) {
        std::string out;
        for (const char c : key)
            out += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
        return out;
    };
    for (const json& each : listed) {
        const std::string key = each.at("appKey");
        const auto shown = world.admin("GET", "/admin/applications/app/versions/" + escaped(key) + "/sdk-config");
        BOOST_TEST(shown.status == 200U, shown.text);
        BOOST_TEST(shown.body == json({{"mobileSdkConfig", each.at("mobileSdkConfig")}}));
        const auto read = bench::application::from_sdk_config(shown.body.at("mobileSdkConfig").get<std::string>());
        BOOST_TEST(read.key() == key);
        check_error(world.admin("GET", "/admin/applications/other/versions/" + escaped(key) + "/sdk-config"), 400,
                    "ERROR_REQUEST");
        check_error(world.admin("GET", "/admin/applications/nope/versions/" + escaped(key) + "/sdk-config"), 400,
                    "ERROR_REQUEST");
    }
    check_error(world.admin("GET", "/admin/applications/app/versions/x/sdk-config"), 400, "ERROR_REQUEST");
}

BOOST_AUTO_TEST_SUITE_END()
