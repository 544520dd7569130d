#include "crypto/encoding.hpp"

#include <sodium.h>

#include <array>

namespace doorward::crypto {
namespace {

std::string encode64(bytes_view data, int variant)
{
    std::string out(sodium_base64_encoded_len(data.size(), variant), '\0');
    sodium_bin2base64(out.data(), out.size(), data.data(), data.size(), variant);
    out.pop_back(); // the terminator that libsodium counts
    return out;
}

// libsodium refuses wrong padding, non-zero spare bits and, without an ignore list, foreign characters; but 1.0.18
// takes bytes beyond ASCII for characters of the alphabet. Without an end pointer it also refuses what follows the last
// group.
std::optional<std::size_t> decode64(std::string_view text, std::span<byte> out, int variant) noexcept
{
    char all = 0;
    for (const char letter : text)
        all |= letter;
    std::size_t size = 0;
    if ((all & 0x80) != 0 ||
        sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr, variant) != 0)
        return std::nullopt;
    return size;
}

std::optional<bytes> decode64(std::string_view text, int variant)
{
    bytes out(text.size() / 4 * 3 + 3);
    const auto size = decode64(text, out, variant);
    if (!size)
        return std::nullopt;
    out.resize(*size);
    return out;
}

// What a character of the standard alphabet stands for; 64 for one that is none of it.
constexpr std::array<byte, 256> values_of_64 = [] {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<byte, 256> out{};
    out.fill(64);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        out[static_cast<unsigned char>(alphabet[i])] = static_cast<byte>(i);
    return out;
}();

constexpr std::string_view base32_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

} // namespace

std::string to_base64(bytes_view data)
{
    return encode64(data, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<bytes> from_base64(std::string_view text)
{
    return decode64(text, sodium_base64_VARIANT_ORIGINAL);
}

bool is_base64_of(std::string_view text, std::size_t size) noexcept
{
    if (text.size() != (size + 2) / 3 * 4)
        return false;
    const std::size_t padding = (3 - size % 3) % 3;
    if (!text.ends_with(std::string_view{"=="}.substr(0, padding)))
        return false;
    text.remove_suffix(padding);
    byte last = 0;
    for (const char letter : text) {
        last = values_of_64[static_cast<unsigned char>(letter)];
        if (last == 64)
            return false;
    }
    return padding == 0 || (last & ((1U << 2 * padding) - 1)) == 0; // spare bits
}

std::optional<std::size_t> from_base64(std::string_view text, std::span<byte> out) noexcept
{
    return decode64(text, out, sodium_base64_VARIANT_ORIGINAL);
}

void append_base64(bytes& out, bytes_view data)
{
    const std::size_t before = out.size();
    out.resize(before + sodium_base64_encoded_len(data.size(), sodium_base64_VARIANT_ORIGINAL));
    sodium_bin2base64(reinterpret_cast<char*>(out.data()) + before, out.size() - before, data.data(), data.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    out.pop_back(); // the terminator that libsodium counts
}

std::string to_base64url(bytes_view data)
{
    return encode64(data, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<bytes> from_base64url(std::string_view text)
{
    return decode64(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::string to_base32(bytes_view data)
{
    std::string out;
    unsigned window = 0;
    int bits = 0;
    for (const byte octet : data) {
        window = (window << 8 | octet) & 0xFFFF;
        for (bits += 8; bits >= 5; bits -= 5)
            out += base32_alphabet[window >> (bits - 5) & 0x1F];
    }
    if (bits > 0)
        out += base32_alphabet[window << (5 - bits) & 0x1F];
    return out;
}

std::optional<bytes> from_base32(std::string_view text)
{
    bytes out;
    unsigned window = 0;
    int bits = 0;
    for (const char letter : text) {
        const auto value = base32_alphabet.find(letter);
        if (value == std::string_view::npos)
            return std::nullopt;
        window = (window << 5 | static_cast<unsigned>(value)) & 0xFFFF;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<byte>(window >> bits));
        }
    }
    if (to_base32(out) != text) // spare bits and lengths that no encoder produces
        return std::nullopt;
    return out;
}

std::string to_hex(bytes_view data)
{
    std::string out(data.size() * 2 + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), data.data(), data.size());
    out.pop_back();
    return out;
}

std::optional<bytes> from_hex(std::string_view text)
{
    if (text.empty()) // libsodium takes no null pointer, not even for nothing
        return bytes{};
    bytes out(text.size() / 2);
    std::size_t size = 0;
    if (text.size() % 2 != 0 ||
        sodium_hex2bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr) != 0 ||
        size != out.size())
        return std::nullopt;
    return out;
}

} // namespace doorward::crypto
