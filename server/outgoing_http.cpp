#include "server/outgoing_http.hpp"
#include "crypto/client_certificate.hpp"
#include "crypto/encoding.hpp"
#include "crypto/secret.hpp"
#include "server/io_threads.hpp"
#include "server/known_names.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cassert>
#include <map>
#include <mutex>
#include <optional>

namespace doorward::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using handlers::outgoing_answer;
using handlers::outgoing_failure;
using handlers::outgoing_permit;
using handlers::outgoing_request;
using std::chrono::steady_clock;

constexpr auto token = asio::as_tuple(asio::deferred);
using tcp_stream = beast::basic_stream<tcp, executor>;
using tls_stream = asio::ssl::stream<tcp_stream>;

// How many calls are under way, all together and for each application.
class call_budget : public std::enable_shared_from_this<call_budget> {
public:
    // Null when there are too many.
    outgoing_permit enter(const std::string& owner)
    {
        auto leave = [self = shared_from_this(), owner](const void*) { self->leave(owner); };
        {
            const std::lock_guard lock{mutex_};
            if (total_ >= outgoing_calls_max)
                return nullptr;
            std::size_t& mine = of_owner_[owner];
            if (mine >= outgoing_calls_per_application_max)
                return nullptr;
            ++total_;
            ++mine;
        }
        return {this, std::move(leave)}; // leaves, too, when there is no memory for it
    }

private:
    void leave(const std::string& owner)
    {
        const std::lock_guard lock{mutex_};
        --total_;
        const auto mine = of_owner_.find(owner);
        if (--mine->second == 0)
            of_owner_.erase(mine);
    }

    std::mutex mutex_;
    std::size_t total_ = 0;                                    // guarded by mutex_
    std::map<std::string, std::size_t, std::less<>> of_owner_; // guarded by mutex_
};

outgoing_answer failed(outgoing_failure why)
{
    outgoing_answer out;
    out.failure = why;
    return out;
}

// --- where to

struct destination {
    outgoing_failure failure = outgoing_failure::none;
    std::vector<tcp::endpoint> addresses;
};

// A call that waits for the end of a lookup.
struct waiting_call {
    explicit waiting_call(const executor& on) : alarm{on} {}

    asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>, executor> alarm;
    bool answered = false;
    known_names::addresses found;
};

// The names that one event loop knows, and who waits for them. Lives with the loop; of its thread only.
class loop_names final : public asio::execution_context::service {
public:
    static inline asio::execution_context::id id;

    explicit loop_names(asio::execution_context& of) : service{of} {}
    static loop_names& of(const executor& loop)
    {
        asio::execution_context& context = loop.context();
        return asio::use_service<loop_names>(context);
    }

    known_names known;

    // Starts a lookup by the system's resolver.
    void look_up(const executor& here, const std::string& name)
    {
        const auto resolver = std::make_shared<asio::ip::basic_resolver<tcp, executor>>(here);
        auto then = [this, resolver, name](error_code ec, const tcp::resolver::results_type& results) {
            known_names::addresses found;
            if (!ec) {
                for (const auto& each : results)
                    found.push_back(each.endpoint().address());
            }
            answered(name, std::move(found));
        };
        resolver->async_resolve(name, "", std::move(then));
    }

    // Who waits for the lookup that is under way.
    std::shared_ptr<waiting_call> wait(const executor& here, const std::string& name, steady_clock::time_point deadline)
    {
        auto out = std::make_shared<waiting_call>(here);
        out->alarm.expires_at(deadline);
        waiting_[name].push_back(out);
        return out;
    }

private:
    void answered(const std::string& name, known_names::addresses found)
    {
        const auto calls = waiting_.extract(name);
        if (!calls.empty()) {
            for (const auto& each : calls.mapped()) {
                each->answered = true;
                each->found = found;
                each->alarm.cancel();
            }
        }
        known.answered(name, std::move(found), steady_clock::now());
    }
    void shutdown() noexcept override { waiting_.clear(); }

    // Also those that have given up since; none comes to them then.
    std::map<std::string, std::vector<std::shared_ptr<waiting_call>>, std::less<>> waiting_;
};

