// A store without room: changes are refused with 507, reads go on, and when there is room again memory and disk agree
// without a restart. Nothing that was refused for want of room is lost in between, and nothing of it was told.

#include "tests/support.hpp"

#include <semaphore>

using namespace doorward;
using namespace doorward::tests;

namespace {

constexpr auto knowledge = bench::signature_type::possession_knowledge;

// A world whose store can be filled up and given room again, as a full disk is: freed pages cannot be used while an old
// snapshot is open.
class full_world : public scratch_world {
public:
    full_world() : scratch_world{std::size_t{3} * 1024 * 1024} {}
    ~full_world() { make_room(); }

    void fill()
    {
        put_fillers(0, 400); // what becomes room later
        std::binary_semaphore holds{0};
        holder_ = std::thread{[this, &holds] {
            env().view([&](const kv::read_txn&) {
                holds.release();
                let_go_.acquire();
            });
        }};
        holds.acquire();
        auto erase = [](kv::write_txn& txn) {
            for (std::uint64_t i = 0; i < 400; ++i)
                txn.erase(registry::tables::meta, filler_key(i));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!commit(erase));
        for (std::uint64_t i = 1000; put_fillers(i, 1) == kv::error_code{}; ++i) {
        }
    }

    void make_room()
    {
        if (!holder_.joinable())
            return;
        let_go_.release();
        holder_.join();
    }

    // An active phone of alice, PIN 1234.
    bench::device enrol()
    {
        const auto made = create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}});
        auto out = phone();
        out.activate(made.code, "1234");
        return out;
    }

    // A phone that moves, up to the commit of the new one, PIN 5678.
    struct move {
        std::string parent;
        bench::device old_phone;
        std::string child;
        bench::device new_phone;
    };
    move begin_move()
    {
        BOOST_TEST_REQUIRE(
            office("PATCH", "/admin/applications/app", R"({"transfer":{"move":true}})", "admin").status == 200u);
        auto old_phone = enrol();
        std::string parent = old_phone.activation_id();
        const auto made = office("POST", "/v2/registrations/" + parent + "/transfer", R"({"type":"MOVE"})");
        BOOST_TEST_REQUIRE(made.status == 200u, made.text);
        auto new_phone = phone();
        new_phone.activate(made.body.at("activationCode").get<std::string>(), "5678");
        return {std::move(parent), std::move(old_phone), made.body.at("registrationId"), std::move(new_phone)};
    }
    unsigned commit_move(const move& it)
    {
        return office("POST", "/v2/registrations/" + it.child + "/commit", "{}").status;
    }

    unsigned validate(bench::device& of, std::string_view pin)
    {
        return static_cast<unsigned>(device(of.make_validate_request(knowledge, pin)).status);
    }

private:
    static kv::key filler_key(std::uint64_t i) { return kv::key{}.text("filler").number(i); }

    kv::error_code put_fillers(std::uint64_t first, std::uint64_t count)
    {
        return commit([first, count](kv::write_txn& txn) {
            const crypto::bytes page(3000);
            for (std::uint64_t i = first; i < first + count; ++i)
                txn.put(registry::tables::meta, filler_key(i), page);
            return kv::error_code{};
        });
    }

    std::binary_semaphore let_go_{0};
    std::thread holder_;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(storage_full, full_world)

BOOST_AUTO_TEST_CASE(reads_go_on_while_changes_are_refused)
{
    auto alice = enrol();
    fill();
    const auto refused = office("PUT", "/v2/registrations/" + alice.activation_id(), R"({"change":"BLOCK"})");
    BOOST_TEST(refused.status == 507u);
    BOOST_TEST(refused.code() == "ERROR_STORAGE_FULL");
    BOOST_TEST(validate(alice, "0000") == 507u);
    BOOST_TEST(status(alice.activation_id()) == "ACTIVE");
    BOOST_TEST(office("GET", "/v2/registrations?userId=alice").status == 200u);
}

