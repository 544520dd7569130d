#include "crypto/ed25519.hpp"

#include <sodium.h>

namespace doorward::crypto {

static_assert(sizeof(ed25519_public) == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(sizeof(ed25519_signature) == crypto_sign_ed25519_BYTES);
static_assert(secret<32>::size() == crypto_sign_ed25519_SEEDBYTES);
static_assert(secret<64>::size() == crypto_sign_ed25519_SECRETKEYBYTES);

ed25519_key::ed25519_key(const secret<32>& seed) noexcept
{
    crypto_sign_ed25519_seed_keypair(public_.data(), secret_.data(), seed.data());
}

ed25519_signature ed25519_key::sign(bytes_view message) const noexcept
{
    ed25519_signature out{};
    crypto_sign_ed25519_detached(out.data(), nullptr, message.data(), message.size(), secret_.data());
    return out;
}

bool ed25519_verify(const ed25519_public& key, bytes_view message, const ed25519_signature& signature) noexcept
{
    return crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

} // namespace doorward::crypto