destination at_port(const known_names::addresses& found, std::uint16_t port)
{
    destination out;
    for (const auto& each : found)
        out.addresses.emplace_back(each, port);
    if (found.empty())
        out.failure = outgoing_failure::unresolved;
    return out;
}

handlers::task<destination> look_up(const registry::provider_url& where, steady_clock::time_point deadline,
                                    handlers::outgoing_stop* stop)
{
    error_code is_a_name;
    const auto address = asio::ip::make_address(where.host, is_a_name);
    if (!is_a_name)
        co_return at_port({address}, where.port);
    const executor here = co_await asio::this_coro::executor;
    loop_names& names = loop_names::of(here);
    const auto todo = names.known.ask(where.host, steady_clock::now());
    if (todo.look_up)
        names.look_up(here, where.host);
    if (!todo.wait)
        co_return at_port(todo.found, where.port);

    const auto call = names.wait(here, where.host, deadline);
    const handlers::outgoing_stop::hook interrupts{stop, [call] { call->alarm.cancel(); }};
    const auto [woken_early] = co_await call->alarm.async_wait(token);
    static_cast<void>(woken_early);
    if (!call->answered) {
        names.known.gave_up(where.host);
        destination none;
        none.failure = outgoing_failure::timed_out;
        co_return none;
    }
    co_return at_port(call->found, where.port);
}

// One address after the other.
handlers::task<outgoing_failure> connect(tcp_stream& stream, const std::vector<tcp::endpoint>& addresses,
                                         const handlers::outgoing_stop* stop)
{
    for (const tcp::endpoint& each : addresses) {
        if (stop != nullptr && stop->is_stopped())
            co_return outgoing_failure::closed;
        const auto [ec] = co_await stream.async_connect(each, token);
        if (!ec)
            co_return outgoing_failure::none;
        if (ec == beast::error::timeout)
            co_return outgoing_failure::timed_out;
        stream.close();
    }
    co_return outgoing_failure::unreachable;
}

// --- there and back

std::string request_head(const outgoing_request& what)
{
    std::size_t more = 0;
    for (const auto& [name, value] : what.headers)
        more += name.size() + value.size() + 4;
    std::string out;
    // Reserved, so that no copy of the credentials is left behind.
    out.reserve(512 + what.to.path.size() + what.bearer.size() + 2 * what.basic.size() + more);
    out += "POST ";
    out += what.to.path;
    out += " HTTP/1.1\r\nHost: ";
    out += registry::host_and_port(what.to);
    out += "\r\nContent-Type: application/json\r\nAccept: application/json\r\nConnection: close\r\nContent-Length: ";
    out += std::to_string(what.body.size());
    if (!what.request_id.empty()) {
        out += "\r\nX-Request-Id: ";
        out += what.request_id;
    }
    if (!what.bearer.empty()) {
        out += "\r\nAuthorization: Bearer ";
        out += crypto::as_text(what.bearer);
    }
    if (!what.basic.empty()) {
        std::string credentials = crypto::to_base64(what.basic);
        out += "\r\nAuthorization: Basic ";
        out += credentials;
        crypto::wipe(credentials.data(), credentials.size());
    }
    for (const auto& [name, value] : what.headers) {
        out += "\r\n";
        out += name;
        out += ": ";
        out += value;
    }
    out += "\r\n\r\n";
    return out;
}

outgoing_failure failure_of(const error_code& ec)
{
    if (ec == beast::error::timeout)
        return outgoing_failure::timed_out;
    if (ec == http::error::header_limit || ec == http::error::body_limit || ec == http::error::buffer_overflow)
        return outgoing_failure::too_large;
    if (ec == http::error::end_of_stream || ec == http::error::partial_message)
        return outgoing_failure::closed;
    if (ec.category() == http::make_error_code(http::error::bad_method).category())
        return outgoing_failure::malformed;
    return outgoing_failure::closed;
}

// Answers before the answer, such as 103 Early Hints.
constexpr int interim_answers_max = 8;

