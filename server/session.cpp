#include "server/session.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "handlers/event_bell.hpp"
#include "handlers/manners.hpp"
#include "handlers/problem.hpp"
#include "registry/limits.hpp"
#include "server/log.hpp"
#include "server/tls_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <memory_resource>

namespace doorward::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using handlers::response;

// Header fields live in memory of the connection (connection::arena_), freed all at once.
using request_parser = http::request_parser<http::string_body, std::pmr::polymorphic_allocator<char>>;
using watched = watched_connection;

constexpr unsigned not_modified = 304;        // RFC 9110 section 15.4.5
constexpr unsigned service_unavailable = 503; // RFC 9110 section 15.6.4

std::string_view header(const request_parser& parser, std::string_view name)
{
    const auto value = parser.get()[name];
    return {value.data(), value.size()};
}
std::string_view header(const request_parser& parser, http::field name)
{
    const auto value = parser.get()[name];
    return {value.data(), value.size()};
}

std::string new_request_id()
{
    static thread_local const std::string prefix = crypto::to_hex(crypto::random_array<6>()) + '-';
    static thread_local std::uint64_t counter = 0;
    return prefix + std::to_string(++counter);
}

// The client's id when it is harmless to repeat it, else one of ours.
std::string request_id(const request_parser& parser)
{
    const auto given = header(parser, "X-Request-Id");
    return handlers::is_visible_text(given, registry::request_id_characters_max) ? std::string{given}
                                                                                 : new_request_id();
}

// The present time as RFC 9110 section 5.6.7 wants it, made once a second.
std::string_view http_date()
{
    static thread_local std::time_t made_at = 0;
    static thread_local std::array<char, 32> text{};
    const std::time_t now = std::time(nullptr);
    if (now != made_at) {
        std::tm parts{};
        gmtime_r(&now, &parts);
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        made_at = now;
    }
    return text.data();
}

std::string_view reason(unsigned status)
{
    const auto text = http::obsolete_reason(static_cast<http::status>(status));
    return {text.data(), text.size()};
}

bool says_when_to_return(const response& answer)
{
    return std::ranges::any_of(answer.headers, [](const auto& field) { return field.first == "Retry-After"; });
}

enum class body : bool { sent, left_out };

// How a client knows where the body ends.
enum class framing : std::uint8_t { length, chunks, end_of_connection };

