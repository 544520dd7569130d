#include "crypto/kdf.hpp"
#include "crypto/aes.hpp"

#include <algorithm>

namespace doorward::crypto {

byte_array<16> fold(std::span<const byte, 32> data) noexcept
{
    byte_array<16> out;
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = data[i] ^ data[i + 16];
    return out;
}

key16 kdf(const key16& key, std::uint64_t index)
{
    byte_array<16> block{};
    std::ranges::copy(big_endian(index), block.begin() + 8);
    byte_array<16> derived = aes_block(key, block);
    key16 out{derived};
    wipe(derived.data(), derived.size());
    return out;
}

key16 kdf_internal(bytes_view key, bytes_view data) noexcept
{
    return key16{fold(hmac_sha256(key, data))};
}

} // namespace doorward::crypto
