#include "crypto/tls.hpp"
#include "crypto/client_certificate.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace doorward::crypto {
namespace {

constexpr const char* tls12_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* tls13_ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* tls_groups = "X25519:P-256:P-384";
constexpr std::size_t authorities_max = 64;
constexpr int client_chain_max = 4; // certificates between a client's and its root

struct release_tls_bio {
    void operator()(BIO* what) const noexcept { BIO_free(what); }
};
using tls_bio = std::unique_ptr<BIO, release_tls_bio>;

struct release_certificate {
    void operator()(X509* what) const noexcept { X509_free(what); }
};
using certificate_ptr = std::unique_ptr<X509, release_certificate>;

struct release_names {
    void operator()(GENERAL_NAMES* what) const noexcept { GENERAL_NAMES_free(what); }
};

std::string text_of(const ASN1_STRING* text)
{
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

void require(bool worked, const char* what)
{
    if (worked)
        return;
    ERR_clear_error();
    throw tls_error{what};
}

void accept_clients_of(SSL_CTX* context, std::string_view authorities)
{
    const tls_bio text{BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size()))};
    std::size_t count = 0;
    while (const certificate_ptr next{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)}) {
        require(++count <= authorities_max && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), next.get()) == 1 &&
                    SSL_CTX_add_client_CA(context, next.get()) == 1,
                "the authorities of clients cannot be used");
    }
    const auto last = ERR_peek_last_error(); // the end of the text is an error to the library
    require(count > 0 && ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE,
            "the authorities of clients are no certificates");
    ERR_clear_error();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_verify_depth(context, client_chain_max);
}

} // namespace

void tls_context::release::operator()(ssl_ctx_st* what) const noexcept
{
    SSL_CTX_free(what);
}

tls_context::tls_context(std::string_view chain, bytes_view key, std::string_view client_ca)
    : context_{SSL_CTX_new(TLS_server_method())}
{
    SSL_CTX* const context = context_.get();
    require(context != nullptr, "TLS is not available");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF); // HTTP says itself where a message ends
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    require(SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                SSL_CTX_set_cipher_list(context, tls12_ciphers) == 1 &&
                SSL_CTX_set_ciphersuites(context, tls13_ciphers) == 1 &&
                SSL_CTX_set1_groups_list(context, tls_groups) == 1,
            "TLS cannot be set up");

    const auto shown = client_certificate::parse(chain, key);
    require(shown.has_value(), "certificate and key cannot be read, or do not belong together");
    require(SSL_CTX_use_certificate(context, shown->own()) == 1 && SSL_CTX_use_PrivateKey(context, shown->key()) == 1,
            "the certificate or its key is too weak, or of a kind that TLS does not know");
    for (X509* const other : shown->others())
        require(SSL_CTX_add1_chain_cert(context, other) == 1, "a certificate of the chain cannot be used");

    std::tm end{};
    require(ASN1_TIME_to_tm(X509_get0_notAfter(shown->own()), &end) == 1, "the certificate has no end");
    ends_at_ = timegm(&end);
    if (!client_ca.empty())
        accept_clients_of(context, client_ca);
}

void tls_session::release::operator()(ssl_st* what) const noexcept
{
    SSL_free(what);
}

tls_session::tls_session(const tls_context& with, int socket) : session_{SSL_new(with.context_.get())}
{
    if (!session_ || SSL_set_fd(session_.get(), socket) != 1) {
        ERR_clear_error();
        throw std::bad_alloc{};
    }
    SSL_set_accept_state(session_.get());
}

tls_session::outcome tls_session::outcome_of(int result) noexcept
{
    if (result == 1)
        return outcome::done;
    const int why = SSL_get_error(session_.get(), result);
    ERR_clear_error(); // the queue belongs to the thread, and with it to other connections
    switch (why) {
    case SSL_ERROR_WANT_READ:
        return outcome::wants_read;
    case SSL_ERROR_WANT_WRITE:
        return outcome::wants_write;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:
        return outcome::ended;
    default:
        return outcome::failed;
    }
}

tls_session::outcome tls_session::handshake() noexcept
{
    return outcome_of(SSL_do_handshake(session_.get()));
}

tls_session::outcome tls_session::read(void* into, std::size_t room, std::size_t& size) noexcept
{
    return outcome_of(SSL_read_ex(session_.get(), into, room, &size));
}

tls_session::outcome tls_session::write(const void* from, std::size_t length, std::size_t& size) noexcept
{
    return outcome_of(SSL_write_ex(session_.get(), from, length, &size));
}

void tls_session::finish() noexcept
{
    SSL_shutdown(session_.get());
    ERR_clear_error();
}

std::vector<std::string> tls_session::client_names() const
{
    std::vector<std::string> out;
    const certificate_ptr shown{SSL_get1_peer_certificate(session_.get())};
    if (!shown || SSL_get_verify_result(session_.get()) != X509_V_OK)
        return out;
    const std::unique_ptr<GENERAL_NAMES, release_names> names{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(shown.get(), NID_subject_alt_name, nullptr, nullptr))};
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS)
            out.push_back("dns:" + text_of(name->d.dNSName));
        else if (name->type == GEN_EMAIL)
            out.push_back("email:" + text_of(name->d.rfc822Name));
        else if (name->type == GEN_URI)
            out.push_back("uri:" + text_of(name->d.uniformResourceIdentifier));
    }
    const tls_bio text{BIO_new(BIO_s_mem())};
    if (X509_NAME_print_ex(text.get(), X509_get_subject_name(shown.get()), 0, XN_FLAG_RFC2253) >= 0) {
        char* subject = nullptr;
        const auto size = BIO_get_mem_data(text.get(), &subject);
        out.push_back("subject:" + std::string{subject, static_cast<std::size_t>(size)});
    }
    return out;
}

} // namespace doorward::crypto
