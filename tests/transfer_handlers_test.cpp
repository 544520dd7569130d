// Registrations made from others, through the whole of a server: what the back office may ask for, how they start, and
// what a block of the first one does to the others.

#include "handlers/cascade.hpp"
#include "tests/support.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using type = bench::signature_type;

constexpr type two_factors = type::possession_knowledge;
constexpr const char* otp = "0123456789abcdef";
constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

void check_error(const answer& got, unsigned status, std::string_view code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code, got.text);
}

// A world whose application "app" lets its registrations be passed on.
class transfer_world : public scratch_world {
public:
    explicit transfer_world(const json& rules = {{"spawn", true}, {"move", true}}) { allow(rules); }

    void allow(const json& rules, const std::string& id = "app")
    {
        const auto got = office("PATCH", "/admin/applications/" + id, json{{"transfer", rules}}.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }

    answer ask_transfer(const std::string& parent, const json& body, std::string_view who = "office")
    {
        return office("POST", path(parent, "/transfer"), body.dump(), who);
    }

    // A registration that waits for its phone.
    created pass_on(const std::string& parent, const std::string& how, const json& more = json::object())
    {
        json body{{"type", how}};
        body.update(more);
        const auto got = ask_transfer(parent, body, "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return {got.body.at("registrationId"), got.body.at("activationCode"), got.body.at("activationQrCodeData")};
    }

    // Exchanges keys for it; the state is what the commit phase says.
    bench::device exchange(const created& made, std::string_view with_otp = {}, const std::string& app = "app")
    {
        auto out = phone_of(app);
        bench::activation_details details;
        if (!with_otp.empty())
            details.otp = with_otp;
        static_cast<void>(out.activate(made.qr_data, right_pin, details));
        return out;
    }
    answer commit_registration(const std::string& id)
    {
        return office("POST", path(id, "/commit"), R"({"externalUserId":"clerk-7"})", "admin");
    }

    // One that was made from another and is active.
    enrolled started(const std::string& parent, const std::string& how)
    {
        const auto made = pass_on(parent, how, {{"otp", otp}});
        auto its_phone = exchange(made, otp);
        BOOST_TEST_REQUIRE(status(made.id) == "ACTIVE");
        return {made.id, std::move(its_phone)};
    }

    bench::device phone_of(const std::string& app)
    {
        if (app == "app")
            return phone();
        if (!other_)
            other_ = application(app);
        bench::device_state state;
        state.pin_iterations = 1;
        bench::device out{*other_, std::move(state), bench::wire_style::android,
                          [this](const bench::http_request& req) { return device(req); }};
        out.take_time_from([this] { return clock.now(); });
        return out;
    }

    std::vector<std::string> children(const std::string& id, std::string_view query = {})
    {
        const auto got = office("GET", path(id, "/children") + std::string{query}, {}, "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        std::vector<std::string> out;
        for (const json& each : got.body.at("registrations"))
            out.push_back(each.at("registrationId"));
        return out;
    }

    json last_row(const std::string& id) { return history(id).back(); }
    answer block(const std::string& id, std::string_view query = {}, const json& more = json::object())
    {
        json body{{"change", "BLOCK"}};
        body.update(more);
        return office("PUT", path(id) + std::string{query}, body.dump());
    }
    answer unblock(const std::string& id) { return office("PUT", path(id), R"({"change":"UNBLOCK"})"); }

private:
    std::optional<bench::application> other_;
};

template <class Action>
int refused_with(const Action& action)
{
    try {
        action();
        return 200;
    } catch (const bench::server_refused& answer) {
        return answer.http_status;
    }
}

} // namespace

// --- POST /v2/registrations/{id}/transfer

BOOST_AUTO_TEST_SUITE(transfer_office)

BOOST_AUTO_TEST_CASE(the_answer_is_a_code_for_the_same_user)
{
    transfer_world world;
    const auto parent = enrol(world);
    for (const std::string how : {"SPAWN", "MOVE"}) {
        const auto got = world.ask_transfer(parent.id, {{"type", how}, {"externalUserId", "clerk-7"}});
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        const std::string id = got.body.at("registrationId");
        BOOST_TEST(id != parent.id);
        BOOST_TEST(got.body.at("parentRegistrationId") == parent.id);
        BOOST_TEST(got.body.at("transferType") == how);
        BOOST_TEST(got.body.at("activationQrCodeData") ==
                   got.body.at("activationCode").get<std::string>() + '#' +
                       got.body.at("activationCodeSignature").get<std::string>());
        const auto detail = world.detail(id);
        BOOST_TEST(detail.at("registrationStatus") == "CREATED");
        BOOST_TEST(detail.at("userId") == "alice");
        BOOST_TEST(detail.at("applicationId") == "app");
        BOOST_TEST(detail.at("parentRegistrationId") == parent.id);
        BOOST_TEST(detail.at("transferType") == how);
        BOOST_TEST(!detail.contains("childCount"));
        const auto rows = world.history(id);
        BOOST_TEST_REQUIRE(rows.size() == 1U);
        BOOST_TEST(rows[0].at("event") == "CREATE");
        BOOST_TEST(rows[0].at("eventReason") == how + ':' + parent.id);
        BOOST_TEST(rows[0].at("account") == "office");
        BOOST_TEST(rows[0].at("externalUserId") == "clerk-7");
    }
    const auto detail = world.detail(parent.id);
    BOOST_TEST(detail.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(detail.at("childCount") == 2);
    BOOST_TEST(!detail.contains("parentRegistrationId"));
    BOOST_TEST(!detail.contains("transferType"));
}

BOOST_AUTO_TEST_CASE(the_rules_of_the_application_decide)
{
    transfer_world world;
    world.office("POST", "/admin/users/office/applications/other", {}, "admin");
    const auto parent = enrol(world);
    const struct {
        json rules;
        json body;
        unsigned status;
    } table[]{
        {nullptr, {{"type", "SPAWN"}}, 403},
        {nullptr, {{"type", "MOVE"}}, 403},
        {{{"spawn", true}}, {{"type", "SPAWN"}}, 200},
        {{{"spawn", true}}, {{"type", "MOVE"}}, 403},
        {{{"spawn", false}, {"move", true}}, {{"type", "SPAWN"}}, 403},
        {{{"spawn", false}, {"move", true}}, {{"type", "MOVE"}}, 200},
        {{{"spawn", true}}, {{"type", "SPAWN"}, {"appId", "app"}}, 200},
        {{{"spawn", true}}, {{"type", "SPAWN"}, {"appId", "other"}}, 403},
        {{{"targets", {"other"}}}, {{"type", "SPAWN"}, {"appId", "other"}}, 200},
        {{{"targets", {"other"}}}, {{"type", "SPAWN"}}, 403},
        {{{"targets", {"app", "other"}}}, {{"type", "SPAWN"}}, 200},
    };
    for (const auto& [rules, body, status] : table)
        BOOST_TEST_CONTEXT(rules << ' ' << body)
        {
            world.allow(rules);
            const auto got = world.ask_transfer(parent.id, body);
            if (status == 200)
                BOOST_TEST(got.status == 200U, got.text);
            else
                check_error(got, 403, "ERROR_FORBIDDEN");
        }
}

BOOST_AUTO_TEST_CASE(an_application_that_the_account_does_not_see_does_not_exist)
{
    transfer_world world{{{"spawn", true}, {"targets", {"other"}}}};
    const auto parent = enrol(world);
    for (const char* id : {"other", "nonsense"}) {
        const auto got = world.ask_transfer(parent.id, {{"type", "SPAWN"}, {"appId", id}});
        check_error(got, 400, "ERROR_REQUEST");
        BOOST_TEST((got.violated() == std::vector<std::string>{"appId"}));
    }
    BOOST_TEST(world.ask_transfer(parent.id, {{"type", "SPAWN"}, {"appId", "other"}}, "admin").status == 200U);
}

BOOST_AUTO_TEST_CASE(unknown_and_foreign_parents_look_alike)
{
    transfer_world world;
    const auto parent = enrol(world);
    check_error(world.ask_transfer(parent.id, {{"type", "SPAWN"}}, "stranger"), 400, "ERROR_REGISTRATION_NOT_FOUND");
    for (const std::string id : {nobodys_id, "x"})
        check_error(world.ask_transfer(id, {{"type", "SPAWN"}}), 400, "ERROR_REGISTRATION_NOT_FOUND");
}

BOOST_AUTO_TEST_CASE(only_an_active_parent_is_passed_on)
{
    transfer_world world;
    const auto created = world.create("carl");
    check_error(world.ask_transfer(created.id, {{"type", "SPAWN"}}), 400, "ERROR_REGISTRATION_CHANGE");
    static_cast<void>(world.exchange(created));
    BOOST_TEST_REQUIRE(world.status(created.id) == "PENDING_COMMIT");
    check_error(world.ask_transfer(created.id, {{"type", "SPAWN"}}), 400, "ERROR_REGISTRATION_CHANGE");
    const auto parent = enrol(world);
    world.block(parent.id);
    check_error(world.ask_transfer(parent.id, {{"type", "MOVE"}}), 400, "ERROR_REGISTRATION_CHANGE");
    world.unblock(parent.id);
    BOOST_TEST(world.ask_transfer(parent.id, {{"type", "MOVE"}}).status == 200U);
    world.office("DELETE", path(parent.id));
    check_error(world.ask_transfer(parent.id, {{"type", "MOVE"}}), 400, "ERROR_REGISTRATION_CHANGE");
}

BOOST_AUTO_TEST_CASE(bad_fields_are_told)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto soon = world.clock.now() - 1;
    const std::pair<json, std::set<std::string>> table[]{
        {json::object(), {"type"}},
        {{{"type", "spawn"}}, {"type"}},
        {{{"type", "CLONE"}}, {"type"}},
        {{{"type", 1}}, {"type"}},
        {{{"type", "SPAWN"}, {"otp", "012345678901234"}}, {"otp"}},
        {{{"type", "SPAWN"}, {"otp", std::string(65, '1')}}, {"otp"}},
        {{{"type", "SPAWN"}, {"appId", 7}}, {"appId"}},
        {{{"type", "SPAWN"}, {"flags", "A"}}, {"flags"}},
        {{{"type", "SPAWN"}, {"timestampRegistrationExpire", soon}}, {"timestampRegistrationExpire"}},
        {{{"type", "SPAWN"}, {"commitPhase", "LATER"}}, {"commitPhase"}},
        {{{"type", "CLONE"}, {"otp", "short"}, {"flags", 1}}, {"type", "otp", "flags"}},
    };
    for (const auto& [body, fields] : table)
        BOOST_TEST_CONTEXT(body)
        {
            const auto got = world.ask_transfer(parent.id, body);
            check_error(got, 400, "ERROR_REQUEST");
            const auto violated = got.violated();
            BOOST_TEST((std::set<std::string>(violated.begin(), violated.end()) == fields), got.text);
            BOOST_TEST(got.text.find("012345678901234") == std::string::npos);
        }
    check_error(world.office("POST", path(parent.id, "/transfer"), "nonsense"), 400, "ERROR_REQUEST");
}

BOOST_AUTO_TEST_CASE(flags_and_limit_come_from_the_rules)
{
    transfer_world world{
        {{"spawn", true}, {"flags", {"CLONE", "WATCHED"}}, {"maxFailedAttempts", 2}, {"targets", {"app", "other"}}}};
    const auto parent = enrol(world, {{"flags", {"VIP"}}, {"maxFailedAttempts", 9}});
    auto made = world.pass_on(parent.id, "SPAWN");
    BOOST_TEST((world.detail(made.id).at("flags") == json{"CLONE", "WATCHED"}));
    BOOST_TEST(world.detail(made.id).at("maxFailedAttempts") == 2);
    made = world.pass_on(parent.id, "SPAWN", {{"flags", {"TABLET", "CLONE"}}});
    BOOST_TEST((world.detail(made.id).at("flags") == json{"CLONE", "TABLET", "WATCHED"}));
    // Without a limit in the rules: that of the application that receives.
    world.allow({{"maxFailedAttempts", nullptr}});
    BOOST_TEST_REQUIRE(
        world.office("PATCH", "/admin/applications/other", R"({"maxFailedAttempts":7})", "admin").status == 200U);
    made = world.pass_on(parent.id, "SPAWN", {{"appId", "other"}});
    BOOST_TEST(world.detail(made.id).at("maxFailedAttempts") == 7);
    BOOST_TEST(world.detail(made.id).at("applicationId") == "other");
    // The two kinds of flags together keep the limit that each of them keeps.
    json many = json::array();
    for (std::size_t i = 0; i < registry::flags_max; ++i)
        many.push_back("F" + std::to_string(i));
    const auto got = world.ask_transfer(parent.id, {{"type", "SPAWN"}, {"flags", many}});
    check_error(got, 400, "ERROR_REQUEST");
    BOOST_TEST((got.violated() == std::vector<std::string>{"flags"}));
}

BOOST_AUTO_TEST_CASE(a_password_takes_the_place_of_the_commit)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto phase = [&](const json& more) {
        return world.detail(world.pass_on(parent.id, "SPAWN", more).id).at("commitPhase").get<std::string>();
    };
    BOOST_TEST(phase(json::object()) == "ON_COMMIT");
    BOOST_TEST(phase({{"otp", otp}}) == "ON_KEY_EXCHANGE");
    BOOST_TEST(phase({{"otp", otp}, {"commitPhase", "ON_COMMIT"}}) == "ON_COMMIT");
    BOOST_TEST(phase({{"otp", otp}, {"otpValidation", "ON_COMMIT"}}) == "ON_COMMIT");
    BOOST_TEST(phase({{"commitPhase", "ON_KEY_EXCHANGE"}}) == "ON_KEY_EXCHANGE");
}

BOOST_AUTO_TEST_CASE(only_so_many_children_wait_at_once)
{
    transfer_world world;
    const auto parent = enrol(world);
    std::vector<std::string> waiting;
    for (std::size_t i = 0; i < registry::waiting_children_max; ++i)
        waiting.push_back(world.pass_on(parent.id, i % 2 == 0 ? "SPAWN" : "MOVE").id);
    check_error(world.ask_transfer(parent.id, {{"type", "SPAWN"}}), 400, "ERROR_REGISTRATION_NOT_ALLOWED");
    BOOST_TEST(world.detail(parent.id).at("childCount") == registry::waiting_children_max);
    world.office("DELETE", path(waiting.front()));
    BOOST_TEST(world.detail(parent.id).at("childCount") == registry::waiting_children_max - 1);
    BOOST_TEST(world.ask_transfer(parent.id, {{"type", "SPAWN"}}).status == 200U);
    // Those whose time is over do not count, whether or not somebody has looked.
    world.clock.advance(registry::registration_expiry_default_ms);
    BOOST_TEST(world.ask_transfer(parent.id, {{"type", "SPAWN"}}).status == 200U);
}

BOOST_AUTO_TEST_CASE(only_so_many_children_start)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto number = world.services().journal.view([&](const registry::snapshot& txn) {
        return registry::find_number(txn, *registry::uuid::parse(parent.id)).value();
    });
    auto fill = [&](kv::write_txn& txn) {
        for (std::size_t i = 0; i < registry::children_max; ++i)
            txn.put(registry::tables::children, registry::child_key(number, 1'000'000 + i), {});
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!world.commit(fill));
    check_error(world.ask_transfer(parent.id, {{"type", "SPAWN"}}), 409, "ERROR_CONFLICT");
}

