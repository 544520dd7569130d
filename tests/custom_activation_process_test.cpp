// Custom activations (PROTOCOL.md 12.3) through a whole server and a provider that is a server of its own: every way in
// which that may answer or not, over TCP and TLS, and what a kill leaves behind.

#include "tests/provider_server.hpp"
#include "tests/storage_support.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <future>
#include <latch>
#include <map>
#include <thread>

namespace {

using namespace doorward::tests;
namespace bench = doorward::bench;
namespace data = boost::unit_test::data;
using bench::device;
using bench::protocol_version;
using bench::signature_type;
using reaction = provider_server::reaction;
using after = reaction::after;

constexpr auto pk = signature_type::possession_knowledge;
constexpr std::string_view bearer = "bearer-60417-of-the-bank";
constexpr std::string_view password = "password-58213-of-anna";
constexpr int long_enough_ms = 10'000; // what does answer answers long before
constexpr int shortest_ms = 100;

const bench::name_value_list credentials{{"username", "anna"}, {"password", std::string{password}}};

class custom_scene : public scene {
public:
    void ask_at(const std::string& url, int timeout_ms = long_enough_ms)
    {
        const auto changed =
            admin.ask("PATCH", "/admin/applications/bank",
                      json{{"provider", {{"url", url}, {"timeoutMs", timeout_ms}, {"secret", bearer}}}});
        if (changed.status != 200)
            throw std::runtime_error{"no such provider: " + changed.body.dump()};
    }

    // The status that the phone is told; 0 when it heard nothing.
    int try_activation(device& phone)
    {
        const auto prepared = phone.prepare_custom_activation("CUSTOM", credentials, right_pin);
        try {
            return bench::http_client{server.device_url()}.request(prepared.request).status;
        } catch (const std::runtime_error&) {
            return 0;
        }
    }

    std::vector<json> registrations_of(const std::string& user)
    {
        return office.get("/v2/registrations?removed=true&userId=" + user).at("registrations");
    }

    // All that belongs to a registration that was made in one piece is there, or nothing is.
    void check_whole_or_nothing(const std::string& user, std::size_t most)
    {
        const auto found = registrations_of(user);
        BOOST_TEST(found.size() <= most);
        for (const json& each : found) {
            BOOST_TEST(each.at("registrationStatus") == "ACTIVE");
            const auto rows = office.history(each.at("registrationId").get<std::string>());
            BOOST_TEST_REQUIRE(rows.size() == 3u);
            BOOST_TEST(rows[0].at("event") == "CREATE");
            BOOST_TEST(rows[1].at("event") == "EXCHANGE_KEYS");
            BOOST_TEST(rows[2].at("event") == "COMMIT");
        }
    }

