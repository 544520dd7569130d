#include "crypto/client_certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace doorward::crypto {
namespace {

struct release_bio {
    void operator()(BIO* what) const noexcept { BIO_free(what); }
};
using bio_ptr = std::unique_ptr<BIO, release_bio>;

bio_ptr read_from(bytes_view text)
{
    return bio_ptr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

// Nobody is asked for a password.
int no_password(char*, int, int, void*)
{
    return -1;
}

} // namespace

void client_certificate::release::operator()(x509_st* what) const noexcept
{
    X509_free(what);
}

void client_certificate::release::operator()(evp_pkey_st* what) const noexcept
{
    EVP_PKEY_free(what);
}

std::vector<x509_st*> client_certificate::others() const
{
    std::vector<x509_st*> out;
    for (std::size_t i = 1; i < chain_.size(); ++i)
        out.push_back(chain_[i].get());
    return out;
}

std::optional<client_certificate> client_certificate::parse(std::string_view chain, bytes_view key)
{
    client_certificate out;
    if (const auto text = read_from(as_bytes(chain))) {
        while (X509* const next = PEM_read_bio_X509(text.get(), nullptr, no_password, nullptr))
            out.chain_.emplace_back(next);
    }
    // The end of the text is an error to the library; anything else means that something is left unread.
    const auto last = ERR_peek_last_error();
    const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (const auto text = read_from(key))
        out.key_.reset(PEM_read_bio_PrivateKey(text.get(), nullptr, no_password, nullptr));
    const bool fits = at_end && !out.chain_.empty() && out.chain_.size() <= certificates_max && out.key_ &&
                      X509_check_private_key(out.own(), out.key()) == 1;
    ERR_clear_error();
    return fits ? std::optional{std::move(out)} : std::nullopt;
}

} // namespace doorward::crypto
