// Events of whole servers: over sockets, through kill -9, and proven by another program afterwards.
//
// DOORWARD_CRASH_ROUNDS  four of them are one kill here; DOORWARD_TEST_SEED  when it comes

#include "crypto/encoding.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/events.hpp"
#include "tests/process_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <thread>

namespace {

using namespace doorward::tests;
namespace registry = doorward::registry;
namespace kv = doorward::kv;
namespace crypto = doorward::crypto;

std::string stream_request(const office_client& who, std::string_view more = "", std::string_view query = "",
                           std::string_view first_word = "GET", std::string_view version = "1.1")
{
    return std::string{first_word} + " /v2/events/stream" + std::string{query} + " HTTP/" + std::string{version} +
           "\r\nHost: x\r\nAuthorization: " + who.credentials() + "\r\n" + std::string{more} + "\r\n";
}

// A stream that has begun: head and greeting are read.
struct reader {
    reader(const scene& bank, std::string_view more = "", std::string_view query = "")
        : connection{bank.server.office_port()}
    {
        connection.send(stream_request(bank.office, more, query));
        head = connection.read_head().value_or("");
        greeting = connection.read_chunk().value_or("");
    }

    // The next events; heartbeats are skipped. Empty at the end.
    std::vector<std::pair<std::uint64_t, json>> next()
    {
        std::vector<std::pair<std::uint64_t, json>> out;
        while (out.empty()) {
            const auto chunk = connection.read_chunk();
            if (!chunk || chunk->empty())
                return out;
            for (std::size_t at = 0; at < chunk->size(); at = chunk->find("\n\n", at) + 2) {
                const auto data = chunk->find("\ndata: ", at);
                if (!chunk->substr(at).starts_with("id: ") || data == std::string::npos)
                    break;
                const auto end = chunk->find("\n\n", at);
                out.emplace_back(std::stoull(chunk->substr(at + 4)),
                                 json::parse(chunk->substr(data + 7, end - data - 7)));
            }
        }
        return out;
    }

    raw_connection connection;
    std::string head;
    std::string greeting;
};

bool says(const std::string& text, std::string_view what)
{
    return text.find(what) != std::string::npos;
}

std::vector<std::string> audit(const scene& bank, const std::string& command, std::vector<std::string> more = {})
{
    more.insert(more.begin(), {"audit", command, "--data", bank.server.data().string()});
    return more;
}

} // namespace

BOOST_AUTO_TEST_SUITE(events_process)

