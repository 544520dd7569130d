// The feed over HTTP, without sockets: pages, long polls, streams, the audit log, checkpoints.

#include "crypto/encoding.hpp"
#include "handlers/checkpoint_json.hpp"
#include "handlers/event_feed.hpp"
#include "registry/audit_chain.hpp"
#include "tests/support.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::event_sequence;
using namespace std::chrono_literals;

constexpr std::chrono::steady_clock::duration no_time{0};

std::vector<event_sequence> sequences(const json& rows)
{
    std::vector<event_sequence> out;
    for (const json& each : rows)
        out.push_back(each.at("seq").get<event_sequence>());
    return out;
}

struct feed_world : scratch_world {
    feed_world()
    {
        // So that later requests need no password thread: those of waiting requests come as far as their wait at once.
        for (const char* who : {"office", "stranger", "admin"})
            BOOST_TEST_REQUIRE(office("GET", "/v2/events", {}, who).status == 200U);
    }

    answer feed(const std::string& query = {}, std::string_view who = "office")
    {
        return office("GET", "/v2/events" + query, {}, who);
    }
    // Of an application that "office" does not see.
    std::string create_elsewhere()
    {
        const auto made =
            office("POST", "/v2/registrations", json{{"userId", "eve"}, {"appId", "other"}}.dump(), "stranger");
        BOOST_TEST_REQUIRE(made.status == 200U, made.text);
        return made.body.at("registrationId");
    }
    event_sequence last()
    {
        return env().view([](const kv::read_txn& txn) { return registry::last_event(txn).sequence; });
    }
    // The writer has settled all that was submitted, and told the bell of it.
    void settle() { BOOST_TEST_REQUIRE(!commit(registry::barrier{})); }

    std::shared_ptr<pending> wait_for_events(const std::string& query, std::string_view who = "office")
    {
        auto out = start(handlers::side::office, office_request("GET", "/v2/events" + query, {}, who));
        poll();
        return out;
    }
    // A change that another thread makes while requests of ours wait.
    void create_meanwhile(const std::string& application = "app", std::string_view who = "office")
    {
        const auto got = call_alone(
            handlers::side::office,
            office_request("POST", "/v2/registrations", json{{"userId", "bob"}, {"appId", application}}.dump(), who));
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        settle();
    }
    registry::event administration(std::string application)
    {
        return {clock.now(),
                std::move(application),
                {},
                {"admin", {}},
                registry::administration_event{registry::event_subject::account, "office", "CHANGE_ACCOUNT", "why"}};
    }
    void tell(const registry::event& what)
    {
        auto change = [&](kv::write_txn& txn) {
            registry::append_event(txn, what);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!commit(change));
    }
};

} // namespace

// --- pages

BOOST_FIXTURE_TEST_SUITE(event_feed, feed_world)

BOOST_AUTO_TEST_CASE(a_feed_without_events_is_empty)
{
    const auto begin = last();
    const auto got = feed("?after=" + std::to_string(begin));
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body == json({{"events", json::array()}, {"next", begin}, {"last", begin}}));
}

BOOST_AUTO_TEST_CASE(an_event_tells_what_its_row_of_history_tells)
{
    const auto begin = last();
    auto alice = enrol(*this, {{"flags", {"VIP"}}});
    clock.advance(5);
    const auto path = "/v2/registrations/" + alice.id;
    BOOST_TEST_REQUIRE(
        office("PUT", path, R"({"change":"BLOCK","blockedReason":"LOST","externalUserId":"bob"})").status == 200U);
    const auto got = feed("?after=" + std::to_string(begin));
    const json& rows = got.body.at("events");
    BOOST_TEST_REQUIRE(rows.size() == 4U, got.text);
    BOOST_TEST((sequences(rows) == std::vector<event_sequence>{begin + 1, begin + 2, begin + 3, begin + 4}));
    BOOST_TEST(got.body.at("next") == begin + 4);
    BOOST_TEST(got.body.at("last") == begin + 4);
    BOOST_TEST(rows[0].at("event") == "CREATE");
    BOOST_TEST(rows[0].at("flags") == json({"VIP"}));
    BOOST_TEST(!rows[0].contains("previousStatus"));
    BOOST_TEST(rows[1].at("event") == "EXCHANGE_KEYS");
    BOOST_TEST(rows[1].at("name") == "Simulated phone");
    BOOST_TEST(!rows[1].contains("account"));
    BOOST_TEST(rows[2].at("event") == "COMMIT");
    const auto row = history(alice.id).back();
    BOOST_TEST(rows[3] == json({{"seq", begin + 4},
                                {"subject", "REGISTRATION"},
                                {"event", "BLOCK"},
                                {"applicationId", "app"},
                                {"userId", "alice"},
                                {"registrationId", alice.id},
                                {"registrationStatus", "BLOCKED"},
                                {"previousStatus", "ACTIVE"},
                                {"version", row.at("version")},
                                {"eventReason", "LOST"},
                                {"blockedReason", "LOST"},
                                {"account", "office"},
                                {"externalUserId", "bob"},
                                {"timestampCreated", clock.now()},
                                {"hash", row.at("hash")}}));
    BOOST_TEST(row.at("seq") == begin + 4);
}