BOOST_AUTO_TEST_CASE(a_full_store_is_alive_and_not_ready_until_there_is_room)
{
    auto alice = enrol();
    BOOST_TEST(office("GET", "/health/ready", {}, "").status == 200u);
    fill();
    BOOST_TEST(office("PUT", "/v2/registrations/" + alice.activation_id(), R"({"change":"BLOCK"})").status == 507u);
    const auto full = office("GET", "/health/ready", {}, "");
    BOOST_TEST(full.status == 503u);
    BOOST_TEST((full.body.at("reasons") == json{"STORAGE_FULL"}));
    BOOST_TEST(office("GET", "/health/live", {}, "").status == 200u);
    make_room();
    BOOST_TEST(!sweep());
    BOOST_TEST(office("GET", "/health/ready", {}, "").status == 200u);
}

BOOST_AUTO_TEST_CASE(a_block_that_found_no_room_is_written_when_there_is_some)
{
    auto alice = enrol();
    const auto path = "/v2/registrations/" + alice.activation_id();
    fill();
    BOOST_TEST(office("PUT", path, R"({"change":"BLOCK","blockedReason":"LOST"})").status == 507u);
    BOOST_TEST(office("PUT", path, R"({"change":"BLOCK"})").status == 507u);
    make_room();
    BOOST_TEST(!sweep());
    BOOST_TEST(status(alice.activation_id()) == "BLOCKED");
    BOOST_TEST(detail(alice.activation_id()).at("blockedReason") == "LOST");
    BOOST_TEST(history(alice.activation_id()).back().at("event") == "BLOCK");
    BOOST_TEST(validate(alice, "1234") == 401u);
    BOOST_TEST(office("PUT", path, R"({"change":"UNBLOCK"})").status == 200u);
    BOOST_TEST(validate(alice, "1234") == 200u);
}

BOOST_AUTO_TEST_CASE(a_new_password_that_found_no_room_is_the_one_asked_for_when_there_is_some)
{
    const auto made = create("alice", {{"otp", "0000"}});
    auto alice = phone();
    static_cast<void>(alice.activate(made.code, "1234"));
    const auto path = "/v2/registrations/" + made.id;
    fill();
    BOOST_TEST(office("PUT", path + "/otp", R"({"otp":"2222"})").status == 507u);
    BOOST_TEST(office("POST", path + "/commit", R"({"otp":"0000"})").status == 507u); // which one counts is not settled
    make_room();
    BOOST_TEST(office("POST", path + "/commit", R"({"otp":"0000"})").status == 400u);
    BOOST_TEST(office("POST", path + "/commit", R"({"otp":"2222"})").status == 200u);
    std::vector<std::string> events;
    for (const json& row : history(made.id))
        events.push_back(row.at("event"));
    BOOST_TEST((events == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "REPLACE_OTP", "FAIL_OTP", "COMMIT"}));
}

// "The same one again" is true only while no other one is on its way.
BOOST_AUTO_TEST_CASE(a_password_that_another_one_is_about_to_replace_is_written_again)
{
    const auto made = create("alice", {{"otp", "0000"}});
    auto alice = phone();
    static_cast<void>(alice.activate(made.code, "1234"));
    const auto path = "/v2/registrations/" + made.id;
    fill();
    BOOST_TEST(office("PUT", path + "/otp", R"({"otp":"2222"})").status == 507u);
    BOOST_TEST(office("PUT", path + "/otp", R"({"otp":"0000"})").status == 507u);
    make_room();
    BOOST_TEST(office("PUT", path + "/otp", R"({"otp":"0000"})").status == 200u);
    BOOST_TEST(!sweep());
    BOOST_TEST(office("POST", path + "/commit", R"({"otp":"2222"})").status == 400u);
    BOOST_TEST(office("POST", path + "/commit", R"({"otp":"0000"})").status == 200u);
}

BOOST_AUTO_TEST_CASE(a_name_that_another_one_is_about_to_replace_is_written_again)
{
    const auto id = enrol().activation_id();
    const auto rename = [&](std::string_view to) {
        return office("PUT", "/v2/registrations/" + id + "/name", json{{"name", to}}.dump()).status;
    };
    BOOST_TEST(rename("one") == 200u);
    fill();
    BOOST_TEST(rename("two") == 507u);
    BOOST_TEST(rename("one") == 507u);
    make_room();
    BOOST_TEST(rename("one") == 200u);
    BOOST_TEST(!sweep());
    restart();
    BOOST_TEST(detail(id).at("name") == "one");
}

