#include "tests/provider_server.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace doorward::tests {
namespace {

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error{"the provider: " + what};
}

int bound_socket(unsigned short& port)
{
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    if (out < 0 || ::bind(out, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        ::getsockname(out, reinterpret_cast<sockaddr*>(&where), &size) != 0)
        fail("cannot have a port");
    port = ntohs(where.sin_port);
    return out;
}

template <class T, void (*Free)(T*)>
struct freed {
    void operator()(T* what) const noexcept { Free(what); }
};
template <class T, void (*Free)(T*)>
using owned = std::unique_ptr<T, freed<T, Free>>;

using certificate_ptr = owned<X509, X509_free>;
using key_ptr = owned<EVP_PKEY, EVP_PKEY_free>;

certificate_ptr self_signed(EVP_PKEY* key, const char* host)
{
    certificate_ptr out{X509_new()};
    X509* const made = out.get();
    X509_set_version(made, 2); // version 3
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME* const name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host), -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509V3_CTX context;
    X509V3_set_ctx(&context, made, made, nullptr, nullptr, 0);
    const std::pair<int, std::string> extensions[]{{NID_basic_constraints, "critical,CA:TRUE"},
                                                   {NID_subject_alt_name, std::string{"DNS:"} + host}};
    for (const auto& [kind, value] : extensions) {
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        if (extension == nullptr || X509_add_ext(made, extension, -1) != 1)
            fail("cannot make a certificate");
        X509_EXTENSION_free(extension);
    }
    if (X509_sign(made, key, EVP_sha256()) == 0)
        fail("cannot sign a certificate");
    return out;
}

template <class Write>
std::string pem_of(const Write& write)
{
    BIO* const text = BIO_new(BIO_s_mem());
    write(text);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(text, &data);
    std::string out{data, static_cast<std::size_t>(size)};
    BIO_free(text);
    return out;
}

std::string common_name(X509* of)
{
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(of), NID_commonName, name, sizeof name);
    return name;
}

} // namespace

