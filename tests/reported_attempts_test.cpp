// Attempts at the office side: reported by business systems (once, however often they are sent), listed, and forgotten
// on request.

#include "kv/blocking_commit.hpp"
#include "registry/changes.hpp"
#include "tests/support.hpp"

#include <atomic>
#include <thread>

namespace {

using namespace doorward;
using namespace doorward::tests;

struct attempts_world : scratch_world {
    enrolled phone = enrol(*this);

    static json report(const std::string& attempt_id, const std::string& result = "FAILURE", const json& more = {})
    {
        json out{{"result", result}, {"factors", "POSSESSION_KNOWLEDGE"}, {"attemptId", attempt_id}};
        if (!more.is_null())
            out.update(more);
        return out;
    }
    answer send(const json& body, std::string_view who = "office")
    {
        return office("POST", path("attempts"), body.dump(), who);
    }
    json told(const json& body)
    {
        const auto got = send(body);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    [[nodiscard]] std::string path(const std::string& what) const
    {
        return "/v2/registrations/" + phone.id + '/' + what;
    }
    std::vector<json> listed(const std::string& query = {})
    {
        const auto got = office("GET", path("attempts") + query);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body.at("items");
    }
    std::size_t history_rows() { return history(phone.id).size(); }
};

void check_verdict(const json& got, bool counted, const std::string& status, int remaining)
{
    BOOST_TEST(got.at("counted") == counted);
    BOOST_TEST(got.at("registrationStatus") == status);
    BOOST_TEST(got.at("remainingAttempts") == remaining);
    BOOST_TEST(got.at("attemptSeq").get<std::uint64_t>() > 0U);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(reported_attempts, attempts_world)

BOOST_AUTO_TEST_CASE(failures_count_up_to_the_limit_and_block)
{
    for (int i = 1; i < 5; ++i)
        check_verdict(told(report("f" + std::to_string(i))), true, "ACTIVE", 5 - i);
    const auto rows = history_rows();
    const auto last = told(report("f5"));
    check_verdict(last, true, "BLOCKED", 0);
    BOOST_TEST(last.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(history_rows() == rows + 1);
    check_verdict(told(report("f6")), false, "BLOCKED", 0);
    check_verdict(told(report("s1", "SUCCESS")), false, "BLOCKED", 0);
    BOOST_TEST(history_rows() == rows + 1);
}

BOOST_AUTO_TEST_CASE(a_success_resets_unless_it_was_possession_alone)
{
    told(report("f1"));
    told(report("f2"));
    check_verdict(told(report("s1", "SUCCESS", {{"factors", "POSSESSION"}})), false, "ACTIVE", 3);
    check_verdict(told(report("s2", "SUCCESS")), true, "ACTIVE", 5);
}

BOOST_AUTO_TEST_CASE(what_proves_nothing_does_not_count)
{
    check_verdict(told(report("a", "FAILURE", {{"possessionProven", false}})), false, "ACTIVE", 5);
    check_verdict(told(report("b", "FAILURE", {{"factors", "POSSESSION"}})), false, "ACTIVE", 5);
    check_verdict(told(report("c", "REPLAY")), false, "ACTIVE", 5);
    check_verdict(told(report("d", "ERROR")), false, "ACTIVE", 5);
    BOOST_TEST(listed().size() == 4U);
}

BOOST_AUTO_TEST_CASE(the_same_report_again_changes_nothing_and_tells_the_same)
{
    const auto first = told(report("once"));
    told(report("another"));
    BOOST_TEST(told(report("once")) == first);
    BOOST_TEST(told(report("once", "SUCCESS")) == first); // the id names the attempt
    BOOST_TEST(listed().size() == 2U);
    restart();
    BOOST_TEST(told(report("once")) == first);
    fold();
    BOOST_TEST(told(report("once")) == first);
    BOOST_TEST(detail(phone.id).at("failedAttempts") == 2);
}

BOOST_AUTO_TEST_CASE(one_id_may_stand_for_attempts_on_two_registrations)
{
    const auto other = enrol(*this);
    told(report("same"));
    const auto got = office("POST", "/v2/registrations/" + other.id + "/attempts", report("same").dump());
    BOOST_TEST_REQUIRE(got.status == 200U);
    check_verdict(got.body, true, "ACTIVE", 4);
}

BOOST_AUTO_TEST_CASE(parallel_copies_of_one_report_count_once)
{
    std::atomic<int> wrong{0};
    for (int round = 0; round < 10; ++round) {
        const std::string body = report("r" + std::to_string(round), round % 2 == 0 ? "FAILURE" : "SUCCESS").dump();
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                if (call_alone(handlers::side::office, office_request("POST", path("attempts"), body)).status != 200U)
                    ++wrong;
            });
        for (std::thread& each : threads)
            each.join();
        BOOST_TEST(detail(phone.id).at("failedAttempts") == (round % 2 == 0 ? 1 : 0));
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(listed().size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_report_and_a_proof_share_one_count)
{
    told(report("f1"));
    const auto wrong = phone.phone.make_validate_request(bench::signature_type::possession_knowledge, wrong_pin);
    BOOST_TEST(device(wrong).status == 401);
    check_verdict(told(report("f2")), true, "ACTIVE", 2);
    const auto right = phone.phone.make_validate_request(bench::signature_type::possession_knowledge, right_pin);
    BOOST_TEST(device(right).status == 200);
    check_verdict(told(report("f3")), true, "ACTIVE", 4);
    const auto rows = listed();
    BOOST_TEST_REQUIRE(rows.size() == 5U);
    BOOST_TEST(rows[1].at("result") == "SUCCESS");
    BOOST_TEST(rows[3].at("result") == "FAILURE");
    BOOST_TEST(!rows[3].contains("attemptId"));
}

BOOST_AUTO_TEST_CASE(many_at_once_have_each_their_verdict)
{
    const auto other = enrol(*this);
    json batch = json::array();
    const auto add = [&](const std::string& id, const json& body) {
        batch.push_back(body);
        batch.back()["registrationId"] = id;
    };
    for (int i = 0; i < 6; ++i)
        add(phone.id, report("b" + std::to_string(i)));
    add(other.id, report("b0"));
    add("4c1fd4f0-0000-4000-8000-000000000000", report("b0"));
    add(phone.id, report("b1"));
    const auto before = writer().batches();
    const auto got = office("POST", "/v2/attempts", batch.dump());
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(writer().batches() == before + 1);
    BOOST_TEST_REQUIRE(got.body.size() == 9U);
    check_verdict(got.body[0], true, "ACTIVE", 4);
    check_verdict(got.body[4], true, "BLOCKED", 0);
    check_verdict(got.body[5], false, "BLOCKED", 0);
    check_verdict(got.body[6], true, "ACTIVE", 4);
    BOOST_TEST(got.body[7].at("code") == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(got.body[8] == got.body[1]);
    BOOST_TEST(got.body[6].at("attemptId") == "b0");
    BOOST_TEST(got.body[6].at("registrationId") == other.id);
    // All of it again: the verdicts of the first time.
    BOOST_TEST(office("POST", "/v2/attempts", batch.dump()).body[0] == got.body[0]);
    BOOST_TEST(listed().size() == 6U);
}

BOOST_AUTO_TEST_CASE(two_batches_with_the_same_ids_in_other_orders_do_not_wait_for_each_other)
{
    const auto other = enrol(*this);
    for (int round = 0; round < 5; ++round) {
        json forth = json::array();
        for (const auto& id : {phone.id, other.id}) {
            forth.push_back(report("r" + std::to_string(round), "SUCCESS"));
            forth.back()["registrationId"] = id;
        }
        const json back{forth[1], forth[0]};
        std::thread one{[&] {
            static_cast<void>(call_alone(handlers::side::office, office_request("POST", "/v2/attempts", forth.dump())));
        }};
        static_cast<void>(call_alone(handlers::side::office, office_request("POST", "/v2/attempts", back.dump())));
        one.join();
    }
    BOOST_TEST(listed().size() == 5U);
}

BOOST_AUTO_TEST_CASE(bad_reports_are_refused_by_field)
{
    const auto violated = [&](const json& body) { return send(body).violated(); };
    BOOST_TEST(violated(json::object()).size() == 3U);
    BOOST_TEST(violated(report("a", "MAYBE")) == std::vector<std::string>{"result"});
    BOOST_TEST(violated(report("a", "FAILURE", {{"factors", "NONE"}})).size() == 1U);
    BOOST_TEST(violated(report(std::string(65, 'x'))).size() == 1U);
    BOOST_TEST(violated(report("a", "FAILURE", {{"clientIp", "nowhere"}})).size() == 1U);
    BOOST_TEST(violated(report("a", "FAILURE", {{"clientIp", std::string{"192.0.2.7\0x", 11}}})).size() == 1U);
    BOOST_TEST(violated(report("a", "FAILURE", {{"possessionProven", "yes"}})).size() == 1U);
    BOOST_TEST(violated(report("a", "FAILURE", {{"timestamp", -1}})).size() == 1U);
    BOOST_TEST(office("POST", "/v2/attempts", "[]").violated().size() == 1U);
    BOOST_TEST(office("POST", "/v2/attempts", "[1]").violated() == std::vector<std::string>{"[0]"});
    BOOST_TEST(office("POST", "/v2/attempts", json::array({report("a")}).dump()).violated() ==
               std::vector<std::string>{"[0].registrationId"});
    BOOST_TEST(listed().empty());
}

BOOST_AUTO_TEST_CASE(a_stranger_reports_nothing)
{
    const auto got = send(report("a"), "stranger");
    BOOST_TEST(got.status == 400U);
    json mine = report("a");
    mine["registrationId"] = phone.id;
    const auto batch = office("POST", "/v2/attempts", json::array({mine}).dump(), "stranger");
    BOOST_TEST(batch.body[0].at("code") == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(listed().empty());
}

BOOST_AUTO_TEST_CASE(the_list_is_newest_first_in_pages_and_says_what_was_reported)
{
    for (int i = 0; i < 5; ++i) {
        clock.advance(1000);
        told(report("p" + std::to_string(i), i % 2 == 0 ? "FAILURE" : "SUCCESS",
                    {{"channel", "OFFLINE"}, {"clientIp", "192.0.2.7"}, {"appVersion", "1.2"}, {"uriId", "/pay"}}));
    }
    const auto all = listed();
    BOOST_TEST_REQUIRE(all.size() == 5U);
    BOOST_TEST(all[0].at("attemptId") == "p4");
    BOOST_TEST(all[0].at("result") == "FAILURE");
    BOOST_TEST(all[0].at("factors") == "POSSESSION_KNOWLEDGE");
    BOOST_TEST(all[0].at("clientIp") == "192.0.2.7");
    BOOST_TEST(all[0].at("channel") == "OFFLINE");
    BOOST_TEST(all[0].at("appVersion") == "1.2");
    BOOST_TEST(all[0].at("uriId") == "/pay");
    BOOST_TEST(all[0].at("failedAttempts") == 1);

    std::vector<json> paged;
    std::string cursor;
    do {
        const auto page = office("GET", path("attempts") + "?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
        BOOST_TEST_REQUIRE(page.status == 200U);
        for (const json& each : page.body.at("items"))
            paged.push_back(each);
        cursor = page.body.value("nextCursor", "");
        fold();
    } while (!cursor.empty());
    BOOST_TEST(paged == all);
    const auto since = std::to_string(all[1].at("timestampCreated").get<std::int64_t>());
    BOOST_TEST(listed("?timestampFrom=" + since).size() == 2U);
    BOOST_TEST(listed("?timestampTo=" + since).size() == 4U);
    BOOST_TEST(office("GET", path("attempts"), {}, "stranger").status == 400U);
}

BOOST_AUTO_TEST_CASE(proofs_are_listed_and_noise_in_one_row)
{
    owned_request noise;
    noise.method = "POST";
    noise.target = "/pa/v3/signature/validate";
    noise.body = "{}";
    noise.power_auth_authorization =
        bench::authorization_header(bench::rules_of(bench::protocol_version::v3_3), phone.id, application().key(),
                                    "AAAAAAAAAAAAAAAAAAAAAA==", bench::signature_type::possession_knowledge,
                                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    noise.source = registry::source_address::from_v4({192, 0, 2, 9});
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(call(handlers::side::device, noise).status == 401U);
    BOOST_TEST(listed().empty());
    sweep();
    const auto rows = listed();
    BOOST_TEST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0].at("result") == "NOISE");
    BOOST_TEST(rows[0].at("count") == 3);
    BOOST_TEST(rows[0].at("counted") == false);
    BOOST_TEST(rows[0].at("clientIp") == "192.0.2.9");
    BOOST_TEST(detail(phone.id).at("failedAttempts") == 0);
    fold();
    restart();
    BOOST_TEST(listed() == rows);
}

BOOST_AUTO_TEST_CASE(rows_go_when_their_retention_is_over_and_ids_with_them)
{
    told(report("old"));
    fold();
    clock.advance(registry::attempt_retention_ms + 1);
    told(report("new"));
    sweep();
    const auto rows = listed();
    BOOST_TEST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0].at("attemptId") == "new");
    check_verdict(told(report("old")), true, "ACTIVE", 2); // another attempt by now
}

BOOST_AUTO_TEST_CASE(rows_that_are_not_folded_stay_whatever_their_age)
{
    told(report("old"));
    clock.advance(registry::attempt_retention_ms + 1);
    sweep();
    restart();
    BOOST_TEST(detail(phone.id).at("failedAttempts") == 1);
    BOOST_TEST(listed().size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_lockout_is_told_and_reset_without_unblocking)
{
    for (int i = 0; i < 3; ++i)
        told(report("f" + std::to_string(i)));
    const auto shown = office("GET", path("lockout"));
    BOOST_TEST_REQUIRE(shown.status == 200U, shown.text);
    BOOST_TEST(shown.body.at("failedAttempts") == 3);
    BOOST_TEST(shown.body.at("remainingAttempts") == 2);
    BOOST_TEST(shown.body.at("maxFailedAttempts") == 5);
    BOOST_TEST(shown.body.at("timestampLastFailure").get<std::int64_t>() == clock.now());

    const auto reset = office("PUT", path("lockout"), R"({"reset":true,"externalUserId":"carol"})");
    BOOST_TEST_REQUIRE(reset.status == 200U, reset.text);
    BOOST_TEST(reset.body.at("failedAttempts") == 0);
    BOOST_TEST(reset.body.at("registrationStatus") == "ACTIVE");
    const auto rows = history(phone.id);
    BOOST_TEST(rows.back().at("event") == "RESET_ATTEMPTS");
    BOOST_TEST(rows.back().at("externalUserId") == "carol");
    BOOST_TEST(office("PUT", path("lockout"), R"({"reset":true})").status == 200U);
    BOOST_TEST(history_rows() == rows.size()); // nothing to reset, nothing recorded
}

BOOST_AUTO_TEST_CASE(a_reset_leaves_a_blocked_registration_blocked_and_keeps_the_reason)
{
    for (int i = 0; i < 5; ++i)
        told(report("f" + std::to_string(i)));
    const auto reset = office("PUT", path("lockout"), R"({"reset":true})");
    BOOST_TEST_REQUIRE(reset.status == 200U, reset.text);
    BOOST_TEST(reset.body.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(reset.body.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(reset.body.at("failedAttempts") == 0);
    check_verdict(told(report("f9")), false, "BLOCKED", 5);
    restart();
    BOOST_TEST(office("GET", path("lockout")).body == reset.body);
}

BOOST_AUTO_TEST_CASE(a_reset_is_refused_where_there_is_nothing_to_reset)
{
    BOOST_TEST(office("PUT", path("lockout"), "{}").violated() == std::vector<std::string>{"reset"});
    BOOST_TEST(office("PUT", path("lockout"), R"({"reset":false})").status == 400U);
    BOOST_TEST(office("GET", path("lockout"), {}, "stranger").status == 400U);
    BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + phone.id).status == 200U);
    const auto got = office("PUT", path("lockout"), R"({"reset":true})");
    BOOST_TEST(got.status == 400U);
    BOOST_TEST(got.body.at("responseObject").at("code") == "ERROR_REGISTRATION_CHANGE");
}

BOOST_AUTO_TEST_SUITE_END()
