#pragma once

#include "crypto/bytes.hpp"

#include <cassert>
#include <cstring>

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
    explicit key(crypto::bytes_view data) { raw(data); }

    key& number(std::uint64_t value) noexcept { return raw(crypto::big_endian(value)); }

    /// Larger numbers sort first.
    key& number_descending(std::uint64_t value) noexcept { return number(~value); }

    key& small(std::uint8_t value) noexcept { return raw({&value, 1}); }

    /// `text` holds no zero byte; the one written behind it keeps "ab" before "abc" and apart from it.
    key& text(std::string_view text) noexcept
    {
        assert(text.find('\0') == std::string_view::npos);
        return raw(crypto::as_bytes(text)).small(0);
    }

    key& raw(crypto::bytes_view data) noexcept
    {
        assert(size_ + data.size() <= key_bytes_max);
        if (!data.empty())
            std::memcpy(bytes_ + size_, data.data(), data.size());
        size_ += data.size();
        return *this;
    }

    operator crypto::bytes_view() const noexcept { return {bytes_, size_}; } // NOLINT: a key is used as its bytes

private:
    std::size_t size_ = 0;
    crypto::byte bytes_[key_bytes_max]; // the first size_ bytes are meaningful
};

/// The number that number_descending() wrote.
[[nodiscard]] inline std::uint64_t from_descending(crypto::bytes_view data) noexcept
{
    return ~crypto::from_big_endian<std::uint64_t>(data);
}

} // namespace doorward::kv
