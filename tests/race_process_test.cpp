// Many requests about one registration at the same moment, over real connections: whatever the schedule, what is told
// and what is stored agree (DESIGN.md 5.1).

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace {

using namespace doorward::tests;
using doorward::bench::device;
using doorward::bench::signature_type;

constexpr auto pk = signature_type::possession_knowledge;
constexpr int max_failed = 5;

// A different wrong PIN for each guess, as somebody would try them.
std::string guess(int number)
{
    return std::to_string(100'000 + number);
}

// Guesses that all claim the phone's present counter value, so that each of them would count.
std::vector<http_request> guesses(const scene& bank, const device& phone, int count)
{
    std::vector<http_request> out;
    for (int i = 0; i < count; ++i)
        out.push_back(bank.twin_of(phone).make_validate_request(pk, guess(i)));
    return out;
}

std::vector<http_request> copies(const http_request& what, std::size_t count)
{
    return std::vector<http_request>(count, what);
}

std::size_t count_events(const std::vector<json>& history, std::string_view event)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(history, [&](const json& row) { return row.at("event") == event; }));
}

// Detail, list and history must tell one story: rows in order, each going on where the one before it ended, and the
// last one being what detail and list say.
void check_one_story(scene& bank, const std::string& user, const std::string& id)
{
    const auto detail = bank.office.detail(id);
    const auto history = bank.office.history(id);
    BOOST_TEST_REQUIRE(!history.empty());
    for (std::size_t i = 1; i < history.size(); ++i) {
        BOOST_TEST(history[i - 1].at("version").get<std::uint64_t>() < history[i].at("version").get<std::uint64_t>());
        BOOST_TEST(history[i].at("previousStatus") == history[i - 1].at("registrationStatus"));
    }
    BOOST_TEST(detail.at("registrationStatus") == history.back().at("registrationStatus"));
    BOOST_TEST(detail.at("version").get<std::uint64_t>() >= history.back().at("version").get<std::uint64_t>());
    BOOST_TEST(detail.contains("blockedReason") == (detail.at("registrationStatus") == "BLOCKED"));
    if (detail.contains("blockedReason"))
        BOOST_TEST(detail.at("blockedReason") == history.back().at("eventReason"));
    BOOST_TEST(detail.at("failedAttempts").get<int>() + detail.at("remainingAttempts").get<int>() == max_failed);

    const auto listed = bank.office.get("/v2/registrations?removed=true&userId=" + user).at("registrations");
    const auto row = std::ranges::find_if(listed, [&](const json& each) { return each.at("registrationId") == id; });
    BOOST_TEST_REQUIRE((row != listed.end()));
    BOOST_TEST(*row == detail);
}

} // namespace

BOOST_AUTO_TEST_SUITE(race_process)

BOOST_AUTO_TEST_CASE(fifty_guesses_at_once_leave_five_failed_attempts_and_a_blocked_phone)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto id = phone.activation_id();
    for (std::size_t round = 1; round <= 3; ++round) {
        const auto answers = send_at_once(bank.server.device_url(), guesses(bank, phone, 50));
        BOOST_TEST(count_status(answers, 401) == 50u);
        for (const http_answer& each : answers)
            BOOST_TEST(each.body == answers.front().body); // a guesser does not learn when it was over

        const auto detail = bank.office.detail(id);
        BOOST_TEST(detail.at("failedAttempts") == max_failed);
        BOOST_TEST(detail.at("registrationStatus") == "BLOCKED");
        BOOST_TEST(detail.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
        BOOST_TEST(count_events(bank.office.history(id), "BLOCK_ON_FAILURES") == round);
        check_one_story(bank, "anna", id);
        bank.office.unblock(id);
    }
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

// The office side tells a state that is on disk, never one older than the guess it answers.
BOOST_AUTO_TEST_CASE(what_the_office_is_told_about_guesses_fits_together)
{
    scene bank;
    device phone = bank.enroll("anna");
    std::vector<http_request> asked;
    for (const http_request& each : guesses(bank, phone, 40))
        asked.push_back(bank.office.verify_request(each));
    const auto answers = send_at_once(bank.server.office_url(), asked);
    BOOST_TEST(count_status(answers, 200) == asked.size());
    for (const http_answer& each : answers) {
        const auto verdict = json::parse(each.body);
        BOOST_TEST(verdict.at("signatureValid") == false);
        const int left = verdict.at("remainingAttempts").get<int>();
        BOOST_TEST(left >= 0);
        BOOST_TEST(left < max_failed);
        BOOST_TEST(verdict.at("registrationStatus") == (left == 0 ? "BLOCKED" : "ACTIVE"));
        BOOST_TEST(verdict.contains("blockedReason") == (left == 0));
    }
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == max_failed);
    bank.server.stop();
}

