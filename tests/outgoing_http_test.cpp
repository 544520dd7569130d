// Calls to services of others over real connections: what is sent, what is taken for an answer, and every way of
// getting none. TLS is in custom_activation_process_test.

#include "server/config.hpp"
#include "server/outgoing_http.hpp"
#include "tests/provider_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <list>

namespace {

using namespace doorward;
using namespace doorward::tests;
using handlers::outgoing_answer;
using handlers::outgoing_failure;
using handlers::outgoing_request;
using after = provider_server::reaction::after;
using namespace std::chrono_literals;

// Long enough for anything that does end, and as short as a provider's time can be for what does not.
constexpr std::chrono::milliseconds long_enough = provider_server::patience;
constexpr std::chrono::milliseconds shortest = 100ms;

struct caller {
    // An answer that has not come yet.
    using pending = std::shared_ptr<std::optional<outgoing_answer>>;

    static outgoing_request to(const std::string& url, std::chrono::milliseconds timeout = long_enough)
    {
        outgoing_request out;
        out.to = registry::parse_provider_url(url).value();
        out.request_id = "call-1";
        out.body = R"({"a":"b"})";
        out.timeout = timeout;
        return out;
    }

    pending start(outgoing_request what, const std::string& owner = "bank")
    {
        auto permit = http.enter(owner);
        BOOST_TEST_REQUIRE(permit);
        const outgoing_request& kept = requests.emplace_back(std::move(what));
        auto out = std::make_shared<std::optional<outgoing_answer>>();
        boost::asio::co_spawn(context, http.post(kept, std::move(permit)),
                              [out](const std::exception_ptr& fault, outgoing_answer got) {
                                  if (fault)
                                      std::rethrow_exception(fault);
                                  *out = std::move(got);
                              });
        return out;
    }
    outgoing_answer ask(outgoing_request what)
    {
        const auto sent = start(std::move(what));
        context.restart();
        while (!sent->has_value())
            BOOST_TEST_REQUIRE(context.run_one() > 0U);
        return **sent;
    }
    outgoing_answer ask(const provider_server& whom, std::chrono::milliseconds timeout = long_enough)
    {
        return ask(to(whom.url(), timeout));
    }

