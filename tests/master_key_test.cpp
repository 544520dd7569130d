// The master key of a store: found among those at hand, and exchanged for another while the store is in use. Whenever a
// rotation stops, the two keys open everything; when it has ended, the next one alone does.

#include "crypto/encoding.hpp"
#include "handlers/master_key_rotation.hpp"
#include "handlers/slots.hpp"
#include "registry/keys.hpp"
#include "registry/sealed_fields.hpp"
#include "registry/store_check.hpp"
#include "server/master_key.hpp"
#include "tests/full_store.hpp"

#include <fstream>
#include <map>
#include <set>

#include <sys/stat.h>

namespace {

using namespace doorward;
using namespace doorward::tests;
using crypto::sealer;
namespace fs = std::filesystem;
namespace tables = registry::tables;

constexpr auto pk = bench::signature_type::possession_knowledge;
using key = crypto::secret<32>;

key key_of(crypto::byte with)
{
    crypto::byte_array<32> out{};
    out.fill(with);
    return key{out};
}

sealer::master_key view_of(const key& from)
{
    return from.view().first<crypto::guarded_key::size>();
}

const key first_key{scratch_master_key()};
const key second_key = key_of(8);
const key third_key = key_of(9);

// What a store is asked, whoever has it open.
registry::check_report check(const kv::env& store, const sealer& with)
{
    return store.view([&](const kv::read_txn& txn) { return registry::check_rows(txn, &with); });
}

std::unique_ptr<sealer> open_with(const kv::env& store, const std::vector<key>& at_hand)
{
    return store.view([&](const kv::read_txn& txn) { return registry::find_store_keys(txn, at_hand).sealer; });
}

// Why they do not open it; empty: they do.
std::string refusal(const kv::env& store, const std::vector<key>& at_hand)
{
    try {
        static_cast<void>(open_with(store, at_hand));
        return {};
    } catch (const kv::open_error& why) {
        return why.what();
    }
}

std::optional<registry::rotation> rotation_of(const kv::env& store)
{
    return store.view([](const kv::read_txn& txn) { return registry::find_rotation(txn); });
}

// How many values were sealed with which key.
std::map<crypto::byte, std::size_t> count_seals(const kv::env& store)
{
    std::map<crypto::byte, std::size_t> out;
    store.view([&](const kv::read_txn& txn) {
        for (std::size_t i = 0; i < std::size(tables::names); ++i) {
            const auto table = static_cast<kv::table>(i);
            if (!registry::has_sealed_fields(table))
                continue;
            txn.scan(table, {}, [&](crypto::bytes_view row, crypto::bytes_view record) {
                static_cast<void>(registry::visit_sealed(
                    txn, table, row, record, [&](std::string_view, const crypto::bytes&, const crypto::bytes& sealed) {
                        ++out[sealer::number_of(sealed)];
                    }));
                return true;
            });
        }
    });
    return out;
}

// A store in use, whose key is exchanged. The world's own sealer is the one that its requests use.
struct rotated_store : full_store {
    registry::begin_rotation begin(const key& next)
    {
        const auto number = sealer::number_after(keys().number());
        next_alone = std::make_unique<sealer>(view_of(next), number);
        registry::begin_rotation out{&keys(), next_alone.get(), clock.now()};
        return out;
    }
    void begin_and_switch(const key& next)
    {
        BOOST_TEST_REQUIRE(!commit(begin(next)));
        keys().seal_with(view_of(next), next_alone->number());
    }
    registry::advance_rotation step(std::size_t rows = 3, bool starts_over = false)
    {
        registry::advance_rotation out{&keys(), rows, starts_over, clock.now()};
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer(), out));
        return out;
    }
    registry::rotation to_its_end(std::size_t rows = 3)
    {
        for (int steps = 0; steps < 10'000; ++steps) {
            if (const auto now = step(rows).after; !now->is_under_way())
                return *now;
        }
        throw std::runtime_error{"it does not end"};
    }
    template <class Write>
    void write(const Write& what)
    {
        auto change = [&](kv::write_txn& txn) {
            what(txn);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer(), change));
    }

    // What a request brings to the disk that sealed it before the next key took over.
    void put_late(std::string_view user)
    {
        const sealer former{view_of(first_key)};
        write([&](kv::write_txn& txn) {
            const registry::stored_claims late{registry::seal_claims(former, "app", std::string{user}, "{}"),
                                               clock.now()};
            txn.put(tables::claims, kv::key{}.text("app").raw(crypto::as_bytes(user)), registry::encode(late));
        });
    }

    std::unique_ptr<sealer> next_alone;
};