BOOST_AUTO_TEST_CASE(children_are_listed_newest_first_page_by_page)
{
    transfer_world world;
    const auto parent = enrol(world);
    BOOST_TEST(world.children(parent.id).empty());
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i)
        ids.insert(ids.begin(), world.started(parent.id, "SPAWN").id);
    BOOST_TEST(world.children(parent.id) == ids);
    world.office("DELETE", path(ids[1]));
    BOOST_TEST(world.children(parent.id).size() == 4U);
    BOOST_TEST(world.children(parent.id, "?removed=true") == ids);
    BOOST_TEST(world.children(parent.id, "?status=REMOVED") == std::vector<std::string>{ids[1]});
    BOOST_TEST(world.detail(parent.id).at("childCount") == 5);

    std::vector<std::string> paged;
    std::string query = "?removed=true&limit=2";
    for (std::string cursor;;) {
        const auto got = world.office("GET", path(parent.id, "/children") + query + cursor);
        BOOST_TEST_REQUIRE(got.status == 200U);
        BOOST_TEST(got.body.at("registrations").size() <= 2U);
        for (const json& each : got.body.at("registrations"))
            paged.push_back(each.at("registrationId"));
        if (!got.body.contains("nextCursor"))
            break;
        cursor = "&cursor=" + got.body.at("nextCursor").get<std::string>();
    }
    BOOST_TEST(paged == ids);
    // A row is what the list of the user says of it.
    const auto rows = world.office("GET", path(parent.id, "/children?removed=true")).body.at("registrations");
    const auto all = world.office("GET", "/v2/registrations?userId=alice&removed=true").body.at("registrations");
    for (const json& row : rows)
        BOOST_TEST((std::ranges::find(all, row) != all.end()));
    check_error(world.office("GET", path(parent.id, "/children?limit=0")), 400, "ERROR_REQUEST");
    check_error(world.office("GET", path(parent.id, "/children"), {}, "stranger"), 400, "ERROR_REGISTRATION_NOT_FOUND");
    check_error(world.office("GET", path(nobodys_id, "/children")), 400, "ERROR_REGISTRATION_NOT_FOUND");
}