BOOST_AUTO_TEST_CASE(a_custom_activation_that_finds_no_room_leaves_nothing_behind)
{
    const auto set =
        office("PATCH", "/admin/applications/app", R"({"provider":{"url":"http://judge.example"}})", "admin");
    BOOST_TEST_REQUIRE(set.status == 200u);
    provider.answer(200, R"({"userId":"anna","commit":true})");
    provider.on_request([this] { fill(); }); // there was room for what comes before
    auto anna = phone();
    const auto prepared = anna.prepare_custom_activation("CUSTOM", {{"username", "anna"}}, "1234");
    BOOST_TEST(device(prepared.request).status == 507);
    const auto registrations = [this] {
        return env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::registrations); });
    };
    BOOST_TEST(registrations() == 0u);
    make_room();
    BOOST_TEST(!sweep());
    BOOST_TEST(registrations() == 0u);
    provider.on_request({});
    static_cast<void>(anna.activate_custom("CUSTOM", {{"username", "anna"}}, "1234"));
    BOOST_TEST(status(anna.activation_id()) == "ACTIVE");
    BOOST_TEST(registrations() == 1u);
}

BOOST_AUTO_TEST_CASE(a_removal_is_not_confirmed_before_it_is_on_the_disk)
{
    auto alice = enrol();
    const auto path = "/v2/registrations/" + alice.activation_id();
    fill();
    BOOST_TEST(office("DELETE", path).status == 507u);
    BOOST_TEST(office("DELETE", path).status == 507u);
    make_room();
    BOOST_TEST(office("DELETE", path).status == 200u);
    BOOST_TEST(status(alice.activation_id()) == "REMOVED");
    std::size_t removals = 0;
    for (const json& row : history(alice.activation_id()))
        removals += row.at("event") == "REMOVE" ? 1U : 0U;
    BOOST_TEST(removals == 1u);
    restart();
    BOOST_TEST(status(alice.activation_id()) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(attempts_without_room_reveal_nothing_and_stay_counted)
{
    auto alice = enrol();
    fill();
    for (int guess = 0; guess < 8; ++guess)
        BOOST_TEST(validate(alice, "0000") == 507u);
    BOOST_TEST(validate(alice, "1234") == 507u);
    BOOST_TEST(detail(alice.activation_id()).at("failedAttempts") == 0);
    make_room();
    // Only the first was judged; it found its place on the disk before this one was.
    BOOST_TEST(validate(alice, "0000") == 401u);
    BOOST_TEST(detail(alice.activation_id()).at("failedAttempts") == 2);
    BOOST_TEST(validate(alice, "1234") == 200u);
    BOOST_TEST(detail(alice.activation_id()).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_restart_forgets_what_found_no_room_and_was_not_told)
{
    auto alice = enrol();
    fill();
    BOOST_TEST(office("DELETE", "/v2/registrations/" + alice.activation_id()).status == 507u);
    make_room();
    restart();
    BOOST_TEST(status(alice.activation_id()) == "ACTIVE");
    BOOST_TEST(validate(alice, "1234") == 200u);
}

BOOST_AUTO_TEST_CASE(a_key_exchange_without_room_binds_nobody_else)
{
    const auto made = create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}});
    auto first = phone();
    static_cast<void>(first.fetch_temporary_key(bench::encryption_scope::application));
    const auto exchange = first.prepare_activation(made.code, "1234");
    fill();
    BOOST_TEST(device(exchange.request).status == 507);
    BOOST_TEST(status(made.id) == "CREATED");
    make_room();
    static_cast<void>(sweep());
    auto second = phone();
    second.activate(made.code, "5678");
    BOOST_TEST(status(made.id) == "ACTIVE");
    BOOST_TEST(validate(second, "5678") == 200u);
}

