#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::crypto {

using byte = std::uint8_t;
using bytes = std::vector<byte>;
using bytes_view = std::span<const byte>;
template <std::size_t N>
using byte_array = std::array<byte, N>;

/// The bytes of a text, and the text of some bytes; neither copies.
[[nodiscard]] inline bytes_view as_bytes(std::string_view text) noexcept
{
    return {reinterpret_cast<const byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(bytes_view data) noexcept
{
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Compares two byte strings in a time that depends on their lengths only.
[[nodiscard]] bool equal_constant_time(bytes_view a, bytes_view b) noexcept;

inline void append(bytes& out, bytes_view tail)
{
    out.insert(out.end(), tail.begin(), tail.end());
}

/// Unsigned integers, big-endian: u32(n) and u64(n) of the device protocol (PROTOCOL.md section 1).
template <class Integer>
[[nodiscard]] constexpr byte_array<sizeof(Integer)> big_endian(Integer value) noexcept
{
    byte_array<sizeof(Integer)> out{};
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        out[sizeof(Integer) - 1 - i] = static_cast<byte>(static_cast<std::uint64_t>(value) >> (8 * i));
    return out;
}

/// Reads sizeof(Integer) bytes; `data` must hold at least that many.
template <class Integer>
[[nodiscard]] constexpr Integer from_big_endian(bytes_view data) noexcept
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        value = value << 8 | data[i];
    return static_cast<Integer>(value);
}

/// Copies exactly N bytes out of a view that has that many.
template <std::size_t N>
[[nodiscard]] byte_array<N> take(bytes_view data) noexcept
{
    byte_array<N> out{};
    for (std::size_t i = 0; i < N; ++i)
        out[i] = data[i];
    return out;
}

} // namespace doorward::crypto
