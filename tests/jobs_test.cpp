// Changes of many registrations as jobs (REGISTRATION-API.md R14, R15).

#include "handlers/slots.hpp"
#include "registry/job_changes.hpp"
#include "registry/store.hpp"
#include "tests/support.hpp"

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace tables = registry::tables;

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

struct jobs_world : scratch_world {
    answer bulk(const json& body, std::string_view who = "admin")
    {
        return office("POST", "/v2/registrations/bulk", body.dump(), who);
    }
    // The id of a job that is accepted.
    std::string start_bulk(const json& body)
    {
        const auto got = bulk(body);
        BOOST_TEST_REQUIRE(got.status == 202U, got.text);
        return got.body.at("jobId");
    }
    json job(const std::string& id, std::string_view who = "admin")
    {
        const auto got = office("GET", "/v2/jobs/" + id, {}, who);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    std::size_t rows(kv::table of)
    {
        return env().view([&](const kv::read_txn& txn) { return txn.row_count(of); });
    }
    std::vector<std::string> create_many(std::size_t count, const std::string& user = "alice")
    {
        std::vector<std::string> out;
        for (std::size_t i = 0; i < count; ++i)
            out.push_back(create(user).id);
        return out;
    }
    std::size_t rows_of_history(const std::string& id, std::string_view event)
    {
        const auto all = history(id);
        return static_cast<std::size_t>(
            std::ranges::count_if(all, [&](const json& row) { return row.at("event") == event; }));
    }
};

json numbers(int matched, int done, int skipped, int failed)
{
    return {{"matched", matched}, {"done", done}, {"skipped", skipped}, {"failedCount", failed}};
}
json numbers_of(const json& job)
{
    return {{"matched", job.at("matched")},
            {"done", job.at("done")},
            {"skipped", job.at("skipped")},
            {"failedCount", job.at("failedCount")}};
}

constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

} // namespace

BOOST_FIXTURE_TEST_SUITE(bulk_changes, jobs_world)

BOOST_AUTO_TEST_CASE(operators_need_a_right_for_each_of_many_and_removal)
{
    using registry::right;
    create_account("clerk", registry::role::human_operator, {"app"});
    create_account("bulk", registry::role::human_operator, {"app"}, true, {right::bulk});
    create_account("both", registry::role::human_operator, {"app"}, true, {right::bulk, right::remove});
    const auto ids = create_many(1);
    const auto change = [&](const char* what, const char* who) {
        return bulk({{"change", what}, {"registrationIds", ids}, {"maxAffected", 1}, {"dryRun", true}}, who).status;
    };
    BOOST_TEST(change("BLOCK", "clerk") == 403U);
    BOOST_TEST(change("BLOCK", "bulk") == 200U);
    BOOST_TEST(change("REMOVE", "bulk") == 403U);
    BOOST_TEST(change("REMOVE", "both") == 200U);
}

BOOST_AUTO_TEST_CASE(a_block_of_many_is_a_job)
{
    const auto one = enrol(*this);
    const auto two = enrol(*this, {}, bench::protocol_version::v3_3, "bob");
    const auto made = bulk({{"change", "BLOCK"},
                            {"registrationIds", {one.id, two.id}},
                            {"maxAffected", 2},
                            {"blockedReason", "STOLEN"},
                            {"externalUserId", "clerk"}});
    BOOST_TEST_REQUIRE(made.status == 202U, made.text);
    BOOST_TEST(made.body.at("matched") == 2);
    const std::string id = made.body.at("jobId");
    BOOST_TEST(job(id).at("state") == "RUNNING");
    BOOST_TEST(status(one.id) == "ACTIVE"); // the work comes later
    clock.advance(1000);
    finish_jobs();
    const auto ended = job(id);
    BOOST_TEST(ended.at("state") == "DONE");
    BOOST_TEST(ended.at("change") == "BLOCK");
    BOOST_TEST(numbers_of(ended) == numbers(2, 2, 0, 0));
    BOOST_TEST(ended.at("failed").empty());
    BOOST_TEST(ended.at("account") == "admin");
    BOOST_TEST(ended.at("externalUserId") == "clerk");
    BOOST_TEST(ended.at("timestampFinished") == clock.now());
    for (const auto& each : {one.id, two.id}) {
        BOOST_TEST(detail(each).at("blockedReason") == "STOLEN");
        BOOST_TEST(history(each).back().at("account") == "admin");
        BOOST_TEST(history(each).back().at("externalUserId") == "clerk");
    }
    BOOST_TEST(rows(tables::job_targets) == 0U);
}

