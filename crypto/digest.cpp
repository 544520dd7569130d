// The one-shot and streaming calls of EVP cost more than a short hash itself, and EVP_MAC cannot resume from a
// precomputed key block. The low-level SHA-256 calls reach the same assembly without either; they are marked
// deprecated in OpenSSL 3.0 but remain part of it.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/digest.hpp"

#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <cassert>

namespace doorward::crypto {
namespace {

constexpr std::size_t block_bytes = 64;

digest32 finish(SHA256_CTX& context) noexcept
{
    digest32 out;
    SHA256_Final(out.data(), &context);
    return out;
}

std::array<std::uint32_t, 8> hash_key_block(const byte_array<block_bytes>& key, byte mask) noexcept
{
    byte_array<block_bytes> padded = key;
    for (byte& octet : padded)
        octet ^= mask;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, padded.data(), padded.size());
    std::array<std::uint32_t, 8> state;
    std::copy(std::begin(context.h), std::end(context.h), state.begin());
    wipe(&context, sizeof context);
    wipe(padded.data(), padded.size());
    return state;
}

// A hash that has already taken in one block.
SHA256_CTX resume(const std::array<std::uint32_t, 8>& state) noexcept
{
    SHA256_CTX context;
    SHA256_Init(&context);
    std::ranges::copy(state, std::begin(context.h));
    context.Nl = block_bytes * 8; // bits hashed so far
    return context;
}

// The most that fits into one block with its padding: the first bit behind the message, and its length.
constexpr std::size_t last_block_data_max = block_bytes - 1 - sizeof(std::uint64_t);

// The hash of one block and `last`, given the state after the block: without the bookkeeping of a stream.
digest32 finish(const std::array<std::uint32_t, 8>& state, bytes_view last) noexcept
{
    assert(last.size() <= last_block_data_max);
    byte_array<block_bytes> block{};
    *std::ranges::copy(last, block.begin()).out = 0x80;
    std::ranges::copy(big_endian(std::uint64_t{block_bytes + last.size()} * 8), block.end() - sizeof(std::uint64_t));
    SHA256_CTX context;
    std::ranges::copy(state, std::begin(context.h));
    SHA256_Transform(&context, block.data());
    digest32 out;
    for (std::size_t i = 0; i < state.size(); ++i)
        std::ranges::copy(big_endian(std::uint32_t{context.h[i]}), out.begin() + static_cast<std::ptrdiff_t>(4 * i));
    return out;
}

} // namespace

digest32 sha256(bytes_view data) noexcept
{
    return sha256({data});
}

digest32 sha256(std::initializer_list<bytes_view> pieces) noexcept
{
    SHA256_CTX context;
    SHA256_Init(&context);
    for (const bytes_view piece : pieces)
        SHA256_Update(&context, piece.data(), piece.size());
    return finish(context);
}

hmac_sha256_key::hmac_sha256_key(bytes_view key) noexcept
{
    byte_array<block_bytes> block{};
    if (key.size() <= block_bytes) {
        std::ranges::copy(key, block.begin());
    } else {
        std::ranges::copy(sha256(key), block.begin());
    }
    inner_ = hash_key_block(block, 0x36);
    outer_ = hash_key_block(block, 0x5c);
    wipe(block.data(), block.size());
}

hmac_sha256_key::~hmac_sha256_key()
{
    wipe(inner_.data(), sizeof inner_);
    wipe(outer_.data(), sizeof outer_);
}

digest32 hmac_sha256_key::mac(bytes_view data) const noexcept
{
    return data.size() <= last_block_data_max ? finish(outer_, finish(inner_, data)) : mac({data});
}

digest32 hmac_sha256_key::mac(std::initializer_list<bytes_view> pieces) const noexcept
{
    SHA256_CTX context = resume(inner_);
    for (const bytes_view piece : pieces)
        SHA256_Update(&context, piece.data(), piece.size());
    return finish(outer_, finish(context));
}

digest32 hmac_sha256(bytes_view key, bytes_view data) noexcept
{
    return hmac_sha256_key{key}.mac(data);
}

digest32 hmac_sha256(bytes_view key, std::initializer_list<bytes_view> pieces) noexcept
{
    return hmac_sha256_key{key}.mac(pieces);
}

std::uint64_t short_digest(bytes_view data, const key16& key) noexcept
{
    static_assert(crypto_shorthash_BYTES == 8 && crypto_shorthash_KEYBYTES == 16);
    byte_array<8> out;
    crypto_shorthash(out.data(), data.data(), data.size(), key.data());
    return from_big_endian<std::uint64_t>(bytes_view{out});
}

void blake2b(std::span<byte> out, bytes_view data, bytes_view key) noexcept
{
    [[maybe_unused]] const int failed =
        crypto_generichash(out.data(), out.size(), data.data(), data.size(), key.data(), key.size());
    assert(failed == 0); // only lengths outside the documented ranges fail
}

} // namespace doorward::crypto
