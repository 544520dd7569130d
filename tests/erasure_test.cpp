// Users who go (REGISTRATION-API.md R18): all that they have is removed, and with mode=erase nothing tells who they
// were.

#include "handlers/slots.hpp"
#include "registry/erasure.hpp"
#include "registry/store.hpp"
#include "tests/support.hpp"

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace tables = registry::tables;

constexpr std::string_view erika = "erika/4711@bank"; // so that it has to be percent-encoded
constexpr std::string_view erikas_path = "/v2/users/erika%2F4711%40bank";
constexpr std::string_view private_texts[]{erika,      "Erika's phone", "Erika's tablet",
                                           "SM-ERIKA", "extra-erika",   "secret-erika"};

struct erasure_world : scratch_world {
    erasure_world()
    {
        const auto made =
            create(std::string{erika}, {{"metadata", {{"note", "secret-erika"}}}, {"externalUserId", erika}});
        auto its_phone = phone();
        bench::activation_details details;
        details.name = "Erika's phone";
        details.device_info = "SM-ERIKA";
        details.extras = "extra-erika";
        static_cast<void>(its_phone.activate(made.qr_data, right_pin, details));
        expect(office("POST", path(made.id, "/commit"), json{{"externalUserId", erika}}.dump()));
        one = made.id;
        two = create(std::string{erika}, {{"name", "Erika's tablet"}}).id;
        expect(office("DELETE", path(two)));
        const json body{{"userId", erika}, {"appId", "other"}, {"flags", {"VIP"}}};
        three = office("POST", "/v2/registrations", body.dump(), "stranger").body.at("registrationId");
        bobs = enrol(*this, {}, bench::protocol_version::v3_3, "bob").id;
        // She acted on somebody else's registration, and the back office told things about her.
        expect(office("PUT", path(bobs, "/name"), json{{"name", "Bob's"}, {"externalUserId", erika}}.dump()));
        expect(office("PUT", std::string{erikas_path} + "/claims?appId=app", R"({"email":"secret-erika"})"));
        expect(office("PUT", std::string{erikas_path} + "/claims?appId=other", R"({"vip":true})", "stranger"));
    }

    static void expect(const answer& got) { BOOST_TEST_REQUIRE(got.status == 200U, got.text); }
    static std::string path(const std::string& id, std::string_view rest = {})
    {
        return "/v2/registrations/" + id + std::string{rest};
    }
    std::string start_removal(std::string_view query, std::string_view who = "admin")
    {
        const auto got = office("DELETE", std::string{erikas_path} + std::string{query}, {}, who);
        BOOST_TEST_REQUIRE(got.status == 202U, got.text);
        return got.body.at("jobId");
    }
    json job(const std::string& id) { return office("GET", "/v2/jobs/" + id, {}, "admin").body; }

    // The tables in which a text stands, in a key or a value.
    std::vector<std::string> tables_with(std::string_view text)
    {
        std::vector<std::string> out;
        env().view([&](const kv::read_txn& txn) {
            for (unsigned i = 0; i < std::size(tables::names); ++i)
                txn.scan(kv::table{i}, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
                    const bool here = crypto::as_text(key).find(text) != std::string_view::npos ||
                                      crypto::as_text(value).find(text) != std::string_view::npos;
                    if (here)
                        out.emplace_back(tables::names[i]);
                    return !here;
                });
        });
        return out;
    }
    std::string pseudonym() { return registry::pseudonym_of(services().sealer, erika); }

    std::string one, two, three, bobs;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(users_removed, erasure_world)

