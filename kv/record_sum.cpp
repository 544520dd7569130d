#include "kv/record_sum.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace doorward::kv {
namespace {

constexpr std::uint32_t reversed_polynomial = 0x82F63B78;

using sum_table = std::array<std::uint32_t, 256>;

// tables[k][b]: what a byte b does to a sum when k more bytes come behind it.
constexpr std::array<sum_table, 8> make_tables()
{
    std::array<sum_table, 8> out{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t sum = b;
        for (int bit = 0; bit < 8; ++bit)
            sum = (sum >> 1) ^ ((sum & 1) != 0 ? reversed_polynomial : 0);
        out[0][b] = sum;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t b = 0; b < 256; ++b)
            out[k][b] = (out[k - 1][b] >> 8) ^ out[0][out[k - 1][b] & 0xFF];
    }
    return out;
}

constexpr std::array<sum_table, 8> tables = make_tables();

std::uint32_t by_tables(const byte* at, std::size_t size, std::uint32_t sum) noexcept
{
    for (; size >= 8; at += 8, size -= 8) {
        const std::uint32_t low =
            sum ^ (static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8 |
                   static_cast<std::uint32_t>(at[2]) << 16 | static_cast<std::uint32_t>(at[3]) << 24);
        sum = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24] ^
              tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
    }
    for (; size > 0; ++at, --size)
        sum = (sum >> 8) ^ tables[0][(sum ^ *at) & 0xFF];
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(const byte* at, std::size_t size,
                                                               std::uint32_t sum) noexcept
{
    std::uint64_t wide = sum;
    for (; size >= 8; at += 8, size -= 8) {
        std::uint64_t some = 0;
        std::memcpy(&some, at, 8);
        wide = _mm_crc32_u64(wide, some);
    }
    auto out = static_cast<std::uint32_t>(wide);
    for (; size > 0; ++at, --size)
        out = _mm_crc32_u8(out, *at);
    return out;
}

const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

} // namespace

std::uint32_t crc32c(bytes_view data, std::uint32_t before) noexcept
{
#if defined(__x86_64__)
    if (has_instruction)
        return ~by_instruction(data.data(), data.size(), ~before);
#endif
    return crc32c_by_tables(data, before);
}

std::uint32_t crc32c_by_tables(bytes_view data, std::uint32_t before) noexcept
{
    return ~by_tables(data.data(), data.size(), ~before);
}

std::uint32_t table_seed(std::string_view table_name) noexcept
{
    constexpr byte end = 0;
    const auto sum = crc32c({reinterpret_cast<const byte*>(table_name.data()), table_name.size()});
    return crc32c({&end, 1}, sum);
}

std::uint32_t row_sum(std::uint32_t seed, bytes_view key, bytes_view record) noexcept
{
    const byte size[2]{static_cast<byte>(key.size() >> 8), static_cast<byte>(key.size())};
    return crc32c(record, crc32c(key, crc32c(size, seed)));
}

} // namespace doorward::kv
