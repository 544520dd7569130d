// A store that was filled for measuring is one that enrolments would have left.

#include "bench/populate.hpp"
#include "tests/support.hpp"

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace tables = registry::tables;

constexpr std::uint64_t count = 300;
constexpr std::uint64_t active_every = 7;

std::set<registry::registration_number> listed(const kv::env& store, const std::string& user)
{
    std::set<registry::registration_number> out;
    store.view([&](const kv::read_txn& txn) {
        registry::scan_user(txn, user, 0, [&](registry::registration_number number) {
            out.insert(number);
            return true;
        });
    });
    return out;
}

struct populated {
    populated()
        : phones{bench::populate(world.env(), world.writer(), world.services().sealer,
                                 {count, active_every, world.clock.now()}, [](std::uint64_t) {})}
    {
        world.restart();
    }

    [[nodiscard]] registry::full_registration find(registry::registration_number number)
    {
        auto found = world.services().journal.view(
            [&](const registry::snapshot& txn) { return registry::find_full(txn, number); });
        BOOST_TEST_REQUIRE(found.has_value());
        return *std::move(found);
    }
    [[nodiscard]] std::vector<registry::history_row> history(registry::registration_number number)
    {
        std::vector<registry::history_row> out;
        world.env().view([&](const kv::read_txn& txn) {
            registry::scan_history(txn, number, 0, [&](const registry::history_row& row) {
                out.push_back(row);
                return true;
            });
        });
        return out;
    }
    [[nodiscard]] std::size_t rows(kv::table of)
    {
        return world.env().view([&](const kv::read_txn& txn) { return txn.row_count(of); });
    }

    // What the server says to a proof of a phone of the fleet.
    answer prove(const bench::fleet_phone& phone, const bench::block16& ctr_data, const bench::key16& knowledge)
    {
        const auto nonce = crypto::to_base64(crypto::random_array<16>());
        const std::string data =
            bench::signed_text("POST", "/pa/signature/validate", nonce, "{}", phones.application_secret);
        const bench::key16 keys[]{phone.keys.possession, knowledge};
        const auto signature = bench::base64_signature(keys, ctr_data, crypto::as_bytes(data));
        const auto header = bench::authorization_header(bench::rules_of(bench::protocol_version::v3_3), phone.id,
                                                        phones.application_key, nonce,
                                                        bench::signature_type::possession_knowledge, signature);
        return world.device("/pa/v3/signature/validate", "{}", header);
    }

