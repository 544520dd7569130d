#include "crypto/seal.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"

#include <sodium.h>

#include <cassert>

namespace doorward::crypto {
namespace {

constexpr byte sealed_format = 1;
constexpr std::size_t head_bytes = 2;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(head_bytes + nonce_bytes + tag_bytes == sealer::overhead_bytes);
static_assert(guarded_key::size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

} // namespace

sealer::sealer(master_key key, byte number) : current_{number}
{
    add(key, number);
    base_.emplace(key);
}

void sealer::add(master_key key, byte number)
{
    assert(number != 0 && by_number_[number].load() == nullptr);
    keys_.push_back(std::make_unique<const guarded_key>(key));
    by_number_[number].store(keys_.back().get(), std::memory_order_release);
}

void sealer::seal_with(master_key key, byte number)
{
    add(key, number);
    current_.store(number, std::memory_order_release);
}

byte sealer::number_of(bytes_view sealed) noexcept
{
    return sealed.size() < overhead_bytes || sealed[0] != sealed_format ? byte{0} : sealed[1];
}

byte sealer::number_after(byte number) noexcept
{
    return number == 255 ? first_number : static_cast<byte>(number + 1);
}

bytes sealer::seal(bytes_view secret_data, bytes_view associated) const
{
    const byte by = number();
    bytes out(overhead_bytes + secret_data.size());
    out[0] = sealed_format;
    out[1] = by;
    random_fill(std::span{out}.subspan(head_bytes, nonce_bytes));
    unsigned long long written = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + head_bytes + nonce_bytes, &written, secret_data.data(),
                                               secret_data.size(), associated.data(), associated.size(), nullptr,
                                               out.data() + head_bytes,
                                               by_number_[by].load(std::memory_order_acquire)->view().data());
    assert(written == secret_data.size() + tag_bytes);
    return out;
}

std::optional<secret_bytes> sealer::open(bytes_view sealed, bytes_view associated) const
{
    const guarded_key* const key = by_number_[number_of(sealed)].load(std::memory_order_acquire);
    if (key == nullptr)
        return std::nullopt;
    secret_bytes out{sealed.size() - overhead_bytes};
    const bytes_view body = sealed.subspan(head_bytes + nonce_bytes);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, body.data(), body.size(),
                                                   associated.data(), associated.size(), sealed.data() + head_bytes,
                                                   key->view().data()) != 0)
        return std::nullopt;
    return out;
}

secret<32> sealer::derive(std::string_view label) const
{
    secret<32> out;
    blake2b({out.data(), out.size()}, as_bytes(label), base_->view());
    return out;
}

} // namespace doorward::crypto
