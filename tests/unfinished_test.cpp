// Registrations that wait for their phone or for commit: nobody else has their code (PROTOCOL.md section 5), and they
// end in time, whether or not anybody looks (12.1).

#include "handlers/registration_access.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace tables = registry::tables;
using registry::activation_code;

using code_bytes = crypto::byte_array<10>;
const code_bytes some_code{1, 2, 3};
const code_bytes other_code{4, 5, 6};

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

std::size_t rows(scratch_world& world, kv::table of)
{
    return world.env().view([&](const kv::read_txn& txn) { return txn.row_count(of); });
}

bool activates(scratch_world& world, const std::string& code)
{
    auto phone = world.phone();
    try {
        static_cast<void>(phone.activate(code, right_pin));
        return true;
    } catch (const bench::server_refused&) {
        return false;
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(unfinished_codes)

BOOST_AUTO_TEST_CASE(a_code_that_another_registration_waits_with_is_drawn_again)
{
    scratch_world world;
    world.codes.plan({some_code});
    const auto first = world.create();
    BOOST_TEST(first.code == activation_code(some_code));
    world.codes.plan({some_code, some_code, other_code});
    const auto second = world.create("bob");
    BOOST_TEST(second.code == activation_code(other_code));
    BOOST_TEST(world.codes.left() == 0U);
    BOOST_TEST(activates(world, first.code));
    BOOST_TEST(activates(world, second.code));
    BOOST_TEST(world.status(first.id) == "PENDING_COMMIT");
    BOOST_TEST(world.status(second.id) == "PENDING_COMMIT");
}

BOOST_AUTO_TEST_CASE(a_code_belongs_to_its_registration_until_that_is_committed)
{
    scratch_world world;
    world.codes.plan({some_code});
    const auto first = world.create();
    BOOST_TEST_REQUIRE(activates(world, first.code));
    world.restart();
    world.codes.plan({some_code, other_code});
    BOOST_TEST(world.create("bob").code == activation_code(other_code));
    BOOST_TEST(!activates(world, first.code)); // it is good for one phone all the same
    BOOST_TEST(!world.detail(first.id).contains("activationCode"));
}

BOOST_AUTO_TEST_CASE(a_code_is_free_again_when_its_registration_is_finished)
{
    const std::pair<const char*, std::function<void(scratch_world&, const scratch_world::created&)>> ends[]{
        {"committed",
         [](scratch_world& world, const scratch_world::created& it) {
             BOOST_TEST_REQUIRE(activates(world, it.code));
             BOOST_TEST_REQUIRE(world.office("POST", path(it.id, "/commit"), "{}").status == 200U);
         }},
        {"removed",
         [](scratch_world& world, const scratch_world::created& it) {
             BOOST_TEST_REQUIRE(world.office("DELETE", path(it.id)).status == 200U);
         }},
        {"removed while it waited for commit",
         [](scratch_world& world, const scratch_world::created& it) {
             BOOST_TEST_REQUIRE(activates(world, it.code));
             BOOST_TEST_REQUIRE(world.office("DELETE", path(it.id)).status == 200U);
         }},
        {"expired",
         [](scratch_world& world, const scratch_world::created&) {
             world.clock.advance(registry::registration_expiry_default_ms);
             static_cast<void>(world.sweep());
         }},
        {"expired while it waited for commit",
         [](scratch_world& world, const scratch_world::created& it) {
             BOOST_TEST_REQUIRE(activates(world, it.code));
             world.clock.advance(registry::registration_expiry_default_ms);
             static_cast<void>(world.sweep());
         }},
    };
    for (const auto& [what, finish] : ends)
        BOOST_TEST_CONTEXT(what)
        {
            scratch_world world;
            world.codes.plan({some_code});
            const auto first = world.create();
            finish(world, first);
            BOOST_TEST(rows(world, tables::by_code) == 0U);
            world.codes.plan({some_code});
            const auto second = world.create("bob");
            BOOST_TEST(second.code == first.code);
            BOOST_TEST(activates(world, second.code));
            BOOST_TEST(world.status(second.id) == "PENDING_COMMIT");
            BOOST_TEST(world.status(first.id) != "PENDING_COMMIT");
        }
}

BOOST_AUTO_TEST_CASE(a_code_that_goes_straight_to_active_is_free_at_once)
{
    scratch_world world;
    world.codes.plan({some_code});
    const auto first = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}});
    BOOST_TEST_REQUIRE(activates(world, first.code));
    BOOST_TEST(rows(world, tables::by_code) == 0U);
}

