#include "crypto/password.hpp"

#include <sodium.h>

#include <new>

namespace doorward::crypto {

std::string hash_password(std::string_view password, const password_cost& cost)
{
    std::string out(crypto_pwhash_STRBYTES, '\0');
    if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), cost.passes, cost.memory_bytes,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::bad_alloc{};
    out.resize(out.find('\0'));
    return out;
}

bool verify_password(const std::string& hash, std::string_view password) noexcept
{
    return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

} // namespace doorward::crypto