// Requests that are under way, as a test says.
struct scripted_requests {
    handlers::master_key_rotation::requests_ended have_ended()
    {
        return [this](std::chrono::steady_clock::time_point since) -> handlers::task<bool> {
            asked.push_back(since);
            co_return !under_way;
        };
    }

    bool under_way = false;
    std::vector<std::chrono::steady_clock::time_point> asked;
};

std::vector<std::string> actions(scratch_world& in)
{
    std::vector<std::string> out;
    const auto told = in.office("GET", "/v2/events?limit=1000", {}, "admin").body;
    for (const auto& each : told.at("events")) {
        if (each.at("subject") == "STORE")
            out.push_back(each.at("event").get<std::string>() + ' ' + each.value("detail", ""));
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(master_key)

BOOST_AUTO_TEST_CASE(the_key_of_a_store_is_found_among_those_at_hand)
{
    full_store it;
    BOOST_TEST(refusal(it.env(), {first_key}) == "");
    BOOST_TEST(refusal(it.env(), {second_key, first_key}) == "");
    BOOST_TEST(refusal(it.env(), {second_key}) == "the master key is not the one this store was made with");
    BOOST_TEST(refusal(it.env(), {}) == "the master key is not the one this store was made with");
    const key both[]{second_key, first_key};
    BOOST_TEST(it.env().view([&](const kv::read_txn& txn) { return registry::find_store_keys(txn, both).current; }) ==
               1U);
}

BOOST_AUTO_TEST_CASE(after_a_rotation_the_next_key_opens_everything_and_the_former_nothing)
{
    rotated_store it;
    const auto before = count_seals(it.env());
    BOOST_TEST_REQUIRE(before.size() == 1U);
    const auto total = before.at(sealer::first_number);
    const std::string derived = crypto::to_hex(it.keys().derive("a"));

    it.begin_and_switch(second_key);
    const auto ended = it.to_its_end();
    BOOST_TEST(ended.unreadable == 0U);
    BOOST_TEST(ended.sealed_anew == total - 1); // the known text is the beginning's
    BOOST_TEST(ended.number == 2);
    const auto after = count_seals(it.env());
    BOOST_TEST(after.size() == 1U);
    BOOST_TEST(after.at(2) == total + 1); // what keys are derived from, too

    const auto next = open_with(it.env(), {second_key});
    const auto found = check(it.env(), *next);
    BOOST_TEST(found.found == 0U);
    BOOST_TEST(found.seals == total + 1);
    BOOST_TEST(crypto::to_hex(next->derive("a")) == derived);
    BOOST_TEST(refusal(it.env(), {first_key}) == "the master key is not the one this store was made with");
    const auto by_old = check(it.env(), sealer{view_of(first_key)});
    BOOST_TEST(by_old.found == by_old.seals);
    BOOST_TEST(actions(it) ==
                   (std::vector<std::string>{"BEGIN_MASTER_KEY_ROTATION ",
                                             "END_MASTER_KEY_ROTATION " + std::to_string(total - 1) + " values"}),
               boost::test_tools::per_element());
}

// Each step in turn is the last one before everything in memory goes.
BOOST_AUTO_TEST_CASE(a_rotation_goes_on_wherever_it_was_interrupted)
{
    rotated_store it;
    it.master_keys = {first_key, second_key};
    it.begin_and_switch(second_key);
    int steps = 0;
    for (bool under_way = true; under_way; ++steps) {
        BOOST_TEST_REQUIRE(steps < 1000);
        BOOST_TEST(refusal(it.env(), {first_key}) ==
                   "the store is on its way to another master key, which is not at hand");
        BOOST_TEST(refusal(it.env(), {second_key}) ==
                   "the store is on its way to another master key, and the one before is not at hand");
        BOOST_TEST(refusal(it.env(), {third_key, second_key, first_key}) == "");
        const auto found = check(it.env(), *open_with(it.env(), {first_key, second_key}));
        BOOST_TEST_REQUIRE(found.found == 0U);
        it.restart();
        under_way = it.step(2).after->is_under_way();
    }
    BOOST_TEST(steps > 10);
    BOOST_TEST(count_seals(it.env()).size() == 1U);
    it.master_keys = {second_key};
    it.restart();
    BOOST_TEST(it.status(it.parent) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(the_server_works_while_the_key_is_exchanged_and_after)
{
    rotated_store it;
    auto before = enrol(it);
    it.begin_and_switch(second_key);
    std::vector<enrolled> meanwhile;
    for (int i = 0; i < 12; ++i) {
        static_cast<void>(it.step(1));
        BOOST_TEST(before.phone.validate(pk, right_pin));
        meanwhile.push_back(enrol(it, {{"metadata", {{"step", std::to_string(i)}}}}, bench::protocol_version::v3_3,
                                  "user-" + std::to_string(i)));
        static_cast<void>(meanwhile.back().phone.create_token(pk, right_pin));
    }
    BOOST_TEST(it.to_its_end().unreadable == 0U);
    it.master_keys = {second_key};
    it.restart();
    for (enrolled& each : meanwhile) {
        BOOST_TEST(each.phone.validate(pk, right_pin));
        BOOST_TEST(it.detail(each.id).at("metadata").contains("step"));
    }
    BOOST_TEST(before.phone.validate(pk, right_pin));
    BOOST_TEST(check(it.env(), *open_with(it.env(), {second_key})).found == 0U);

    // And once more.
    it.begin_and_switch(third_key);
    BOOST_TEST(it.to_its_end(64).unreadable == 0U);
    it.master_keys = {third_key};
    it.restart();
    BOOST_TEST(before.phone.validate(pk, right_pin));
    BOOST_TEST(count_seals(it.env()).begin()->first == 3);
    BOOST_TEST(count_seals(it.env()).size() == 1U);
}

// A request may have sealed something before the next key took over, and bring it to the disk when the walk is past.
BOOST_AUTO_TEST_CASE(what_is_sealed_late_with_the_former_key_is_found_by_the_next_walk)
{
    rotated_store it;
    it.begin_and_switch(second_key);
    while (!it.step(50).walk_ended) {
    }
    BOOST_TEST(rotation_of(it.env())->is_under_way()); // it found something
    BOOST_TEST(count_seals(it.env()).size() == 1U);
    it.put_late("zoe");
    BOOST_TEST(count_seals(it.env()).size() == 2U);
    const auto ended = it.to_its_end();
    BOOST_TEST(ended.unreadable == 0U);
    BOOST_TEST(ended.walks == 3U);
    BOOST_TEST(count_seals(it.env()).size() == 1U);
    BOOST_TEST(it.office("GET", "/v2/users/zoe/claims?appId=app").status == 200U);
}

// Whoever goes on with a walk does not know what came to the disk behind it: so nobody does.
BOOST_AUTO_TEST_CASE(a_walk_that_another_process_began_is_begun_again)
{
    rotated_store it;
    it.begin_and_switch(second_key);
    while (!it.step(50).walk_ended) {
    }
    while (rotation_of(it.env())->table <= static_cast<unsigned>(tables::claims)) // it has found nothing yet
        static_cast<void>(it.step(1));
    it.put_late("zoe");
    it.master_keys = {first_key, second_key};
    it.restart();
    BOOST_TEST(it.step(3, true).after->is_under_way());
    BOOST_TEST(it.to_its_end().unreadable == 0U);
    BOOST_TEST(count_seals(it.env()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_nobody_can_read_does_not_hold_it_up)
{
    rotated_store it;
    const sealer stranger{view_of(third_key), 7};
    it.write([&](kv::write_txn& txn) {
        const registry::stored_claims odd{registry::seal_claims(stranger, "app", "yan", "{}"), it.clock.now()};
        txn.put(tables::claims, kv::key{}.text("app").raw(crypto::as_bytes("yan")), registry::encode(odd));
        txn.put(tables::claims, kv::key{}.text("app").raw(crypto::as_bytes("zoe")), crypto::as_bytes("nonsense"));
    });
    it.begin_and_switch(second_key);
    const auto ended = it.to_its_end();
    BOOST_TEST(ended.unreadable == 2U);
    BOOST_TEST(actions(it).back().ends_with(" values, 2 unreadable"));
    const auto found = check(it.env(), *open_with(it.env(), {second_key}));
    BOOST_TEST(found.found == 2U);
}

BOOST_AUTO_TEST_CASE(one_rotation_at_a_time)
{
    rotated_store it;
    it.begin_and_switch(second_key);
    BOOST_TEST(it.commit(it.begin(third_key)) == make_error_code(registry::errc::illegal_change));
    BOOST_TEST(it.to_its_end(64).number == 2);
    BOOST_TEST(!it.step().after->is_under_way()); // nothing more to do
    it.begin_and_switch(third_key);
    BOOST_TEST(it.to_its_end(64).number == 3);
    BOOST_TEST(actions(it).size() == 4U);
}

BOOST_AUTO_TEST_CASE(without_a_rotation_a_step_does_nothing)
{
    rotated_store it;
    const auto done = it.step();
    BOOST_TEST(!done.after.has_value());
    BOOST_TEST(!done.walk_ended);
    BOOST_TEST(!rotation_of(it.env()).has_value());
}

// As the server drives it.
BOOST_AUTO_TEST_CASE(the_driver_begins_works_and_tells_the_end)
{
    rotated_store it;
    scripted_requests requests;
    handlers::master_key_rotation driver{it.keys(), false, requests.have_ended()};
    BOOST_TEST(!it.finish(driver.begin(it.services(), first_key)));
    BOOST_TEST(!driver.is_under_way()); // the store has it already
    BOOST_TEST(!it.finish(driver.begin(it.services(), second_key)));
    BOOST_TEST(driver.is_under_way());
    BOOST_TEST(it.keys().number() == 2);
    std::optional<registry::rotation> ended;
    for (int steps = 0; driver.is_under_way(); ++steps) {
        BOOST_TEST_REQUIRE(steps < 1000);
        BOOST_TEST(!ended.has_value());
        static_cast<void>(it.finish(driver.step(it.services(), ended)));
    }
    BOOST_TEST_REQUIRE(ended.has_value());
    BOOST_TEST(ended->unreadable == 0U);
    BOOST_TEST(refusal(it.env(), {second_key}) == "");
    BOOST_TEST(refusal(it.env(), {first_key}) != "");

    BOOST_TEST(requests.asked.size() == 2U); // before each walk

    // One that was under way when the process began has nothing to wait for at first.
    BOOST_TEST(!it.finish(driver.begin(it.services(), third_key)));
    it.master_keys = {third_key, second_key};
    it.restart();
    handlers::master_key_rotation heir{it.keys(), true, requests.have_ended()};
    requests.under_way = true;
    requests.asked.clear();
    ended.reset();
    static_cast<void>(it.finish(heir.step(it.services(), ended)));
    BOOST_TEST(!heir.is_between_walks());
    BOOST_TEST(requests.asked.empty());
    requests.under_way = false;
    for (int steps = 0; heir.is_under_way(); ++steps) {
        BOOST_TEST_REQUIRE(steps < 1000);
        static_cast<void>(it.finish(heir.step(it.services(), ended)));
    }
    BOOST_TEST_REQUIRE(ended.has_value());
    BOOST_TEST(refusal(it.env(), {third_key}) == "");
}

// What began before the last find may have read what was found.
BOOST_AUTO_TEST_CASE(no_walk_begins_before_requests_that_were_under_way_have_ended)
{
    rotated_store it;
    scripted_requests requests;
    requests.under_way = true;
    handlers::master_key_rotation driver{it.keys(), false, requests.have_ended()};
    BOOST_TEST(!it.finish(driver.begin(it.services(), second_key)));
    std::optional<registry::rotation> ended;
    for (int walk = 0; walk < 2; ++walk) {
        const auto before = rotation_of(it.env()).value();
        requests.under_way = true;
        for (int i = 0; i < 3; ++i)
            BOOST_TEST((it.finish(driver.step(it.services(), ended)) == handlers::rotation_pause));
        BOOST_TEST((rotation_of(it.env()) == before));
        it.put_late("user-" + std::to_string(walk));
        requests.under_way = false;
        while (!driver.is_between_walks() || rotation_of(it.env())->walks == before.walks)
            static_cast<void>(it.finish(driver.step(it.services(), ended)));
        BOOST_TEST(!ended.has_value()); // it has found something
        BOOST_TEST((requests.asked.back() > requests.asked.front()) == (walk == 1));
    }
    while (driver.is_under_way())
        static_cast<void>(it.finish(driver.step(it.services(), ended)));
    BOOST_TEST(ended->walks == 3U);
    BOOST_TEST(count_seals(it.env()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_rotation_waits_for_what_the_disk_had_no_room_for)
{
    rotated_store it;
    scripted_requests requests;
    handlers::master_key_rotation driver{it.keys(), false, requests.have_ended()};
    BOOST_TEST(!it.finish(driver.begin(it.services(), second_key)));
    std::optional<registry::rotation> ended;
    const auto before = rotation_of(it.env());
    registry::attempt_details noise;
    noise.outcome = registry::attempt_outcome::noise;
    noise.count = 1;
    const auto slot = handlers::find_slot(it.services(), registry::uuid::parse(it.parent).value());
    std::vector<registry::transition> late;
    late.push_back(registry::attempts::record(slot, std::move(noise), it.clock.now()));
    it.services().unsettled.keep(std::move(late));
    BOOST_TEST((it.finish(driver.step(it.services(), ended)) == handlers::rotation_rest));
    BOOST_TEST((rotation_of(it.env()) == before));
    static_cast<void>(it.sweep());
    while (driver.is_under_way())
        static_cast<void>(it.finish(driver.step(it.services(), ended)));
    BOOST_TEST(ended->unreadable == 0U);
}

// --- files

BOOST_AUTO_TEST_CASE(key_files_appear_whole_and_are_exchanged_in_one_step)
{
    const scratch_directory home;
    const auto file = home.path() / "master.key";
    const auto kept = home.path() / "kept";
    server::write_master_key(file, first_key);
    struct stat about {};
    BOOST_TEST(::stat(file.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0600U);
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(file), first_key));
    BOOST_CHECK_THROW(server::write_master_key(file, second_key), std::runtime_error); // there is one
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(file), first_key));

    BOOST_TEST(::chmod(file.c_str(), 0400) == 0);
    std::ofstream{fs::path{file}.concat(".new")} << "what an interrupted one left";
    server::exchange_master_key(file, second_key, kept);
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(file), second_key));
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(kept), first_key));
    BOOST_TEST(::stat(file.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0400U);
    BOOST_CHECK_THROW(server::exchange_master_key(file, third_key, kept), std::runtime_error); // `kept` stays
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(file), second_key));
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(kept), first_key));
    std::set<std::string> names;
    for (const auto& each : fs::directory_iterator{home.path()})
        names.insert(each.path().filename());
    BOOST_TEST(names == (std::set<std::string>{"master.key", "kept"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_next_key_is_seen_once_each_time_it_is_written)
{
    const scratch_directory home;
    server::next_master_key_file file{server::next_master_key(home.path())};
    BOOST_TEST(!file.look().has_value());
    server::write_master_key(file.path(), second_key);
    BOOST_TEST(file.look().has_value());
    BOOST_TEST(!file.look().has_value());
    file.look_again();
    BOOST_TEST(file.look().has_value());
    fs::remove(file.path());
    BOOST_TEST(!file.look().has_value());
    server::write_master_key(file.path(), second_key);
    BOOST_TEST(file.look().has_value());

    std::ofstream{file.path()} << "no key";
    BOOST_CHECK_THROW(static_cast<void>(file.look()), std::runtime_error);
    BOOST_TEST(!file.look().has_value()); // said once, and tried again
    fs::remove(file.path());
    server::write_master_key(file.path(), third_key);
    BOOST_TEST(crypto::equal_constant_time(file.look().value(), third_key));
}

BOOST_AUTO_TEST_CASE(the_next_key_stays_as_long_as_the_store_needs_it)
{
    const scratch_directory home;
    server::next_master_key_file file{server::next_master_key(home.path())};
    server::write_master_key(file.path(), second_key);
    BOOST_TEST(file.keep(second_key));
    fs::remove(file.path());
    BOOST_TEST(!file.keep(second_key));
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(file.path()), second_key));
    std::ofstream{file.path()} << "no key";
    BOOST_TEST(!file.keep(second_key));
    BOOST_TEST(crypto::equal_constant_time(server::read_master_key(file.path()), second_key));
    BOOST_TEST(!file.keep(third_key));
    BOOST_TEST(file.keep(third_key));
}

