// Who looks up which name when: what a name whose server does not answer can take away from others, and for how long
// addresses are used.

#include "server/config.hpp"
#include "server/known_names.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace {

using namespace doorward::server;
using namespace std::chrono_literals;

const known_names::addresses one{boost::asio::ip::make_address("192.0.2.1")};
const known_names::addresses two{boost::asio::ip::make_address("192.0.2.2"),
                                 boost::asio::ip::make_address("2001:db8::2")};

struct names_at_a_time {
    known_names names;
    known_names::time now{1000h};

    // "look up", "wait", "use 2", "give up", and combinations.
    std::string ask(const std::string& name = "judge.example")
    {
        const auto got = names.ask(name, now);
        std::string out = got.look_up ? "look up, " : "";
        if (!got.found.empty()) {
            BOOST_TEST(!got.wait);
            return out + "use " + std::to_string(got.found.size());
        }
        return out + (got.wait ? "wait" : "give up");
    }
    void answer(known_names::addresses found, const std::string& name = "judge.example")
    {
        names.answered(name, std::move(found), now);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(names_of_providers, names_at_a_time)

BOOST_AUTO_TEST_CASE(all_calls_wait_for_one_lookup)
{
    BOOST_TEST(ask() == "look up, wait");
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(ask() == "wait");
    BOOST_TEST(ask("other.example") == "look up, wait");
    answer(one);
    BOOST_TEST(ask() == "use 1");
    BOOST_TEST(ask("other.example") == "wait");
}

BOOST_AUTO_TEST_CASE(addresses_are_asked_for_again_while_they_are_used)
{
    static_cast<void>(ask());
    answer(one);
    now += addresses_fresh - 1ns;
    BOOST_TEST(ask() == "use 1");
    now += 1ns;
    BOOST_TEST(ask() == "look up, use 1");
    BOOST_TEST(ask() == "use 1");
    now += 1s;
    answer(two);
    BOOST_TEST(ask() == "use 2");
    now += addresses_fresh - 1ns;
    BOOST_TEST(ask() == "use 2");
}

// Another name's lookup may be in the way that long.
BOOST_AUTO_TEST_CASE(a_lookup_that_does_not_end_takes_no_address_away_before_its_time)
{
    static_cast<void>(ask());
    answer(one);
    now += addresses_fresh;
    BOOST_TEST(ask() == "look up, use 1");
    now += addresses_kept - addresses_fresh - 1ns;
    BOOST_TEST(ask() == "use 1");
    now += 1ns;
    BOOST_TEST(ask() == "wait");
    answer(two);
    BOOST_TEST(ask() == "use 2");
}

BOOST_AUTO_TEST_CASE(a_failed_lookup_leaves_the_addresses_that_are_there)
{
    static_cast<void>(ask());
    answer(one);
    now += addresses_fresh;
    BOOST_TEST(ask() == "look up, use 1");
    answer({});
    BOOST_TEST(ask() == "look up, use 1");
    answer({});
    now += addresses_kept - addresses_fresh;
    BOOST_TEST(ask() == "look up, wait");
}

BOOST_AUTO_TEST_CASE(a_name_that_does_not_exist_is_looked_up_by_each_call)
{
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(ask() == "look up, wait");
        now += lookup_slow - 1ns;
        answer({}); // it costs the others next to nothing
    }
}

BOOST_AUTO_TEST_CASE(what_was_not_answered_in_time_fails_at_once_for_a_while)
{
    BOOST_TEST(ask() == "look up, wait");
    BOOST_TEST(ask() == "wait");
    names.gave_up("judge.example");
    now += 1h; // however long the resolver takes
    BOOST_TEST(ask() == "give up");
    answer({});
    BOOST_TEST(ask() == "give up");
    BOOST_TEST(ask("other.example") == "look up, wait"); // the resolver is free
    now += lookup_pause - 1ns;
    BOOST_TEST(ask() == "give up");
    now += 1ns;
    BOOST_TEST(ask() == "look up, wait");
    answer({}); // soon, this time
    BOOST_TEST(ask() == "look up, wait");
}

// Nobody waits, but the resolver is busy all the same.
BOOST_AUTO_TEST_CASE(a_slow_failure_leaves_the_resolver_to_others_also_where_addresses_are_there)
{
    static_cast<void>(ask());
    answer(one);
    now += addresses_fresh;
    BOOST_TEST(ask() == "look up, use 1");
    now += lookup_slow;
    answer({});
    BOOST_TEST(ask() == "use 1");
    now += lookup_pause;
    BOOST_TEST(ask() == "look up, use 1");
}

BOOST_AUTO_TEST_CASE(a_late_answer_is_an_answer)
{
    static_cast<void>(ask());
    names.gave_up("judge.example");
    BOOST_TEST(ask() == "give up");
    answer(one);
    BOOST_TEST(ask() == "use 1");
    now += addresses_fresh;
    BOOST_TEST(ask() == "look up, use 1");
}

BOOST_AUTO_TEST_CASE(addresses_that_nobody_answers_at_are_not_used_again)
{
    static_cast<void>(ask());
    answer(one);
    names.forget("judge.example");
    BOOST_TEST(ask() == "look up, wait");
    names.forget("judge.example"); // by a call that came before: the lookup goes on
    BOOST_TEST(ask() == "wait");
    answer(two);
    BOOST_TEST(ask() == "use 2");
}

BOOST_AUTO_TEST_CASE(what_is_told_of_unknown_names_is_nothing)
{
    names.gave_up("judge.example");
    names.forget("judge.example");
    BOOST_TEST(names.size() == 0U);
    // After its lookup has ended nobody gives up on it.
    static_cast<void>(ask());
    answer({});
    names.gave_up("judge.example");
    BOOST_TEST(ask() == "look up, wait");
}

BOOST_AUTO_TEST_CASE(names_that_were_used_once_are_forgotten)
{
    const auto name = [](std::size_t i) { return "host-" + std::to_string(i) + ".example"; };
    BOOST_TEST(ask("under-way.example") == "look up, wait");
    BOOST_TEST(ask("late.example") == "look up, wait");
    names.gave_up("late.example");
    for (std::size_t i = 2; i < names_kept_max; ++i) {
        BOOST_TEST_REQUIRE(ask(name(i)) == "look up, wait");
        answer(one, name(i));
    }
    now += std::max<known_names::time::duration>(addresses_fresh, lookup_slow);
    answer({}, "late.example");
    BOOST_TEST(names.size() == names_kept_max);
    BOOST_TEST(ask("another.example") == "look up, wait");
    BOOST_TEST(names.size() == 3U);
    BOOST_TEST(ask("under-way.example") == "wait");
    BOOST_TEST(ask("late.example") == "give up");
    BOOST_TEST(ask(name(5)) == "look up, wait");
}

BOOST_AUTO_TEST_SUITE_END()
