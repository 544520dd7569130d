// Why a registration is in its state (REGISTRATION-API.md R17).

#include "tests/support.hpp"

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::tests;
using type = bench::signature_type;

struct explain_world : scratch_world {
    json explain(const std::string& id, std::string_view who = "office")
    {
        const auto got = office("GET", "/v2/registrations/" + id + "/explain", {}, who);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    void change(const std::string& id, const json& body)
    {
        const auto got = office("PUT", "/v2/registrations/" + id, body.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
};

// Who can make a move; null when it is not among the next ones.
json by(const json& told, const std::string& event)
{
    for (const json& each : told.at("next")) {
        if (each.at("event") == event)
            return each.at("by");
    }
    return nullptr;
}

std::vector<std::string> events(const json& told)
{
    std::vector<std::string> out;
    for (const json& each : told.at("next"))
        out.push_back(each.at("event"));
    return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(explanations, explain_world)

BOOST_AUTO_TEST_CASE(one_that_waits_for_its_phone)
{
    clock.set(1'700'000'000'000);
    const auto made = create("alice", {{"externalUserId", "clerk"}});
    const auto told = explain(made.id);
    BOOST_TEST(told.at("registrationId") == made.id);
    BOOST_TEST(told.at("registrationStatus") == "CREATED");
    BOOST_TEST(told.at("timestampSince") == 1'700'000'000'000);
    BOOST_TEST(told.at("timestampUntil") == 1'700'000'300'000);
    BOOST_TEST(told.at("cause") == json({{"seq", 1},
                                         {"event", "CREATE"},
                                         {"by", "BACK_OFFICE"},
                                         {"account", "office"},
                                         {"externalUserId", "clerk"}}));
    BOOST_TEST(told.at("summary") ==
               "The registration is CREATED since 2023-11-14T22:13:20Z, because it was created by the account office "
               "for clerk. It waits for a phone with its activation code until 2023-11-14T22:18:20Z, and is removed "
               "then.");
    BOOST_TEST(by(told, "EXCHANGE_KEYS") == json({"PHONE"}));
    BOOST_TEST(by(told, "EXCHANGE_KEYS_AND_START").is_null());
    BOOST_TEST(by(told, "EXPIRE") == json({"DOORWARD"}));
    BOOST_TEST(by(told, "REMOVE") == json({"BACK_OFFICE"}));
    BOOST_TEST(by(told, "FAIL_OTP").is_null()); // it has none
    BOOST_TEST(by(told, "CANCEL").is_null());   // nor a parent
    const auto expire =
        std::ranges::find_if(told.at("next"), [](const json& each) { return each["event"] == "EXPIRE"; });
    BOOST_TEST(expire->at("timestamp") == 1'700'000'300'000);
    BOOST_TEST(expire->at("registrationStatus") == "REMOVED");
    BOOST_TEST(by(explain(create("bob", {{"otp", "4711"}, {"commitPhase", "ON_KEY_EXCHANGE"}}).id),
                  "EXCHANGE_KEYS_AND_START") == json({"PHONE"}));
    BOOST_TEST(by(explain(create("bob", {{"otp", "4711"}}).id), "FAIL_OTP") == json({"DOORWARD"}));
}

BOOST_AUTO_TEST_CASE(one_that_waits_for_commit)
{
    const auto made = create();
    auto its_phone = phone();
    static_cast<void>(its_phone.activate(made.qr_data, right_pin));
    const auto told = explain(made.id);
    BOOST_TEST(told.at("cause").at("event") == "EXCHANGE_KEYS");
    BOOST_TEST(told.at("cause").at("by") == "PHONE");
    BOOST_TEST(by(told, "COMMIT") == json({"BACK_OFFICE"}));
    BOOST_TEST(told.contains("timestampUntil"));
    BOOST_TEST(told.at("summary").get<std::string>().find(
                   "because its phone exchanged keys. It waits for a back office") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_that_is_active_and_has_failed_attempts)
{
    auto alice = enrol(*this);
    auto told = explain(alice.id);
    BOOST_TEST(told.at("cause").at("event") == "COMMIT");
    BOOST_TEST(told.at("attempts").empty());
    BOOST_TEST(by(told, "RESET_ATTEMPTS").is_null()); // nothing to reset
    BOOST_TEST(by(told, "BLOCK_ON_FAILURES") == json({"DOORWARD"}));
    BOOST_TEST(by(told, "REMOVE") == json({"BACK_OFFICE", "PHONE"}));
    BOOST_TEST(by(told, "RENAME") == json({"BACK_OFFICE"}));
    BOOST_TEST(!told.contains("timestampUntil"));

    BOOST_TEST(!alice.phone.validate(type::possession_knowledge, wrong_pin));
    BOOST_TEST(alice.phone.validate(type::possession_knowledge, right_pin)); // forgets the first
    BOOST_TEST(!alice.phone.validate(type::possession_knowledge, wrong_pin));
    BOOST_TEST(alice.phone.validate(type::possession)); // resets nothing
    BOOST_TEST(!alice.phone.validate(type::possession_knowledge, wrong_pin));
    told = explain(alice.id);
    BOOST_TEST(told.at("failedAttempts") == 2);
    BOOST_TEST(told.at("remainingAttempts") == 3);
    BOOST_TEST_REQUIRE(told.at("attempts").size() == 3U);
    BOOST_TEST(told.at("attempts").at(0).at("result") == "FAILURE");
    BOOST_TEST(told.at("attempts").at(0).at("failedAttempts") == 2);
    BOOST_TEST(told.at("attempts").at(1).at("counted") == false);
    BOOST_TEST(told.at("attempts").at(2).at("failedAttempts") == 1);
    BOOST_TEST(told.at("attemptsComplete") == true);
    BOOST_TEST(told.at("summary").get<std::string>().ends_with(
        "2 of 5 failed attempts are counted; at the last it is blocked."));
    BOOST_TEST(by(told, "RESET_ATTEMPTS") == json({"BACK_OFFICE"}));
    fold();
    BOOST_TEST(explain(alice.id) == told);
    restart();
    BOOST_TEST(explain(alice.id) == told);
}

BOOST_AUTO_TEST_CASE(one_that_its_phone_has_blocked)
{
    auto alice = enrol(*this, {{"maxFailedAttempts", 2}});
    clock.set(1'700'000'060'000);
    for (int i = 0; i < 2; ++i)
        BOOST_TEST(!alice.phone.validate(type::possession_knowledge, wrong_pin));
    const auto told = explain(alice.id);
    BOOST_TEST(told.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(told.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(told.at("cause").at("event") == "BLOCK_ON_FAILURES");
    BOOST_TEST(told.at("cause").at("by") == "DOORWARD");
    BOOST_TEST(told.at("attempts").size() == 2U);
    BOOST_TEST(told.at("attempts").at(0).at("registrationStatus") == "BLOCKED");
    BOOST_TEST(told.at("summary") == "The registration is BLOCKED since 2023-11-14T22:14:20Z, because its phone failed "
                                     "2 attempts. It stays so until a back office unblocks or removes it.");
    BOOST_TEST(by(told, "UNBLOCK") == json({"BACK_OFFICE"}));
    BOOST_TEST(by(told, "REMOVE") == json({"BACK_OFFICE"}));
    BOOST_TEST(by(told, "BLOCK").is_null());

    change(alice.id, {{"change", "UNBLOCK"}});
    BOOST_TEST(explain(alice.id).at("attempts").empty());
    BOOST_TEST(explain(alice.id).at("cause").at("event") == "UNBLOCK");
}

BOOST_AUTO_TEST_CASE(what_happens_beside_the_state_is_not_its_cause)
{
    const auto alice = enrol(*this);
    change(alice.id, {{"change", "BLOCK"}, {"blockedReason", "LOST"}});
    BOOST_TEST(office("PUT", "/v2/registrations/" + alice.id + "/name", R"({"name":"x"})").status == 200U);
    const auto told = explain(alice.id);
    BOOST_TEST(told.at("cause").at("event") == "BLOCK");
    BOOST_TEST(told.at("cause").at("eventReason") == "LOST");
    BOOST_TEST(told.at("summary").get<std::string>().find("because it was blocked by the account office (LOST).") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_that_is_removed)
{
    const auto alice = enrol(*this);
    BOOST_TEST(office("DELETE", "/v2/registrations/" + alice.id + "?reason=SOLD").status == 200U);
    auto told = explain(alice.id);
    BOOST_TEST(events(told).empty());
    BOOST_TEST(told.at("summary").get<std::string>().ends_with(
        "because it was removed by the account office (SOLD). This is final."));
    const auto late = create();
    clock.advance(registry::registration_expiry_default_ms);
    told = explain(late.id);
    BOOST_TEST(told.at("registrationStatus") == "REMOVED");
    BOOST_TEST(told.at("cause").at("event") == "EXPIRE");
    BOOST_TEST(told.at("summary").get<std::string>().find("because it was not finished in time") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(settings_of_the_application_tell_who_may)
{
    const auto alice = enrol(*this);
    const json settings{{"deviceManagement", true}, {"transfer", {{"spawn", true}}}};
    BOOST_TEST(office("PATCH", "/admin/applications/app", settings.dump(), "admin").status == 200U);
    const auto told = explain(alice.id);
    BOOST_TEST(by(told, "RENAME") == json({"BACK_OFFICE", "PHONE"}));
    BOOST_TEST(by(told, "REMOVE") == json({"BACK_OFFICE", "PHONE", "OTHER_PHONE"}));
    BOOST_TEST(by(told, "SPAWN") == json({"OTHER_PHONE"}));
}

// As many as it tells, and that there were more.
BOOST_AUTO_TEST_CASE(many_attempts_are_not_all_told)
{
    const auto alice = enrol(*this, {{"maxFailedAttempts", 255}});
    json reports = json::array();
    for (std::size_t i = 0; i <= registry::explained_attempts_max; ++i)
        reports.push_back({{"registrationId", alice.id},
                           {"result", "FAILURE"},
                           {"factors", "POSSESSION_KNOWLEDGE"},
                           {"attemptId", std::to_string(i)}});
    BOOST_TEST(office("POST", "/v2/attempts", reports.dump()).status == 200U);
    const auto told = explain(alice.id);
    BOOST_TEST(told.at("attempts").size() == registry::explained_attempts_max);
    BOOST_TEST(told.at("attemptsComplete") == false);
    BOOST_TEST(told.at("failedAttempts") == registry::explained_attempts_max + 1);
}

BOOST_AUTO_TEST_CASE(noise_is_told_as_a_number)
{
    auto alice = enrol(*this);
    const auto request = alice.phone.make_validate_request(type::possession_knowledge, right_pin);
    BOOST_TEST(device(request).status == 200);
    BOOST_TEST(device(request).status == 401); // a replay
    clock.advance(1000);
    sweep();
    BOOST_TEST(!alice.phone.validate(type::possession_knowledge, wrong_pin));
    const auto told = explain(alice.id);
    BOOST_TEST(told.at("noiseCount") == 1);
    BOOST_TEST(told.at("attempts").size() == 1U);
}

BOOST_AUTO_TEST_CASE(nobody_is_told_of_others)
{
    const auto alice = enrol(*this);
    const auto got = office("GET", "/v2/registrations/" + alice.id + "/explain", {}, "stranger");
    BOOST_TEST(got.code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(office("GET", "/v2/registrations/nothing/explain").code() == "ERROR_REGISTRATION_NOT_FOUND");
}

BOOST_AUTO_TEST_SUITE_END()
