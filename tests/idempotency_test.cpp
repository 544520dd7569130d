// Requests that carry an Idempotency-Key: carried out once, answered as often as they are sent.

#include "tests/support.hpp"

#include "crypto/encoding.hpp"
#include "handlers/idempotency_keys.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;

void check_error(const answer& got, unsigned status, std::string_view code)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code, got.text);
}

struct keyed_world : scratch_world {
    static owned_request keyed(std::string_view key, std::string_view target, std::string_view body,
                               std::string_view who = "office", std::string_view method = "POST")
    {
        auto req = office_request(method, target, body, who);
        req.idempotency_key = key;
        return req;
    }
    answer post(std::string_view key, std::string_view target, std::string_view body, std::string_view who = "office")
    {
        return call(handlers::side::office, keyed(key, target, body, who));
    }
    answer register_once(std::string_view key, std::string_view user = "alice")
    {
        return post(key, "/v2/registrations", json{{"userId", user}, {"appId", "app"}}.dump());
    }

    std::size_t rows() const
    {
        return env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::idempotent_requests); });
    }
    std::size_t registrations() const
    {
        return env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::registrations); });
    }
    registry::idempotency_mark mark(std::string_view key, std::string_view who = "office")
    {
        return services().idempotency.mark_of(*services().directory.find_account(who), key);
    }
};

bool is_replayed(const answer& got)
{
    return got.header("Idempotency-Replayed") == "true";
}

const std::string an_attempt = R"({"result":"FAILURE","factors":"POSSESSION_KNOWLEDGE","attemptId":"a-1"})";

} // namespace

BOOST_AUTO_TEST_SUITE(idempotency)