    server::outgoing_http http;
    std::list<outgoing_request> requests; // outlive the calls
    boost::asio::io_context context{1};
};

std::string text(outgoing_failure what)
{
    return std::string{to_text(what)};
}

std::string chunked(std::string_view body)
{
    std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char c : body)
        out += std::string{"1\r\n"} + c + "\r\n";
    return out + "0\r\n\r\n";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(outgoing_http, caller)

BOOST_AUTO_TEST_CASE(a_request_says_what_it_was_told_and_nothing_else)
{
    provider_server provider;
    const std::string token = "b3arer-of.good~news";
    auto what = to("http://127.0.0.1:" + std::to_string(provider.port()) + "/a/b%20c");
    what.bearer = crypto::as_bytes(token);
    const auto got = ask(std::move(what));
    BOOST_TEST(text(got.failure) == text(outgoing_failure::none));
    BOOST_TEST(got.status == 200U);
    BOOST_TEST(got.body == R"({"userId":"anna"})");

    const auto heard = provider.requests().at(0);
    BOOST_TEST(heard.method == "POST");
    BOOST_TEST(heard.path == "/a/b%20c");
    BOOST_TEST(heard.body == R"({"a":"b"})");
    const bench::header_list expected{{"Host", "127.0.0.1:" + std::to_string(provider.port())},
                                      {"Content-Type", "application/json"},
                                      {"Accept", "application/json"},
                                      {"Connection", "close"},
                                      {"Content-Length", "9"},
                                      {"X-Request-Id", "call-1"},
                                      {"Authorization", "Bearer " + token}};
    BOOST_TEST((heard.headers == expected));

    auto plain = to(provider.url());
    plain.request_id.clear();
    BOOST_TEST(ask(std::move(plain)).status == 200U);
    const auto bare = provider.requests().at(1);
    for (const auto& [name, value] : bare.headers)
        BOOST_TEST((name != "Authorization" && name != "X-Request-Id"));
}

BOOST_AUTO_TEST_CASE(more_fields_and_other_credentials_are_sent)
{
    provider_server provider;
    const std::string credentials = "door:p4ss:word";
    auto what = to(provider.url());
    what.basic = crypto::as_bytes(credentials);
    what.headers = {{"webhook-id", "msg_1"}, {"X-Doorward-Event-Seq", "7"}};
    BOOST_TEST(ask(std::move(what)).status == 200U);
    const auto heard = provider.requests().at(0);
    const bench::header_list expected{{"Host", "127.0.0.1:" + std::to_string(provider.port())},
                                      {"Content-Type", "application/json"},
                                      {"Accept", "application/json"},
                                      {"Connection", "close"},
                                      {"Content-Length", "9"},
                                      {"X-Request-Id", "call-1"},
                                      {"Authorization", "Basic ZG9vcjpwNHNzOndvcmQ="},
                                      {"webhook-id", "msg_1"},
                                      {"X-Doorward-Event-Seq", "7"}};
    BOOST_TEST((heard.headers == expected));
}

BOOST_AUTO_TEST_CASE(calls_can_be_ended_before_their_time)
{
    provider_server silent;
    silent.react(provider_server::reaction{"", after::keep_silent});
    provider_server secured{provider_server::transport::tls}; // which nobody vouches for: it ends by itself
    dead_port taking{dead_port::kind::taking};
    handlers::outgoing_stop stop;
    std::vector<pending> calls;
    for (const std::string& url : {silent.url(), "http://127.0.0.1:" + std::to_string(taking.port()) + "/",
                                   "https://127.0.0.1:" + std::to_string(taking.port()) + "/", secured.url()}) {
        auto what = to(url);
        what.stop = &stop;
        calls.push_back(start(std::move(what)));
    }
    context.restart();
    while (silent.requests().empty())
        context.poll();
    stop.stop();
    for (const auto& each : calls) {
        while (!each->has_value())
            BOOST_TEST_REQUIRE(context.run_one() > 0U);
        BOOST_TEST(text((*each)->failure) != text(outgoing_failure::none));
    }
    auto late = to(silent.url());
    late.stop = &stop;
    BOOST_TEST(text(ask(std::move(late)).failure) == text(outgoing_failure::closed));
    BOOST_TEST(silent.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(every_form_of_an_answer_is_read)
{
    provider_server provider;
    const std::string body = R"({"x":1})";
    const std::pair<const char*, std::string> answers[]{
        {"with a length", provider_server::http(200, body)},
        {"in chunks", chunked(body)},
        {"until its end", "HTTP/1.1 200 OK\r\n\r\n" + body},
        {"of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n" + body},
        {"after hints", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" +
                            provider_server::http(200, body)},
        {"with many fields", provider_server::http(200, body, "X-Long: " + std::string(8000, 'a') + "\r\n")},
    };
    for (const auto& [what, bytes] : answers)
        BOOST_TEST_CONTEXT(what)
        {
            provider.react(provider_server::reaction{bytes});
            const auto got = ask(provider);
            BOOST_TEST(text(got.failure) == text(outgoing_failure::none));
            BOOST_TEST(got.status == 200U);
            BOOST_TEST(got.body == body);
        }
    // An answer with a length is complete before its connection ends.
    provider.react(provider_server::reaction{provider_server::http(200, body), after::keep_silent});
    BOOST_TEST(ask(provider).body == body);
}

BOOST_AUTO_TEST_CASE(every_status_is_an_answer_and_redirects_are_not_followed)
{
    provider_server provider;
    provider_server elsewhere;
    std::size_t asked = 0;
    for (const int status : {200, 204, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503})
        BOOST_TEST_CONTEXT(status)
        {
            provider.react(
                provider_server::reaction{provider_server::http(status, "", "Location: " + elsewhere.url() + "\r\n")});
            const auto got = ask(provider);
            BOOST_TEST(text(got.failure) == text(outgoing_failure::none));
            BOOST_TEST(got.status == static_cast<unsigned>(status));
            BOOST_TEST(provider.requests().size() == ++asked);
        }
    BOOST_TEST(elsewhere.requests().empty());
}

BOOST_AUTO_TEST_CASE(answers_may_have_64_kib_and_not_a_byte_more)
{
    provider_server provider;
    const std::string most(server::outgoing_answer_bytes_max, 'x');
    provider.react(provider_server::reaction{provider_server::http(200, most)});
    BOOST_TEST((ask(provider).body == most));
    const std::pair<const char*, provider_server::reaction> too_large[]{
        {"by its length", {provider_server::http(200, most + 'x')}},
        {"by a length that is a lie", {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", after::flood}},
        {"in chunks", {chunked(most + 'x')}},
        {"until its end", {"HTTP/1.1 200 OK\r\n\r\n" + most + 'x'}},
        {"without an end", {"HTTP/1.1 200 OK\r\n\r\n", after::flood}},
        {"its header", {provider_server::http(200, "", "X: " + std::string(server::outgoing_header_bytes_max, 'x'))}},
        {"its header, without an end", {"HTTP/1.1 200 OK\r\nX: ", after::flood}},
    };
    for (const auto& [what, how] : too_large)
        BOOST_TEST_CONTEXT(what)
        {
            provider.react(how);
            BOOST_TEST(text(ask(provider).failure) == text(outgoing_failure::too_large));
        }
}

BOOST_AUTO_TEST_CASE(what_is_not_http_is_no_answer)
{
    provider_server provider;
    for (const char* bytes :
         {"hello\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"})
        BOOST_TEST_CONTEXT(bytes)
        {
            provider.react(provider_server::reaction{bytes});
            BOOST_TEST(text(ask(provider).failure) == text(outgoing_failure::malformed));
        }
    std::string hints;
    for (int i = 0; i < 20; ++i)
        hints += "HTTP/1.1 100 Continue\r\n\r\n";
    provider.react(provider_server::reaction{hints + provider_server::http(200, "{}")});
    BOOST_TEST(text(ask(provider).failure) == text(outgoing_failure::malformed));
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_cut_off_is_none)
{
    provider_server provider;
    for (const auto then : {after::close, after::reset})
        for (const char* bytes : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n",
                                  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"user",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"us"})
            BOOST_TEST_CONTEXT(bytes << (then == after::reset ? " and a reset" : ""))
            {
                provider.react(provider_server::reaction{bytes, then});
                BOOST_TEST(text(ask(provider).failure) == text(outgoing_failure::closed));
            }
}

BOOST_AUTO_TEST_CASE(nobody_is_waited_for_longer_than_agreed)
{
    provider_server provider;
    const std::pair<const char*, provider_server::reaction> slow[]{
        {"says nothing", {"", after::keep_silent}},
        {"stops in its header", {"HTTP/1.1 200 OK\r\nContent-Length", after::keep_silent}},
        {"stops in its body", {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", after::keep_silent}},
        {"never ends its body", {"HTTP/1.1 200 OK\r\n\r\n{}", after::keep_silent}},
        {"takes its time for each byte", {"HTTP/1.1 200 OK\r\n\r\n", after::drip}},
        {"hints and hints", {"HTTP/1.1 100 Continue\r\n\r\n", after::keep_silent}},
    };
    for (const auto& [what, how] : slow)
        BOOST_TEST_CONTEXT(what)
        {
            provider.react(how);
            BOOST_TEST(text(ask(provider, shortest).failure) == text(outgoing_failure::timed_out));
        }
    dead_port taking{dead_port::kind::taking};
    const auto url = "http://127.0.0.1:" + std::to_string(taking.port());
    BOOST_TEST(text(ask(to(url, shortest)).failure) == text(outgoing_failure::timed_out));
    // Not even to say hello.
    BOOST_TEST(text(ask(to("https://127.0.0.1:" + std::to_string(taking.port()), shortest)).failure) ==
               text(outgoing_failure::timed_out));
    // Its patience is for the whole of it: a request that nobody takes is given up as well.
    auto large = to(url, shortest);
    large.body = std::string(std::size_t{16} * 1024 * 1024, 'x');
    BOOST_TEST(text(ask(std::move(large)).failure) == text(outgoing_failure::timed_out));
}

BOOST_AUTO_TEST_CASE(nobody_there)
{
    dead_port refusing{dead_port::kind::refusing};
    for (const char* scheme : {"http", "https"})
        for (const char* host : {"127.0.0.1", "localhost"})
            BOOST_TEST(
                text(ask(to(std::string{scheme} + "://" + host + ':' + std::to_string(refusing.port()))).failure) ==
                text(outgoing_failure::unreachable));
    // RFC 6761: this name has no address, anywhere.
    const auto got = text(ask(to("http://nobody.invalid/", 5s)).failure);
    BOOST_TEST((got == text(outgoing_failure::unresolved) || got == text(outgoing_failure::timed_out)));
}

BOOST_AUTO_TEST_CASE(a_provider_may_have_a_name)
{
    provider_server provider;
    const auto host = "localhost:" + std::to_string(provider.port());
    BOOST_TEST(ask(to("http://" + host + "/judge")).status == 200U);
    const auto heard = provider.requests().at(0);
    BOOST_TEST(heard.headers.at(0).second == host);
}

BOOST_AUTO_TEST_CASE(many_calls_to_one_name_at_once_are_all_answered)
{
    provider_server provider;
    const auto url = "http://localhost:" + std::to_string(provider.port()) + "/judge";
    for (int round = 0; round < 2; ++round) { // looked up, and known
        std::vector<pending> calls;
        for (int i = 0; i < 10; ++i)
            calls.push_back(start(to(url)));
        context.restart();
        context.run();
        for (const auto& each : calls)
            BOOST_TEST(each->value().status == 200U);
    }
    // A port is not kept with the name.
    provider_server other;
    BOOST_TEST(ask(to("http://localhost:" + std::to_string(other.port()))).status == 200U);
    // Nor what nobody answered at.
    dead_port refusing{dead_port::kind::refusing};
    BOOST_TEST(text(ask(to("http://localhost:" + std::to_string(refusing.port()))).failure) ==
               text(outgoing_failure::unreachable));
    BOOST_TEST(ask(to(url)).status == 200U);
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_leaves_calls_that_wait_for_a_name)
{
    boost::asio::io_context another{1};
    const auto what = to("http://localhost:1/judge");
    std::optional<outgoing_answer> never;
    boost::asio::co_spawn(another, http.post(what, http.enter("bank")),
                          [&never](const std::exception_ptr&, outgoing_answer got) { never = std::move(got); });
    another.run_one(); // up to its lookup
    BOOST_TEST(!never.has_value());
}

BOOST_AUTO_TEST_CASE(https_is_not_spoken_with_a_server_that_does_not)
{
    provider_server provider;
    provider.react(provider_server::reaction{"HTTP/1.1 400 Bad Request\r\n\r\n"});
    const auto url = "https://127.0.0.1:" + std::to_string(provider.port());
    // It waits for the end of what it takes for a request, and the other side for its hello.
    BOOST_TEST(text(ask(to(url, shortest)).failure) == text(outgoing_failure::timed_out));
    BOOST_TEST(provider.requests().empty());
}

BOOST_AUTO_TEST_CASE(calls_are_bounded_for_each_application_and_altogether)
{
    dead_port taking{dead_port::kind::taking};
    provider_server provider;
    const auto silent = to("http://127.0.0.1:" + std::to_string(taking.port()), shortest);
    const auto run = [&] {
        context.restart();
        context.run();
    };

    std::vector<pending> waiting;
    for (std::size_t i = 0; i < server::outgoing_calls_per_application_max; ++i)
        waiting.push_back(start(silent, "slow"));
    BOOST_TEST(!http.enter("slow"));
    const auto others = start(to(provider.url()));
    run();
    BOOST_TEST(others->value().status == 200U);
    for (const auto& each : waiting)
        BOOST_TEST(text(each->value().failure) == text(outgoing_failure::timed_out));
    // Whoever has ended makes room.
    const auto again = start(to(provider.url()), "slow");
    run();
    BOOST_TEST(again->value().status == 200U);

    waiting.clear();
    for (std::size_t i = 0; i < server::outgoing_calls_max; ++i)
        waiting.push_back(start(silent, "slow-" + std::to_string(i / server::outgoing_calls_per_application_max)));
    BOOST_TEST(!http.enter("bank"));
    run();
    // Whoever has entered and asks nothing counts, too.
    auto idle = http.enter("slow");
    for (std::size_t i = 1; i < server::outgoing_calls_per_application_max; ++i)
        waiting.push_back(start(silent, "slow"));
    BOOST_TEST(!http.enter("slow"));
    idle.reset();
    BOOST_TEST(http.enter("slow"));
    run();
    BOOST_TEST(ask(provider).status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()
