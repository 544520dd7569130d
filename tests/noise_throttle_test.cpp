// The throttle of noise, the counts of it, and the addresses that it comes from.

#include "registry/noise_audit.hpp"
#include "registry/noise_throttle.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::registry;
using tests::on_threads;
using tests::v4;
using tests::v6;

constexpr time_ms now = 1'700'000'000'000;
constexpr time_ms minute = 60'000;
constexpr unsigned limit = unproven_per_minute_default;
constexpr unsigned address_limit = limit * unproven_address_factor;

// How many attempts of `tries` are let through at one moment.
unsigned passed(noise_throttle& by, const uuid* id, const source_address* from, unsigned tries,
                unsigned per_minute = limit, time_ms at = now)
{
    unsigned out = 0;
    for (unsigned i = 0; i < tries; ++i)
        out += by.spend(id, from, per_minute, at) == 0 ? 1U : 0U;
    return out;
}

} // namespace

// --- addresses

BOOST_AUTO_TEST_SUITE(source_addresses)

BOOST_AUTO_TEST_CASE(addresses_are_written_as_people_write_them)
{
    BOOST_TEST(to_text(v4(192, 0, 2, 1)) == "192.0.2.1");
    BOOST_TEST(to_text(v4(0, 0, 0, 0)) == "0.0.0.0");
    BOOST_TEST(to_text(v6({0x20, 0x01, 0x0d, 0xb8}, 1)) == "2001:db8::1");
    BOOST_TEST(to_text(v6({}, 1)) == "::1");
    BOOST_TEST(to_text(source_address{}).empty());
    BOOST_TEST(source_address{}.is_unknown());
    BOOST_TEST(!v4(0, 0, 0, 0).is_unknown());
}

BOOST_AUTO_TEST_CASE(a_client_has_an_address_of_version_4_or_half_of_one_of_version_6)
{
    const auto same = [](const source_address& a, const source_address& b) {
        return std::ranges::equal(a.network(), b.network());
    };
    BOOST_TEST(!same(v4(192, 0, 2, 1), v4(192, 0, 2, 2)));
    const auto host = v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 7}, 1);
    BOOST_TEST(same(host, v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 7, 0xFF, 0xFF}, 200)));
    BOOST_TEST(!same(host, v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 8}, 1)));
}

BOOST_AUTO_TEST_SUITE_END()

// --- budgets

BOOST_AUTO_TEST_SUITE(noise_budgets)

