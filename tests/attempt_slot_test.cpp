// The attempt word and the slot around it. Numbers in brackets are the invariants of registry/attempt_slot.hpp.

#include "tests/support.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::registry;
using tests::scratch_phone;

attempt_word active_word(std::uint8_t failed = 0)
{
    return attempt_word::first().moved(state::active, failed);
}

// A word with every field at its own value.
attempt_word word_of(std::uint64_t version, state now, std::uint8_t failed, std::uint16_t position)
{
    return attempt_word{version << 27 | static_cast<std::uint64_t>(now) << 24 |
                        static_cast<std::uint64_t>(failed) << 16 | position};
}

// A failed attempt more, by the policy that is the default.
attempt_word refused(attempt_word word, unsigned max)
{
    failures before;
    before.list.resize(word.failed());
    return count_failure(word, before, failure{}, {}, max).after;
}

attempt_slot::refusal refuse(attempt_slot& slot, attempt_word word, proof_digest proof,
                             attempt_slot::counted* out = nullptr)
{
    return slot.refuse(word, {proof, 0, false}, {}, out);
}

std::vector<proof_digest> digests(const failures& of)
{
    std::vector<proof_digest> out;
    for (const failure& each : of.list)
        out.push_back(each.digest());
    return out;
}

slot_ptr slot_of(unsigned max_failed = 5, state in = state::active)
{
    return scratch_phone{}.slot(tests::default_limits(max_failed), in);
}

} // namespace

BOOST_AUTO_TEST_SUITE(attempt_word_transitions)

BOOST_AUTO_TEST_CASE(the_first_word_is_created_with_nothing_failed_at_position_zero)
{
    const auto word = attempt_word::first();
    BOOST_TEST(to_text(word.current()) == "CREATED");
    BOOST_TEST(word.failed() == 0U);
    BOOST_TEST(word.position() == 0U);
    BOOST_TEST(word.version() == 1U);
}

BOOST_AUTO_TEST_CASE(the_fields_of_a_word_do_not_run_into_each_other)
{
    for (const state now : all_states)
        for (const unsigned failed : {0U, 1U, 255U})
            for (const unsigned position : {0U, 1U, 0xFFFFU})
                for (const std::uint64_t version : {std::uint64_t{1}, (std::uint64_t{1} << 37) - 1}) {
                    const auto word =
                        word_of(version, now, static_cast<std::uint8_t>(failed), static_cast<std::uint16_t>(position));
                    BOOST_TEST((word.current() == now));
                    BOOST_TEST(word.failed() == failed);
                    BOOST_TEST(word.position() == position);
                    BOOST_TEST(word.version() == version);
                }
}

BOOST_AUTO_TEST_CASE(a_right_proof_moves_the_position_one_past_its_own)
{
    for (const unsigned offset : {0U, 1U, 19U}) {
        const auto after = active_word().accepted(offset, 0);
        BOOST_TEST(after.position() == offset + 1);
        BOOST_TEST(to_text(after.current()) == "ACTIVE");
    }
}

BOOST_AUTO_TEST_CASE(a_right_proof_resets_the_failures_unless_it_is_possession_alone)
{
    BOOST_TEST(active_word(3).accepted(0, 0).failed() == 0U);
    BOOST_TEST(active_word(3).accepted(0, 3).failed() == 3U);
}

BOOST_AUTO_TEST_CASE(the_position_wraps_at_its_sixteen_bits)
{
    const auto word = word_of(9, state::active, 0, 0xFFFE);
    BOOST_TEST(word.accepted(0, 0).position() == 0xFFFFU);
    BOOST_TEST(word.accepted(4, 0).position() == 3U);
    BOOST_TEST(word.accepted(4, 0).version() == 10U);
}

