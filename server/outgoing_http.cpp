#include "server/outgoing_http.hpp"
#include "crypto/secret.hpp"
#include "server/io_threads.hpp"

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

// A question to the system's resolver. Whoever asked may not wait for its end.
struct lookup {
    explicit lookup(const executor& on) : resolver{on}, alarm{on} {}

    asio::ip::basic_resolver<tcp, executor> resolver;
    asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>, executor> alarm;
    bool answered = false;
    std::vector<tcp::endpoint> found;
};

handlers::task<destination> look_up(const registry::provider_url& where, steady_clock::time_point deadline,
                                    outgoing_permit permit)
{
    destination out;
    error_code is_a_name;
    const auto address = asio::ip::make_address(where.host, is_a_name);
    if (!is_a_name) {
        out.addresses.emplace_back(address, where.port);
        co_return out;
    }
    const executor here = co_await asio::this_coro::executor;
    const auto asked = std::make_shared<lookup>(here);
    asked->alarm.expires_at(deadline);
    asked->resolver.async_resolve(
        where.host, std::to_string(where.port), asio::ip::resolver_base::numeric_service,
        [asked, permit = std::move(permit)](error_code ec, const tcp::resolver::results_type& results) {
            if (!ec)
                asked->found.assign(results.begin(), results.end());
            asked->answered = true;
            asked->alarm.cancel();
        });
    const auto [woken_early] = co_await asked->alarm.async_wait(token);
    static_cast<void>(woken_early);
    if (!asked->answered) {
        asked->resolver.cancel(); // unless it is at it already
        out.failure = outgoing_failure::timed_out;
    } else if (asked->found.empty()) {
        out.failure = outgoing_failure::unresolved;
    }
    out.addresses = asked->found;
    co_return out;
}

// One address after the other.
handlers::task<outgoing_failure> connect(tcp_stream& stream, const std::vector<tcp::endpoint>& addresses)
{
    for (const tcp::endpoint& each : addresses) {
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
    std::string out;
    out.reserve(512 + what.to.path.size() + what.bearer.size()); // no copy of the bearer token is left behind
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
    const auto to = co_await look_up(what.to, deadline, permit);
    if (to.failure != outgoing_failure::none)
        co_return failed(to.failure);

    const executor here = co_await asio::this_coro::executor;
    tcp_stream plain{here};
    plain.expires_at(deadline); // of everything from here on
    const auto no_connection = co_await connect(plain, to.addresses);
    if (no_connection != outgoing_failure::none)
        co_return failed(no_connection);
    if (!what.to.tls) {
        auto answer = co_await exchange(plain, what);
        co_return answer;
    }

    tls_stream secured{std::move(plain), content_->tls};
    secured.set_verify_callback(asio::ssl::host_name_verification{what.to.host});
    error_code is_a_name;
    static_cast<void>(asio::ip::make_address(what.to.host, is_a_name));
    if (is_a_name) { // addresses have no place in the extension (RFC 6066 section 3)
        std::string name = what.to.host;
        SSL_ctrl(secured.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    }
    const auto [handshake_ec] = co_await secured.async_handshake(asio::ssl::stream_base::client, token);
    if (handshake_ec == beast::error::timeout)
        co_return failed(outgoing_failure::timed_out);
    if (handshake_ec)
        co_return failed(outgoing_failure::untrusted);
    auto answer = co_await exchange(secured, what);
    co_return answer;
}

} // namespace doorward::server
