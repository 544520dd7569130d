#include "bench/http_client.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <stdexcept>

#include <poll.h>

namespace doorward::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds exchange_time_max{30};
constexpr std::uint32_t header_bytes_max = 64 * 1024;
constexpr std::uint64_t body_bytes_max = 64 * 1024 * 1024;

// A blocking stream with one deadline for a whole exchange. Asio's own blocking calls wait without limit, and the
// timeouts of beast::tcp_stream apply to asynchronous operations only (Beast manual, basic_stream).
class timed_socket {
public:
    using executor_type = tcp::socket::executor_type;

    executor_type get_executor() noexcept { return socket_.get_executor(); }

    bool is_open() const noexcept { return socket_.is_open(); }

    void close() noexcept
    {
        error_code ignored;
        socket_.close(ignored);
    }

    void start_clock() { deadline_ = std::chrono::steady_clock::now() + exchange_time_max; }

    void connect(const tcp::endpoint& peer, error_code& ec)
    {
        close();
        socket_.open(peer.protocol(), ec);
        if (ec)
            return;
        socket_.non_blocking(true, ec);
        if (ec)
            return;
        socket_.connect(peer, ec);
        if (ec == asio::error::in_progress || ec == asio::error::would_block) {
            if (!wait(POLLOUT, ec))
                return;
            int outcome = 0;
            socklen_t size = sizeof outcome;
            ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &outcome, &size);
            ec = {outcome, boost::system::system_category()};
        }
        if (ec)
            return;
        // Small requests one after the other: waiting to fill a packet would cost 40 ms each.
        socket_.set_option(tcp::no_delay{true}, ec);
    }

    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec)
    {
        std::size_t read = 0;
        do {
            if (!wait(POLLIN, ec))
                return 0;
            read = socket_.read_some(buffers, ec);
        } while (ec == asio::error::would_block);
        return read;
    }
    template <class Buffers>
    std::size_t read_some(const Buffers& buffers)
    {
        return or_throw([&](error_code& ec) { return read_some(buffers, ec); });
    }

    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec)
    {
        // Written first, polled afterwards: a request nearly always fits the socket's buffer at once.
        std::size_t written = socket_.write_some(buffers, ec);
        while (ec == asio::error::would_block && wait(POLLOUT, ec))
            written = socket_.write_some(buffers, ec);
        return written;
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& buffers)
    {
        return or_throw([&](error_code& ec) { return write_some(buffers, ec); });
    }

private:
    template <class Operation>
    static std::size_t or_throw(Operation operation)
    {
        error_code ec;
        const std::size_t size = operation(ec);
        if (ec)
            throw boost::system::system_error{ec};
        return size;
    }

    bool wait(short events, error_code& ec)
    {
        for (;;) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
            if (left.count() <= 0) {
                ec = asio::error::timed_out;
                return false;
            }
            pollfd waited{socket_.native_handle(), events, 0};
            const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
            if (ready > 0) {
                ec = {};
                return true;
            }
            if (ready < 0 && errno != EINTR) {
                ec = {errno, boost::system::system_category()};
                return false;
            }
        }
    }

    asio::io_context context_{1};
    tcp::socket socket_{context_};
    std::chrono::steady_clock::time_point deadline_;
};

struct server_address {
    std::string host;
    std::string port;
    std::string host_header;
    std::string base_path;
};

server_address address_from(std::string_view url)
{
    const auto refuse = [url](const char* why) {
        return std::invalid_argument{"server URL \"" + std::string{url} + "\": " + why};
    };
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme))
        throw refuse("it must start with http://");
    std::string_view rest = url.substr(scheme.size());
    if (rest.find_first_of("?# ") != std::string_view::npos)
        throw refuse("only host, port and path are understood");

    server_address out;
    const auto slash = rest.find('/');
    if (slash != std::string_view::npos) {
        out.base_path = rest.substr(slash);
        while (out.base_path.ends_with('/'))
            out.base_path.pop_back();
        rest = rest.substr(0, slash);
    }
    out.host_header = rest;

    std::string_view port = "80";
    if (rest.starts_with('[')) { // an IPv6 address
        const auto end = rest.find(']');
        if (end == std::string_view::npos)
            throw refuse("the bracket is not closed");
        out.host = rest.substr(1, end - 1);
        rest = rest.substr(end + 1);
    } else {
        const auto colon = std::min(rest.find(':'), rest.size());
        out.host = rest.substr(0, colon);
        rest = rest.substr(colon);
    }
    if (rest.starts_with(':'))
        port = rest.substr(1);
    else if (!rest.empty())
        throw refuse("the port must follow the host after a colon");
    std::uint16_t number = 0;
    const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (problem != std::errc{} || end != port.data() + port.size() || number == 0)
        throw refuse("the port must be a number from 1 to 65535");
    if (out.host.empty())
        throw refuse("the host is missing");
    out.port = port;
    return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

} // namespace

