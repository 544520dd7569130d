#include "tests/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <stdexcept>

namespace doorward::tests {
namespace {

constexpr int tls_patience_seconds = 60; // turns a hang into a failure, and measures nothing

[[noreturn]] void tls_client_fails(const std::string& what)
{
    throw std::runtime_error{"the client of TLS: " + what};
}

} // namespace

void tls_client::release::operator()(ssl_st* what) const noexcept
{
    SSL_free(what);
}

void tls_client::release::operator()(ssl_ctx_st* what) const noexcept
{
    SSL_CTX_free(what);
}

tls_client::tls_client(unsigned short port, const offer& what) : context_{SSL_CTX_new(TLS_client_method())}
{
    std::signal(SIGPIPE, SIG_IGN); // the library writes as everybody does
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_security_level(context, 0); // offers what nobody should take
    SSL_CTX_set_min_proto_version(context, what.lowest);
    SSL_CTX_set_max_proto_version(context, what.highest);
    if (!what.ciphers.empty() && SSL_CTX_set_cipher_list(context, what.ciphers.c_str()) != 1)
        tls_client_fails("does not know " + what.ciphers);
    if (what.certificate != nullptr) {
        BIO* const shown = BIO_new_mem_buf(what.certificate->certificate.data(),
                                           static_cast<int>(what.certificate->certificate.size()));
        BIO* const secret =
            BIO_new_mem_buf(what.certificate->key.data(), static_cast<int>(what.certificate->key.size()));
        X509* const certificate = PEM_read_bio_X509(shown, nullptr, nullptr, nullptr);
        EVP_PKEY* const key = PEM_read_bio_PrivateKey(secret, nullptr, nullptr, nullptr);
        const bool used =
            SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
        X509_free(certificate);
        EVP_PKEY_free(key);
        BIO_free(shown);
        BIO_free(secret);
        if (!used)
            tls_client_fails("cannot use its certificate");
    }
    session_.reset(SSL_new(context));

    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{tls_patience_seconds, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        tls_client_fails("cannot connect");
    SSL_set_fd(session_.get(), socket_);
    connected_ = SSL_connect(session_.get()) == 1;
    ERR_clear_error();
}

tls_client::~tls_client()
{
    session_.reset();
    ::close(socket_);
}

std::string tls_client::protocol() const
{
    return SSL_get_version(session_.get());
}

std::string tls_client::server_certificate() const
{
    BIO* const text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(text, SSL_get0_peer_certificate(session_.get()));
    char* data = nullptr;
    const auto size = BIO_get_mem_data(text, &data);
    std::string out{data, static_cast<std::size_t>(size)};
    BIO_free(text);
    return out;
}

bool tls_client::can_resume() const
{
    const SSL_SESSION* const session = SSL_get0_session(session_.get());
    unsigned id_size = 0;
    SSL_SESSION_get_id(session, &id_size);
    return SSL_SESSION_is_resumable(session) == 1 && (SSL_SESSION_has_ticket(session) == 1 || id_size > 0);
}

bool tls_client::renegotiate()
{
    const bool done = SSL_renegotiate(session_.get()) == 1 && SSL_do_handshake(session_.get()) == 1;
    ERR_clear_error();
    return done;
}

bool tls_client::send(std::string_view text)
{
    const bool sent = SSL_write(session_.get(), text.data(), static_cast<int>(text.size())) > 0;
    ERR_clear_error();
    return sent;
}

bool tls_client::read_more()
{
    char some[16 * 1024];
    const int size = SSL_read(session_.get(), some, sizeof some);
    ERR_clear_error();
    if (size <= 0)
        return false;
    unread_.append(some, static_cast<std::size_t>(size));
    return true;
}

std::optional<bench::http_answer> tls_client::read_answer()
{
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more())
            return std::nullopt;
    }
    bench::http_answer out;
    const std::string head = unread_.substr(0, end + 2);
    std::from_chars(head.data() + 9, head.data() + 12, out.status);
    std::size_t length = 0;
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
        const auto line_end = head.find("\r\n", at);
        const auto colon = head.find(": ", at);
        out.headers.emplace_back(head.substr(at, colon - at), head.substr(colon + 2, line_end - colon - 2));
        at = line_end + 2;
    }
    if (const auto text = out.header("Content-Length"))
        std::from_chars(text->data(), text->data() + text->size(), length);
    while (unread_.size() < end + 4 + length) {
        if (!read_more())
            return std::nullopt;
    }
    out.body = unread_.substr(end + 4, length);
    unread_.erase(0, end + 4 + length);
    return out;
}

std::optional<bench::http_answer> tls_client::ask(std::string_view method, std::string_view path,
                                                  std::string_view more_headers, std::string_view body)
{
    std::string text{method};
    text.append(" ").append(path).append(" HTTP/1.1\r\nHost: x\r\n").append(more_headers);
    if (!body.empty())
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text.append("\r\n").append(body);
    return send(text) ? read_answer() : std::nullopt;
}

bool tls_client::is_closed()
{
    return unread_.empty() && !read_more();
}

} // namespace doorward::tests