BOOST_AUTO_TEST_CASE(children_of_applications_that_the_account_does_not_see_are_not_listed)
{
    transfer_world world{{{"spawn", true}, {"targets", {"app", "other"}}}};
    const auto parent = enrol(world);
    const auto here = world.pass_on(parent.id, "SPAWN", {{"appId", "app"}});
    const auto there = world.pass_on(parent.id, "SPAWN", {{"appId", "other"}});
    const auto seen = world.office("GET", path(parent.id, "/children")).body.at("registrations");
    BOOST_TEST_REQUIRE(seen.size() == 1U);
    BOOST_TEST(seen[0].at("registrationId") == here.id);
    BOOST_TEST((world.children(parent.id) == std::vector<std::string>{there.id, here.id}));
}

BOOST_AUTO_TEST_CASE(a_child_that_never_started_leaves_no_trace_with_its_parent)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto removed = world.pass_on(parent.id, "SPAWN");
    const auto late = world.pass_on(parent.id, "MOVE");
    const auto tried = world.pass_on(parent.id, "SPAWN", {{"otp", otp}});
    world.office("DELETE", path(removed.id));
    for (int guess = 0; guess < 5; ++guess)
        BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(tried, "another password")); }) == 400);
    BOOST_TEST(world.status(tried.id) == "REMOVED");
    BOOST_TEST(world.children(parent.id, "?removed=true") == std::vector<std::string>{late.id});
    world.clock.advance(registry::registration_expiry_default_ms);
    BOOST_TEST(world.children(parent.id, "?removed=true").empty()); // reading it expires it
    BOOST_TEST(world.status(late.id) == "REMOVED");
    BOOST_TEST(!world.detail(parent.id).contains("childCount"));
    BOOST_TEST(world.detail(removed.id).at("parentRegistrationId") == parent.id);
    BOOST_TEST(world.history(parent.id).size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- how they start

BOOST_AUTO_TEST_SUITE(transfer_starts)

BOOST_AUTO_TEST_CASE(a_spawn_leaves_two_phones)
{
    for (const bool by_commit : {false, true}) {
        transfer_world world;
        auto parent = enrol(world);
        const auto made =
            by_commit ? world.pass_on(parent.id, "SPAWN") : world.pass_on(parent.id, "SPAWN", {{"otp", otp}});
        auto second = world.exchange(made, by_commit ? "" : otp);
        if (by_commit)
            BOOST_TEST_REQUIRE(world.commit_registration(made.id).status == 200U);
        BOOST_TEST(world.status(made.id) == "ACTIVE");
        BOOST_TEST(world.status(parent.id) == "ACTIVE");
        BOOST_TEST(parent.phone.validate(two_factors, right_pin));
        BOOST_TEST(second.validate(two_factors, right_pin));
        BOOST_TEST(!second.validate(two_factors, wrong_pin));
        BOOST_TEST(world.detail(parent.id).at("failedAttempts") == 0);

        const auto row = world.last_row(parent.id);
        BOOST_TEST(row.at("event") == "SPAWN");
        BOOST_TEST(row.at("eventReason") == "SPAWNED_TO:" + made.id);
        BOOST_TEST(row.at("registrationStatus") == "ACTIVE");
        BOOST_TEST(row.at("previousStatus") == "ACTIVE");
        BOOST_TEST(row.value("actorRegistrationId", "") == (by_commit ? "" : made.id));
        BOOST_TEST(row.value("account", "") == (by_commit ? "admin" : ""));
        BOOST_TEST(row.value("externalUserId", "") == (by_commit ? "clerk-7" : ""));
        const auto its_row = world.last_row(made.id);
        BOOST_TEST(its_row.at("event") == (by_commit ? "COMMIT" : "EXCHANGE_KEYS_AND_START"));
        BOOST_TEST(its_row.at("eventReason") == "SPAWNED_FROM:" + parent.id);
        BOOST_TEST(!its_row.contains("actorRegistrationId"));
        world.restart();
        BOOST_TEST(parent.phone.validate(two_factors, right_pin));
        BOOST_TEST(second.validate(two_factors, right_pin));
    }
}

BOOST_AUTO_TEST_CASE(a_move_leaves_one_phone)
{
    for (const bool by_commit : {false, true}) {
        transfer_world world;
        auto parent = enrol(world);
        const auto made =
            by_commit ? world.pass_on(parent.id, "MOVE") : world.pass_on(parent.id, "MOVE", {{"otp", otp}});
        auto second = world.exchange(made, by_commit ? "" : otp);
        if (by_commit) {
            BOOST_TEST(world.status(parent.id) == "ACTIVE"); // until the child is
            BOOST_TEST(parent.phone.validate(two_factors, right_pin));
            BOOST_TEST_REQUIRE(world.commit_registration(made.id).status == 200U);
        }
        BOOST_TEST(world.status(made.id) == "ACTIVE");
        BOOST_TEST(world.status(parent.id) == "REMOVED");
        BOOST_TEST(!parent.phone.validate(two_factors, right_pin));
        BOOST_TEST(parent.phone.status().state_name() == "REMOVED");
        BOOST_TEST(second.validate(two_factors, right_pin));

        const auto row = world.last_row(parent.id);
        BOOST_TEST(row.at("event") == "REMOVE");
        BOOST_TEST(row.at("eventReason") == "MOVED_TO:" + made.id);
        BOOST_TEST(row.value("actorRegistrationId", "") == (by_commit ? "" : made.id));
        BOOST_TEST(row.value("account", "") == (by_commit ? "admin" : ""));
        BOOST_TEST(world.last_row(made.id).at("eventReason") == "MOVED_FROM:" + parent.id);
        BOOST_TEST(world.detail(parent.id).at("childCount") == 1);
        world.restart();
        BOOST_TEST(world.status(parent.id) == "REMOVED");
        BOOST_TEST(second.validate(two_factors, right_pin));
        BOOST_TEST(world.history(parent.id).size() == 4U);
        BOOST_TEST(world.history(made.id).size() == (by_commit ? 3U : 2U));
    }
}

BOOST_AUTO_TEST_CASE(a_blocked_parent_keeps_its_children_waiting)
{
    for (const std::string how : {"SPAWN", "MOVE"}) {
        transfer_world world;
        auto parent = enrol(world);
        const auto by_exchange = world.pass_on(parent.id, how, {{"otp", otp}});
        const auto by_commit = world.pass_on(parent.id, how);
        static_cast<void>(world.exchange(by_commit));
        world.block(parent.id);
        BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(by_exchange, otp)); }) == 400);
        check_error(world.commit_registration(by_commit.id), 400, "ERROR_REGISTRATION_CHANGE");
        BOOST_TEST(world.status(by_exchange.id) == "CREATED");
        BOOST_TEST(world.status(by_commit.id) == "PENDING_COMMIT");
        BOOST_TEST(world.status(parent.id) == "BLOCKED");
        BOOST_TEST(world.history(by_exchange.id).size() == 1U);
        // The code is not used up.
        world.unblock(parent.id);
        static_cast<void>(world.exchange(by_exchange, otp));
        BOOST_TEST(world.status(by_exchange.id) == "ACTIVE");
    }
}

