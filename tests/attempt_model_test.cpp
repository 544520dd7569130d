// Every interleaving of up to four callers with each other, the writer, the fold, a full disk and a crash: what holds
// in each state (tests/attempt_model.hpp), and that mistakes are noticed. Numbers in brackets are the invariants of
// ARCHITECTURE.md. Counterexamples are shown with --log_level=message.

#include "tests/attempt_model.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests::model;
using registry::state;

// Explores, and tells of each broken invariant with a shortest way to it.
findings check(const scenario& of)
{
    auto found = explore(of);
    for (const auto& [which, how] : found.broken)
        BOOST_TEST(false, how.text);
    BOOST_TEST(found.ends > 0U, to_text(of));
    return found;
}

// All sets of so many of these callers; in a set the order does not matter.
std::vector<std::vector<caller>> sets_of(std::size_t size, const std::vector<caller>& among)
{
    std::vector<std::vector<caller>> out;
    std::vector<std::size_t> chosen(size);
    for (;;) {
        std::vector<caller> set;
        for (const std::size_t each : chosen)
            set.push_back(among[each]);
        out.push_back(std::move(set));
        std::size_t place = size;
        while (place > 0 && chosen[place - 1] + 1 == among.size())
            --place;
        if (place == 0)
            return out;
        std::fill(chosen.begin() + static_cast<std::ptrdiff_t>(place) - 1, chosen.end(), chosen[place - 1] + 1);
    }
}

const std::vector<caller> proofs{
    {wish::right, 0}, {wish::right, 1}, {wish::right_bare, 0}, {wish::wrong, 1, 1}, {wish::wrong, 1, 2}};
const std::vector<caller> moves{{wish::block}, {wish::unblock}, {wish::remove}, {wish::reset}};

std::vector<caller> everything()
{
    auto out = proofs;
    out.insert(out.end(), moves.begin(), moves.end());
    return out;
}

// What a search should have met, if it is worth anything.
void check_seen(const findings& all, std::initializer_list<sight> but_for = {})
{
    for (std::size_t i = 0; i < sights; ++i) {
        const auto which = static_cast<sight>(i);
        if (std::ranges::find(but_for, which) == but_for.end())
            BOOST_TEST(all.count(which) > 0U, "never met: " << to_text(which));
    }
}

