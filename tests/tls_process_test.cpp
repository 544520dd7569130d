// TLS on whole servers: what is offered and what is refused, certificates that change under open connections, and those
// of clients in place of passwords.

#include "tests/process_support.hpp"
#include "tests/tls_client.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

namespace {

using namespace doorward::tests;
namespace fs = std::filesystem;

constexpr int tls10 = 0x0301;
constexpr int tls11 = 0x0302;
constexpr int tls12 = 0x0303;
constexpr int tls13 = 0x0304;

// A server with TLS on both sides, told by a file.
class tls_server {
public:
    tls_server()
    {
        write_pair("device", shown);
        write_pair("office", shown);
    }

    // A certificate and its key, as the next start or reload of a side will find them.
    void write_pair(const std::string& side, const certificate_texts& what) const
    {
        write_file(file(side + ".crt"), what.certificate);
        write_file(file(side + ".key"), what.key);
        fs::permissions(file(side + ".key"), fs::perms::owner_read | fs::perms::owner_write);
    }

    void configure(const std::string& more = "") const
    {
        std::string text;
        for (const char* side : {"device", "office"})
            text += "[" + std::string{side} + ".tls]\ncertificate = \"" + file(std::string{side} + ".crt").string() +
                    "\"\nkey = \"" + file(std::string{side} + ".key").string() + "\"\n";
        write_file(file("doorward.toml"), text + more);
    }

    void start(const std::string& more = "")
    {
        configure(more);
        server.start({"--config", file("doorward.toml").string()});
    }

    // Waits until the server has read its configuration again, or refused it.
    void reload(const std::string& outcome = "the configuration was read again") const
    {
        const auto before = count_in_log(outcome);
        server.signal(SIGHUP);
        while (count_in_log(outcome) == before)
            server.wait_for_log(outcome);
    }

    [[nodiscard]] std::size_t count_in_log(const std::string& text) const
    {
        const std::string log = server.log();
        std::size_t out = 0;
        for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; at += text.size())
            ++out;
        return out;
    }

    [[nodiscard]] fs::path file(const std::string& name) const { return home.path() / name; }

    certificate_texts shown = make_certificate("doorward.example");
    temporary_directory home;
    server_process server;
};