// What a phone has begun ends with it.
BOOST_AUTO_TEST_CASE(a_removed_parent_takes_its_waiting_children_with_it)
{
    for (const std::string how : {"SPAWN", "MOVE"}) {
        transfer_world world;
        auto parent = enrol(world);
        const auto by_exchange = world.pass_on(parent.id, how, {{"otp", otp}});
        const auto by_commit = world.pass_on(parent.id, how);
        static_cast<void>(world.exchange(by_commit));
        world.office("DELETE", path(parent.id));
        BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(by_exchange, otp)); }) == 400);
        check_error(world.commit_registration(by_commit.id), 400, "ERROR_REGISTRATION_CHANGE");
        for (const auto& id : {by_exchange.id, by_commit.id}) {
            BOOST_TEST(world.status(id) == "REMOVED");
            BOOST_TEST(world.last_row(id).at("event") == "CANCEL");
            BOOST_TEST(world.last_row(id).at("eventReason") == "PARENT_REMOVED");
            const auto rows = world.history(id).size();
            static_cast<void>(world.commit_registration(id));
            BOOST_TEST(world.history(id).size() == rows);
        }
        BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(by_exchange, otp)); }) == 400);
    }
}

BOOST_AUTO_TEST_CASE(of_two_moves_the_first_to_start_counts)
{
    transfer_world world;
    auto parent = enrol(world);
    const auto first = world.pass_on(parent.id, "MOVE", {{"otp", otp}});
    const auto second = world.pass_on(parent.id, "MOVE", {{"otp", otp}});
    auto phone = world.exchange(second, otp);
    BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(first, otp)); }) == 400);
    BOOST_TEST(world.status(parent.id) == "REMOVED");
    BOOST_TEST(world.status(first.id) == "REMOVED");
    BOOST_TEST(world.status(second.id) == "ACTIVE");
    BOOST_TEST(phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(a_child_that_does_not_start_leaves_its_parent_alone)
{
    transfer_world world;
    auto parent = enrol(world);
    const auto removed = world.pass_on(parent.id, "MOVE");
    static_cast<void>(world.exchange(removed));
    world.office("DELETE", path(removed.id));
    check_error(world.commit_registration(removed.id), 400, "ERROR_REGISTRATION_CHANGE");
    const auto late = world.pass_on(parent.id, "MOVE", {{"otp", otp}});
    world.clock.advance(registry::registration_expiry_default_ms);
    BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(late, otp)); }) == 400);
    const auto guessed = world.pass_on(parent.id, "MOVE", {{"otp", otp}});
    BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(guessed, "0123456789abcdeF")); }) == 400);
    BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(guessed)); }) == 400);
    BOOST_TEST(world.status(parent.id) == "ACTIVE");
    BOOST_TEST(parent.phone.validate(two_factors, right_pin));
    BOOST_TEST(world.history(parent.id).size() == 3U);
}

