#include "crypto/init.hpp"
#include "crypto/algorithms.hpp"

#include <sodium.h>

#include <stdexcept>

namespace doorward::crypto {
namespace {

algorithms fetch_all()
{
    if (sodium_init() < 0) // 1 means: already done
        throw std::runtime_error{"libsodium does not start"};
    const algorithms all{EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr),
                         EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr), EVP_MD_fetch(nullptr, "SHA2-256", nullptr)};
    if (all.aes_128_ecb == nullptr || all.aes_128_cbc == nullptr || all.sha256 == nullptr)
        throw std::runtime_error{"libcrypto lacks AES-128 or SHA-256"};
    return all;
}

} // namespace

const algorithms& fetched() noexcept
{
    static const algorithms all = fetch_all();
    return all;
}

void init()
{
    static_cast<void>(fetched());
}

} // namespace doorward::crypto