BOOST_AUTO_TEST_CASE(a_long_poll_is_answered_when_something_happens)
{
    scene bank;
    const auto last = bank.office.get("/v2/events").at("last").get<std::uint64_t>();
    auto waiting = std::async(std::launch::async, [&, office = bank.new_office()]() mutable {
        return office.get("/v2/events?wait=25&after=" + std::to_string(last));
    });
    const auto made = bank.create_registration("alice");
    const auto got = waiting.get();
    BOOST_TEST_REQUIRE(got.at("events").size() == 1U);
    BOOST_TEST(got.at("events")[0].at("registrationId") == made.id);
    BOOST_TEST(got.at("next") == got.at("events")[0].at("seq"));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_stream_goes_on_where_its_reader_left_it)
{
    scene bank;
    reader first{bank};
    BOOST_TEST(first.head.starts_with("HTTP/1.1 200 "), first.head);
    for (const char* field : {"Content-Type: text/event-stream\r\n", "Transfer-Encoding: chunked\r\n",
                              "Cache-Control: no-store\r\n", "Connection: close\r\n"})
        BOOST_TEST(says(first.head, field), field);
    BOOST_TEST(!says(first.head, "Content-Length"));
    BOOST_TEST(first.greeting == "retry: 1000\n\n");

    const auto alice = bank.create_registration("alice");
    auto got = first.next();
    BOOST_TEST_REQUIRE(got.size() == 1U);
    BOOST_TEST(got[0].second.at("registrationId") == alice.id);
    BOOST_TEST(got[0].second.at("seq") == got[0].first);
    const auto seen = got[0].first;
    first.connection.reset();

    const auto bob = bank.create_registration("bob");
    reader again{bank, "Last-Event-ID: " + std::to_string(seen) + "\r\n"};
    got = again.next();
    BOOST_TEST_REQUIRE(got.size() == 1U);
    BOOST_TEST(got[0].first == seen + 1);
    BOOST_TEST(got[0].second.at("registrationId") == bob.id);

    // It outlives a restart: what was told is on the disk.
    bank.server.kill();
    bank.server.start();
    reader after_restart{bank, "", "?after=" + std::to_string(seen)};
    BOOST_TEST((after_restart.next() == got));
    after_restart.connection.reset();
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_server_that_stops_ends_its_streams_and_long_polls)
{
    scene bank;
    const auto last = bank.office.get("/v2/events").at("last").get<std::uint64_t>();
    reader stream{bank};
    raw_connection poll{bank.server.office_port()};
    poll.send("GET /v2/events?wait=25&after=" + std::to_string(last) + " HTTP/1.1\r\nHost: x\r\nAuthorization: " +
              bank.office.credentials() + "\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(poll.read_head().value_or("").starts_with("HTTP/1.1 100 "));
    bank.server.ask_to_stop();
    BOOST_TEST(stream.connection.read_chunk().value_or("cut off").empty());
    BOOST_TEST(stream.connection.is_closed());
    const auto answer = poll.read_answer();
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 200);
    BOOST_TEST(json::parse(answer->body).at("events").empty());
    bank.server.expect_clean_end();
}

BOOST_AUTO_TEST_CASE(clients_that_know_no_chunks_read_until_the_end)
{
    scene bank;
    raw_connection old{bank.server.office_port()};
    old.send(stream_request(bank.office, "", "?after=0", "GET", "1.0"));
    const auto head = old.read_head().value_or("");
    BOOST_TEST(head.starts_with("HTTP/1.1 200 "));
    BOOST_TEST(!says(head, "Transfer-Encoding"));
    raw_connection curious{bank.server.office_port()};
    curious.send(stream_request(bank.office, "", "", "HEAD"));
    BOOST_TEST(says(curious.read_head().value_or(""), "text/event-stream"));
    BOOST_TEST(curious.is_closed());
    const auto made = bank.create_registration("alice");
    BOOST_TEST(old.await_text(made.id));
    bank.server.ask_to_stop();
    const auto body = old.read_rest();
    BOOST_TEST(body.starts_with("retry: 1000\n\n"));
    BOOST_TEST(says(body, made.id));
    bank.server.expect_clean_end();
}