BOOST_AUTO_TEST_CASE(a_next_key_that_cannot_be_read_is_told_where_it_is_needed)
{
    rotated_store it;
    const scratch_directory home;
    const auto file = home.path() / "master.key";
    const auto next = server::next_master_key(home.path());
    const auto open = [&] {
        return it.env().view(
            [&](const kv::read_txn& txn) { return server::open_store_keys(txn, file, home.path()).current; });
    };
    const auto why = [&]() -> std::string {
        try {
            static_cast<void>(open());
            return {};
        } catch (const std::runtime_error& refused) {
            return refused.what();
        }
    };
    server::write_master_key(file, first_key);
    BOOST_TEST(open() == 0U);
    std::ofstream{next} << "no key";
    BOOST_TEST(::chmod(next.c_str(), 0600) == 0);
    BOOST_TEST(open() == 0U); // it is not needed
    it.begin_and_switch(second_key);
    BOOST_TEST(why() == "the store is on its way to another master key, which is not at hand; master key " +
                            next.string() + ": must hold 64 hexadecimal digits");
    fs::remove(next);
    BOOST_TEST(why() == "the store is on its way to another master key, which is not at hand");
    server::write_master_key(next, second_key);
    BOOST_TEST(open() == 1U);
    fs::remove(file);
    BOOST_TEST(why().find(file.string()) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
