// GET /v2/stats: what is counted, for whom, how often, and in what steps.

#include "handlers/slots.hpp"
#include "handlers/statistics.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;

struct counted_world : scratch_world {
    counted_world()
    {
        create_account("auditor", registry::role::auditor, {"app"});
        create_account("prometheus", registry::role::metrics, {"app", "other"});
        create_account("nobody", registry::role::metrics, {});
    }

    json stats(std::string_view who = "admin")
    {
        const auto got = office("GET", "/v2/stats", {}, who);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    void ask(std::string_view method, const std::string& target, const std::string& body,
             std::string_view who = "office")
    {
        const auto got = office(method, target, body, who);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
    void lock_out(enrolled& it)
    {
        for (unsigned i = 0; i < registry::max_failed_attempts_default; ++i)
            static_cast<void>(it.phone.validate(bench::signature_type::possession_knowledge, wrong_pin));
        BOOST_TEST_REQUIRE(status(it.id) == "BLOCKED");
    }
    static json of(const json& stats, const std::string& application)
    {
        for (const json& each : stats.at("applications")) {
            if (each.at("applicationId") == application)
                return each;
        }
        return nullptr;
    }
};

json states(int created, int pending, int active, int blocked, int removed)
{
    return {{"CREATED", created},
            {"PENDING_COMMIT", pending},
            {"ACTIVE", active},
            {"BLOCKED", blocked},
            {"REMOVED", removed}};
}

int sum(const json& hours)
{
    int out = 0;
    for (const json& each : hours)
        out += each.get<int>();
    return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(statistics, counted_world)

BOOST_AUTO_TEST_CASE(an_empty_server_tells_noughts)
{
    const auto got = stats();
    BOOST_TEST(got.at("asOf") == clock.now());
    BOOST_TEST(got.at("registrations").at("total") == 0);
    BOOST_TEST(got.at("registrations").at("byStatus") == states(0, 0, 0, 0, 0));
    BOOST_TEST(got.at("registrations").at("byPlatform") == json::object());
    BOOST_TEST(got.at("registrations").at("monthlyActive") == 0);
    BOOST_TEST(got.at("lockoutsPerHour").size() == 24U);
    BOOST_TEST(sum(got.at("lockoutsPerHour")) == 0);
    BOOST_TEST_REQUIRE(got.at("applications").size() == 2U);
    BOOST_TEST(got.at("applications")[0].at("applicationId") == "app");
    BOOST_TEST(got.at("applications")[0].at("breakers").empty());
}

BOOST_AUTO_TEST_CASE(registrations_are_counted_by_state_platform_and_application)
{
    create("alice", {{"timestampRegistrationExpire", clock.now() + 3'600'000}});
    auto waiting = phone();
    static_cast<void>(
        waiting.activate(create("bob", {{"timestampRegistrationExpire", clock.now() + 3'600'000}}).qr_data, right_pin));
    const auto used = enrol(*this);
    const auto blocked = enrol(*this);
    const auto removed = enrol(*this);
    ask("PUT", "/v2/registrations/" + blocked.id, R"({"change":"BLOCK"})");
    ask("DELETE", "/v2/registrations/" + removed.id, "");
    ask("POST", "/v2/registrations",
        json{{"userId", "eve"}, {"appId", "other"}, {"timestampRegistrationExpire", clock.now() + 3'600'000}}.dump(),
        "stranger");
    auto used_phone = used.phone;
    BOOST_TEST(used_phone.validate(bench::signature_type::possession_knowledge, right_pin));

    const auto all = stats();
    const auto ours = of(all, "app").at("registrations");
    BOOST_TEST(ours.at("total") == 5);
    BOOST_TEST(ours.at("byStatus") == states(1, 1, 1, 1, 1));
    BOOST_TEST(ours.at("monthlyActive") == 1);
    int with_a_phone = 0;
    for (const auto& [platform, count] : ours.at("byPlatform").items())
        with_a_phone += count.get<int>();
    BOOST_TEST(with_a_phone == 3); // what waits for one and what is removed have none
    BOOST_TEST(of(all, "other").at("registrations").at("byStatus") == states(1, 0, 0, 0, 0));
    BOOST_TEST(all.at("registrations").at("total") == 6);
    BOOST_TEST(all.at("registrations").at("byStatus") == states(2, 1, 1, 1, 1));

    // What is not used for a month is not active any more.
    clock.advance(registry::monthly_ms + 1000);
    BOOST_TEST(stats().at("registrations").at("monthlyActive") == 0);
}

BOOST_AUTO_TEST_CASE(others_are_not_counted)
{
    static_cast<void>(create());
    ask("POST", "/v2/registrations", R"({"userId":"eve","appId":"other"})", "stranger");
    const auto audited = stats("auditor");
    BOOST_TEST(audited.at("registrations").at("total") == 1);
    BOOST_TEST_REQUIRE(audited.at("applications").size() == 1U);
    BOOST_TEST(audited.at("applications")[0].at("applicationId") == "app");
    BOOST_TEST(stats("prometheus").at("registrations").at("total") == 2);
    const auto nothing = stats("nobody");
    BOOST_TEST(nothing.at("registrations").at("total") == 0);
    BOOST_TEST(nothing.at("applications").empty());
    BOOST_TEST(office("GET", "/v2/stats").status == 403U); // INTEGRATION
}

BOOST_AUTO_TEST_CASE(lockouts_are_counted_by_the_hour_for_a_day)
{
    constexpr registry::time_ms hour = 3'600'000;
    clock.set((clock.now() / hour) * hour + hour / 2);
    auto first = enrol(*this);
    auto second = enrol(*this, json::object(), bench::protocol_version::v3_3, "bob");
    lock_out(first);
    auto hours = stats().at("lockoutsPerHour");
    BOOST_TEST(hours.back() == 1);
    BOOST_TEST(sum(hours) == 1);
    ask("PUT", "/v2/registrations/" + second.id, R"({"change":"BLOCK"})"); // by an operator: none
    ask("PUT", "/v2/registrations/" + second.id, R"({"change":"UNBLOCK"})");
    clock.advance(2 * hour);
    lock_out(second);
    hours = stats().at("lockoutsPerHour");
    BOOST_TEST(hours[21] == 1);
    BOOST_TEST(hours[23] == 1);
    BOOST_TEST(sum(hours) == 2);
    BOOST_TEST(of(stats(), "app").at("lockoutsPerHour") == hours);
    BOOST_TEST(sum(of(stats(), "other").at("lockoutsPerHour")) == 0);
    // The same after a restart, from what is on the disk.
    restart();
    BOOST_TEST(stats().at("lockoutsPerHour") == hours);
    clock.advance(22 * hour);
    BOOST_TEST(sum(stats().at("lockoutsPerHour")) == 1);
    clock.advance(2 * hour);
    BOOST_TEST(sum(stats().at("lockoutsPerHour")) == 0);
}

BOOST_AUTO_TEST_CASE(what_was_counted_is_told_for_a_minute)
{
    const auto first = stats();
    static_cast<void>(create());
    clock.advance(registry::statistics_life_ms - 1);
    BOOST_TEST(stats() == first);
    clock.advance(1);
    const auto second = stats();
    BOOST_TEST(second.at("asOf") == clock.now());
    BOOST_TEST(second.at("registrations").at("total") == 1);
}

BOOST_AUTO_TEST_CASE(while_one_counts_others_are_told_what_was_known_or_to_come_again)
{
    {
        const auto counting = services().stats.enter();
        BOOST_TEST_REQUIRE(counting.has_value());
        const auto early = office("GET", "/v2/stats", {}, "admin");
        BOOST_TEST(early.status == 503U);
        BOOST_TEST(early.code() == "ERROR_OVERLOADED");
        BOOST_TEST(early.header("Retry-After") == "1");
    }
    const auto first = stats();
    clock.advance(registry::statistics_life_ms);
    {
        const auto counting = services().stats.enter();
        BOOST_TEST(stats() == first);
    }
    BOOST_TEST(stats().at("asOf") == clock.now());
}

BOOST_AUTO_TEST_CASE(breakers_that_are_open_are_told)
{
    const registry::breaker_settings by{2, 10, 300'000, 600'000};
    static_cast<void>(services().breaker.count("app", "a key", by, clock.now()));
    static_cast<void>(services().breaker.count("app", "a key", by, clock.now()));
    static_cast<void>(services().breaker.count("app", "", by, clock.now()));
    static_cast<void>(services().breaker.count("app", "", by, clock.now()));
    const auto until = clock.now() + 600'000;
    BOOST_TEST(
        (of(stats(), "app").at("breakers") ==
         json::array({{{"lockouts", 2}, {"usualLockouts", 0}, {"timestampUntil", until}},
                      {{"appKey", "a key"}, {"lockouts", 2}, {"usualLockouts", 0}, {"timestampUntil", until}}})));
    BOOST_TEST(of(stats(), "other").at("breakers").empty());
    clock.set(until); // told as they are, however old the rest is
    BOOST_TEST(of(stats(), "app").at("breakers").empty());
}

BOOST_AUTO_TEST_CASE(applications_that_are_gone_are_counted_for_admins)
{
    const auto made = office("POST", "/v2/registrations", R"({"userId":"eve","appId":"other"})", "stranger");
    ask("DELETE", "/v2/registrations/" + made.body.at("registrationId").get<std::string>(), "", "stranger");
    ask("DELETE", "/admin/applications/other", "", "admin");
    BOOST_TEST(of(stats(), "other").at("registrations").at("byStatus") == states(0, 0, 0, 0, 1));
    BOOST_TEST(of(stats("auditor"), "other").is_null());
}

// However many rows a step looks at, the sum is the same.
BOOST_AUTO_TEST_CASE(a_count_in_steps_is_the_whole_count)
{
    for (int i = 0; i < 7; ++i)
        static_cast<void>(create("user" + std::to_string(i)));
    auto phone_of = enrol(*this);
    lock_out(phone_of);
    const auto counted = [&](std::size_t rows) {
        registry::census census{clock.now()};
        std::size_t steps = 0;
        for (bool more = true; more; ++steps) {
            more =
                services().journal.view([&](const registry::snapshot& txn) { return census.step(txn, rows) == rows; });
        }
        BOOST_TEST(steps == 8 / rows + 1);
        return census.so_far();
    };
    const auto whole = counted(1000);
    BOOST_TEST(whole.at("app").by_state[0] == 7U);
    BOOST_TEST(whole.at("app").by_state[3] == 1U);
    for (const std::size_t rows : {1U, 2U, 3U, 8U})
        BOOST_TEST((counted(rows) == whole));

    const auto lockouts = [&](std::size_t rows) {
        registry::lockout_meter meter;
        while (services().journal.view(
                   [&](const registry::snapshot& txn) { return meter.step(txn, clock.now(), rows); }) == rows)
            ;
        return meter.at(clock.now());
    };
    BOOST_TEST(lockouts(1000).at("app").back() == 1U);
    for (const std::size_t rows : {1U, 2U, 3U})
        BOOST_TEST((lockouts(rows) == lockouts(1000)));
}

BOOST_AUTO_TEST_CASE(phones_cannot_make_the_list_of_platforms_longer_than_it_may_be)
{
    registry::full_registration one;
    one.attempts.word = registry::attempt_word::first().moved(registry::state::active, 0);
    registry::application_numbers numbers;
    for (const char* each : {"iOS", "ios", "IOS", ""}) {
        one.record.platform = each;
        numbers.count(one, clock.now());
    }
    BOOST_TEST(numbers.by_platform.at("ios") == 3U);
    BOOST_TEST(numbers.by_platform.at("unknown") == 1U);
    for (int i = 0; i < 100; ++i) {
        one.record.platform = "p" + std::to_string(i);
        numbers.count(one, clock.now());
    }
    BOOST_TEST(numbers.by_platform.size() == registry::statistics_platforms_max + 1);
    BOOST_TEST(numbers.by_platform.at("other") == 100U - (registry::statistics_platforms_max - 2));
    auto sum_of_two = numbers;
    sum_of_two += numbers;
    BOOST_TEST(sum_of_two.by_platform.size() == registry::statistics_platforms_max + 1);
    BOOST_TEST(sum_of_two.by_platform.at("other") == 2 * numbers.by_platform.at("other"));
}

BOOST_AUTO_TEST_SUITE_END()
