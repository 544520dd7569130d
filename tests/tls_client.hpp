#pragma once

#include "bench/http_client.hpp"
#include "tests/provider_server.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace doorward::tests {

/// A client of TLS on a port of 127.0.0.1, with whatever it is told to offer. Blocking; believes every server. Nothing
/// here calls Boost.Test.
class tls_client {
public:
    struct offer {
        int lowest = 0x0303; // TLS 1.2
        int highest = 0x0304;
        std::string ciphers{};                          // of TLS 1.2; empty: all
        const certificate_texts* certificate = nullptr; // to show
    };
    explicit tls_client(unsigned short port) : tls_client{port, offer{}} {}
    tls_client(unsigned short port, const offer& what);
    tls_client(const tls_client&) = delete;
    tls_client& operator=(const tls_client&) = delete;
    ~tls_client();

    /// Whether there was a handshake.
    [[nodiscard]] bool is_connected() const noexcept { return connected_; }
    [[nodiscard]] std::string protocol() const; // "TLSv1.3"
    /// PEM of what the server showed.
    [[nodiscard]] std::string server_certificate() const;
    /// Something to come back with, after an answer was read.
    [[nodiscard]] bool can_resume() const;
    /// Asks for another handshake in the connection; whether there was one.
    bool renegotiate();

    /// False when the connection is gone.
    bool send(std::string_view text);
    /// None when the connection ended instead.
    std::optional<bench::http_answer> read_answer();
    std::optional<bench::http_answer> ask(std::string_view method, std::string_view path,
                                          std::string_view more_headers = "", std::string_view body = "");
    /// True when the server ended the connection with nothing left to read. Waits for it.
    bool is_closed();

private:
    bool read_more();

    struct release {
        void operator()(ssl_st* what) const noexcept;
        void operator()(ssl_ctx_st* what) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, release> context_;
    std::unique_ptr<ssl_st, release> session_;
    int socket_ = -1;
    bool connected_ = false;
    std::string unread_;
};

} // namespace doorward::tests