template <class Stream>
handlers::task<outgoing_answer> exchange(Stream& stream, const outgoing_request& what)
{
    std::string head = request_head(what);
    const std::array<asio::const_buffer, 2> message{asio::buffer(head), asio::buffer(what.body)};
    const auto [write_ec, written] = co_await asio::async_write(stream, message, token);
    static_cast<void>(written);
    crypto::wipe(head.data(), head.size());
    if (write_ec)
        co_return failed(failure_of(write_ec));

    beast::flat_buffer buffer{outgoing_header_bytes_max + outgoing_answer_bytes_max};
    for (int i = 0; i <= interim_answers_max; ++i) {
        http::response_parser<http::string_body> parser;
        parser.header_limit(outgoing_header_bytes_max);
        parser.body_limit(outgoing_answer_bytes_max);
        const auto [ec, size] = co_await http::async_read(stream, buffer, parser, token);
        static_cast<void>(size);
        if (ec)
            co_return failed(failure_of(ec));
        outgoing_answer out;
        out.status = parser.get().result_int();
        out.body = std::move(parser.get().body());
        if (out.status >= 200)
            co_return out;
    }
    co_return failed(outgoing_failure::malformed);
}

} // namespace

namespace {

bool show(SSL* to, const crypto::client_certificate& what)
{
    bool done = SSL_use_certificate(to, what.own()) == 1;
    for (X509* const each : what.others())
        done = done && SSL_add1_chain_cert(to, each) == 1;
    return done && SSL_use_PrivateKey(to, what.key()) == 1;
}

} // namespace

struct outgoing_http::content {
    content()
    {
        tls.set_default_verify_paths();
        tls.set_verify_mode(asio::ssl::verify_peer);
        SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    }

    asio::ssl::context tls{asio::ssl::context::tls_client};
    std::shared_ptr<call_budget> budget = std::make_shared<call_budget>();
};

outgoing_http::outgoing_http() : content_{std::make_unique<content>()} {}

outgoing_http::~outgoing_http() = default;

outgoing_permit outgoing_http::enter(const std::string& owner)
{
    return content_->budget->enter(owner);
}

// The permit is a parameter, so it is given back with the frame.
handlers::task<outgoing_answer> outgoing_http::post(const outgoing_request& what, outgoing_permit permit)
{
    assert(permit);
    const auto deadline = steady_clock::now() + what.timeout;
    const auto to = co_await look_up(what.to, deadline, what.stop);
    if (to.failure != outgoing_failure::none)
        co_return failed(to.failure);

    const executor here = co_await asio::this_coro::executor;
    tcp_stream plain{here};
    plain.expires_at(deadline); // of everything from here on
    std::optional<handlers::outgoing_stop::hook> interrupts;
    interrupts.emplace(what.stop, [&plain] { plain.close(); });
    const auto no_connection = co_await connect(plain, to.addresses, what.stop);
    if (no_connection != outgoing_failure::none) {
        loop_names::of(here).known.forget(what.to.host); // it may have moved
        co_return failed(no_connection);
    }
    if (!what.to.tls) {
        auto answer = co_await exchange(plain, what);
        co_return answer;
    }

    interrupts.reset();
    tls_stream secured{std::move(plain), content_->tls};
    interrupts.emplace(what.stop, [&secured] { secured.next_layer().close(); });
    secured.set_verify_callback(asio::ssl::host_name_verification{what.to.host});
    error_code is_a_name;
    static_cast<void>(asio::ip::make_address(what.to.host, is_a_name));
    if (is_a_name) { // addresses have no place in the extension (RFC 6066 section 3)
        std::string name = what.to.host;
        SSL_ctrl(secured.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    }
    if (what.certificate != nullptr && !show(secured.native_handle(), *what.certificate))
        co_return failed(outgoing_failure::untrusted);
    const auto [handshake_ec] = co_await secured.async_handshake(asio::ssl::stream_base::client, token);
    if (handshake_ec == beast::error::timeout)
        co_return failed(outgoing_failure::timed_out);
    if (handshake_ec)
        co_return failed(outgoing_failure::untrusted);
    auto answer = co_await exchange(secured, what);
    co_return answer;
}

} // namespace doorward::server
