// What `doorward admin` shows people: tables and fields, whatever the server answers.

#include "server/admin_table.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <ctime>
#include <sstream>

namespace {

using namespace doorward::server;

constexpr std::array table_columns{
    admin_column{"NAME", "name"},
    admin_column{"FLAGS", "flags"},
    admin_column{"WHEN", "at", shown_as::time},
};

std::string table_of(const admin_json& rows)
{
    std::ostringstream out;
    write_table(out, table_columns, rows);
    return out.str();
}

// The time zone of the machine is not the test's.
struct in_utc {
    in_utc()
    {
        ::setenv("TZ", "UTC", 1); // NOLINT(concurrency-mt-unsafe): no other thread
        ::tzset();
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(admin_table, in_utc)

BOOST_AUTO_TEST_CASE(a_table_is_as_wide_as_what_is_in_it)
{
    const auto rows = admin_json::parse(R"([
        {"name": "Alice's phone", "flags": ["VIP", "NEW"], "at": 1732700000000},
        {"name": "Żofia", "flags": [], "at": 0},
        {"other": 1}])");
    BOOST_TEST(table_of(rows) == "NAME           FLAGS    WHEN\n"
                                 "Alice's phone  VIP,NEW  2024-11-27 09:33:20\n"
                                 "Żofia          -        -\n"
                                 "-              -        -\n");
    BOOST_TEST(table_of(admin_json::array()) == "NAME  FLAGS  WHEN\n");
}

BOOST_AUTO_TEST_CASE(a_name_cannot_take_over_the_terminal)
{
    BOOST_TEST(shown(admin_json{"\x1b[2J\r\n\t\x7f"}, shown_as::text) == "?[2J????");
    BOOST_TEST(shown(admin_json{"\xC2\x9B"
                                "31m \xC2\xA9"},
                     shown_as::text) == "?31m \xC2\xA9");
    BOOST_TEST(shown(admin_json{""}, shown_as::text) == "-");
    BOOST_TEST(shown(admin_json{nullptr}, shown_as::time) == "-");
    BOOST_TEST(shown(admin_json{true}, shown_as::text) == "yes");
    BOOST_TEST(shown(admin_json{17}, shown_as::text) == "17");
}

BOOST_AUTO_TEST_CASE(fields_stand_one_below_the_other)
{
    std::ostringstream out;
    write_fields(out, admin_json::parse(R"({"id": "bank", "timestampCreated": 1732700000000, "roles": ["A", "B"],
        "lockout": {"block": "permanent", "window": 0}, "versions": [{"supported": true}, {"supported": false}]})"));
    BOOST_TEST(out.str() == "id                    bank\n"
                            "timestampCreated      2024-11-27 09:33:20\n"
                            "roles                 A,B\n"
                            "lockout.block         permanent\n"
                            "lockout.window        0\n"
                            "versions.0.supported  yes\n"
                            "versions.1.supported  no\n");
}

BOOST_AUTO_TEST_SUITE_END()