BOOST_AUTO_TEST_CASE(every_change_is_made)
{
    const auto alice = enrol(*this, {{"flags", {"A"}}});
    const auto change = [&](json body) {
        body["registrationIds"] = {alice.id};
        body["maxAffected"] = 1;
        const auto id = start_bulk(body);
        finish_jobs();
        BOOST_TEST(numbers_of(job(id)) == numbers(1, 1, 0, 0));
    };
    change({{"change", "ADD_FLAGS"}, {"flags", {"B", "C"}}});
    BOOST_TEST(detail(alice.id).at("flags") == json({"A", "B", "C"}));
    change({{"change", "REMOVE_FLAGS"}, {"flags", {"A", "C", "X"}}});
    BOOST_TEST(detail(alice.id).at("flags") == json({"B"}));
    change({{"change", "BLOCK"}});
    BOOST_TEST(detail(alice.id).at("blockedReason") == "NOT_SPECIFIED");
    change({{"change", "UNBLOCK"}});
    BOOST_TEST(status(alice.id) == "ACTIVE");
    change({{"change", "REMOVE"}, {"reason", "MIGRATED"}});
    BOOST_TEST(status(alice.id) == "REMOVED");
    BOOST_TEST(history(alice.id).back().at("eventReason") == "MIGRATED");
    change({{"change", "REMOVE"}}); // what is so already is done, and writes nothing
    BOOST_TEST(rows_of_history(alice.id, "REMOVE") == 1U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_changed_is_told)
{
    const auto waiting = create().id;
    const auto gone = create().id;
    BOOST_TEST(office("DELETE", "/v2/registrations/" + gone).status == 200U);
    const auto alice = enrol(*this);
    const auto id = start_bulk({{"change", "BLOCK"},
                                {"registrationIds", {waiting, alice.id, gone, nobodys_id, "no id"}},
                                {"maxAffected", 10}});
    finish_jobs();
    const auto ended = job(id);
    BOOST_TEST(numbers_of(ended) == numbers(3, 1, 0, 3));
    std::map<std::string, std::string> failed;
    for (const json& each : ended.at("failed"))
        failed.emplace(each.at("registrationId"), each.at("code"));
    BOOST_TEST((failed == std::map<std::string, std::string>{{waiting, "ERROR_REGISTRATION_CHANGE"},
                                                             {gone, "ERROR_REGISTRATION_CHANGE"},
                                                             {nobodys_id, "ERROR_REGISTRATION_NOT_FOUND"}}));
    json flags = json::array();
    for (std::size_t i = 0; i < registry::flags_max; ++i)
        flags.push_back("F" + std::to_string(i));
    const auto crowded =
        start_bulk({{"change", "ADD_FLAGS"}, {"registrationIds", {alice.id}}, {"maxAffected", 1}, {"flags", flags}});
    finish_jobs();
    BOOST_TEST(numbers_of(job(crowded)) == numbers(1, 1, 0, 0));
    const auto more = start_bulk(
        {{"change", "ADD_FLAGS"}, {"registrationIds", {alice.id}}, {"maxAffected", 1}, {"flags", {"one more"}}});
    finish_jobs();
    BOOST_TEST(job(more).at("failed").at(0).at("code") == "ERROR_REQUEST");
}

BOOST_AUTO_TEST_CASE(a_filter_finds_them)
{
    const auto vip = create("alice", {{"flags", {"VIP"}}}).id;
    const auto plain = create("alice").id;
    const auto bobs = create("bob", {{"flags", {"VIP"}}}).id;
    const auto active = enrol(*this).id;
    clock.advance(1000);
    const auto late = create("carol").id;
    const struct {
        json filter;
        std::vector<std::string> expected;
    } table[]{
        {{{"flags", {"VIP"}}}, {bobs, vip}},
        {{{"userIds", {"alice"}}}, {active, plain, vip}},
        {{{"userIds", {"alice", "bob"}}, {"flags", {"VIP"}}}, {bobs, vip}},
        {{{"status", {"ACTIVE"}}}, {active}},
        {{{"platform", "android"}}, {active}},
        {{{"appIds", {"other"}}}, {}},
        {{{"createdAfter", clock.now()}}, {late}},
        {{{"createdBefore", clock.now()}, {"userIds", {"alice", "carol"}}}, {active, plain, vip}},
        {{{"lastUsedBefore", clock.now()}, {"status", {"CREATED"}}}, {bobs, plain, vip}},
    };
    for (const auto& each : table)
        BOOST_TEST_CONTEXT(each.filter)
        {
            const auto got =
                bulk({{"change", "REMOVE"}, {"filter", each.filter}, {"maxAffected", 10}, {"dryRun", true}});
            BOOST_TEST_REQUIRE(got.status == 200U, got.text);
            std::vector<std::string> sample;
            for (const json& row : got.body.at("sample"))
                sample.push_back(row.at("registrationId"));
            BOOST_TEST(got.body.at("matched") == each.expected.size());
            BOOST_TEST(sample == each.expected, boost::test_tools::per_element());
        }
    BOOST_TEST(rows(tables::jobs) == 0U);
    const auto id = start_bulk({{"change", "REMOVE"}, {"filter", {{"flags", {"VIP"}}}}, {"maxAffected", 2}});
    finish_jobs();
    BOOST_TEST(numbers_of(job(id)) == numbers(2, 2, 0, 0));
    BOOST_TEST(status(vip) == "REMOVED");
    BOOST_TEST(status(bobs) == "REMOVED");
    BOOST_TEST(status(plain) == "CREATED");
}

BOOST_AUTO_TEST_CASE(no_more_are_changed_than_the_request_allows)
{
    create_many(3);
    const json filter{{"userIds", {"alice"}}};
    const auto got = bulk({{"change", "REMOVE"}, {"filter", filter}, {"maxAffected", 2}});
    BOOST_TEST(got.status == 409U);
    BOOST_TEST(got.code() == "ERROR_CONFLICT");
    BOOST_TEST(rows(tables::jobs) == 0U);
    // How many that are is what a dry run tells.
    const auto dry = bulk({{"change", "REMOVE"}, {"filter", filter}, {"maxAffected", 2}, {"dryRun", true}});
    BOOST_TEST(dry.body.at("matched") == 3);
    BOOST_TEST(dry.body.at("sample").size() == 2U);
    BOOST_TEST(bulk({{"change", "REMOVE"}, {"filter", filter}, {"maxAffected", 3}}).status == 202U);
}

BOOST_AUTO_TEST_CASE(a_dry_run_shows_a_few)
{
    create_many(registry::bulk_sample_max + 1);
    const auto got =
        bulk({{"change", "REMOVE"}, {"filter", {{"status", {"CREATED"}}}}, {"maxAffected", 1000}, {"dryRun", true}});
    BOOST_TEST(got.body.at("matched") == registry::bulk_sample_max + 1);
    BOOST_TEST(got.body.at("sample").size() == registry::bulk_sample_max);
}

// What was meant when the job was made may not be so any more when its turn comes.
BOOST_AUTO_TEST_CASE(what_does_not_match_any_more_is_left_alone)
{
    auto alice = enrol(*this);
    const auto bob = enrol(*this, {}, bench::protocol_version::v3_3, "bob");
    clock.advance(1000);
    const auto id =
        start_bulk({{"change", "REMOVE"}, {"filter", {{"lastUsedBefore", clock.now()}}}, {"maxAffected", 10}});
    BOOST_TEST(alice.phone.validate(bench::signature_type::possession_knowledge, right_pin));
    finish_jobs();
    BOOST_TEST(numbers_of(job(id)) == numbers(2, 1, 1, 0));
    BOOST_TEST(status(alice.id) == "ACTIVE");
    BOOST_TEST(status(bob.id) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(a_block_cascades_where_the_application_says_so)
{
    const json settings{{"transfer", {{"spawn", true}, {"cascadeBlock", true}}}};
    BOOST_TEST(office("PATCH", "/admin/applications/app", settings.dump(), "admin").status == 200U);
    const auto alice = enrol(*this);
    const auto child = office("POST", "/v2/registrations/" + alice.id + "/transfer", R"({"type":"SPAWN"})");
    BOOST_TEST_REQUIRE(child.status == 200U, child.text);
    const auto id = start_bulk({{"change", "BLOCK"}, {"registrationIds", {alice.id}}, {"maxAffected", 1}});
    finish_jobs();
    BOOST_TEST(numbers_of(job(id)) == numbers(1, 1, 0, 0));
    BOOST_TEST(status(alice.id) == "BLOCKED");
    BOOST_TEST(status(child.body.at("registrationId")) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(bad_requests_are_mistakes)
{
    const json good{{"change", "BLOCK"}, {"registrationIds", {nobodys_id}}, {"maxAffected", 1}};
    json thousand = json::array();
    for (std::size_t i = 0; i <= registry::lookup_names_max; ++i)
        thousand.push_back(nobodys_id);
    const std::pair<json, const char*> table[]{
        {{{"change", nullptr}}, "change"},
        {{{"change", "block"}}, "change"},
        {{{"change", "ERASE_USER"}}, "change"},
        {{{"maxAffected", nullptr}}, "maxAffected"},
        {{{"maxAffected", 0}}, "maxAffected"},
        {{{"maxAffected", registry::job_targets_max + 1}}, "maxAffected"},
        {{{"registrationIds", nullptr}}, "filter"},
        {{{"registrationIds", thousand}}, "registrationIds"},
        {{{"filter", {{"userIds", {"a"}}}}}, "filter"},
        {{{"registrationIds", nullptr}, {"filter", json::object()}}, "filter."},
        {{{"registrationIds", nullptr}, {"filter", {{"status", {"REMOVED"}}}}}, "filter.status"},
        {{{"registrationIds", nullptr}, {"filter", {{"status", {"NONE"}}}}}, "filter.status"},
        {{{"registrationIds", nullptr}, {"filter", {{"removed", true}}}}, "filter.status"},
        {{{"registrationIds", nullptr}, {"filter", {{"name", "x"}}}}, "filter.name"},
        {{{"registrationIds", nullptr}, {"filter", {{"createdAfter", 2}, {"createdBefore", 1}}}},
         "filter.createdBefore"},
        {{{"change", "ADD_FLAGS"}}, "flags"},
        {{{"change", "REMOVE_FLAGS"}, {"flags", json::array()}}, "flags"},
        {{{"flags", {"A"}}}, "flags"},
        {{{"change", "REMOVE"}, {"blockedReason", "x"}}, "blockedReason"},
        {{{"change", "UNBLOCK"}, {"reason", "x"}}, "reason"},
        {{{"dryRun", "yes"}}, "dryRun"},
    };
    for (const auto& [more, field] : table) {
        json body = good;
        for (const auto& [name, value] : more.items())
            body[name] = value;
        BOOST_TEST(complains_of(bulk(body), field), field << " of " << body.dump().substr(0, 200));
    }
    BOOST_TEST(bulk(good, "office").code() == "ERROR_FORBIDDEN");
    BOOST_TEST(bulk(good).status == 202U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(jobs, jobs_world)

BOOST_AUTO_TEST_CASE(a_job_goes_on_where_it_was_after_a_crash)
{
    constexpr std::size_t steps = 3;
    const auto all = create_many(steps * registry::job_chunk - 5);
    const auto id = start_bulk(
        {{"change", "ADD_FLAGS"}, {"flags", {"SEEN"}}, {"filter", {{"userIds", {"alice"}}}}, {"maxAffected", 1000}});
    BOOST_TEST(rows(tables::job_targets) == steps);
    for (std::size_t step = 1; step <= steps; ++step) {
        BOOST_TEST(work());
        restart();
        const auto now = job(id);
        const bool is_last = step == steps;
        BOOST_TEST(now.at("done") == (is_last ? all.size() : step * registry::job_chunk));
        BOOST_TEST(now.at("state") == (is_last ? "DONE" : "RUNNING"));
        BOOST_TEST(rows(tables::job_targets) == steps - step);
    }
    BOOST_TEST(!work());
    for (const auto& each : all)
        BOOST_TEST(rows_of_history(each, "CHANGE_FLAGS") == 1U);
}

// What a step has changed and not written down as done is done again, and changes nothing then.
BOOST_AUTO_TEST_CASE(a_step_may_be_done_again)
{
    const auto all = create_many(3);
    const auto id = start_bulk({{"change", "REMOVE"}, {"registrationIds", all}, {"maxAffected", 3}});
    const auto jobs_id = *registry::uuid::parse(id);
    const auto before = env().view([&](const kv::read_txn& txn) { return registry::find_job(txn, jobs_id).value(); });
    const auto targets =
        env().view([&](const kv::read_txn& txn) { return registry::find_job_targets(txn, jobs_id, 0); });
    finish_jobs();
    auto rewind = [&](kv::write_txn& txn) { // as if the progress had been lost
        auto record = before;
        record.chunks = 0;
        registry::put_job_targets(txn, jobs_id, record, targets);
        txn.put(tables::jobs, jobs_id.view(), registry::encode(record));
        return kv::error_code{};
    };
    BOOST_TEST(!commit(rewind));
    finish_jobs();
    BOOST_TEST(numbers_of(job(id)) == numbers(3, 3, 0, 0));
    for (const auto& each : all)
        BOOST_TEST(rows_of_history(each, "REMOVE") == 1U);
}

BOOST_AUTO_TEST_CASE(progress_of_a_step_is_counted_once)
{
    const auto all = create_many(1);
    const auto id =
        *registry::uuid::parse(start_bulk({{"change", "REMOVE"}, {"registrationIds", all}, {"maxAffected", 3}}));
    const registry::advance_job progress{
        id, 0, {1, 2, {{registry::uuid::random(), registry::job_problem::not_found}}}, 5};
    BOOST_TEST(!commit(progress));
    BOOST_TEST(!commit(progress));
    const auto after = job(id.text());
    BOOST_TEST(numbers_of(after) == numbers(1, 1, 2, 1));
    BOOST_TEST(after.at("state") == "DONE");
    BOOST_TEST(after.at("timestampFinished") == 5);
    BOOST_TEST(!commit(registry::advance_job{registry::uuid::random(), 0, {}, 5})); // of a job that is forgotten
}

BOOST_AUTO_TEST_CASE(a_cancelled_job_does_nothing_more)
{
    const auto all = create_many(registry::job_chunk + 1);
    const auto id = start_bulk({{"change", "REMOVE"}, {"filter", {{"userIds", {"alice"}}}}, {"maxAffected", 1000}});
    BOOST_TEST(work());
    const auto cancelled = office("DELETE", "/v2/jobs/" + id, {}, "admin");
    BOOST_TEST(cancelled.status == 200U);
    BOOST_TEST(cancelled.body.at("state") == "CANCELLED");
    BOOST_TEST(cancelled.body.at("done") == registry::job_chunk);
    BOOST_TEST(!work());
    BOOST_TEST(rows(tables::job_targets) == 0U);
    BOOST_TEST(status(all.front()) == "CREATED"); // the oldest comes last
    BOOST_TEST(office("DELETE", "/v2/jobs/" + id, {}, "admin").body == cancelled.body);
    // The step that was under way at that moment is counted, and wakes nothing up.
    BOOST_TEST(!commit(registry::advance_job{*registry::uuid::parse(id), 1, {1, 0, {}}, 5}));
    BOOST_TEST(job(id).at("state") == "CANCELLED");
    BOOST_TEST(job(id).at("done") == registry::job_chunk + 1);
}

BOOST_AUTO_TEST_CASE(a_job_that_has_ended_stays_so)
{
    const auto id = start_bulk({{"change", "REMOVE"}, {"registrationIds", create_many(1)}, {"maxAffected", 1}});
    finish_jobs();
    BOOST_TEST(office("DELETE", "/v2/jobs/" + id, {}, "admin").body.at("state") == "DONE");
    const auto nothing = start_bulk({{"change", "REMOVE"}, {"registrationIds", {nobodys_id}}, {"maxAffected", 1}});
    BOOST_TEST(job(nothing).at("state") == "DONE");
    BOOST_TEST(numbers_of(job(nothing)) == numbers(0, 0, 0, 1));
}

BOOST_AUTO_TEST_CASE(jobs_take_turns)
{
    create_many(registry::job_chunk + 1, "alice");
    create_many(registry::job_chunk + 1, "bob");
    const auto of = [&](const char* user) {
        return start_bulk({{"change", "REMOVE"}, {"filter", {{"userIds", {user}}}}, {"maxAffected", 1000}});
    };
    const auto one = of("alice");
    const auto two = of("bob");
    BOOST_TEST(work());
    BOOST_TEST(work());
    BOOST_TEST(job(one).at("done") == registry::job_chunk);
    BOOST_TEST(job(two).at("done") == registry::job_chunk);
    finish_jobs();
    BOOST_TEST(job(one).at("state") == "DONE");
    BOOST_TEST(job(two).at("state") == "DONE");
}

BOOST_AUTO_TEST_CASE(a_job_rests_longer_beside_others)
{
    using namespace std::chrono_literals;
    BOOST_TEST((handlers::rest_after_step(2ms, 2, 4ms) == 2ms));
    BOOST_TEST((handlers::rest_after_step(2ms, 15, 4ms) == 2ms));
    BOOST_TEST((handlers::rest_after_step(2ms, 16, 4ms) == 30ms));
    BOOST_TEST((handlers::rest_after_step(2ms, 5'000, 20ms) == 30ms));
    BOOST_TEST((handlers::rest_after_step(2ms, 5'000, 24h) == 2ms)); // the first step after a long time without one
    BOOST_TEST((handlers::rest_after_step(10s, 100'000, 10s) == handlers::job_rest_max));
}

BOOST_AUTO_TEST_CASE(so_many_jobs_may_be_under_way)
{
    const auto ids = create_many(1);
    const json body{{"change", "REMOVE"}, {"registrationIds", ids}, {"maxAffected", 1}};
    for (std::size_t i = 0; i < registry::jobs_running_max; ++i)
        start_bulk(body);
    const auto one_more = bulk(body);
    BOOST_TEST(one_more.status == 409U);
    BOOST_TEST(one_more.code() == "ERROR_CONFLICT");
    finish_jobs();
    BOOST_TEST(bulk(body).status == 202U);
}

BOOST_AUTO_TEST_CASE(so_many_jobs_are_kept_and_then_forgotten)
{
    const json body{{"change", "REMOVE"}, {"registrationIds", {nobodys_id}}, {"maxAffected", 1}};
    const auto first = start_bulk(body);
    for (std::size_t i = 1; i < registry::jobs_max; ++i)
        start_bulk(body);
    BOOST_TEST(bulk(body).status == 409U);
    clock.advance(registry::job_memory_ms - 1);
    sweep();
    BOOST_TEST(job(first).at("state") == "DONE");
    clock.advance(1);
    while (sweep())
        ;
    const auto gone = office("GET", "/v2/jobs/" + first, {}, "admin");
    BOOST_TEST(gone.status == 400U);
    BOOST_TEST(gone.code() == "ERROR_JOB_NOT_FOUND");
    BOOST_TEST(rows(tables::jobs) == 0U);
    BOOST_TEST(bulk(body).status == 202U);
}

BOOST_AUTO_TEST_CASE(only_so_many_failures_are_told)
{
    json ids = json::array();
    for (std::size_t i = 0; i <= registry::job_failures_max; ++i)
        ids.push_back(registry::uuid::random().text());
    const auto id = start_bulk({{"change", "REMOVE"}, {"registrationIds", ids}, {"maxAffected", 1}});
    BOOST_TEST(job(id).at("failed").size() == registry::job_failures_max);
    BOOST_TEST(job(id).at("failedCount") == registry::job_failures_max + 1);
}

BOOST_AUTO_TEST_CASE(a_job_is_its_makers_and_the_admins)
{
    registry::create_job change;
    change.id = registry::uuid::random();
    change.record.kind = registry::job_kind::block;
    change.record.who.account = "clerk";
    BOOST_TEST(!commit(change));
    const registry::right_set many{registry::right::bulk};
    create_account("clerk", registry::role::human_operator, {"app"}, true, many);
    create_account("another", registry::role::human_operator, {"app"}, true, many);
    const auto id = change.id.text();
    BOOST_TEST(job(id, "clerk").at("account") == "clerk");
    BOOST_TEST(job(id, "admin").at("account") == "clerk");
    for (const char* method : {"GET", "DELETE"}) {
        BOOST_TEST(office(method, "/v2/jobs/" + id, {}, "another").code() == "ERROR_JOB_NOT_FOUND");
        BOOST_TEST(office(method, "/v2/jobs/nothing", {}, "admin").code() == "ERROR_JOB_NOT_FOUND");
        BOOST_TEST(office(method, std::string{"/v2/jobs/"} + nobodys_id, {}, "admin").code() == "ERROR_JOB_NOT_FOUND");
    }
}

BOOST_AUTO_TEST_CASE(names_are_read_back)
{
    for (const auto each : registry::all_job_kinds)
        BOOST_TEST((registry::parse_job_kind(to_text(each)) == each));
    BOOST_TEST(!registry::parse_job_kind("UNKNOWN").has_value());
}

// A job waits while attempts fill the journal, and while the disk is full: nothing is lost by it.
BOOST_AUTO_TEST_CASE(a_step_that_finds_no_room_is_done_again)
{
    const auto ids = create_many(2);
    const auto id = start_bulk({{"change", "REMOVE"}, {"registrationIds", ids}, {"maxAffected", 2}});
    // The first is removed in memory only, as after a full disk.
    {
        const auto slot = handlers::find_slot(services(), *registry::uuid::parse(ids.front()));
        std::vector<registry::transition> steps;
        steps.push_back(registry::attempts::change_state(slot, registry::move::remove, {}, "", clock.now()).value());
        services().unsettled.keep(std::move(steps));
    }
    finish_jobs();
    BOOST_TEST(numbers_of(job(id)) == numbers(2, 2, 0, 0));
    restart();
    for (const auto& each : ids)
        BOOST_TEST(status(each) == "REMOVED");
}

BOOST_AUTO_TEST_SUITE_END()
