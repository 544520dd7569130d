#include "crypto/seal.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"

#include <sodium.h>

#include <cassert>

namespace doorward::crypto {
namespace {

constexpr byte sealed_format = 1;
constexpr byte first_key = 1;
constexpr std::size_t head_bytes = 2;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(head_bytes + nonce_bytes + tag_bytes == sealer::overhead_bytes);
static_assert(guarded_key::size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

} // namespace

bytes sealer::seal(bytes_view secret_data, bytes_view associated) const
{
    bytes out(overhead_bytes + secret_data.size());
    out[0] = sealed_format;
    out[1] = first_key;
    random_fill(std::span{out}.subspan(head_bytes, nonce_bytes));
    unsigned long long written = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + head_bytes + nonce_bytes, &written, secret_data.data(),
                                               secret_data.size(), associated.data(), associated.size(), nullptr,
                                               out.data() + head_bytes, key_.view().data());
    assert(written == secret_data.size() + tag_bytes);
    return out;
}

std::optional<secret_bytes> sealer::open(bytes_view sealed, bytes_view associated) const
{
    if (sealed.size() < overhead_bytes || sealed[0] != sealed_format || sealed[1] != first_key)
        return std::nullopt;
    secret_bytes out{sealed.size() - overhead_bytes};
    const bytes_view body = sealed.subspan(head_bytes + nonce_bytes);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, body.data(), body.size(),
                                                   associated.data(), associated.size(), sealed.data() + head_bytes,
                                                   key_.view().data()) != 0)
        return std::nullopt;
    return out;
}

secret<32> sealer::derive(std::string_view label) const
{
    secret<32> out;
    blake2b({out.data(), out.size()}, as_bytes(label), (base_ ? *base_ : key_).view());
    return out;
}

secret<32> sealer::derivation_base() const
{
    return secret<32>{(base_ ? *base_ : key_).view()};
}

} // namespace doorward::crypto
