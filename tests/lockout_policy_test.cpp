// Lockout policies (REGISTRATION-API.md 8.4): what they make of failures, in the pure functions, in a slot, and in a
// server.

#include "crypto/encoding.hpp"
#include "registry/lockout_breaker.hpp"
#include "registry/lockout_simulation.hpp"
#include "tests/support.hpp"

#include <random>

namespace {

using namespace doorward;
using namespace doorward::registry;
using namespace doorward::tests;

constexpr time_ms minute = 60'000;

failure at(time_ms when, bool biometry = false)
{
    return {0, when, biometry};
}

lockout_policy temporary(temporary_block block = {})
{
    lockout_policy out;
    out.temporary = block;
    return out;
}

lockout_policy apart()
{
    lockout_policy out;
    out.counters = failure_counting::per_factor;
    return out;
}

counters active_with(failures since_reset)
{
    counters out;
    out.word = attempt_word::first().moved(state::active, static_cast<std::uint8_t>(since_reset.list.size()));
    out.refused = std::move(since_reset);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(lockout_rules)

BOOST_AUTO_TEST_CASE(a_temporary_block_lasts_longer_each_time_up_to_the_most)
{
    temporary_block block;
    block.first = 5 * minute;
    block.multiplier = 3;
    block.most = 100 * minute;
    const time_ms expected[]{5 * minute, 15 * minute, 45 * minute, 100 * minute, 100 * minute};
    for (unsigned n = 1; n <= std::size(expected); ++n)
        BOOST_TEST(duration_of(block, n) == expected[n - 1]);
    BOOST_TEST(duration_of(block, 255) == block.most);
    block.multiplier = 1;
    BOOST_TEST(duration_of(block, 255) == block.first);
    block.multiplier = block_multiplier_max;
    block.first = block.most = temporary_block_max_ms;
    BOOST_TEST(duration_of(block, 255) == temporary_block_max_ms);
}

BOOST_AUTO_TEST_CASE(failures_are_forgotten_when_they_leave_the_window)
{
    lockout_policy policy;
    const std::vector<failure> list{at(10), at(20), at(30)};
    BOOST_TEST(aged(list, policy, 1'000'000) == 0U); // no window
    policy.window = 100;
    BOOST_TEST(aged(list, policy, 109) == 0U);
    BOOST_TEST(aged(list, policy, 110) == 1U);
    BOOST_TEST(aged(list, policy, 129) == 2U);
    BOOST_TEST(aged(list, policy, 130) == 3U);
    // One whose time nobody wrote down stays, and what came after it.
    BOOST_TEST(aged(std::vector<failure>{at(0), at(20)}, policy, 1'000) == 0U);
    BOOST_TEST(aged(std::vector<failure>{at(20), at(0), at(30)}, policy, 1'000) == 1U);
    BOOST_TEST(count_failures(active_with({list, 0}), policy, 5, 129).remaining == 4U);
}

BOOST_AUTO_TEST_CASE(the_last_of_its_kind_blocks)
{
    for (const unsigned max : {1U, 2U, 5U})
        for (const bool biometry : {false, true}) {
            std::vector<failure> earlier(max - 1, at(1, biometry));
            BOOST_TEST((consequence_of(earlier, at(2, biometry), 0, {}, max).becomes == state::blocked));
            BOOST_TEST((consequence_of(earlier, at(2, biometry), 0, apart(), max).becomes == state::blocked));
            const auto other = consequence_of(earlier, at(2, !biometry), 0, apart(), max).becomes;
            BOOST_TEST((other == (max == 1 ? state::blocked : state::active)));
            BOOST_TEST((consequence_of(earlier, at(2, !biometry), 0, {}, max).becomes == state::blocked));
            earlier.resize(max > 1 ? max - 2 : 0);
            if (max > 1)
                BOOST_TEST((consequence_of(earlier, at(2, biometry), 0, {}, max).becomes == state::active));
        }
}

BOOST_AUTO_TEST_CASE(kinds_that_are_counted_apart_fit_into_one_byte_together)
{
    std::vector<failure> both;
    for (unsigned i = 0; i < max_failed_per_factor_max - 1; ++i) {
        both.push_back(at(1, false));
        both.push_back(at(1, true));
    }
    BOOST_TEST((consequence_of(both, at(2), 0, apart(), 255).becomes == state::blocked));
    BOOST_TEST(count_failures(active_with({both, 0}), apart(), 255, 2).remaining == 1U);
}

BOOST_AUTO_TEST_CASE(what_comes_after_the_last_temporary_block)
{
    temporary_block block;
    block.blocks_max = 2;
    for (const auto then : {last_resort::block, last_resort::remove}) {
        block.then = then;
        const auto second = consequence_of({}, at(50), 1, temporary(block), 1);
        BOOST_TEST((second.becomes == state::blocked));
        BOOST_TEST(second.blocks == 2U);
        BOOST_TEST(second.blocked_until == 50 + 10 * minute);
        const auto third = consequence_of({}, at(50), 2, temporary(block), 1);
        BOOST_TEST((third.becomes == (then == last_resort::block ? state::blocked : state::removed)));
        BOOST_TEST(third.blocked_until == 0);
    }
    block.blocks_max = 0;
    BOOST_TEST(consequence_of({}, at(50), 255, temporary(block), 1).blocked_until == 50 + block.most);
}

BOOST_AUTO_TEST_CASE(after_a_temporary_block_so_many_attempts_are_left)
{
    for (const unsigned max : {1U, 2U, 5U, 255U})
        for (const unsigned left : {1U, 2U, 4U, 254U})
            BOOST_TEST_CONTEXT("of " << max << ", " << left << " left")
            {
                temporary_block block;
                block.attempts_after = static_cast<std::uint8_t>(left);
                const failures then{std::vector<failure>(max, at(7)), 3};
                const auto stay = after_block(then, temporary(block), max, 99);
                BOOST_TEST(stay.blocks == 3U);
                BOOST_TEST_REQUIRE(!stay.list.empty()); // none would be a reset
                BOOST_TEST(stay.list.front().at() == 99);
                const auto expected = std::max(1U, std::min(left, max - 1));
                BOOST_TEST(count_failures(active_with(stay), temporary(block), max, 99).remaining == expected);
            }
}

BOOST_AUTO_TEST_CASE(a_block_of_one_kind_leaves_the_failures_of_the_other)
{
    lockout_policy policy = apart();
    policy.temporary.emplace();
    const failures then{{at(1, true), at(2), at(3, true), at(4), at(5)}, 1};
    const auto stay = after_block(then, policy, 3, 99);
    const auto count = count_failures(active_with(stay), policy, 3, 99);
    BOOST_TEST(count.biometry == 2U);
    BOOST_TEST(count.knowledge == 2U);
}

BOOST_AUTO_TEST_CASE(a_wrong_one_time_password_counts_although_no_list_has_it)
{
    counters of;
    of.word = attempt_word::first().moved(state::pending_commit, 2);
    BOOST_TEST(count_failures(of, {}, 5, 1).remaining == 3U);
    BOOST_TEST(count_failures(of, apart(), 5, 1).knowledge == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

// A phone whose proofs are judged by a policy, at times that a test sets.
struct judged {
    explicit judged(lockout_policy by, unsigned max = 3)
        : rules{counting::only_proven}, slot{phone.slot(default_limits(max))}
    {
        rules.policy = by;
    }

    attempt_result wrong(factors type = factors::possession_knowledge)
    {
        auto proof = phone.wrong_pin(position(), ++salt);
        if (type != factors::possession_knowledge) {
            proof = phone.right(type, position(), ++salt);
            proof.components[proof.component_count - 1][0] ^= 1;
        }
        return engine.verify(slot, phone.keys, proof, rules, now);
    }
    attempt_result right(factors type = factors::possession_knowledge)
    {
        return engine.verify(slot, phone.keys, phone.right(type, position(), ++salt), rules, now);
    }
    [[nodiscard]] std::uint64_t position() const { return slot->load().position(); }
    [[nodiscard]] unsigned failed() const { return slot->load().failed(); }
    [[nodiscard]] std::string now_in() const { return std::string{to_text(slot->load().current())}; }

    attempts engine{crypto::secret<32>{}};
    attempt_rules rules;
    scratch_phone phone;
    slot_ptr slot;
    unsigned salt = 0;
    time_ms now = 1'000'000;
};

constexpr auto knowledge = factors::possession_knowledge;
constexpr auto biometry = factors::possession_biometry;
constexpr auto all_three = factors::possession_knowledge_biometry;

} // namespace

BOOST_AUTO_TEST_SUITE(lockout_of_a_slot)

BOOST_AUTO_TEST_CASE(counted_apart_one_kind_does_not_use_up_the_other)
{
    judged it{apart()};
    it.wrong(knowledge);
    it.wrong(biometry);
    it.wrong(knowledge);
    it.wrong(biometry);
    BOOST_TEST(it.now_in() == "ACTIVE");
    BOOST_TEST(it.failed() == 4U);
    const auto last = it.wrong(biometry);
    BOOST_TEST(it.now_in() == "BLOCKED");
    BOOST_TEST((last.change->by == move::block_on_failures));
}

BOOST_AUTO_TEST_CASE(what_knowledge_and_biometry_got_wrong_together_counts_as_knowledge)
{
    judged it{apart()};
    it.wrong(all_three);
    it.wrong(all_three);
    it.wrong(biometry);
    it.wrong(biometry);
    BOOST_TEST(it.now_in() == "ACTIVE");
    it.wrong(knowledge);
    BOOST_TEST(it.now_in() == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(a_success_forgets_what_the_policy_says)
{
    struct row {
        failure_counting counters;
        reset_rule resets_on;
        factors success;
        unsigned left; // of two failures of knowledge and one of biometry
    };
    const row table[]{
        {failure_counting::shared, reset_rule::any, factors::possession, 3},
        {failure_counting::shared, reset_rule::any, biometry, 0},
        {failure_counting::shared, reset_rule::any, knowledge, 0},
        {failure_counting::shared, reset_rule::any, all_three, 0},
        {failure_counting::shared, reset_rule::knowledge, biometry, 3},
        {failure_counting::shared, reset_rule::knowledge, knowledge, 0},
        {failure_counting::shared, reset_rule::knowledge, all_three, 0},
        {failure_counting::per_factor, reset_rule::any, factors::possession, 3},
        {failure_counting::per_factor, reset_rule::any, biometry, 2},
        {failure_counting::per_factor, reset_rule::any, knowledge, 0},
        {failure_counting::per_factor, reset_rule::any, all_three, 0},
        {failure_counting::per_factor, reset_rule::knowledge, biometry, 3},
        {failure_counting::per_factor, reset_rule::knowledge, knowledge, 0},
    };
    for (const row& each : table)
        BOOST_TEST_CONTEXT(to_text(each.counters) << ' ' << to_text(each.resets_on) << ' ' << to_text(each.success))
        {
            lockout_policy policy;
            policy.counters = each.counters;
            policy.resets_on = each.resets_on;
            judged it{policy, 5};
            it.wrong(knowledge);
            it.wrong(biometry);
            it.wrong(knowledge);
            const auto got = it.right(each.success);
            BOOST_TEST((got.outcome == verdict::accepted));
            BOOST_TEST(it.failed() == each.left);
            BOOST_TEST(got.change->after.failed() == each.left);
            BOOST_TEST(got.change->refused.list.size() == each.left);
        }
}

BOOST_AUTO_TEST_CASE(a_refused_proof_is_recognised_after_biometry_was_forgiven)
{
    judged it{apart(), 5};
    it.wrong(biometry);
    const auto wrong = it.phone.wrong_pin(it.position() + 5, 77);
    BOOST_TEST(it.engine.verify(it.slot, it.phone.keys, wrong, it.rules, it.now).counted);
    it.right(biometry);
    BOOST_TEST(it.failed() == 1U);
    BOOST_TEST(!it.engine.verify(it.slot, it.phone.keys, wrong, it.rules, it.now).counted);
}

BOOST_AUTO_TEST_CASE(old_failures_leave_the_count_when_the_next_one_comes)
{
    lockout_policy policy;
    policy.window = 1'000;
    judged it{policy};
    it.wrong();
    it.now += 600;
    it.wrong();
    it.now += 600;
    const auto third = it.wrong(); // the first has aged
    BOOST_TEST(it.now_in() == "ACTIVE");
    BOOST_TEST(it.failed() == 2U);
    BOOST_TEST(third.change->refused.list.size() == 2U);
    it.now += 300;
    it.wrong();
    BOOST_TEST(it.now_in() == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(a_temporary_block_ends_when_its_time_is_over_and_not_before)
{
    judged it{temporary(), 2};
    it.wrong();
    const auto blocking = it.wrong();
    const auto until = it.now + 5 * minute;
    BOOST_TEST(blocking.change->blocked_until == until);
    BOOST_TEST(it.slot->blocked_until() == until);
    BOOST_TEST(!attempts::end_block(it.slot, it.rules.policy, until - 1).has_value());
    BOOST_TEST(it.now_in() == "BLOCKED");
    const auto ended = attempts::end_block(it.slot, it.rules.policy, until);
    BOOST_TEST_REQUIRE(ended.has_value());
    BOOST_TEST((ended->by == move::end_block));
    BOOST_TEST(ended->reason == reason::block_ended);
    BOOST_TEST(it.now_in() == "ACTIVE");
    BOOST_TEST(it.slot->blocked_until() == 0);
    BOOST_TEST(!attempts::end_block(it.slot, it.rules.policy, until).has_value()); // once
    // One attempt, then it is longer.
    it.now = until;
    BOOST_TEST(it.wrong().change->blocked_until == until + 10 * minute);
}

BOOST_AUTO_TEST_CASE(a_success_begins_the_row_of_blocks_anew)
{
    judged it{temporary(), 2};
    it.wrong();
    it.wrong();
    it.now += 5 * minute;
    BOOST_TEST_REQUIRE(attempts::end_block(it.slot, it.rules.policy, it.now).has_value());
    it.right();
    it.wrong();
    BOOST_TEST(it.wrong().change->blocked_until == it.now + 5 * minute);
}

BOOST_AUTO_TEST_CASE(with_one_attempt_each_temporary_block_is_longer_too)
{
    judged it{temporary(), 1};
    for (const time_ms expected : {5 * minute, 10 * minute, 20 * minute}) {
        BOOST_TEST(it.wrong().change->blocked_until == it.now + expected);
        it.now += expected;
        BOOST_TEST_REQUIRE(attempts::end_block(it.slot, it.rules.policy, it.now).has_value());
    }
}

BOOST_AUTO_TEST_CASE(after_the_last_block_the_next_failure_may_remove)
{
    temporary_block block;
    block.blocks_max = 1;
    block.then = last_resort::remove;
    judged it{temporary(block), 1};
    it.wrong();
    it.now += 5 * minute;
    BOOST_TEST_REQUIRE(attempts::end_block(it.slot, it.rules.policy, it.now).has_value());
    const auto last = it.wrong();
    BOOST_TEST((last.change->by == move::remove_on_failures));
    BOOST_TEST(it.now_in() == "REMOVED");
}

BOOST_AUTO_TEST_CASE(what_an_operator_blocks_does_not_end_because_an_earlier_block_would_have)
{
    judged it{temporary(), 1};
    it.wrong();
    const auto until = it.slot->blocked_until();
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::unblock, {}, {}, it.now).has_value());
    BOOST_TEST(it.slot->blocked_until() == 0);
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::block, {}, {}, it.now).has_value());
    BOOST_TEST(!attempts::end_block(it.slot, it.rules.policy, until + 1).has_value());
    BOOST_TEST_REQUIRE(
        attempts::change_state(it.slot, move::change_block, {}, {}, it.now, nullptr, std::nullopt, nullptr, it.now + 10)
            .has_value());
    BOOST_TEST(attempts::end_block(it.slot, it.rules.policy, it.now + 10).has_value());
}

BOOST_AUTO_TEST_CASE(a_rename_does_not_change_when_a_block_ends)
{
    judged it{temporary(), 1};
    it.wrong();
    const auto until = it.slot->blocked_until();
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::rename, {}, {}, it.now).has_value());
    BOOST_TEST(it.slot->blocked_until() == until);
    BOOST_TEST(attempts::end_block(it.slot, it.rules.policy, until).has_value());
}

BOOST_AUTO_TEST_CASE(limits_that_change_hold_for_the_next_attempt)
{
    judged it{{}, 5};
    it.wrong();
    it.wrong();
    auto limits = it.slot->limits();
    limits.max_failed = 2;
    const auto change = attempts::change_limits(it.slot, limits, {"office", ""}, it.now);
    BOOST_TEST_REQUIRE(change.has_value());
    BOOST_TEST(change->limits->max_failed == 2U);
    BOOST_TEST(change->after.failed() == 2U);
    BOOST_TEST(change->refused.list.size() == 2U);
    BOOST_TEST(it.now_in() == "ACTIVE");
    it.wrong();
    BOOST_TEST(it.now_in() == "BLOCKED");
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::remove, {}, {}, it.now).has_value());
    attempt_word forbidding;
    BOOST_TEST(!attempts::change_limits(it.slot, limits, {}, it.now, &forbidding).has_value());
    BOOST_TEST((forbidding == it.slot->load()));
}

BOOST_AUTO_TEST_CASE(a_policy_of_its_own_takes_the_place_of_the_applications)
{
    judged it{{}, 1};
    auto limits = it.slot->limits();
    limits.policy = std::make_shared<const lockout_policy>(temporary());
    BOOST_TEST_REQUIRE(attempts::change_limits(it.slot, limits, {}, it.now).has_value());
    BOOST_TEST(it.wrong().change->blocked_until == it.now + 5 * minute);
}

// Whatever threads do to it, as many refusals are told as the policy lets through, and the list is that of the word.
BOOST_AUTO_TEST_CASE(threads_that_fail_succeed_and_end_blocks_keep_word_and_list_together)
{
    temporary_block block;
    block.first = 1;
    block.most = 1;
    lockout_policy policy = apart();
    policy.temporary = block;
    for (unsigned round = 0; round < 20; ++round) {
        judged it{policy, 3};
        std::atomic<unsigned> torn{0};
        std::atomic<unsigned> told_between_blocks{0};
        on_threads(4, [&](unsigned who) {
            std::mt19937 random{round * 4 + who};
            for (unsigned i = 0; i < 200; ++i) {
                const auto word = it.slot->load();
                const time_ms now = it.now + i;
                const auto kind = random() % 2 == 0 ? knowledge : biometry;
                std::optional<transition> change;
                switch (random() % 4) {
                case 0: {
                    const auto proof = it.phone.right(kind, word.position(), who * 1'000 + i);
                    change = it.engine.verify(it.slot, it.phone.keys, proof, it.rules, now).change;
                    break;
                }
                case 1:
                    change = attempts::end_block(it.slot, policy, now + 1);
                    break;
                default: {
                    auto proof = it.phone.right(kind, word.position(), who * 1'000 + i);
                    proof.components[1][0] ^= 1;
                    const auto got = it.engine.verify(it.slot, it.phone.keys, proof, it.rules, now);
                    change = got.change;
                    if (got.counted)
                        told_between_blocks.fetch_add(1);
                }
                }
                if (change && change->refused.list.size() != change->after.failed())
                    torn.fetch_add(1);
            }
        });
        BOOST_TEST_REQUIRE(torn.load() == 0U);
        BOOST_TEST_REQUIRE(told_between_blocks.load() > 0U);
        const auto known = it.slot->refused_until(it.slot->load());
        BOOST_TEST_REQUIRE(known.list.size() <= it.slot->load().failed());
    }
}

BOOST_AUTO_TEST_SUITE_END()

// What a start makes of the journal is what was in memory.
BOOST_AUTO_TEST_SUITE(lockout_replay)

BOOST_AUTO_TEST_CASE(failures_come_back_as_they_were)
{
    lockout_policy policy = apart();
    policy.window = 500;
    for (unsigned seed = 0; seed < 300; ++seed) {
        judged it{policy, 9};
        std::mt19937 random{seed};
        counters before = active_with({});
        before.counter.data = it.phone.first_counter;
        before.word = it.slot->load();
        std::vector<replayed_row> rows;
        row_sequence sequence = 0;
        for (unsigned i = 0; i < 12; ++i) {
            it.now += static_cast<time_ms>(random() % 200);
            const auto kind = random() % 2 == 0 ? knowledge : biometry;
            const auto got = random() % 3 == 0 ? it.right(kind) : it.wrong(kind);
            if (!got.change || got.change->by)
                break;
            const auto& change = *got.change;
            rows.push_back({++sequence, change.after, change.counter, change.at, change.details->digest,
                            change.verdict == transition::attempt::refused, is_biometric(change.details->type)});
        }
        std::ranges::shuffle(rows, random);
        replay(before, rows);
        BOOST_TEST_REQUIRE((before.word == it.slot->load()));
        const auto known = it.slot->refused_until(it.slot->load());
        if (before.word.failed() > 0)
            BOOST_TEST_REQUIRE((before.refused == known));
        else
            BOOST_TEST_REQUIRE(before.refused.list.empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lockout_breakers)

BOOST_AUTO_TEST_CASE(it_opens_at_the_least_and_closes_after_its_pause)
{
    lockout_breaker breaker;
    const breaker_settings by{3, 10, 1'000, 5'000};
    time_ms now = 1'000'000;
    BOOST_TEST(!breaker.count("app", "v", by, now).has_value());
    BOOST_TEST(!breaker.count("app", "v", by, now + 10).has_value());
    BOOST_TEST(!breaker.is_open("app", "v", now + 10));
    const auto opened = breaker.count("app", "v", by, now + 20);
    BOOST_TEST_REQUIRE(opened.has_value());
    BOOST_TEST(opened->lockouts == 3U);
    BOOST_TEST(opened->until == now + 20 + 5'000);
    BOOST_TEST(breaker.is_open("app", "v", now + 5'019));
    BOOST_TEST(!breaker.is_open("app", "v", now + 5'020));
    // Of this version alone.
    BOOST_TEST(!breaker.is_open("app", "w", now + 20));
    BOOST_TEST(!breaker.is_open("other", "v", now + 20));
    BOOST_TEST(breaker.all_open("app", now + 20).size() == 1U);
    BOOST_TEST(breaker.all_open("app", now + 5'020).empty());
}

BOOST_AUTO_TEST_CASE(lockouts_of_different_windows_are_not_added)
{
    lockout_breaker breaker;
    const breaker_settings by{3, 10, 1'000, 5'000};
    for (time_ms now = 1'000'000; now < 1'100'000; now += 600)
        BOOST_TEST_REQUIRE(!breaker.count("app", "v", by, now).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_usual_does_not_open_it)
{
    lockout_breaker breaker;
    const breaker_settings by{2, 4, 60'000, 5'000};
    // One in each window for three days, as on any other.
    time_ms now = 1'000'000;
    for (int i = 0; i < 3 * 24 * 60; ++i, now += 60'000)
        BOOST_TEST_REQUIRE(!breaker.count("app", "v", by, now).has_value());
    // Three in one are not four times as many; after a quiet week they are.
    BOOST_TEST(!breaker.count("app", "v", by, now).has_value());
    BOOST_TEST(!breaker.count("app", "v", by, now + 1).has_value());
    now += time_ms{7} * 24 * 3'600'000;
    BOOST_TEST(!breaker.count("app", "v", by, now).has_value());
    BOOST_TEST(breaker.count("app", "v", by, now + 1).has_value());
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_begins_a_window)
{
    lockout_breaker breaker;
    const breaker_settings by{2, 10, 1'000, 5'000};
    BOOST_TEST(!breaker.count("app", "v", by, 1'000'000).has_value());
    BOOST_TEST(!breaker.count("app", "v", by, 500'000).has_value());
    BOOST_TEST(breaker.count("app", "v", by, 500'001).has_value());
}

BOOST_AUTO_TEST_CASE(each_trip_is_told_once_and_so_is_its_end)
{
    lockout_breaker breaker;
    const breaker_settings by{2, 10, 1'000, 5'000};
    const time_ms now = 1'000'000;
    BOOST_TEST(breaker.take_notices(now).empty());
    breaker.note_held("app", "v"); // of none: nothing
    static_cast<void>(breaker.count("app", "v", by, now));
    BOOST_TEST(breaker.take_notices(now).empty());
    for (int i = 0; i < 4; ++i)
        static_cast<void>(breaker.count("app", "v", by, now)); // more while it is open
    breaker.note_held("app", "v");
    breaker.note_held("app", "v");
    auto told = breaker.take_notices(now + 1);
    BOOST_TEST_REQUIRE(told.size() == 1U);
    BOOST_TEST(told[0].opened);
    BOOST_TEST(told[0].application == "app");
    BOOST_TEST(told[0].version == "v");
    BOOST_TEST(told[0].what.lockouts == 2U);
    BOOST_TEST(told[0].at == now);
    BOOST_TEST(breaker.take_notices(now + 4'999).empty());
    told = breaker.take_notices(now + 5'000);
    BOOST_TEST_REQUIRE(told.size() == 1U);
    BOOST_TEST(!told[0].opened);
    BOOST_TEST(told[0].held == 2U);
    BOOST_TEST(told[0].at == now + 5'000);
    BOOST_TEST(breaker.take_notices(now + 50'000).empty());
}

BOOST_AUTO_TEST_CASE(a_breaker_that_opens_again_unseen_is_told_of_in_order)
{
    lockout_breaker breaker;
    const breaker_settings by{1, 10, 1'000, 5'000};
    static_cast<void>(breaker.count("app", "v", by, 1'000'000));
    static_cast<void>(breaker.count("app", "v", by, 1'100'000));
    auto told = breaker.take_notices(1'100'000);
    BOOST_TEST_REQUIRE(told.size() == 3U);
    BOOST_TEST((told[0].opened && !told[1].opened && told[2].opened));
    // What cannot be told comes first the next time.
    breaker.give_back(told);
    told = breaker.take_notices(1'105'000);
    BOOST_TEST_REQUIRE(told.size() == 4U);
    BOOST_TEST(told[0].at == 1'000'000);
    BOOST_TEST(told[1].at == 1'005'000);
    BOOST_TEST(told[2].at == 1'100'000);
    BOOST_TEST(told[3].at == 1'105'000);
}

BOOST_AUTO_TEST_CASE(notices_that_nobody_takes_are_bounded)
{
    lockout_breaker breaker;
    const breaker_settings by{1, 10, 1'000, 1'000};
    time_ms now = 1'000'000;
    for (std::size_t i = 0; i < breaker_notices_max + 10; ++i, now += 86'400'000)
        static_cast<void>(breaker.count("app", "v", by, now));
    auto told = breaker.take_notices(now);
    BOOST_TEST(told.size() == breaker_notices_max);
    BOOST_TEST(!told.back().opened);
    breaker.give_back(told);
    breaker.give_back(told);
    BOOST_TEST(breaker.take_notices(now).size() == breaker_notices_max);
}

BOOST_AUTO_TEST_CASE(a_failure_that_would_block_is_held_for_longer_each_time)
{
    judged it{{}, 2};
    it.rules.holds_lockouts = true;
    BOOST_TEST(it.wrong().counted); // it would not
    const auto held = it.wrong();
    BOOST_TEST(held.held);
    BOOST_TEST(!held.counted);
    BOOST_TEST(!held.change.has_value());
    BOOST_TEST((held.outcome == verdict::refused));
    BOOST_TEST(it.failed() == 1U);
    BOOST_TEST(it.slot->held_until() == it.now + hold_first_ms);
    for (unsigned i = 1; i < hold_doublings_max + 3; ++i) {
        it.wrong();
        BOOST_TEST(it.slot->held_until() == it.now + (hold_first_ms << std::min(i, hold_doublings_max)));
    }
    it.right(factors::possession); // which proves nothing about the PIN
    BOOST_TEST(it.slot->held_until() != 0);
    it.right();
    BOOST_TEST(it.slot->held_until() == 0);
    it.rules.holds_lockouts = false;
    it.wrong();
    it.wrong();
    BOOST_TEST(it.now_in() == "BLOCKED");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

attempt_row row(registration_number number, time_ms when, bool success, factors type = factors::possession_knowledge)
{
    attempt_row out;
    out.number = number;
    out.at = when;
    out.what.outcome = success ? attempt_outcome::accepted : attempt_outcome::refused;
    out.what.type = type;
    out.what.counted = type != factors::possession;
    return out;
}

lockout_simulation::result simulate(const lockout_policy& policy, unsigned max, const std::vector<attempt_row>& rows)
{
    lockout_simulation out{policy, max};
    for (const attempt_row& each : rows)
        out.add(each);
    return out.so_far();
}

} // namespace

BOOST_AUTO_TEST_SUITE(lockout_simulations)

BOOST_AUTO_TEST_CASE(a_stricter_limit_locks_out_and_a_success_soon_after_tells_that_it_was_wrong)
{
    const std::vector<attempt_row> rows{row(1, 10, false), row(1, 20, false), row(1, 30, true),
                                        row(2, 40, false), row(1, 50, false), row(1, 60, true)};
    BOOST_TEST((simulate({}, 5, rows) == lockout_simulation::result{6, 2, 0, 0, 0, 0}));
    BOOST_TEST((simulate({}, 2, rows) == lockout_simulation::result{6, 2, 1, 1, 0, 1}));
    BOOST_TEST((simulate({}, 1, rows) == lockout_simulation::result{6, 2, 3, 2, 0, 2}));
}

BOOST_AUTO_TEST_CASE(a_success_long_after_tells_nothing)
{
    const std::vector<attempt_row> rows{row(1, 10, false), row(1, 10 + false_lockout_ms + 1, true)};
    BOOST_TEST(simulate({}, 1, rows).probably_false == 0U);
    const std::vector<attempt_row> sooner{row(1, 10, false), row(1, 10 + false_lockout_ms, true)};
    BOOST_TEST(simulate({}, 1, sooner).probably_false == 1U);
}

BOOST_AUTO_TEST_CASE(temporary_blocks_end_and_come_again)
{
    temporary_block block;
    block.first = 100;
    block.most = 100;
    block.blocks_max = 2;
    block.then = last_resort::remove;
    const std::vector<attempt_row> rows{row(1, 0, false),   row(1, 50, false),  row(1, 100, false),
                                        row(1, 150, false), row(1, 200, false), row(1, 250, false)};
    // Blocked at 0 until 100, at 100 until 200, removed at 200.
    BOOST_TEST((simulate(temporary(block), 1, rows) == lockout_simulation::result{6, 1, 3, 1, 1, 0}));
}

BOOST_AUTO_TEST_CASE(windows_kinds_and_resets_are_those_of_the_policy)
{
    lockout_policy policy;
    policy.window = 100;
    const std::vector<attempt_row> slow{row(1, 1'000, false), row(1, 1'100, false), row(1, 1'200, false)};
    BOOST_TEST(simulate(policy, 2, slow).lockouts == 0U);
    BOOST_TEST(simulate({}, 2, slow).lockouts == 1U);
    const std::vector<attempt_row> mixed{row(1, 0, false, biometry), row(1, 1, false, knowledge),
                                         row(1, 2, true, biometry), row(1, 3, false, knowledge)};
    BOOST_TEST(simulate({}, 2, mixed).lockouts == 1U);
    BOOST_TEST(simulate(apart(), 2, mixed).lockouts == 1U);
    BOOST_TEST(simulate(apart(), 3, mixed).lockouts == 0U);
    policy = {};
    policy.resets_on = reset_rule::knowledge;
    BOOST_TEST(simulate(policy, 3, mixed).lockouts == 1U);
    BOOST_TEST(simulate({}, 3, mixed).lockouts == 0U);
}

BOOST_AUTO_TEST_CASE(noise_and_possession_alone_are_nothing)
{
    auto noise = row(1, 1, false);
    noise.what.outcome = attempt_outcome::noise;
    auto uncounted = row(1, 2, false);
    uncounted.what.counted = false;
    BOOST_TEST(
        (simulate({}, 1, {noise, uncounted, row(1, 3, true, factors::possession)}) == lockout_simulation::result{}));
}

// With the policy and the limit that were in force, a simulation finds the lockouts that there were.
BOOST_AUTO_TEST_CASE(the_policy_of_then_finds_what_happened)
{
    lockout_policy policy = apart();
    policy.window = 700;
    for (unsigned seed = 0; seed < 100; ++seed) {
        judged it{policy, 3};
        std::mt19937 random{seed};
        lockout_simulation simulation{policy, 3};
        bool blocked = false;
        for (unsigned i = 0; i < 40 && !blocked; ++i) {
            it.now += static_cast<time_ms>(random() % 300);
            const auto kind = random() % 2 == 0 ? knowledge : biometry;
            const auto got = random() % 4 == 0 ? it.right(kind) : it.wrong(kind);
            BOOST_TEST_REQUIRE(got.change.has_value());
            attempt_row taken;
            taken.number = 1;
            taken.at = got.change->at;
            taken.what = *got.change->details;
            simulation.add(taken);
            blocked = it.now_in() == "BLOCKED";
            BOOST_TEST_REQUIRE(simulation.so_far().lockouts == (blocked ? 1U : 0U));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct policy_world : scratch_world {
    void set_policy(const json& to)
    {
        const auto got = office("PUT", "/v2/admin/applications/app/lockout-policy", to.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
    json report(const std::string& id, const std::string& result, const std::string& factors = "POSSESSION_KNOWLEDGE")
    {
        const json body{{"result", result}, {"factors", factors}, {"attemptId", std::to_string(++reports_)}};
        const auto got = office("POST", "/v2/registrations/" + id + "/attempts", body.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    void fail(const std::string& id, int times)
    {
        for (int i = 0; i < times; ++i)
            report(id, "FAILURE");
    }
    json lockout(const std::string& id)
    {
        const auto got = office("GET", "/v2/registrations/" + id + "/lockout");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }
    answer change(const std::string& id, const json& body)
    {
        return office("PUT", "/v2/registrations/" + id, body.dump());
    }

private:
    int reports_ = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(lockout_policy_of_an_application, policy_world)

BOOST_AUTO_TEST_CASE(by_default_it_is_what_power_auth_does)
{
    const auto got = office("GET", "/v2/admin/applications/app/lockout-policy", {}, "admin");
    BOOST_TEST(
        got.text ==
        R"({"maxFailedAttempts":5,"countOnlyIfPossessionProven":true,"counters":"shared","resetOn":"ANY","window":0,)"
        R"("block":"permanent","unproven":{"perMinute":30},"hints":{"remainingAttempts":true,"blockedUntil":true}})");
}

BOOST_AUTO_TEST_CASE(it_is_put_whole_and_patched_in_parts)
{
    set_policy({{"maxFailedAttempts", 3},
                {"counters", "perFactor"},
                {"resetOn", "KNOWLEDGE"},
                {"window", 86'400'000},
                {"block", "temporary"},
                {"temporary",
                 {{"first", 60'000},
                  {"multiplier", 3},
                  {"max", 600'000},
                  {"maxBlocks", 4},
                  {"thenAction", "REMOVE"},
                  {"attemptsAfterExpiry", 2}}},
                {"hints", {{"remainingAttempts", false}}}});
    const auto path = "/admin/applications/app/lockout-policy";
    const auto put = office("GET", path, {}, "admin").body;
    BOOST_TEST(put.at("temporary").dump() == R"({"attemptsAfterExpiry":2,"first":60000,"max":600000,"maxBlocks":4,)"
                                             R"("multiplier":3,"thenAction":"REMOVE"})");
    BOOST_TEST(put.at("hints").dump() == R"({"blockedUntil":true,"remainingAttempts":false})");
    BOOST_TEST(put.at("maxFailedAttempts") == 3);

    const auto patched =
        office("PATCH", "/admin/applications/app", R"({"lockout":{"temporary":{"first":70000}}})", "admin");
    BOOST_TEST_REQUIRE(patched.status == 200U, patched.text);
    BOOST_TEST(patched.body.at("lockout").at("temporary").at("first") == 70'000);
    BOOST_TEST(patched.body.at("lockout").at("temporary").at("multiplier") == 3);
    BOOST_TEST(patched.body.at("lockout").at("counters") == "perFactor");

    restart();
    BOOST_TEST(office("GET", path, {}, "admin").body.at("temporary").at("first") == 70'000);
    set_policy(json::object());
    BOOST_TEST(office("GET", path, {}, "admin").body.at("block") == "permanent");
    BOOST_TEST(office("GET", path, {}, "admin").body.at("maxFailedAttempts") == 5);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused)
{
    struct row {
        json body;
        std::string violated;
    };
    const row table[]{
        {{{"counters", "perfactor"}}, "counters must be shared or perFactor"},
        {{{"resetOn", "BIOMETRY"}}, "resetOn must be ANY or KNOWLEDGE"},
        {{{"window", 999}}, "window must be 0, for never, or at least 1000 ms"},
        {{{"window", -1}}, "window must be a whole number from 0 to 31622400000"},
        {{{"block", "forever"}}, "block must be permanent or temporary"},
        {{{"temporary", json::object()}}, "temporary goes with block temporary only"},
        {{{"block", "temporary"}, {"temporary", {{"first", 10}}}},
         "temporary.first must be a whole number from 1000 to 31622400000"},
        {{{"block", "temporary"}, {"temporary", {{"first", 5'000}, {"max", 4'000}}}},
         "temporary.max must not be less than first"},
        {{{"block", "temporary"}, {"temporary", {{"multiplier", 0}}}},
         "temporary.multiplier must be a whole number from 1 to 100"},
        {{{"block", "temporary"}, {"temporary", {{"maxBlocks", 256}}}},
         "temporary.maxBlocks must be a whole number from 0 to 255"},
        {{{"block", "temporary"}, {"temporary", {{"thenAction", "ERASE"}}}},
         "temporary.thenAction must be BLOCK or REMOVE"},
        {{{"block", "temporary"}, {"temporary", {{"attemptsAfterExpiry", 0}}}},
         "temporary.attemptsAfterExpiry must be a whole number from 1 to 254"},
        {{{"hints", 1}}, "hints must be an object"},
        {{{"maxFailedAttempts", 0}}, "maxFailedAttempts must be a whole number from 1 to 255"},
    };
    for (const row& each : table)
        BOOST_TEST_CONTEXT(each.body.dump())
        {
            const auto got = office("PUT", "/v2/admin/applications/app/lockout-policy", each.body.dump(), "admin");
            BOOST_TEST(got.status == 400U);
            BOOST_TEST_REQUIRE(got.violated().size() == 1U, got.text);
            BOOST_TEST(got.violated().front() == each.violated.substr(0, each.violated.find(' ')));
            BOOST_TEST(got.text.find(each.violated.substr(each.violated.find(' ') + 1)) != std::string::npos);
        }
    BOOST_TEST(office("PUT", "/v2/admin/applications/none/lockout-policy", "{}", "admin").status == 400U);
    BOOST_TEST(office("GET", "/v2/admin/applications/none/lockout-policy", {}, "admin").status == 400U);
    BOOST_TEST(office("GET", "/v2/admin/applications/app/lockout-policy").status == 403U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lockout_for_a_time, policy_world)

BOOST_AUTO_TEST_CASE(a_block_ends_on_time_by_the_timer_with_a_row_of_history)
{
    set_policy({{"block", "temporary"}, {"maxFailedAttempts", 3}});
    const auto it = enrol(*this);
    fail(it.id, 3);
    const auto until = clock.now() + 5 * minute;
    const auto blocked = detail(it.id);
    BOOST_TEST(blocked.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(blocked.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(blocked.at("blockedUntil") == until);
    BOOST_TEST(blocked.at("blockLevel") == 1);
    BOOST_TEST(blocked.at("remainingAttempts") == 0);

    clock.set(until - 1);
    sweep();
    BOOST_TEST(status(it.id) == "BLOCKED");
    clock.set(until);
    sweep();
    // By the timer, not because somebody reads it.
    const auto number = registry::uuid::parse(it.id).value();
    BOOST_TEST(services().journal.view(
        [&](const registry::snapshot& txn) { return registry::find_full(txn, number)->current() == state::active; }));
    const auto after = detail(it.id);
    BOOST_TEST(after.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(!after.contains("blockedUntil"));
    BOOST_TEST(!after.contains("blockedReason"));
    BOOST_TEST(after.at("remainingAttempts") == 1);
    BOOST_TEST(after.at("failedAttempts") == 2);
    const auto last = history(it.id).back();
    BOOST_TEST(last.at("event") == "END_BLOCK");
    BOOST_TEST(last.at("eventReason") == "TEMPORARY_BLOCK_EXPIRED");
    sweep();
    BOOST_TEST(env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::due); }) == 0U);
}

BOOST_AUTO_TEST_CASE(whoever_comes_before_the_timer_finds_it_ended)
{
    set_policy({{"block", "temporary"}, {"maxFailedAttempts", 1}});
    for (const char* how : {"detail", "list", "proof", "report", "block"})
        BOOST_TEST_CONTEXT(how)
        {
            auto it = enrol(*this, json::object(), bench::protocol_version::v3_3, how);
            fail(it.id, 1);
            clock.advance(5 * minute);
            const std::string_view what = how;
            if (what == "detail")
                BOOST_TEST(status(it.id) == "ACTIVE");
            if (what == "list")
                BOOST_TEST(office("GET", "/v2/registrations?userId=list")
                               .body.at("registrations")
                               .at(0)
                               .at("registrationStatus") == "ACTIVE");
            if (what == "proof")
                BOOST_TEST(
                    device(it.phone.make_signed_request("POST", "/pa/v3/signature/validate", "/pa/signature/validate",
                                                        "{}", bench::signature_type::possession_knowledge, right_pin))
                        .status == 200U);
            if (what == "report")
                BOOST_TEST(report(it.id, "SUCCESS").at("registrationStatus") == "ACTIVE");
            if (what == "block") {
                BOOST_TEST(change(it.id, {{"change", "BLOCK"}, {"blockedReason", "STOLEN"}}).status == 200U);
                BOOST_TEST(detail(it.id).at("blockedReason") == "STOLEN");
                BOOST_TEST(!detail(it.id).contains("blockedUntil"));
            }
        }
}

BOOST_AUTO_TEST_CASE(each_block_is_longer_until_a_success_or_the_last)
{
    set_policy({{"block", "temporary"},
                {"maxFailedAttempts", 2},
                {"temporary", {{"maxBlocks", 2}, {"thenAction", "REMOVE"}}}});
    const auto it = enrol(*this);
    const auto wait = [&] {
        const auto until = detail(it.id).at("blockedUntil").get<time_ms>();
        const auto left = until - clock.now();
        clock.set(until);
        return left;
    };
    fail(it.id, 2);
    BOOST_TEST(wait() == 5 * minute);
    restart(); // the row of blocks is on the disk
    fail(it.id, 1);
    BOOST_TEST(lockout(it.id).at("blockLevel") == 2);
    BOOST_TEST(wait() == 10 * minute);
    report(it.id, "SUCCESS");
    BOOST_TEST(lockout(it.id).at("blockLevel") == 0);
    fold();
    restart();
    fail(it.id, 2);
    BOOST_TEST(wait() == 5 * minute);
    fail(it.id, 1);
    BOOST_TEST(wait() == 10 * minute);
    fail(it.id, 1);
    BOOST_TEST(status(it.id) == "REMOVED");
    BOOST_TEST(history(it.id).back().at("event") == "REMOVE_ON_FAILURES");
    BOOST_TEST(history(it.id).back().at("eventReason") == "MAX_FAILED_ATTEMPTS");
}

BOOST_AUTO_TEST_CASE(an_operator_blocks_for_a_time_for_longer_and_for_good)
{
    const auto it = enrol(*this);
    const auto until = clock.now() + 7 * minute;
    const auto first = change(it.id, {{"change", "BLOCK"}, {"blockedReason", "TRAVEL"}, {"blockedUntil", until}});
    BOOST_TEST_REQUIRE(first.status == 200U, first.text);
    BOOST_TEST(first.body.at("blockedUntil") == until);
    BOOST_TEST(change(it.id, {{"change", "BLOCK"}, {"blockedUntil", until}}).body.at("blockedReason") == "TRAVEL");
    const auto rows = history(it.id).size();
    const auto longer =
        change(it.id, {{"change", "BLOCK"}, {"blockedReason", "LONGER"}, {"blockedUntil", until + minute}});
    BOOST_TEST(longer.body.at("blockedUntil") == until + minute);
    BOOST_TEST(history(it.id).size() == rows + 1);
    BOOST_TEST(history(it.id).back().at("event") == "CHANGE_BLOCK");
    const auto for_good = change(it.id, {{"change", "BLOCK"}, {"blockedReason", "STOLEN"}});
    BOOST_TEST(!for_good.body.contains("blockedUntil"));
    BOOST_TEST(for_good.body.at("blockedReason") == "STOLEN");
    clock.advance(60 * minute);
    sweep();
    BOOST_TEST(status(it.id) == "BLOCKED");
    // What is blocked for good stays so: the first block counts.
    BOOST_TEST(
        !change(it.id, {{"change", "BLOCK"}, {"blockedUntil", clock.now() + minute}}).body.contains("blockedUntil"));
    BOOST_TEST(change(it.id, {{"change", "UNBLOCK"}}).status == 200U);
}

BOOST_AUTO_TEST_CASE(a_cascade_blocks_for_good_what_was_blocked_for_a_time)
{
    const json transfer{{"transfer", {{"spawn", true}}}};
    BOOST_TEST_REQUIRE(office("PATCH", "/admin/applications/app", transfer.dump(), "admin").status == 200U);
    const auto parent = enrol(*this);
    const auto made = office("POST", "/v2/registrations/" + parent.id + "/transfer", R"({"type":"SPAWN"})");
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    const auto child = made.body.at("registrationId").get<std::string>();
    auto it = phone();
    static_cast<void>(it.activate(made.body.at("activationQrCodeData").get<std::string>(), right_pin));
    BOOST_TEST_REQUIRE(office("POST", "/v2/registrations/" + child + "/commit").status == 200U);
    BOOST_TEST(change(child, {{"change", "BLOCK"}, {"blockedUntil", clock.now() + minute}}).status == 200U);
    const auto got = change(parent.id, {{"change", "BLOCK"}, {"cascade", true}});
    BOOST_TEST(got.body.at("cascade").at("blocked") == 1);
    clock.advance(minute);
    sweep();
    BOOST_TEST(status(child) == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(what_an_operator_blocks_for_a_time_comes_back_with_its_failures)
{
    const auto it = enrol(*this);
    fail(it.id, 3);
    BOOST_TEST(change(it.id, {{"change", "BLOCK"}, {"blockedUntil", clock.now() + minute}}).status == 200U);
    clock.advance(minute);
    sweep();
    BOOST_TEST(detail(it.id).at("remainingAttempts") == 2);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_block_has_to_be_in_the_future_and_goes_with_a_block)
{
    const auto it = enrol(*this);
    BOOST_TEST(change(it.id, {{"change", "BLOCK"}, {"blockedUntil", clock.now()}}).status == 400U);
    BOOST_TEST(
        change(it.id, {{"change", "BLOCK"}, {"blockedUntil", clock.now() + temporary_block_max_ms + 1}}).status ==
        400U);
    BOOST_TEST(change(it.id, {{"change", "UNBLOCK"}, {"blockedUntil", clock.now() + 1}}).status == 400U);
    BOOST_TEST(status(it.id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(the_status_that_phones_read_follows)
{
    set_policy({{"block", "temporary"}, {"maxFailedAttempts", 2}});
    auto it = enrol(*this);
    fail(it.id, 2);
    BOOST_TEST(it.phone.status().state_name() == "BLOCKED");
    clock.advance(5 * minute);
    const auto after = it.phone.status();
    BOOST_TEST(after.state_name() == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(hints_that_are_switched_off_are_not_given)
{
    set_policy({{"block", "temporary"},
                {"maxFailedAttempts", 1},
                {"hints", {{"remainingAttempts", false}, {"blockedUntil", false}}}});
    auto it = enrol(*this);
    const auto verify = [&](std::string_view pin) {
        const auto req =
            it.phone.make_signed_request("POST", "/a", "/a", "{}", bench::signature_type::possession_knowledge, pin);
        const json body{{"method", "POST"},
                        {"uriId", "/a"},
                        {"requestBody", crypto::to_base64(crypto::as_bytes("{}"))},
                        {"authHeader", req.headers.back().second}};
        return office("POST", "/v2/signature/verify", body.dump()).body;
    };
    const auto wrong = verify(wrong_pin);
    BOOST_TEST(wrong.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(!wrong.contains("remainingAttempts"));
    BOOST_TEST(!wrong.contains("blockedUntil"));
    set_policy({{"block", "temporary"}, {"maxFailedAttempts", 1}});
    BOOST_TEST(verify(wrong_pin).contains("blockedUntil"));
    BOOST_TEST(verify(wrong_pin).at("remainingAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_registration_may_have_a_policy_of_its_own)
{
    const auto it = enrol(*this, {{"maxFailedAttempts", 1}, {"policy", {{"block", "temporary"}}}});
    BOOST_TEST(detail(it.id).at("policy").at("block") == "temporary");
    fail(it.id, 1);
    BOOST_TEST(detail(it.id).contains("blockedUntil"));
    restart();
    clock.advance(5 * minute);
    sweep();
    fail(it.id, 1);
    BOOST_TEST(detail(it.id).at("blockedUntil") == clock.now() + 10 * minute);
    const json bad{{"userId", "bob"}, {"appId", "app"}, {"policy", {{"block", "sometimes"}}}};
    BOOST_TEST(office("POST", "/v2/registrations", bad.dump()).violated().front() == "policy.block");
}

BOOST_AUTO_TEST_CASE(counted_apart_the_lockout_tells_both)
{
    set_policy({{"counters", "perFactor"}, {"maxFailedAttempts", 3}});
    const auto it = enrol(*this);
    report(it.id, "FAILURE");
    report(it.id, "FAILURE", "POSSESSION_BIOMETRY");
    report(it.id, "FAILURE", "POSSESSION_BIOMETRY");
    const auto got = lockout(it.id);
    BOOST_TEST(got.at("failedKnowledge") == 1);
    BOOST_TEST(got.at("failedBiometry") == 2);
    BOOST_TEST(got.at("failedAttempts") == 2);
    BOOST_TEST(got.at("remainingAttempts") == 1);
    BOOST_TEST(report(it.id, "SUCCESS", "POSSESSION_BIOMETRY").at("remainingAttempts") == 2);
    restart();
    BOOST_TEST(lockout(it.id).at("failedKnowledge") == 1);
    BOOST_TEST(lockout(it.id).at("failedBiometry") == 0);
}

BOOST_AUTO_TEST_CASE(old_failures_are_forgotten_also_for_who_reads)
{
    set_policy({{"window", 60'000}, {"maxFailedAttempts", 3}});
    const auto it = enrol(*this);
    fail(it.id, 2);
    BOOST_TEST(detail(it.id).at("remainingAttempts") == 1);
    clock.advance(minute);
    BOOST_TEST(detail(it.id).at("remainingAttempts") == 3);
    BOOST_TEST(report(it.id, "FAILURE").at("remainingAttempts") == 2);
    BOOST_TEST(status(it.id) == "ACTIVE");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lockout_simulated, policy_world)

BOOST_AUTO_TEST_CASE(the_journal_is_played_to_another_policy)
{
    const auto path = "/v2/admin/applications/app/lockout-policy/simulate";
    const auto one = enrol(*this);
    const auto two = enrol(*this, json::object(), bench::protocol_version::v3_3, "bob");
    fail(one.id, 2);
    clock.advance(1'000);
    const auto middle = clock.now();
    report(one.id, "SUCCESS");
    fail(two.id, 3);
    const auto ask = [&](const json& body) {
        const auto got = office("POST", path, body.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    };
    BOOST_TEST(ask(json::object()).dump() == R"({"attempts":6,"complete":true,"lockouts":0,"probableFalseLockouts":0,)"
                                             R"("registrations":2,"registrationsLockedOut":0,"removals":0})");
    const auto strict = ask({{"maxFailedAttempts", 2}});
    BOOST_TEST(strict.at("lockouts") == 2);
    BOOST_TEST(strict.at("probableFalseLockouts") == 1);
    BOOST_TEST(ask({{"maxFailedAttempts", 2}, {"timestampFrom", middle}}).at("lockouts") == 1);
    BOOST_TEST(ask({{"maxFailedAttempts", 2}, {"timestampTo", middle - 1}}).at("attempts") == 2);
    BOOST_TEST(office("POST", path, R"({"counters":"none"})", "admin").status == 400U);
    BOOST_TEST(office("POST", "/v2/admin/applications/none/lockout-policy/simulate", "{}", "admin").status == 400U);
    // What it tried is not what holds.
    BOOST_TEST(detail(two.id).at("registrationStatus") == "ACTIVE");
    // The attempts of another application are not its own.
    BOOST_TEST(
        office("POST", "/v2/admin/applications/other/lockout-policy/simulate", "{}", "admin").body.at("attempts") == 0);
}

BOOST_AUTO_TEST_CASE(one_simulation_at_a_time)
{
    const auto permit = services().simulations.enter();
    BOOST_TEST(office("POST", "/v2/admin/applications/app/lockout-policy/simulate", "{}", "admin").status == 503U);
}

BOOST_AUTO_TEST_CASE(a_row_is_found_by_its_time)
{
    const auto it = enrol(*this);
    std::vector<time_ms> times;
    for (int i = 0; i < 10; ++i) {
        clock.advance(100);
        times.push_back(clock.now());
        report(it.id, i % 2 == 0 ? "FAILURE" : "SUCCESS");
    }
    services().journal.view([&](const registry::snapshot& txn) {
        BOOST_TEST(find_row_at(txn, 0) == 0U);
        for (std::size_t i = 0; i < times.size(); ++i) {
            std::optional<time_ms> found;
            scan_journal(txn, find_row_at(txn, times[i] - 50), [&](row_sequence, const attempt_row& each) {
                found = each.at;
                return false;
            });
            BOOST_TEST_REQUIRE(found.has_value());
            BOOST_TEST(*found == times[i]);
        }
        bool any = false;
        scan_journal(txn, find_row_at(txn, times.back() + 1),
                     [&](row_sequence, const attempt_row&) { return any = true; });
        BOOST_TEST(!any);
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lockout_en_masse, policy_world)

BOOST_AUTO_TEST_CASE(too_many_lockouts_of_a_version_are_held_and_throttled_and_others_are_not)
{
    set_policy({{"maxFailedAttempts", 1}, {"breaker", {{"least", 3}, {"pause", 600'000}}}});
    const auto wrong = [&](enrolled& it) {
        return device(it.phone.make_signed_request("POST", "/pa/v3/signature/validate", "/pa/signature/validate", "{}",
                                                   bench::signature_type::possession_knowledge, wrong_pin));
    };
    const auto right = [&](enrolled& it) {
        return device(it.phone.make_signed_request("POST", "/pa/v3/signature/validate", "/pa/signature/validate", "{}",
                                                   bench::signature_type::possession_knowledge, right_pin));
    };
    std::vector<enrolled> phones;
    for (int i = 0; i < 5; ++i)
        phones.push_back(enrol(*this, json::object(), bench::protocol_version::v3_3, "user" + std::to_string(i)));
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST(wrong(phones[i]).status == 401U);
        BOOST_TEST(status(phones[i].id) == "BLOCKED");
    }
    BOOST_TEST_REQUIRE(log.lines().size() == 1U);
    BOOST_TEST(log.lines().front().find("3 registrations were blocked by their failures in 300 s") !=
               std::string::npos);

    // From now on nobody is blocked, but nobody may go on guessing either.
    auto& fourth = phones[3];
    BOOST_TEST(wrong(fourth).status == 401U);
    BOOST_TEST(status(fourth.id) == "ACTIVE");
    BOOST_TEST(detail(fourth.id).at("failedAttempts") == 0);
    BOOST_TEST(wrong(fourth).status == 429U);
    BOOST_TEST(right(fourth).status == 429U); // whatever it is worth
    clock.advance(hold_first_ms);
    BOOST_TEST(right(fourth).status == 200U);
    BOOST_TEST(wrong(fourth).status == 401U);
    BOOST_TEST(status(fourth.id) == "ACTIVE");

    // A business system's report is of no version, and has a breaker of its own.
    const auto& fifth = phones[4];
    BOOST_TEST(report(fifth.id, "FAILURE").at("registrationStatus") == "BLOCKED");

    clock.advance(600'000);
    BOOST_TEST(wrong(fourth).status == 401U);
    BOOST_TEST(status(fourth.id) == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(the_feed_tells_when_a_breaker_opens_and_when_it_lets_go)
{
    const auto told = [&] {
        json out = json::array();
        const auto got = office("GET", "/v2/events?limit=1000");
        for (const json& each : got.body.at("events")) {
            if (each.at("event").get<std::string>().ends_with("_LOCKOUT_BREAKER"))
                out.push_back(each);
        }
        return out;
    };
    set_policy({{"maxFailedAttempts", 1}, {"breaker", {{"least", 2}, {"pause", 600'000}}}});
    const auto opened_at = clock.now();
    std::vector<enrolled> phones;
    for (int i = 0; i < 4; ++i)
        phones.push_back(enrol(*this, json::object(), bench::protocol_version::v3_3, "user" + std::to_string(i)));
    for (auto& each : phones)
        static_cast<void>(each.phone.validate(bench::signature_type::possession_knowledge, wrong_pin));
    BOOST_TEST(status(phones[1].id) == "BLOCKED");
    BOOST_TEST(status(phones[2].id) == "ACTIVE");
    sweep();
    sweep();
    auto events = told();
    BOOST_TEST_REQUIRE(events.size() == 1U, events.dump());
    BOOST_TEST(events[0].at("event") == "OPEN_LOCKOUT_BREAKER");
    BOOST_TEST(events[0].at("subject") == "APPLICATION");
    BOOST_TEST(events[0].at("subjectId") == "app");
    BOOST_TEST(events[0].at("applicationId") == "app");
    BOOST_TEST(events[0].at("timestampCreated") == opened_at);
    BOOST_TEST(!events[0].contains("account"));
    const auto key = "appKey=" + application().key();
    BOOST_TEST(events[0].at("detail") == key + ", lockouts=2, usual=0, until=" + std::to_string(opened_at + 600'000));
    clock.advance(599'999);
    sweep();
    BOOST_TEST(told().size() == 1U);
    clock.advance(1);
    sweep();
    sweep();
    events = told();
    BOOST_TEST_REQUIRE(events.size() == 2U);
    BOOST_TEST(events[1].at("event") == "CLOSE_LOCKOUT_BREAKER");
    BOOST_TEST(events[1].at("detail") == key + ", lockouts=2, usual=0, held=2");
    // Of an application that is gone nothing is told.
    static_cast<void>(services().breaker.count("gone", "", {1, 1, 1'000, 1'000}, clock.now()));
    sweep();
    BOOST_TEST(told().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_breaker_is_set_and_taken_away)
{
    const auto path = "/v2/admin/applications/app/lockout-policy";
    set_policy({{"breaker", {{"least", 7}}}});
    BOOST_TEST(office("GET", path, {}, "admin").body.at("breaker").dump() ==
               R"({"factor":10,"least":7,"pause":900000,"window":300000})");
    BOOST_TEST(office("PATCH", "/admin/applications/app", R"({"breaker":{"factor":2}})", "admin")
                   .body.at("breaker")
                   .at("factor") == 2);
    BOOST_TEST(office("PUT", path, R"({"breaker":{"least":0}})", "admin").violated().front() == "breaker.least");
    BOOST_TEST(office("PUT", path, R"({"breaker":{"window":1}})", "admin").violated().front() == "breaker.window");
    BOOST_TEST(!office("PATCH", "/admin/applications/app", R"({"breaker":null})", "admin").body.contains("breaker"));
}

BOOST_AUTO_TEST_SUITE_END()
