#pragma once

#include "bench/http_client.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace doorward::tests {

using bench::http_request;

/// The provider of custom activations as the server meets it: somebody else's HTTP server, in threads of the test. It
/// answers what the test wants, byte for byte. Throws std::runtime_error; nothing here calls Boost.Test.
class provider_server {
public:
    /// Before anything here is given up as a failure of the test; measures nothing.
    static constexpr std::chrono::seconds patience{60};

    enum class transport { tcp, tls };

    /// What is written in answer to a request, and what then.
    struct reaction {
        std::string bytes;
        enum class after {
            close,       // the connection ends
            reset,       // with a reset
            keep_silent, // nothing more comes; the other side has to end it
            drip,        // for ever one byte more, before the other side has lost its patience
            flood        // for ever more bytes, as many as are taken
        } then = after::close;
    };
    using judge = std::function<reaction(const http_request&)>;

    /// Listens on a port of 127.0.0.1. Every request is recognised as "anna" until react() says otherwise.
    explicit provider_server(transport over = transport::tcp);
    provider_server(const provider_server&) = delete;
    provider_server& operator=(const provider_server&) = delete;
    ~provider_server();

    /// An answer as HTTP/1.1 has it.
    [[nodiscard]] static std::string http(int status, std::string_view body, std::string_view more_headers = {});

    void react(judge how);
    void react(reaction always);
    void answer(int status, std::string_view body) { react(reaction{http(status, body)}); }

    [[nodiscard]] unsigned short port() const noexcept { return port_; }
    /// http://127.0.0.1:port/judge, or https://localhost:port/judge.
    [[nodiscard]] std::string url() const;

    /// All that arrived whole, in the order in which it did. Of a client that showed a certificate, its name is behind
    /// the header fields, as "client certificate".
    [[nodiscard]] std::vector<http_request> requests() const;
    /// Waits until so many have arrived.
    void wait_for_requests(std::size_t count) const;

    /// Of transport::tls: its certificate as PEM, made out to "localhost" and vouching for itself.
    [[nodiscard]] const std::string& certificate() const;

private:
    class tls_side;
    class connection;

    void accept_all();
    void serve(connection& peer);

    unsigned short port_ = 0; // before the listener, which tells it
    int listener_ = -1;
    int ending_ = -1; // an eventfd, readable from the end on
    std::unique_ptr<tls_side> tls_;

    mutable std::mutex mutex_;
    mutable std::condition_variable arrived_;
    judge judge_;                        // guarded by mutex_
    std::vector<http_request> requests_; // guarded by mutex_

    std::vector<std::thread> connections_; // accepting thread only, until it has ended
    std::thread accepting_;                // last
};

/// A certificate that vouches for itself, and its private key, as PEM.
struct certificate_texts {
    std::string certificate;
    std::string key;
};
[[nodiscard]] certificate_texts make_certificate(const std::string& name);

/// A port of 127.0.0.1 on which nobody answers: connections are refused, or taken and left alone.
class dead_port {
public:
    enum class kind { refusing, taking };
    explicit dead_port(kind how);
    dead_port(const dead_port&) = delete;
    dead_port& operator=(const dead_port&) = delete;
    ~dead_port();

    [[nodiscard]] unsigned short port() const noexcept { return port_; }

private:
    unsigned short port_ = 0; // before the socket, which tells it
    int socket_;
};

} // namespace doorward::tests