// Guesses at ten counter values around the right proof: some are behind it, some still count after it.
BOOST_AUTO_TEST_CASE(a_right_proof_among_guesses_is_accepted_or_the_phone_is_blocked)
{
    scene bank;
    for (int round = 0; round < 6; ++round) {
        const std::string user = "user-" + std::to_string(round);
        device phone = bank.enroll(user);
        const auto id = phone.activation_id();
        std::vector<http_request> requests;
        device walker = bank.twin_of(phone);
        for (int position = 0; position < 10; ++position) {
            for (const http_request& each : guesses(bank, walker, 5))
                requests.push_back(each);
            auto right = walker.make_validate_request(pk, right_pin);
            if (position == 4)
                requests.insert(requests.begin() + round * 5, std::move(right));
        }
        const auto right_at = static_cast<std::size_t>(round) * 5;
        const auto answers = send_at_once(bank.server.device_url(), requests);
        for (const http_answer& each : answers)
            BOOST_TEST((each.status == 200 || each.status == 401), each.status << ' ' << each.body);

        const auto detail = bank.office.detail(id);
        const int failed = detail.at("failedAttempts").get<int>();
        BOOST_TEST(failed <= max_failed);
        BOOST_TEST((detail.at("registrationStatus") == "BLOCKED") == (failed == max_failed));
        if (answers[right_at].status != 200)
            BOOST_TEST(detail.at("registrationStatus") == "BLOCKED");
        BOOST_TEST(count_status(answers, 200) == (answers[right_at].status == 200 ? 1U : 0U));
        BOOST_TEST(count_events(bank.office.history(id), "BLOCK_ON_FAILURES") == (failed == max_failed ? 1U : 0U));
        check_one_story(bank, user, id);
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(right_proofs_at_once_never_punish_each_other)
{
    scene bank{0};
    device phone = bank.enroll("anna");
    for (int round = 0; round < 5; ++round) {
        std::vector<http_request> requests;
        for (int i = 0; i < 20; ++i) // the look-ahead window, from its first value to its last
            requests.push_back(phone.make_validate_request(pk, right_pin));
        const auto answers = send_at_once(bank.server.device_url(), requests);
        const auto accepted = count_status(answers, 200);
        BOOST_TEST(accepted >= 1u);
        BOOST_TEST(accepted + count_status(answers, 401) == requests.size());
        BOOST_TEST(answers.back().status == 200); // nothing can be ahead of it
        const auto detail = bank.office.detail(phone.activation_id());
        BOOST_TEST(detail.at("failedAttempts") == 0);
        BOOST_TEST(detail.at("registrationStatus") == "ACTIVE");
        // Whatever was accepted is used up, and what was overtaken is lost.
        BOOST_TEST(count_status(send_at_once(bank.server.device_url(), requests), 401) == requests.size());
        BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 0);
    }
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_right_proof_sent_many_times_at_once_is_accepted_once)
{
    scene bank{0};
    device phone = bank.enroll("anna");
    for (const auto type : {pk, signature_type::possession, signature_type::possession_biometry, pk, pk}) {
        const auto right = phone.make_validate_request(type, right_pin);
        const auto answers = send_at_once(bank.server.device_url(), copies(right, 20));
        BOOST_TEST(count_status(answers, 200) == 1u);
        BOOST_TEST(count_status(answers, 401) == 19u);
        BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 0);
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_wrong_proof_sent_many_times_at_once_counts_once)
{
    scene bank;
    device phone = bank.enroll("anna");
    for (int wrong = 1; wrong < max_failed; ++wrong) {
        const auto request = phone.make_validate_request(pk, wrong_pin);
        const auto answers = send_at_once(bank.server.device_url(), copies(request, 20));
        BOOST_TEST(count_status(answers, 401) == 20u);
        BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == wrong);
    }
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(noise_at_once_neither_counts_nor_locks_anybody_out)
{
    scene bank;
    device phone = bank.enroll("anna");
    // Proofs of another phone under this one's id: well formed, and of no factor of ours.
    device stranger = bank.enroll("berta");
    std::vector<http_request> requests;
    for (int i = 0; i < 40; ++i) {
        auto request = bank.twin_of(stranger).make_validate_request(pk, right_pin);
        for (auto& [name, value] : request.headers) {
            if (const auto at = value.find(stranger.activation_id()); at != std::string::npos)
                value.replace(at, stranger.activation_id().size(), phone.activation_id());
        }
        requests.push_back(std::move(request));
    }
    requests.push_back(phone.make_validate_request(pk, right_pin));
    const auto answers = send_at_once(bank.server.device_url(), requests);
    BOOST_TEST(answers.back().status == 200);
    const auto refused = count_status(answers, 401);
    BOOST_TEST(refused >= 30u); // more when the machine is slow: a budget refills
    BOOST_TEST(refused + count_status(answers, 429) == 40u);
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 0);
    BOOST_TEST(bank.office.detail(stranger.activation_id()).at("failedAttempts") == 0);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(of_many_phones_with_one_code_one_is_registered)
{
    scene bank;
    for (int round = 0; round < 4; ++round) {
        const std::string user = "user-" + std::to_string(round);
        const auto made = bank.create_registration(user);
        std::vector<device> phones;
        std::vector<doorward::bench::pending_activation> pending;
        std::vector<http_request> requests;
        for (int i = 0; i < 6; ++i) {
            phones.push_back(bank.new_phone());
            pending.push_back(phones.back().prepare_activation(made.code, right_pin));
            requests.push_back(pending.back().request);
        }
        const auto answers = send_at_once(bank.server.device_url(), requests);
        BOOST_TEST_REQUIRE(count_status(answers, 200) == 1u);
        BOOST_TEST(count_status(answers, 400) == 5u);
        BOOST_TEST(count_events(bank.office.history(made.id), "EXCHANGE_KEYS") == 1u);
        check_one_story(bank, user, made.id);

        const auto winner =
            static_cast<std::size_t>(std::ranges::find(answers, 200, &http_answer::status) - answers.begin());
        const auto fingerprint = phones[winner].finish_activation(std::move(pending[winner]), answers[winner]);
        BOOST_TEST(bank.office.detail(made.id).at("activationFingerprint") == fingerprint);
        bank.office.commit(made.id);
        BOOST_TEST(phones[winner].validate(pk, right_pin));
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(an_activation_sent_many_times_at_once_happens_once)
{
    scene bank;
    const auto made = bank.create_registration("anna");
    device phone = bank.new_phone();
    auto pending = phone.prepare_activation(made.code, right_pin);
    const auto answers = send_at_once(bank.server.device_url(), copies(pending.request, 10));
    BOOST_TEST_REQUIRE(count_status(answers, 200) == 1u);
    BOOST_TEST(count_status(answers, 400) == 9u);
    phone.finish_activation(std::move(pending), *std::ranges::find(answers, 200, &http_answer::status));
    bank.office.commit(made.id);
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_commit_sent_many_times_at_once_happens_once)
{
    scene bank;
    const auto made = bank.create_registration("anna");
    device phone = bank.new_phone();
    phone.activate(made.code, right_pin);
    const http_request commit{
        "POST", "/v2/registrations/" + made.id + "/commit", {{"Authorization", bank.office.credentials()}}, "{}"};
    const auto answers = send_at_once(bank.server.office_url(), copies(commit, 12));
    BOOST_TEST(count_status(answers, 200) == 1u);
    BOOST_TEST(count_status(answers, 400) == 11u);
    BOOST_TEST(count_events(bank.office.history(made.id), "COMMIT") == 1u);
    check_one_story(bank, "anna", made.id);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(wrong_one_time_passwords_at_once_reveal_no_more_than_the_maximum)
{
    scene bank;
    const auto made = bank.create_registration("anna", {{"otp", "otp-4711"}});
    device phone = bank.new_phone();
    phone.activate(made.code, right_pin);
    std::vector<http_request> requests;
    for (int i = 0; i < 30; ++i)
        requests.push_back({"POST",
                            "/v2/registrations/" + made.id + "/commit",
                            {{"Authorization", bank.office.credentials()}},
                            json{{"otp", "otp-" + std::to_string(i)}}.dump()});
    const auto answers = send_at_once(bank.server.office_url(), requests);
    BOOST_TEST(count_status(answers, 400) == requests.size());
    const auto told_wrong = std::ranges::count_if(
        answers, [](const http_answer& each) { return each.body.find("is wrong") != std::string::npos; });
    BOOST_TEST(told_wrong == max_failed);

    const auto detail = bank.office.detail(made.id);
    BOOST_TEST(detail.at("registrationStatus") == "REMOVED");
    BOOST_TEST(detail.at("failedAttempts") == max_failed);
    const auto history = bank.office.history(made.id);
    BOOST_TEST(count_events(history, "FAIL_OTP") == 4u);
    BOOST_TEST(count_events(history, "REMOVE_ON_OTP") == 1u);
    check_one_story(bank, "anna", made.id);
    BOOST_TEST(bank.office.ask("POST", "/v2/registrations/" + made.id + "/commit", json{{"otp", "otp-4711"}}).status ==
               400);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(wrong_one_time_passwords_of_phones_at_once_remove_the_registration)
{
    scene bank;
    const auto made = bank.create_registration("anna", {{"otp", "otp-4711"}, {"otpValidation", "ON_KEY_EXCHANGE"}});
    std::vector<http_request> requests;
    const auto key = bank.new_phone().fetch_temporary_key(doorward::bench::encryption_scope::application);
    for (int i = 0; i < 20; ++i) {
        device phone = bank.new_phone();
        phone.use_temporary_key(doorward::bench::encryption_scope::application, key);
        doorward::bench::activation_details details;
        details.otp = "otp-" + std::to_string(i);
        requests.push_back(phone.prepare_activation(made.code, right_pin, details).request);
    }
    const auto answers = send_at_once(bank.server.device_url(), requests);
    BOOST_TEST(count_status(answers, 400) == requests.size());
    for (const http_answer& each : answers)
        BOOST_TEST(each.body == answers.front().body);
    const auto detail = bank.office.detail(made.id);
    BOOST_TEST(detail.at("registrationStatus") == "REMOVED");
    BOOST_TEST(detail.at("failedAttempts") == max_failed);
    check_one_story(bank, "anna", made.id);
    bank.server.stop();
}

// Everything at once: proofs on both sides, block, unblock, and in every third round the removal.
BOOST_AUTO_TEST_CASE(operators_and_phones_at_once_end_in_one_story)
{
    scene bank;
    std::set<std::string> ends;
    for (int round = 0; round < 12; ++round) {
        const std::string user = "user-" + std::to_string(round);
        device phone = bank.enroll(user);
        const auto id = phone.activation_id();
        const std::string path = "/v2/registrations/" + id;
        const doorward::bench::header_list who{{"Authorization", bank.office.credentials()}};

        std::vector<addressed_request> requests;
        device walker = bank.twin_of(phone);
        for (int i = 0; i < 4; ++i) {
            requests.push_back({bank.server.device_url(), bank.twin_of(walker).make_validate_request(pk, guess(i))});
            requests.push_back({bank.server.device_url(), walker.make_validate_request(pk, right_pin)});
            requests.push_back(
                {bank.server.office_url(),
                 bank.office.verify_request(bank.twin_of(walker).make_validate_request(pk, guess(100 + i)))});
            requests.push_back({bank.server.office_url(), {"PUT", path, who, R"({"change":"BLOCK"})"}});
            requests.push_back({bank.server.office_url(), {"PUT", path, who, R"({"change":"UNBLOCK"})"}});
        }
        if (round % 3 == 0) {
            requests.push_back({bank.server.office_url(), {"DELETE", path, who, ""}});
            requests.push_back({bank.server.device_url(), walker.make_remove_request(pk, right_pin)});
        }
        std::rotate(requests.begin(), requests.begin() + round % static_cast<int>(requests.size()), requests.end());
        const auto answers = send_at_once(requests);
        for (std::size_t i = 0; i < answers.size(); ++i) {
            const int status = answers[i].status;
            BOOST_TEST((status == 200 || status == 400 || status == 401),
                       requests[i].request.path << " answered " << status << ' ' << answers[i].body);
        }
        check_one_story(bank, user, id);
        const auto detail = bank.office.detail(id);
        if (round % 3 == 0)
            BOOST_TEST(detail.at("registrationStatus") == "REMOVED");
        ends.insert(id);
    }
    // What is in memory is what is on disk.
    std::map<std::string, json> before;
    for (const std::string& id : ends)
        before[id] = bank.office.detail(id);
    bank.server.restart();
    for (const std::string& id : ends)
        BOOST_TEST(bank.office.detail(id) == before[id]);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(both_ways_to_have_a_proof_judged_share_one_count_and_one_counter)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto id = phone.activation_id();
    const auto half_and_half = [&](const std::vector<http_request>& proofs) {
        std::vector<addressed_request> out;
        for (std::size_t i = 0; i < proofs.size(); ++i) {
            if (i % 2 == 0)
                out.push_back({bank.server.device_url(), proofs[i]});
            else
                out.push_back({bank.server.office_url(), bank.office.verify_request(proofs[i])});
        }
        return out;
    };
    const auto accepted = [](const std::vector<http_answer>& answers) {
        return std::ranges::count_if(answers, [](const http_answer& each) {
            const auto body = json::parse(each.body);
            return each.status == 200 && (!body.contains("signatureValid") || body.at("signatureValid") == true);
        });
    };

    for (int round = 0; round < 5; ++round) {
        const auto right = phone.make_validate_request(pk, right_pin);
        BOOST_TEST(accepted(send_at_once(half_and_half(copies(right, 20)))) == 1);
        BOOST_TEST(bank.office.detail(id).at("failedAttempts") == 0);
    }
    const auto wrong = phone.make_validate_request(pk, wrong_pin);
    BOOST_TEST(accepted(send_at_once(half_and_half(copies(wrong, 20)))) == 0);
    BOOST_TEST(bank.office.detail(id).at("failedAttempts") == 1);

    BOOST_TEST(accepted(send_at_once(half_and_half(guesses(bank, phone, 50)))) == 0);
    BOOST_TEST(bank.office.detail(id).at("failedAttempts") == max_failed);
    BOOST_TEST(bank.office.detail(id).at("registrationStatus") == "BLOCKED");
    check_one_story(bank, "anna", id);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(an_application_and_an_account_made_many_times_at_once_are_made_once)
{
    scene bank;
    const doorward::bench::header_list who{{"Authorization", bank.admin.credentials()}};
    auto answers =
        send_at_once(bank.server.office_url(), copies({"POST", "/admin/applications", who, R"({"id":"shop"})"}, 10));
    BOOST_TEST(count_status(answers, 200) == 1u);
    BOOST_TEST(count_status(answers, 409) == 9u);
    answers =
        send_at_once(bank.server.office_url(), copies({"POST", "/admin/users", who, R"({"username":"clerk"})"}, 10));
    BOOST_TEST(count_status(answers, 200) == 1u);
    BOOST_TEST(count_status(answers, 409) == 9u);
    // The password that was told is the one that works.
    const auto told = json::parse(std::ranges::find(answers, 200, &http_answer::status)->body);
    office_client clerk{bank.server, "clerk", told.at("password").get<std::string>()};
    BOOST_TEST(clerk.ask("GET", "/v2/registrations?userId=anna").status == 200);
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
