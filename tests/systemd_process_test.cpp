// The server under a service manager: what it tells, sockets that outlive it, and the units that are shipped.

#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <regex>
#include <thread>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace doorward::tests;
namespace bench = doorward::bench;
namespace fs = std::filesystem;

// Where a service says how it is.
class notify_socket {
public:
    explicit notify_socket(fs::path path)
        : path_{std::move(path)}, socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        std::memcpy(where.sun_path, path_.c_str(), path_.native().size());
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
            throw std::runtime_error{"cannot listen to services"};
    }
    notify_socket(const notify_socket&) = delete;
    notify_socket& operator=(const notify_socket&) = delete;
    ~notify_socket() { ::close(socket_); }

    [[nodiscard]] std::string variable() const { return "NOTIFY_SOCKET=" + path_.string(); }

    // The next message; empty when none comes.
    [[nodiscard]] std::string next() const
    {
        pollfd waited{socket_, POLLIN, 0};
        if (::poll(&waited, 1, static_cast<int>(std::chrono::milliseconds{patience}.count())) != 1)
            return {};
        char text[4096];
        const auto size = ::recv(socket_, text, sizeof text, 0);
        return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    }

private:
    fs::path path_;
    int socket_;
};

// A socket that listens on 127.0.0.1, as one of a socket unit.
class held_listener {
public:
    held_listener() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        auto* const raw = reinterpret_cast<sockaddr*>(&where);
        if (::bind(socket_, raw, size) != 0 || ::listen(socket_, 4096) != 0 || ::getsockname(socket_, raw, &size) != 0)
            throw std::runtime_error{"cannot listen"};
        port_ = ntohs(where.sin_port);
    }
    held_listener(const held_listener&) = delete;
    held_listener& operator=(const held_listener&) = delete;
    ~held_listener() { ::close(socket_); }

    [[nodiscard]] int socket() const noexcept { return socket_; }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] unsigned short port() const noexcept { return port_; }

private:
    int socket_;
    unsigned short port_ = 0;
};

constexpr std::size_t lost_max = 5;

// What became of the requests of one client.
struct load_result {
    std::size_t answered = 0;
    std::vector<std::string> lost; // what happened instead; it ends after a few
};

// Requests on connections of their own, one after the other, until `done`.
load_result load_with_new_connections(unsigned short port, const std::atomic<bool>& done)
{
    load_result out;
    while (!done.load() && out.lost.size() < lost_max) {
        raw_connection connection{port};
        const bool sent = connection.send(
            "POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
        const auto answer = sent ? connection.read_answer() : std::nullopt;
        if (answer && answer->status == 200)
            ++out.answered;
        else
            out.lost.push_back(!sent ? "not sent" : answer ? "status " + std::to_string(answer->status) : "no answer");
    }
    return out;
}

// Proofs of a phone on connections that are kept, as mobile SDKs keep them: what a server closes while it lies idle is
// opened anew.
load_result load_with_phone(bench::device& phone, const std::atomic<bool>& done)
{
    load_result out;
    while (!done.load() && out.lost.size() < lost_max) {
        try {
            if (phone.validate(bench::signature_type::possession_knowledge, right_pin))
                ++out.answered;
            else
                out.lost.emplace_back("refused");
        } catch (const std::exception& problem) {
            out.lost.emplace_back(problem.what());
        }
    }
    return out;
}

std::string text_of_unit(const std::string& name)
{
    return read_file(std::string{DOORWARD_SOURCE_DIR} + "/systemd/" + name);
}

} // namespace

BOOST_AUTO_TEST_SUITE(systemd_process)

BOOST_AUTO_TEST_CASE(a_service_tells_what_it_does)
{
    const temporary_directory home;
    const notify_socket manager{home.path() / "notify"};
    server_process server;
    server.set_environment({manager.variable()});
    server.start();
    const auto ready = manager.next();
    BOOST_TEST(ready.starts_with("READY=1\nSTATUS=device http://127.0.0.1:"), ready);

    server.signal(SIGHUP);
    const auto reloading = manager.next();
    BOOST_TEST(std::regex_match(reloading, std::regex{"RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*\nSTATUS=[^\n]*"}),
               reloading);
    BOOST_TEST(manager.next() == ready);

    server.ask_to_stop();
    BOOST_TEST(manager.next().starts_with("STOPPING=1\n"));
    server.expect_clean_end();
}