BOOST_AUTO_TEST_CASE(the_limit_is_the_last_failure_before_blocked)
{
    for (const unsigned max : {1U, 2U, 5U, 255U})
        BOOST_TEST_CONTEXT("limit " << max)
        {
            auto word = active_word();
            for (unsigned failed = 1; failed < max; ++failed) {
                word = refused(word, max);
                BOOST_TEST_REQUIRE(word.failed() == failed);
                BOOST_TEST_REQUIRE((word.current() == state::active));
            }
            word = refused(word, max);
            BOOST_TEST(word.failed() == max);
            BOOST_TEST(to_text(word.current()) == "BLOCKED");
        }
}

BOOST_AUTO_TEST_CASE(a_count_that_is_at_the_limit_already_is_repaired_to_blocked)
{
    const auto word = refused(active_word(7), 5); // the limit was lowered meanwhile
    BOOST_TEST(word.failed() == 8U);
    BOOST_TEST(to_text(word.current()) == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(every_transition_raises_the_version_by_one_and_keeps_the_position)
{
    const auto word = word_of(41, state::active, 2, 77);
    BOOST_TEST(word.accepted(3, 0).version() == 42U);
    BOOST_TEST(refused(word, 5).version() == 42U);
    BOOST_TEST(refused(word, 5).position() == 77U);
    BOOST_TEST(word.moved(state::blocked, 2).version() == 42U);
    BOOST_TEST(word.moved(state::blocked, 2).position() == 77U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(attempt_slot_word)

BOOST_AUTO_TEST_CASE(a_swap_from_an_outdated_word_changes_nothing)
{
    const auto slot = slot_of();
    const auto before = slot->load();
    BOOST_TEST(slot->swap(before, before.accepted(0, 0)));
    const auto after = slot->load();
    BOOST_TEST(!slot->swap(before, before.moved(state::blocked, 0)));
    BOOST_TEST((slot->load() == after));
}

// (1): the count is raised in the word before the refusal is known.
BOOST_AUTO_TEST_CASE(a_counted_refusal_is_in_the_word_at_once)
{
    const auto slot = slot_of(2);
    const auto first = slot->load();
    BOOST_TEST((refuse(*slot, first, 11) == attempt_slot::refusal::counted));
    BOOST_TEST(slot->load().failed() == 1U);
    BOOST_TEST((refuse(*slot, slot->load(), 12) == attempt_slot::refusal::counted));
    BOOST_TEST(to_text(slot->load().current()) == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(the_same_refused_proof_is_counted_once)
{
    const auto slot = slot_of();
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::counted));
    const auto word = slot->load();
    BOOST_TEST((refuse(*slot, word, 11) == attempt_slot::refusal::repeated));
    BOOST_TEST((slot->load() == word));
}

BOOST_AUTO_TEST_CASE(a_refusal_against_an_outdated_word_is_lost)
{
    const auto slot = slot_of();
    const auto before = slot->load();
    BOOST_TEST(slot->swap(before, before.accepted(0, 0)));
    BOOST_TEST((refuse(*slot, before, 11) == attempt_slot::refusal::lost));
    BOOST_TEST((refuse(*slot, before, 0) == attempt_slot::refusal::lost));
    BOOST_TEST(slot->load().failed() == 0U);
}

BOOST_AUTO_TEST_CASE(a_reset_forgets_the_refused_proofs)
{
    const auto slot = slot_of();
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::counted));
    BOOST_TEST(slot->swap(slot->load(), slot->load().accepted(0, 0)));
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::counted));
    BOOST_TEST(slot->load().failed() == 1U);
}

BOOST_AUTO_TEST_CASE(failures_without_a_digest_hold_their_place_in_the_list)
{
    const auto slot = slot_of();
    BOOST_TEST((refuse(*slot, slot->load(), 0) == attempt_slot::refusal::counted));
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::counted));
    const std::vector<proof_digest> expected{0, 11};
    BOOST_TEST(digests(slot->refused_until(slot->load())) == expected, boost::test_tools::per_element());
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::repeated));
}