BOOST_AUTO_TEST_CASE(all_that_a_user_has_is_removed_in_all_applications)
{
    for (const char* query : {"", "?mode=remove&externalUserId=clerk"}) {
        const auto id = start_removal(query);
        finish_jobs();
        const auto ended = job(id);
        BOOST_TEST(ended.at("change") == "REMOVE_USER");
        BOOST_TEST(ended.at("state") == "DONE");
        BOOST_TEST(ended.at("matched") == (*query == '\0' ? 2 : 0)); // one was removed before; all are the second time
        BOOST_TEST(ended.at("done") == ended.at("matched"));
    }
    for (const auto& each : {one, two, three})
        BOOST_TEST(status(each) == "REMOVED");
    const auto row = history(one).back();
    BOOST_TEST(row.at("event") == "REMOVE");
    BOOST_TEST(row.at("eventReason") == "USER_REMOVED");
    BOOST_TEST(row.at("account") == "admin");
    // Nothing is forgotten.
    BOOST_TEST(detail(one).at("userId") == erika);
    BOOST_TEST(detail(one).at("name") == "Erika's phone");
    BOOST_TEST(detail(one).at("metadata") == json({{"note", "secret-erika"}}));
    BOOST_TEST(status(bobs) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(nothing_in_the_store_tells_who_an_erased_user_was)
{
    for (const std::string_view text : private_texts) {
        const bool is_sealed = text == "secret-erika";
        BOOST_TEST(tables_with(text).empty() == is_sealed, text);
    }
    const auto id = start_removal("?mode=erase&externalUserId=erika/4711@bank");
    BOOST_TEST(job(id).at("matched") == 3); // what was removed before has something to forget, too
    finish_jobs();
    BOOST_TEST(job(id).at("state") == "DONE");
    BOOST_TEST(job(id).at("done") == 3);
    BOOST_TEST(job(id).at("externalUserId") == pseudonym());
    for (const std::string_view text : private_texts)
        BOOST_TEST(tables_with(text).empty(), text);
    env().view([&](const kv::read_txn& txn) {
        BOOST_TEST(txn.row_count(tables::metadata) == 0U);
        BOOST_TEST(txn.row_count(tables::claims) == 0U);
    });
    BOOST_TEST(office("GET", "/v2/registrations?userId=erika/4711@bank&removed=true", {}, "admin")
                   .body.at("registrations")
                   .empty());
}

BOOST_AUTO_TEST_CASE(what_an_erased_user_did_stays_under_a_pseudonym)
{
    const auto rows_before = history(one).size();
    clock.advance(5000);
    start_removal("?mode=erase");
    finish_jobs();
    const auto shown = detail(one);
    BOOST_TEST(shown.at("userId") == pseudonym());
    BOOST_TEST(shown.at("registrationStatus") == "REMOVED");
    BOOST_TEST(shown.at("timestampErased") == clock.now());
    for (const char* gone : {"name", "platform", "deviceInfo", "extras", "metadata"})
        BOOST_TEST(!shown.contains(gone), gone);
    BOOST_TEST(detail(three).at("flags") == json({"VIP"}));
    const auto rows = history(one);
    BOOST_TEST(rows.size() == rows_before + 1);
    BOOST_TEST(rows.back().at("eventReason") == "USER_ERASED");
    BOOST_TEST(rows.front().at("externalUserId") == pseudonym());
    for (const json& row : rows)
        BOOST_TEST(!row.contains("name"));
    // Also where she acted on what is not hers; the rest of that stays.
    const auto others = history(bobs).back();
    BOOST_TEST(others.at("event") == "RENAME");
    BOOST_TEST(others.at("externalUserId") == pseudonym());
    BOOST_TEST(others.at("name") == "Bob's");
    BOOST_TEST(detail(bobs).at("userId") == "bob");
    BOOST_TEST(status(bobs) == "ACTIVE");
    // All of them are one user's still.
    const auto list = office("GET", "/v2/registrations?removed=true&userId=" + pseudonym(), {}, "admin");
    BOOST_TEST(list.body.at("registrations").size() == 3U);
}

BOOST_AUTO_TEST_CASE(an_erasure_goes_on_after_a_crash)
{
    const auto id = start_removal("?mode=erase");
    int steps = 0;
    while (work()) {
        ++steps;
        restart();
    }
    BOOST_TEST(steps >= 3); // registrations, histories, the end
    BOOST_TEST(job(id).at("state") == "DONE");
    BOOST_TEST(job(id).at("done") == 3);
    for (const std::string_view text : private_texts)
        BOOST_TEST(tables_with(text).empty(), text);
}

BOOST_AUTO_TEST_CASE(a_user_may_be_erased_twice_and_come_back)
{
    start_removal("?mode=erase");
    finish_jobs();
    const auto again = start_removal("?mode=erase");
    finish_jobs();
    BOOST_TEST(job(again).at("matched") == 0);
    BOOST_TEST(job(again).at("state") == "DONE");
    const auto fresh = create(std::string{erika}).id;
    BOOST_TEST(detail(fresh).at("userId") == erika);
    BOOST_TEST(detail(one).at("userId") == pseudonym());
}

// What she gets while she is being erased is erased, too.
BOOST_AUTO_TEST_CASE(registrations_that_come_meanwhile_are_erased)
{
    const auto id = start_removal("?mode=erase");
    BOOST_TEST(work());
    const auto late = create(std::string{erika}, {{"name", "Erika's tablet"}}).id;
    finish_jobs();
    BOOST_TEST(job(id).at("state") == "DONE");
    BOOST_TEST(job(id).at("matched") == 4);
    BOOST_TEST(job(id).at("done") == 4);
    BOOST_TEST(status(late) == "REMOVED");
    for (const std::string_view text : private_texts)
        BOOST_TEST(tables_with(text).empty(), text);
}

// A change that was swapped before the erasure and reaches the writer after it.
BOOST_AUTO_TEST_CASE(a_change_that_comes_late_brings_nothing_back)
{
    const auto slot = handlers::find_slot(services(), *registry::uuid::parse(one));
    auto late =
        registry::attempts::change_state(slot, registry::move::edit, {"office", std::string{erika}}, "", clock.now())
            .value();
    late.labelled.emplace().name = "Erika's phone";
    late.labelled->metadata = registry::stored_metadata{{1, 2, 3}, 5};
    // As the steps of an erasure go, but for the waiting.
    auto removal = registry::attempts::change_state(slot, registry::move::remove, {}, "", clock.now()).value();
    registry::transitions first{&services().journal, {}};
    first.steps.push_back(std::move(removal));
    BOOST_TEST(!commit(std::move(first)));
    start_removal("?mode=erase");
    finish_jobs();
    registry::transitions second{&services().journal, {}};
    second.steps.push_back(std::move(late));
    BOOST_TEST(!commit(std::move(second)));
    BOOST_TEST(!detail(one).contains("name"));
    BOOST_TEST(!detail(one).contains("metadata"));
    for (const std::string_view text : private_texts)
        BOOST_TEST(tables_with(text).empty(), text);
}

BOOST_AUTO_TEST_CASE(a_cancelled_erasure_forgets_whom_it_was_about)
{
    const auto id = start_removal("?mode=erase");
    BOOST_TEST(office("DELETE", "/v2/jobs/" + id, {}, "admin").body.at("state") == "CANCELLED");
    const auto record = env().view(
        [&](const kv::read_txn& txn) { return registry::find_job(txn, *registry::uuid::parse(id)).value(); });
    BOOST_TEST(record.sealed_user.empty());
    BOOST_TEST(!work());
    BOOST_TEST(status(one) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(the_walk_over_histories_goes_in_parts)
{
    auto many = [&](kv::write_txn& txn) { // of a registration that nobody reads
        registry::history_row row;
        row.by = registry::move::rename;
        row.now = registry::state::active;
        row.previous = row.now;
        row.who.external_user_id = erika;
        for (std::uint64_t version = 1; version <= 2 * registry::erase_rewrite_max + 7; ++version) {
            row.version = version;
            txn.put(tables::history, registry::history_key(1'000'000, version), registry::encode(row));
        }
        return kv::error_code{};
    };
    BOOST_TEST(!commit(many));
    start_removal("?mode=erase");
    finish_jobs();
    BOOST_TEST(tables_with(erika).empty());
}

BOOST_AUTO_TEST_CASE(pseudonyms_need_the_master_key)
{
    const auto mine = pseudonym();
    BOOST_TEST(mine.starts_with("erased-"));
    BOOST_TEST(mine.size() == 7U + 32U);
    BOOST_TEST(mine != registry::pseudonym_of(services().sealer, "bob"));
    const crypto::sealer other{crypto::byte_array<32>{1, 2, 3}};
    BOOST_TEST(mine != registry::pseudonym_of(other, erika));
}

BOOST_AUTO_TEST_CASE(bad_requests_are_mistakes)
{
    const auto ask = [&](const std::string& target, std::string_view who = "admin") {
        return office("DELETE", target, {}, who);
    };
    BOOST_TEST(ask("/v2/users/a?mode=forget").violated() == std::vector<std::string>{"mode"},
               boost::test_tools::per_element());
    BOOST_TEST(ask("/v2/users/a%00b").violated() == std::vector<std::string>{"userId"},
               boost::test_tools::per_element());
    BOOST_TEST(ask("/v2/users/" + std::string(256, 'x')).violated() == std::vector<std::string>{"userId"},
               boost::test_tools::per_element());
    BOOST_TEST(ask("/v2/users/a?externalUserId=" + std::string(256, 'x')).status == 400U);
    BOOST_TEST(ask(std::string{erikas_path}, "office").code() == "ERROR_FORBIDDEN");
    BOOST_TEST(ask("/v2/users/nobody").body.at("matched") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