BOOST_AUTO_TEST_CASE(the_same_request_again_gets_the_first_answer)
{
    keyed_world world;
    const auto first = world.register_once("key-1");
    BOOST_TEST_REQUIRE(first.status == 200U, first.text);
    BOOST_TEST(!is_replayed(first));
    for (int again = 0; again < 3; ++again) {
        const auto next = world.register_once("key-1");
        BOOST_TEST(next.status == 200U);
        BOOST_TEST(next.text == first.text);
        BOOST_TEST(is_replayed(next));
    }
    BOOST_TEST(world.registrations() == 1U);
    // Also with the prefix of the cloud, which is the same path; and after a restart.
    world.restart();
    const auto cloud =
        world.post("key-1", "/powerauth-cloud/v2/registrations", json{{"userId", "alice"}, {"appId", "app"}}.dump());
    BOOST_TEST(cloud.text == first.text);
    BOOST_TEST(is_replayed(cloud));
    BOOST_TEST(world.registrations() == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_key_everything_happens_every_time)
{
    keyed_world world;
    BOOST_TEST(world.register_once("").text != world.register_once("").text);
    BOOST_TEST(world.register_once("a").text != world.register_once("b").text);
    BOOST_TEST(world.registrations() == 4U);
    BOOST_TEST(world.rows() == 2U);
}

BOOST_AUTO_TEST_CASE(another_request_cannot_have_the_key)
{
    keyed_world world;
    const auto first = world.register_once("key-1");
    check_error(world.register_once("key-1", "bob"), 409, "ERROR_CONFLICT");
    const std::string same = json{{"userId", "alice"}, {"appId", "app"}}.dump();
    check_error(world.post("key-1", "/v2/registrations?incompleteStatusCheck=false", same), 409, "ERROR_CONFLICT");
    check_error(world.post("key-1", "/v2/token/verify", same), 409, "ERROR_CONFLICT");
    check_error(world.post("key-1", "/v2/registrations", same + ' '), 409, "ERROR_CONFLICT");
    BOOST_TEST(world.register_once("key-1").text == first.text);
    BOOST_TEST(world.registrations() == 1U);
}

BOOST_AUTO_TEST_CASE(every_account_has_keys_of_its_own)
{
    keyed_world world;
    const std::string body = json{{"userId", "alice"}, {"appId", "app"}}.dump();
    const auto first = world.post("key-1", "/v2/registrations", body);
    const auto admins = world.post("key-1", "/v2/registrations", body, "admin");
    BOOST_TEST(admins.status == 200U);
    BOOST_TEST(admins.text != first.text);
    check_error(world.post("key-1", "/v2/registrations", body, "stranger"), 400, "ERROR_REQUEST");

    // An account of the same name that was made later learns nothing of the one before it.
    BOOST_TEST(world.office("DELETE", "/admin/users/office", {}, "admin").status == 200U);
    world.clock.advance(1);
    world.create_account("office", registry::role::integration, {"app"});
    const auto later = world.post("key-1", "/v2/registrations", body);
    BOOST_TEST(later.status == 200U);
    BOOST_TEST(later.text != first.text);
}

BOOST_AUTO_TEST_CASE(keys_are_visible_characters)
{
    keyed_world world;
    for (const std::string& bad : {std::string(129, 'x'), std::string{"a b"}, std::string{"a\tb"},
                                   std::string{"\xC3\xA9"}, std::string{"\x7F"}, std::string{"a\0b", 3}})
        BOOST_TEST_CONTEXT(bad)
        {
            const auto got = world.register_once(bad);
            check_error(got, 400, "ERROR_REQUEST");
            BOOST_TEST(got.violated() == std::vector<std::string>{"Idempotency-Key"}, boost::test_tools::per_element());
        }
    BOOST_TEST(world.register_once(std::string(128, '~')).status == 200U);
    BOOST_TEST(world.register_once("!").status == 200U);
    BOOST_TEST(world.registrations() == 2U);
}

BOOST_AUTO_TEST_CASE(only_posts_are_remembered)
{
    keyed_world world;
    const auto made = world.create();
    const std::string path = "/v2/registrations/" + made.id;
    for (const auto& [method, body] : std::vector<std::pair<const char*, const char*>>{
             {"GET", ""}, {"PUT", R"({"change":"BLOCK"})"}, {"DELETE", ""}}) {
        for (int again = 0; again < 2; ++again) {
            const auto got = world.call(handlers::side::office, world.keyed("k", path, body, "office", method));
            BOOST_TEST(got.code() != "ERROR_CONFLICT");
            BOOST_TEST(!is_replayed(got));
        }
    }
    BOOST_TEST(world.rows() == 0U);
}

BOOST_AUTO_TEST_CASE(who_may_not_call_leaves_nothing)
{
    keyed_world world;
    check_error(world.post("k", "/admin/applications", R"({"id":"x"})"), 403, "ERROR_FORBIDDEN");
    check_error(world.post("k", "/admin/applications", R"({"id":"x"})", {}), 401, "HTTP_401");
    check_error(world.post("k", "/v2/nowhere", "{}"), 404, "ERROR_NOT_FOUND");
    BOOST_TEST(world.rows() == 0U);
}

// A wrong one-time password counts, so its refusal is an outcome too: sent again it must not count again.
BOOST_AUTO_TEST_CASE(refusals_are_outcomes_too)
{
    keyed_world world;
    const auto made = world.create("alice", {{"otp", "right"}});
    auto phone = world.phone();
    static_cast<void>(phone.activate(made.qr_data, right_pin, bench::activation_details{}));
    const std::string path = "/v2/registrations/" + made.id + "/commit";
    const auto first = world.post("k", path, R"({"otp":"wrong"})");
    check_error(first, 400, "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.post("k", path, R"({"otp":"wrong"})").text == first.text);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
    BOOST_TEST(world.post("k2", path, R"({"otp":"right"})").status == 200U);
    BOOST_TEST(world.status(made.id) == "ACTIVE");
    // The state is another one by now; the answer is that of then.
    BOOST_TEST(world.post("k2", path, R"({"otp":"right"})").status == 200U);
    check_error(world.post("k3", path, R"({"otp":"right"})"), 400, "ERROR_REGISTRATION_CHANGE");
}

BOOST_AUTO_TEST_CASE(a_kept_refusal_has_the_status_of_the_style_in_force)
{
    keyed_world world;
    const std::string path = "/v2/registrations/2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11/commit";
    check_error(world.post("k", path, "{}"), 400, "ERROR_REGISTRATION_NOT_FOUND");
    world.manners.statuses = handlers::status_style::rest;
    world.restart();
    const auto got = world.post("k", path, "{}");
    check_error(got, 404, "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(is_replayed(got));
}

// The second comes while the first waits for the disk.
BOOST_AUTO_TEST_CASE(two_at_once_are_carried_out_once)
{
    keyed_world world;
    BOOST_TEST(world.office("GET", "/v2/registrations?userId=a").status == 200U); // the password is known
    const auto body = json{{"userId", "alice"}, {"appId", "app"}}.dump();
    writer_gate gate{world.writer()};
    const auto first = world.start(handlers::side::office, world.keyed("k", "/v2/registrations", body));
    world.poll();
    const auto second = world.start(handlers::side::office, world.keyed("k", "/v2/registrations", body));
    const auto other = world.start(handlers::side::office, world.keyed("k", "/v2/registrations", "{}"));
    world.poll();
    BOOST_TEST(!first->done.has_value());
    BOOST_TEST_REQUIRE(second->done.has_value());
    check_error(*second->done, 409, "ERROR_CONFLICT");
    check_error(other->done.value(), 409, "ERROR_CONFLICT");
    gate.open();
    world.run();
    BOOST_TEST_REQUIRE(first->done.has_value());
    BOOST_TEST(first->done->status == 200U);
    BOOST_TEST(world.post("k", "/v2/registrations", body).text == first->done->text);
    BOOST_TEST(world.registrations() == 1U);
}

BOOST_AUTO_TEST_CASE(many_threads_with_one_key_do_it_once)
{
    keyed_world world;
    BOOST_TEST(world.office("GET", "/v2/registrations?userId=a").status == 200U);
    const auto body = json{{"userId", "alice"}, {"appId", "app"}}.dump();
    constexpr unsigned senders = 8;
    std::vector<answer> answers(senders);
    on_threads(senders, [&](unsigned i) {
        answers[i] = world.call_alone(handlers::side::office, world.keyed("k", "/v2/registrations", body));
    });
    std::set<std::string> accepted;
    for (const answer& each : answers) {
        if (each.status == 200U)
            accepted.insert(each.text);
        else
            check_error(each, 409, "ERROR_CONFLICT");
    }
    BOOST_TEST(accepted.size() == 1U);
    BOOST_TEST(world.registrations() == 1U);
}

// The process ended between the two halves: whether it was carried out is not known, so it is not carried out again.
BOOST_AUTO_TEST_CASE(an_interrupted_request_is_not_carried_out_again)
{
    keyed_world world;
    const auto body = json{{"userId", "alice"}, {"appId", "app"}}.dump();
    const auto now = world.clock.now();
    const auto digest = world.services().idempotency.digest_of("POST", "/v2/registrations", "", body);
    registry::begin_idempotent_request begun{world.mark("k"), {digest, now + registry::idempotency_memory_ms, {}}, now};
    BOOST_TEST(!world.commit(begun));
    BOOST_TEST((world.commit(begun) == registry::errc::changed_meanwhile));
    world.restart();
    const auto got = world.post("k", "/v2/registrations", body);
    check_error(got, 409, "ERROR_CONFLICT");
    BOOST_TEST((got.message().find("interrupted") != std::string::npos));
    BOOST_TEST(world.registrations() == 0U);
    BOOST_TEST((world.post("k", "/v2/registrations", "{}").message().find("another request") != std::string::npos));
    world.clock.advance(registry::idempotency_memory_ms);
    BOOST_TEST(world.post("k", "/v2/registrations", body).status == 200U);
}

// Nothing came of it, so it may come again.
BOOST_AUTO_TEST_CASE(errors_of_the_moment_are_not_kept)
{
    keyed_world world;
    const auto made = world.create();
    auto& svc = world.services();
    // So many one-time passwords wait that one more is refused.
    std::vector<std::optional<bool>> held(handlers::work_jobs_max);
    std::promise<void> go_on;
    const auto moment = go_on.get_future().share();
    const auto hold = [](handlers::work_thread& pool, std::shared_future<void> until) -> handlers::task<bool> {
        auto job = [until] {
            until.wait();
            return true;
        };
        auto pending = pool.async_run(std::move(job), boost::asio::as_tuple(boost::asio::deferred));
        const auto [ec, done] = co_await std::move(pending);
        co_return !ec && done;
    };
    BOOST_TEST(world.office("GET", "/v2/registrations?userId=a").status == 200U);
    for (auto& each : held)
        world.spawn(hold(svc.otp_passwords, moment), each);
    world.poll();
    const auto body = json{{"userId", "alice"}, {"appId", "app"}, {"otp", "secret"}}.dump();
    const auto refused = world.start(handlers::side::office, world.keyed("k", "/v2/registrations", body));
    while (!refused->done)
        world.poll();
    check_error(*refused->done, 429, "ERROR_RATE_LIMITED");
    BOOST_TEST(world.rows() == 0U);
    go_on.set_value();
    world.run();
    const auto done = world.post("k", "/v2/registrations", body);
    BOOST_TEST(done.status == 200U);
    BOOST_TEST(!is_replayed(done));
    BOOST_TEST(world.rows() == 1U);
    BOOST_TEST(world.registrations() == 2U);
}

BOOST_AUTO_TEST_CASE(a_day_later_it_is_forgotten)
{
    keyed_world world;
    const auto first = world.register_once("k");
    world.clock.advance(registry::idempotency_memory_ms - 1);
    BOOST_TEST(world.register_once("k").text == first.text);
    world.sweep();
    BOOST_TEST(world.rows() == 1U);
    world.clock.advance(1);
    const auto later = world.register_once("k"); // before the sweep: the row is that of the new one from now on
    BOOST_TEST(later.status == 200U);
    BOOST_TEST(later.text != first.text);
    while (world.sweep()) {
    }
    BOOST_TEST(world.rows() == 1U);
    BOOST_TEST(world.register_once("k").text == later.text);
    world.clock.advance(registry::idempotency_memory_ms);
    while (world.sweep()) {
    }
    BOOST_TEST(world.rows() == 0U);
}

BOOST_AUTO_TEST_CASE(only_so_many_are_remembered)
{
    auto fill = [](kv::write_txn& txn) {
        for (std::uint64_t i = 0; i < registry::idempotent_requests_max; ++i)
            txn.append(registry::tables::idempotent_requests, kv::key{}.number(i), {});
        return kv::error_code{};
    };
    scratch_store store{std::size_t{512} * 1024 * 1024};
    BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, fill));
    registry::begin_idempotent_request one_more{{1, 2, 3}, {{}, 10, {}}, 5};
    BOOST_TEST((kv::blocking_commit(store.writer, one_more) == registry::errc::too_many_idempotency_keys));
}

// What is shown once must not lie on the disk for a day.
BOOST_AUTO_TEST_CASE(kept_answers_are_sealed)
{
    keyed_world world;
    const auto made = world.post("k", "/admin/users", R"({"username":"fresh"})", "admin");
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    const std::string password = made.body.at("password");
    BOOST_TEST(world.post("k", "/admin/users", R"({"username":"fresh"})", "admin").body.at("password") == password);
    const auto token = world.post("t", "/admin/users/fresh/tokens", R"({"name":"a"})", "admin");
    const std::string text = token.body.at("token");
    BOOST_TEST(world.post("t", "/admin/users/fresh/tokens", R"({"name":"a"})", "admin").body.at("token") == text);
    std::string all;
    world.env().view([&](const kv::read_txn& txn) {
        txn.scan(registry::tables::idempotent_requests, {}, [&](kv::bytes_view, kv::bytes_view value) {
            all += crypto::as_text(value);
            return true;
        });
    });
    BOOST_TEST(!all.empty());
    for (const std::string& secret : {password, text, std::string{"fresh"}, std::string{"username"}})
        BOOST_TEST((all.find(secret) == std::string::npos));
}

// Long answers are about many things at once, and those requests are idempotent by themselves.
BOOST_AUTO_TEST_CASE(long_answers_are_made_again)
{
    keyed_world world;
    const auto phone = enrol(world);
    json many = json::array();
    for (int i = 0; i < 100; ++i) {
        json one = json::parse(an_attempt);
        one["registrationId"] = phone.id;
        one["result"] = "SUCCESS";
        one["attemptId"] = "a-" + std::to_string(i);
        many.push_back(one);
    }
    const auto first = world.post("k", "/v2/attempts", many.dump());
    BOOST_TEST(first.status == 200U);
    BOOST_TEST(first.text.size() > registry::idempotent_answer_bytes_max);
    BOOST_TEST(world.rows() == 0U);
    const auto second = world.post("k", "/v2/attempts", many.dump());
    BOOST_TEST(second.text == first.text);
    BOOST_TEST(!is_replayed(second));
}

BOOST_AUTO_TEST_CASE(an_attempt_is_reported_once)
{
    keyed_world world;
    const auto phone = enrol(world);
    const std::string path = "/v2/registrations/" + phone.id + "/attempts";
    const auto first = world.post("k", path, an_attempt);
    BOOST_TEST(first.body.at("counted") == true);
    BOOST_TEST(world.post("k", path, an_attempt).text == first.text);
    BOOST_TEST(world.detail(phone.id).at("failedAttempts") == 1);
}

BOOST_AUTO_TEST_CASE(claims_are_free_again_when_they_end)
{
    const scratch_store store;
    handlers::idempotency_keys keys{store.sealer};
    const registry::idempotency_mark mark{1, 2, 3};
    auto first = keys.claim(mark);
    BOOST_TEST(first);
    BOOST_TEST(!keys.claim(mark));
    BOOST_TEST(keys.claim({4}));
    first.reset();
    BOOST_TEST(keys.claim(mark));
}

BOOST_AUTO_TEST_CASE(nothing_of_a_request_runs_into_the_next_part)
{
    const scratch_store store;
    const handlers::idempotency_keys keys{store.sealer};
    BOOST_TEST((keys.digest_of("POST", "/a", "b", "c") == keys.digest_of("POST", "/a", "b", "c")));
    BOOST_TEST((keys.digest_of("POST", "/a", "b", "c") != keys.digest_of("POST", "/ab", "", "c")));
    BOOST_TEST((keys.digest_of("POST", "/a", "b", "c") != keys.digest_of("POST", "/a", "bc", "")));
    registry::account who;
    who.username = "a";
    const auto mark = keys.mark_of(who, "bc");
    who.username = "ab";
    BOOST_TEST((keys.mark_of(who, "c") != mark));
    who.username = "a";
    who.created_at = 1;
    BOOST_TEST((keys.mark_of(who, "bc") != mark));
}

BOOST_AUTO_TEST_SUITE_END()
