// One-time passwords: every row of PROTOCOL.md 12.4 with everything that either side may send, another password while
// the registration waits for commit (REGISTRATION-API.md R11), and what may happen at the same moment.

#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;

std::string path(const std::string& id, std::string_view rest)
{
    return "/v2/registrations/" + id + std::string{rest};
}

answer commit(scratch_world& world, const std::string& id, const std::optional<std::string>& otp = {})
{
    return world.office("POST", path(id, "/commit"), otp ? json{{"otp", *otp}}.dump() : "{}");
}

answer replace(scratch_world& world, const std::string& id, const std::string& otp)
{
    return world.office("PUT", path(id, "/otp"), json{{"otp", otp}}.dump());
}

bool activates(bench::device& phone, const std::string& code, const std::optional<std::string>& otp = {})
{
    bench::activation_details details;
    details.otp = otp;
    try {
        static_cast<void>(phone.activate(code, right_pin, details));
        return true;
    } catch (const bench::server_refused& refused) {
        BOOST_TEST(refused.http_status == 400);
        BOOST_TEST(refused.code == "ERR_ACTIVATION");
        return false;
    }
}

// A registration that waits for commit.
scratch_world::created waiting(scratch_world& world, const json& more = json::object())
{
    auto made = world.create("alice", more);
    auto phone = world.phone();
    BOOST_TEST_REQUIRE(activates(phone, made.code));
    BOOST_TEST_REQUIRE(world.status(made.id) == "PENDING_COMMIT");
    return made;
}

std::vector<std::string> events(scratch_world& world, const std::string& id)
{
    std::vector<std::string> out;
    for (const json& row : world.history(id))
        out.push_back(row.at("event"));
    return out;
}

// What is sent in one of the two phases.
struct sent {
    const char* what;
    std::optional<std::string> otp;
};
const sent all_sent[]{{"nothing", std::nullopt}, {"the right one", "0000"}, {"a wrong one", "1111"}};

enum class outcome { goes_on, refused, counted };

} // namespace

BOOST_AUTO_TEST_SUITE(one_time_passwords)

BOOST_AUTO_TEST_CASE(every_row_of_the_table_with_everything_that_either_side_may_send)
{
    using enum outcome;
    struct {
        const char* what;
        json init;
        const char* bound_as;
        // when nothing, the right one, or a wrong one is sent
        outcome at_exchange[3];
        outcome at_commit[3]; // where the key exchange has led to PENDING_COMMIT
    } const rows[]{
        {"ON_COMMIT, none",
         {{"commitPhase", "ON_COMMIT"}},
         "PENDING_COMMIT",
         {goes_on, refused, refused},
         {goes_on, refused, refused}},
        {"no phase, none", json::object(), "PENDING_COMMIT", {goes_on, refused, refused}, {goes_on, refused, refused}},
        {"ON_COMMIT, set",
         {{"commitPhase", "ON_COMMIT"}, {"otp", "0000"}},
         "PENDING_COMMIT",
         {goes_on, refused, refused},
         {refused, goes_on, counted}},
        {"no phase, set",
         {{"otp", "0000"}},
         "PENDING_COMMIT",
         {goes_on, refused, refused},
         {refused, goes_on, counted}},
        {"ON_KEY_EXCHANGE, none",
         {{"commitPhase", "ON_KEY_EXCHANGE"}},
         "ACTIVE",
         {goes_on, refused, refused},
         {refused, refused, refused}},
        {"ON_KEY_EXCHANGE, set",
         {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}},
         "ACTIVE",
         {refused, goes_on, counted},
         {refused, refused, refused}},
        {"validation NONE",
         {{"otpValidation", "NONE"}},
         "PENDING_COMMIT",
         {goes_on, refused, refused},
         {goes_on, refused, refused}},
        {"validation ON_COMMIT",
         {{"otpValidation", "ON_COMMIT"}, {"otp", "0000"}},
         "PENDING_COMMIT",
         {goes_on, refused, refused},
         {refused, goes_on, counted}},
        {"validation ON_KEY_EXCHANGE",
         {{"otpValidation", "ON_KEY_EXCHANGE"}, {"otp", "0000"}},
         "ACTIVE",
         {refused, goes_on, counted},
         {refused, refused, refused}},
    };
    scratch_world world;
    for (const auto& row : rows)
        for (std::size_t exchanged = 0; exchanged < 3; ++exchanged)
            for (std::size_t committed = 0; committed < 3; ++committed)
                BOOST_TEST_CONTEXT(row.what << "; the phone sends " << all_sent[exchanged].what << ", the back office "
                                            << all_sent[committed].what)
                {
                    const auto made = world.create("alice", row.init);
                    auto phone = world.phone();
                    const outcome bound = row.at_exchange[exchanged];
                    BOOST_TEST(activates(phone, made.code, all_sent[exchanged].otp) == (bound == goes_on));
                    auto detail = world.detail(made.id);
                    BOOST_TEST(detail.at("registrationStatus") == (bound == goes_on ? row.bound_as : "CREATED"));
                    BOOST_TEST(detail.at("failedAttempts") == (bound == counted ? 1 : 0));

                    const bool pending = detail.at("registrationStatus") == "PENDING_COMMIT";
                    const outcome then = pending ? row.at_commit[committed] : refused;
                    const auto answered = commit(world, made.id, all_sent[committed].otp);
                    BOOST_TEST(answered.status == (then == goes_on ? 200U : 400U));
                    BOOST_TEST(answered.code() == (then == goes_on ? "" : "ERROR_REGISTRATION_CHANGE"));
                    const auto after = world.detail(made.id);
                    if (then == goes_on)
                        BOOST_TEST(after.at("registrationStatus") == "ACTIVE");
                    else
                        BOOST_TEST(after.at("registrationStatus") == detail.at("registrationStatus"));
                    const int failed = detail.at("failedAttempts");
                    BOOST_TEST(after.at("failedAttempts") == failed + (then == counted ? 1 : 0));
                    // What is refused without counting leaves no trace.
                    BOOST_TEST(after.at("version").get<std::uint64_t>() ==
                               1 + (bound == refused ? 0U : 1U) + (then == refused ? 0U : 1U));
                }
}