// What a reader does not take is held by nobody: not beyond a piece and the buffers of the kernel, and not for long.
BOOST_AUTO_TEST_CASE(a_reader_that_does_not_read_is_left)
{
    scene bank;
    const std::string long_name(255, 'n');
    const auto made = bank.create_registration("alice", {{"name", long_name}});
    const auto before = bank.server.descriptors();
    {
        std::vector<std::jthread> threads;
        std::atomic<int> left{1'200};
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&, office = bank.new_office()]() mutable {
                while (left.fetch_sub(1) > 0)
                    office.post("/v2/registrations", {{"userId", std::string(250, 'u')},
                                                      {"appId", bank.application_id},
                                                      {"name", long_name},
                                                      {"externalUserId", long_name}});
            });
    }
    raw_connection stalled{bank.server.office_port()};
    stalled.send(stream_request(bank.office, "", "?after=0"));
    BOOST_TEST(stalled.read_head().value_or("").starts_with("HTTP/1.1 200 "));
    BOOST_TEST(bank.server.descriptors() > before);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (bank.server.descriptors() > before && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    BOOST_TEST(bank.server.descriptors() <= before);
    std::size_t chunks = 0;
    std::optional<std::string> chunk;
    while ((chunk = stalled.read_chunk()) && !chunk->empty())
        ++chunks;
    BOOST_TEST(!chunk.has_value()); // cut off, and no end that could be taken for one
    BOOST_TEST(chunks < 1'200U / 64);
    BOOST_TEST(bank.office.detail(made.id).at("registrationStatus") == "CREATED");
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(after_a_kill_there_is_no_gap_and_nothing_that_was_told_is_missing)
{
    const auto rounds = std::max<std::uint64_t>(environment_number("DOORWARD_CRASH_ROUNDS", 20) / 4, 1);
    std::mt19937_64 random{test_seed()};
    scene bank{0};
    constexpr std::size_t phones = 6;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < phones; ++i)
        ids.push_back(bank.enroll("user-" + std::to_string(i)).activation_id());
    std::map<std::uint64_t, json> followed; // what a follower was told, over all rounds
    std::vector<std::size_t> answered(phones, 0);

    for (std::uint64_t round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round)
        {
            std::atomic<std::uint64_t> answers{0};
            const std::uint64_t deadly = 1 + random() % 300;
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < phones; ++i)
                threads.emplace_back([&, i, office = bank.new_office()]() mutable {
                    try {
                        for (bool block = office.detail(ids[i]).at("registrationStatus") == "ACTIVE";; block = !block) {
                            static_cast<void>(block ? office.block(ids[i]) : office.unblock(ids[i]));
                            ++answered[i];
                            answers.fetch_add(1);
                            answers.notify_one();
                        }
                    } catch (const std::exception&) {
                        answers.fetch_add(1'000'000);
                        answers.notify_one();
                    }
                });
            threads.emplace_back([&, office = bank.new_office()]() mutable {
                try {
                    for (std::uint64_t after = followed.empty() ? 0 : followed.rbegin()->first;;) {
                        const auto page = office.get("/v2/events?wait=25&after=" + std::to_string(after));
                        for (const json& each : page.at("events"))
                            followed.emplace(each.at("seq").get<std::uint64_t>(), each);
                        after = page.at("next").get<std::uint64_t>();
                    }
                } catch (const std::exception&) {
                }
            });
            for (std::uint64_t seen = 0; seen < deadly; seen = answers.load())
                answers.wait(seen);
            bank.server.kill();
            threads.clear(); // joins them

            const auto proven = run_doorward(audit(bank, "verify"));
            BOOST_TEST(proven.status == 0, proven.out << proven.err);
            bank.server.start();
            const auto all = whole_feed(bank.admin);
            BOOST_TEST(json::parse(proven.out).at("events") == all.back().at("seq"));
            std::map<std::string, std::size_t> changes;
            for (std::size_t i = 0; i < all.size(); ++i) {
                BOOST_TEST_REQUIRE(all[i].at("seq") == i + 1);
                if (all[i].at("event") == "BLOCK" || all[i].at("event") == "UNBLOCK")
                    ++changes[all[i].at("registrationId").get<std::string>()];
            }
            for (std::size_t i = 0; i < phones; ++i) {
                BOOST_TEST(changes[ids[i]] >= answered[i]);
                BOOST_TEST(changes[ids[i]] <= answered[i] + 1); // and the one that was on its way
                answered[i] = changes[ids[i]];
            }
            for (const auto& [seq, event] : followed)
                BOOST_TEST_REQUIRE((seq <= all.size() && all[seq - 1] == event));
        }
    }
    BOOST_TEST(!followed.empty());
    bank.server.stop();
}

// --- the commands

