// The attempt engine. Numbers in brackets are the invariants of DESIGN.md 5.1.

#include "tests/support.hpp"

#include <map>

namespace {

using namespace doorward;
using namespace doorward::registry;
using tests::default_limits;
using tests::on_threads;
using tests::scratch_phone;
using verdict = attempt_result::verdict;
using form = presented_proof::form;

constexpr time_ms now = 1'700'000'000'000;

attempts engine()
{
    return attempts{crypto::secret<32>{crypto::byte_array<32>{9, 9, 9}}};
}

// One phone, one slot, and what became of its proofs.
struct judged_phone {
    explicit judged_phone(const attempt_limits& limits = default_limits(), counting counted = counting::only_proven)
        : counts{counted}, slot{phone.slot(limits)}
    {}

    attempt_result verify(const presented_proof& proof) { return judge.verify(slot, phone.keys, proof, counts, now); }
    attempt_result refuse_unproven(factors type) { return judge.refuse_unproven(slot, type, counts, now); }

    [[nodiscard]] unsigned failed() const { return slot->load().failed(); }
    [[nodiscard]] std::string_view state() const { return to_text(slot->load().current()); }

    scratch_phone phone;
    counting counts;
    slot_ptr slot;
    attempts judge = engine();
};

constexpr factors two_factors = factors::possession_knowledge;

} // namespace

BOOST_AUTO_TEST_SUITE(attempts_verification)

// --- right proofs

BOOST_AUTO_TEST_CASE(a_right_proof_of_every_type_is_accepted_and_moves_the_counter_one_past_it)
{
    for (const auto type : {factors::possession, two_factors, factors::possession_biometry,
                            factors::possession_knowledge_biometry, factors::knowledge, factors::biometry})
        for (const auto as : {form::binary, form::decimal})
            BOOST_TEST_CONTEXT(to_text(type) << (as == form::decimal ? " in digits" : ""))
            {
                judged_phone it;
                const auto result = it.verify(it.phone.right(type, 0, 0, as));
                BOOST_TEST((result.outcome == verdict::accepted));
                BOOST_TEST(!result.counted);
                BOOST_TEST(result.word.position() == 1U);
                BOOST_TEST_REQUIRE(result.change.has_value());
                BOOST_TEST(result.change->counter.position == 1U);
                BOOST_TEST(result.change->counter.data == it.phone.counter(1), boost::test_tools::per_element());
            }
}

BOOST_AUTO_TEST_CASE(the_look_ahead_accepts_twenty_positions_and_not_the_next)
{
    for (unsigned position = 0; position <= look_ahead_default; ++position)
        BOOST_TEST_CONTEXT("position " << position)
        {
            judged_phone it;
            const auto result = it.verify(it.phone.right(two_factors, position));
            BOOST_TEST((result.outcome == verdict::accepted) == (position < look_ahead_default));
            BOOST_TEST(it.slot->load().position() == (position < look_ahead_default ? position + 1 : 0));
            BOOST_TEST(it.failed() == 0U);
        }
}

// (3)
BOOST_AUTO_TEST_CASE(the_same_right_proof_is_accepted_once)
{
    judged_phone it;
    const auto proof = it.phone.right(two_factors, 0);
    BOOST_TEST((it.verify(proof).outcome == verdict::accepted));
    const auto again = it.verify(proof);
    BOOST_TEST((again.outcome == verdict::refused));
    BOOST_TEST(!again.counted);
    BOOST_TEST(!again.change.has_value());
    BOOST_TEST(it.failed() == 0U);
}

BOOST_AUTO_TEST_CASE(a_right_proof_behind_the_window_is_refused_and_not_counted)
{
    judged_phone it;
    BOOST_TEST((it.verify(it.phone.right(two_factors, 5)).outcome == verdict::accepted));
    const auto late = it.verify(it.phone.right(two_factors, 3));
    BOOST_TEST((late.outcome == verdict::refused));
    BOOST_TEST(!late.counted);
    BOOST_TEST(it.failed() == 0U);
}

BOOST_AUTO_TEST_CASE(every_success_but_possession_alone_resets_the_failures)
{
    for (const auto& [type, left] : std::map<factors, unsigned>{{factors::possession, 2},
                                                                {two_factors, 0},
                                                                {factors::possession_biometry, 0},
                                                                {factors::possession_knowledge_biometry, 0}})
        BOOST_TEST_CONTEXT(to_text(type))
        {
            judged_phone it;
            it.verify(it.phone.wrong_pin(0, 1));
            it.verify(it.phone.wrong_pin(0, 2));
            BOOST_TEST_REQUIRE(it.failed() == 2U);
            BOOST_TEST((it.verify(it.phone.right(type, 0)).outcome == verdict::accepted));
            BOOST_TEST(it.failed() == left);
        }
}

// --- wrong proofs

BOOST_AUTO_TEST_CASE(a_wrong_pin_is_counted_and_leaves_the_counter_where_it_was)
{
    judged_phone it;
    const auto result = it.verify(it.phone.wrong_pin(0));
    BOOST_TEST((result.outcome == verdict::refused));
    BOOST_TEST(result.counted);
    BOOST_TEST(result.word.failed() == 1U);
    BOOST_TEST(result.word.position() == 0U);
    BOOST_TEST_REQUIRE(result.change.has_value());
    BOOST_TEST((result.change->verdict == transition::attempt::refused));
    BOOST_TEST(!result.change->by.has_value());
}

BOOST_AUTO_TEST_CASE(a_wrong_pin_is_counted_anywhere_in_the_window)
{
    for (const unsigned position : {0U, 7U, look_ahead_default - 1, look_ahead_default}) {
        judged_phone it;
        it.verify(it.phone.wrong_pin(position));
        BOOST_TEST(it.failed() == (position < look_ahead_default ? 1U : 0U));
    }
}

BOOST_AUTO_TEST_CASE(noise_is_refused_without_being_counted_by_default)
{
    judged_phone it;
    for (const auto type :
         {two_factors, factors::possession_biometry, factors::possession_knowledge_biometry, factors::possession})
        BOOST_TEST_CONTEXT(to_text(type))
        {
            const auto result = it.verify(scratch_phone::noise(type));
            BOOST_TEST((result.outcome == verdict::refused));
            BOOST_TEST(!result.counted);
            BOOST_TEST(!result.change.has_value());
        }
    BOOST_TEST(it.failed() == 0U);
}

// Without a possession component nothing tells a wrong PIN from noise. No endpoint takes such proofs.
BOOST_AUTO_TEST_CASE(a_wrong_proof_without_possession_counts)
{
    judged_phone it;
    BOOST_TEST(it.verify(scratch_phone::noise(factors::knowledge)).counted);
    BOOST_TEST(it.verify(scratch_phone::noise(factors::biometry)).counted);
    BOOST_TEST(it.failed() == 2U);
}

