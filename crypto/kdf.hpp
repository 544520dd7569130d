#pragma once

#include "crypto/digest.hpp"

namespace doorward::crypto {

// The small derivations of the device protocol (PROTOCOL.md section 3). Pure; any thread.

/// FOLD: the two halves of 32 bytes, xored.
[[nodiscard]] byte_array<16> fold(std::span<const byte, 32> data) noexcept;

/// KDF(key, index): one AES-128 block of the index under the key.
[[nodiscard]] key16 kdf(const key16& key, std::uint64_t index);

/// KDF_INTERNAL(key, data): FOLD(HMAC(key, data)); the derived-from key is the MAC key.
[[nodiscard]] key16 kdf_internal(bytes_view key, bytes_view data) noexcept;

/// X963(secret, info, N) with SHA-256 (ANSI X9.63).
template <std::size_t N>
[[nodiscard]] secret<N> kdf_x963(bytes_view shared_secret, bytes_view info) noexcept
{
    secret<N> out;
    std::size_t filled = 0;
    for (std::uint32_t counter = 1; filled < N; ++counter) {
        const digest32 block = sha256({shared_secret, big_endian(counter), info});
        for (std::size_t i = 0; i < block.size() && filled < N; ++i)
            out.data()[filled++] = block[i];
    }
    return out;
}

} // namespace doorward::crypto
