#pragma once

#include "crypto/bytes.hpp"

#include <optional>

namespace doorward::crypto {

// Strict encodings: a text decodes only if encoding the result gives the same text again. So padding is exact, unused
// bits are zero, and there are no line breaks or foreign characters.

/// Standard alphabet with padding (PROTOCOL.md section 1, B64).
[[nodiscard]] std::string to_base64(bytes_view data);
[[nodiscard]] std::optional<bytes> from_base64(std::string_view text);

/// Standard alphabet, exactly N bytes.
template <std::size_t N>
[[nodiscard]] std::optional<byte_array<N>> from_base64_sized(std::string_view text)
{
    if (text.size() != (N + 2) / 3 * 4)
        return std::nullopt;
    const auto decoded = from_base64(text);
    if (!decoded || decoded->size() != N)
        return std::nullopt;
    return take<N>(*decoded);
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