BOOST_AUTO_TEST_CASE(events_of_administration_have_another_form)
{
    const auto begin = last();
    tell(administration("app"));
    const auto got = feed("?after=" + std::to_string(begin));
    const json& rows = got.body.at("events");
    BOOST_TEST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0] == json({{"seq", begin + 1},
                                {"subject", "ACCOUNT"},
                                {"subjectId", "office"},
                                {"event", "CHANGE_ACCOUNT"},
                                {"detail", "why"},
                                {"applicationId", "app"},
                                {"account", "admin"},
                                {"timestampCreated", clock.now()},
                                {"hash", rows[0].at("hash")}}));
}

BOOST_AUTO_TEST_CASE(pages_go_on_where_they_ended)
{
    const auto begin = last();
    for (int i = 0; i < 7; ++i)
        create("user-" + std::to_string(i));
    std::vector<event_sequence> seen;
    event_sequence after = begin;
    for (int page = 0; page < 3; ++page) {
        const auto got = feed("?limit=3&after=" + std::to_string(after));
        BOOST_TEST(got.body.at("events").size() == (page < 2 ? 3U : 1U));
        for (const auto each : sequences(got.body.at("events")))
            seen.push_back(each);
        after = got.body.at("next").get<event_sequence>();
    }
    std::vector<event_sequence> expected;
    for (event_sequence i = begin + 1; i <= begin + 7; ++i)
        expected.push_back(i);
    BOOST_TEST(seen == expected);
    BOOST_TEST(feed("?after=" + std::to_string(after)).body.at("events").empty());
    // Behind the end there is nothing, yet.
    BOOST_TEST(feed("?after=" + std::to_string(after + 100)).body.at("next") == after + 100);
}