certificate_texts make_certificate(const std::string& name)
{
    const key_ptr key{EVP_EC_gen("P-256")};
    const auto certificate = self_signed(key.get(), name.c_str());
    return {pem_of([&](BIO* to) { PEM_write_bio_X509(to, certificate.get()); }),
            pem_of([&](BIO* to) { PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

class provider_server::tls_side {
public:
    tls_side() : context{SSL_CTX_new(TLS_server_method())}, key{EVP_EC_gen("P-256")}
    {
        const auto certificate = self_signed(key.get(), "localhost");
        if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
            SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
            fail("cannot use its certificate");
        pem = pem_of([&](BIO* to) { PEM_write_bio_X509(to, certificate.get()); });
        // Clients may show a certificate; whoever vouches for it.
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
        const unsigned char name[]{'t'};
        SSL_CTX_set_session_id_context(context.get(), name, sizeof name);
    }

    owned<SSL_CTX, SSL_CTX_free> context;
    key_ptr key;
    std::string pem; // of the certificate
};

// One connection; all it does can be ended by the eventfd.
class provider_server::connection {
public:
    connection(int socket, int ending, tls_side* tls) : socket_{socket}, ending_{ending}
    {
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (tls == nullptr)
            return;
        tls_.reset(SSL_new(tls->context.get()));
        SSL_set_fd(tls_.get(), socket_);
        is_open_ = wait(POLLIN) && SSL_accept(tls_.get()) == 1;
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection()
    {
        if (tls_ && is_open_)
            SSL_shutdown(tls_.get());
        ::close(socket_);
    }

    [[nodiscard]] bool is_open() const noexcept { return is_open_; }

    // Empty when the client has shown none.
    [[nodiscard]] std::string client_name() const
    {
        const certificate_ptr shown{tls_ ? SSL_get1_peer_certificate(tls_.get()) : nullptr};
        return shown ? common_name(shown.get()) : std::string{};
    }

    // False when the other side has ended it, or the test is over.
    bool read(std::string& to)
    {
        char some[16384];
        const bool buffered = tls_ && SSL_pending(tls_.get()) > 0;
        if (!is_open_ || (!buffered && !wait(POLLIN)))
            return false;
        const auto size =
            tls_ ? SSL_read(tls_.get(), some, sizeof some) : static_cast<int>(::recv(socket_, some, sizeof some, 0));
        is_open_ = size > 0;
        if (is_open_)
            to.append(some, static_cast<std::size_t>(size));
        return is_open_;
    }

    bool write(std::string_view data)
    {
        while (is_open_ && !data.empty()) {
            if (!wait(POLLOUT))
                return false;
            const auto part = data.substr(0, 16384);
            const auto size =
                tls_ ? SSL_write(tls_.get(), part.data(), static_cast<int>(part.size()))
                     : static_cast<int>(::send(socket_, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
            if (size < 0 && !tls_ && errno == EAGAIN)
                continue;
            is_open_ = size > 0;
            if (is_open_)
                data.remove_prefix(static_cast<std::size_t>(size));
        }
        return is_open_;
    }

    // Between two bytes of a slow provider.
    void pause() const
    {
        pollfd waited{ending_, POLLIN, 0};
        static_cast<void>(::poll(&waited, 1, 5));
    }

    void wait_for_its_end()
    {
        std::string ignored;
        while (read(ignored)) {
        }
    }

    void reset()
    {
        const linger at_once{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        is_open_ = false;
    }

private:
    bool wait(short events)
    {
        const auto limit = std::chrono::milliseconds{patience}.count();
        pollfd waited[]{{socket_, events, 0}, {ending_, POLLIN, 0}};
        while (::poll(waited, 2, static_cast<int>(limit)) < 0 && errno == EINTR) {
        }
        return waited[0].revents != 0 && waited[1].revents == 0;
    }

    int socket_;
    int ending_;
    owned<SSL, SSL_free> tls_;
    bool is_open_ = true;
};

provider_server::provider_server(transport over) : listener_{bound_socket(port_)}, ending_{::eventfd(0, EFD_CLOEXEC)}
{
    if (over == transport::tls)
        tls_ = std::make_unique<tls_side>();
    if (ending_ < 0 || ::listen(listener_, SOMAXCONN) != 0)
        fail("cannot listen");
    answer(200, R"({"userId":"anna"})");
    accepting_ = std::thread{[this] { accept_all(); }};
}

provider_server::~provider_server()
{
    const std::uint64_t now = 1;
    static_cast<void>(::write(ending_, &now, sizeof now));
    accepting_.join();
    for (std::thread& each : connections_)
        each.join();
    ::close(listener_);
    ::close(ending_);
}

std::string provider_server::http(int status, std::string_view body, std::string_view more_headers)
{
    return "HTTP/1.1 " + std::to_string(status) +
           " Whatever\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string{more_headers} + "\r\n" + std::string{body};
}

void provider_server::react(judge how)
{
    const std::lock_guard lock{mutex_};
    judge_ = std::move(how);
}

void provider_server::react(reaction always)
{
    react([always = std::move(always)](const http_request&) { return always; });
}

std::string provider_server::url() const
{
    return (tls_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_) + "/judge";
}

std::vector<http_request> provider_server::requests() const
{
    const std::lock_guard lock{mutex_};
    return requests_;
}

void provider_server::wait_for_requests(std::size_t count) const
{
    std::unique_lock lock{mutex_};
    if (!arrived_.wait_for(lock, patience, [&] { return requests_.size() >= count; }))
        fail("nobody asks");
}

const std::string& provider_server::certificate() const
{
    return tls_->pem;
}

void provider_server::accept_all()
{
    pollfd waited[]{{listener_, POLLIN, 0}, {ending_, POLLIN, 0}};
    for (;;) {
        if (::poll(waited, 2, -1) < 0 && errno != EINTR)
            return;
        if (waited[1].revents != 0)
            return;
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0)
            continue;
        connections_.emplace_back([this, socket] {
            connection peer{socket, ending_, tls_.get()};
            serve(peer);
        });
    }
}

void provider_server::serve(connection& peer)
{
    std::string unread;
    std::size_t head = 0;
    while ((head = unread.find("\r\n\r\n")) == std::string::npos) {
        if (!peer.read(unread))
            return;
    }
    http_request request;
    const std::string_view lines = std::string_view{unread}.substr(0, head + 2);
    const std::string_view first = lines.substr(0, lines.find("\r\n"));
    request.method = first.substr(0, first.find(' '));
    request.path = first.substr(request.method.size() + 1, first.rfind(' ') - request.method.size() - 1);
    std::size_t length = 0;
    for (std::size_t at = first.size() + 2; at < lines.size();) {
        const auto end = lines.find("\r\n", at);
        const std::string line{lines.substr(at, end - at)};
        const auto colon = line.find(": ");
        request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        if (request.headers.back().first == "Content-Length")
            length = std::stoul(request.headers.back().second);
        at = end + 2;
    }
    while (unread.size() < head + 4 + length) {
        if (!peer.read(unread))
            return;
    }
    request.body = unread.substr(head + 4);
    if (const auto name = peer.client_name(); !name.empty())
        request.headers.emplace_back("client certificate", name);

    judge how;
    {
        const std::lock_guard lock{mutex_};
        requests_.push_back(request);
        how = judge_;
    }
    arrived_.notify_all();
    const reaction chosen = how(request);
    if (!peer.write(chosen.bytes))
        return;
    using after = reaction::after;
    switch (chosen.then) {
    case after::close:
        return;
    case after::reset:
        peer.reset();
        return;
    case after::keep_silent:
        peer.wait_for_its_end();
        return;
    case after::drip:
        while (peer.write("x"))
            peer.pause();
        return;
    case after::flood:
        while (peer.write(std::string(16384, 'x'))) {
        }
        return;
    }
}

dead_port::dead_port(kind how) : socket_{bound_socket(port_)}
{
    if (how == kind::taking && ::listen(socket_, SOMAXCONN) != 0)
        fail("cannot listen");
}

dead_port::~dead_port()
{
    ::close(socket_);
}

} // namespace doorward::tests
