// Configuration as an operator meets it: the commands that look at it, a reload, and limits that hold.

#include "registry/limits.hpp"
#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

namespace {

using namespace doorward::tests;
namespace fs = std::filesystem;

struct configured_server {
    void write(std::string_view text) const { write_file(file, text); }
    void start() { server.start({"--config", file.string()}); }
    // Waits for the answer to SIGHUP that comes after all those before.
    void reload(const std::string& outcome)
    {
        ++reloads;
        server.signal(SIGHUP);
        const auto count = [&] {
            const std::string log = server.log();
            std::size_t out = 0;
            for (const std::string_view end :
                 {"the configuration was read again", "the configuration was not taken over"})
                for (std::size_t at = 0; (at = log.find(end, at)) != std::string::npos; at += end.size())
                    ++out;
            return out;
        };
        server.wait_for_log(outcome);
        while (count() < reloads)
            server.wait_for_log(outcome);
    }

    temporary_directory home;
    fs::path file = home.path() / "doorward.toml";
    server_process server;
    std::size_t reloads = 0;
};

std::string status_request(std::size_t size)
{
    return "POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size - 2, ' ') + "{}";
}

int status_of(raw_connection& connection, const std::string& request)
{
    connection.send(request);
    const auto answer = connection.read_answer();
    return answer ? answer->status : 0;
}

// Of an answer on a connection of its own.
int status_of(unsigned short port, const std::string& request)
{
    raw_connection connection{port};
    return status_of(connection, request);
}

const std::string health_request = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(config_process, configured_server)

BOOST_AUTO_TEST_CASE(a_configuration_is_checked_without_a_server)
{
    write("[limits]\nidle_seconds = 30\n");
    const auto right = run_doorward({"config", "check", "--config", file.string()});
    BOOST_TEST(right.status == 0, right.err);
    BOOST_TEST(right.out == "the configuration is right\n");

    write("[limits]\nidle_seconds = \"30\"\nidle = 30\n");
    for (const char* command : {"check", "show"}) {
        const auto wrong = run_doorward({"config", command, "--config", file.string()});
        BOOST_TEST(wrong.status == 2);
        BOOST_TEST(wrong.out == "");
        BOOST_TEST(wrong.err == "doorward: " + file.string() + ":3: limits.idle: is not known\n" + file.string() +
                                    ":2: limits.idle_seconds: must be a whole number from 1 to 86400 (seconds)\n");
    }
    const auto served = run_doorward({"serve", "--data", server.data().string(), "--config", file.string()});
    BOOST_TEST(served.status == 2);
    const auto missing = run_doorward({"config", "check", "--config", (home.path() / "none").string()});
    BOOST_TEST(missing.status == 2);
    BOOST_TEST(run_doorward({"serve"}).status == 2); // no data
}

BOOST_AUTO_TEST_CASE(what_holds_is_shown_with_its_origin)
{
    write("[limits]\nidle_seconds = 30\nanswer_seconds = 50\n");
    child_process shown{DOORWARD_BINARY,
                        {"config", "show", "--config", file.string(), "--io-threads", "3"},
                        home.path() / "errors",
                        {"DOORWARD_LIMITS_ANSWER_SECONDS=60"}};
    const std::string text = shown.read_rest();
    BOOST_TEST(shown.wait() == 0);
    for (const std::string& line :
         {std::string{"io_threads = 3  # --io-threads\n"}, "idle_seconds = 30  # " + file.string() + ":2\n",
          std::string{"answer_seconds = 60  # $DOORWARD_LIMITS_ANSWER_SECONDS\n"},
          std::string{"request_seconds = 15  # default\n"}})
        BOOST_TEST(text.find(line) != std::string::npos, line << " is not in " << text);
}

BOOST_AUTO_TEST_CASE(limits_of_the_file_hold_and_change_with_a_reload)
{
    write("[device]\nbody_bytes = 20000\n");
    start();
    raw_connection before{server.device_port()};
    BOOST_TEST(status_of(before, status_request(20'000)) == 200);
    BOOST_TEST(status_of(server.device_port(), status_request(20'001)) == 413);

    write("[device]\nbody_bytes = 40000\n");
    reload("the configuration was read again");
    BOOST_TEST(status_of(server.device_port(), status_request(40'000)) == 200);
    BOOST_TEST(status_of(server.device_port(), status_request(40'001)) == 413);
    BOOST_TEST(status_of(before, status_request(20'000)) == 200); // not dropped, and as it was
    BOOST_TEST(status_of(before, status_request(20'001)) == 413);
    server.stop();
}

BOOST_AUTO_TEST_CASE(whoever_stands_in_front_tells_who_the_client_is)
{
    // A wrong password, from behind a proxy on this machine.
    const auto guess_of = [](const std::string& client) {
        return "GET /admin/applications HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46d3Jvbmc=\r\n"
               "X-Forwarded-For: " +
               client + "\r\n\r\n";
    };
    const auto guess = [&](const std::string& client) { return status_of(server.office_port(), guess_of(client)); };
    const auto use_up = [&](const std::string& client) {
        for (unsigned i = 0; i < doorward::registry::sign_ins_of_pair_max; ++i)
            BOOST_TEST(guess(client) == 401);
        BOOST_TEST(guess(client) == 429);
    };
    const std::string proxies = "[office]\ntrusted_proxies = \"127.0.0.0/8\"\n";
    write(proxies + "[log]\naccess_sample = 1\n");
    start();
    use_up("203.0.113.7");
    BOOST_TEST(guess("203.0.113.8") == 401);
    BOOST_TEST(guess("203.0.113.8, 203.0.113.7") == 429); // the first one is made up
    BOOST_TEST(guess("203.0.113.7, 203.0.113.8, 127.0.0.2") == 401);
    server.wait_for_log("203.0.113.7");
    server.wait_for_log("203.0.113.8");

    raw_connection before{server.office_port()};
    BOOST_TEST(status_of(before, health_request) == 200);
    write("");
    reload("the configuration was read again");
    use_up("203.0.113.9"); // nobody is believed: it is all the same address
    BOOST_TEST(guess("203.0.113.10") == 429);
    BOOST_TEST(status_of(before, guess_of("203.0.113.10")) == 401); // as it began
    write(proxies);
    reload("the configuration was read again");
    BOOST_TEST(guess("203.0.113.10") == 401);
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_wrong_file_changes_nothing_and_is_told)
{
    write("[device]\nbody_bytes = 20000\n");
    start();
    write("[device]\nbody_bytes = 40000\nbody = 1\n");
    reload(file.string() + ":3: device.body: is not known");
    BOOST_TEST(server.log().find("the configuration was not taken over; everything stays as it was") !=
               std::string::npos);
    BOOST_TEST(status_of(server.device_port(), status_request(20'001)) == 413);
    write("[device]\nbody_bytes = 40000\nconnections = 1000000\n"); // more than memory is meant for
    reload("limits.memory_mib: connections could hold ");
    BOOST_TEST(status_of(server.device_port(), status_request(20'001)) == 413);
    server.stop();
}

BOOST_AUTO_TEST_CASE(what_needs_a_restart_is_named_in_the_log)
{
    write("");
    start();
    write("io_threads = 7\n[office]\nstrict_json = true\n[limits]\nidle_seconds = 4\n");
    reload("io_threads has changed in the configuration, and needs a restart");
    const std::string log = server.log();
    BOOST_TEST(log.find("office.strict_json has changed in the configuration") != std::string::npos);
    BOOST_TEST(log.find("idle_seconds") == std::string::npos);
    server.stop();
}

BOOST_AUTO_TEST_CASE(the_log_level_changes_with_a_reload)
{
    write("[log]\nlevel = \"error\"\n");
    start();
    server.signal(SIGHUP); // tells nothing: what it would say is no error
    write("nonsense");
    server.signal(SIGHUP);
    server.wait_for_log("the configuration was not taken over");
    BOOST_TEST(server.log().find("the configuration was read again") == std::string::npos);
    write("[log]\nlevel = \"info\"\n");
    server.signal(SIGHUP);
    server.wait_for_log("the configuration was read again");
    server.stop();
}

BOOST_AUTO_TEST_CASE(one_connection_too_many_is_told_so_at_once)
{
    write("[device]\nconnections = 2\n");
    start();
    std::vector<raw_connection> open;
    for (int i = 0; i < 2; ++i) {
        open.emplace_back(server.device_port());
        BOOST_TEST(status_of(open.back(), health_request) == 200);
    }
    raw_connection late{server.device_port()}; // sends nothing
    const auto told = late.read_answer();
    BOOST_TEST_REQUIRE(told.has_value());
    BOOST_TEST(told->status == 503);
    BOOST_TEST((told->header("Retry-After") == "2"));
    BOOST_TEST((told->header("Connection") == "close"));
    BOOST_TEST(told->body.find("Too many connections are open") != std::string::npos);
    BOOST_TEST(status_of(server.office_port(), health_request) == 200); // phones do not shut out back offices
    for (auto& each : open)
        BOOST_TEST(status_of(each, health_request) == 200);

    // A place that is free again is given to the next.
    open.pop_back();
    for (int status = 0; status != 200;) {
        status = status_of(server.device_port(), health_request);
        BOOST_TEST_REQUIRE((status == 200 || status == 503));
    }
    // A reload makes room, too.
    write("[device]\nconnections = 8\n");
    reload("the configuration was read again");
    for (int i = 0; i < 3; ++i) {
        open.emplace_back(server.device_port());
        BOOST_TEST(status_of(open.back(), health_request) == 200);
    }
    server.stop();
}

BOOST_AUTO_TEST_CASE(idle_connections_end_when_the_file_says)
{
    write("[limits]\nidle_seconds = 1\n");
    start();
    raw_connection connection{server.device_port()};
    BOOST_TEST(status_of(connection, health_request) == 200);
    BOOST_TEST(connection.is_closed());
    server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