BOOST_AUTO_TEST_CASE(another_application_may_have_the_same_code)
{
    scratch_world world;
    world.codes.plan({some_code});
    const auto mine = world.create();
    world.codes.plan({some_code});
    const auto theirs =
        world.office("POST", "/v2/registrations", R"({"userId":"bob","appId":"other"})", "stranger").body;
    BOOST_TEST(theirs.at("activationCode") == mine.code);
    BOOST_TEST(activates(world, mine.code)); // a phone of "app"
    BOOST_TEST(world.status(mine.id) == "PENDING_COMMIT");
    BOOST_TEST(world.status(theirs.at("registrationId")) == "CREATED");
}

BOOST_AUTO_TEST_CASE(when_every_code_is_taken_nothing_is_created)
{
    scratch_world world;
    world.codes.plan({some_code});
    static_cast<void>(world.create());
    world.codes.plan(std::vector<code_bytes>(100, some_code));
    const auto refused = world.office("POST", "/v2/registrations", R"({"userId":"bob","appId":"app"})");
    BOOST_TEST(refused.status == 409U);
    BOOST_TEST(refused.code() == "ERROR_CONFLICT");
    BOOST_TEST(rows(world, tables::registrations) == 1U);
    BOOST_TEST(world.codes.left() > 0U); // it gave up
    world.codes.plan({});
    static_cast<void>(world.create("bob"));
}

BOOST_AUTO_TEST_SUITE_END()

// --- their end