BOOST_AUTO_TEST_CASE(a_right_password_at_commit_forgets_the_wrong_ones)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    for (int i = 1; i < 5; ++i) {
        BOOST_TEST(commit(world, made.id, "1111").status == 400U);
        BOOST_TEST(world.detail(made.id).at("failedAttempts") == i);
    }
    BOOST_TEST(commit(world, made.id, "0000").status == 200U);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(failed_passwords_are_remembered_by_a_restarted_server)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}, {"maxFailedAttempts", 3}});
    BOOST_TEST(commit(world, made.id, "1111").status == 400U);
    BOOST_TEST(commit(world, made.id, "1111").status == 400U);
    world.restart();
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 2);
    BOOST_TEST(commit(world, made.id, "1111").status == 400U);
    BOOST_TEST(world.status(made.id) == "REMOVED");
}

BOOST_AUTO_TEST_SUITE_END()

// --- another one

BOOST_AUTO_TEST_SUITE(replaced_one_time_passwords)

BOOST_AUTO_TEST_CASE(the_new_password_is_asked_for_at_commit_and_the_old_one_is_worth_nothing)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    BOOST_TEST(replace(world, made.id, "2222").status == 200U);
    BOOST_TEST(commit(world, made.id, "0000").status == 400U);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
    world.restart();
    BOOST_TEST(commit(world, made.id).status == 400U);
    BOOST_TEST(commit(world, made.id, "2222").status == 200U);
    BOOST_TEST(world.status(made.id) == "ACTIVE");
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_registration_without_a_password_gets_one)
{
    scratch_world world;
    for (const json& init : {json::object(), json{{"otpValidation", "NONE"}}, json{{"commitPhase", "ON_COMMIT"}}}) {
        const auto made = waiting(world, init);
        BOOST_TEST(replace(world, made.id, "2222").status == 200U);
        BOOST_TEST(commit(world, made.id).status == 400U);
        BOOST_TEST(commit(world, made.id, "2222").status == 200U);
        BOOST_TEST(world.status(made.id) == "ACTIVE");
    }
}