bool answers(tls_client& client)
{
    const auto answer = client.ask("GET", "/health");
    return answer && answer->status == 200;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(tls_process, tls_server)

BOOST_AUTO_TEST_CASE(both_sides_speak_tls_and_say_so)
{
    start();
    BOOST_TEST(server.device_url().starts_with("https://127.0.0.1:"));
    BOOST_TEST(server.office_url().starts_with("https://127.0.0.1:"));
    for (const auto port : {server.device_port(), server.office_port()}) {
        for (const auto& [version, name] : {std::pair{tls12, "TLSv1.2"}, {tls13, "TLSv1.3"}}) {
            tls_client client{port, {.lowest = version, .highest = version}};
            BOOST_TEST_REQUIRE(client.is_connected());
            BOOST_TEST(client.protocol() == name);
            BOOST_TEST(client.server_certificate() == shown.certificate);
            for (int i = 0; i < 3; ++i) // the connection is kept
                BOOST_TEST(answers(client));
        }
    }
    server.stop();
}

BOOST_AUTO_TEST_CASE(large_requests_and_answers_come_whole)
{
    start();
    tls_client device{server.device_port()};
    // Larger than a record; spaces in front of the document.
    const auto status = device.ask("POST", "/pa/v3/status", "", std::string(60'000, ' ') + "{}");
    BOOST_TEST_REQUIRE(status.has_value());
    BOOST_TEST(status->status == 200);
    const auto refused = device.ask("POST", "/pa/v3/status", "", std::string(65 * 1024, ' '));
    BOOST_TEST_REQUIRE(refused.has_value());
    BOOST_TEST(refused->status == 413);
    BOOST_TEST(device.is_closed());

    tls_client office{server.office_port()};
    const auto description = office.ask("GET", "/openapi.json");
    BOOST_TEST_REQUIRE(description.has_value());
    const auto document = json::parse(description->body, nullptr, false);
    BOOST_TEST((document.is_object() && document.contains("paths")));
    server.stop();
}

BOOST_AUTO_TEST_CASE(requests_that_come_at_once_are_answered_one_after_the_other)
{
    start();
    tls_client client{server.device_port()};
    std::string all;
    for (int i = 0; i < 200; ++i)
        all += "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    BOOST_TEST(client.send(all));
    for (int i = 0; i < 200; ++i) {
        const auto answer = client.read_answer();
        BOOST_TEST_REQUIRE(answer.has_value());
        BOOST_TEST(answer->status == 200);
    }
    server.stop();
}

BOOST_AUTO_TEST_CASE(what_is_weak_is_refused)
{
    start();
    const auto port = server.device_port();
    for (const int version : {tls10, tls11}) {
        tls_client old{port, {.lowest = version, .highest = version}};
        BOOST_TEST(!old.is_connected());
    }
    for (const char* ciphers :
         {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
          "DHE-RSA-AES128-GCM-SHA256", "AECDH-AES128-SHA", "ECDHE-ECDSA-NULL-SHA"}) {
        tls_client weak{port, {.highest = tls12, .ciphers = ciphers}};
        BOOST_TEST(!weak.is_connected(), ciphers);
    }
    tls_client strong{port, {.highest = tls12, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}};
    BOOST_TEST(strong.is_connected());
    BOOST_TEST(answers(strong));
    BOOST_TEST(!strong.can_resume());
    BOOST_TEST(!strong.renegotiate());
    tls_client latest{port};
    BOOST_TEST(answers(latest));
    BOOST_TEST(!latest.can_resume());
    server.stop();
}

BOOST_AUTO_TEST_CASE(what_is_no_tls_ends_the_connection_and_nothing_else)
{
    start();
    for (const std::string_view noise :
         {"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff", "\x80\x01"}) {
        raw_connection plain{server.device_port()};
        plain.send(noise);
        plain.finish_sending();
        BOOST_TEST(plain.read_rest().find("HTTP/") == std::string::npos);
    }
    tls_client client{server.device_port()};
    BOOST_TEST(answers(client));
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_handshake_that_never_ends_is_ended)
{
    start("[limits]\nfirst_request_seconds = 1\n");
    const raw_connection silent{server.device_port()};
    raw_connection half{server.device_port()};
    half.send(std::string_view{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11});
    BOOST_TEST(half.is_closed());
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_new_certificate_is_for_new_connections)
{
    start();
    tls_client before{server.device_port()};
    BOOST_TEST(answers(before));

    const auto renewed = make_certificate("renewed.example");
    write_pair("device", renewed);
    reload();
    BOOST_TEST(answers(before)); // not dropped
    BOOST_TEST(before.server_certificate() == shown.certificate);
    tls_client after{server.device_port()};
    BOOST_TEST(answers(after));
    BOOST_TEST(after.server_certificate() == renewed.certificate);
    const tls_client other_side{server.office_port()};
    BOOST_TEST(other_side.server_certificate() == shown.certificate);

    // A key of another certificate: told, and nothing has changed.
    write_file(file("device.key"), shown.key);
    reload("the configuration was not taken over");
    server.wait_for_log("device.tls: " + file("device.crt").string() +
                        ": certificate and key cannot be read, or do not belong together");
    tls_client still{server.device_port()};
    BOOST_TEST(answers(still));
    BOOST_TEST(still.server_certificate() == renewed.certificate);
    BOOST_TEST(answers(before));
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_key_that_everybody_may_read_is_refused)
{
    configure();
    fs::permissions(file("device.key"), fs::perms::others_read, fs::perm_options::add);
    const auto checked = run_doorward({"config", "check", "--config", file("doorward.toml").string()});
    BOOST_TEST(checked.status == 2);
    BOOST_TEST(checked.err ==
               "doorward: device.tls: " + file("device.key").string() + ": everybody may read it; chmod o-r it\n");
    const auto served =
        run_doorward({"serve", "--data", server.data().string(), "--config", file("doorward.toml").string()});
    BOOST_TEST(served.status == 1);
    BOOST_TEST(served.err.find("everybody may read it") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_a_certificate_only_this_machine_is_served)
{
    const auto refused = run_doorward({"serve", "--data", server.data().string(), "--device", "0.0.0.0:0"});
    BOOST_TEST(refused.status == 2);
    BOOST_TEST(refused.err.find("device.listen: 0.0.0.0:0 can be reached from other machines") != std::string::npos,
               refused.err);
    const auto allowed = start_doorward(
        {"serve", "--data", server.data().string(), "--device", ":0", "--office", "127.0.0.1:0", "--allow-plain"},
        file("log"));
    const auto line = allowed->read_line();
    BOOST_TEST_REQUIRE(line.has_value());
    BOOST_TEST(line->starts_with("doorward listens: device http://0.0.0.0:"));
    allowed->signal(SIGTERM);
    BOOST_TEST(allowed->wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_certificate_stands_for_an_account)
{
    const auto crm = make_certificate("crm.bank.example");
    const auto unknown_name = make_certificate("other.bank.example");
    const auto stranger = make_certificate("crm.bank.example"); // of the same name, from nobody we know
    write_file(file("ca.crt"), crm.certificate + unknown_name.certificate);
    const std::string tls = "client_ca = \"" + file("ca.crt").string() + "\"\n";
    const auto mapped_to = [&](const std::string& name, const std::string& account) {
        return tls + "[office.tls.clients]\n\"" + name + "\" = \"" + account + "\"\n";
    };
    const std::string list = "/v2/registrations?userId=anna";
    const auto status_of = [&](const certificate_texts* shows, const std::string& headers = "") {
        tls_client client{server.office_port(), {.certificate = shows}};
        const auto answer = client.ask("GET", list, headers);
        return answer ? answer->status : 0;
    };
    const std::string wrong = "Authorization: Basic eDp5\r\n";

    start(mapped_to("dns:crm.bank.example", server.admin_name()));
    for (const int version : {tls12, tls13}) {
        tls_client client{server.office_port(), {.highest = version, .certificate = &crm}};
        const auto answer = client.ask("GET", list);
        BOOST_TEST_REQUIRE(answer.has_value());
        BOOST_TEST(answer->status == 200);
        // What is said in the request goes first.
        const auto other = client.ask("GET", list, wrong);
        BOOST_TEST_REQUIRE(other.has_value());
        BOOST_TEST(other->status == 401);
    }
    BOOST_TEST(status_of(&unknown_name) == 401);
    BOOST_TEST(status_of(nullptr) == 401);
    BOOST_TEST(status_of(&stranger) == 0);
    BOOST_TEST(status_of(&crm, wrong) == 401);

    // Roles are those of the account, and end with it.
    tls_client admin{server.office_port(), {.certificate = &crm}};
    const auto made = admin.ask("POST", "/admin/users", "Content-Type: application/json\r\n",
                                R"({"username":"watcher","role":"AUDITOR"})");
    BOOST_TEST_REQUIRE(made.has_value());
    BOOST_TEST(made->status / 100 == 2, made->body);
    configure(mapped_to("subject:CN=crm.bank.example", "watcher"));
    reload();
    tls_client watcher{server.office_port(), {.certificate = &crm}};
    const auto seen = watcher.ask("GET", "/v2/audit");
    const auto forbidden = watcher.ask("GET", "/admin/users");
    BOOST_TEST_REQUIRE((seen && forbidden));
    BOOST_TEST(forbidden->status == 403);
    // The connection that came before keeps the account it began with.
    const auto still_admin = admin.ask("GET", "/admin/users");
    BOOST_TEST_REQUIRE(still_admin.has_value());
    BOOST_TEST(still_admin->status == 200);
    const auto disabled = admin.ask("DELETE", "/admin/users/watcher");
    BOOST_TEST_REQUIRE(disabled.has_value());
    BOOST_TEST(disabled->status / 100 == 2, disabled->body);
    const auto gone = watcher.ask("GET", list);
    BOOST_TEST_REQUIRE(gone.has_value());
    BOOST_TEST(gone->status == 401);
    server.stop();
}

BOOST_AUTO_TEST_CASE(keys_come_from_the_credentials_directory)
{
    const auto crm = make_certificate("crm.bank.example");
    write_file(file("office-clients.crt"), crm.certificate);
    fs::rename(server.data() / "master.key", file("master.key"));
    // As systemd leaves it where it gives the service access by a list.
    fs::permissions(file("master.key"), fs::perms::owner_read | fs::perms::group_read);
    write_file(file("doorward.toml"), "[office.tls.clients]\n\"dns:crm.bank.example\" = \"admin\"\n");
    server.set_environment({"CREDENTIALS_DIRECTORY=" + home.path().string()});
    server.start({"--config", file("doorward.toml").string()});
    tls_client device{server.device_port()};
    BOOST_TEST(answers(device));
    BOOST_TEST(device.server_certificate() == shown.certificate);
    tls_client office{server.office_port(), {.certificate = &crm}};
    const auto listed = office.ask("GET", "/admin/users");
    BOOST_TEST_REQUIRE(listed.has_value());
    BOOST_TEST(listed->status == 200);
    server.stop();

    fs::permissions(file("master.key"), fs::perms::others_read, fs::perm_options::add);
    child_process open{DOORWARD_BINARY,
                       {"serve", "--data", server.data().string()},
                       file("log"),
                       {"CREDENTIALS_DIRECTORY=" + home.path().string()}};
    BOOST_TEST(open.wait() == 1);
    BOOST_TEST(read_file(file("log")).find("others may read it") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_goes_over_tls_and_ends_with_the_server)
{
    start();
    const std::string credentials =
        "Authorization: " + office_client{server, server.admin_name(), server.admin_password()}.credentials() + "\r\n";
    tls_client client{server.office_port()};
    BOOST_TEST(client.send("GET /v2/events/stream HTTP/1.1\r\nHost: x\r\n" + credentials +
                           "Accept: text/event-stream\r\n\r\n"));
    const auto head = client.read_answer();
    BOOST_TEST_REQUIRE(head.has_value());
    BOOST_TEST(head->status == 200);
    server.ask_to_stop();
    server.expect_clean_end();
}

BOOST_AUTO_TEST_SUITE_END()
