#pragma once

#include "crypto/secret.hpp"

#include <initializer_list>

namespace doorward::crypto {

using digest32 = byte_array<32>;

/// SHA-256 (FIPS 180-4). Uses the processor's SHA instructions where they exist. Any thread, no allocation.
[[nodiscard]] digest32 sha256(bytes_view data) noexcept;

/// SHA-256 of the concatenation of several pieces.
[[nodiscard]] digest32 sha256(std::initializer_list<bytes_view> pieces) noexcept;

/// HMAC-SHA256 (RFC 2104) under one key, used any number of times.
///
/// The two padded key blocks are hashed once, in the constructor; a MAC of a short message then costs two blocks fewer
/// than a one-shot call. Holds secret state and wipes it. An object may be shared between threads.
class hmac_sha256_key {
public:
    explicit hmac_sha256_key(bytes_view key) noexcept;
    hmac_sha256_key(const hmac_sha256_key&) = default;
    hmac_sha256_key& operator=(const hmac_sha256_key&) = default;
    ~hmac_sha256_key();

    [[nodiscard]] digest32 mac(bytes_view data) const noexcept;
    [[nodiscard]] digest32 mac(std::initializer_list<bytes_view> pieces) const noexcept;

private:
    // A chaining value after exactly one block, enough to resume the hash from there.
    std::array<std::uint32_t, 8> inner_;
    std::array<std::uint32_t, 8> outer_;
};

/// HMAC(key, data) of the device protocol, for keys used once.
[[nodiscard]] digest32 hmac_sha256(bytes_view key, bytes_view data) noexcept;
[[nodiscard]] digest32 hmac_sha256(bytes_view key, std::initializer_list<bytes_view> pieces) noexcept;

/// SipHash-2-4: 64 bits that nobody without the key can foresee or steer. For short values that are looked for again,
/// at a tenth of what blake2b() costs.
[[nodiscard]] std::uint64_t short_digest(bytes_view data, const key16& key) noexcept;

/// BLAKE2b with an output of N bytes (16 to 64), keyed when `key` is not empty (RFC 7693).
void blake2b(std::span<byte> out, bytes_view data, bytes_view key = {}) noexcept;

template <std::size_t N>
[[nodiscard]] byte_array<N> blake2b(bytes_view data, bytes_view key = {}) noexcept
{
    static_assert(N >= 16 && N <= 64, "libsodium accepts 16 to 64 bytes");
    byte_array<N> out;
    blake2b(out, data, key);
    return out;
}

} // namespace doorward::crypto
