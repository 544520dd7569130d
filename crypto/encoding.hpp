#pragma once

#include "crypto/bytes.hpp"

#include <optional>

namespace doorward::crypto {

// Strict encodings: a text decodes only if encoding the result gives the same text again. So padding is exact, unused
// bits are zero, and there are no line breaks or foreign characters.

/// Standard alphabet with padding (PROTOCOL.md section 1, B64).
[[nodiscard]] std::string to_base64(bytes_view data);
[[nodiscard]] std::optional<bytes> from_base64(std::string_view text);

/// Would the text decode, to so many bytes? Not in constant time: for what is no secret.
[[nodiscard]] bool is_base64_of(std::string_view text, std::size_t size) noexcept;
template <std::size_t N>
[[nodiscard]] bool is_base64_of(std::string_view text) noexcept
{
    return is_base64_of(text, N);
}

/// Decodes into memory of the caller, which need not be larger than the outcome; how many bytes, or nothing when the
/// text is malformed or `out` too small.
[[nodiscard]] std::optional<std::size_t> from_base64(std::string_view text, std::span<byte> out) noexcept;

/// Appends the Base64 text of `data`.
void append_base64(bytes& out, bytes_view data);

/// Standard alphabet, exactly N bytes.
template <std::size_t N>
[[nodiscard]] std::optional<byte_array<N>> from_base64_sized(std::string_view text)
{
    byte_array<N> out;
    return from_base64(text, out) == N ? std::optional{out} : std::nullopt;
}

/// URL-safe alphabet without padding (PROTOCOL.md section 1, B64URL), as JWTs use it.
[[nodiscard]] std::string to_base64url(bytes_view data);
[[nodiscard]] std::optional<bytes> from_base64url(std::string_view text);

/// RFC 4648 Base32, alphabet A-Z 2-7, without padding; the bits left over in the last character are zero.
[[nodiscard]] std::string to_base32(bytes_view data);
[[nodiscard]] std::optional<bytes> from_base32(std::string_view text);

/// Lower-case hexadecimal; decoding accepts both cases.
[[nodiscard]] std::string to_hex(bytes_view data);
[[nodiscard]] std::optional<bytes> from_hex(std::string_view text);

} // namespace doorward::crypto
