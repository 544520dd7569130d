#pragma once

#include "crypto/tls.hpp"
#include "handlers/task.hpp"
#include "server/io_threads.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <string_view>
#include <tuple>

namespace doorward::server {

// What a session reads from and writes to. Two classes with the same functions, chosen when a connection begins, so
// that HTTP without TLS pays nothing for the other.

/// A connection as it is.
class plain_stream {
public:
    explicit plain_stream(tcp_socket socket) : socket_{std::move(socket)} {}

    [[nodiscard]] tcp_socket& socket() noexcept { return socket_; }

    /// An error code and how much was read, when it is awaited.
    auto read_some(boost::asio::mutable_buffer into)
    {
        return socket_.async_read_some(into, boost::asio::as_tuple(boost::asio::deferred));
    }
    /// All of it. An error code and how much was written, when it is awaited.
    auto write_all(std::string_view text)
    {
        return boost::asio::async_write(socket_, boost::asio::buffer(text),
                                        boost::asio::as_tuple(boost::asio::deferred));
    }
    /// As much as the socket takes at once; would_block when that is nothing.
    std::size_t write_now(std::string_view text, boost::system::error_code& ec)
    {
        return socket_.write_some(boost::asio::buffer(text), ec);
    }
    /// No more will be written.
    void finish() noexcept
    {
        boost::system::error_code ignored;
        socket_.shutdown(tcp_socket::shutdown_send, ignored);
    }

private:
    tcp_socket socket_;
};

/// The same behind TLS. The socket may be closed at any time by whoever watches over the connection, so it is looked at
/// before the library touches its descriptor.
class tls_stream {
public:
    tls_stream(tcp_socket socket, const crypto::tls_context& with)
        : socket_{std::move(socket)}, session_{with, socket_.native_handle()}
    {}

    [[nodiscard]] tcp_socket& socket() noexcept { return socket_; }
    [[nodiscard]] const crypto::tls_session& session() const noexcept { return session_; }

    /// Before anything else.
    handlers::task<boost::system::error_code> handshake();

    handlers::task<std::tuple<boost::system::error_code, std::size_t>> read_some(boost::asio::mutable_buffer into);
    handlers::task<std::tuple<boost::system::error_code, std::size_t>> write_all(std::string_view text);
    std::size_t write_now(std::string_view text, boost::system::error_code& ec);
    void finish() noexcept;

private:
    void acknowledge() noexcept;
    // Waits as the library wants it; an error when there is nothing to wait for.
    handlers::task<boost::system::error_code> wait(crypto::tls_session::outcome why);

    tcp_socket socket_;
    crypto::tls_session session_;
};

} // namespace doorward::server
