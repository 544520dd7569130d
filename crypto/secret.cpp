#include "crypto/secret.hpp"

#include <sodium.h>

#include <algorithm>
#include <new>

namespace doorward::crypto {

void wipe(void* data, std::size_t size) noexcept
{
    if (size > 0)
        sodium_memzero(data, size);
}

guarded_key::guarded_key(std::span<const byte, size> key) : data_{static_cast<byte*>(sodium_malloc(size))}
{
    if (data_ == nullptr)
        throw std::bad_alloc{};
    std::ranges::copy(key, data_);
    sodium_mprotect_readonly(data_);
}

guarded_key::~guarded_key()
{
    sodium_free(data_); // makes it writable, wipes and unlocks
}

} // namespace doorward::crypto
