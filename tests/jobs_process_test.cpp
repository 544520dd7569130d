// Jobs of a whole server, which is killed in the middle of them: they go on where they were, and nothing is done twice
// or left out (REGISTRATION-API.md R14).

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <thread>

namespace {

using namespace doorward::tests;

constexpr std::size_t registration_count = 400; // some seven steps

// Many at once, so that they share flushes.
std::vector<std::string> create_many(const scene& bank)
{
    constexpr std::size_t threads = 8;
    std::vector<std::vector<std::string>> made(threads);
    {
        std::vector<std::jthread> workers;
        for (std::size_t i = 0; i < threads; ++i)
            workers.emplace_back([&, i] {
                auto office = bank.new_office();
                for (std::size_t j = 0; j < registration_count / threads; ++j)
                    made[i].push_back(
                        office.post("/v2/registrations", {{"userId", "anna"}, {"appId", bank.application_id}})
                            .at("registrationId"));
            });
    }
    std::vector<std::string> out;
    for (const auto& each : made)
        out.insert(out.end(), each.begin(), each.end());
    return out;
}

json job(scene& bank, const std::string& id)
{
    return bank.admin.get("/v2/jobs/" + id);
}

// Asks until the job has done so many, or has ended.
json wait_for(scene& bank, const std::string& id, std::size_t done)
{
    for (;;) {
        auto now = job(bank, id);
        if (now.at("done") >= done || now.at("state") != "RUNNING")
            return now;
    }
}

std::ptrdiff_t count_events(const std::vector<json>& rows, std::string_view event)
{
    return std::ranges::count_if(rows, [&](const json& row) { return row.at("event") == event; });
}

} // namespace

BOOST_AUTO_TEST_SUITE(jobs_process)

BOOST_AUTO_TEST_CASE(a_job_survives_kills_and_does_everything_once)
{
    scene bank;
    const auto all = create_many(bank);
    const json body{{"change", "ADD_FLAGS"},
                    {"flags", {"SEEN"}},
                    {"filter", {{"userIds", {"anna"}}}},
                    {"maxAffected", registration_count}};
    const auto made = bank.admin.ask("POST", "/v2/registrations/bulk", body);
    BOOST_TEST_REQUIRE(made.status == 202, made.body.dump());
    const std::string id = made.body.at("jobId");
    const auto kill_and_restart = [&] {
        bank.server.kill();
        bank.server.start();
    };
    kill_and_restart(); // it was answered, so it is there
    for (std::size_t told = 0;;) {
        const auto now = wait_for(bank, id, told + 1);
        told = now.at("done").get<std::size_t>();
        if (now.at("state") != "RUNNING")
            break;
        kill_and_restart();
        BOOST_TEST(job(bank, id).at("done") >= told); // what was told is on the disk
    }
    const auto ended = job(bank, id);
    BOOST_TEST(ended.at("state") == "DONE");
    BOOST_TEST(ended.at("matched") == registration_count);
    BOOST_TEST(ended.at("done") == registration_count);
    BOOST_TEST(ended.at("failedCount") == 0);
    for (const auto& each : all) {
        BOOST_TEST(bank.office.detail(each).at("flags") == json({"SEEN"}));
        BOOST_TEST(count_events(bank.office.history(each), "CHANGE_FLAGS") == 1);
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(an_erasure_survives_kills)
{
    scene bank;
    const auto all = create_many(bank);
    const auto made = bank.admin.ask("DELETE", "/v2/users/anna?mode=erase");
    BOOST_TEST_REQUIRE(made.status == 202, made.body.dump());
    const std::string id = made.body.at("jobId");
    for (const std::size_t done : {std::size_t{1}, registration_count / 2}) {
        static_cast<void>(wait_for(bank, id, done));
        bank.server.kill();
        bank.server.start();
    }
    while (job(bank, id).at("state") == "RUNNING")
        ;
    BOOST_TEST(job(bank, id).at("done") == registration_count);
    for (const auto& each : all) {
        const auto shown = bank.office.detail(each);
        BOOST_TEST(shown.at("registrationStatus") == "REMOVED");
        BOOST_TEST(shown.at("userId").get<std::string>().starts_with("erased-"));
        BOOST_TEST(count_events(bank.office.history(each), "REMOVE") == 1);
    }
    BOOST_TEST(bank.office.get("/v2/registrations?userId=anna&removed=true").at("registrations").empty());
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
