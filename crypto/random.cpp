#include "crypto/random.hpp"

#include <sodium.h>

namespace doorward::crypto {

void random_fill(std::span<byte> out) noexcept
{
    randombytes_buf(out.data(), out.size());
}

} // namespace doorward::crypto