BOOST_AUTO_TEST_CASE(a_registration_has_its_budget_exactly)
{
    for (const unsigned per_minute : {1U, 2U, 7U, 30U, 59U, 1'000U, unproven_per_minute_max})
        BOOST_TEST_CONTEXT(per_minute)
        {
            noise_throttle throttle;
            const auto id = uuid::random();
            BOOST_TEST(passed(throttle, &id, nullptr, 2 * per_minute, per_minute) == per_minute);
        }
}

BOOST_AUTO_TEST_CASE(a_budget_refills_evenly_and_says_when)
{
    noise_throttle throttle;
    const auto id = uuid::random();
    BOOST_TEST(passed(throttle, &id, nullptr, limit) == limit);
    for (time_ms at = now; at < now + minute; at += minute / limit) {
        BOOST_TEST(throttle.spend(&id, nullptr, limit, at) == minute / limit);
        BOOST_TEST(throttle.spend(&id, nullptr, limit, at + minute / limit - 1) == 1);
        BOOST_TEST(throttle.spend(&id, nullptr, limit, at + minute / limit) == 0);
    }
    // What is refused costs nothing, and nobody saves more than a minute's worth.
    BOOST_TEST(passed(throttle, &id, nullptr, 3 * limit, limit, now + 10 * minute) == limit);
    BOOST_TEST(passed(throttle, &id, nullptr, 3 * limit, limit, now + 10 * minute + minute / 2) == limit / 2);
}

BOOST_AUTO_TEST_CASE(what_is_given_back_may_be_spent_again_and_no_more)
{
    noise_throttle throttle;
    const auto home = v4(192, 0, 2, 1);
    const auto other = v4(192, 0, 2, 2);
    throttle.give_back(home, limit, now); // nothing was spent
    BOOST_TEST(passed(throttle, nullptr, &home, 2 * address_limit) == address_limit);
    throttle.give_back(other, limit, now);
    BOOST_TEST(passed(throttle, nullptr, &home, 2) == 0U);
    for (unsigned n : {1U, 5U, address_limit}) {
        for (unsigned i = 0; i < n; ++i)
            throttle.give_back(home, limit, now);
        BOOST_TEST(passed(throttle, nullptr, &home, 2 * address_limit) == n);
    }
    for (unsigned i = 0; i < 2 * address_limit; ++i)
        throttle.give_back(home, limit, now);
    BOOST_TEST(passed(throttle, nullptr, &home, 2 * address_limit) == address_limit); // whole, and not more
    // Later a part is back by itself.
    throttle.give_back(home, limit, now + minute / 2);
    BOOST_TEST(passed(throttle, nullptr, &home, address_limit, limit, now + minute / 2) == address_limit / 2 + 1);
    throttle.give_back(home, 0, now); // no limit, no budget
}

BOOST_AUTO_TEST_CASE(an_address_that_shares_a_budget_gives_back_nothing_of_it)
{
    noise_throttle throttle{noise_throttle::cells_per_bucket};
    std::vector<source_address> owners;
    for (crypto::byte i = 0; i < noise_throttle::cells_per_bucket; ++i) {
        owners.push_back(v4(192, 0, 2, i));
        BOOST_TEST_REQUIRE(passed(throttle, nullptr, &owners.back(), 2 * address_limit) == address_limit);
    }
    const auto late = v4(198, 51, 100, 1);
    for (unsigned i = 0; i < address_limit; ++i)
        throttle.give_back(late, limit, now);
    for (const auto& each : owners)
        BOOST_TEST(passed(throttle, nullptr, &each, 1) == 0U);
}

BOOST_AUTO_TEST_CASE(many_that_spend_and_give_back_at_once_leave_what_was_there)
{
    noise_throttle throttle;
    const auto home = v4(192, 0, 2, 1);
    std::atomic<unsigned> refused{0};
    on_threads(4, [&](unsigned) {
        for (unsigned i = 0; i < 2'000; ++i) {
            refused += throttle.spend(nullptr, &home, limit, now) == 0 ? 0U : 1U;
            throttle.give_back(home, limit, now);
        }
    });
    BOOST_TEST(refused.load() == 0U);
    BOOST_TEST(passed(throttle, nullptr, &home, 2 * address_limit) == address_limit);
}

BOOST_AUTO_TEST_CASE(registrations_do_not_share_budgets)
{
    noise_throttle throttle;
    std::vector<uuid> ids(1000);
    for (uuid& id : ids)
        id = uuid::random();
    for (const uuid& id : ids)
        BOOST_TEST(passed(throttle, &id, nullptr, limit + 1) == limit);
}

BOOST_AUTO_TEST_CASE(an_address_has_the_budget_of_many_registrations)
{
    noise_throttle throttle;
    const auto from = v4(192, 0, 2, 1);
    const auto other = v4(192, 0, 2, 2);
    BOOST_TEST(passed(throttle, nullptr, &from, 2 * address_limit) == address_limit);
    BOOST_TEST(passed(throttle, nullptr, &other, 2 * address_limit) == address_limit);
    const auto host = v6({0x20, 0x01}, 1);
    const auto neighbour = v6({0x20, 0x01}, 2);
    BOOST_TEST(passed(throttle, nullptr, &host, address_limit / 2) == address_limit / 2);
    BOOST_TEST(passed(throttle, nullptr, &neighbour, address_limit) == address_limit / 2);
}

BOOST_AUTO_TEST_CASE(an_address_without_room_spends_nothing_of_a_registration)
{
    noise_throttle throttle;
    const auto from = v4(192, 0, 2, 1);
    const auto other = v4(192, 0, 2, 2);
    const auto id = uuid::random();
    BOOST_TEST(passed(throttle, nullptr, &from, address_limit) == address_limit);
    BOOST_TEST(passed(throttle, &id, &from, 10) == 0U);
    BOOST_TEST(passed(throttle, &id, &other, 2 * limit) == limit);
    // Nor the other way round: who floods one registration has room for others.
    BOOST_TEST(passed(throttle, &id, &other, 2 * address_limit) == 0U);
    BOOST_TEST(passed(throttle, nullptr, &other, 2 * address_limit) == address_limit - limit);
}

BOOST_AUTO_TEST_CASE(without_a_limit_nothing_is_spent)
{
    noise_throttle throttle;
    const auto id = uuid::random();
    const auto from = v4(192, 0, 2, 1);
    BOOST_TEST(passed(throttle, &id, &from, 10'000, 0) == 10'000U);
    BOOST_TEST(passed(throttle, &id, &from, 2 * limit) == limit);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_locks_nobody_out_for_long)
{
    for (const time_ms back : {minute / 2, 10 * minute, now}) {
        noise_throttle throttle;
        const auto id = uuid::random();
        BOOST_TEST(passed(throttle, &id, nullptr, limit) == limit);
        BOOST_TEST(passed(throttle, &id, nullptr, 2 * limit, limit, now - back + 2 * minute) == limit);
    }
    noise_throttle throttle;
    const auto id = uuid::random();
    for (const time_ms at :
         {time_ms{-1}, time_ms{0}, std::numeric_limits<time_ms>::min(), std::numeric_limits<time_ms>::max()})
        BOOST_TEST(passed(throttle, &id, nullptr, 2 * limit, limit, at) <= limit);
}

// Whatever strangers send, all the cells together let through no more than their budgets, and keys that share a cell
// get at most one.
BOOST_AUTO_TEST_CASE(a_full_table_slows_noise_and_lets_through_no_more)
{
    constexpr std::size_t cells = 16;
    noise_throttle throttle{cells};
    unsigned total = 0;
    for (int i = 0; i < 1'000; ++i) {
        const auto id = uuid::random();
        const auto each = passed(throttle, &id, nullptr, limit + 1);
        BOOST_TEST(each <= limit);
        total += each;
    }
    BOOST_TEST(total == cells * limit); // all of them in use, none beyond its budget
    const auto late = uuid::random();
    BOOST_TEST(passed(throttle, &late, nullptr, 2 * limit, limit, now + minute) == limit);
}

BOOST_AUTO_TEST_CASE(racing_threads_share_one_budget)
{
    constexpr unsigned threads = 4;
    constexpr unsigned rounds = 50;
    noise_throttle throttle;
    const auto from = v4(192, 0, 2, 1);
    for (unsigned round = 0; round < rounds; ++round) {
        const auto id = uuid::random();
        std::atomic<unsigned> through{0};
        on_threads(threads, [&](unsigned) { through += passed(throttle, &id, nullptr, limit); });
        BOOST_TEST(through.load() == limit);
    }
    std::atomic<unsigned> through{0};
    on_threads(threads, [&](unsigned) {
        for (unsigned i = 0; i < address_limit; ++i) {
            const auto id = uuid::random();
            through += passed(throttle, &id, &from, 1);
        }
    });
    BOOST_TEST(through.load() == address_limit);
}

// The same while cells are shared, fall free and are claimed by others: each cell keeps its budget.
BOOST_AUTO_TEST_CASE(racing_threads_in_a_small_table_stay_within_its_budgets)
{
    constexpr unsigned threads = 4;
    constexpr unsigned steps = 200;
    constexpr time_ms step = 500;
    constexpr std::size_t cells = 2 * noise_throttle::cells_per_bucket;
    noise_throttle throttle{cells};
    std::vector<uuid> ids(12);
    for (uuid& id : ids)
        id = uuid::random();
    std::atomic<unsigned> through{0};
    for (unsigned i = 0; i < steps; ++i)
        on_threads(threads, [&](unsigned thread) {
            for (std::size_t which = 0; which < ids.size(); ++which)
                through += passed(throttle, &ids[(which + thread) % ids.size()], nullptr, 3, limit, now + i * step);
        });
    const auto refilled = static_cast<unsigned>(steps * step * limit / minute);
    BOOST_TEST(through.load() <= cells * (limit + refilled));
    BOOST_TEST(through.load() >= limit + refilled);
}

BOOST_AUTO_TEST_SUITE_END()

// --- counts for the audit

BOOST_AUTO_TEST_SUITE(noise_counts)

namespace {

std::map<registration_number, noise_summary> take(noise_audit& from)
{
    std::map<registration_number, noise_summary> out;
    for (const noise_summary& each : from.take_summaries())
        BOOST_TEST(out.emplace(each.number, each).second, "two rows of one number");
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(each_registration_is_counted_apart_and_taken_once)
{
    noise_audit audit;
    const auto first = v4(192, 0, 2, 1);
    const auto second = v4(192, 0, 2, 2);
    BOOST_TEST(audit.take_summaries().empty());
    audit.count(7, first, 100);
    audit.count(7, second, 101);
    audit.count(7 + 64, first, 102);
    audit.count(0, first, 103);
    audit.count(0, first, 104);
    auto got = take(audit);
    BOOST_TEST(got.size() == 3U);
    BOOST_TEST((got[7] == noise_summary{7, 2, 100, 101, second}));
    BOOST_TEST((got[71] == noise_summary{71, 1, 102, 102, first}));
    BOOST_TEST((got[0] == noise_summary{0, 2, 103, 104, first}));
    BOOST_TEST(audit.take_summaries().empty());
    audit.count(7, first, 200);
    got = take(audit);
    BOOST_TEST((got[7] == noise_summary{7, 1, 200, 200, first}));
}

BOOST_AUTO_TEST_CASE(beyond_the_greatest_number_noise_is_counted_together)
{
    noise_audit audit;
    constexpr std::size_t all = 2 * noise_registrations_max;
    for (std::size_t i = 1; i <= all; ++i)
        audit.count(i, {}, static_cast<time_ms>(i));
    audit.count(1, {}, now); // who has a count keeps it
    auto got = take(audit);
    BOOST_TEST(got.size() == noise_registrations_max + 1);
    BOOST_TEST(got[1].count == 2U);
    BOOST_TEST(got[0].count == all - noise_registrations_max);
    audit.count(all, {}, now);
    got = take(audit);
    BOOST_TEST(got[all].count == 1U); // and there is room again
}

BOOST_AUTO_TEST_CASE(a_few_at_a_time_everybody_has_a_turn)
{
    noise_audit audit;
    std::map<registration_number, unsigned> taken;
    for (int round = 0; round < 200; ++round) {
        for (registration_number number = 1; number <= 100; ++number)
            audit.count(number, {}, now);
        const auto some = audit.take_summaries(10);
        BOOST_TEST(some.size() == 10U);
        for (const noise_summary& each : some)
            taken[each.number] += each.count;
    }
    BOOST_TEST(taken.size() == 100U);
    BOOST_TEST(audit.take_summaries(0).empty());
    for (const auto& each : audit.take_summaries())
        taken[each.number] += each.count;
    for (const auto& [number, count] : taken)
        BOOST_TEST(count == 200U, number);
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_between_counting_and_taking)
{
    constexpr unsigned threads = 4;
    constexpr unsigned each_counts = 20'000;
    noise_audit audit;
    std::atomic<std::uint64_t> total{0};
    on_threads(threads, [&](unsigned thread) {
        for (unsigned i = 0; i < each_counts; ++i) {
            audit.count(i % 97, {}, now);
            if (thread == 0 && i % 100 == 0)
                for (const noise_summary& each : audit.take_summaries(50))
                    total += each.count;
        }
    });
    for (const noise_summary& each : audit.take_summaries())
        total += each.count;
    BOOST_TEST(total.load() == threads * each_counts);
}

BOOST_AUTO_TEST_SUITE_END()
