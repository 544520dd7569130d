// States and moves: the table in registry/registration.cpp, cell by cell.

#include "registry/registration.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

namespace {

using namespace doorward::registry;

constexpr std::optional<state> none;

struct row {
    move by;
    // where it leads from created, pending_commit, active, blocked, removed
    std::optional<state> to[5];
};

const row table[]{
    {move::create, {none, none, none, none, none}},
    {move::exchange_keys, {state::pending_commit, none, none, none, none}},
    {move::exchange_and_start, {state::active, none, none, none, none}},
    {move::commit, {none, state::active, none, none, none}},
    {move::block, {none, none, state::blocked, none, none}},
    {move::block_on_failures, {none, none, state::blocked, none, none}},
    {move::unblock, {none, none, none, state::active, none}},
    {move::remove, {state::removed, state::removed, state::removed, state::removed, none}},
    {move::expire, {state::removed, state::removed, none, none, none}},
    {move::fail_otp, {state::created, state::pending_commit, none, none, none}},
    {move::remove_on_otp, {state::removed, state::removed, none, none, none}},
    {move::reset_attempts, {none, none, state::active, state::blocked, none}},
    {move::rename, {none, state::pending_commit, state::active, state::blocked, none}},
    {move::change_flags, {state::created, state::pending_commit, state::active, state::blocked, none}},
    {move::spawn, {none, none, state::active, none, none}},
    {move::cancel, {state::removed, state::removed, none, none, none}},
    {move::pin_changed, {none, none, state::active, none, none}},
    {move::replace_otp, {none, state::pending_commit, none, none, none}},
    {move::remove_on_failures, {none, none, state::removed, none, none}},
    {move::end_block, {none, none, none, state::active, none}},
    {move::change_block, {none, none, none, state::blocked, none}},
    {move::change_limits, {state::created, state::pending_commit, state::active, state::blocked, none}},
    {move::edit, {state::created, state::pending_commit, state::active, state::blocked, none}},
};

} // namespace

BOOST_AUTO_TEST_SUITE(registration_states)

BOOST_AUTO_TEST_CASE(every_move_leads_where_the_table_says_from_every_state)
{
    BOOST_TEST(std::size(table) == std::size(all_moves));
    for (const row& each : table)
        for (std::size_t i = 0; i < std::size(all_states); ++i)
            BOOST_TEST_CONTEXT(to_text(each.by) << " from " << to_text(all_states[i]))
            {
                BOOST_TEST((target(all_states[i], each.by) == each.to[i]));
            }
}

BOOST_AUTO_TEST_CASE(nothing_leads_out_of_removed)
{
    for (const move by : all_moves)
        BOOST_TEST_CONTEXT(to_text(by))
        {
            BOOST_TEST(!target(state::removed, by).has_value());
        }
}

BOOST_AUTO_TEST_CASE(every_state_but_removed_can_be_removed)
{
    for (const state from : all_states)
        BOOST_TEST(target(from, move::remove).has_value() == (from != state::removed));
}

BOOST_AUTO_TEST_CASE(every_state_is_reached_from_created)
{
    std::set<state> reached{state::created};
    for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const state from : std::set{reached})
            for (const move by : all_moves)
                if (const auto to = target(from, by))
                    reached.insert(*to);
    }
    BOOST_TEST(reached.size() == std::size(all_states));
}

BOOST_AUTO_TEST_CASE(states_have_the_numbers_of_the_wire)
{
    const std::map<std::string_view, int> wanted{
        {"CREATED", 1}, {"PENDING_COMMIT", 2}, {"ACTIVE", 3}, {"BLOCKED", 4}, {"REMOVED", 5}};
    for (const state each : all_states)
        BOOST_TEST(wanted.at(to_text(each)) == static_cast<int>(each));
}

BOOST_AUTO_TEST_CASE(names_of_states_are_read_back)
{
    for (const state each : all_states)
        BOOST_TEST((parse_state(to_text(each)) == each));
    for (const char* other : {"", "active", "ACTIVE ", "UNKNOWN"})
        BOOST_TEST(!parse_state(other).has_value());
}

BOOST_AUTO_TEST_CASE(moves_beside_the_state_leave_it_where_it_is)
{
    for (const move by : all_moves)
        for (const state from : all_states)
            if (const auto to = target(from, by); to && is_beside_state(by))
                BOOST_TEST((*to == from), to_text(by));
}

BOOST_AUTO_TEST_CASE(every_move_has_a_name_of_its_own)
{
    std::set<std::string_view> names;
    for (const move each : all_moves)
        names.insert(to_text(each));
    BOOST_TEST(names.size() == std::size(all_moves));
    BOOST_TEST(!names.contains("UNKNOWN"));
}

BOOST_AUTO_TEST_CASE(commit_phases_have_their_names)
{
    BOOST_TEST(to_text(commit_phase::on_commit) == "ON_COMMIT");
    BOOST_TEST(to_text(commit_phase::on_key_exchange) == "ON_KEY_EXCHANGE");
}

BOOST_AUTO_TEST_SUITE_END()