BOOST_AUTO_TEST_CASE(failures_of_the_password_do_not_follow_the_child_into_its_life)
{
    transfer_world world;
    auto parent = enrol(world);
    const auto made = world.pass_on(parent.id, "MOVE", {{"otp", otp}});
    BOOST_TEST(refused_with([&] { static_cast<void>(world.exchange(made, "a wrong password")); }) == 400);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
    static_cast<void>(world.exchange(made, otp));
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_phone_that_took_the_place_of_another_is_passed_on_in_its_turn)
{
    transfer_world world;
    auto first = enrol(world);
    auto second = world.started(first.id, "MOVE");
    auto third = world.started(second.id, "SPAWN");
    auto fourth = world.started(third.id, "MOVE");
    BOOST_TEST(world.status(first.id) == "REMOVED");
    BOOST_TEST(world.status(second.id) == "ACTIVE");
    BOOST_TEST(world.status(third.id) == "REMOVED");
    BOOST_TEST(world.status(fourth.id) == "ACTIVE");
    BOOST_TEST(second.phone.validate(two_factors, right_pin));
    BOOST_TEST(fourth.phone.validate(two_factors, right_pin));
    BOOST_TEST(world.children(first.id) == std::vector<std::string>{second.id});
    BOOST_TEST(world.children(second.id, "?removed=true") == std::vector<std::string>{third.id});
    BOOST_TEST(world.children(third.id) == std::vector<std::string>{fourth.id});
}

BOOST_AUTO_TEST_CASE(a_phone_moves_to_another_application)
{
    transfer_world world{{{"move", true}, {"targets", {"other"}}}};
    auto parent = enrol(world);
    const auto made = world.pass_on(parent.id, "MOVE", {{"appId", "other"}, {"otp", otp}});
    auto phone = world.exchange(made, otp, "other");
    BOOST_TEST(world.status(parent.id) == "REMOVED");
    BOOST_TEST(world.detail(made.id).at("applicationId") == "other");
    BOOST_TEST(phone.validate(two_factors, right_pin));
    // Each account sees its own end of it.
    BOOST_TEST(world.office("GET", path(made.id), {}, "stranger").status == 200U);
    check_error(world.office("GET", path(made.id)), 400, "ERROR_REGISTRATION_NOT_FOUND");
    check_error(world.office("GET", path(parent.id), {}, "stranger"), 400, "ERROR_REGISTRATION_NOT_FOUND");
}

