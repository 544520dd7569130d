// Webhooks of whole servers: a receiver that is a server of its own, over TCP and TLS, down for a while, and through
// kill -9 of the sender. Everything arrives, of each registration in order, and every signature holds.

#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"
#include "tests/process_support.hpp"
#include "tests/provider_server.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

namespace {

using namespace doorward::tests;
namespace crypto = doorward::crypto;
using reaction = provider_server::reaction;

std::string field(const http_request& of, std::string_view name)
{
    for (const auto& [candidate, value] : of.headers) {
        if (candidate == name)
            return value;
    }
    return {};
}

// HMAC-SHA256 as RFC 2104 has it, from the digest up.
std::string signature(std::string_view secret, const http_request& of)
{
    auto key = crypto::from_base64(secret.substr(6)).value();
    key.resize(64);
    const auto padded = [&key](crypto::byte with) {
        crypto::bytes out;
        for (const crypto::byte each : key)
            out.push_back(static_cast<crypto::byte>(each ^ with));
        return out;
    };
    const std::string message = field(of, "webhook-id") + '.' + field(of, "webhook-timestamp") + '.' + of.body;
    const auto inner = crypto::sha256({padded(0x36), crypto::as_bytes(message)});
    return "v1," + crypto::to_base64(crypto::sha256({padded(0x5C), inner}));
}

struct webhook_scene : scene {
    // Creates one that hears of everything; tells its id.
    std::string hook(const std::string& url, const json& more = json::object())
    {
        json body{{"name", "receiver"},
                  {"type", "REGISTRATION_STATUS_CHANGE"},
                  {"callbackUrl", url},
                  {"attributes", {"eventSeq", "version", "activationStatus", "userId"}},
                  {"initialBackoff", 1000}};
        body.update(more);
        const auto made = office.post(callbacks, body);
        secret = made.at("secret");
        return made.at("id");
    }
    // All events of registrations that receivers are told of, as the feed has them.
    std::map<std::string, std::set<std::uint64_t>> feed()
    {
        static const std::set<std::string> told{"CREATE", "EXCHANGE_KEYS", "COMMIT", "BLOCK", "UNBLOCK", "REMOVE"};
        std::map<std::string, std::set<std::uint64_t>> out;
        for (const json& each : whole_feed(office)) {
            if (!told.contains(each.at("event")))
                continue;
            out[each.at("registrationId")].insert(each.at("version").get<std::uint64_t>());
            last_told = each.at("seq");
        }
        return out;
    }
    // Waits until the receiver has been told of every event.
    void wait_until_told(const provider_server& receiver, const std::string& id)
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        for (;;) {
            static_cast<void>(feed());
            if (office.get(callbacks + "/" + id).at("lastEventSeq") >= last_told)
                return;
            if (std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error{"not told of everything: " + std::to_string(receiver.requests().size()) +
                                         " requests"};
            std::this_thread::yield();
        }
    }
    // What arrived is all that there was, each registration's in order but for what came twice, and signed.
    void check(const provider_server& receiver)
    {
        std::map<std::string, std::set<std::uint64_t>> arrived;
        std::map<std::string, std::string> ids; // of an event, by its number
        for (const http_request& each : receiver.requests()) {
            const auto body = json::parse(each.body);
            BOOST_TEST(field(each, "webhook-signature") == signature(secret, each));
            BOOST_TEST(field(each, "X-Doorward-Event-Seq") == std::to_string(body.at("eventSeq").get<std::uint64_t>()));
            const auto [known, fresh] = ids.try_emplace(field(each, "X-Doorward-Event-Seq"), field(each, "webhook-id"));
            BOOST_TEST((fresh || known->second == field(each, "webhook-id")));
            auto& versions = arrived[body.at("activationId")];
            const auto version = body.at("version").get<std::uint64_t>();
            // A copy may come of what was on its way at a kill: the last that had arrived, no earlier one.
            BOOST_TEST((versions.empty() || version >= *versions.rbegin()), "out of order");
            versions.insert(version);
        }
        BOOST_TEST((arrived == feed()));
    }