BOOST_AUTO_TEST_CASE(a_long_feed_is_read_to_its_end)
{
    auto many = [&](kv::write_txn& txn) {
        for (int i = 0; i < 1'500; ++i)
            registry::append_event(txn, administration(i % 100 == 0 ? "app" : "other"));
        return kv::error_code{};
    };
    const auto begin = last();
    BOOST_TEST_REQUIRE(!commit(many));
    const auto all = feed("?limit=1000&after=" + std::to_string(begin), "admin");
    BOOST_TEST(all.body.at("events").size() == 1'000U);
    const auto mine = feed("?after=" + std::to_string(begin));
    BOOST_TEST(mine.body.at("events").size() == 15U);
    BOOST_TEST(mine.body.at("next") == begin + 1'500);
    const auto some = feed("?limit=2&after=" + std::to_string(begin));
    BOOST_TEST((sequences(some.body.at("events")) == std::vector<event_sequence>{begin + 1, begin + 101}));
    BOOST_TEST(some.body.at("next") == begin + 101);
}

BOOST_AUTO_TEST_CASE(a_page_that_looked_at_enough_is_short_and_says_where_to_go_on)
{
    auto many = [&](kv::write_txn& txn) {
        for (std::size_t i = 0; i < registry::page_scan_rows_max; ++i)
            registry::append_event(txn, administration("other"));
        registry::append_event(txn, administration("app"));
        return kv::error_code{};
    };
    const auto begin = last();
    BOOST_TEST_REQUIRE(!commit(many));
    const auto first = feed("?after=" + std::to_string(begin));
    BOOST_TEST(first.body.at("events").empty());
    BOOST_TEST(first.body.at("next") == begin + registry::page_scan_rows_max);
    BOOST_TEST(feed("?after=" + first.body.at("next").dump()).body.at("events").size() == 1U);
}

BOOST_AUTO_TEST_CASE(events_of_other_applications_are_not_seen)
{
    const auto begin = last();
    create("alice");
    create_elsewhere();
    create("alice");
    tell(administration("")); // of no application
    const auto after = "?after=" + std::to_string(begin);
    const auto mine = feed(after);
    BOOST_TEST((sequences(mine.body.at("events")) == std::vector<event_sequence>{begin + 1, begin + 3}));
    BOOST_TEST(mine.body.at("next") == begin + 4);
    BOOST_TEST((sequences(feed(after, "stranger").body.at("events")) == std::vector<event_sequence>{begin + 2}));
    BOOST_TEST(feed(after, "admin").body.at("events").size() == 4U);
    create_account("nobody", registry::role::integration, {});
    BOOST_TEST(feed(after, "nobody").body.at("events").empty());
}

BOOST_AUTO_TEST_CASE(bad_questions_are_refused)
{
    const struct {
        const char* query;
        std::vector<std::string> fields;
    } table[]{
        {"?after=-1", {"after"}}, {"?after=x", {"after"}},    {"?after=9223372036854775808", {"after"}},
        {"?limit=0", {"limit"}},  {"?limit=1001", {"limit"}}, {"?wait=-1", {"wait"}},
        {"?wait=26", {"wait"}},   {"?wait=1.5", {"wait"}},    {"?after=&limit=&wait=", {"after", "limit", "wait"}},
        {"?after=%zz", {""}},
    };
    for (const auto& each : table) {
        const auto got = feed(each.query);
        BOOST_TEST(got.status == 400U, each.query);
        BOOST_TEST(got.violated() == each.fields, each.query);
    }
    BOOST_TEST(office("GET", "/v2/events", {}, "").status == 401U);
    BOOST_TEST(office("POST", "/v2/events", "{}").status == 405U);
    BOOST_TEST(office("GET", "/powerauth-cloud/v2/events").status == 200U);
}

// --- long polls

BOOST_AUTO_TEST_CASE(a_poll_that_finds_something_does_not_wait)
{
    const auto begin = last();
    create("alice");
    const auto got = wait_for_events("?wait=25&after=" + std::to_string(begin));
    BOOST_TEST_REQUIRE(got->done.has_value());
    BOOST_TEST(got->done->body.at("events").size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_commit_wakes_those_who_wait)
{
    const auto query = "?wait=25&after=" + std::to_string(last());
    const auto first = wait_for_events(query);
    const auto second = wait_for_events(query, "admin");
    BOOST_TEST((!first->done && !second->done));
    create_meanwhile();
    run(); // ends with the last one who waits
    BOOST_TEST_REQUIRE((first->done && second->done));
    BOOST_TEST(first->done->body.at("events").size() == 1U);
    BOOST_TEST(second->done->body.at("events").size() == 1U);
    BOOST_TEST(first->done->body.at("events")[0].at("event") == "CREATE");
}

BOOST_AUTO_TEST_CASE(what_is_not_for_them_lets_them_wait_on)
{
    auto alice = enrol(*this);
    const auto begin = last();
    const auto mine = wait_for_events("?wait=25&after=" + std::to_string(begin));
    const auto theirs = wait_for_events("?wait=25&after=" + std::to_string(begin), "stranger");
    create_meanwhile("other", "stranger");
    poll();
    BOOST_TEST(!mine->done.has_value());
    BOOST_TEST_REQUIRE(theirs->done.has_value());
    BOOST_TEST(theirs->done->body.at("events").size() == 1U);
    // Attempts are no events.
    BOOST_TEST_REQUIRE(!commit(registry::barrier{}));
    poll();
    BOOST_TEST(!mine->done.has_value());
    create_meanwhile();
    run();
    BOOST_TEST_REQUIRE(mine->done.has_value());
    BOOST_TEST((sequences(mine->done->body.at("events")) == std::vector<event_sequence>{begin + 2}));
    BOOST_TEST(mine->done->body.at("next") == begin + 2);
}

BOOST_AUTO_TEST_CASE(a_wait_ends_by_itself)
{
    const auto begin = last();
    const auto got = wait_for_events("?wait=1&after=" + std::to_string(begin));
    BOOST_TEST(!got->done.has_value());
    run();
    BOOST_TEST_REQUIRE(got->done.has_value());
    BOOST_TEST(got->done->body == json({{"events", json::array()}, {"next", begin}, {"last", begin}}));
}

BOOST_AUTO_TEST_CASE(a_server_that_stops_answers_those_who_wait)
{
    const auto query = "?wait=25&after=" + std::to_string(last());
    const auto before = wait_for_events(query);
    services().bell.close();
    run();
    BOOST_TEST_REQUIRE(before->done.has_value());
    BOOST_TEST(before->done->body.at("events").empty());
    const auto after = wait_for_events(query);
    BOOST_TEST_REQUIRE(after->done.has_value());
    BOOST_TEST(after->done->status == 200U);
}

BOOST_AUTO_TEST_CASE(only_so_many_of_an_account_wait)
{
    const auto query = "?wait=25&after=" + std::to_string(last());
    std::vector<std::shared_ptr<pending>> waiting;
    for (std::size_t i = 0; i < handlers::event_waiters_of_account_max; ++i)
        waiting.push_back(wait_for_events(query));
    const auto refused = wait_for_events(query);
    BOOST_TEST_REQUIRE(refused->done.has_value());
    BOOST_TEST(refused->done->status == 429U);
    BOOST_TEST(refused->done->code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(refused->done->header("Retry-After") == "1");
    const auto stream = call_alone(handlers::side::office, office_request("GET", "/v2/events/stream"));
    BOOST_TEST(stream.status == 429U);
    // Who does not wait is served, and so are others.
    BOOST_TEST(call_alone(handlers::side::office, office_request("GET", "/v2/events")).status == 200U);
    const auto other = wait_for_events(query, "stranger");
    BOOST_TEST(!other->done.has_value());
    services().bell.close();
    run();
    for (const auto& each : waiting)
        BOOST_TEST(each->done.has_value());
    BOOST_TEST(other->done.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

// --- the bell

BOOST_FIXTURE_TEST_SUITE(event_bell, feed_world)

namespace {

handlers::task<int> wait_once(handlers::event_bell::place& where, std::chrono::steady_clock::time_point until)
{
    co_await where.wait(until);
    co_return 1;
}

struct waiting_place {
    explicit waiting_place(handlers::event_bell& bell, const std::string& account = "office")
        : place{bell.enter(account, loop.get_executor())}
    {}
    void wait(std::chrono::steady_clock::time_point until)
    {
        ended = false;
        boost::asio::co_spawn(loop, wait_once(*place, until), [this](const std::exception_ptr&, int) { ended = true; });
        poll();
    }
    void poll()
    {
        loop.restart();
        loop.poll();
    }
    void run()
    {
        loop.restart();
        loop.run();
    }

    boost::asio::io_context loop{1};
    std::unique_ptr<handlers::event_bell::place> place;
    bool ended = false;
};

constexpr auto never = std::chrono::hours{24};

} // namespace

BOOST_AUTO_TEST_CASE(it_rings_for_events_and_not_for_other_commits)
{
    waiting_place it{services().bell};
    const auto far = std::chrono::steady_clock::now() + never;
    create_meanwhile(); // since it entered
    it.wait(far);
    BOOST_TEST(it.ended);
    it.wait(far);
    settle();
    it.poll();
    BOOST_TEST(!it.ended);
    create_meanwhile();
    create_meanwhile();
    it.run();
    BOOST_TEST(it.ended);
}

BOOST_AUTO_TEST_CASE(whoever_does_not_listen_can_still_be_woken)
{
    waiting_place it{services().bell};
    BOOST_TEST(!it.place->listen(true)); // it does already
    BOOST_TEST(!it.place->listen(false));
    const auto far = std::chrono::steady_clock::now() + never;
    it.wait(far);
    create_meanwhile();
    it.poll();
    BOOST_TEST(!it.ended);
    it.place->wake();
    it.place->wake();
    it.run();
    BOOST_TEST(it.ended);
    it.place->wake(); // before it waits
    it.wait(far);
    BOOST_TEST(it.ended);
    it.wait(far);
    BOOST_TEST(!it.ended);
    BOOST_TEST(it.place->listen(true));
    create_meanwhile();
    it.run();
    BOOST_TEST(it.ended);
}

BOOST_AUTO_TEST_CASE(a_wait_until_now_ends_now)
{
    waiting_place it{services().bell};
    it.wait(std::chrono::steady_clock::now() + no_time);
    it.run();
    BOOST_TEST(it.ended);
}

BOOST_AUTO_TEST_CASE(places_are_bounded_and_given_back)
{
    auto& bell = services().bell;
    boost::asio::io_context loop{1};
    std::vector<std::unique_ptr<handlers::event_bell::place>> taken;
    const auto of_our_own = bell.enter("", loop.get_executor());
    BOOST_TEST((of_our_own != nullptr));
    for (std::size_t i = 0; i < handlers::event_waiters_max; ++i) {
        const auto account = std::to_string(i / handlers::event_waiters_of_account_max);
        taken.push_back(bell.enter(account, loop.get_executor()));
        BOOST_TEST_REQUIRE(taken.back() != nullptr);
    }
    BOOST_TEST((bell.enter("one more", loop.get_executor()) == nullptr));
    taken.pop_back();
    taken.push_back(bell.enter("one more", loop.get_executor()));
    BOOST_TEST((taken.back() != nullptr));
    BOOST_TEST((bell.enter("one more", loop.get_executor()) == nullptr));
    taken.clear();
    for (std::size_t i = 0; i < handlers::event_waiters_of_account_max; ++i)
        taken.push_back(bell.enter("office", loop.get_executor()));
    BOOST_TEST((taken.back() != nullptr));
    BOOST_TEST((bell.enter("office", loop.get_executor()) == nullptr));
    BOOST_TEST((bell.enter("another", loop.get_executor()) != nullptr));
}

BOOST_AUTO_TEST_CASE(a_closed_bell_lets_nobody_wait)
{
    waiting_place it{services().bell};
    const auto far = std::chrono::steady_clock::now() + never;
    it.wait(far);
    BOOST_TEST(!services().bell.is_closed());
    services().bell.close();
    BOOST_TEST(services().bell.is_closed());
    it.run();
    BOOST_TEST(it.ended);
    for (int i = 0; i < 2; ++i) {
        it.wait(far);
        BOOST_TEST(it.ended);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --- streams

BOOST_FIXTURE_TEST_SUITE(event_stream, feed_world)

namespace {

// "id: 7\ndata: {..}\n\n" and so on.
struct told_events {
    std::vector<event_sequence> ids;
    std::vector<json> data;
};
told_events parse(std::string_view piece)
{
    told_events out;
    while (!piece.empty()) {
        const auto end = piece.find("\n\n");
        BOOST_TEST_REQUIRE((end != std::string_view::npos));
        const auto event = piece.substr(0, end);
        piece.remove_prefix(end + 2);
        const auto line_end = event.find('\n');
        BOOST_TEST_REQUIRE(event.starts_with("id: "), event);
        out.ids.push_back(std::stoull(std::string{event.substr(4, line_end - 4)}));
        const auto rest = event.substr(line_end + 1);
        BOOST_TEST_REQUIRE((rest.starts_with("data: ") && rest.find('\n') == std::string_view::npos), rest);
        out.data.push_back(json::parse(rest.substr(6)));
    }
    return out;
}

handlers::task<std::string> next_piece(handlers::response_stream& from)
{
    std::string piece = co_await from.next();
    co_return piece;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_tells_events_as_they_come)
{
    create("alice"); // before it began
    const auto got = office("GET", "/v2/events/stream");
    BOOST_TEST(got.status == 200U);
    BOOST_TEST(got.content_type == "text/event-stream");
    BOOST_TEST(got.header("X-Accel-Buffering") == "no");
    BOOST_TEST_REQUIRE(got.stream != nullptr);
    BOOST_TEST(finish(next_piece(*got.stream)) == "retry: 1000\n\n");
    const auto begin = last();
    create("bob");
    create("bob");
    const auto two = parse(finish(next_piece(*got.stream)));
    BOOST_TEST((two.ids == std::vector<event_sequence>{begin + 1, begin + 2}));
    const auto page = feed("?after=" + std::to_string(begin)).body.at("events");
    BOOST_TEST(two.data[0] == page[0]);
    BOOST_TEST(two.data[1] == page[1]);

    std::optional<std::string> piece;
    spawn(next_piece(*got.stream), piece);
    poll();
    BOOST_TEST(!piece.has_value());
    create_meanwhile();
    run();
    BOOST_TEST_REQUIRE(piece.has_value());
    BOOST_TEST((parse(*piece).ids == std::vector<event_sequence>{begin + 3}));
}

BOOST_AUTO_TEST_CASE(a_reader_that_comes_again_misses_nothing)
{
    const auto begin = last();
    for (int i = 0; i < 5; ++i)
        create("alice");
    const auto ids_of = [&](const std::string& query, const std::string& last_event_id) {
        auto req = office_request("GET", "/v2/events/stream" + query);
        req.last_event_id = last_event_id;
        const auto got = call(handlers::side::office, req);
        BOOST_TEST_REQUIRE(got.stream != nullptr);
        static_cast<void>(finish(next_piece(*got.stream)));
        return parse(finish(next_piece(*got.stream))).ids;
    };
    const std::vector<event_sequence> from_third{begin + 3, begin + 4, begin + 5};
    BOOST_TEST(ids_of("", std::to_string(begin + 2)) == from_third);
    BOOST_TEST(ids_of("?after=" + std::to_string(begin + 2), "") == from_third);
    BOOST_TEST(ids_of("?after=0", std::to_string(begin + 2)) == from_third); // as browsers come again
}

BOOST_AUTO_TEST_CASE(many_events_come_in_pieces)
{
    auto many = [&](kv::write_txn& txn) {
        for (std::size_t i = 0; i < 2 * handlers::event_rows_at_once + 1; ++i)
            registry::append_event(txn, administration("app"));
        return kv::error_code{};
    };
    const auto begin = last();
    BOOST_TEST_REQUIRE(!commit(many));
    const auto got = office("GET", "/v2/events/stream?after=" + std::to_string(begin));
    static_cast<void>(finish(next_piece(*got.stream)));
    event_sequence expected = begin;
    for (const std::size_t size : {handlers::event_rows_at_once, handlers::event_rows_at_once, std::size_t{1}}) {
        const auto piece = parse(finish(next_piece(*got.stream)));
        BOOST_TEST(piece.ids.size() == size);
        for (const auto id : piece.ids)
            BOOST_TEST(id == ++expected);
    }
}

BOOST_AUTO_TEST_CASE(a_silent_stream_says_that_it_is_there_and_how_far_it_has_come)
{
    const auto begin = last();
    auto& svc = services();
    const auto stream = handlers::make_event_stream(svc, svc.directory.find_account("office"), begin,
                                                    svc.bell.enter("office", loop()), std::chrono::milliseconds{0});
    static_cast<void>(finish(next_piece(*stream)));
    BOOST_TEST(finish(next_piece(*stream)) == ":\n\n");
    create_elsewhere();
    BOOST_TEST(finish(next_piece(*stream)) == ":\nid: " + std::to_string(begin + 1) + "\n\n");
    BOOST_TEST(finish(next_piece(*stream)) == ":\n\n");
    create("alice");
    BOOST_TEST((parse(finish(next_piece(*stream))).ids == std::vector<event_sequence>{begin + 2}));
    BOOST_TEST(finish(next_piece(*stream)) == ":\n\n");
}

BOOST_AUTO_TEST_CASE(events_of_other_applications_are_not_told)
{
    const auto begin = last();
    create_elsewhere();
    create("alice");
    create_elsewhere();
    const auto first_ids = [&](std::string_view who) {
        const auto got = office("GET", "/v2/events/stream?after=" + std::to_string(begin), {}, who);
        static_cast<void>(finish(next_piece(*got.stream)));
        return parse(finish(next_piece(*got.stream))).ids;
    };
    BOOST_TEST((first_ids("office") == std::vector<event_sequence>{begin + 2}));
    BOOST_TEST((first_ids("stranger") == std::vector<event_sequence>{begin + 1, begin + 3}));
    BOOST_TEST((first_ids("admin") == std::vector<event_sequence>{begin + 1, begin + 2, begin + 3}));
}

BOOST_AUTO_TEST_CASE(a_stream_follows_its_account)
{
    const auto change_account = [&](const std::function<void(registry::account&)>& how) {
        auto change = [&](kv::write_txn& txn) {
            auto record = registry::find_account(txn, "office").value();
            how(record);
            txn.put(registry::tables::accounts, crypto::as_bytes(record.username), encode(record));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!commit(change));
        services().directory.reload();
    };
    const auto before = *services().directory.find_account("office");
    const auto begin = last();
    const auto open = [&] {
        auto got = office("GET", "/v2/events/stream?after=" + std::to_string(begin));
        BOOST_TEST_REQUIRE(got.stream != nullptr);
        static_cast<void>(finish(next_piece(*got.stream)));
        return got.stream;
    };
    auto stream = open();
    create_elsewhere();
    change_account([](registry::account& it) { it.applications = {"app", "other"}; });
    BOOST_TEST((parse(finish(next_piece(*stream))).ids == std::vector<event_sequence>{begin + 1}));

    const std::function<void(registry::account&)> ends[]{
        [](registry::account& it) { it.enabled = false; },
        [](registry::account& it) { it.password_hash += "x"; },
        [](registry::account& it) { it.its_role = registry::role::admin; },
    };
    for (const auto& how : ends) {
        change_account([&](registry::account& it) { it = before; });
        stream = open();
        create("alice");
        change_account(how);
        BOOST_TEST(finish(next_piece(*stream)).empty());
    }
}

BOOST_AUTO_TEST_CASE(a_stream_ends_with_the_token_that_it_was_opened_with)
{
    const auto made = office("POST", "/admin/users/office/tokens", R"({"name":"feed"})", "admin");
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    auto req = office_request("GET", "/v2/events/stream");
    req.authorization = "Bearer " + made.body.at("token").get<std::string>();
    const auto got = call(handlers::side::office, req);
    BOOST_TEST_REQUIRE(got.stream != nullptr);
    static_cast<void>(finish(next_piece(*got.stream)));
    create("alice");
    BOOST_TEST(!finish(next_piece(*got.stream)).empty());
    create("alice");
    BOOST_TEST(office("DELETE", "/admin/users/office/tokens/feed", {}, "admin").status == 200U);
    BOOST_TEST(finish(next_piece(*got.stream)).empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_stops_ends_its_streams)
{
    const auto got = office("GET", "/v2/events/stream");
    static_cast<void>(finish(next_piece(*got.stream)));
    std::optional<std::string> piece;
    spawn(next_piece(*got.stream), piece);
    poll();
    BOOST_TEST(!piece.has_value());
    services().bell.close();
    run();
    BOOST_TEST_REQUIRE(piece.has_value());
    BOOST_TEST(piece->empty());
    BOOST_TEST(finish(next_piece(*got.stream)).empty());
}

BOOST_AUTO_TEST_CASE(bad_questions_are_refused)
{
    BOOST_TEST((office("GET", "/v2/events/stream?after=x").violated() == std::vector<std::string>{"after"}));
    for (const char* bad : {"x", "-1", " 1", "1.0", "18446744073709551616"}) {
        auto req = office_request("GET", "/v2/events/stream");
        req.last_event_id = bad;
        BOOST_TEST((call(handlers::side::office, req).violated() == std::vector<std::string>{"Last-Event-ID"}), bad);
    }
    BOOST_TEST(office("GET", "/v2/events/stream", {}, "").status == 401U);
    BOOST_TEST(office("POST", "/v2/events/stream", "{}").status == 405U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- the audit log

namespace {

struct audit_world : feed_world {
    audit_world()
    {
        first = last();
        begin = clock.now();
        alice = create("alice").id;
        step("alice", "PUT", R"({"change":"BLOCK"})"); // not allowed before the key exchange: no event
        clock.advance(1000);
        bob = create("bob").id;
        eve = create_elsewhere();
        clock.advance(1000);
        BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + alice).status == 200U);
        clock.advance(1000);
        tell(administration(""));
        BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + bob + "?reason=R", {}, "admin").status == 200U);
    }
    void step(const std::string&, std::string_view method, std::string_view body)
    {
        BOOST_TEST_REQUIRE(office(method, "/v2/registrations/" + alice, body).status == 400U);
    }
    answer log(const std::string& query = {}, std::string_view who = "admin")
    {
        return office("GET", "/v2/audit/log" + query, {}, who);
    }
    // Of what the constructor did: 1 to 6.
    std::vector<event_sequence> found(const std::string& query)
    {
        const auto got = log(query);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        std::vector<event_sequence> out;
        for (const auto each : sequences(got.body.at("items")))
            if (each > first)
                out.push_back(each - first);
        return out;
    }

    event_sequence first = 0;
    registry::time_ms begin = 0;
    std::string alice, bob, eve;
};

using found_rows = std::vector<event_sequence>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(audit_log, audit_world)

BOOST_AUTO_TEST_CASE(rows_are_told_newest_first_under_the_names_that_clients_know)
{
    BOOST_TEST((found("") == found_rows{6, 5, 4, 3, 2, 1}));
    const auto got = log();
    const json& rows = got.body.at("items");
    BOOST_TEST(!got.body.contains("nextCursor"));
    BOOST_TEST(
        rows[0] ==
        json(
            {{"seq", first + 6},
             {"eventType", "REMOVE"},
             {"activationId", bob},
             {"registrationId", bob},
             {"applicationId", "app"},
             {"userId", "bob"},
             {"account", "admin"},
             {"eventData",
              {{"registrationStatus", "REMOVED"}, {"previousStatus", "CREATED"}, {"version", 2}, {"eventReason", "R"}}},
             {"timestamp", clock.now()},
             {"hash", history(bob).back().at("hash")}}));
    BOOST_TEST(rows[1] == json({{"seq", first + 5},
                                {"eventType", "CHANGE_ACCOUNT"},
                                {"account", "admin"},
                                {"eventData", {{"subject", "ACCOUNT"}, {"subjectId", "office"}, {"detail", "why"}}},
                                {"timestamp", clock.now()},
                                {"hash", rows[1].at("hash")}}));
    BOOST_TEST(office("GET", "/audit/log", {}, "admin").body == got.body);
    BOOST_TEST(office("GET", "/powerauth-cloud/audit/log?userId=*", {}, "admin").body == got.body);
}

BOOST_AUTO_TEST_CASE(filters_narrow_it_down_alone_and_together)
{
    const struct {
        std::string query;
        found_rows expected;
    } table[]{
        {"?registrationId=" + alice, {4, 1}},
        {"?registrationId=2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11", {}},
        {"?userId=bob", {6, 2}},
        {"?userId=bo", {}},
        {"?userId=*", {6, 5, 4, 3, 2, 1}},
        {"?appId=other", {3}},
        {"?appId=nothing", {}},
        {"?account=admin", {6, 5}},
        {"?account=office", {5, 4, 2, 1}}, // by it, or about it
        {"?account=stranger", {3}},
        {"?eventType=REMOVE", {6, 4}},
        {"?eventType=REMOVE&eventType=CHANGE_ACCOUNT", {6, 5, 4}},
        {"?eventType=UNKNOWN", {}},
        {"?eventType=CREATE&account=office", {2, 1}},
        {"?userId=alice&eventType=CREATE", {1}},
        {"?userId=alice&account=admin", {}},
        {"?registrationId=" + bob + "&account=admin", {6}},
        {"?registrationId=" + bob + "&userId=alice", {}},
        {"?appId=app&userId=eve", {}},
        {"?appId=app&eventType=CREATE", {2, 1}},
        {"?timestampFrom=" + std::to_string(begin + 1000), {6, 5, 4, 3, 2}},
        {"?timestampTo=" + std::to_string(begin + 1000), {3, 2, 1}},
        {"?timestampFrom=" + std::to_string(begin + 1) + "&timestampTo=" + std::to_string(begin + 2000), {4, 3, 2}},
        {"?timestampFrom=" + std::to_string(begin + 3001), {}},
        {"?timestampTo=" + std::to_string(begin - 1) + "&timestampFrom=0&userId=alice", {}},
        {"?userId=alice&timestampFrom=" + std::to_string(begin + 2000), {4}},
    };
    for (const auto& each : table)
        BOOST_TEST(found(each.query) == each.expected, each.query);
}

BOOST_AUTO_TEST_CASE(pages_go_on_where_they_ended)
{
    for (const std::string filter : {"", "&account=office", "&appId=app", "&userId=alice"}) {
        const auto all = sequences(log("?limit=1000" + filter).body.at("items"));
        std::vector<event_sequence> paged;
        std::string cursor;
        for (std::size_t pages = 0; pages < 20; ++pages) {
            const auto got = log("?limit=2" + filter + (cursor.empty() ? "" : "&cursor=" + cursor));
            BOOST_TEST(got.body.at("items").size() <= 2U);
            for (const auto each : sequences(got.body.at("items")))
                paged.push_back(each);
            if (!got.body.contains("nextCursor"))
                break;
            cursor = got.body.at("nextCursor");
            create("mallory"); // what is new meanwhile changes nothing
        }
        BOOST_TEST(paged == all, filter);
    }
}

// A month of it, unless asked otherwise; what is older costs nothing.
BOOST_AUTO_TEST_CASE(the_last_thirty_days_are_looked_at_unless_asked_otherwise)
{
    const auto end = clock.now();
    clock.advance(registry::audit_period_ms - 3000);
    BOOST_TEST((found("") == found_rows{6, 5, 4, 3, 2, 1}));
    clock.advance(1);
    BOOST_TEST((found("") == found_rows{6, 5, 4, 3, 2}));
    clock.advance(registry::audit_period_ms);
    BOOST_TEST(found("").empty());
    BOOST_TEST((found("?timestampFrom=0") == found_rows{6, 5, 4, 3, 2, 1}));
    BOOST_TEST((found("?timestampTo=" + std::to_string(end)) == found_rows{6, 5, 4, 3, 2, 1}));
    BOOST_TEST((found("?timestampTo=" + std::to_string(end - 3000)) == found_rows{1}));
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_hides_nothing)
{
    clock.advance(-3600 * 1000);
    create("late");
    BOOST_TEST((found("?userId=late") == found_rows{7}));
    BOOST_TEST((found("?timestampTo=" + std::to_string(clock.now()) + "&timestampFrom=0") == found_rows{7}));
    clock.advance(3600 * 1000);
    BOOST_TEST((found("?timestampFrom=" + std::to_string(clock.now())) == found_rows{6, 5}));
}

BOOST_AUTO_TEST_CASE(bad_questions_are_refused)
{
    const std::string long_text(256, 'u');
    const struct {
        std::string query;
        std::vector<std::string> fields;
    } table[]{
        {"?registrationId=x", {"registrationId"}},  {"?userId=", {"userId"}},
        {"?userId=" + long_text, {"userId"}},       {"?userId=a%00b", {"userId"}},
        {"?appId=" + long_text, {"appId"}},         {"?account=" + long_text, {"account"}},
        {"?eventType=" + long_text, {"eventType"}}, {"?timestampFrom=yesterday", {"timestampFrom"}},
        {"?timestampTo=-1", {"timestampTo"}},       {"?limit=0&cursor=x", {"limit", "cursor"}},
    };
    for (const auto& each : table) {
        const auto got = log(each.query);
        BOOST_TEST(got.status == 400U, each.query);
        BOOST_TEST(got.violated() == each.fields, each.query);
    }
    std::string many = "?x=y";
    for (int i = 0; i < 33; ++i)
        many += "&eventType=A";
    BOOST_TEST((log(many).violated() == std::vector<std::string>{"eventType"}));
    const auto backwards = log("?timestampFrom=2000&timestampTo=1000");
    BOOST_TEST(backwards.status == 400U);
    BOOST_TEST(backwards.code() == "ERROR_AUDIT");
}

BOOST_AUTO_TEST_CASE(it_is_for_admins)
{
    for (const char* path : {"/v2/audit/log", "/audit/log", "/v2/audit/checkpoint"}) {
        BOOST_TEST(office("GET", path, {}, "office").code() == "ERROR_FORBIDDEN");
        BOOST_TEST(office("GET", path, {}, "").status == 401U);
        BOOST_TEST(office("POST", path, "{}", "admin").status == 405U);
    }
}

// The log itself shows an account what is of its applications, whatever role lets it come this far.
BOOST_AUTO_TEST_CASE(it_shows_an_account_what_is_of_its_applications)
{
    const auto seen_by = [&](const char* who) {
        handlers::request req;
        const handlers::call asked{req, {}, {}, services().directory.find_account(who)};
        const auto got = finish(handlers::audit_log(asked, services()));
        BOOST_TEST_REQUIRE(got.status == 200U);
        std::vector<event_sequence> out;
        for (const auto each : sequences(json::parse(got.body).at("items")))
            if (each > first)
                out.push_back(each - first);
        return out;
    };
    BOOST_TEST((seen_by("admin") == found_rows{6, 5, 4, 3, 2, 1}));
    BOOST_TEST((seen_by("office") == found_rows{6, 4, 2, 1}));
    BOOST_TEST((seen_by("stranger") == found_rows{3}));
}

// --- checkpoints

BOOST_AUTO_TEST_CASE(a_checkpoint_states_what_the_events_are_now)
{
    const auto got = office("GET", "/v2/audit/checkpoint", {}, "admin");
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    const auto made = handlers::read_checkpoint(got.text);
    BOOST_TEST_REQUIRE(made.has_value());
    BOOST_TEST(made->upto.sequence == last());
    BOOST_TEST(made->at == clock.now());
    BOOST_TEST(registry::is_signed(*made, made->key));
    BOOST_TEST(crypto::to_hex(made->upto.digest) == history(bob).back().at("hash").get<std::string>());
    BOOST_TEST(got.body.at("publicKey") == crypto::to_base64(made->key));

    // The key is made once.
    create("alice");
    restart();
    const auto later = handlers::read_checkpoint(office("GET", "/v2/audit/checkpoint", {}, "admin").text);
    BOOST_TEST_REQUIRE(later.has_value());
    BOOST_TEST((later->key == made->key));
    BOOST_TEST(later->upto.sequence == made->upto.sequence + 1);
    const auto report = env().view([&](const kv::read_txn& txn) {
        return registry::verify_chain(txn, std::vector<registry::event_place>{made->upto, later->upto});
    });
    BOOST_TEST(!report.fault.has_value());
}

BOOST_AUTO_TEST_CASE(only_checkpoints_are_read_as_such)
{
    const auto text = office("GET", "/v2/audit/checkpoint", {}, "admin").text;
    const auto whole = json::parse(text);
    BOOST_TEST((handlers::write_checkpoint(handlers::read_checkpoint(text).value()) == text));
    for (const char* name : {"sequence", "digest", "time", "publicKey", "signature"}) {
        auto without = whole;
        without.erase(name);
        BOOST_TEST(!handlers::read_checkpoint(without.dump()).has_value(), name);
        for (const json& bad : {json("x"), json(-1), json(1.5), json(nullptr), json("AAAA"), json::array()}) {
            auto altered = whole;
            altered[name] = bad;
            BOOST_TEST(!handlers::read_checkpoint(altered.dump()).has_value(), name << ' ' << bad);
        }
    }
    for (const char* bad : {"", "{}", "[]", "x", "{\"sequence\":1}"})
        BOOST_TEST(!handlers::read_checkpoint(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
