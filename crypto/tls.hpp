#pragma once

#include "crypto/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace doorward::crypto {

/// A certificate, key or list of authorities that cannot be used; the text says which and why.
struct tls_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a listener shows and accepts in TLS: Mozilla's "intermediate" of 2024 without its finite-field ciphers, which
/// let a client make the server work for nothing. 1.2 and 1.3, no resumption, no renegotiation, no compression.
///
/// Nothing is resumed: a ticket key would be one more secret to rotate, and a handshake is one signature.
/// Immutable; any thread.
class tls_context {
public:
    /// chain      certificates as PEM, the server's own first
    /// key        its private key as PEM, not encrypted
    /// client_ca  certificates as PEM; clients may show one that these issued, and a wrong one ends the handshake.
    /// Empty:
    ///            nobody is asked
    /// errors     throws tls_error
    tls_context(std::string_view chain, bytes_view key, std::string_view client_ca);

    /// When the certificate ends, in seconds since 1970.
    [[nodiscard]] std::int64_t ends_at() const noexcept { return ends_at_; }

private:
    friend class tls_session;
    struct release {
        void operator()(ssl_ctx_st* what) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, release> context_;
    std::int64_t ends_at_ = 0;
};

/// The server's half of TLS on a socket that does not wait. Knows no event loop: whoever uses it waits for the socket
/// as it is told, and calls again.
///
/// The library reads and writes the socket itself, so an idle connection keeps no buffers.
/// One thread at a time. SIGPIPE must be ignored.
class tls_session {
public:
    enum class outcome : std::uint8_t {
        done,
        wants_read,  // call again, with the same arguments, when the socket can be read
        wants_write, // likewise
        ended,       // the client is gone, or will send no more
        failed,      // what came is not what TLS allows, or a certificate was not accepted
    };

    /// socket  a descriptor that stays open as long as methods are called
    tls_session(const tls_context& with, int socket);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;
    ~tls_session() = default;

    [[nodiscard]] outcome handshake() noexcept;
    /// size  how much was read, at least 1, when the outcome is done
    [[nodiscard]] outcome read(void* into, std::size_t room, std::size_t& size) noexcept;
    /// size  how much was written, at least 1, when the outcome is done
    [[nodiscard]] outcome write(const void* from, std::size_t length, std::size_t& size) noexcept;
    /// Tells the client that no more comes, if the socket takes that at once.
    void finish() noexcept;

    /// What the client's certificate calls it: "dns:NAME", "email:ADDRESS", "uri:URI" of its alternative names in their
    /// order, then "subject:" and the whole subject (RFC 2253). Empty when it showed none.
    [[nodiscard]] std::vector<std::string> client_names() const;

private:
    outcome outcome_of(int result) noexcept;

    struct release {
        void operator()(ssl_st* what) const noexcept;
    };
    std::unique_ptr<ssl_st, release> session_;
};

} // namespace doorward::crypto
