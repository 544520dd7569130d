// Edits of registrations by merge patches (REGISTRATION-API.md R12), their metadata, and entity tags.

#include "handlers/metadata_json.hpp"
#include "handlers/slots.hpp"
#include "tests/support.hpp"

#include <algorithm>

namespace {

using namespace doorward;
using namespace doorward::tests;
using handlers::metadata_members;
using handlers::patched;

struct edit_world : scratch_world {
    std::string path(std::string_view rest = {}) const { return "/v2/registrations/" + alice.id + std::string{rest}; }

    owned_request patch_request(const std::string& body, const std::string& if_match = {}) const
    {
        auto req = office_request("PATCH", path(), body);
        req.if_match = if_match;
        return req;
    }
    answer patch(const json& body, const std::string& if_match = {})
    {
        return call(handlers::side::office, patch_request(body.dump(), if_match));
    }
    json metadata() { return detail(alice.id).value("metadata", json()); }
    std::uint64_t version() { return detail(alice.id).at("version").get<std::uint64_t>(); }

    enrolled alice = enrol(*this);
};

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

} // namespace

BOOST_AUTO_TEST_SUITE(metadata_of_registrations)

BOOST_AUTO_TEST_CASE(patches_merge)
{
    const metadata_members before{{"a", "1"}, {"b", "\"x\""}};
    BOOST_TEST((patched(before, {}) == before));
    BOOST_TEST((patched(before, {false, {{"a", "2"}, {"c", "true"}}}) ==
                metadata_members{{"a", "2"}, {"b", "\"x\""}, {"c", "true"}}));
    BOOST_TEST(
        (patched(before, {false, {{"a", std::nullopt}, {"z", std::nullopt}}}) == metadata_members{{"b", "\"x\""}}));
    BOOST_TEST((patched(before, {true, {}}).empty()));
}

BOOST_AUTO_TEST_CASE(they_are_written_and_read_back)
{
    const metadata_members all{{"n", "1.5"}, {"quote\"d", "\"a\\\"b\""}, {"t", "true"}};
    BOOST_TEST((handlers::read_metadata(handlers::write_metadata(all)) == all));
    BOOST_TEST(handlers::write_metadata({}) == "{}");
    BOOST_CHECK_THROW(static_cast<void>(handlers::read_metadata("[]")), registry::record_fault);
}

BOOST_AUTO_TEST_CASE(they_are_sealed_for_their_registration)
{
    scratch_store store;
    const auto id = registry::uuid::random();
    const registry::stored_metadata record{registry::seal_metadata(store.sealer, id, R"({"a":1})"), 5};
    BOOST_TEST(registry::open_metadata(store.sealer, id, record) == R"({"a":1})");
    BOOST_CHECK_THROW(static_cast<void>(registry::open_metadata(store.sealer, registry::uuid::random(), record)),
                      registry::record_fault);
}

BOOST_AUTO_TEST_CASE(a_registration_may_be_made_with_them)
{
    scratch_world world;
    const json metadata{{"branch", 12}, {"vip", true}, {"note", "met in person"}, {"rate", 0.5}};
    const auto made = world.create("alice", {{"metadata", metadata}});
    BOOST_TEST(world.detail(made.id).at("metadata") == metadata);
    BOOST_TEST(!world.detail(world.create("bob", {{"metadata", json::object()}}).id).contains("metadata"));
    BOOST_TEST(!world.detail(world.create("bob", {{"metadata", nullptr}}).id).contains("metadata"));
    BOOST_TEST(world.history(made.id).size() == 1U);
    // Lists leave them out.
    const auto list = world.office("GET", "/v2/registrations?userId=alice");
    BOOST_TEST(!list.body.at("registrations").at(0).contains("metadata"));
    world.restart();
    BOOST_TEST(world.detail(made.id).at("metadata") == metadata);
}