// A caller of the real engine.
std::string ask(const registry::attempts& engine, const registry::slot_ptr& slot, const tests::scratch_phone& phone,
                const caller& who)
{
    using registry::factors;
    using registry::move;
    const auto moved = [&](move by) {
        return registry::attempts::change_state(slot, by, {}, {}, 1).has_value() ? "done" : "not legal";
    };
    const auto proved = [&](const registry::presented_proof& proof) -> std::string {
        const auto result = engine.verify(slot, phone.keys, proof, registry::counting::only_proven, 1);
        switch (result.outcome) {
        case registry::verdict::accepted:
            return "accepted";
        case registry::verdict::blocked:
            return "blocked";
        case registry::verdict::refused:
            break;
        }
        return result.counted ? "refused" : result.unproven ? "refused, behind the window" : "refused, as before";
    };
    switch (who.wants) {
    case wish::right:
        return proved(phone.right(factors::possession_knowledge, who.position));
    case wish::right_bare:
        return proved(phone.right(factors::possession, who.position));
    case wish::wrong:
        return proved(phone.wrong_pin(who.position, who.proof));
    case wish::block:
        return moved(move::block);
    case wish::unblock:
        return moved(move::unblock);
    case wish::remove:
        return moved(move::remove);
    case wish::reset:
        return moved(move::reset_attempts);
    }
    return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(attempt_model)

BOOST_AUTO_TEST_CASE(one_caller_at_every_moment_of_a_crash_or_a_full_disk)
{
    for (const unsigned max_failed : {1U, 2U, 3U})
        for (const state first : {state::active, state::blocked, state::removed})
            for (const auto& callers : sets_of(1, everything()))
                check({callers, max_failed, first, 2, 2, 2, true});
}

BOOST_AUTO_TEST_CASE(two_callers_in_every_interleaving)
{
    findings all;
    for (const unsigned max_failed : {1U, 2U, 3U})
        for (const state first : {state::active, state::blocked})
            for (const auto& callers : sets_of(2, everything()))
                all.add(check({callers, max_failed, first, 1, 1, 1, true}));
    BOOST_TEST(all.states > 500'000U);
    check_seen(all);
}

BOOST_AUTO_TEST_CASE(three_callers_in_every_interleaving)
{
    findings all;
    for (const unsigned max_failed : {1U, 2U})
        for (const auto& callers : sets_of(3, everything()))
            all.add(check({callers, max_failed, state::active, 1}));
    BOOST_TEST(all.states > 900'000U);
    check_seen(all, {sight::word_outdated, sight::row_during_sweep, sight::disk_full, sight::healed});
}

BOOST_AUTO_TEST_CASE(three_proofs_with_the_fold_in_every_interleaving)
{
    findings all;
    for (const auto& callers : sets_of(3, proofs))
        all.add(check({callers, 2, state::active, 1, 1}));
    BOOST_TEST(all.states > 400'000U);
    check_seen(all, {sight::word_outdated, sight::move_forbidden, sight::disk_full, sight::healed});
}

BOOST_AUTO_TEST_CASE(four_proofs_in_every_interleaving)
{
    findings all;
    for (const unsigned max_failed : {1U, 2U})
        for (const auto& callers : sets_of(4, proofs))
            all.add(check({callers, max_failed}));
    BOOST_TEST(all.states > 400'000U);
}

BOOST_AUTO_TEST_CASE(three_guesses_and_anybody_under_a_limit_of_three)
{
    const std::vector<caller> guesses{{wish::wrong, 1, 1}, {wish::wrong, 1, 2}, {wish::wrong, 1, 3}};
    findings all = check({guesses, 3, state::active, 1});
    for (const caller& each : everything()) {
        auto with = guesses;
        with.push_back(each);
        all.add(check({with, 3}));
    }
    BOOST_TEST(all.states > 50'000U);
    BOOST_TEST(all.count(sight::blocked_though_right) > 0U);
}

// Only when asked for: DOORWARD_MODEL_CALLERS=3 takes minutes, 4 an hour and a gigabyte.
BOOST_AUTO_TEST_CASE(more_of_everything_when_asked_for)
{
    const char* const asked = std::getenv("DOORWARD_MODEL_CALLERS"); // NOLINT(concurrency-mt-unsafe): one thread
    if (asked == nullptr)
        return;
    const std::size_t callers = std::stoul(asked);
    const bool few = callers < 4;
    for (const unsigned max_failed : {1U, 2U, 3U})
        for (const auto& set : sets_of(callers, everything()))
            check({set, max_failed, state::active, 1, 1, few ? 1U : 0U, few});
}

// The model's callers are written after attempts.cpp: one after the other, both do the same.
BOOST_AUTO_TEST_CASE(callers_in_turn_get_what_the_engine_gives)
{
    const tests::scratch_phone phone;
    const registry::attempts engine{crypto::secret<32>{crypto::byte_array<32>{1}}};
    const auto all = everything();
    const std::size_t count = all.size();
    for (const unsigned max_failed : {1U, 2U})
        for (std::size_t i = 0; i < count * count * count; ++i) {
            const scenario in_turn{{all[i / count / count], all[i / count % count], all[i % count]}, max_failed};
            const auto expected = play(in_turn);
            const auto slot = phone.slot(tests::default_limits(max_failed));
            std::vector<std::string> answers;
            for (const caller& each : in_turn.callers)
                answers.push_back(ask(engine, slot, phone, each));
            BOOST_TEST_CONTEXT(to_text(in_turn))
            {
                BOOST_TEST(answers == expected.answers, boost::test_tools::per_element());
                BOOST_TEST(slot->load().bits() == expected.word.bits());
            }
        }
}

BOOST_AUTO_TEST_SUITE_END()

// --- mistakes

namespace {

struct seeded {
    fault mistake;
    invariant breaks;
    scenario in; // a small one, in which all is well without the mistake
};

const std::vector<seeded>& seeded_faults()
{
    static const std::vector<seeded> all{
        {fault::word_stored_unseen, invariant::refusals_bounded, {{{wish::wrong, 0, 1}, {wish::wrong, 0, 2}}}},
        {fault::word_stored_unseen, invariant::position_once, {{{wish::right, 0}, {wish::right, 0}}}},
        {fault::move_stored_unseen, invariant::operators_serialise, {{{wish::block}, {wish::wrong, 0, 1}}, 2}},
        {fault::move_never_forbidden, invariant::removed_is_terminal, {{{wish::remove}, {wish::unblock}}}},
        {fault::verdict_kept, invariant::position_once, {{{wish::right, 0}, {wish::right, 0}}}},
        {fault::spent_in_advance, invariant::right_never_punished, {{{wish::right, 0}, {wish::right, 1}}}},
        {fault::refusal_resets, invariant::refusals_bounded, {{{wish::wrong, 0, 1}, {wish::wrong, 0, 2}}}},
        {fault::digests_survive_reset,
         invariant::refusals_bounded,
         {{{wish::wrong, 0, 1}, {wish::unblock}, {wish::wrong, 0, 1}, {wish::wrong, 0, 2}}}},
        {fault::digests_after_swap,
         invariant::refused_counted_once,
         {{{wish::wrong, 0, 1}, {wish::wrong, 0, 2}, {wish::wrong, 0, 1}}, 3, state::active, 1, 1}},
        {fault::answered_unflushed, invariant::answer_on_disk, {{{wish::wrong, 0, 1}}}},
        {fault::answered_unflushed,
         invariant::refusals_bounded,
         {{{wish::wrong, 0, 1}, {wish::wrong, 0, 2}}, 1, state::active, 1}},
        {fault::told_unflushed, invariant::answer_on_disk, {{{wish::wrong, 0, 1}, {wish::right, 0}}}},
        {fault::last_arrival_wins, invariant::removed_is_terminal, {{{wish::block}, {wish::remove}}}},
        {fault::last_arrival_wins,
         invariant::position_once,
         {{{wish::right, 0}, {wish::right, 1}, {wish::right, 1}}, 1, state::active, 1, 1}},
        {fault::mark_over_new_rows,
         invariant::position_once,
         {{{wish::right, 0}, {wish::right, 1}, {wish::right, 1}}, 1, state::active, 1, 1}},
        {fault::rows_not_read_at_start,
         invariant::position_once,
         {{{wish::right, 0}, {wish::right, 0}}, 1, state::active, 1}},
    };
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(attempt_model_mistakes)

BOOST_AUTO_TEST_CASE(every_mistake_is_noticed_and_told_in_steps)
{
    for (const seeded& each : seeded_faults())
        BOOST_TEST_CONTEXT(to_text(each.mistake))
        {
            check(each.in);
            scenario wrong = each.in;
            wrong.mistake = each.mistake;
            const auto found = explore(wrong);
            const auto how = found.broken.find(each.breaks);
            BOOST_TEST_REQUIRE((how != found.broken.end()), "not noticed: " << to_text(each.breaks));
            BOOST_TEST_MESSAGE(how->second.text);
            BOOST_TEST(static_cast<std::size_t>(std::ranges::count(how->second.text, '\n')) == how->second.steps + 2);
        }
}

BOOST_AUTO_TEST_SUITE_END()
