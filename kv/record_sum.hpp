#pragma once

#include "kv/bytes.hpp"

#include <string_view>

namespace doorward::kv {

/// CRC-32C (RFC 3720 appendix B.4) of `data`, going on from `before`: sum_of(b, sum_of(a)) is that of a and b in one
/// piece. Finds every change within 32 neighbouring bits, and all but one in 2^32 of any others; keeps nobody from
/// changing a record on purpose.
[[nodiscard]] std::uint32_t crc32c(bytes_view data, std::uint32_t before = 0) noexcept;

/// The same without the instruction that some processors have for it.
[[nodiscard]] std::uint32_t crc32c_by_tables(bytes_view data, std::uint32_t before = 0) noexcept;

/// Every row of the store ends with a sum of it:
///
///     value := record  sum:u32       sum := CRC-32C( table name, 0, size of the key:u16, key, record )
///
/// So a row that was damaged, or that found its way into another table or under another key, is known when it is read.
inline constexpr std::size_t sum_bytes = 4;

/// The part of the sum that is the same for all rows of a table.
[[nodiscard]] std::uint32_t table_seed(std::string_view table_name) noexcept;
[[nodiscard]] std::uint32_t row_sum(std::uint32_t seed, bytes_view key, bytes_view record) noexcept;

} // namespace doorward::kv