BOOST_AUTO_TEST_CASE(what_is_not_flat_or_too_large_is_a_mistake)
{
    scratch_world world;
    const auto create = [&](const json& metadata) {
        const json body{{"userId", "alice"}, {"appId", "app"}, {"metadata", metadata}};
        return world.office("POST", "/v2/registrations", body.dump());
    };
    const auto of_size = [](std::size_t bytes) {
        return json{{"x", std::string(bytes - std::string_view{R"({"x":""})"}.size(), 'y')}};
    };
    BOOST_TEST(create(of_size(registry::metadata_bytes_max)).status == 200U);
    BOOST_TEST(complains_of(create(of_size(registry::metadata_bytes_max + 1)), "metadata"));
    json many = json::object();
    for (std::size_t i = 0; i < registry::metadata_members_max; ++i)
        many["m" + std::to_string(i)] = 1;
    BOOST_TEST(create(many).status == 200U);
    many["more"] = 1;
    BOOST_TEST(complains_of(create(many), "metadata"));
    BOOST_TEST(complains_of(create(5), "metadata"));
    BOOST_TEST(complains_of(create(json::array()), "metadata"));
    BOOST_TEST(complains_of(create({{"a", json::array()}}), "metadata.a"));
    BOOST_TEST(complains_of(create({{"a", {{"b", 1}}}}), "metadata.a"));
    BOOST_TEST(complains_of(create({{"", 1}}), "metadata."));
    BOOST_TEST(create({{std::string(64, 'n'), 1}}).status == 200U);
    BOOST_TEST(create({{std::string(65, 'n'), 1}}).status == 400U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(registration_edits, edit_world)

BOOST_AUTO_TEST_CASE(a_patch_changes_what_it_names)
{
    const auto got = patch({{"name", "Work"}, {"metadata", {{"a", 1}, {"b", "x"}}}, {"externalUserId", "clerk"}});
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body == detail(alice.id));
    BOOST_TEST(got.body.at("name") == "Work");
    BOOST_TEST(got.body.at("metadata") == json({{"a", 1}, {"b", "x"}}));
    BOOST_TEST(got.header("ETag") == '"' + std::to_string(version()) + '"');

    const auto row = history(alice.id).back();
    BOOST_TEST(row.at("event") == "EDIT");
    BOOST_TEST(row.at("changed") == json({"name", "metadata"}));
    BOOST_TEST(row.at("name") == "Work");
    BOOST_TEST(row.at("externalUserId") == "clerk");
    BOOST_TEST(row.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(row.at("version") == version());

    patch({{"metadata", {{"a", nullptr}, {"c", true}}}});
    BOOST_TEST(metadata() == json({{"b", "x"}, {"c", true}}));
    BOOST_TEST(history(alice.id).back().at("changed") == json({"metadata"}));
    BOOST_TEST(detail(alice.id).at("name") == "Work");
    patch({{"name", "Home"}});
    BOOST_TEST(history(alice.id).back().at("changed") == json({"name"}));
    restart();
    BOOST_TEST(metadata() == json({{"b", "x"}, {"c", true}}));
    BOOST_TEST(detail(alice.id).at("name") == "Home");
}

BOOST_AUTO_TEST_CASE(null_takes_away)
{
    patch({{"name", "Work"}, {"metadata", {{"a", 1}}}});
    BOOST_TEST(patch({{"metadata", nullptr}}).status == 200U);
    BOOST_TEST(metadata().is_null());
    BOOST_TEST(patch({{"name", nullptr}}).status == 200U);
    BOOST_TEST(!detail(alice.id).contains("name"));
    BOOST_TEST(!history(alice.id).back().contains("name"));
    patch({{"metadata", {{"a", 1}}}});
    patch({{"metadata", {{"a", nullptr}}}}); // the last member
    BOOST_TEST(metadata().is_null());
    BOOST_TEST((env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::metadata); }) == 0U));
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_writes_nothing)
{
    patch({{"name", "Work"}, {"metadata", {{"a", 1}}}});
    const auto rows = history(alice.id).size();
    const auto before = version();
    for (const json& body :
         {json::object(), json{{"name", "Work"}}, json{{"metadata", {{"a", 1}}}}, json{{"metadata", json::object()}},
          json{{"metadata", {{"b", nullptr}}}}, json{{"unknown", 5}}}) {
        const auto got = patch(body);
        BOOST_TEST(got.status == 200U, body);
        BOOST_TEST(got.body == detail(alice.id));
    }
    BOOST_TEST(history(alice.id).size() == rows);
    BOOST_TEST(version() == before);
}

BOOST_AUTO_TEST_CASE(a_version_may_be_asked_for)
{
    const auto tag = [&] { return '"' + std::to_string(version()) + '"'; };
    const auto old = tag();
    BOOST_TEST(office("GET", path()).header("ETag") == old);
    BOOST_TEST(patch({{"name", "A"}}, old).status == 200U);
    const auto late = patch({{"name", "B"}}, old);
    BOOST_TEST(late.status == 412U);
    BOOST_TEST(late.code() == "ERROR_PRECONDITION");
    BOOST_TEST(detail(alice.id).at("name") == "A");
    BOOST_TEST(patch({{"name", "A"}}, old).status == 412U); // also where there is nothing to do
    BOOST_TEST(patch({{"name", "B"}}, old + ", " + tag()).status == 200U);
    BOOST_TEST(patch({{"name", "C"}}, "*").status == 200U);
    BOOST_TEST(complains_of(patch({{"name", "D"}}, "5"), "If-Match"));
    // Attempts count as versions.
    const auto before = tag();
    BOOST_TEST(alice.phone.validate(bench::signature_type::possession_knowledge, right_pin));
    BOOST_TEST(patch({{"name", "D"}}, before).status == 412U);
}

