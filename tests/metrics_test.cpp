// GET /metrics, GET /v2/stats/live and GET /health: what is counted, for whom, and when a server says no.

#include "handlers/exposition.hpp"
#include "handlers/fold.hpp"
#include "handlers/meters.hpp"
#include "tests/support.hpp"

#include <sstream>
#include <thread>

namespace {

using namespace doorward;
using namespace doorward::tests;

constexpr std::array<std::uint64_t, 3> small_bounds{10, 20, 40};

// Samples of an exposition by their names and labels, as they are written.
using samples = std::map<std::string, std::string>;

samples samples_in(const std::string& text)
{
    samples out;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#'))
            continue;
        const auto space = line.rfind(' ');
        BOOST_TEST_REQUIRE(space != std::string::npos, line);
        BOOST_TEST(out.emplace(line.substr(0, space), line.substr(space + 1)).second, line); // nothing twice
    }
    return out;
}

struct metered_world : scratch_world {
    metered_world() { create_account("prometheus", registry::role::metrics, {"app"}); }

    samples metrics(std::string_view who = "prometheus")
    {
        const auto got = office("GET", "/metrics", {}, who);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return samples_in(got.text);
    }
    static std::string attempts(const std::string& outcome)
    {
        return "doorward_attempts_total{outcome=\"" + outcome + "\"}";
    }
    // Two right PINs, five wrong ones, one more proof of a blocked phone, one of a stranger.
    void make_attempts()
    {
        auto right = enrol(*this);
        for (int i = 0; i < 2; ++i)
            BOOST_TEST(right.phone.validate(bench::signature_type::possession_knowledge, right_pin));
        auto wrong = enrol(*this);
        for (unsigned i = 0; i < registry::max_failed_attempts_default; ++i)
            BOOST_TEST(!wrong.phone.validate(bench::signature_type::possession_knowledge, wrong_pin));
        BOOST_TEST(!wrong.phone.validate(bench::signature_type::possession_knowledge, right_pin));
        BOOST_TEST(device("/pa/v3/signature/validate", "{}", "PowerAuth nonsense").status == 401U);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(meters)

BOOST_AUTO_TEST_CASE(a_counter_loses_nothing_that_threads_count_at_once)
{
    kv::counter counted;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kv::meter_stripes + 3; ++i) // some share a cell
        threads.emplace_back([&counted] {
            for (int n = 0; n < 1000; ++n)
                counted.add();
        });
    for (auto& each : threads)
        each.join();
    counted.add(7);
    BOOST_TEST(counted.total() == (kv::meter_stripes + 3) * 1000 + 7);
}

BOOST_AUTO_TEST_CASE(a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed)
{
    kv::histogram times{small_bounds};
    for (const std::uint64_t value : {0U, 10U, 11U, 20U, 40U, 41U, 1000U})
        times.observe(value);
    const auto read = times.read();
    BOOST_TEST((read.counts == std::vector<std::uint64_t>{2, 2, 1, 2}));
    BOOST_TEST(read.sum == 1122U);
    BOOST_TEST(read.count() == 7U);
}

BOOST_AUTO_TEST_CASE(a_quantile_lies_within_its_bucket)
{
    kv::histogram times{small_bounds};
    BOOST_TEST(times.quantile(times.read(), 0.5) == 0.0);
    for (int i = 0; i < 10; ++i)
        times.observe(15);
    BOOST_TEST(times.quantile(times.read(), 0.5) == 15.0);
    BOOST_TEST(times.quantile(times.read(), 1.0) == 20.0);
    for (int i = 0; i < 30; ++i)
        times.observe(1);
    BOOST_TEST(times.quantile(times.read(), 0.75) == 10.0);
    for (int i = 0; i < 1000; ++i)
        times.observe(100'000);
    BOOST_TEST(times.quantile(times.read(), 0.99) == 40.0); // beyond the last bound nothing is known
}

BOOST_AUTO_TEST_CASE(recent_quantiles_forget_what_is_older_than_their_window)
{
    kv::histogram times{kv::duration_bounds_ns};
    handlers::recent_quantiles recent;
    registry::time_ms now = 1'000'000;
    for (int i = 0; i < 100; ++i)
        times.observe(400'000'000);
    BOOST_TEST(recent.of(times, now).p50_ms > 100.0); // all there is
    for (int i = 0; i < 100; ++i)
        times.observe(200'000);
    now += 5000;
    auto read = recent.of(times, now);
    BOOST_TEST(read.count == 200U);
    BOOST_TEST(read.p99_ms < 1.0); // since it was asked last
    now += handlers::recent_quantiles::window_ms;
    read = recent.of(times, now); // the reading at 5 s is old enough by now
    BOOST_TEST(read.count == 200U);
    BOOST_TEST(read.p99_ms == 0.0);
}

BOOST_AUTO_TEST_CASE(an_exposition_is_what_the_format_says)
{
    kv::histogram sizes{small_bounds};
    for (const std::uint64_t value : {5U, 15U, 100U})
        sizes.observe(value);
    handlers::exposition out;
    out.single("a_total", handlers::exposition::type::counter, "Some.", std::uint64_t{3});
    out.family("b", handlers::exposition::type::gauge, "Others.")
        .sample(0.25, handlers::label("of", "a \"quoted\" \\ name\nof two lines"));
    out.family("c_seconds", handlers::exposition::type::histogram, "Sizes.").samples(sizes, 10, "k=\"v\"");
    BOOST_TEST(out.text() == R"(# HELP a_total Some.
# TYPE a_total counter
a_total 3
# HELP b Others.
# TYPE b gauge
b{of="a \"quoted\" \\ name\nof two lines"} 0.25
# HELP c_seconds Sizes.
# TYPE c_seconds histogram
c_seconds_bucket{k="v",le="1"} 1
c_seconds_bucket{k="v",le="2"} 2
c_seconds_bucket{k="v",le="4"} 2
c_seconds_bucket{k="v",le="+Inf"} 3
c_seconds_sum{k="v"} 12
c_seconds_count{k="v"} 3
)");
}

BOOST_AUTO_TEST_CASE(answers_are_counted_by_side_and_class)
{
    handlers::meters counts;
    using handlers::side;
    for (const unsigned status : {200U, 204U, 401U, 429U, 503U, 0U, 999U})
        counts.count_answer(side::office, status, std::chrono::milliseconds{1});
    counts.count_answer(side::device, 401, std::chrono::milliseconds{1});
    const auto& office = counts.sides[1];
    BOOST_TEST(office.answers[1].total() == 2U);
    BOOST_TEST(office.answers[3].total() == 2U);
    BOOST_TEST(office.answers[4].total() == 2U); // and what is no status
    BOOST_TEST(office.answers[0].total() == 1U);
    BOOST_TEST(office.throttled.total() == 1U);
    BOOST_TEST(office.took.read().count() == 7U);
    BOOST_TEST(counts.wrong_credentials.total() == 1U); // phones show none
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(metrics, metered_world)

BOOST_AUTO_TEST_CASE(attempts_are_counted_by_what_they_were_told)
{
    const auto before = metrics();
    for (const char* outcome : {"accepted", "refused", "blocked", "noise"})
        BOOST_TEST(before.at(attempts(outcome)) == "0", outcome);
    make_attempts();
    const auto after = metrics();
    BOOST_TEST(after.at(attempts("accepted")) == "2");
    BOOST_TEST(after.at(attempts("refused")) == "5");
    BOOST_TEST(after.at(attempts("blocked")) == "1");
    BOOST_TEST(after.at(attempts("noise")) == "1");
    BOOST_TEST(after.at("doorward_lockouts_total") == "1");
    BOOST_TEST(after.at("doorward_verdict_seconds_count") == "8");
    BOOST_TEST(after.at("doorward_slots") == "2");
}

BOOST_AUTO_TEST_CASE(reported_attempts_count_once)
{
    auto it = enrol(*this);
    const auto before = metrics();
    const auto report = json{{"result", "FAILURE"}, {"factors", "POSSESSION_KNOWLEDGE"}, {"attemptId", "1"}};
    for (int i = 0; i < 2; ++i)
        BOOST_TEST(office("POST", "/v2/registrations/" + it.id + "/attempts", report.dump()).status == 200U);
    const auto after = metrics();
    BOOST_TEST(std::stoi(after.at(attempts("refused"))) == std::stoi(before.at(attempts("refused"))) + 1);
}

BOOST_AUTO_TEST_CASE(the_fold_and_the_writer_are_told)
{
    make_attempts();
    const auto before = metrics();
    BOOST_TEST(before.at("doorward_journal_lag_rows") == "7");
    BOOST_TEST(before.at("doorward_journal_unfolded_registrations") == "2");
    BOOST_TEST(before.at("doorward_store_rows{table=\"journal\"}") == "7");
    BOOST_TEST(before.at("doorward_store_rows{table=\"registrations\"}") == "2");
    BOOST_TEST(std::stoul(before.at("doorward_store_pages{table=\"registrations\"}")) >= 1U);
    while (services().journal.used().rows_in_front > 0)
        static_cast<void>(finish(handlers::fold(services())));
    const auto after = metrics();
    BOOST_TEST(after.at("doorward_journal_lag_rows") == "0");
    BOOST_TEST(after.at("doorward_folded_registrations_total") == "2");
    BOOST_TEST(std::stoul(after.at("doorward_commit_seconds_count")) >
               std::stoul(before.at("doorward_commit_seconds_count")));
    BOOST_TEST(after.at("doorward_commit_seconds_count") == after.at("doorward_commit_changes_count"));
    BOOST_TEST(after.at("doorward_changes_waiting") == "0");
    BOOST_TEST(after.at("doorward_connections{side=\"device\"}") == "7");
    BOOST_TEST(after.at("doorward_connections_max{side=\"office\"}") == "10");
    const auto last = office("GET", "/v2/events?limit=1000", {}, "admin").body.at("events").size();
    BOOST_TEST(after.at("doorward_events_total") == std::to_string(last));
}

BOOST_AUTO_TEST_CASE(an_account_sees_the_numbers_of_its_applications)
{
    const auto mine = metrics();
    BOOST_TEST(mine.contains("doorward_breakers_open{application=\"app\"}"));
    BOOST_TEST(!mine.contains("doorward_breakers_open{application=\"other\"}"));
    BOOST_TEST(metrics("admin").contains("doorward_breakers_open{application=\"other\"}"));
    BOOST_TEST(office("GET", "/metrics", {}, "office").status == 403U);
    BOOST_TEST(office("GET", "/metrics", {}, "").status == 401U);
}

BOOST_AUTO_TEST_CASE(a_webhook_that_is_behind_says_how_far)
{
    const auto made =
        office("POST", "/admin/applications/app/callbacks",
               R"({"name":"hook","type":"REGISTRATION_STATUS_CHANGE","callbackUrl":"http://127.0.0.1:9/in"})");
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    const auto labels = "{application=\"app\",webhook=\"" + made.body.at("id").get<std::string>() + "\"}";
    provider.answer(500, "");
    static_cast<void>(create());
    static_cast<void>(create("bob"));
    send_webhooks();
    auto told = metrics();
    BOOST_TEST(told.at("doorward_webhook_lag_events" + labels) == "2");
    BOOST_TEST(told.at("doorward_webhook_failing" + labels) == "0");
    BOOST_TEST(told.at("doorward_webhook_deliveries_total{outcome=\"failed\"}") == "2");
    provider.answer(200, "");
    clock.advance(3600 * 1000);
    send_webhooks();
    told = metrics();
    BOOST_TEST(told.at("doorward_webhook_lag_events" + labels) == "0");
    BOOST_TEST(told.at("doorward_webhook_deliveries_total{outcome=\"delivered\"}") == "2");
    static_cast<void>(create("carol")); // nobody has looked at it yet
    BOOST_TEST(metrics().at("doorward_webhook_lag_events" + labels) == "1");
}

BOOST_AUTO_TEST_CASE(what_happens_now_is_told_as_totals)
{
    make_attempts();
    const auto got = office("GET", "/v2/stats/live", {}, "prometheus");
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    const json& told = got.body;
    BOOST_TEST((told.at("attempts") == json{{"accepted", 2}, {"refused", 5}, {"blocked", 1}, {"noise", 1}}));
    BOOST_TEST(told.at("lockouts") == 1);
    BOOST_TEST(told.at("verdicts").at("count") == 8);
    BOOST_TEST(told.at("verdicts").at("p99Ms") >= told.at("verdicts").at("p50Ms"));
    BOOST_TEST(told.at("commits").at("count") > 0);
    BOOST_TEST((told.at("connections") == json{{"device", 7}, {"office", 2}}));
    BOOST_TEST(told.at("journalLag") == 7);
    BOOST_TEST(told.at("slots") == 2);
    BOOST_TEST(told.at("openBreakers") == 0);
    BOOST_TEST(told.at("asOf") == clock.now());
    BOOST_TEST(office("GET", "/v2/stats/live", {}, "office").status == 403U);
}

BOOST_AUTO_TEST_CASE(a_server_that_drains_is_alive_and_not_ready)
{
    draining = true;
    for (const char* target : {"/health", "/health/ready"}) {
        const auto got = office("GET", target, {}, "");
        BOOST_TEST(got.status == 503U);
        BOOST_TEST(got.header("Retry-After") == "1");
        BOOST_TEST((got.body == json{{"status", "OUT_OF_SERVICE"}, {"reasons", {"DRAINING"}}}));
    }
    BOOST_TEST(office("GET", "/health/live", {}, "").status == 200U);
}

BOOST_AUTO_TEST_CASE(a_writer_says_whether_it_is_at_a_batch)
{
    BOOST_TEST(writer().busy_for().count() == 0);
    {
        writer_gate gate{writer()};
        BOOST_TEST(writer().busy_for().count() > 0);
    }
    BOOST_TEST(office("GET", "/v2/registrations?userId=alice").status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()