BOOST_AUTO_TEST_CASE(noise_is_counted_where_everything_counts)
{
    judged_phone it{default_limits(3), counting::every_failure};
    BOOST_TEST(it.verify(scratch_phone::noise(two_factors, 1)).counted);
    BOOST_TEST(it.verify(scratch_phone::noise(two_factors, 1)).counted); // the reference counts retries too
    BOOST_TEST(it.verify(scratch_phone::noise(two_factors, 2)).counted);
    BOOST_TEST(it.state() == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(possession_alone_is_never_counted)
{
    for (const auto counts : {counting::only_proven, counting::every_failure})
        for (const auto as : {form::binary, form::decimal}) {
            judged_phone it{default_limits(1), counts};
            for (unsigned i = 0; i < 10; ++i)
                BOOST_TEST((it.verify(scratch_phone::noise(factors::possession, i, as)).outcome == verdict::refused));
            auto too_long = it.phone.right(factors::possession, 0, 0, as);
            too_long.component_count = 2;
            BOOST_TEST((it.verify(too_long).outcome == verdict::refused));
            BOOST_TEST(it.failed() == 0U);
            BOOST_TEST(it.state() == "ACTIVE");
        }
}

BOOST_AUTO_TEST_CASE(wrong_digits_are_always_counted)
{
    judged_phone it{default_limits(4)};
    BOOST_TEST(it.verify(it.phone.wrong_pin(0, 1, form::decimal)).counted);
    BOOST_TEST(it.verify(scratch_phone::noise(two_factors, 2, form::decimal)).counted);
    // Behind the window nobody can tell digits from a guess.
    BOOST_TEST((it.verify(it.phone.right(factors::possession, 0, 0, form::decimal)).outcome == verdict::accepted));
    BOOST_TEST(it.failed() == 2U);
    BOOST_TEST(it.verify(it.phone.right(two_factors, 0, 3, form::decimal)).counted);
    BOOST_TEST(it.failed() == 3U);
}

BOOST_AUTO_TEST_CASE(a_proof_with_the_wrong_number_of_components_is_refused)
{
    const scratch_phone phone;
    struct {
        factors declared;
        unsigned count;
        bool counted; // where the possession component is there and something else is missing
    } const rows[]{
        {two_factors, 1, true},
        {two_factors, 3, true},
        {factors::possession_knowledge_biometry, 2, true},
        {factors::possession, 2, false},
        {factors::possession, 3, false},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(to_text(row.declared) << " with " << row.count)
        {
            judged_phone it;
            auto proof = it.phone.right(row.declared, 0);
            proof.component_count = row.count;
            const auto result = it.verify(proof);
            BOOST_TEST((result.outcome == verdict::refused));
            BOOST_TEST(result.counted == row.counted);
            BOOST_TEST(it.slot->load().position() == 0U);
        }
}

BOOST_AUTO_TEST_CASE(digits_with_the_wrong_number_of_groups_are_refused_and_counted)
{
    for (const unsigned count : {1U, 3U}) {
        judged_phone it;
        auto proof = it.phone.right(two_factors, 0, 0, form::decimal);
        proof.component_count = count;
        const auto result = it.verify(proof);
        BOOST_TEST((result.outcome == verdict::refused));
        BOOST_TEST(result.counted);
    }
}

// --- the search

BOOST_AUTO_TEST_CASE(the_search_stops_where_possession_fits)
{
    const scratch_phone phone;
    const auto found = match(phone.wrong_pin(6), phone.keys, phone.first_counter, look_ahead_default);
    BOOST_TEST((found.reached == proof_match::grade::possession));
    BOOST_TEST(found.offset == 6U);
    BOOST_TEST(found.counter == phone.counter(6), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_search_does_not_mix_components_of_two_positions)
{
    const scratch_phone phone;
    for (const auto as : {form::binary, form::decimal}) {
        auto mixed = phone.right(two_factors, 2, 0, as);
        const auto later = phone.right(two_factors, 5, 0, as);
        mixed.components[1] = later.components[1];
        mixed.digits[1] = later.digits[1];
        const auto found = match(mixed, phone.keys, phone.first_counter, look_ahead_default);
        BOOST_TEST((found.reached != proof_match::grade::complete));
    }
}

BOOST_AUTO_TEST_CASE(digits_are_compared_whole)
{
    const scratch_phone phone;
    const auto found = match(phone.wrong_pin(0, 0, form::decimal), phone.keys, phone.first_counter, look_ahead_default);
    BOOST_TEST((found.reached == proof_match::grade::none)); // possession alone fits, which says nothing here
}

BOOST_AUTO_TEST_CASE(a_proof_over_other_data_does_not_match)
{
    const scratch_phone phone;
    auto proof = phone.right(two_factors, 0);
    proof.data.back() ^= 1;
    const auto found = match(proof, phone.keys, phone.first_counter, look_ahead_default);
    BOOST_TEST((found.reached == proof_match::grade::none));
}

BOOST_AUTO_TEST_CASE(one_flipped_bit_in_any_component_makes_a_proof_wrong)
{
    const scratch_phone phone;
    const auto whole = phone.right(factors::possession_knowledge_biometry, 0);
    for (unsigned component = 0; component < 3; ++component)
        for (unsigned bit = 0; bit < 128; ++bit) {
            auto proof = whole;
            proof.components[component][bit / 8] ^= static_cast<crypto::byte>(1U << bit % 8);
            const auto found = match(proof, phone.keys, phone.first_counter, look_ahead_default);
            BOOST_TEST_REQUIRE((found.reached != proof_match::grade::complete));
            BOOST_TEST_REQUIRE((found.reached == proof_match::grade::possession) == (component > 0));
        }
}

// --- the limit

BOOST_AUTO_TEST_CASE(under_a_limit_of_three_a_success_in_between_starts_the_count_again)
{
    judged_phone it{default_limits(3)};
    const auto fail = [&](std::uint64_t position, unsigned salt) {
        return it.verify(it.phone.wrong_pin(position, salt));
    };
    fail(0, 1);
    fail(0, 2);
    BOOST_TEST((it.verify(it.phone.right(two_factors, 0)).outcome == verdict::accepted));
    fail(1, 3);
    fail(1, 4);
    BOOST_TEST(it.state() == "ACTIVE");
    const auto last = fail(1, 5);
    BOOST_TEST(it.state() == "BLOCKED");
    BOOST_TEST((last.outcome == verdict::refused));
    BOOST_TEST_REQUIRE(last.change.has_value());
    BOOST_TEST((last.change->by == move::block_on_failures));
    BOOST_TEST(last.change->reason == reason::max_failed_attempts);
}

BOOST_AUTO_TEST_CASE(the_limit_is_exact_from_1_to_255)
{
    for (const unsigned max : {1U, 2U, 5U, 255U})
        BOOST_TEST_CONTEXT("limit " << max)
        {
            judged_phone it{default_limits(max)};
            for (unsigned i = 1; i <= max; ++i) {
                BOOST_TEST_REQUIRE(it.state() == "ACTIVE");
                const auto result = it.verify(it.phone.wrong_pin(0, i));
                BOOST_TEST_REQUIRE(result.counted);
                BOOST_TEST_REQUIRE(it.failed() == i);
            }
            BOOST_TEST(it.state() == "BLOCKED");
        }
}

// (1)
BOOST_AUTO_TEST_CASE(a_blocked_registration_tells_neither_right_nor_wrong)
{
    judged_phone it{default_limits(1)};
    it.verify(it.phone.wrong_pin(0));
    BOOST_TEST_REQUIRE(it.state() == "BLOCKED");
    const auto before = it.slot->load();
    for (const auto& proof : {it.phone.right(two_factors, 0), it.phone.wrong_pin(0, 2),
                              it.phone.right(factors::possession, 0), scratch_phone::noise(two_factors)}) {
        const auto result = it.verify(proof);
        BOOST_TEST((result.outcome == verdict::blocked));
        BOOST_TEST(!result.counted);
        BOOST_TEST(!result.change.has_value());
    }
    BOOST_TEST((it.slot->load() == before));
}

BOOST_AUTO_TEST_CASE(nothing_is_verified_before_the_registration_is_active_or_after_its_removal)
{
    for (const state in : {state::created, state::pending_commit, state::blocked, state::removed}) {
        const scratch_phone phone;
        const auto slot = phone.slot(default_limits(), in);
        const auto result = engine().verify(slot, phone.keys, phone.right(two_factors, 0), counting::only_proven, now);
        BOOST_TEST((result.outcome == verdict::blocked));
        BOOST_TEST(to_text(result.word.current()) == to_text(in));
    }
}

// --- noise, and what is none

BOOST_AUTO_TEST_CASE(who_proves_possession_is_told_from_noise_in_every_state)
{
    for (const state in : {state::created, state::pending_commit, state::active, state::blocked, state::removed})
        for (const auto type :
             {factors::possession, two_factors, factors::possession_biometry, factors::possession_knowledge_biometry})
            BOOST_TEST_CONTEXT(to_text(in) << ' ' << to_text(type))
            {
                const scratch_phone phone;
                const auto unproven = [&](const presented_proof& proof) {
                    return engine()
                        .verify(phone.slot(default_limits(), in), phone.keys, proof, counting::only_proven, now)
                        .unproven;
                };
                BOOST_TEST(!unproven(phone.right(type, 0)));
                BOOST_TEST(!unproven(phone.right(type, look_ahead_default - 1)));
                BOOST_TEST(unproven(phone.right(type, look_ahead_default)));
                BOOST_TEST(unproven(scratch_phone::noise(type)));
                if (type != factors::possession)
                    BOOST_TEST(!unproven(phone.wrong_pin(3)));
                // Eight digits can be guessed: while a registration is not active nothing may tell that they are right.
                const auto digits = phone.right(type, 0, 0, form::decimal);
                BOOST_TEST(unproven(digits) == (in != state::active));
            }
}

BOOST_AUTO_TEST_CASE(what_comes_again_is_noise_only_when_its_position_is_behind)
{
    judged_phone it;
    const auto wrong = it.phone.wrong_pin(0);
    const auto right = it.phone.right(two_factors, 0, 1);
    BOOST_TEST(!it.verify(wrong).unproven);
    BOOST_TEST(!it.verify(wrong).unproven); // again, and not counted again
    BOOST_TEST((it.verify(right).outcome == verdict::accepted));
    BOOST_TEST(it.verify(right).unproven);
    BOOST_TEST(it.verify(wrong).unproven);
}

BOOST_AUTO_TEST_CASE(a_failure_without_possession_is_unproven_whether_or_not_it_counts)
{
    for (const bool everything : {false, true}) {
        judged_phone it{default_limits(9), everything ? counting::every_failure : counting::only_proven};
        BOOST_TEST(it.verify(scratch_phone::noise(two_factors)).unproven);
        BOOST_TEST(it.verify(scratch_phone::noise(two_factors, 0, form::decimal)).unproven);
        BOOST_TEST(it.refuse_unproven(two_factors).unproven);
        BOOST_TEST(it.refuse_unproven(factors::possession).unproven);
        BOOST_TEST(!it.verify(it.phone.wrong_pin(0)).unproven);
    }
}

// --- retries

BOOST_AUTO_TEST_CASE(the_same_refused_proof_is_not_counted_again)
{
    judged_phone it;
    const auto proof = it.phone.wrong_pin(0);
    BOOST_TEST(it.verify(proof).counted);
    for (int i = 0; i < 10; ++i) {
        const auto again = it.verify(proof);
        BOOST_TEST((again.outcome == verdict::refused));
        BOOST_TEST(!again.counted);
        BOOST_TEST(again.word.version() == it.slot->load().version()); // what its answer waits for
    }
    BOOST_TEST(it.failed() == 1U);
}

BOOST_AUTO_TEST_CASE(every_refused_proof_since_the_reset_is_remembered)
{
    judged_phone it;
    for (unsigned i = 0; i < 4; ++i)
        it.verify(it.phone.wrong_pin(0, i));
    for (unsigned i = 0; i < 4; ++i)
        BOOST_TEST(!it.verify(it.phone.wrong_pin(0, i)).counted);
    BOOST_TEST(it.failed() == 4U);
}

BOOST_AUTO_TEST_CASE(another_wrong_proof_for_the_same_position_is_counted)
{
    judged_phone it;
    BOOST_TEST(it.verify(it.phone.wrong_pin(0, 1)).counted);
    BOOST_TEST(it.verify(it.phone.wrong_pin(0, 2)).counted); // other data
    auto other_value = it.phone.wrong_pin(0, 1);
    other_value.components[1][3] ^= 1;
    BOOST_TEST(it.verify(other_value).counted);
    BOOST_TEST(it.failed() == 3U);
}

BOOST_AUTO_TEST_CASE(a_refused_proof_is_noise_once_its_position_is_behind)
{
    judged_phone it;
    const auto proof = it.phone.wrong_pin(0);
    it.verify(proof);
    BOOST_TEST((it.verify(it.phone.right(two_factors, 0)).outcome == verdict::accepted));
    const auto again = it.verify(proof);
    BOOST_TEST((again.outcome == verdict::refused));
    BOOST_TEST(!again.counted);
}

// The position is open after both resets, so only forgetting makes the difference.
BOOST_AUTO_TEST_CASE(a_reset_forgets_refused_proofs)
{
    judged_phone it{default_limits(2)};
    const auto proof = it.phone.wrong_pin(9);
    BOOST_TEST(it.verify(proof).counted);
    BOOST_TEST((it.verify(it.phone.right(two_factors, 0)).outcome == verdict::accepted));
    BOOST_TEST(it.verify(proof).counted);
    BOOST_TEST(it.verify(it.phone.wrong_pin(9, 2)).counted);
    BOOST_TEST_REQUIRE(it.state() == "BLOCKED");
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::unblock, {}, {}, now).has_value());
    BOOST_TEST(it.verify(proof).counted);
    BOOST_TEST(it.failed() == 1U);
}

// --- without a proof that could be read

BOOST_AUTO_TEST_CASE(an_unproven_failure_counts_only_where_everything_counts)
{
    for (const bool everything : {false, true}) {
        judged_phone it{default_limits(2), everything ? counting::every_failure : counting::only_proven};
        BOOST_TEST(!it.refuse_unproven(factors::possession).counted);
        BOOST_TEST(it.refuse_unproven(two_factors).counted == everything);
        const auto second = it.refuse_unproven(two_factors);
        BOOST_TEST(second.counted == everything);
        BOOST_TEST(it.state() == (everything ? "BLOCKED" : "ACTIVE"));
        if (everything)
            BOOST_TEST((it.refuse_unproven(two_factors).outcome == verdict::blocked));
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(attempts_moves)

// (5)
BOOST_AUTO_TEST_CASE(an_illegal_move_is_refused_and_leaves_the_word)
{
    for (const state in : all_states)
        for (const move by : all_moves)
            BOOST_TEST_CONTEXT(to_text(by) << " from " << to_text(in))
            {
                const auto slot = scratch_phone{}.slot(default_limits(), in);
                const auto before = slot->load();
                const auto change = attempts::change_state(slot, by, {}, {}, now);
                const auto to = target(in, by);
                BOOST_TEST_REQUIRE(change.has_value() == to.has_value());
                if (to) {
                    BOOST_TEST(to_text(slot->load().current()) == to_text(*to));
                    BOOST_TEST((change->before == before));
                    BOOST_TEST((change->after == slot->load()));
                } else {
                    BOOST_TEST((change.error() == errc::illegal_change));
                    BOOST_TEST((slot->load() == before));
                }
            }
}

BOOST_AUTO_TEST_CASE(a_registration_that_becomes_active_starts_with_a_clean_count)
{
    judged_phone it{default_limits(2)};
    it.verify(it.phone.wrong_pin(0, 1));
    it.verify(it.phone.wrong_pin(0, 2));
    BOOST_TEST_REQUIRE(it.state() == "BLOCKED");
    BOOST_TEST(it.failed() == 2U); // tells the story
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::unblock, {}, {}, now).has_value());
    BOOST_TEST(it.failed() == 0U);
}

// The phone goes on where it was.
BOOST_AUTO_TEST_CASE(blocking_and_unblocking_keep_the_counter)
{
    judged_phone it;
    it.verify(it.phone.right(two_factors, 4));
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::block, {}, {}, now).has_value());
    BOOST_TEST_REQUIRE(attempts::change_state(it.slot, move::unblock, {}, {}, now).has_value());
    BOOST_TEST(it.slot->load().position() == 5U);
    BOOST_TEST((it.verify(it.phone.right(two_factors, 5)).outcome == verdict::accepted));
}