// Two registrations change in one step: both are written when there is room, or a restart forgets both.
BOOST_AUTO_TEST_CASE(a_move_without_room_happens_to_both_later)
{
    auto it = begin_move();
    fill();
    BOOST_TEST(commit_move(it) == 507u);
    // Both know that something of theirs is on its way; neither tells of it.
    BOOST_TEST(validate(it.old_phone, "1234") == 507u);
    BOOST_TEST(validate(it.new_phone, "5678") == 507u);
    BOOST_TEST(office("PUT", "/v2/registrations/" + it.parent, R"({"change":"BLOCK"})").status == 507u);
    BOOST_TEST(status(it.parent) == "ACTIVE");
    BOOST_TEST(status(it.child) == "PENDING_COMMIT");
    make_room();
    BOOST_TEST(!sweep());
    BOOST_TEST(status(it.parent) == "REMOVED");
    BOOST_TEST(status(it.child) == "ACTIVE");
    BOOST_TEST(validate(it.old_phone, "1234") == 401u);
    BOOST_TEST(validate(it.new_phone, "5678") == 200u);
    BOOST_TEST(history(it.parent).back().at("eventReason") == "MOVED_TO:" + it.child);
    BOOST_TEST(history(it.child).back().at("eventReason") == "MOVED_FROM:" + it.parent);
}

BOOST_AUTO_TEST_CASE(a_move_without_room_is_forgotten_by_both)
{
    auto it = begin_move();
    fill();
    BOOST_TEST(commit_move(it) == 507u);
    make_room();
    restart();
    BOOST_TEST(status(it.parent) == "ACTIVE");
    BOOST_TEST(status(it.child) == "PENDING_COMMIT");
    BOOST_TEST(validate(it.old_phone, "1234") == 200u);
    BOOST_TEST(commit_move(it) == 200u);
    BOOST_TEST(status(it.parent) == "REMOVED");
    BOOST_TEST(validate(it.new_phone, "5678") == 200u);
}