BOOST_AUTO_TEST_CASE(the_digests_of_a_word_are_those_of_its_own_failures)
{
    const auto slot = slot_of();
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::counted));
    const auto after_one = slot->load();
    const std::vector<proof_digest> one{11};
    const std::vector<proof_digest> two{11, 12};
    BOOST_TEST(digests(slot->refused_until(after_one)) == one, boost::test_tools::per_element());
    BOOST_TEST((refuse(*slot, slot->load(), 12) == attempt_slot::refusal::counted));
    BOOST_TEST(digests(slot->refused_until(slot->load())) == two, boost::test_tools::per_element());
    BOOST_TEST(slot->refused_until(after_one).list.empty()); // the list is another by now; the later word tells it
}

BOOST_AUTO_TEST_CASE(a_counted_failure_is_given_the_digests_of_its_word)
{
    const auto slot = slot_of();
    attempt_slot::counted made;
    BOOST_TEST((refuse(*slot, slot->load(), 11, &made) == attempt_slot::refusal::counted));
    BOOST_TEST((digests(made.refused) == std::vector<proof_digest>{11}));
    BOOST_TEST((refuse(*slot, slot->load(), 0, &made) == attempt_slot::refusal::counted));
    BOOST_TEST((digests(made.refused) == std::vector<proof_digest>{11, 0}));
    BOOST_TEST((refuse(*slot, slot->load(), 12, &made) == attempt_slot::refusal::counted));
    BOOST_TEST((digests(made.refused) == std::vector<proof_digest>{11, 0, 12}));
}

BOOST_AUTO_TEST_CASE(a_word_without_failures_has_no_digests)
{
    const auto slot = slot_of();
    BOOST_TEST((refuse(*slot, slot->load(), 11) == attempt_slot::refusal::counted));
    BOOST_TEST(slot->swap(slot->load(), slot->load().accepted(0, 0)));
    BOOST_TEST(slot->refused_until(slot->load()).list.empty());
}

BOOST_AUTO_TEST_CASE(refused_proofs_are_recognised_after_a_reload)
{
    counters stored;
    stored.word = active_word(2);
    stored.counter.data = scratch_phone{}.first_counter;
    stored.refused.list = {{11, 1, false}, {12, 2, false}};
    attempt_slot slot{attempt_slot::content{{1, uuid::random(), "app"}, tests::default_limits(), stored}};
    BOOST_TEST((refuse(slot, slot.load(), 12) == attempt_slot::refusal::repeated));
    BOOST_TEST((refuse(slot, slot.load(), 13) == attempt_slot::refusal::counted));
    BOOST_TEST(slot.load().failed() == 3U);
}

