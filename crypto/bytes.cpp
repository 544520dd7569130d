#include "crypto/bytes.hpp"

#include <sodium.h>

namespace doorward::crypto {

bool equal_constant_time(bytes_view a, bytes_view b) noexcept
{
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace doorward::crypto