std::optional<std::string_view> http_answer::header(std::string_view name) const noexcept
{
    for (const auto& [key, value] : headers)
        if (equal_ignoring_case(key, name))
            return value;
    return std::nullopt;
}

class http_client::connection {
public:
    explicit connection(std::string_view base_url) : server_{address_from(base_url)} {}

    http_answer exchange(std::string_view method, std::string_view path, const header_list& headers,
                         std::string_view body)
    {
        const auto message = compose(method, path, headers, body);
        const bool waits_for_body = !equal_ignoring_case(method, "HEAD");
        socket_.start_clock();
        for (;;) {
            const bool reused = socket_.is_open();
            if (!reused)
                connect();
            bool answer_began = false;
            error_code ec;
            auto answer = attempt(message, waits_for_body, answer_began, ec);
            if (answer)
                return std::move(*answer);
            socket_.close();
            // Only silence on an old connection means that nobody read the request.
            if (reused && !answer_began && ec != asio::error::timed_out)
                continue;
            throw failure("exchange", ec);
        }
    }

private:
    using message_type = http::request<http::string_body>;

    message_type compose(std::string_view method, std::string_view path, const header_list& headers,
                         std::string_view body) const
    {
        message_type message;
        message.version(11);
        message.method_string({method.data(), method.size()});
        const std::string target = server_.base_path + std::string{path};
        message.target(target.empty() ? "/" : target);
        for (const auto& [name, value] : headers)
            message.insert(name, value);
        message.set(http::field::host, server_.host_header);
        message.body() = body;
        if (!body.empty() || message.method() != http::verb::get)
            message.content_length(body.size());
        return message;
    }

    void connect()
    {
        buffer_.clear();
        error_code ec;
        tcp::resolver resolver{socket_.get_executor()};
        const auto found = resolver.resolve(server_.host, server_.port, tcp::resolver::numeric_service, ec);
        if (ec)
            throw failure("name lookup", ec);
        for (const auto& entry : found) {
            socket_.connect(entry.endpoint(), ec);
            if (!ec)
                return;
            socket_.close();
        }
        throw failure("connection", ec);
    }

    std::optional<http_answer> attempt(const message_type& message, bool waits_for_body, bool& answer_began,
                                       error_code& ec)
    {
        http::write(socket_, message, ec);
        if (ec)
            return std::nullopt;
        http::response_parser<http::string_body> parser;
        parser.header_limit(header_bytes_max);
        parser.body_limit(body_bytes_max);
        parser.skip(!waits_for_body);
        http::read(socket_, buffer_, parser, ec);
        answer_began = parser.got_some();
        if (ec)
            return std::nullopt;

        auto received = parser.release();
        if (!received.keep_alive())
            socket_.close();
        http_answer answer;
        answer.status = static_cast<int>(received.result_int());
        for (const auto& field : received)
            answer.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
        answer.body = std::move(received.body());
        return answer;
    }

    std::runtime_error failure(const char* step, const error_code& ec) const
    {
        return std::runtime_error{std::string{step} + " with http://" + server_.host_header +
                                  " failed: " + ec.message()};
    }

    server_address server_;
    timed_socket socket_;
    beast::flat_buffer buffer_; // may hold the start of the next answer
};

http_client::http_client(std::string_view base_url) : connection_{std::make_unique<connection>(base_url)} {}
http_client::http_client(http_client&&) noexcept = default;
http_client& http_client::operator=(http_client&&) noexcept = default;
http_client::~http_client() = default;

http_answer http_client::request(std::string_view method, std::string_view path, const header_list& headers,
                                 std::string_view body)
{
    return connection_->exchange(method, path, headers, body);
}

} // namespace doorward::bench
