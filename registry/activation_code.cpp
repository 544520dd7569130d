#include "registry/activation_code.hpp"
#include "crypto/encoding.hpp"

namespace doorward::registry {

std::uint16_t crc16_arc(crypto::bytes_view data) noexcept
{
    unsigned crc = 0;
    for (const crypto::byte octet : data) {
        crc ^= octet;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0xA001U : crc >> 1;
    }
    return static_cast<std::uint16_t>(crc);
}

std::string activation_code(std::span<const crypto::byte, 10> random)
{
    crypto::bytes packed{random.begin(), random.end()};
    crypto::append(packed, crypto::big_endian(crc16_arc(random)));
    std::string code = crypto::to_base32(packed); // 20 characters
    for (const std::size_t dash : {5U, 11U, 17U})
        code.insert(dash, 1, '-');
    return code;
}

bool is_activation_code(std::string_view text)
{
    if (text.size() != activation_code_chars)
        return false;
    std::string letters;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % 6 != 5)
            letters += text[i];
        else if (text[i] != '-')
            return false;
    }
    const auto packed = crypto::from_base32(letters);
    return packed && packed->size() == 12 && activation_code(std::span{*packed}.first<10>()) == text;
}

} // namespace doorward::registry
