#include "registry/ids.hpp"
#include "crypto/random.hpp"

namespace doorward::registry {
namespace {

constexpr bool is_dash_position(std::size_t i) noexcept
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

constexpr int hex_value(char letter) noexcept
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    if (letter >= 'a' && letter <= 'f')
        return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F')
        return letter - 'A' + 10;
    return -1;
}

} // namespace

std::optional<uuid> uuid::parse(std::string_view text) noexcept
{
    if (text.size() != 36)
        return std::nullopt;
    uuid out;
    std::size_t nibbles = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_dash_position(i)) {
            if (text[i] != '-')
                return std::nullopt;
            continue;
        }
        const int value = hex_value(text[i]);
        if (value < 0)
            return std::nullopt;
        crypto::byte& octet = out.value[nibbles / 2];
        octet = static_cast<crypto::byte>(octet << 4 | value);
        ++nibbles;
    }
    return out;
}

uuid uuid::random() noexcept
{
    uuid out{crypto::random_array<16>()};
    out.value[6] = static_cast<crypto::byte>((out.value[6] & 0x0F) | 0x40); // version 4
    out.value[8] = static_cast<crypto::byte>((out.value[8] & 0x3F) | 0x80); // variant of RFC 9562
    return out;
}

std::string uuid::text() const
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out(36, '-');
    std::size_t at = 0;
    for (const crypto::byte octet : value) {
        at += is_dash_position(at) ? 1U : 0U;
        out[at++] = digits[octet >> 4];
        out[at++] = digits[octet & 0x0F];
    }
    return out;
}

} // namespace doorward::registry
