#pragma once

#include "kv/bytes.hpp"

#include <cassert>
#include <cstring>
#include <string_view>

namespace doorward::kv {

/// LMDB compares keys as bytes and takes at most this many.
inline constexpr std::size_t key_bytes_max = 511;

/// Builds a key whose byte order is the wanted order: numbers big-endian, text ended by a zero byte.
///
///     key{}.number(17).number(3)      rows of registration 17, in the order of the second number
///     key{}.text("alice").number(9)   rows of the user alice
class key {
public:
    key() = default;
    explicit key(bytes_view data) { raw(data); }
    key(const key& other) noexcept : key{bytes_view{other}} {} // not the room that is left
    key& operator=(const key& other) noexcept
    {
        if (this != &other) {
            size_ = 0;
            raw(other);
        }
        return *this;
    }

    key& number(std::uint64_t value) noexcept
    {
        byte big_endian[8];
        for (std::size_t i = 0; i < 8; ++i)
            big_endian[i] = static_cast<byte>(value >> (56 - 8 * i));
        return raw(big_endian);
    }

    /// Larger numbers sort first.
    key& number_descending(std::uint64_t value) noexcept { return number(~value); }

    key& small(std::uint8_t value) noexcept { return raw({&value, 1}); }

    /// `text` holds no zero byte; the one written behind it keeps "ab" before "abc" and apart from it.
    key& text(std::string_view text) noexcept
    {
        assert(text.find('\0') == std::string_view::npos);
        return raw({reinterpret_cast<const byte*>(text.data()), text.size()}).small(0);
    }

    key& raw(bytes_view data) noexcept
    {
        assert(size_ + data.size() <= key_bytes_max);
        if (!data.empty())
            std::memcpy(bytes_ + size_, data.data(), data.size());
        size_ += data.size();
        return *this;
    }

    operator bytes_view() const noexcept { return {bytes_, size_}; } // NOLINT: a key is used as its bytes

private:
    std::size_t size_ = 0;
    byte bytes_[key_bytes_max]; // the first size_ bytes are meaningful
};

/// The number that number() wrote.
[[nodiscard]] inline std::uint64_t from_number(bytes_view data) noexcept
{
    assert(data.size() >= 8);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
        value = value << 8 | data[i];
    return value;
}

/// The number that number_descending() wrote.
[[nodiscard]] inline std::uint64_t from_descending(bytes_view data) noexcept
{
    return ~from_number(data);
}

} // namespace doorward::kv