BOOST_AUTO_TEST_CASE(the_counter_of_a_word_is_the_base_hashed_forward)
{
    const scratch_phone phone;
    const auto slot = phone.slot(tests::default_limits());
    const auto before = slot->load();
    const auto after = before.accepted(6, 0);
    BOOST_TEST(slot->swap(before, after));
    const auto place = slot->counter(after);
    BOOST_TEST_REQUIRE(place.has_value());
    BOOST_TEST(place->position == 7U);
    BOOST_TEST(place->data == phone.counter(7), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_base_moves_forward_only)
{
    const scratch_phone phone;
    const auto slot = phone.slot(tests::default_limits());
    const auto before = slot->load();
    const auto after = before.accepted(9, 0);
    BOOST_TEST(slot->swap(before, after));
    slot->advance_base({10, phone.counter(10)});
    slot->advance_base({4, phone.counter(4)}); // from a thread that was slower
    const auto place = slot->counter(after);
    BOOST_TEST_REQUIRE(place.has_value());
    BOOST_TEST(place->position == 10U);
    BOOST_TEST(place->data == phone.counter(10), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_outdated_word_has_no_counter)
{
    const scratch_phone phone;
    const auto slot = phone.slot(tests::default_limits());
    const auto before = slot->load();
    BOOST_TEST(slot->swap(before, before.accepted(0, 0)));
    slot->advance_base({1, phone.counter(1)});
    BOOST_TEST(!slot->counter(before).has_value());
    BOOST_TEST(slot->counter(slot->load()).has_value());
}

BOOST_AUTO_TEST_CASE(positions_beyond_sixteen_bits_are_told_in_full)
{
    const scratch_phone phone;
    counters stored;
    stored.word = word_of(70'001, state::active, 0, static_cast<std::uint16_t>(65'535));
    stored.counter = {65'535, phone.first_counter};
    attempt_slot slot{attempt_slot::content{{1, uuid::random(), "app"}, tests::default_limits(), stored}};
    const auto after = slot.load().accepted(2, 0);
    BOOST_TEST(slot.swap(slot.load(), after));
    const auto place = slot.counter(after);
    BOOST_TEST_REQUIRE(place.has_value());
    BOOST_TEST(place->position == 65'538U);
    BOOST_TEST(place->data == phone.counter(3), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_durable_version_only_grows)
{
    const auto slot = slot_of();
    const auto loaded = slot->durable_version();
    BOOST_TEST(loaded == slot->load().version()); // what was read from the disk is on the disk
    slot->mark_durable(loaded + 5);
    slot->mark_durable(loaded + 2);
    BOOST_TEST(slot->durable_version() == loaded + 5);
}

// Readers must never see half of a base: position of one, data of another.
BOOST_AUTO_TEST_CASE(a_base_is_never_read_torn)
{
    const scratch_phone phone;
    const auto slot = phone.slot(tests::default_limits());
    constexpr unsigned positions = 400;
    std::vector<ctr_data> chain{phone.first_counter};
    for (unsigned i = 0; i < positions; ++i)
        chain.push_back(next_counter(chain.back()));

    std::atomic<unsigned> wrong{0};
    std::atomic<bool> done{false};
    tests::on_threads(4, [&](unsigned i) {
        if (i == 0) {
            for (unsigned position = 1; position <= positions; ++position) {
                const auto word = slot->load();
                if (!slot->swap(word, word.accepted(0, 0)))
                    wrong.fetch_add(1);
                slot->advance_base({position, chain[position]});
            }
            done = true;
            return;
        }
        while (!done) {
            const auto place = slot->counter(slot->load());
            if (place && (place->position > positions || place->data != chain[place->position]))
                wrong.fetch_add(1);
        }
    });
    BOOST_TEST(wrong.load() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

// Every schedule of two and three callers, step by step, on the real slot. A caller is what attempts.cpp is between two
// atomic operations: load the word and decide, then swap; a lost swap begins again. The tree of schedules is walked
// depth first, each path from a fresh slot.

namespace {

struct model_caller {
    enum class wish { right, right_possession, wrong_pin, block, unblock, remove };
    wish wants;
    std::uint16_t position = 0; // of its proof
};

struct model_run {
    enum class outcome { running, accepted, refused, counted, blocked, done, illegal };

    struct caller_state {
        bool loaded = false;
        attempt_word seen;
        outcome ended = outcome::running;
    };

    slot_ptr slot;
    std::vector<caller_state> callers;
    std::vector<attempt_word> words; // every word the slot had, in order
    std::vector<std::uint16_t> accepted_positions;
    unsigned revealed_since_reset = 0;
    unsigned revealed_max = 0;

    void step(const std::vector<model_caller>& wanted, std::size_t who)
    {
        caller_state& me = callers[who];
        if (!me.loaded) {
            me.seen = slot->load();
            me.loaded = true;
            return;
        }
        me.loaded = false; // whatever comes, the next step would load again
        const model_caller& mine = wanted[who];
        switch (mine.wants) {
        case model_caller::wish::right:
        case model_caller::wish::right_possession:
            prove(me, mine, mine.wants == model_caller::wish::right);
            break;
        case model_caller::wish::wrong_pin:
            fail(me, mine, who);
            break;
        case model_caller::wish::block:
            change(me, move::block);
            break;
        case model_caller::wish::unblock:
            change(me, move::unblock);
            break;
        case model_caller::wish::remove:
            change(me, move::remove);
            break;
        }
    }

private:
    // The look-ahead is wide enough for all positions of a model; what lies behind does not match.
    static bool in_window(attempt_word word, const model_caller& mine) { return mine.position >= word.position(); }

    void prove(caller_state& me, const model_caller& mine, bool resets)
    {
        if (me.seen.current() != state::active) {
            me.ended = outcome::blocked;
        } else if (!in_window(me.seen, mine)) {
            me.ended = outcome::refused;
        } else {
            const auto next =
                me.seen.accepted(mine.position - me.seen.position(), resets ? std::uint8_t{0} : me.seen.failed());
            if (!slot->swap(me.seen, next))
                return;
            words.push_back(next);
            accepted_positions.push_back(mine.position);
            me.ended = outcome::accepted;
            if (resets)
                revealed_since_reset = 0;
        }
    }

    void fail(caller_state& me, const model_caller& mine, std::size_t who)
    {
        if (me.seen.current() != state::active) {
            me.ended = outcome::blocked;
        } else if (!in_window(me.seen, mine)) {
            me.ended = outcome::refused;
        } else {
            const auto how = refuse(*slot, me.seen, who + 1);
            if (how == attempt_slot::refusal::lost)
                return;
            words.push_back(refused(me.seen, slot->limits().max_failed));
            me.ended = outcome::counted;
            revealed_max = std::max(revealed_max, ++revealed_since_reset);
        }
    }

    void change(caller_state& me, registry::move by)
    {
        const auto to = target(me.seen.current(), by);
        if (!to) {
            me.ended = outcome::illegal;
            return;
        }
        const auto next = me.seen.moved(*to, *to == state::active ? std::uint8_t{0} : me.seen.failed());
        if (!slot->swap(me.seen, next))
            return;
        words.push_back(next);
        me.ended = outcome::done;
        if (by == registry::move::unblock)
            revealed_since_reset = 0;
    }
};

// What must hold at the end of every schedule; empty when it does.
std::string violated(const model_run& run, unsigned max_failed)
{
    if (run.revealed_max > max_failed)
        return "(1) more refusals revealed than the limit";
    auto positions = run.accepted_positions;
    std::ranges::sort(positions);
    if (std::ranges::adjacent_find(positions) != positions.end())
        return "(3) a position was accepted twice";
    for (std::size_t i = 1; i < run.words.size(); ++i) {
        if (run.words[i].version() != run.words[i - 1].version() + 1)
            return "a version was skipped or given twice";
        if (run.words[i - 1].current() == state::removed)
            return "(5) something happened after the removal";
    }
    if (!(run.slot->load() == run.words.back()))
        return "the word is not the last one";
    return {};
}

struct explored {
    std::size_t schedules = 0;
    std::size_t wrong = 0;
    std::string first_problem;
    std::set<std::uint64_t> final_words;
};

void explore(const std::vector<model_caller>& wanted, unsigned max_failed, std::vector<std::size_t>& path,
             explored& found)
{
    model_run run;
    run.slot = slot_of(max_failed);
    run.callers.resize(wanted.size());
    run.words.push_back(run.slot->load());
    for (const std::size_t who : path)
        run.step(wanted, who);

    bool all_ended = true;
    for (std::size_t who = 0; who < wanted.size(); ++who) {
        if (run.callers[who].ended != model_run::outcome::running)
            continue;
        all_ended = false;
        path.push_back(who);
        explore(wanted, max_failed, path, found);
        path.pop_back();
    }
    if (!all_ended)
        return;
    ++found.schedules;
    found.final_words.insert(run.slot->load().bits());
    if (const auto problem = violated(run, max_failed); !problem.empty()) {
        ++found.wrong;
        if (found.first_problem.empty()) {
            found.first_problem = problem + ", schedule";
            for (const std::size_t who : path)
                found.first_problem += ' ' + std::to_string(who);
        }
    }
}

explored explore(const std::vector<model_caller>& wanted, unsigned max_failed)
{
    explored found;
    std::vector<std::size_t> path;
    explore(wanted, max_failed, path, found);
    return found;
}

constexpr model_caller::wish all_wishes[]{
    model_caller::wish::right, model_caller::wish::right_possession, model_caller::wish::wrong_pin,
    model_caller::wish::block, model_caller::wish::unblock,          model_caller::wish::remove,
};

} // namespace

BOOST_AUTO_TEST_SUITE(attempt_slot_schedules)

BOOST_AUTO_TEST_CASE(every_schedule_of_two_callers_keeps_the_invariants)
{
    for (const unsigned max_failed : {1U, 2U, 5U})
        for (const auto first : all_wishes)
            for (const auto second : all_wishes)
                for (const unsigned second_position : {0U, 1U})
                    BOOST_TEST_CONTEXT("limit " << max_failed << ", wishes " << static_cast<int>(first) << " and "
                                                << static_cast<int>(second))
                    {
                        const auto found =
                            explore({{first, 0}, {second, static_cast<std::uint16_t>(second_position)}}, max_failed);
                        BOOST_TEST(found.schedules >= 6U); // two steps each, interleaved
                        BOOST_TEST(found.wrong == 0U, found.first_problem);
                    }
}

BOOST_AUTO_TEST_CASE(every_schedule_of_three_callers_keeps_the_invariants)
{
    for (const unsigned max_failed : {1U, 2U})
        for (const auto first : all_wishes)
            for (const auto second : all_wishes)
                for (const auto third : all_wishes) {
                    if (second < first || third < second)
                        continue; // the same callers under other numbers
                    BOOST_TEST_CONTEXT("limit " << max_failed << ", wishes " << static_cast<int>(first) << ' '
                                                << static_cast<int>(second) << ' ' << static_cast<int>(third))
                    {
                        const auto found = explore({{first, 0}, {second, 0}, {third, 1}}, max_failed);
                        BOOST_TEST(found.schedules >= 90U);
                        BOOST_TEST(found.wrong == 0U, found.first_problem);
                    }
                }
}

// (1): whatever the schedule, of three wrong PINs under a limit of two the third learns nothing.
BOOST_AUTO_TEST_CASE(three_guesses_under_a_limit_of_two_reveal_two_refusals)
{
    using wish = model_caller::wish;
    const auto found = explore({{wish::wrong_pin, 0}, {wish::wrong_pin, 0}, {wish::wrong_pin, 0}}, 2);
    BOOST_TEST(found.wrong == 0U, found.first_problem);
    BOOST_TEST_REQUIRE(found.final_words.size() == 1U);
    const attempt_word last{*found.final_words.begin()};
    BOOST_TEST(last.failed() == 2U);
    BOOST_TEST(to_text(last.current()) == "BLOCKED");
}

// (6): block against a right proof ends blocked in every schedule, with the proof before it or not at all.
BOOST_AUTO_TEST_CASE(a_block_takes_effect_in_every_schedule)
{
    using wish = model_caller::wish;
    const auto found = explore({{wish::right, 0}, {wish::right, 1}, {wish::block, 0}}, 5);
    BOOST_TEST(found.wrong == 0U, found.first_problem);
    for (const std::uint64_t bits : found.final_words)
        BOOST_TEST(to_text(attempt_word{bits}.current()) == "BLOCKED");
}

// (5)
BOOST_AUTO_TEST_CASE(a_removal_is_the_last_word_in_every_schedule)
{
    using wish = model_caller::wish;
    for (const auto other : all_wishes) {
        const auto found = explore({{wish::remove, 0}, {other, 0}, {wish::unblock, 0}}, 1);
        for (const std::uint64_t bits : found.final_words)
            BOOST_TEST(to_text(attempt_word{bits}.current()) == "REMOVED");
    }
}

BOOST_AUTO_TEST_SUITE_END()
