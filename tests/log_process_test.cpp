// What a whole server writes to its log: one line each, as JSON where that is wanted, and nothing secret.

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>

namespace {

using namespace doorward::tests;

std::vector<json> lines_of(const server_process& server)
{
    std::vector<json> out;
    std::istringstream lines{server.log()};
    for (std::string line; std::getline(lines, line);) {
        const auto parsed = json::parse(line, nullptr, false);
        BOOST_TEST_REQUIRE(parsed.is_object(), line);
        out.push_back(parsed);
    }
    return out;
}

std::vector<json> requests_of(const server_process& server)
{
    std::vector<json> out;
    for (json& each : lines_of(server)) {
        if (each.at("message") == "request")
            out.push_back(std::move(each));
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(log_process)

BOOST_AUTO_TEST_CASE(each_line_is_one_object)
{
    server_process server;
    server.start({"--log-format", "json", "--log-access-sample", "1"});
    office_client admin{server, server.admin_name(), server.admin_password()};
    static_cast<void>(admin.post("/admin/applications", {{"id", "bank"}}));
    static_cast<void>(admin.get("/v2/registrations?userId=alice.secret"));
    BOOST_TEST(admin.ask("GET", "/v2/users/alice.secret/claims?appId=nowhere").status >= 400);
    BOOST_TEST(admin.ask("GET", "/no/such/thing").status == 404);
    server.stop();

    for (const json& each : lines_of(server)) {
        BOOST_TEST(each.at("time").get<std::string>().size() == std::string_view{"2026-11-27T12:00:00.000Z"}.size());
        BOOST_TEST((each.at("level") == "info" || each.at("level") == "warning"));
    }
    const auto told = requests_of(server);
    BOOST_TEST_REQUIRE(told.size() == 4U);
    const json& first = told.front();
    BOOST_TEST(first.at("side") == "office");
    BOOST_TEST(first.at("method") == "POST");
    BOOST_TEST(first.at("route") == "/admin/applications");
    BOOST_TEST(first.at("status") == 200);
    BOOST_TEST(first.at("account") == server.admin_name());
    BOOST_TEST(first.at("source") == "127.0.0.1");
    BOOST_TEST(first.at("ms").is_number());
    BOOST_TEST(first.at("bytes") > 100);
    BOOST_TEST(!first.at("request_id").get<std::string>().empty());
    BOOST_TEST(told[2].at("route") == "/v2/users/{}/claims");
    BOOST_TEST(told[3].at("route") == "-");
    for (const std::string& secret : {server.admin_password(), std::string{"alice.secret"}})
        BOOST_TEST(server.log().find(secret) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_of_so_many_requests_is_told)
{
    server_process server;
    server.start({"--log-format", "json", "--log-access-sample", "10", "--io-threads", "1"});
    office_client admin{server, server.admin_name(), server.admin_password()};
    for (int i = 0; i < 30; ++i)
        static_cast<void>(admin.get("/v2/registrations?userId=alice"));
    server.stop();
    BOOST_TEST(requests_of(server).size() == 3U);
}

BOOST_AUTO_TEST_CASE(unless_asked_for_requests_are_not_told)
{
    server_process server;
    server.start();
    office_client admin{server, server.admin_name(), server.admin_password()};
    static_cast<void>(admin.get("/v2/registrations?userId=alice"));
    server.stop();
    BOOST_TEST(server.log().find("request ") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_journal_of_the_system_is_told_how_much_a_line_matters)
{
    server_process server;
    server.set_environment({"JOURNAL_STREAM=8:1"});
    server.start();
    server.stop();
    BOOST_TEST(server.log().starts_with("<6>"));
}

BOOST_AUTO_TEST_SUITE_END()