    std::string callbacks = "/v2/admin/applications/bank/callbacks";
    std::string secret;
    std::uint64_t last_told = 0; // of the feed, as it was last read
};

// Blocks and unblocks registrations for ever, until told to stop or the server is gone.
void make_events(const scene& bank, const std::vector<std::string>& ids, const std::atomic<bool>& enough)
{
    auto office = bank.new_office();
    try {
        for (std::size_t i = 0; !enough; ++i) {
            const std::string& id = ids[i % ids.size()];
            if (i / ids.size() % 2 == 0)
                office.block(id);
            else
                office.unblock(id);
        }
    } catch (const std::runtime_error&) { // it was killed
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(webhooks_process, webhook_scene)

BOOST_AUTO_TEST_CASE(a_receiver_hears_of_everything_through_kills_of_the_sender)
{
    provider_server receiver;
    receiver.answer(204, "");
    std::vector<std::string> ids;
    for (int i = 0; i < 6; ++i)
        ids.push_back(enroll("user-" + std::to_string(i)).activation_id());
    const auto id = hook(receiver.url());
    const auto before = feed();
    const auto seed = test_seed();
    std::mt19937_64 random{seed};
    for (int round = 0; round < 5; ++round) {
        std::atomic<bool> enough{false};
        const auto heard = receiver.requests().size();
        std::vector<std::jthread> workers;
        for (std::size_t i = 0; i < 2; ++i)
            workers.emplace_back([&, i] {
                make_events(*this,
                            {ids.begin() + static_cast<std::ptrdiff_t>(3 * i),
                             ids.begin() + static_cast<std::ptrdiff_t>(3 * i + 3)},
                            enough);
            });
        receiver.wait_for_requests(heard + 10 + random() % 40);
        server.kill();
        enough = true;
        workers.clear();
        server.start();
    }
    wait_until_told(receiver, id);
    // What was before the webhook was made is none of its business.
    std::map<std::string, std::set<std::uint64_t>> expected = feed();
    for (const auto& [registration, versions] : before) {
        for (const auto version : versions)
            expected[registration].erase(version);
    }
    std::map<std::string, std::set<std::uint64_t>> arrived;
    for (const http_request& each : receiver.requests()) {
        const auto body = json::parse(each.body);
        BOOST_TEST(field(each, "webhook-signature") == signature(secret, each));
        auto& versions = arrived[body.at("activationId")];
        const auto version = body.at("version").get<std::uint64_t>();
        BOOST_TEST((versions.empty() || version >= *versions.rbegin()), "out of order, seed " << seed);
        versions.insert(version);
    }
    BOOST_TEST((arrived == expected));
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_receiver_that_was_away_gets_all_in_order)
{
    provider_server receiver;
    std::atomic<bool> is_down{true};
    receiver.react([&](const http_request&) {
        return is_down ? reaction{provider_server::http(503, "")} : reaction{provider_server::http(200, "")};
    });
    const auto id = hook(receiver.url());
    std::vector<std::string> ids;
    for (int i = 0; i < 4; ++i)
        ids.push_back(enroll("user-" + std::to_string(i)).activation_id());
    for (const auto& each : ids) {
        office.block(each);
        office.unblock(each);
    }
    receiver.wait_for_requests(4); // some of each registration's first
    is_down = false;
    // Whatever the breaker says: an operator who changes something has it tried at once.
    office.put(callbacks + "/" + id, {{"name", "receiver"},
                                      {"callbackUrl", receiver.url()},
                                      {"attributes", {"eventSeq", "version", "activationStatus", "userId"}},
                                      {"initialBackoff", 1000}});
    wait_until_told(receiver, id);
    check(receiver);
    const auto listed = office.get(callbacks + "/" + id + "/deliveries?limit=1000").at("deliveries");
    for (const json& each : listed)
        BOOST_TEST(each.at("state") == "DELIVERED");
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_receiver_behind_tls_sees_who_asks)
{
    provider_server receiver{provider_server::transport::tls};
    receiver.answer(200, "");
    const temporary_directory home;
    const auto authorities = home.path() / "authorities.pem";
    write_file(authorities, receiver.certificate());
    const auto mine = make_certificate("doorward-of-the-bank");
    const auto id = hook(
        receiver.url(),
        {{"authentication", {{"type", "CERTIFICATE"}, {"certificates", mine.certificate}, {"privateKey", mine.key}}}});
    const auto refused = office.post(callbacks + "/" + id + "/test");
    BOOST_TEST((refused == json{{"delivered", false}, {"lastFailure", "UNTRUSTED"}}));
    server.set_environment({"SSL_CERT_FILE=" + authorities.string()});
    server.restart();
    BOOST_TEST(office.post(callbacks + "/" + id + "/test").at("delivered") == true);
    static_cast<void>(create_registration("anna"));
    wait_until_told(receiver, id);
    const auto heard = receiver.requests();
    BOOST_TEST_REQUIRE(heard.size() == 2U);
    for (const http_request& each : heard)
        BOOST_TEST(field(each, "client certificate") == "doorward-of-the-bank");

    server.stop();
    // Neither in the store nor in the log.
    const auto line = mine.key.substr(mine.key.find('\n') + 1, 40);
    BOOST_TEST(server.log().find(line) == std::string::npos);
    for (const auto& file : std::filesystem::directory_iterator{server.data()})
        BOOST_TEST((read_file(file.path()).find(line) == std::string::npos));
}

BOOST_AUTO_TEST_CASE(a_silent_receiver_keeps_neither_others_nor_the_end_waiting)
{
    provider_server silent;
    silent.react(reaction{"", reaction::after::keep_silent});
    provider_server other;
    other.answer(200, "");
    static_cast<void>(hook(silent.url()));
    const auto id = hook(other.url());
    static_cast<void>(create_registration("anna"));
    silent.wait_for_requests(1);
    wait_until_told(other, id);
    BOOST_TEST(other.requests().size() == 1U);
    server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
