#include "crypto/aes.hpp"
#include "crypto/algorithms.hpp"

#include <cassert>
#include <memory>
#include <new>

namespace doorward::crypto {
namespace {

struct context_delete {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

enum class padding { none, pkcs7 };
enum class direction : int { decrypt = 0, encrypt = 1 };

// Empty when the final block has no valid padding.
std::optional<bytes> run(const EVP_CIPHER* cipher, bytes_view key, const byte* iv, bytes_view data, direction way,
                         padding pad)
{
    assert(key.size() == 16);
    const std::unique_ptr<EVP_CIPHER_CTX, context_delete> context{EVP_CIPHER_CTX_new()};
    if (!context || EVP_CipherInit_ex2(context.get(), cipher, key.data(), iv, static_cast<int>(way), nullptr) != 1)
        throw std::bad_alloc{};
    EVP_CIPHER_CTX_set_padding(context.get(), pad == padding::pkcs7 ? 1 : 0);

    bytes out(data.size() + 16);
    int head = 0;
    int tail = 0;
    if (EVP_CipherUpdate(context.get(), out.data(), &head, data.data(), static_cast<int>(data.size())) != 1 ||
        EVP_CipherFinal_ex(context.get(), out.data() + head, &tail) != 1)
        return std::nullopt;
    out.resize(static_cast<std::size_t>(head + tail));
    return out;
}

} // namespace

byte_array<16> aes_block(const key16& key, std::span<const byte, 16> block)
{
    const auto out = run(fetched().aes_128_ecb, key, nullptr, block, direction::encrypt, padding::none);
    assert(out && out->size() == 16);
    return take<16>(*out);
}

bytes aes_cbc_seal(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view plaintext)
{
    auto out = run(fetched().aes_128_cbc, key16_bytes, iv.data(), plaintext, direction::encrypt, padding::pkcs7);
    assert(out);
    return *std::move(out);
}

std::optional<bytes> aes_cbc_open(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view ciphertext)
{
    if (ciphertext.empty() || ciphertext.size() % 16 != 0)
        return std::nullopt;
    return run(fetched().aes_128_cbc, key16_bytes, iv.data(), ciphertext, direction::decrypt, padding::pkcs7);
}

bytes aes_cbc_raw_encrypt(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view data)
{
    assert(data.size() % 16 == 0);
    auto out = run(fetched().aes_128_cbc, key16_bytes, iv.data(), data, direction::encrypt, padding::none);
    assert(out);
    return *std::move(out);
}

bytes aes_cbc_raw_decrypt(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view data)
{
    assert(data.size() % 16 == 0);
    auto out = run(fetched().aes_128_cbc, key16_bytes, iv.data(), data, direction::decrypt, padding::none);
    assert(out);
    return *std::move(out);
}

} // namespace doorward::crypto