BOOST_AUTO_TEST_CASE(progress_is_told_of_as_often_as_it_is_asked_for)
{
    const temporary_directory home;
    const notify_socket manager{home.path() / "notify"};
    server_process server;
    server.set_environment({manager.variable(), "WATCHDOG_USEC=200000"});
    server.start();
    BOOST_TEST(manager.next().starts_with("READY=1\n"));
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(manager.next() == "WATCHDOG=1");
    server.set_environment({});
    server.stop();
    BOOST_TEST(server.log().find("makes no progress") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_variable_for_another_process_is_not_ours)
{
    const temporary_directory home;
    const notify_socket manager{home.path() / "notify"};
    server_process server;
    server.set_environment(
        {manager.variable(), "WATCHDOG_USEC=1000", "WATCHDOG_PID=1", "LISTEN_FDS=1", "LISTEN_PID=1"});
    server.start();
    BOOST_TEST(manager.next().starts_with("READY=1\n"));
    server.ask_to_stop();
    BOOST_TEST(manager.next().starts_with("STOPPING=1\n"));
    server.expect_clean_end();
}

BOOST_AUTO_TEST_CASE(sockets_are_taken_by_their_names)
{
    const held_listener one;
    const held_listener other;
    server_process server;
    server.set_sockets({one.socket(), other.socket()});
    server.set_environment({"LISTEN_FDNAMES=office:device"});
    server.start();
    BOOST_TEST(server.office_url() == one.url());
    BOOST_TEST(server.device_url() == other.url());
    bench::http_client office{one.url()};
    BOOST_TEST(office.request("GET", "/openapi.json", {}, "").status == 200);
    bench::http_client device{other.url()};
    BOOST_TEST(device.request("POST", "/pa/v3/status", {}, "{}").status == 200);
    server.stop();

    // One of them alone: the other side listens as it is configured.
    server.set_sockets({one.socket()});
    server.set_environment({"LISTEN_FDNAMES=device"});
    server.start();
    BOOST_TEST(server.device_url() == one.url());
    BOOST_TEST(server.office_url() != other.url());
    server.stop();
}

BOOST_AUTO_TEST_CASE(sockets_of_other_names_and_kinds_are_refused)
{
    const held_listener one;
    const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const temporary_directory home;
    const auto log = home.path() / "log";
    const server_process server;
    const std::vector<std::string> serve{"serve", "--data", server.data().string()};
    const auto fails = [&](const std::vector<int>& sockets, const std::string& names) {
        child_process child{DOORWARD_BINARY, serve, log, {"LISTEN_FDNAMES=" + names}, sockets};
        return child.wait() == 1;
    };
    BOOST_TEST(fails({one.socket()}, "phones"));
    BOOST_TEST(read_file(log).find("a socket named \"phones\"") != std::string::npos);
    BOOST_TEST(fails({one.socket(), one.socket()}, "device:device"));
    BOOST_TEST(fails({one.socket(), one.socket(), one.socket()}, "device:office:device"));
    BOOST_TEST(fails({datagrams}, "device"));
    BOOST_TEST(read_file(log).find("is no TCP socket that listens") != std::string::npos);
    ::close(datagrams);
}

// A new connection that has not sent its request yet is answered, too.
BOOST_AUTO_TEST_CASE(whoever_has_connected_before_the_stop_is_answered)
{
    server_process server;
    server.start();
    raw_connection early{server.device_port()};
    raw_connection kept{server.device_port()};
    kept.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(kept.read_answer().has_value()); // both are accepted
    server.ask_to_stop();
    BOOST_TEST(kept.is_closed()); // idle
    early.send("POST /pa/v3/status HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    const auto answer = early.read_answer();
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    BOOST_TEST((answer->header("Connection") == "close"));
    server.expect_clean_end();
}

BOOST_AUTO_TEST_CASE(a_restart_under_load_loses_no_request)
{
    constexpr std::size_t clients = 8;
    constexpr std::size_t phones = 4;
    constexpr int restarts = 5;
    const held_listener device;
    const held_listener office;
    scene bank{0};
    std::vector<bench::device> enrolled;
    for (std::size_t i = 0; i < phones; ++i)
        enrolled.push_back(bank.enroll("user-" + std::to_string(i)));
    bank.server.stop();
    bank.server.set_sockets({device.socket(), office.socket()});
    bank.server.set_environment({"LISTEN_FDNAMES=device:office"});
    bank.server.start();
    for (auto& phone : enrolled) { // at the address from now on
        auto client = std::make_shared<bench::http_client>(device.url());
        phone = bench::device{bank.application, phone.state(), phone.style(),
                              [client](const http_request& what) { return client->request(what); }};
    }

    std::atomic<bool> done{false};
    std::vector<load_result> results(clients + phones);
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < clients; ++i)
        running.emplace_back([&, i] { results[i] = load_with_new_connections(device.port(), done); });
    for (std::size_t i = 0; i < phones; ++i)
        running.emplace_back([&, i] { results[clients + i] = load_with_phone(enrolled[i], done); });
    std::string failed;
    try {
        for (int i = 0; i < restarts; ++i) {
            // Some get through between any two restarts.
            raw_connection probe{device.port()};
            probe.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
            static_cast<void>(probe.read_answer());
            bank.server.restart();
        }
    } catch (const std::exception& problem) {
        failed = problem.what();
    }
    done = true;
    for (auto& each : running)
        each.join();
    BOOST_TEST(failed == "");
    for (const auto& each : results) {
        BOOST_TEST(each.answered > 0U);
        for (const std::string& what : each.lost)
            BOOST_TEST(false, "a request was lost: " << what);
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(the_units_are_right_and_their_sandbox_is_tight)
{
    const temporary_directory home;
    for (const char* name : {"doorward.service", "doorward-device.socket", "doorward-office.socket"}) {
        const std::string text = text_of_unit(name);
        write_file(home.path() / name, std::regex_replace(text, std::regex{"/usr/bin/doorward"}, DOORWARD_BINARY));
    }
    const auto unit = [&](const char* name) { return (home.path() / name).string(); };
    const auto verified =
        run_program("systemd-analyze", {"verify", "--man=no", unit("doorward.service"), unit("doorward-device.socket"),
                                        unit("doorward-office.socket")});
    BOOST_TEST(verified.status == 0);
    BOOST_TEST(verified.err == "");
    const auto rated = run_program(
        "systemd-analyze", {"security", "--offline=true", "--no-pager", "--threshold=12", unit("doorward.service")});
    BOOST_TEST(rated.status == 0, rated.out);
    BOOST_TEST(rated.out.find("Overall exposure level for doorward.service: ") != std::string::npos, rated.out);
    // The check can fail.
    write_file(home.path() / "doorward.service",
               std::regex_replace(text_of_unit("doorward.service"), std::regex{"CapabilityBoundingSet=\n"}, ""));
    BOOST_TEST(run_program("systemd-analyze",
                           {"security", "--offline=true", "--no-pager", "--threshold=12", unit("doorward.service")})
                   .status != 0);
}

BOOST_AUTO_TEST_SUITE_END()