// Whoever of the two is asked for first brings both to the disk.
BOOST_AUTO_TEST_CASE(a_move_that_found_no_room_is_healed_by_its_parent)
{
    auto it = begin_move();
    fill();
    BOOST_TEST(commit_move(it) == 507u);
    make_room();
    BOOST_TEST(validate(it.old_phone, "1234") == 401u);
    restart();
    BOOST_TEST(status(it.parent) == "REMOVED");
    BOOST_TEST(status(it.child) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(a_move_that_found_no_room_is_healed_by_its_child)
{
    auto it = begin_move();
    fill();
    BOOST_TEST(commit_move(it) == 507u);
    make_room();
    BOOST_TEST(validate(it.new_phone, "5678") == 200u);
    restart();
    BOOST_TEST(status(it.parent) == "REMOVED");
    BOOST_TEST(status(it.child) == "ACTIVE");
}

// A cascade that ends at one of the children leaves none of the others blocked in memory only.
BOOST_AUTO_TEST_CASE(a_cascade_without_room_blocks_nobody_in_secret)
{
    BOOST_TEST_REQUIRE(office("PATCH", "/admin/applications/app", R"({"transfer":{"spawn":true}})", "admin").status ==
                       200u);
    const auto parent = enrol().activation_id();
    const auto spawn = [&] {
        const auto made = office("POST", "/v2/registrations/" + parent + "/transfer", R"({"type":"SPAWN"})");
        BOOST_TEST_REQUIRE(made.status == 200u, made.text);
        auto out = phone();
        out.activate(made.body.at("activationCode").get<std::string>(), "1234");
        BOOST_TEST_REQUIRE(office("POST", "/v2/registrations/" + out.activation_id() + "/commit", "{}").status == 200u);
        return out;
    };
    const auto cascade = [&] {
        return office("PUT", "/v2/registrations/" + parent + "?cascade=true", R"({"change":"BLOCK"})");
    };
    // Whichever the cascade comes to first, the one in the middle is not the last.
    std::vector<bench::device> children;
    for (int i = 0; i < 3; ++i)
        children.push_back(spawn());
    const auto unsettled = children[1].activation_id();
    BOOST_TEST(office("PUT", "/v2/registrations/" + parent, R"({"change":"BLOCK"})").status == 200u);
    fill();
    BOOST_TEST(office("PUT", "/v2/registrations/" + unsettled, R"({"change":"BLOCK","blockedReason":"LOST"})").status ==
               507u);
    BOOST_TEST(cascade().status == 507u);
    make_room();
    BOOST_TEST(!sweep());
    BOOST_TEST(status(unsettled) == "BLOCKED");
    for (const std::size_t i : {0U, 2U}) {
        const bool active = status(children[i].activation_id()) == "ACTIVE";
        BOOST_TEST(validate(children[i], "1234") == (active ? 200u : 401u));
    }
    BOOST_TEST(cascade().status == 200u);
    restart();
    for (bench::device& each : children) {
        BOOST_TEST(status(each.activation_id()) == "BLOCKED");
        BOOST_TEST(validate(each, "1234") == 401u);
    }
    BOOST_TEST(detail(unsettled).at("blockedReason") == "LOST");
}

BOOST_AUTO_TEST_CASE(tokens_vault_and_user_info_wait_for_room)
{
    auto alice = enrol();
    const auto token = alice.create_token(bench::signature_type::possession);
    const auto use = alice.make_token_request(token, "/api/registration");
    const auto info = alice.prepare_user_info().request;
    const auto vault = alice.prepare_vault_unlock(knowledge, "1234").request;
    const auto making = alice.prepare_token(knowledge, "1234").request;
    const auto removing = alice.make_token_remove_request(token, bench::signature_type::possession);
    const auto claims = [this] { return office("PUT", "/v2/users/alice/claims", R"({"name":"A"})").status; };
    fill();
    for (int i = 0; i < 2; ++i) { // what found no room was not told, and has used up nothing
        BOOST_TEST(device(use).status == 507);
        BOOST_TEST(device(info).status == 507);
        BOOST_TEST(device(vault).status == 507);
        BOOST_TEST(claims() == 507u);
    }
    BOOST_TEST(device(making).status == 507);
    BOOST_TEST(device(removing).status == 507);
    make_room();
    static_cast<void>(sweep());
    BOOST_TEST(device(use).status == 200);
    BOOST_TEST(device(info).status == 200);
    BOOST_TEST(claims() == 200u);
    BOOST_TEST(alice.user_info() == R"({"sub":"alice","name":"A"})");
    const auto another = alice.create_token(knowledge, "1234");
    BOOST_TEST(device(alice.make_token_request(another, "/api/registration")).status == 200);
    alice.remove_token(token, bench::signature_type::possession);
    BOOST_TEST(device(alice.make_token_request(another, "/api/registration")).status == 200);
}

BOOST_AUTO_TEST_CASE(tokens_go_with_a_removal_that_found_room_later)
{
    auto alice = enrol();
    const auto use =
        alice.make_token_request(alice.create_token(bench::signature_type::possession), "/api/registration");
    fill();
    BOOST_TEST(office("DELETE", "/v2/registrations/" + alice.activation_id()).status == 507u);
    make_room();
    BOOST_TEST(!sweep());
    BOOST_TEST(status(alice.activation_id()) == "REMOVED");
    BOOST_TEST(device(use).status == 401);
    BOOST_TEST(env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::tokens); }) == 0u);
}

// The clean-up must neither turn without end nor forget what it could not write.
BOOST_AUTO_TEST_CASE(the_sweep_waits_for_room)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 300; ++i)
        ids.push_back(create("user-" + std::to_string(i)).id);
    fill();
    clock.advance(registry::registration_expiry_default_ms + 1);
    BOOST_TEST(!sweep());
    BOOST_TEST(!sweep());
    make_room();
    while (sweep()) {
    }
    for (const std::string& id : ids) {
        BOOST_TEST_CONTEXT(id)
        {
            BOOST_TEST(status(id) == "REMOVED");
            BOOST_TEST(history(id).size() == 2u);
        }
    }
    BOOST_TEST(env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::due); }) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