// What was read and what is swapped are one version: of two edits of the same one is made.
BOOST_AUTO_TEST_CASE(of_edits_of_one_version_at_once_one_is_made)
{
    const auto tag = '"' + std::to_string(version()) + '"';
    std::atomic<int> made{0};
    std::atomic<int> refused{0};
    on_threads(4, [&](unsigned who) {
        const auto body = json{{"name", "n" + std::to_string(who)}}.dump();
        const auto status = call_alone(handlers::side::office, patch_request(body, tag)).status;
        made += status == 200U ? 1 : 0;
        refused += status == 412U ? 1 : 0;
    });
    BOOST_TEST(made == 1);
    BOOST_TEST(refused == 3);
}

// Each builds upon the ones before, whoever made those.
BOOST_AUTO_TEST_CASE(edits_of_metadata_at_once_are_all_made)
{
    constexpr unsigned callers = 4;
    constexpr unsigned each_does = 6;
    on_threads(callers, [&](unsigned who) {
        for (unsigned i = 0; i < each_does; ++i) {
            const auto member = std::to_string(who) + "-" + std::to_string(i);
            const auto body = json{{"metadata", {{member, i}}}}.dump();
            static_cast<void>(call_alone(handlers::side::office, patch_request(body)));
        }
    });
    BOOST_TEST(metadata().size() == callers * each_does);
    BOOST_TEST(history(alice.id).size() == 3 + callers * each_does);
}