    scratch_world world;
    bench::fleet phones;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(populate, populated)

BOOST_AUTO_TEST_CASE(every_registration_is_there_with_all_that_belongs_to_it)
{
    BOOST_TEST(rows(tables::ids) == count);
    BOOST_TEST(rows(tables::registrations) == count);
    BOOST_TEST(rows(tables::keys) == count);
    BOOST_TEST(rows(tables::counters) == count);
    BOOST_TEST(rows(tables::by_user) == count);
    BOOST_TEST(rows(tables::history) == 3 * count);
    BOOST_TEST(rows(tables::by_code) == 0U);
    BOOST_TEST(rows(tables::due) == 0U);
    std::map<std::string, std::set<registry::registration_number>> of_user;
    std::set<std::string> derived;
    for (registry::registration_number number = 1; number <= count; ++number) {
        const auto it = find(number);
        const auto [by_id, keys] = world.env().view([&](const kv::read_txn& txn) {
            return std::pair{registry::find_number(txn, it.record.id), registry::find_keys(txn, number)};
        });
        BOOST_TEST_REQUIRE((by_id == number));
        BOOST_TEST_REQUIRE(keys.has_value());
        const auto& sealer = world.services().sealer;
        const auto opened = registry::open_keys(sealer, it.record.id, keys->sealed_keys);
        BOOST_TEST_REQUIRE(opened.has_value());
        derived.insert(crypto::to_base64(opened->factors.knowledge));
        BOOST_TEST(registry::open_private_key(sealer, "keys", it.record.id.view(), keys->sealed_server_private_key,
                                              it.record.server_key.value())
                       .has_value());
        of_user[it.record.user_id].insert(number);
    }
    BOOST_TEST(derived.size() == count);
    BOOST_TEST(of_user.size() == count / 2);
    for (const auto& each : of_user) {
        const auto& user = each.first; // no structured binding: clang 14 does not let a lambda see one
        const auto& wanted = each.second;
        BOOST_TEST((listed(world.env(), user) == wanted), user);
        BOOST_TEST((wanted.size() >= 1 && wanted.size() <= 3), user);
    }
}

BOOST_AUTO_TEST_CASE(a_registration_looks_like_one_that_was_enrolled)
{
    const auto real = enrol(world);
    const auto number = count + 1; // the next one
    auto enrolled = find(number);
    BOOST_TEST_REQUIRE(enrolled.record.id.text() == real.id);
    auto made = find(1);

    // Everything but who it is, its times, its keys and its first counter value is the same.
    made.record.id = enrolled.record.id;
    made.record.application_id = enrolled.record.application_id;
    made.record.user_id = enrolled.record.user_id;
    BOOST_TEST((made.record.created_at < made.record.changed_at && made.record.changed_at < world.clock.now()));
    made.record.created_at = enrolled.record.created_at;
    made.record.changed_at = enrolled.record.changed_at;
    made.record.expires_at = enrolled.record.expires_at;
    BOOST_TEST((made.record.device_key.has_value() && made.record.server_key.has_value()));
    made.record.device_key = enrolled.record.device_key;
    made.record.server_key = enrolled.record.server_key;
    BOOST_TEST((made.record == enrolled.record));
    made.attempts.counter.data = enrolled.attempts.counter.data;
    BOOST_TEST((made.attempts == enrolled.attempts));

    auto made_history = history(1);
    auto real_history = history(number);
    BOOST_TEST_REQUIRE(made_history.size() == real_history.size());
    for (std::size_t i = 0; i < made_history.size(); ++i) {
        BOOST_TEST((i == 0 || made_history[i].at < made_history[i - 1].at));
        made_history[i].at = real_history[i].at;
        BOOST_TEST((real_history[i].event.has_value() && !made_history[i].event.has_value()));
        real_history[i].event.reset(); // populated stores are as those from before there were events
        if (!made_history[i].who.account.empty())
            made_history[i].who.account = "office";
        BOOST_TEST((made_history[i] == real_history[i]), "row " << i);
    }
}

BOOST_AUTO_TEST_CASE(the_phones_of_the_fleet_prove_themselves_at_once)
{
    const auto fleet = bench::read_fleet(bench::write_fleet(phones));
    BOOST_TEST_REQUIRE(fleet.phones.size() == count / active_every);
    for (std::size_t i = 0; i < fleet.phones.size(); ++i)
        BOOST_TEST(fleet.phones[i].id == find((i + 1) * active_every).record.id.text());

    const auto& phone = fleet.phones.back();
    const auto next = bench::next_counter(phone.ctr_data);
    BOOST_TEST(prove(phone, phone.ctr_data, phone.keys.knowledge).status == 200U);
    BOOST_TEST(prove(phone, next, crypto::random_secret<16>()).status == 401U);
    BOOST_TEST(world.detail(phone.id).at("failedAttempts") == 1);
    BOOST_TEST(world.detail(phone.id).at("maxFailedAttempts") == bench::fleet_failed_attempts_max);
    BOOST_TEST(prove(phone, next, phone.keys.knowledge).status == 200U);
    BOOST_TEST(world.detail(phone.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_store_with_registrations_is_left_alone)
{
    BOOST_CHECK_THROW(static_cast<void>(bench::populate(world.env(), world.writer(), world.services().sealer,
                                                        {1, 1, world.clock.now()}, [](std::uint64_t) {})),
                      std::runtime_error);
    BOOST_TEST(rows(tables::ids) == count);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(populate_crowd)

BOOST_AUTO_TEST_CASE(one_user_may_have_many_and_the_others_have_what_they_always_had)
{
    scratch_world world;
    const auto fill = [&](std::uint64_t crowd) {
        return bench::populate(world.env(), world.writer(), world.services().sealer, {20, 4, world.clock.now(), crowd},
                               [](std::uint64_t) {});
    };
    BOOST_CHECK_THROW(static_cast<void>(fill(21)), std::runtime_error);
    BOOST_TEST(fill(11).phones.size() == 5U);
    BOOST_TEST(listed(world.env(), "crowd").size() == 11U);
    BOOST_TEST((listed(world.env(), "user-1") == std::set<registry::registration_number>{12}));
    BOOST_TEST((listed(world.env(), "user-2") == std::set<registry::registration_number>{13, 14}));
}

BOOST_AUTO_TEST_SUITE_END()
