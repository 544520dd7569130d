#include "server/tls_stream.hpp"

namespace doorward::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using outcome = crypto::tls_session::outcome;

constexpr auto tls_token = asio::as_tuple(asio::deferred);

} // namespace

handlers::task<error_code> tls_stream::wait(outcome why)
{
    if (why == outcome::ended)
        co_return asio::error::eof;
    if (why == outcome::failed)
        co_return asio::error::connection_aborted;
    const auto what = why == outcome::wants_read ? tcp_socket::wait_read : tcp_socket::wait_write;
    const auto [ec] = co_await socket_.async_wait(what, tls_token);
    co_return ec;
}

handlers::task<error_code> tls_stream::handshake()
{
    for (;;) {
        if (!socket_.is_open())
            co_return asio::error::operation_aborted;
        const auto how = session_.handshake();
        if (how == outcome::done)
            co_return error_code{};
        const auto ec = co_await wait(how);
        if (ec)
            co_return ec;
    }
}

handlers::task<std::tuple<error_code, std::size_t>> tls_stream::read_some(asio::mutable_buffer into)
{
    using result = std::tuple<error_code, std::size_t>;
    for (bool waited = false;; waited = true) {
        if (!socket_.is_open())
            co_return result{asio::error::operation_aborted, 0};
        std::size_t size = 0;
        const auto how = session_.read(into.data(), into.size(), size);
        if (how == outcome::done) {
            // A client that sends without a pause takes turns with the others of its thread.
            if (!waited)
                co_await asio::post(socket_.get_executor(), asio::deferred);
            co_return result{error_code{}, size};
        }
        const auto ec = co_await wait(how);
        if (ec)
            co_return result{ec, 0};
    }
}

handlers::task<std::tuple<error_code, std::size_t>> tls_stream::write_all(std::string_view text)
{
    using result = std::tuple<error_code, std::size_t>;
    std::size_t sent = 0;
    while (sent < text.size()) {
        if (!socket_.is_open())
            co_return result{asio::error::operation_aborted, sent};
        std::size_t size = 0;
        const auto how = session_.write(text.data() + sent, text.size() - sent, size);
        if (how == outcome::done) {
            sent += size;
            continue;
        }
        const auto ec = co_await wait(how);
        if (ec)
            co_return result{ec, sent};
    }
    co_return result{error_code{}, sent};
}

std::size_t tls_stream::write_now(std::string_view text, error_code& ec)
{
    std::size_t sent = 0;
    ec = {};
    while (sent < text.size() && socket_.is_open()) { // a record takes 16 KiB
        std::size_t size = 0;
        const auto how = session_.write(text.data() + sent, text.size() - sent, size);
        if (how == outcome::wants_read || how == outcome::wants_write)
            ec = asio::error::would_block;
        else if (how != outcome::done)
            ec = asio::error::connection_aborted;
        if (ec)
            return sent;
        sent += size;
    }
    if (sent < text.size())
        ec = asio::error::operation_aborted;
    return sent;
}

void tls_stream::finish() noexcept
{
    if (!socket_.is_open())
        return;
    session_.finish();
    error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
}

} // namespace doorward::server