// What a transfer would not have taken is not taken afterwards.
BOOST_AUTO_TEST_CASE(another_password_of_a_child_is_not_shorter)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto replace = [&](const std::string& id, const std::string& with) {
        return world.office("PUT", path(id, "/otp"), json{{"otp", with}}.dump());
    };
    const auto short_one = std::string(registry::transfer_otp_characters_min - 1, '7');
    for (const json& more : {json::object(), json{{"otp", otp}, {"commitPhase", "ON_COMMIT"}}}) {
        const auto made = world.pass_on(parent.id, "SPAWN", more);
        static_cast<void>(world.exchange(made));
        BOOST_TEST_REQUIRE(world.status(made.id) == "PENDING_COMMIT");
        const auto before = world.detail(made.id);
        for (const std::string& with : {std::string{"1"}, short_one}) {
            const auto got = replace(made.id, with);
            BOOST_TEST((got.violated() == std::vector<std::string>{"otp"}), got.text);
            const auto asked = world.ask_transfer(parent.id, {{"type", "SPAWN"}, {"otp", with}});
            BOOST_TEST(got.body == asked.body); // told as a transfer tells it
        }
        BOOST_TEST(world.detail(made.id) == before);
        BOOST_TEST(replace(made.id, short_one + "\xC3\xA9").status == 200U); // counted in characters
    }
    // Of others it may be as short as ever.
    const auto alone = world.create();
    static_cast<void>(world.exchange(alone));
    BOOST_TEST(replace(alone.id, "1").status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- what a block does to those that were made from it

BOOST_AUTO_TEST_SUITE(transfer_cascade)

namespace {

void check_cascade(const answer& got, int blocked, int removed)
{
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body.at("registrationStatus") == "BLOCKED");
    BOOST_TEST_REQUIRE(got.body.contains("cascade"), got.text);
    BOOST_TEST(got.body.at("cascade").at("blocked") == blocked);
    BOOST_TEST(got.body.at("cascade").at("removed") == removed);
    BOOST_TEST(got.body.at("cascade").at("complete") == true);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_block_leaves_others_alone_unless_it_is_asked_to_cascade)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto child = world.started(parent.id, "SPAWN");
    const auto got = world.block(parent.id);
    BOOST_TEST(!got.body.contains("cascade"));
    BOOST_TEST(world.status(child.id) == "ACTIVE");
    // Asking again, of what is blocked already, is how a cascade is made up for.
    check_cascade(world.block(parent.id, "?cascade=true"), 1, 0);
    BOOST_TEST(world.status(child.id) == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(the_query_the_body_and_the_application_may_ask_for_it)
{
    for (int way = 0; way < 3; ++way) {
        transfer_world world;
        const auto parent = enrol(world);
        const auto child = world.started(parent.id, "SPAWN");
        if (way == 2)
            world.allow({{"cascadeBlock", true}});
        check_cascade(way == 0   ? world.block(parent.id, "?cascade=true")
                      : way == 1 ? world.block(parent.id, {}, {{"cascade", true}})
                                 : world.block(parent.id),
                      1, 0);
        BOOST_TEST(world.status(child.id) == "BLOCKED");
    }
}

BOOST_AUTO_TEST_CASE(bad_wishes_are_told)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto check = [&](const answer& got) {
        check_error(got, 400, "ERROR_REQUEST");
        BOOST_TEST((got.violated() == std::vector<std::string>{"cascade"}), got.text);
    };
    check(world.block(parent.id, "?cascade=yes"));
    check(world.block(parent.id, {}, {{"cascade", "true"}}));
    check(world.office("PUT", path(parent.id), R"({"change":"UNBLOCK","cascade":true})"));
    BOOST_TEST(world.status(parent.id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(each_that_is_blocked_has_a_row_that_says_why)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto child = world.started(parent.id, "SPAWN");
    const auto waiting = world.pass_on(parent.id, "MOVE");
    check_cascade(world.block(parent.id, "?cascade=true", {{"blockedReason", "STOLEN"}, {"externalUserId", "clerk-7"}}),
                  1, 1);
    BOOST_TEST(world.detail(parent.id).at("blockedReason") == "STOLEN");
    BOOST_TEST(world.detail(child.id).at("blockedReason") == "BLOCKED_WITH:" + parent.id);
    for (const auto& [id, event] : {std::pair{child.id, "BLOCK"}, std::pair{waiting.id, "CANCEL"}}) {
        const auto row = world.last_row(id);
        BOOST_TEST(row.at("event") == event);
        BOOST_TEST(row.at("eventReason") == "BLOCKED_WITH:" + parent.id);
        BOOST_TEST(row.at("account") == "office");
        BOOST_TEST(row.at("externalUserId") == "clerk-7");
    }
    // Once: the second time there is nothing left to do.
    const auto rows = world.history(child.id).size();
    check_cascade(world.block(parent.id, "?cascade=true"), 0, 0);
    BOOST_TEST(world.history(child.id).size() == rows);
    BOOST_TEST(world.detail(parent.id).at("blockedReason") == "STOLEN");
}

//                 root
//        +---------+--------+----------+
//      active   removed   blocked    waiting
//        |         |         |
//      active   active    active
//                  |
//             moved -> active
BOOST_AUTO_TEST_CASE(everything_that_comes_from_it_is_reached)
{
    transfer_world world;
    const auto root = enrol(world);
    auto active = world.started(root.id, "SPAWN");
    auto removed = world.started(root.id, "SPAWN");
    auto blocked = world.started(root.id, "SPAWN");
    auto waiting = world.pass_on(root.id, "SPAWN");
    auto below_active = world.started(active.id, "SPAWN");
    auto below_removed = world.started(removed.id, "SPAWN");
    auto below_blocked = world.started(blocked.id, "SPAWN");
    auto successor = world.started(below_removed.id, "MOVE");
    world.office("DELETE", path(removed.id));
    world.block(blocked.id, {}, {{"blockedReason", "LOST"}});
    const auto stranger = enrol(world, json::object(), bench::protocol_version::v3_3, "bob");

    check_cascade(world.block(root.id, "?cascade=true"), 4, 1);
    for (const auto* each : {&active, &below_active, &below_blocked, &successor})
        BOOST_TEST(world.status(each->id) == "BLOCKED");
    BOOST_TEST(world.status(removed.id) == "REMOVED");
    BOOST_TEST(world.status(below_removed.id) == "REMOVED");
    BOOST_TEST(world.status(waiting.id) == "REMOVED");
    BOOST_TEST(world.detail(blocked.id).at("blockedReason") == "LOST");
    BOOST_TEST(world.status(stranger.id) == "ACTIVE");
    BOOST_TEST(!successor.phone.validate(two_factors, right_pin));
    // Unblocking is each one's own matter.
    world.unblock(root.id);
    BOOST_TEST(world.status(active.id) == "BLOCKED");
    world.unblock(active.id);
    BOOST_TEST(active.phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(it_reaches_other_applications)
{
    transfer_world world{{{"spawn", true}, {"targets", {"other"}}}};
    const auto parent = enrol(world);
    const auto made = world.pass_on(parent.id, "SPAWN", {{"appId", "other"}, {"otp", otp}});
    static_cast<void>(world.exchange(made, otp, "other"));
    check_cascade(world.block(parent.id, "?cascade=true"), 1, 0);
    BOOST_TEST(world.status(made.id) == "BLOCKED");
}

// A finder of the old phone could otherwise lock its owner out of the new one.
BOOST_AUTO_TEST_CASE(wrong_pins_do_not_cascade)
{
    transfer_world world{{{"spawn", true}, {"cascadeBlock", true}}};
    auto parent = enrol(world);
    auto child = world.started(parent.id, "SPAWN");
    for (int guess = 0; guess < 5; ++guess)
        BOOST_TEST(!parent.phone.validate(two_factors, wrong_pin));
    BOOST_TEST(world.status(parent.id) == "BLOCKED");
    BOOST_TEST(child.phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_blocked_does_not_cascade)
{
    transfer_world world;
    const auto parent = enrol(world);
    const auto child = world.started(parent.id, "MOVE");
    check_error(world.block(parent.id, "?cascade=true"), 400, "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.status(child.id) == "ACTIVE");
}

//        root
//    1 .. 3 .. 5      each with two below
BOOST_AUTO_TEST_CASE(a_cascade_that_is_asked_for_again_gets_further)
{
    transfer_world world;
    const auto root = enrol(world);
    std::vector<std::string> all;
    for (int i = 0; i < 5; ++i) {
        const auto child = world.started(root.id, "SPAWN").id;
        all.push_back(child);
        for (int below = 0; below < 2; ++below)
            all.push_back(world.started(child, "SPAWN").id);
    }
    const auto unfinished = world.pass_on(all.back(), "SPAWN").id;
    world.block(root.id);
    const auto full = world.services().journal.view([&](const registry::snapshot& txn) {
        return registry::find_full(txn, registry::uuid::parse(root.id).value()).value();
    });
    const auto ask = [&](const handlers::cascade_bounds& within) {
        return world.finish(handlers::block_descendants(world.services(), full, {}, within)).value();
    };
    const auto stopped = [&] {
        return std::ranges::count_if(all, [&](const std::string& id) { return world.status(id) == "BLOCKED"; });
    };
    // None of it is for nothing, although the same ones are looked at first.
    for (int i = 1; i <= 3; ++i) {
        const auto got = ask({.changed_max = 4, .looked_at_max = 100});
        BOOST_TEST(got.blocked == 4U);
        BOOST_TEST(!got.complete);
        BOOST_TEST(stopped() == 4 * i);
    }
    // Looking has its own bound: these are all blocked already.
    for (const std::size_t few : {1U, 5U, 12U}) {
        const auto got = ask({.changed_max = 100, .looked_at_max = few});
        BOOST_TEST(got.changed() == 0U);
        BOOST_TEST(!got.complete);
    }
    BOOST_TEST(stopped() == 12);
    // A bound that is just met is not exceeded.
    const auto last = ask({.changed_max = 4, .looked_at_max = 16});
    BOOST_TEST(last.blocked == 3U);
    BOOST_TEST(last.removed == 1U);
    BOOST_TEST(last.complete);
    BOOST_TEST(world.status(unfinished) == "REMOVED");
    // What never started is no child any more.
    const auto nothing_left = ask({.changed_max = 0, .looked_at_max = 15});
    BOOST_TEST(nothing_left.changed() == 0U);
    BOOST_TEST(nothing_left.complete);
    BOOST_TEST(!ask({.changed_max = 0, .looked_at_max = 14}).complete);
}

// More than one change takes, and more than one cascade blocks.
BOOST_AUTO_TEST_CASE(large_families_are_blocked_in_steps_and_within_a_bound)
{
    transfer_world world;
    const auto root = enrol(world);
    const auto root_number = world.services().journal.view([&](const registry::snapshot& txn) {
        return registry::find_number(txn, *registry::uuid::parse(root.id)).value();
    });
    // Written as they would be in the end: to lead ten thousand phones there takes too long here.
    const auto create_active = [&](kv::write_txn& txn, registry::registration_number parent) {
        registry::create_registration change;
        change.record.id = registry::uuid::random();
        change.record.application_id = "app";
        change.record.user_id = "alice";
        change.record.activation_code = change.record.id.text();
        change.record.max_failed_attempts = 5;
        change.record.created_at = world.clock.now();
        change.record.expires_at = world.clock.now() + 1'000'000;
        if (change(txn))
            return registry::registration_number{0};
        const registry::registration_number number = change.number;
        auto counters = registry::find_counters(txn, number).value();
        counters.word = counters.word.moved(registry::state::active, 0);
        change.record.status_version = counters.word.version();
        change.record.origin =
            registry::lineage{registry::find_registration(txn, parent).value().id, registry::transfer_type::spawn};
        txn.put(registry::tables::counters, registry::number_key(number), registry::encode(counters));
        txn.put(registry::tables::registrations, registry::number_key(number), registry::encode(change.record));
        txn.put(registry::tables::children, registry::child_key(parent, number), {});
        txn.erase(registry::tables::due, registry::due_key(change.record.expires_at, registry::due_kind::registration,
                                                           crypto::big_endian(number)));
        return number;
    };
    constexpr std::size_t width = 700;
    const std::size_t parents = registry::cascade_registrations_max / width + 1;
    std::size_t made = 0;
    const auto fill = [&](registry::registration_number parent, std::size_t count) {
        std::vector<registry::registration_number> out;
        auto all = [&](kv::write_txn& txn) {
            for (std::size_t i = 0; i < count; ++i)
                out.push_back(create_active(txn, parent));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!world.commit(all));
        made += count;
        return out;
    };
    for (const auto parent : fill(root_number, parents))
        static_cast<void>(fill(parent, width));
    BOOST_TEST_REQUIRE(made > registry::cascade_registrations_max);

    const auto got = world.block(root.id, "?cascade=true");
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body.at("cascade").at("blocked") == registry::cascade_registrations_max);
    BOOST_TEST(got.body.at("cascade").at("complete") == false);
    const auto again = world.block(root.id, "?cascade=true");
    BOOST_TEST(again.body.at("cascade").at("blocked") == made - registry::cascade_registrations_max);
    BOOST_TEST(again.body.at("cascade").at("complete") == true);
    std::size_t blocked = 0;
    world.services().journal.view([&](const registry::snapshot& txn) {
        registry::scan_user(txn, "alice", 0, [&](registry::registration_number number) {
            blocked += registry::find_full(txn, number)->current() == registry::state::blocked ? 1U : 0U;
            return true;
        });
    });
    BOOST_TEST(blocked == made + 1);
}

BOOST_AUTO_TEST_SUITE_END()

// --- races

BOOST_AUTO_TEST_SUITE(transfer_races)

namespace {

owned_request office_call(std::string_view method, const std::string& target, std::string_view body = "{}")
{
    return scratch_world::office_request(method, target, body);
}

} // namespace

BOOST_AUTO_TEST_CASE(two_children_that_are_committed_at_once_leave_one)
{
    transfer_world world;
    for (int round = 0; round < 20; ++round) {
        const auto parent = enrol(world);
        std::vector<std::string> ids;
        std::vector<owned_request> commits;
        for (int i = 0; i < 4; ++i) {
            const auto made = world.pass_on(parent.id, "MOVE");
            static_cast<void>(world.exchange(made));
            ids.push_back(made.id);
            commits.push_back(office_call("POST", path(made.id, "/commit")));
        }
        std::atomic<unsigned> committed{0}, refused{0};
        on_threads(4, [&](unsigned who) {
            const auto status = world.call_alone(handlers::side::office, commits[who]).status;
            (status == 200 ? committed : refused).fetch_add(1);
        });
        BOOST_TEST(committed.load() == 1U);
        BOOST_TEST(refused.load() == 3U);
        BOOST_TEST(world.status(parent.id) == "REMOVED");
        BOOST_TEST(std::ranges::count_if(ids, [&](const auto& id) { return world.status(id) == "ACTIVE"; }) == 1);
        BOOST_TEST(std::ranges::count_if(ids, [&](const auto& id) { return world.status(id) == "REMOVED"; }) == 3);
        world.restart();
        BOOST_TEST(std::ranges::count_if(ids, [&](const auto& id) { return world.status(id) == "ACTIVE"; }) == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_block_and_a_commit_at_once_leave_one_story)
{
    transfer_world world;
    for (int round = 0; round < 20; ++round) {
        const auto parent = enrol(world);
        const std::string how = round % 2 == 0 ? "MOVE" : "SPAWN";
        const auto made = world.pass_on(parent.id, how);
        static_cast<void>(world.exchange(made));
        const owned_request calls[]{office_call("POST", path(made.id, "/commit")),
                                    office_call("PUT", path(parent.id), R"({"change":"BLOCK"})")};
        answer got[2];
        on_threads(2, [&](unsigned who) { got[who] = world.call_alone(handlers::side::office, calls[who]); });
        const bool started = got[0].status == 200;
        const bool blocked = got[1].status == 200;
        BOOST_TEST(world.status(made.id) == (started ? "ACTIVE" : "PENDING_COMMIT"));
        if (how == "MOVE") {
            BOOST_TEST(started != blocked);
            BOOST_TEST(world.status(parent.id) == (started ? "REMOVED" : "BLOCKED"));
        } else {
            BOOST_TEST(blocked);
            BOOST_TEST(world.status(parent.id) == "BLOCKED");
        }
        if (!started)
            check_error(got[0], 400, "ERROR_REGISTRATION_CHANGE");
    }
}

// Whatever the schedule: after a block that cascades nothing that comes from it is active.
BOOST_AUTO_TEST_CASE(nothing_slips_through_a_cascade)
{
    transfer_world world;
    for (int round = 0; round < 20; ++round) {
        const auto parent = enrol(world);
        const auto child = world.started(parent.id, "SPAWN");
        const auto spawned = world.pass_on(parent.id, "SPAWN");
        const auto moved = world.pass_on(child.id, "MOVE");
        static_cast<void>(world.exchange(spawned));
        static_cast<void>(world.exchange(moved));
        const owned_request calls[]{office_call("PUT", path(parent.id, "?cascade=true"), R"({"change":"BLOCK"})"),
                                    office_call("POST", path(spawned.id, "/commit")),
                                    office_call("POST", path(moved.id, "/commit")),
                                    office_call("POST", path(parent.id, "/transfer"), R"({"type":"SPAWN"})"),
                                    office_call("POST", path(child.id, "/transfer"), R"({"type":"SPAWN"})")};
        answer got[5];
        on_threads(5, [&](unsigned who) { got[who] = world.call_alone(handlers::side::office, calls[who]); });
        BOOST_TEST(got[0].status == 200U, got[0].text);
        std::vector<std::string> all{parent.id, child.id, spawned.id, moved.id};
        for (const auto& each : {got[3], got[4]})
            if (each.status == 200)
                all.push_back(each.body.at("registrationId"));
        for (const std::string& id : all) {
            const auto status = world.status(id);
            BOOST_TEST((status == "BLOCKED" || status == "REMOVED"), status);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