BOOST_AUTO_TEST_CASE(edits_are_for_all_states_but_removed_and_names_wait_for_the_phone)
{
    const auto made = create("bob");
    const auto edit = [&](const json& body) { return office("PATCH", "/v2/registrations/" + made.id, body.dump()); };
    BOOST_TEST(edit({{"metadata", {{"a", 1}}}}).status == 200U);
    BOOST_TEST(edit({{"name", "x"}}).code() == "ERROR_REGISTRATION_CHANGE");
    auto bobs = phone();
    static_cast<void>(bobs.activate(made.qr_data, right_pin));
    BOOST_TEST(edit({{"name", "x"}}).status == 200U);
    BOOST_TEST(office("POST", "/v2/registrations/" + made.id + "/commit", "{}").status == 200U);
    BOOST_TEST(office("PUT", "/v2/registrations/" + made.id, R"({"change":"BLOCK"})").status == 200U);
    BOOST_TEST(edit({{"name", "y"}, {"metadata", {{"b", 1}}}}).status == 200U);
    BOOST_TEST(status(made.id) == "BLOCKED");
    BOOST_TEST(office("DELETE", "/v2/registrations/" + made.id).status == 200U);
    BOOST_TEST(edit({{"metadata", {{"c", 1}}}}).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(detail(made.id).at("metadata") == json({{"a", 1}, {"b", 1}}));
}

BOOST_AUTO_TEST_CASE(an_edit_keeps_the_count_and_the_flags)
{
    BOOST_TEST(office("PUT", path("/flags"), R"({"flags":["A"]})").status == 200U);
    BOOST_TEST(!alice.phone.validate(bench::signature_type::possession_knowledge, wrong_pin));
    BOOST_TEST(patch({{"name", "x"}, {"metadata", {{"a", 1}}}}).status == 200U);
    BOOST_TEST(detail(alice.id).at("failedAttempts") == 1);
    BOOST_TEST(detail(alice.id).at("flags") == json({"A"}));
    BOOST_TEST(alice.phone.validate(bench::signature_type::possession_knowledge, right_pin));
}

BOOST_AUTO_TEST_CASE(bad_patches_are_mistakes)
{
    BOOST_TEST(complains_of(patch({{"name", ""}}), "name"));
    BOOST_TEST(complains_of(patch({{"name", 5}}), "name"));
    BOOST_TEST(complains_of(patch({{"name", std::string(256, 'x')}}), "name"));
    BOOST_TEST(complains_of(patch({{"name", "a\nb"}}), "name"));
    BOOST_TEST(complains_of(patch({{"metadata", 5}}), "metadata"));
    BOOST_TEST(complains_of(patch({{"metadata", {{"a", json::array()}}}}), "metadata.a"));
    BOOST_TEST(complains_of(patch({{"externalUserId", std::string(256, 'x')}}), "externalUserId"));
    BOOST_TEST(office("PATCH", path(), "[]").code() == "ERROR_REQUEST");
    BOOST_TEST(office("PATCH", path(), "").code() == "ERROR_REQUEST");
    BOOST_TEST(office("PATCH", path(), "{}", "stranger").code() == "ERROR_REGISTRATION_NOT_FOUND");
    // Together with what is there already.
    const std::string half(registry::metadata_bytes_max / 2, 'x');
    BOOST_TEST(patch({{"metadata", {{"a", half}}}}).status == 200U);
    BOOST_TEST(complains_of(patch({{"metadata", {{"b", half}}}}), "metadata"));
    BOOST_TEST(patch({{"metadata", {{"a", nullptr}, {"b", half}}}}).status == 200U);
    BOOST_TEST(metadata() == json({{"b", half}}));
}

// An edit that reaches the writer after a later rename does not bring its name back.
BOOST_AUTO_TEST_CASE(an_edit_that_comes_late_leaves_later_names_alone)
{
    const auto slot = handlers::find_slot(services(), *registry::uuid::parse(alice.id));
    const auto transition = [&](registry::move by, const std::string& name) {
        auto out = registry::attempts::change_state(slot, by, {"office", ""}, "", clock.now()).value();
        out.labelled = registry::labels{name};
        return out;
    };
    for (const auto later : {registry::move::rename, registry::move::edit}) {
        auto first = transition(registry::move::edit, "early");
        auto second = transition(later, "late");
        registry::transitions two{&services().journal, {}};
        two.steps.push_back(std::move(second));
        two.steps.push_back(std::move(first));
        BOOST_TEST(!commit(std::move(two)));
        BOOST_TEST(detail(alice.id).at("name") == "late");
        const auto rows = history(alice.id);
        BOOST_TEST(rows.back().at("name") == "late");
        BOOST_TEST(rows.at(rows.size() - 2).at("name") == "early");
    }
}

BOOST_AUTO_TEST_CASE(limits_are_patched_and_hold_for_the_next_attempt)
{
    const auto rows = history(alice.id).size();
    const auto got = patch({{"maxFailedAttempts", 2}, {"policy", {{"block", "temporary"}}}, {"name", "x"}});
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body.at("maxFailedAttempts") == 2);
    BOOST_TEST(got.body.at("policy").at("block") == "temporary");
    BOOST_TEST(got.body.at("name") == "x");
    BOOST_TEST(history(alice.id).at(rows).at("event") == "CHANGE_LIMITS");
    BOOST_TEST(history(alice.id).at(rows + 1).at("event") == "EDIT");
    BOOST_TEST(history(alice.id).size() == rows + 2);
    BOOST_TEST(patch({{"maxFailedAttempts", 2}}).status == 200U); // so already: no history
    BOOST_TEST(history(alice.id).size() == rows + 2);

    BOOST_TEST(
        patch({{"policy", {{"temporary", {{"first", 60'000}}}}}}).body.at("policy").at("temporary").at("first") ==
        60'000);
    for (int i = 0; i < 2; ++i)
        BOOST_TEST(!alice.phone.validate(bench::signature_type::possession_knowledge, wrong_pin));
    BOOST_TEST(detail(alice.id).at("blockedUntil") == clock.now() + 60'000);
    restart();
    BOOST_TEST(detail(alice.id).at("maxFailedAttempts") == 2);
    BOOST_TEST(!patch({{"policy", nullptr}}).body.contains("policy"));
}

BOOST_AUTO_TEST_CASE(limits_that_make_no_sense_are_mistakes)
{
    BOOST_TEST(complains_of(patch({{"maxFailedAttempts", 0}}), "maxFailedAttempts"));
    BOOST_TEST(complains_of(patch({{"maxFailedAttempts", 256}}), "maxFailedAttempts"));
    BOOST_TEST(complains_of(patch({{"maxFailedAttempts", nullptr}}), "maxFailedAttempts"));
    BOOST_TEST(complains_of(patch({{"policy", {{"counters", "all"}}}}), "policy.counters"));
    BOOST_TEST(complains_of(patch({{"policy", {{"temporary", {{"first", 60'000}}}}}}), "temporary"));
    const auto before = version();
    BOOST_TEST(patch({{"maxFailedAttempts", 3}}, "\"" + std::to_string(before + 7) + "\"").status == 412U);
    BOOST_TEST(patch({{"maxFailedAttempts", 3}}, "\"" + std::to_string(before) + "\"").status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()