    provider_server provider;
};

std::string recognised(const std::string& user)
{
    return provider_server::http(200, json{{"userId", user}, {"commit", true}}.dump());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(custom_activation_process, custom_scene)

BOOST_AUTO_TEST_CASE(a_phone_that_the_provider_recognises_is_registered)
{
    ask_at(provider.url());
    provider.answer(200, R"({"userId":"anna","flags":["VIP"],"customAttributes":{"greeting":"hello"}})");
    auto phone = new_phone();
    bench::activation_details details;
    details.custom_attributes = R"({"branch":7})";
    details.biometry = true;
    const auto fingerprint = phone.activate_custom("CUSTOM", credentials, right_pin, details);
    BOOST_TEST(phone.extras().custom_attributes == R"({"greeting":"hello"})");
    const auto shown = office.detail(phone.activation_id());
    BOOST_TEST(shown.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(shown.at("activationFingerprint") == fingerprint);
    BOOST_TEST((shown.at("flags") == json{"VIP"}));
    office.commit(phone.activation_id());
    BOOST_TEST(phone.validate(pk, right_pin));
    BOOST_TEST(phone.validate(signature_type::possession_biometry));
    server.restart();
    BOOST_TEST(phone.validate(pk, right_pin));

    const auto heard = provider.requests();
    BOOST_TEST_REQUIRE(heard.size() == 1u);
    const auto asked = json::parse(heard[0].body);
    BOOST_TEST(asked.at("applicationId") == "bank");
    BOOST_TEST(asked.at("identityAttributes").at("password") == password);
    BOOST_TEST(asked.at("customAttributes").at("branch") == 7);
    std::map<std::string, std::string> headers{heard[0].headers.begin(), heard[0].headers.end()};
    BOOST_TEST(headers["Authorization"] == "Bearer " + std::string{bearer});
    BOOST_TEST(!headers["X-Request-Id"].empty());
    server.stop();
}

BOOST_AUTO_TEST_CASE(the_provider_hears_the_request_id_of_the_phones_request)
{
    ask_at(provider.url());
    auto phone = new_phone();
    auto prepared = phone.prepare_custom_activation("CUSTOM", credentials, right_pin);
    prepared.request.headers.emplace_back("X-Request-Id", "trace-me-4711");
    const auto answered = bench::http_client{server.device_url()}.request(prepared.request);
    BOOST_TEST(answered.status == 200);
    const auto requests = provider.requests();
    std::string heard;
    for (const auto& [name, value] : requests.at(0).headers)
        heard += name == "X-Request-Id" ? value : "";
    BOOST_TEST(heard == "trace-me-4711");
    server.stop();
}

BOOST_AUTO_TEST_CASE(whatever_else_a_provider_does_the_phone_is_refused_and_operators_are_told_why)
{
    dead_port down{dead_port::kind::refusing};
    dead_port silent{dead_port::kind::taking};
    const auto local = [](const dead_port& which) { return "http://127.0.0.1:" + std::to_string(which.port()); };
    provider_server elsewhere;
    struct {
        const char* what;
        std::string url;
        int timeout_ms;
        reaction how;
        const char* told;
    } const ways[]{
        {"refuses", provider.url(), long_enough_ms, {provider_server::http(403, "{}")}, "refused: status 403"},
        {"refuses by its answer",
         provider.url(),
         long_enough_ms,
         {provider_server::http(200, R"({"accepted":false})")},
         "refused: status 200"},
        {"is in trouble", provider.url(), long_enough_ms, {provider_server::http(500, "{}")}, "status 500"},
        {"never answers", provider.url(), shortest_ms, {"", after::keep_silent}, "did not answer in time"},
        {"does not even listen", local(silent), shortest_ms, {}, "did not answer in time"},
        {"drips", provider.url(), shortest_ms, {"HTTP/1.1 200 OK\r\n\r\n", after::drip}, "did not answer in time"},
        {"writes no JSON", provider.url(), long_enough_ms, {provider_server::http(200, "<p>anna</p>")}, "JSON"},
        {"speaks something else", provider.url(), long_enough_ms, {"+OK ready\r\n\r\n"}, "does not answer in HTTP"},
        {"has no end",
         provider.url(),
         long_enough_ms,
         {"HTTP/1.1 200 OK\r\n\r\n", after::flood},
         "answers at too great length"},
        {"hangs up", provider.url(), long_enough_ms, {}, "closed the connection"},
        {"hangs up in the middle",
         provider.url(),
         long_enough_ms,
         {"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"userId\":\"anna", after::reset},
         "closed the connection"},
        {"sends elsewhere",
         provider.url(),
         long_enough_ms,
         {provider_server::http(307, "", "Location: " + elsewhere.url() + "\r\n")},
         "status 307"},
        {"is down", local(down), long_enough_ms, {}, "cannot be connected to"},
        {"speaks no TLS", "https" + local(silent).substr(4), shortest_ms, {}, "did not answer in time"},
    };
    for (const auto& way : ways)
        BOOST_TEST_CONTEXT(way.what)
        {
            const auto log_before = server.log().size();
            ask_at(way.url, way.timeout_ms);
            provider.react(way.how);
            auto phone = new_phone(bench::wire_style::android, protocol_version::v3_2);
            // The log is quiet about an application for a second after each line: this asks until it speaks.
            std::string line;
            do {
                BOOST_TEST_REQUIRE(try_activation(phone) == 400);
                line = server.log().substr(log_before);
            } while (line.empty());
            BOOST_TEST(line.find(way.told) != std::string::npos, line);
            BOOST_TEST(line.find("the provider of bank at http") != std::string::npos, line);
            BOOST_TEST(registrations_of("anna").empty());
        }
    BOOST_TEST(elsewhere.requests().empty());
    ask_at(provider.url());
    provider.answer(200, R"({"userId":"anna"})");
    auto phone = new_phone();
    BOOST_TEST(try_activation(phone) == 200); // nothing of it has hurt
    server.stop();

    const std::string log = server.log();
    for (const std::string_view secret : {bearer, password, std::string_view{"anna"}, std::string_view{"/judge"}})
        BOOST_TEST(log.find(secret) == std::string::npos, secret);
    for (const auto& file : std::filesystem::directory_iterator{server.data()}) {
        const auto content = read_file(file.path());
        for (const std::string_view secret : {bearer, password})
            BOOST_TEST((content.find(secret) == std::string::npos), secret << " is in " << file.path());
    }
}

// --- TLS

BOOST_AUTO_TEST_CASE(a_provider_behind_tls_is_asked_when_an_authority_vouches_for_its_name)
{
    provider_server secured{provider_server::transport::tls};
    const temporary_directory home;
    const auto authorities = home.path() / "authorities.pem";
    write_file(authorities, secured.certificate());

    auto phone = new_phone();
    const auto refused = [&](const std::string& url) {
        const auto log_before = server.log().size();
        ask_at(url);
        BOOST_TEST(try_activation(phone) == 400);
        BOOST_TEST(server.log().find("has no certificate that is trusted for its name", log_before) !=
                   std::string::npos);
        BOOST_TEST(secured.requests().empty());
    };
    refused(secured.url()); // the system's authorities do not know it
    server.set_environment({"SSL_CERT_FILE=" + authorities.string()});
    server.restart();
    refused("https://127.0.0.1:" + std::to_string(secured.port())); // another name

    secured.answer(200, R"({"userId":"anna","commit":true})");
    ask_at(secured.url());
    static_cast<void>(phone.activate_custom("CUSTOM", credentials, right_pin));
    BOOST_TEST(phone.validate(pk, right_pin));
    BOOST_TEST(secured.requests().size() == 1u);
    for (const auto& [what, how] : std::initializer_list<std::pair<const char*, reaction>>{
             {"cut off", {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", after::close}},
             {"reset", {"HTTP/1.1 200 OK\r\n\r\n{\"userId\":\"anna\"}", after::reset}},
             {"without an end", {"HTTP/1.1 200 OK\r\n\r\n", after::flood}},
         })
        BOOST_TEST_CONTEXT(what)
        {
            secured.react(how);
            auto other = new_phone();
            BOOST_TEST(try_activation(other) == 400);
        }
    BOOST_TEST(registrations_of("anna").size() == 1u);
    server.stop();
}

// --- the end of the server

BOOST_AUTO_TEST_CASE(an_activation_that_is_being_judged_is_answered_before_the_server_ends)
{
    ask_at(provider.url());
    std::latch stopping{1};
    provider.react([&](const http_request&) {
        stopping.wait();
        return reaction{recognised("anna")};
    });
    auto phone = new_phone();
    auto answered = std::async(std::launch::async, [&] { return try_activation(phone); });
    provider.wait_for_requests(1);
    server.ask_to_stop();
    server.wait_for_log("stopping");
    stopping.count_down();
    BOOST_TEST(answered.get() == 200);
    server.expect_clean_end();
    server.start();
    BOOST_TEST(registrations_of("anna").size() == 1u);
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_kill_while_the_provider_thinks_leaves_nothing)
{
    ask_at(provider.url());
    std::latch killed{1};
    provider.react([&](const http_request&) {
        killed.wait();
        return reaction{recognised("anna")};
    });
    auto phone = new_phone();
    const auto prepared = phone.prepare_custom_activation("CUSTOM", credentials, right_pin);
    auto answered = std::async(std::launch::async, [&] {
        try {
            return bench::http_client{server.device_url()}.request(prepared.request).status;
        } catch (const std::runtime_error&) {
            return 0;
        }
    });
    provider.wait_for_requests(1);
    server.kill();
    killed.count_down();
    BOOST_TEST(answered.get() == 0);
    server.start();
    BOOST_TEST(registrations_of("anna").empty());
    // The envelope was seen all the same: the provider is not asked about it again.
    BOOST_TEST(bench::http_client{server.device_url()}.request(prepared.request).status == 400);
    BOOST_TEST(provider.requests().size() == 1u);
    server.stop();
}

// The disk fails from the moment of the provider's answer on, in every way it can: the change that would have written
// the registration is the first to meet it.
BOOST_AUTO_TEST_CASE(an_end_between_the_providers_answer_and_the_disk_leaves_all_or_nothing)
{
    ask_at(provider.url());
    watched_storage disk;
    for (const auto& [how, what] : {std::pair{fault_kind::before, "before"}, std::pair{fault_kind::after, "after"},
                                    std::pair{fault_kind::half, "half"}})
        BOOST_TEST_CONTEXT(what)
        {
            const std::string user = std::string{"anna-"} + what;
            server.stop();
            disk.reset();
            server.set_environment(disk.environment());
            server.start();
            provider.react([&, how = how](const http_request&) {
                disk.fail(disk.control().begun.load() + 1, far_future, EIO, how);
                return reaction{recognised(user)};
            });
            auto phone = new_phone();
            BOOST_TEST(try_activation(phone) == 0);
            BOOST_TEST(server.wait_for_end() == 128 + SIGABRT);
            BOOST_TEST(disk.control().faults.load() > 0u);

            read_every_row(server.data());
            server.set_environment({});
            server.start();
            check_whole_or_nothing(user, how == fault_kind::after ? 1 : 0);
            provider.react(reaction{recognised(user)});
            auto other = new_phone();
            BOOST_TEST(try_activation(other) == 200);
        }
    server.stop();
}

BOOST_AUTO_TEST_CASE(kills_around_the_providers_answer_leave_whole_registrations)
{
    ask_at(provider.url());
    const auto seed = test_seed();
    std::mt19937_64 random{seed};
    for (int round = 0; round < 8; ++round)
        BOOST_TEST_CONTEXT("seed " << seed << ", round " << round)
        {
            const std::string user = "user-" + std::to_string(round);
            provider.react(reaction{recognised(user)});
            std::vector<device> phones;
            std::vector<bench::pending_activation> prepared;
            for (int i = 0; i < 4; ++i) {
                phones.push_back(new_phone(bench::wire_style::ios, protocol_version::v3_2));
                prepared.push_back(phones.back().prepare_custom_activation("CUSTOM", credentials, right_pin));
            }
            std::vector<bench::http_answer> heard(phones.size());
            std::vector<std::thread> threads;
            const std::size_t before = provider.requests().size();
            for (std::size_t i = 0; i < phones.size(); ++i)
                threads.emplace_back([&, i, url = server.device_url()] {
                    try {
                        heard[i] = bench::http_client{url}.request(prepared[i].request);
                    } catch (const std::runtime_error&) { // the connection ended
                    }
                });
            provider.wait_for_requests(before + 1 + random() % phones.size());
            for (auto turns = random() % 2000; turns > 0; --turns)
                std::this_thread::yield();
            server.kill();
            for (std::thread& each : threads)
                each.join();
            server.start();
            check_whole_or_nothing(user, phones.size());
            std::size_t told = 0;
            for (std::size_t i = 0; i < phones.size(); ++i) {
                if (heard[i].status != 200)
                    continue;
                ++told;
                static_cast<void>(phones[i].finish_activation(std::move(prepared[i]), heard[i]));
                BOOST_TEST(phones[i].validate(pk, right_pin)); // what was answered is there
            }
            BOOST_TEST(registrations_of(user).size() >= told);
        }
    server.stop();
}

// --- phones as programs of their own

BOOST_DATA_TEST_CASE(the_device_command_activates_with_credentials, data::make({"android", "ios"}), style)
{
    ask_at(provider.url());
    const temporary_directory home;
    auto words = phone_options(*this, home.path() / "phone.json", style);
    words.insert(words.end(), {"--pin-iterations", "1"});
    const phone_program phone{DOORWARD_BINARY, {"device"}, words};
    const std::string right{right_pin};
    const auto [activated, told] =
        phone({"activate-custom", "username=anna", "password=a=b", "--kind", "DIRECT", "--pin", right, "--extras",
               "more", "--custom-attributes", R"({"branch":7})"});
    BOOST_TEST(activated == 0);
    BOOST_TEST(told.at("customAttributes").at("branch") == 7);
    BOOST_TEST(told.at("userInfo").at("sub") == "anna");
    const auto asked = json::parse(provider.requests().at(0).body);
    BOOST_TEST(asked.at("type") == "DIRECT");
    BOOST_TEST(asked.at("identityAttributes").at("password") == "a=b");
    BOOST_TEST(asked.at("extras") == "more");
    BOOST_TEST(asked.at("platform") == style);
    const auto id = told.at("activationId").get<std::string>();
    BOOST_TEST(office.detail(id).at("activationFingerprint") == told.at("fingerprint"));
    office.commit(id);
    BOOST_TEST(phone({"validate", "--pin", right}).first == 0);
    server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