namespace {

// What the store says, not what somebody makes of it who reads: a reader would have it expire.
struct stored {
    std::string status;
    std::string otp_hash;
    std::string last_event;
    registry::time_ms last_at;
};
stored in_store(scratch_world& world, const std::string& id)
{
    return world.services().journal.view([&](const registry::snapshot& txn) {
        const auto found = registry::find_full(txn, registry::uuid::parse(id).value()).value();
        stored out{std::string{to_text(found.current())}, found.record.otp_hash, {}, 0};
        registry::scan_history(txn, found.number, 0, [&](const registry::history_row& row) {
            out.last_event = to_text(row.by);
            out.last_at = row.at;
            return false;
        });
        return out;
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(unfinished_expiry)

BOOST_AUTO_TEST_CASE(the_clean_up_ends_a_registration_at_its_time_and_not_before)
{
    scratch_world world;
    const auto created = world.create("alice", {{"timestampRegistrationExpire", world.clock.now() + 10'000}});
    const auto pending =
        world.create("bob", {{"timestampRegistrationExpire", world.clock.now() + 10'000}, {"otp", "0000"}});
    const auto longer = world.create("carl", {{"timestampRegistrationExpire", world.clock.now() + 10'001}});
    BOOST_TEST_REQUIRE(activates(world, pending.code));
    world.clock.advance(9'999);
    static_cast<void>(world.sweep());
    BOOST_TEST(in_store(world, created.id).status == "CREATED");
    BOOST_TEST(in_store(world, pending.id).status == "PENDING_COMMIT");

    world.clock.advance(1);
    static_cast<void>(world.sweep());
    for (const auto& id : {created.id, pending.id}) {
        const auto ended = in_store(world, id);
        BOOST_TEST(ended.status == "REMOVED");
        BOOST_TEST(ended.last_event == "EXPIRE");
        BOOST_TEST(ended.last_at == world.clock.now());
        BOOST_TEST(ended.otp_hash == "");
    }
    BOOST_TEST(in_store(world, longer.id).status == "CREATED");
    BOOST_TEST(rows(world, tables::by_code) == 1U);
    world.clock.advance(1);
    static_cast<void>(world.sweep());
    BOOST_TEST(in_store(world, longer.id).status == "REMOVED");
    BOOST_TEST(rows(world, tables::by_code) == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_finished_is_left_alone_by_the_clean_up)
{
    scratch_world world;
    auto it = enrol(world);
    const auto at_once = enrol(world, {{"commitPhase", "ON_KEY_EXCHANGE"}});
    world.clock.advance(2 * registry::envelope_memory_ms);
    static_cast<void>(world.sweep());
    BOOST_TEST(rows(world, tables::due) == 0U);
    BOOST_TEST(in_store(world, it.id).status == "ACTIVE");
    BOOST_TEST(in_store(world, at_once.id).status == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(a_key_exchange_that_lasts_longer_than_the_registration_comes_too_late)
{
    for (const char* otp : {"0000", "1111"})
        BOOST_TEST_CONTEXT(otp)
        {
            scratch_world world;
            const auto made = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}});
            auto phone = world.phone(bench::protocol_version::v3_0); // its envelopes have no time
            bench::activation_details details;
            details.otp = otp;
            const auto pending = phone.prepare_activation(made.code, right_pin, details);
            owned_request req;
            req.method = "POST";
            req.target = pending.request.path;
            req.body = pending.request.body;
            for (const auto& [name, value] : pending.request.headers)
                if (name == "X-PowerAuth-Encryption")
                    req.power_auth_encryption = value;

            const auto sent = world.start(handlers::side::device, req);
            world.poll(); // its envelopes are being remembered
            BOOST_TEST_REQUIRE(!world.commit(registry::barrier{}));
            world.poll_until_passwords_are_checked();
            world.clock.advance(registry::registration_expiry_default_ms);
            world.run();
            BOOST_TEST_REQUIRE(sent->done.has_value());
            BOOST_TEST(sent->done->status == 400U);
            BOOST_TEST(in_store(world, made.id).status == "CREATED"); // neither bound nor counted
            BOOST_TEST(in_store(world, made.id).last_event == "CREATE");
            static_cast<void>(world.sweep());
            BOOST_TEST(in_store(world, made.id).status == "REMOVED");
        }
}

// One of several for which there is no place in memory: none of the others ends there only.
BOOST_AUTO_TEST_CASE(a_clean_up_that_finds_no_slot_has_swapped_nothing)
{
    constexpr unsigned parts = 64; // of the table of slots; more than one of them has any place for is held below
    constexpr std::size_t held_max = 10'000;
    scratch_world world;
    const auto part_of = [](const std::string& id) { return registry::uuid::parse(id).value().value[0] % parts; };
    const auto first = world.create();
    auto last = world.create();
    while (part_of(last.id) == part_of(first.id))
        last = world.create();
    world.restart();
    world.clock.advance(registry::registration_expiry_default_ms);
    auto& svc = world.services();
    std::vector<registry::full_registration> late;
    for (const auto& each : {first, last})
        late.push_back(svc.journal
                           .view([&](const registry::snapshot& txn) {
                               return registry::find_full(txn, registry::uuid::parse(each.id).value());
                           })
                           .value());
    {
        const scratch_phone somebody;
        std::vector<registry::slot_ptr> held;
        const auto hold_until_full = [&] {
            while (held.size() < held_max) {
                auto id = registry::uuid::random();
                id.value[0] = late.back().record.id.value[0];
                held.push_back(svc.slots.find(
                    id, [&] { return somebody.content(default_limits(), registry::state::active, id); }));
            }
        };
        BOOST_CHECK_THROW(hold_until_full(), std::length_error);
        BOOST_CHECK_THROW(static_cast<void>(world.finish(handlers::expire(late, svc))), std::length_error);
    }
    for (const auto& each : {first, last}) {
        BOOST_TEST(world.status(each.id) == "REMOVED"); // whoever reads it has it written first
        BOOST_TEST(world.history(each.id).size() == 2U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