// One text, so that an answer is one write. In `out`, whose memory is used again.
void serialise(std::string& out, const response& answer, std::string_view id, std::string_view traceparent,
               bool keep_alive, body what = body::sent, framing how = framing::length)
{
    out.clear();
    out.reserve(320 + answer.body.size());
    const auto add = [&out](std::string_view text) { out.append(text); };
    add("HTTP/1.1 ");
    add(std::to_string(answer.status));
    add(" ");
    add(reason(answer.status));
    const bool has_body = answer.status != not_modified; // of that, it would be that of the answer that is left out
    if (has_body) {
        add("\r\nContent-Type: ");
        add(answer.content_type);
    }
    if (has_body && how == framing::length) {
        add("\r\nContent-Length: ");
        add(std::to_string(answer.body.size()));
    } else if (how == framing::chunks) {
        add("\r\nTransfer-Encoding: chunked");
    }
    add("\r\nDate: ");
    add(http_date());
    add("\r\nCache-Control: ");
    add(answer.cache_control);
    if (answer.status == service_unavailable && !says_when_to_return(answer)) {
        add("\r\nRetry-After: ");
        add(std::to_string(overload_retry_seconds));
    }
    add("\r\nX-Request-Id: ");
    add(id);
    if (!traceparent.empty()) {
        add("\r\ntraceparent: ");
        add(traceparent);
    }
    for (const auto& [name, value] : answer.headers) {
        add("\r\n");
        add(name);
        add(": ");
        add(value);
    }
    add(keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
    if (what == body::sent)
        add(answer.body);
}

// A piece of a stream as it goes over the wire (RFC 9112 section 7.1); the empty one ends it.
void serialise_piece(std::string& out, std::string_view piece, framing how)
{
    out.clear();
    if (how != framing::chunks) {
        out = piece;
        return;
    }
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
    out.append(digits.data(), end);
    out += "\r\n";
    out += piece;
    out += "\r\n";
}

response refusal(unsigned status, std::string_view message)
{
    response out;
    out.status = status;
    out.body = handlers::problem_body("ERROR_REQUEST", message);
    return out;
}

// What a request that cannot be read is told; empty when the connection just ended.
std::optional<response> refusal(const boost::system::error_code& ec)
{
    if (ec == http::error::header_limit)
        return refusal(431, "The request header is too large.");
    if (ec == http::error::body_limit)
        return refusal(413, "The request body is too large.");
    if (ec == http::error::end_of_stream || ec == http::error::partial_message ||
        ec.category() != http::make_error_code(http::error::bad_method).category())
        return std::nullopt;
    return refusal(400, "This is not an HTTP/1.1 request.");
}

response turned_away()
{
    response out;
    out.status = service_unavailable;
    out.body = handlers::problem_body("ERROR_OVERLOADED", "Too many connections are open; try again.");
    return out;
}

response overloaded()
{
    return handlers::problem(make_error_code(kv::errc::queue_full));
}

// What is refused by its header alone, before the body is read.
std::optional<response> refuse_header(const request_parser& parser, std::size_t body_limit)
{
    // Our clients send lengths; two ways to say where a body ends are one too many (request smuggling).
    if (parser.get().find(http::field::transfer_encoding) != parser.get().end())
        return refusal(411, "Transfer-Encoding is not accepted; send a Content-Length.");
    if (parser.get().target().empty() || parser.get().target().front() != '/')
        return refusal(400, "The request target must be a path.");
    if (parser.content_length() && *parser.content_length() > body_limit)
        return refusal(413, "The request body is too large.");
    return std::nullopt;
}

registry::source_address source_of(const tcp_socket& socket)
{
    boost::system::error_code ec;
    const auto peer = socket.remote_endpoint(ec);
    if (ec)
        return {}; // gone already
    if (peer.address().is_v4())
        return registry::source_address::from_v4(peer.address().to_v4().to_bytes());
    return {peer.address().to_v6().to_bytes()};
}

// Whom the proxy asks for.
registry::source_address client_behind(const registry::source_address& proxy, const request_parser& parser,
                                       const trusted_proxies& trusted)
{
    std::vector<std::string_view> forwarded;
    const auto [first, end] = parser.get().equal_range("X-Forwarded-For");
    for (auto each = first; each != end; ++each)
        forwarded.emplace_back(each->value().data(), each->value().size());
    return client_behind(proxy, forwarded, trusted);
}

handlers::request view_of(const request_parser& parser, std::string_view id)
{
    const auto& message = parser.get();
    const std::string_view target{message.target().data(), message.target().size()};
    const auto question = target.find('?');

    handlers::request out;
    out.method = {message.method_string().data(), message.method_string().size()};
    out.path = target.substr(0, question);
    out.query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
    out.body = message.body();
    out.authorization = header(parser, http::field::authorization);
    out.power_auth_authorization = header(parser, "X-PowerAuth-Authorization");
    out.power_auth_encryption = header(parser, "X-PowerAuth-Encryption");
    out.power_auth_token = header(parser, "X-PowerAuth-Token");
    out.external_user = header(parser, "X-External-User");
    out.last_event_id = header(parser, "Last-Event-ID");
    out.idempotency_key = header(parser, "Idempotency-Key");
    out.if_match = header(parser, http::field::if_match);
    out.accept_encoding = header(parser, http::field::accept_encoding);
    out.host = header(parser, http::field::host);
    out.origin = header(parser, http::field::origin);
    out.cookie = header(parser, http::field::cookie);
    out.console = header(parser, "X-Doorward-Console");
    const auto traceparent = header(parser, "traceparent");
    if (handlers::trace_id(traceparent))
        out.traceparent = traceparent;
    out.if_none_match = header(parser, http::field::if_none_match);
    out.request_id = id;
    return out;
}

template <class Stream>
class connection {
public:
    template <class... Tls>
    connection(accepted_connection& accepted, handlers::services& svc, io_thread& home, const Tls&... with)
        : stream_{std::move(accepted.socket), with...},
          peer_{source_of(stream_.socket())},
          proxies_{accepted.proxies->contains(peer_) ? std::move(accepted.proxies) : nullptr},
          most_{home.current_limits()},
          which_{accepted.which},
          svc_{svc},
          home_{home}
    {
        home_.watch(watch_);
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { home_.forget(watch_); }

    handlers::task<void> run(accepted_connection& accepted)
    {
        boost::system::error_code ignored;
        stream_.socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
        stream_.socket().non_blocking(true, ignored); // writing at once does not wait
        become_idle();
        if constexpr (std::is_same_v<Stream, tls_stream>) {
            const auto failed = co_await stream_.handshake();
            if (failed)
                co_return;
            find_account(accepted.tls->clients);
        }
        if (accepted.turned_away) {
            std::optional<response> why = turned_away();
            co_await refuse(std::move(why));
            co_return;
        }
        for (bool open = true; open && !(served_ && home_.draining());) {
            become_idle();
            if (buffer_.size() == 0) {
                const auto [ec, size] = co_await stream_.read_some(buffer_.prepare(first_read_bytes));
                if (ec || was_closed())
                    break;
                buffer_.commit(size);
                watch_.greeted();
            }
            open = co_await serve_one();
            served_ = true;
        }
        stream_.finish();
    }

private:
    // The account that the client's certificate stands for.
    void find_account(const std::map<std::string, std::string>& clients)
    {
        if (clients.empty())
            return;
        if constexpr (std::is_same_v<Stream, tls_stream>) {
            for (const std::string& name : stream_.session().client_names()) {
                const auto found = clients.find(name);
                if (found == clients.end())
                    continue;
                certificate_account_ = found->second;
                return;
            }
        }
    }

    // Between requests: thousands of these may lie idle.
    void become_idle()
    {
        const limits& now = home_.current_limits();
        if (home_.draining()) // accepted before, and only now here
            watch_.expect(watched::phase::idle, last_request_timeout);
        else
            watch_.expect(watched::phase::idle, served_ ? now.idle : now.first_request);
        if (buffer_.size() == 0 && buffer_.capacity() > idle_buffer_bytes_max)
            buffer_.shrink_to_fit();
        if (answer_text_.capacity() > idle_buffer_bytes_max)
            std::string{}.swap(answer_text_);
        arena_.release();
    }

    // Reads one request and answers it; false when the connection ends with it.
    handlers::task<bool> serve_one()
    {
        watch_.expect(watched::phase::busy, home_.current_limits().request);
        // One per request.
        request_parser parser{std::piecewise_construct, std::make_tuple(),
                              std::make_tuple(std::pmr::polymorphic_allocator<char>{&arena_})};
        parser.header_limit(static_cast<std::uint32_t>(most_.header_bytes));
        parser.body_limit(body_limit_);

        while (!parser.is_header_done()) {
            auto ec = parse(parser);
            if (ec == http::error::need_more)
                ec = co_await read_more();
            if (ec) {
                auto why = refusal(ec);
                co_await refuse(std::move(why));
                co_return false;
            }
        }
        if (auto refused = refuse_header(parser, body_limit_)) {
            co_await refuse(std::move(refused));
            co_return false;
        }
        if (header(parser, http::field::expect) == "100-continue") {
            constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            const auto [ec, size] = co_await stream_.write_all(go_on);
            static_cast<void>(size);
            if (ec)
                co_return false;
        }
        while (!parser.is_done()) {
            auto ec = parse(parser);
            if (ec == http::error::need_more)
                ec = co_await read_more();
            if (ec) {
                auto why = refusal(ec);
                co_await refuse(std::move(why));
                co_return false;
            }
        }

        watch_.expect(watched::phase::busy, home_.current_limits().answer);
        const auto arrived = std::chrono::steady_clock::now();
        const std::string id = request_id(parser);
        auto request = view_of(parser, id);
        request.source = proxies_ ? client_behind(peer_, parser, *proxies_) : peer_;
        request.certificate_account = certificate_account_;
        const bool head = request.method == "HEAD"; // a GET without the body (RFC 9110 section 9.3.2)
        if (head)
            request.method = "GET";
        response answer;
        try {
            if (is_overloaded() && request.method != "GET")
                answer = overloaded();
            else
                answer = co_await handlers::route(which_, request, svc_);
        } catch (const std::exception& unforeseen) {
            answer = fault(request, unforeseen);
        }
        note(request, answer, std::chrono::steady_clock::now() - arrived);
        if (answer.stream) {
            const auto how = parser.get().version() >= 11 ? framing::chunks : framing::end_of_connection;
            serialise(answer_text_, answer, id, request.traceparent, false, body::left_out, how);
            const bool begun = co_await send_rest(answer_text_);
            if (begun && !head)
                co_await send_stream(*answer.stream, how, id);
            co_return false;
        }
        const bool keep_alive = parser.get().keep_alive() && !answer.ends_connection && !home_.draining();
        serialise(answer_text_, answer, id, request.traceparent, keep_alive, head ? body::left_out : body::sent);
        const auto rest = send_at_once(answer_text_);
        const bool sent = rest && (rest->empty() || co_await send_rest(*rest));
        co_return sent&& keep_alive;
    }

    void note(const handlers::request& request, const response& answer, std::chrono::nanoseconds took) const
    {
        svc_.counts.count_answer(which_, answer.status, took);
        if (!is_told_by_access_log())
            return;
        const std::string_view account = answer.asked_by ? std::string_view{answer.asked_by->username} : "";
        log_access({which_, request.method, answer.route, answer.status, took, answer.body.size(), request.request_id,
                    account, request.source});
    }

    // More waits for the disk than leaves time to answer: better told now, when it has cost nothing.
    [[nodiscard]] bool is_overloaded() const
    {
        return svc_.writer.waiting() * 100 > home_.current_limits().queue_percent * kv::writer_queue_max;
    }

    // Gives the parser what has arrived. The library's own read operations would go through the event loop once for the
    // header and once for the body, also when both are there.
    boost::system::error_code parse(request_parser& parser)
    {
        boost::system::error_code ec = http::error::need_more;
        if (buffer_.size() > 0) {
            ec = {};
            buffer_.consume(parser.put(buffer_.data(), ec));
        }
        return ec;
    }

    handlers::task<boost::system::error_code> read_more()
    {
        const auto room = std::min(first_read_bytes, buffer_.max_size() - buffer_.size());
        const auto [ec, size] = co_await stream_.read_some(buffer_.prepare(room));
        buffer_.commit(size);
        co_return was_closed() ? asio::error::operation_aborted : ec;
    }

    // Whoever watches over the connection may close it when the event loop has read already and has not told us. What
    // was read then must not be carried out: nobody could be told, and the client sends it again.
    [[nodiscard]] bool was_closed() { return !stream_.socket().is_open(); }

    // What the socket does not take at once: nearly always nothing, so the event loop is rarely asked. Empty when the
    // connection is broken.
    std::optional<std::string_view> send_at_once(std::string_view text)
    {
        boost::system::error_code ec;
        const std::size_t sent = stream_.write_now(text, ec);
        if (ec && ec != asio::error::would_block)
            return std::nullopt;
        return text.substr(sent);
    }

    handlers::task<bool> send_rest(std::string_view text)
    {
        const auto [ec, size] = co_await stream_.write_all(text);
        static_cast<void>(size);
        co_return !ec;
    }

    // One piece after the other, until there is none or the reader does not take one in time. Nothing is read
    // meanwhile: that the reader has gone shows when it is written to, and streams write now and then.
    handlers::task<void> send_stream(handlers::response_stream& from, framing how, std::string_view id)
    {
        boost::system::error_code ignored;
        stream_.socket().set_option(asio::socket_base::send_buffer_size{stream_send_buffer_bytes}, ignored);
        for (bool more = true; more;) {
            watch_.expect(watched::phase::streaming, home_.current_limits().answer);
            std::string piece;
            std::string fault;
            try {
                piece = co_await from.next();
            } catch (const std::exception& unforeseen) {
                fault = unforeseen.what();
            }
            if (!fault.empty()) {
                log_failure(id, "a request failed in its stream: " + fault);
                co_return; // without the end, so that the client knows
            }
            more = !piece.empty();
            serialise_piece(answer_text_, piece, how);
            watch_.expect(watched::phase::streaming, home_.current_limits().stream_write);
            const bool sent = co_await send_rest(answer_text_);
            if (!sent)
                co_return;
        }
    }

    static response fault(const handlers::request& request, const std::exception& unforeseen)
    {
        log_failure(request.log_name(), "a request failed: " + std::string{request.method} + ' ' +
                                            std::string{request.path} + ": " + unforeseen.what());
        return handlers::problem(handlers::office_problem::internal);
    }

    static void log_failure(std::string_view id, const std::string& message)
    {
        const std::array fields{log_field{"request_id", id}};
        log_with(spdlog::level::err, message, fields);
    }

    // Tells why, then reads what is still coming for a moment: closing at once could take the answer back.
    handlers::task<void> refuse(std::optional<response> why)
    {
        if (!why)
            co_return;
        watch_.expect(watched::phase::busy, linger_timeout);
        serialise(answer_text_, *why, new_request_id(), {}, false);
        const bool sent = co_await send_rest(answer_text_);
        if (!sent)
            co_return;
        stream_.finish();
        std::array<char, 4096> scrap;
        for (std::size_t total = 0; total < linger_bytes_max;) {
            const auto [read_ec, read_size] = co_await stream_.read_some(asio::buffer(scrap));
            if (read_ec)
                co_return;
            total += read_size;
        }
    }

    static constexpr std::size_t first_read_bytes = 4096;
    static constexpr std::size_t arena_bytes = 2048;
    static constexpr std::size_t idle_buffer_bytes_max = 2 * first_read_bytes;

    Stream stream_;
    const registry::source_address peer_;
    const std::shared_ptr<const trusted_proxies> proxies_; // those of whom the peer is one; null: it is none
    const limits most_;                                    // of requests
    watched watch_{stream_.socket()};
    boost::beast::flat_buffer buffer_{most_.header_bytes + most_.device_body_bytes};
    std::string answer_text_;
    std::array<std::byte, arena_bytes> arena_bytes_; // enough for the fields that phones send; more comes from the heap
    std::pmr::monotonic_buffer_resource arena_{arena_bytes_.data(), arena_bytes_.size()};
    handlers::side which_;
    const std::size_t body_limit_ =
        which_ == handlers::side::device ? most_.device_body_bytes : most_.office_body_bytes;
    handlers::services& svc_;
    io_thread& home_;
    std::string certificate_account_; // that the client's certificate stands for; empty: none
    bool served_ = false;             // at least one request
};

// One coroutine for each kind of stream: its frame is kept as long as the connection.
handlers::task<void> serve_plain(accepted_connection accepted, handlers::services& svc, io_thread& home,
                                 connection_count& connections)
{
    const connection_count::place place{connections};
    connection<plain_stream> served{accepted, svc, home};
    co_await served.run(accepted);
}

handlers::task<void> serve_tls(accepted_connection accepted, handlers::services& svc, io_thread& home,
                               connection_count& connections)
{
    const connection_count::place place{connections};
    connection<tls_stream> served{accepted, svc, home, accepted.tls->context};
    co_await served.run(accepted);
}

} // namespace

handlers::task<void> serve_connection(accepted_connection accepted, handlers::services& svc, io_thread& home,
                                      connection_count& connections)
{
    return accepted.tls ? serve_tls(std::move(accepted), svc, home, connections)
                        : serve_plain(std::move(accepted), svc, home, connections);
}

} // namespace doorward::server