BOOST_AUTO_TEST_CASE(a_checkpoint_proves_what_comes_after_it)
{
    scene bank;
    const auto id = bank.enroll("alice").activation_id();
    const auto online = bank.admin.get("/v2/audit/checkpoint");
    BOOST_TEST(run_doorward(audit(bank, "verify")).status == 1); // the server uses it
    BOOST_TEST(run_doorward(audit(bank, "checkpoint")).status == 1);
    bank.server.stop();

    const auto made = run_doorward(audit(bank, "checkpoint"));
    BOOST_TEST_REQUIRE(made.status == 0, made.err);
    const auto checkpoint = json::parse(made.out);
    for (const char* same : {"sequence", "digest", "publicKey"})
        BOOST_TEST(checkpoint.at(same) == online.at(same), same);
    const temporary_directory home;
    const auto file = home.path() / "checkpoint.json";
    write_file(file, made.out);
    const std::string key = checkpoint.at("publicKey");
    const std::vector<std::string> with{"--checkpoint", file.string(), "--public-key", key};

    bank.server.start();
    bank.office.block(id);
    bank.server.stop();
    const auto proven = run_doorward(audit(bank, "verify", with));
    BOOST_TEST(proven.status == 0, proven.out << proven.err);
    const auto told = json::parse(proven.out);
    BOOST_TEST(told.at("status") == "OK");
    BOOST_TEST(told.at("events") == checkpoint.at("sequence").get<std::uint64_t>() + 1);
    BOOST_TEST(told.at("historyWithoutEvent") == 0);

    // Not with this key, or not what was signed.
    const std::string other_key = crypto::to_base64(crypto::byte_array<32>{1, 2, 3});
    BOOST_TEST(run_doorward(audit(bank, "verify", {"--checkpoint", file.string(), "--public-key", other_key})).status ==
               1);
    auto altered = checkpoint;
    altered["sequence"] = 1;
    const auto altered_file = home.path() / "altered.json";
    write_file(altered_file, altered.dump());
    BOOST_TEST(
        run_doorward(audit(bank, "verify", {"--checkpoint", altered_file.string(), "--public-key", key})).status == 1);

    // One byte of one event.
    constexpr registry::event_sequence which = 2;
    {
        const kv::env store{bank.server.data(), registry::tables::names};
        kv::writer writer{store};
        auto tamper = [](kv::write_txn& txn) {
            const auto row = txn.get(registry::tables::events, registry::event_key(which)).value();
            crypto::bytes value{row.begin(), row.end()};
            value[value.size() / 2] ^= 1;
            txn.put(registry::tables::events, registry::event_key(which), value);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer, tamper));
    }
    const auto found = run_doorward(audit(bank, "verify"));
    BOOST_TEST(found.status == 3);
    BOOST_TEST(json::parse(found.out).at("status") == "BROKEN");
    BOOST_TEST(json::parse(found.out).at("sequence") == which);
    BOOST_TEST(json::parse(found.out).at("events") == which - 1);
}

BOOST_AUTO_TEST_CASE(commands_about_nothing_are_refused)
{
    const scene bank;
    const temporary_directory home;
    const auto file = home.path() / "checkpoint.json";
    write_file(file, "{}");
    const std::string data = home.path().string();
    const std::string key = crypto::to_base64(crypto::byte_array<32>{});
    const struct {
        std::vector<std::string> arguments;
        int status;
    } table[]{
        {{"audit"}, 2},
        {{"audit", "verify"}, 2},
        {{"audit", "checkpoint"}, 2},
        {{"audit", "verify", "--data", data, "--checkpoint", file.string()}, 2},
        {{"audit", "verify", "--data", data, "--public-key", key}, 2},
        {{"audit", "verify", "--data", data}, 1}, // holds no store
        {{"audit", "verify", "--data", data + "/nothing"}, 1},
        {{"audit", "checkpoint", "--data", data + "/nothing"}, 1},
        {{"audit", "verify", "--data", data, "--checkpoint", file.string(), "--public-key", key}, 1},
        {{"audit", "verify", "--data", data, "--checkpoint", file.string(), "--public-key", "x"}, 1},
        {{"audit", "verify", "--data", data, "--checkpoint", data + "/nothing", "--public-key", key}, 1},
    };
    for (const auto& each : table) {
        const auto got = run_doorward(each.arguments);
        BOOST_TEST(got.status == each.status, each.arguments.back() << ": " << got.err);
        BOOST_TEST(!got.err.empty(), each.arguments.back());
    }
}

BOOST_AUTO_TEST_SUITE_END()
