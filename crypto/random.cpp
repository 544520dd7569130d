#include "crypto/random.hpp"

#include <sodium.h>

namespace doorward::crypto {

void random_fill(std::span<byte> out) noexcept
{
    if (!out.empty()) // libsodium takes no null pointer, not even for nothing
        randombytes_buf(out.data(), out.size());
}

} // namespace doorward::crypto