BOOST_AUTO_TEST_CASE(a_replacement_is_told_by_history_and_changes_nothing_else)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    BOOST_TEST(commit(world, made.id, "1111").status == 400U);
    const auto before = world.detail(made.id);
    world.clock.advance(1000);
    const auto answered = world.office("PUT", path(made.id, "/otp"), R"({"otp":"2222","externalUserId":"clerk"})");
    BOOST_TEST(answered.text == R"({"status":"OK"})");

    auto expected = before;
    expected["version"] = before.at("version").get<int>() + 1;
    expected["timestampLastChange"] = world.clock.now();
    BOOST_TEST(world.detail(made.id) == expected); // the wrong one of before still counts
    const auto row = world.history(made.id).back();
    BOOST_TEST(row.at("event") == "REPLACE_OTP");
    BOOST_TEST(row.at("eventReason") == "OTP_VALUE_UPDATE");
    BOOST_TEST(row.at("previousStatus") == "PENDING_COMMIT");
    BOOST_TEST(row.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(row.at("externalUserId") == "clerk");
    BOOST_TEST(row.at("account") == "office");
}

BOOST_AUTO_TEST_CASE(the_same_password_again_writes_nothing)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    BOOST_TEST(replace(world, made.id, "0000").status == 200U);
    BOOST_TEST((events(world, made.id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS"}));
    BOOST_TEST(replace(world, made.id, "2222").status == 200U);
    BOOST_TEST(replace(world, made.id, "2222").status == 200U);
    BOOST_TEST((events(world, made.id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "REPLACE_OTP"}));
}

BOOST_AUTO_TEST_CASE(new_passwords_give_no_new_guesses)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}, {"maxFailedAttempts", 3}});
    for (const char* next : {"2222", "3333"}) {
        BOOST_TEST(commit(world, made.id, "1111").status == 400U);
        BOOST_TEST(replace(world, made.id, next).status == 200U);
    }
    BOOST_TEST(commit(world, made.id, "1111").status == 400U);
    BOOST_TEST(world.status(made.id) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(a_password_is_replaced_only_while_the_registration_waits_for_commit)
{
    scratch_world world;
    const auto check = [&](const std::string& id, const char* what) {
        BOOST_TEST_CONTEXT(what)
        {
            const auto before = world.detail(id);
            BOOST_TEST(replace(world, id, "2222").code() == "ERROR_REGISTRATION_CHANGE");
            const auto after = world.detail(id);
            for (const char* same : {"version", "registrationStatus", "failedAttempts", "timestampLastChange"})
                BOOST_TEST(after.at(same) == before.at(same));
        }
    };
    check(world.create().id, "created");
    check(world.create("alice", {{"otp", "0000"}}).id, "created with a password");
    check(world.create("alice", {{"otp", "0000"}, {"commitPhase", "ON_KEY_EXCHANGE"}}).id, "due at key exchange");
    auto it = enrol(world);
    check(it.id, "active");
    BOOST_TEST(world.office("PUT", path(it.id, ""), R"({"change":"BLOCK"})").status == 200U);
    check(it.id, "blocked");
    BOOST_TEST(world.office("DELETE", path(it.id, "")).status == 200U);
    check(it.id, "removed");
    check(enrol(world, {{"commitPhase", "ON_KEY_EXCHANGE"}}).id, "active by its key exchange");

    const auto late = waiting(world, {{"otp", "0000"}});
    world.clock.advance(registry::registration_expiry_default_ms);
    BOOST_TEST(replace(world, late.id, "2222").code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.status(late.id) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(a_replacement_is_asked_for_in_the_right_form)
{
    scratch_world world;
    const auto made = waiting(world);
    struct {
        const char* body;
        const char* field;
    } const rows[]{
        {"", ""},
        {"[]", ""},
        {"{}", "otp"},
        {R"({"otp":null})", "otp"},
        {R"({"otp":""})", "otp"},
        {R"({"otp":5})", "otp"},
        {R"({"otp":"a\u0000b"})", "otp"},
        {R"({"otp":"1","externalUserId":5})", "externalUserId"},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.body)
        {
            const auto answered = world.office("PUT", path(made.id, "/otp"), row.body);
            BOOST_TEST(answered.status == 400U);
            BOOST_TEST((answered.violated() == std::vector<std::string>{row.field}));
        }
    const std::string long_one(registry::otp_characters_max + 1, '7');
    const auto answered = replace(world, made.id, long_one);
    BOOST_TEST((answered.violated() == std::vector<std::string>{"otp"}));
    BOOST_TEST(answered.text.find("777") == std::string::npos); // never repeated
    BOOST_TEST(replace(world, made.id, long_one.substr(1)).status == 200U);
}

BOOST_AUTO_TEST_CASE(a_replacement_needs_an_account_that_sees_the_registration)
{
    scratch_world world;
    const auto made = waiting(world);
    const std::string body = R"({"otp":"2222"})";
    const auto ask = [&](const std::string& id, std::string_view who) {
        return world.office("PUT", path(id, "/otp"), body, who);
    };
    BOOST_TEST(ask(made.id, "stranger").code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(ask(registry::uuid::random().text(), "office").code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(ask("nonsense", "office").code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(ask(made.id, "").status == 401U);
    BOOST_TEST(world.office("POST", path(made.id, "/otp"), body).status == 405U);
    BOOST_TEST(commit(world, made.id).status == 200U); // none of them was heard
}

BOOST_AUTO_TEST_SUITE_END()

// --- at the same moment

namespace {

std::shared_ptr<scratch_world::pending> start_commit(scratch_world& world, const std::string& id, const char* body)
{
    return world.start(handlers::side::office, scratch_world::office_request("POST", path(id, "/commit"), body));
}

answer finish(scratch_world& world, const std::shared_ptr<scratch_world::pending>& sent)
{
    world.run();
    BOOST_TEST_REQUIRE(sent->done.has_value());
    return *sent->done;
}

owned_request put_otp(const std::string& id, const std::string& otp)
{
    return scratch_world::office_request("PUT", path(id, "/otp"), json{{"otp", otp}}.dump());
}

} // namespace

BOOST_AUTO_TEST_SUITE(one_time_password_races)

BOOST_AUTO_TEST_CASE(a_password_that_is_replaced_while_it_is_checked_is_not_accepted)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    const auto old_one = start_commit(world, made.id, R"({"otp":"0000"})");
    world.poll_until_passwords_are_checked();
    BOOST_TEST(world.call_alone(handlers::side::office, put_otp(made.id, "2222")).status == 200U);
    BOOST_TEST(finish(world, old_one).status == 400U);
    const auto detail = world.detail(made.id);
    BOOST_TEST(detail.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(detail.at("failedAttempts") == 1); // it is a wrong one by now
    BOOST_TEST(commit(world, made.id, "2222").status == 200U);
}

BOOST_AUTO_TEST_CASE(a_guess_that_became_right_while_it_was_checked_is_accepted)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}, {"maxFailedAttempts", 1}});
    const auto early = start_commit(world, made.id, R"({"otp":"2222"})");
    world.poll_until_passwords_are_checked();
    BOOST_TEST(world.call_alone(handlers::side::office, put_otp(made.id, "2222")).status == 200U);
    BOOST_TEST(finish(world, early).status == 200U);
    BOOST_TEST(world.status(made.id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(the_same_password_again_is_written_when_another_one_came_in_between)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    const auto again = world.start(handlers::side::office, put_otp(made.id, "0000"));
    world.poll_until_passwords_are_checked();
    BOOST_TEST(world.call_alone(handlers::side::office, put_otp(made.id, "2222")).status == 200U);
    BOOST_TEST(finish(world, again).status == 200U);
    BOOST_TEST(
        (events(world, made.id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "REPLACE_OTP", "REPLACE_OTP"}));
    BOOST_TEST(commit(world, made.id, "0000").status == 200U);
}

BOOST_AUTO_TEST_CASE(a_password_that_is_on_its_way_to_the_disk_is_waited_for)
{
    scratch_world world;
    const auto made = waiting(world);
    writer_gate gate{world.writer()};
    const auto replaced = world.start(handlers::side::office, put_otp(made.id, "2222"));
    world.poll_until_passwords_are_checked();
    world.poll(); // swapped in memory
    const auto without = start_commit(world, made.id, "{}");
    const auto with = start_commit(world, made.id, R"({"otp":"2222"})");
    world.poll();
    BOOST_TEST(!replaced->done.has_value());
    BOOST_TEST(!without->done.has_value()); // neither accepted nor refused by what is not on disk
    BOOST_TEST(!with->done.has_value());
    gate.open();
    BOOST_TEST(finish(world, replaced).status == 200U);
    BOOST_TEST(finish(world, without).status == 400U);
    BOOST_TEST(finish(world, with).status == 200U);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_password_comes_too_late_for_a_commit_that_was_faster)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    writer_gate gate{world.writer()};
    const auto faster = start_commit(world, made.id, R"({"otp":"0000"})");
    world.poll_until_passwords_are_checked();
    world.poll(); // swapped in memory
    const auto late = world.start(handlers::side::office, put_otp(made.id, "2222"));
    world.poll_until_passwords_are_checked();
    world.poll();
    BOOST_TEST(!late->done.has_value()); // what refuses it is not on disk
    gate.open();
    BOOST_TEST(finish(world, faster).status == 200U);
    BOOST_TEST(finish(world, late).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.status(made.id) == "ACTIVE");
    BOOST_TEST((events(world, made.id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "COMMIT"}));
}

BOOST_AUTO_TEST_CASE(a_password_that_is_checked_until_its_time_is_over_is_neither_accepted_nor_counted)
{
    for (const char* body : {R"({"otp":"0000"})", R"({"otp":"1111"})"})
        BOOST_TEST_CONTEXT(body)
        {
            scratch_world world;
            const auto made = waiting(world, {{"otp", "0000"}});
            const auto slow = start_commit(world, made.id, body);
            world.poll_until_passwords_are_checked();
            world.clock.advance(registry::registration_expiry_default_ms);
            BOOST_TEST(finish(world, slow).code() == "ERROR_REGISTRATION_CHANGE");
            BOOST_TEST((events(world, made.id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "EXPIRE"}));
            BOOST_TEST(world.detail(made.id).at("failedAttempts") == 0);
        }
}

BOOST_AUTO_TEST_CASE(a_replacement_that_is_hashed_until_its_time_is_over_is_refused)
{
    scratch_world world;
    const auto made = waiting(world, {{"otp", "0000"}});
    for (const char* otp : {"2222", "0000"}) {
        const auto slow = world.start(handlers::side::office, put_otp(made.id, otp));
        world.poll_until_passwords_are_checked();
        world.clock.advance(registry::registration_expiry_default_ms);
        BOOST_TEST(finish(world, slow).code() == "ERROR_REGISTRATION_CHANGE");
    }
    BOOST_TEST((events(world, made.id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "EXPIRE"}));
}

// Whatever the schedule: the commit that won had the password that was the last before it.
BOOST_AUTO_TEST_CASE(only_the_password_of_the_moment_commits)
{
    scratch_world world;
    for (int round = 0; round < 6; ++round) {
        const auto made = waiting(world, {{"otp", "otp-0"}, {"maxFailedAttempts", 255}});
        const auto body = [](unsigned which) {
            const std::string otp = "otp-" + std::to_string(which);
            return json{{"otp", otp}, {"externalUserId", otp}}.dump();
        };
        std::atomic<unsigned> committed{0}, unexpected{0};
        on_threads(6, [&](unsigned who) {
            for (unsigned i = 0; i < 4; ++i) {
                const bool replaces = who < 2;
                const auto req = scratch_world::office_request(replaces ? "PUT" : "POST",
                                                               path(made.id, replaces ? "/otp" : "/commit"),
                                                               body(replaces ? 1 + who + 2 * i : (who + i) % 5));
                const auto status = world.call_alone(handlers::side::office, req).status;
                committed += !replaces && status == 200 ? 1U : 0U;
                unexpected += status != 200 && status != 400 && status != 429 ? 1U : 0U;
            }
        });
        BOOST_TEST(unexpected.load() == 0U);
        BOOST_TEST(committed.load() <= 1U);
        std::string now = "otp-0";
        bool active = false;
        for (const json& row : world.history(made.id)) {
            const auto event = row.at("event").get<std::string>();
            BOOST_TEST(!active, "something happened to the password after the commit: " << row);
            if (event == "REPLACE_OTP")
                now = row.at("externalUserId");
            if (event == "COMMIT")
                BOOST_TEST(row.at("externalUserId") == now);
            if (event == "FAIL_OTP")
                BOOST_TEST(row.at("externalUserId") != now);
            active = event == "COMMIT";
        }
        BOOST_TEST(active == (committed.load() == 1U));
        world.restart();
        if (!active)
            BOOST_TEST(commit(world, made.id, now).status == 200U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
