#pragma once

#include "crypto/secret.hpp"

namespace doorward::crypto {

/// Fills `out` with bytes from the operating system's generator. Any thread; never fails once the system is up.
void random_fill(std::span<byte> out) noexcept;

template <std::size_t N>
[[nodiscard]] byte_array<N> random_array() noexcept
{
    byte_array<N> out;
    random_fill(out);
    return out;
}

template <std::size_t N>
[[nodiscard]] secret<N> random_secret() noexcept
{
    secret<N> out;
    random_fill({out.data(), N});
    return out;
}

} // namespace doorward::crypto