BOOST_AUTO_TEST_CASE(the_last_wrong_password_removes)
{
    for (const state in : {state::created, state::pending_commit}) {
        const auto slot = scratch_phone{}.slot(default_limits(2), in);
        const auto first = attempts::fail_otp(slot, {}, now);
        BOOST_TEST_REQUIRE(first.has_value());
        BOOST_TEST((first->by == move::fail_otp));
        BOOST_TEST(first->reason == reason::otp_failed);
        BOOST_TEST(to_text(slot->load().current()) == to_text(in));
        const auto last = attempts::fail_otp(slot, {}, now);
        BOOST_TEST_REQUIRE(last.has_value());
        BOOST_TEST((last->by == move::remove_on_otp));
        BOOST_TEST(last->reason == reason::otp_max_failed);
        BOOST_TEST(to_text(slot->load().current()) == "REMOVED");
        BOOST_TEST((attempts::fail_otp(slot, {}, now).error() == errc::illegal_change));
    }
}

BOOST_AUTO_TEST_CASE(passwords_are_not_counted_once_the_registration_waits_for_none)
{
    for (const state in : {state::active, state::blocked, state::removed}) {
        const auto slot = scratch_phone{}.slot(default_limits(), in);
        BOOST_TEST((attempts::fail_otp(slot, {}, now).error() == errc::illegal_change));
        BOOST_TEST(slot->load().failed() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_password_is_replaced_while_the_registration_waits_for_commit)
{
    for (const state in : all_states) {
        const auto slot = scratch_phone{}.slot(default_limits(), in);
        attempt_word forbidding;
        const auto change = attempts::replace_otp(slot, {"office", "bob"}, "hash", now, &forbidding);
        BOOST_TEST(change.has_value() == (in == state::pending_commit), to_text(in));
        BOOST_TEST(slot->settled_otp().has_value() == !change.has_value()); // on its way, or of no effect
        if (!change) {
            BOOST_TEST((change.error() == errc::illegal_change));
            BOOST_TEST((forbidding == slot->load()));
            continue;
        }
        BOOST_TEST((change->by == move::replace_otp));
        BOOST_TEST(change->reason == reason::otp_replaced);
        BOOST_TEST(change->otp.value() == "hash");
        BOOST_TEST((change->who == actor{"office", "bob"}));
    }
}

BOOST_AUTO_TEST_CASE(a_replacement_forgets_no_failures)
{
    const auto slot = scratch_phone{}.slot(default_limits(), state::pending_commit);
    BOOST_TEST_REQUIRE(attempts::fail_otp(slot, {}, now).has_value());
    BOOST_TEST_REQUIRE(attempts::replace_otp(slot, {}, "hash", now).has_value());
    BOOST_TEST(slot->load().failed() == 1U);
}

BOOST_AUTO_TEST_CASE(what_follows_from_a_password_that_was_replaced_has_no_effect)
{
    const auto slot = scratch_phone{}.slot(default_limits(), state::pending_commit);
    const auto checked = slot->settled_otp();
    BOOST_TEST_REQUIRE(checked.has_value());
    BOOST_TEST_REQUIRE(attempts::replace_otp(slot, {}, "hash", now).has_value());
    const auto before = slot->load();
    const auto failed = attempts::fail_otp(slot, {}, now, checked);
    BOOST_TEST((failed.error() == errc::changed_meanwhile));
    attempt_word forbidding;
    const auto committed = attempts::change_state(slot, move::commit, {}, {}, now, &forbidding, checked);
    BOOST_TEST((committed.error() == errc::changed_meanwhile));
    BOOST_TEST((slot->load() == before));

    slot->otp_replacement_ended(); // as the writer does once it is on disk
    const auto again = slot->settled_otp();
    BOOST_TEST_REQUIRE(again.has_value());
    BOOST_TEST(*again != *checked);
    BOOST_TEST(attempts::fail_otp(slot, {}, now, again).has_value());
    BOOST_TEST(attempts::change_state(slot, move::commit, {}, {}, now, nullptr, again).has_value());
}

BOOST_AUTO_TEST_CASE(a_limit_of_255_counts_every_password)
{
    const auto slot = scratch_phone{}.slot(default_limits(255), state::created);
    for (unsigned i = 1; i < 255; ++i)
        BOOST_TEST_REQUIRE((attempts::fail_otp(slot, {}, now).value().by == move::fail_otp));
    BOOST_TEST((attempts::fail_otp(slot, {}, now).value().by == move::remove_on_otp));
    BOOST_TEST(slot->load().failed() == 255U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- races

namespace {

constexpr unsigned threads = 8;

// The transitions of one slot, by their versions, must be one unbroken chain from `first` on, legal at every step.
struct recorded {
    std::mutex mutex;
    std::vector<std::pair<attempt_word, attempt_word>> steps;

    void add(const transition& change)
    {
        const std::lock_guard lock{mutex};
        steps.emplace_back(change.before, change.after);
    }

    // Empty when all is well.
    std::string problem(attempt_word first, attempt_word last)
    {
        std::ranges::sort(steps, {}, [](const auto& step) { return step.second.version(); });
        attempt_word expected = first;
        for (const auto& [before, after] : steps) {
            if (!(before == expected))
                return "a step does not begin where the one before ended";
            if (before.current() == state::removed)
                return "a step leads out of REMOVED";
            if (after.version() != before.version() + 1)
                return "a version was skipped";
            expected = after;
        }
        return expected == last ? std::string{} : "a step is missing";
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(attempts_races)

// (1)
BOOST_AUTO_TEST_CASE(parallel_wrong_proofs_share_one_limit)
{
    for (const unsigned max : {1U, 3U, 5U})
        for (int round = 0; round < 30; ++round) {
            judged_phone it{default_limits(max)};
            const auto first = it.slot->load();
            std::atomic<unsigned> counted{0}, refused{0}, blocked{0}, accepted{0};
            recorded steps;
            on_threads(threads, [&](unsigned who) {
                for (unsigned i = 0; i < 4; ++i) {
                    const auto result = it.verify(it.phone.wrong_pin(i % 2, who * 100 + i));
                    counted += result.counted ? 1U : 0U;
                    refused += result.outcome == verdict::refused ? 1U : 0U;
                    blocked += result.outcome == verdict::blocked ? 1U : 0U;
                    accepted += result.outcome == verdict::accepted ? 1U : 0U;
                    if (result.change)
                        steps.add(*result.change);
                }
            });
            BOOST_TEST_REQUIRE(counted.load() == max);
            BOOST_TEST_REQUIRE(refused.load() == max);
            BOOST_TEST_REQUIRE(blocked.load() == threads * 4 - max);
            BOOST_TEST_REQUIRE(accepted.load() == 0U);
            BOOST_TEST_REQUIRE(it.state() == "BLOCKED");
            BOOST_TEST_REQUIRE(steps.problem(first, it.slot->load()) == "");
        }
}

BOOST_AUTO_TEST_CASE(a_wrong_proof_sent_many_times_at_once_is_counted_once)
{
    for (int round = 0; round < 30; ++round) {
        judged_phone it;
        const auto proof = it.phone.wrong_pin(0);
        std::atomic<unsigned> counted{0};
        on_threads(threads, [&](unsigned) { counted += it.verify(proof).counted ? 1U : 0U; });
        BOOST_TEST_REQUIRE(counted.load() == 1U);
        BOOST_TEST_REQUIRE(it.failed() == 1U);
    }
}

// (9): a change that reaches the disk alone must bring the digests of its word, whatever has been counted meanwhile.
BOOST_AUTO_TEST_CASE(every_counted_failure_brings_the_digests_of_its_own_word)
{
    for (int round = 0; round < 30; ++round) {
        judged_phone it{default_limits(255)};
        std::atomic<unsigned> incomplete{0};
        on_threads(threads, [&](unsigned who) {
            for (unsigned i = 0; i < 20; ++i) {
                const auto result = it.verify(it.phone.wrong_pin(0, who * 100 + i));
                const auto& change = *result.change;
                if (change.refused.list.size() != change.after.failed() ||
                    change.refused.list.back().digest() != change.details->digest)
                    incomplete.fetch_add(1);
            }
        });
        BOOST_TEST_REQUIRE(incomplete.load() == 0U);
        BOOST_TEST_REQUIRE(it.failed() == 20 * threads);
    }
}

// (3)
BOOST_AUTO_TEST_CASE(a_right_proof_sent_twenty_times_at_once_is_accepted_once)
{
    for (int round = 0; round < 20; ++round) {
        judged_phone it;
        const auto proof = it.phone.right(two_factors, 2);
        std::atomic<unsigned> accepted{0}, counted{0};
        on_threads(20, [&](unsigned) {
            const auto result = it.verify(proof);
            accepted += result.outcome == verdict::accepted ? 1U : 0U;
            counted += result.counted ? 1U : 0U;
        });
        BOOST_TEST_REQUIRE(accepted.load() == 1U);
        BOOST_TEST_REQUIRE(counted.load() == 0U);
        BOOST_TEST_REQUIRE(it.slot->load().position() == 3U);
    }
}

// (2): each is accepted, or behind a later one and not counted. The last is in everybody's window, so it always gets
// in.
BOOST_AUTO_TEST_CASE(twenty_right_proofs_at_once_never_punish_each_other)
{
    for (int round = 0; round < 20; ++round) {
        judged_phone it{default_limits(1)};
        const auto first = it.slot->load();
        std::atomic<unsigned> accepted{0}, counted{0}, blocked{0};
        recorded steps;
        on_threads(20, [&](unsigned who) {
            const auto result = it.verify(it.phone.right(two_factors, who, who));
            accepted += result.outcome == verdict::accepted ? 1U : 0U;
            blocked += result.outcome == verdict::blocked ? 1U : 0U;
            counted += result.counted ? 1U : 0U;
            if (result.change)
                steps.add(*result.change);
        });
        BOOST_TEST_REQUIRE(accepted.load() >= 1U);
        BOOST_TEST_REQUIRE(counted.load() == 0U);
        BOOST_TEST_REQUIRE(blocked.load() == 0U);
        BOOST_TEST_REQUIRE(it.slot->load().position() == 20U);
        BOOST_TEST_REQUIRE(it.state() == "ACTIVE");
        BOOST_TEST_REQUIRE(steps.problem(first, it.slot->load()) == "");
    }
}

// (2) and (1) together: right proofs among wrong ones are never counted, and no more than the limit is revealed between
// two resets.
BOOST_AUTO_TEST_CASE(right_proofs_among_wrong_ones_keep_both_promises)
{
    for (int round = 0; round < 20; ++round) {
        judged_phone it{default_limits(3)};
        const auto first = it.slot->load();
        std::atomic<unsigned> right_counted{0};
        recorded steps;
        on_threads(threads, [&](unsigned who) {
            for (unsigned i = 0; i < 6; ++i) {
                const bool right = who % 2 == 0;
                const auto proof =
                    right ? it.phone.right(two_factors, i * 4 + who / 2) : it.phone.wrong_pin(i * 4 + 3, who * 100 + i);
                const auto result = it.verify(proof);
                if (right && result.counted)
                    right_counted.fetch_add(1);
                if (result.change)
                    steps.add(*result.change);
            }
        });
        BOOST_TEST_REQUIRE(right_counted.load() == 0U);
        BOOST_TEST_REQUIRE(steps.problem(first, it.slot->load()) == "");
        for (const auto& [before, after] : steps.steps)
            BOOST_TEST_REQUIRE(after.failed() <= 3U);
    }
}

// (5) and (6)
BOOST_AUTO_TEST_CASE(operators_and_phones_take_turns_on_one_word)
{
    for (int round = 0; round < 30; ++round) {
        judged_phone it{default_limits(2)};
        const auto first = it.slot->load();
        recorded steps;
        std::atomic<unsigned> after_removal{0};
        std::atomic<bool> removed{false};
        on_threads(threads, [&](unsigned who) {
            for (unsigned i = 0; i < 12; ++i) {
                const bool known_removed = removed.load();
                if (who < 3) {
                    const auto by = who == 0 ? move::block : who == 1 ? move::unblock : move::remove;
                    if (by == move::remove && i < 10)
                        continue;
                    const auto change = attempts::change_state(it.slot, by, {}, {}, now);
                    if (change) {
                        steps.add(*change);
                        if (known_removed)
                            after_removal.fetch_add(1);
                        if (by == move::remove)
                            removed = true;
                    }
                } else {
                    const auto result =
                        it.verify(who % 2 == 0 ? it.phone.right(two_factors, i) : it.phone.wrong_pin(i, who * 100 + i));
                    if (result.change)
                        steps.add(*result.change);
                    if (known_removed && result.outcome != verdict::blocked)
                        after_removal.fetch_add(1);
                }
            }
        });
        BOOST_TEST_REQUIRE(after_removal.load() == 0U);
        BOOST_TEST_REQUIRE(it.state() == "REMOVED");
        BOOST_TEST_REQUIRE(steps.problem(first, it.slot->load()) == "");
    }
}

// Whoever commits saw the edition that no replacement before it in the order of versions had replaced.
BOOST_AUTO_TEST_CASE(a_commit_never_follows_a_replacement_it_did_not_see)
{
    for (int round = 0; round < 200; ++round) {
        const auto slot = scratch_phone{}.slot(default_limits(), state::pending_commit);
        std::atomic<std::uint64_t> replaced_at{0}, committed_at{0};
        std::atomic<otp_edition> committed_by{0};
        on_threads(2, [&](unsigned who) {
            if (who == 0) {
                if (const auto change = attempts::replace_otp(slot, {}, "hash", now)) {
                    replaced_at = change->after.version();
                    slot->otp_replacement_ended();
                }
                return;
            }
            for (;;) {
                const auto seen = slot->settled_otp();
                if (!seen)
                    continue;
                const auto change = attempts::change_state(slot, move::commit, {}, {}, now, nullptr, seen);
                if (!change)
                    continue; // replaced meanwhile: look again
                committed_at = change->after.version();
                committed_by = *seen;
                return;
            }
        });
        BOOST_TEST_REQUIRE(committed_at.load() != 0U);
        if (replaced_at.load() != 0U) {
            BOOST_TEST_REQUIRE(replaced_at.load() < committed_at.load());
            BOOST_TEST_REQUIRE(committed_by.load() == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(parallel_wrong_passwords_remove_exactly_at_the_limit)
{
    for (int round = 0; round < 30; ++round) {
        const auto slot = scratch_phone{}.slot(default_limits(5), state::pending_commit);
        std::atomic<unsigned> counted{0}, removed{0};
        on_threads(threads, [&](unsigned) {
            const auto change = attempts::fail_otp(slot, {}, now);
            if (change)
                (change->by == move::remove_on_otp ? removed : counted).fetch_add(1);
        });
        BOOST_TEST_REQUIRE(counted.load() == 4U);
        BOOST_TEST_REQUIRE(removed.load() == 1U);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --- on their way to the disk

namespace {

// A registration on disk with its slot, as the store had it first.
struct stored_registration {
    stored_registration(tests::scratch_store& in, unsigned max_failed, std::vector<move> moved = {}) : store{in}
    {
        tests::put_application(store.writer, "app");
        create_registration change;
        change.record.id = uuid::random();
        change.record.application_id = "app";
        change.record.user_id = "alice";
        change.record.activation_code = "AAAQE-AYEAU-DAOCA-JIICA";
        change.record.otp_hash = "hash";
        change.record.max_failed_attempts = static_cast<std::uint8_t>(max_failed);
        change.record.created_at = now;
        change.record.changed_at = now;
        change.record.expires_at = now + 1000;
        change.first_counter = phone.first_counter;
        BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, change));
        number = change.number;
        attempt_log.emplace(store.env);
        store.env.view([&](const kv::read_txn& txn) {
            slot = slot_ptr{attempt_slot::content{
                {number, change.record.id, "app"}, default_limits(max_failed), find_counters(txn, number).value()}};
        });
        for (const move by : moved) {
            auto step = attempts::change_state(slot, by, {}, {}, now);
            if (by == move::exchange_keys || by == move::exchange_and_start)
                step->bound = bound("");
            transitions change_of_state{&*attempt_log, {*step}};
            BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, change_of_state));
        }
        baseline = store.env.view([&](const kv::read_txn& txn) { return read(txn); });
    }

    static binding bound(std::string name)
    {
        binding out{};
        out.device_key.fill(4);
        out.server_key.fill(5);
        out.keys = {{1, 2}, {3, 4}};
        out.name = std::move(name);
        out.platform = "ios";
        return out;
    }

    // Every row about the registration, whatever it means.
    using rows = std::map<std::pair<unsigned, crypto::bytes>, crypto::bytes>;
    [[nodiscard]] rows read(const kv::read_txn& txn) const
    {
        rows out;
        for (const kv::table from :
             {tables::registrations, tables::counters, tables::keys, tables::history, tables::by_code, tables::due})
            txn.scan(from, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
                crypto::bytes shown{value.begin(), value.end()};
                if (from == tables::counters) {
                    auto record = decode<counters>(value);
                    record.last_row = 0; // tells the order of arrival, and nothing else
                    shown = encode(record);
                }
                if (from == tables::history) {
                    auto row = decode<history_row>(value);
                    row.event.reset(); // the same: events are numbered as they arrive
                    shown = encode(row);
                }
                out[{static_cast<unsigned>(from), {key.begin(), key.end()}}] = std::move(shown);
                return true;
            });
        return out;
    }

    // How what is in the journal only gets into the tables.
    enum class after_commit { fold, restart_and_fold, fold_between_and_restart };

    // Puts the store back to the baseline, applies the steps in one order, and returns what is there then.
    [[nodiscard]] rows after(const std::vector<transition>& steps, const std::vector<std::size_t>& order,
                             after_commit then = after_commit::fold)
    {
        auto reset = [&](kv::write_txn& txn) {
            for (const auto& [key, value] : read(txn))
                txn.erase(kv::table{key.first}, key.second);
            for (const auto& [key, value] : baseline)
                txn.put(kv::table{key.first}, key.second, value);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, reset));
        for (const std::size_t i : order) {
            transitions change{&*attempt_log, {steps[i]}};
            BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, change));
            if (then == after_commit::fold_between_and_restart && i % 2 == 0)
                fold();
        }
        if (then != after_commit::fold)
            attempt_log.emplace(store.env);
        fold();
        return store.env.view([&](const kv::read_txn& txn) { return read(txn); });
    }

    void fold()
    {
        for (bool more = true; more;) {
            journal::fold_step step{*attempt_log};
            BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, step));
            more = !step.sweep_ended;
        }
        BOOST_TEST(attempt_log->used().rows_in_front == 0U);
    }

    tests::scratch_store& store;
    scratch_phone phone;
    registration_number number = 0;
    slot_ptr slot;
    std::optional<journal> attempt_log;
    rows baseline;
};

// Tries every order; the first is the order in which the words were swapped.
void check_every_order(stored_registration& of, const std::vector<transition>& steps)
{
    using after_commit = stored_registration::after_commit;
    std::vector<std::size_t> order(steps.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    const auto expected = of.after(steps, order);
    do {
        std::string shown;
        for (const std::size_t i : order)
            shown += std::to_string(i) + ' ';
        BOOST_TEST_CONTEXT("order " << shown)
        {
            for (const auto then :
                 {after_commit::fold, after_commit::restart_and_fold, after_commit::fold_between_and_restart}) {
                const auto got = of.after(steps, order, then);
                BOOST_TEST(got.size() == expected.size());
                for (const auto& [key, value] : expected) {
                    const auto found = got.find(key);
                    BOOST_TEST_REQUIRE((found != got.end()), "a row of " << tables::names[key.first] << " is missing");
                    BOOST_TEST((found->second == value), "a row of " << tables::names[key.first] << " is another");
                }
            }
        }
    } while (std::ranges::next_permutation(order).found);
}

// What the operations of one test do, one after the other.
class scenario {
public:
    scenario(unsigned max_failed, std::vector<move> moved) : of_{store_, max_failed, std::move(moved)} {}

    scenario& wrong_pin(unsigned salt)
    {
        auto result = judge_.verify(of_.slot, of_.phone.keys, of_.phone.wrong_pin(of_.slot->load().position(), salt),
                                    counting::only_proven, tick());
        steps_.push_back(result.change.value());
        return *this;
    }
    scenario& right(factors type = two_factors)
    {
        auto result = judge_.verify(of_.slot, of_.phone.keys, of_.phone.right(type, of_.slot->load().position()),
                                    counting::only_proven, tick());
        steps_.push_back(result.change.value());
        return *this;
    }
    scenario& moves(move by, std::string reason = {})
    {
        steps_.push_back(attempts::change_state(of_.slot, by, {"office", "bob"}, std::move(reason), tick()).value());
        return *this;
    }
    scenario& exchanges(move by, std::string name)
    {
        moves(by);
        steps_.back().bound = stored_registration::bound(std::move(name));
        return *this;
    }
    scenario& renames(std::string name)
    {
        moves(move::rename);
        steps_.back().labelled = labels{std::move(name), std::nullopt};
        return *this;
    }
    scenario& flags(flag_edit::kind how, flag_set flags)
    {
        auto result = attempts::change_flags(of_.slot, {how, std::move(flags)}, {"office", "bob"}, tick());
        steps_.push_back(result.value().change.value());
        return *this;
    }
    scenario& wrong_otp()
    {
        steps_.push_back(attempts::fail_otp(of_.slot, {}, tick()).value());
        return *this;
    }
    scenario& other_otp(std::string hash)
    {
        steps_.push_back(attempts::replace_otp(of_.slot, {"office", "bob"}, std::move(hash), tick()).value());
        return *this;
    }
    // Two threads may read the clock in one order and swap in the other.
    scenario& clock_read_early(time_ms by)
    {
        steps_.back().at -= by;
        return *this;
    }

    void check() { check_every_order(of_, steps_); }
    [[nodiscard]] stored_registration& of() { return of_; }
    [[nodiscard]] const std::vector<transition>& steps() const { return steps_; }

private:
    time_ms tick() { return time_ += 10; }

    tests::scratch_store store_;
    stored_registration of_;
    attempts judge_ = engine();
    std::vector<transition> steps_;
    time_ms time_ = now + 1;
};

const std::vector<move> to_pending{move::exchange_keys};
const std::vector<move> to_active{move::exchange_keys, move::commit};

} // namespace

BOOST_AUTO_TEST_SUITE(attempts_order_of_arrival)

BOOST_AUTO_TEST_CASE(wrong_proofs_end_in_the_same_record)
{
    scenario{5, to_active}.wrong_pin(1).wrong_pin(2).check();
    scenario{5, to_active}.wrong_pin(1).wrong_pin(2).wrong_pin(3).check();
    scenario{5, to_active}.wrong_pin(1).wrong_pin(2).wrong_pin(3).wrong_pin(4).check();
}

BOOST_AUTO_TEST_CASE(a_success_between_failures_ends_in_the_same_record)
{
    scenario{5, to_active}.wrong_pin(1).wrong_pin(2).right().wrong_pin(3).check();
    scenario{5, to_active}.wrong_pin(1).right(factors::possession).wrong_pin(2).right().check();
}

BOOST_AUTO_TEST_CASE(right_proofs_end_in_the_same_counter)
{
    scenario{5, to_active}.right().right().right().right().check();
}

BOOST_AUTO_TEST_CASE(a_lockout_and_its_end_leave_the_same_history)
{
    scenario{2, to_active}.wrong_pin(1).wrong_pin(2).moves(move::unblock).wrong_pin(3).check();
}

BOOST_AUTO_TEST_CASE(blocks_with_different_reasons_leave_the_last_one)
{
    scenario{5, to_active}.moves(move::block, "LOST").moves(move::unblock).moves(move::block, "STOLEN").check();
}

BOOST_AUTO_TEST_CASE(a_removal_stays_whatever_arrives_after_it)
{
    scenario{5, to_active}.wrong_pin(1).right().moves(move::block, "LOST").moves(move::remove).check();
    scenario{5, to_pending}.moves(move::commit).right().moves(move::remove).check();
}

BOOST_AUTO_TEST_CASE(the_life_of_a_registration_leaves_the_same_rows)
{
    scenario{5, {}}.exchanges(move::exchange_keys, "").moves(move::commit).wrong_pin(1).moves(move::remove).check();
    scenario{5, {}}.exchanges(move::exchange_and_start, "").right().moves(move::block, "LOST").check();
    scenario{5, {}}.exchanges(move::exchange_keys, "").moves(move::expire).check();
}

BOOST_AUTO_TEST_CASE(wrong_passwords_leave_the_same_rows)
{
    scenario{3, {}}.wrong_otp().wrong_otp().wrong_otp().check();
    scenario{3, to_pending}.wrong_otp().wrong_otp().moves(move::commit).check();
}

BOOST_AUTO_TEST_CASE(replaced_passwords_leave_the_last_one)
{
    scenario{3, to_pending}.other_otp("first").other_otp("second").other_otp("third").check();
    scenario{3, to_pending}.other_otp("first").wrong_otp().other_otp("second").wrong_otp().check();
    scenario{3, to_pending}.other_otp("first").moves(move::remove).check();
    scenario{3, to_pending}.other_otp("first").moves(move::expire).check();
    scenario{2, to_pending}.wrong_otp().other_otp("first").wrong_otp().check();
    scenario{3, {}}.exchanges(move::exchange_keys, "my phone").other_otp("first").wrong_otp().check();
}

// The key exchange brings the name, and the back office may remove the registration in the same moment.
BOOST_AUTO_TEST_CASE(every_row_of_history_names_the_phone_in_every_order)
{
    scenario{5, {}}.exchanges(move::exchange_keys, "my phone").moves(move::remove).check();
    scenario{5, {}}.exchanges(move::exchange_and_start, "my phone").wrong_pin(1).moves(move::block, "LOST").check();
}

BOOST_AUTO_TEST_CASE(names_are_those_of_the_last_rename_and_rows_tell_them_as_of_then)
{
    scenario{5, to_active}.renames("one").renames("two").moves(move::block, "LOST").renames("three").check();
    scenario{5, to_active}.moves(move::block, "LOST").renames("one").moves(move::unblock).moves(move::remove).check();
    scenario{5, {}}
        .exchanges(move::exchange_keys, "my phone")
        .renames("one")
        .moves(move::commit)
        .renames("two")
        .check();
    scenario{5, {}}.exchanges(move::exchange_and_start, "").renames("one").wrong_pin(1).renames("two").check();
}

BOOST_AUTO_TEST_CASE(flags_are_those_of_the_last_edit)
{
    using kind = flag_edit::kind;
    scenario{5, to_active}.flags(kind::add, {"A", "B"}).flags(kind::remove, {"A"}).flags(kind::add, {"C"}).check();
    scenario{5, to_active}.flags(kind::add, {"A"}).flags(kind::replace, {}).flags(kind::replace, {"A"}).check();
    scenario{5, to_active}.wrong_pin(1).flags(kind::add, {"A"}).wrong_pin(2).flags(kind::add, {"B"}).check();
    scenario{5, {}}.flags(kind::add, {"A"}).exchanges(move::exchange_keys, "my phone").flags(kind::add, {"B"}).check();
    scenario{5, to_active}
        .flags(kind::add, {"A"})
        .moves(move::block, "LOST")
        .renames("one")
        .moves(move::remove)
        .check();
}

// What was blocked stays blocked, for the same reason, whatever it is called.
BOOST_AUTO_TEST_CASE(names_and_flags_leave_the_reason_of_a_block_alone)
{
    scenario all{5, to_active};
    all.moves(move::block, "LOST").renames("one").flags(flag_edit::kind::add, {"A"});
    std::vector<std::size_t> order{0, 1, 2};
    do {
        static_cast<void>(all.of().after(all.steps(), order));
        const auto stored =
            all.of().attempt_log->view([&](const snapshot& txn) { return find_full(txn, all.of().number).value(); });
        BOOST_TEST(to_text(stored.current()) == "BLOCKED");
        BOOST_TEST(stored.record.blocked_reason == "LOST");
        BOOST_TEST(stored.record.name == "one");
        BOOST_TEST((stored.record.flags == flag_set{"A"}));
    } while (std::ranges::next_permutation(order).found);
}

BOOST_AUTO_TEST_CASE(the_time_of_the_last_change_is_the_same_in_every_order)
{
    scenario{5, to_active}.moves(move::block, "LOST").moves(move::unblock).clock_read_early(15).check();
}

// (5), at the place where records are written.
BOOST_AUTO_TEST_CASE(removed_is_what_every_order_leaves_on_disk)
{
    scenario all{2, to_active};
    all.wrong_pin(1).wrong_pin(2).moves(move::unblock).moves(move::remove);
    std::vector<std::size_t> order{0, 1, 2, 3};
    do {
        static_cast<void>(all.of().after(all.steps(), order));
        const auto stored =
            all.of().attempt_log->view([&](const snapshot& txn) { return find_full(txn, all.of().number).value(); });
        BOOST_TEST(to_text(stored.current()) == "REMOVED");
        BOOST_TEST(stored.record.blocked_reason == "");
    } while (std::ranges::next_permutation(order).found);
}

BOOST_AUTO_TEST_CASE(what_is_read_again_is_what_was_in_memory)
{
    scenario all{5, to_active};
    all.wrong_pin(1).wrong_pin(2).right().wrong_pin(3);
    static_cast<void>(all.of().after(all.steps(), {3, 1, 0, 2}));
    const auto stored =
        all.of().attempt_log->view([&](const snapshot& txn) { return find_full(txn, all.of().number).value(); });
    const auto& slot = *all.of().slot;
    BOOST_TEST((stored.attempts.word == slot.load()));
    BOOST_TEST((stored.attempts.counter == slot.counter(slot.load()).value()));
    BOOST_TEST((stored.attempts.refused == slot.refused_until(slot.load())));
}

BOOST_AUTO_TEST_SUITE_END()

// --- slots in memory

namespace {

// All in one part of the table: the first byte chooses it.
uuid numbered(std::uint64_t number)
{
    uuid id{};
    const auto tail = crypto::big_endian(number);
    std::ranges::copy(tail, id.value.begin() + 8);
    return id;
}

} // namespace

BOOST_AUTO_TEST_SUITE(attempts_table)

BOOST_AUTO_TEST_CASE(a_slot_is_loaded_once_and_shared)
{
    attempt_table table;
    const scratch_phone phone;
    const auto id = uuid::random();
    int loads = 0;
    const auto load = [&] {
        ++loads;
        return phone.content(default_limits(), state::active, id);
    };
    const auto first = table.find(id, load);
    BOOST_TEST((table.find(id, load) == first));
    BOOST_TEST(loads == 1);
    BOOST_TEST(table.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_remembered)
{
    attempt_table table;
    BOOST_TEST(!table.find(uuid::random(), [] { return std::nullopt; }));
    BOOST_TEST(table.size() == 0U);
}

// Memory stays bounded, and whoever holds a slot keeps it: a transition is under way.
BOOST_AUTO_TEST_CASE(idle_slots_make_room_and_held_ones_stay)
{
    attempt_table table;
    const scratch_phone phone;
    const auto find = [&](std::uint64_t number) {
        const auto id = numbered(number);
        return table.find(id, [&] { return phone.content(default_limits(), state::active, id); });
    };
    const auto held = find(1);
    for (std::uint64_t i = 2; i < 20'000; ++i)
        BOOST_TEST_REQUIRE((find(i)->owner.id == numbered(i)));
    BOOST_TEST(table.size() <= attempt_slots_max / 64);
    BOOST_TEST((find(1) == held));
}

BOOST_AUTO_TEST_CASE(held_slots_beyond_what_is_possible_are_an_error_and_no_wrong_answer)
{
    attempt_table table;
    const scratch_phone phone;
    std::vector<slot_ptr> held;
    const auto hold_all = [&] {
        for (std::uint64_t i = 0;; ++i) {
            const auto id = numbered(i);
            held.push_back(table.find(id, [&] { return phone.content(default_limits(), state::active, id); }));
        }
    };
    BOOST_CHECK_THROW(hold_all(), std::length_error);
    BOOST_TEST(held.size() > attempt_slots_max / 64);
    const auto count = held.size();
    held.clear();
    BOOST_TEST(table.size() == count);
    const auto id = numbered(count);
    BOOST_TEST(!!table.find(id, [&] { return phone.content(default_limits(), state::active, id); }));
}

// Many more registrations than there are places, found, changed and dropped by several threads: no change is ever made
// to a slot that another thread does not see.
BOOST_AUTO_TEST_CASE(changes_survive_dropping_and_loading)
{
    constexpr std::uint64_t registrations = 3 * attempt_slots_max / 64;
    constexpr unsigned rounds = 20'000;
    attempt_table table;
    const scratch_phone phone;
    std::vector<std::atomic<std::uint64_t>> disk(registrations);
    for (auto& word : disk)
        word = attempt_word::first().moved(state::active, 0).bits();
    const auto first_version = attempt_word{disk[0]}.version();
    on_threads(threads, [&](unsigned who) {
        std::mt19937_64 random{who};
        for (unsigned i = 0; i < rounds; ++i) {
            const auto number = i % 4 == 0 ? random() % 8 : random() % registrations;
            const auto id = numbered(number);
            const auto slot = table.find(id, [&] {
                auto content = phone.content(default_limits(), state::active, id);
                content.stored.word = attempt_word{disk[number]};
                return content;
            });
            for (;;) {
                const auto word = slot->load();
                if (!slot->swap(word, word.confirmed(0)))
                    continue;
                // On disk before the slot is let go, whatever the order in which threads come.
                std::uint64_t there = disk[number];
                const auto mine = word.confirmed(0).bits();
                while (attempt_word{there}.version() < attempt_word{mine}.version() &&
                       !disk[number].compare_exchange_weak(there, mine)) {
                }
                break;
            }
        }
    });
    std::uint64_t changes = 0;
    for (const auto& word : disk)
        changes += attempt_word{word}.version() - first_version;
    BOOST_TEST(changes == std::uint64_t{threads} * rounds);
}

BOOST_AUTO_TEST_SUITE_END()
