#pragma once

#include "crypto/bytes.hpp"
#include "crypto/random.hpp"

namespace doorward::registry {

// Activation codes: what a person types or scans to register a phone (PROTOCOL.md section 5).
//
//     code := BASE32(random:10 || CRC-16/ARC(random):2) in four groups of five, joined with dashes

inline constexpr std::size_t activation_code_chars = 23;

[[nodiscard]] std::uint16_t crc16_arc(crypto::bytes_view data) noexcept;

/// The code of ten random bytes.
[[nodiscard]] std::string activation_code(std::span<const crypto::byte, 10> random);

/// Where these ten bytes come from, as a parameter: tests have the same ones drawn twice. Any thread.
class code_source {
public:
    [[nodiscard]] virtual crypto::byte_array<10> draw() = 0;

protected:
    ~code_source() = default;
};

class random_codes final : public code_source {
public:
    [[nodiscard]] crypto::byte_array<10> draw() override { return crypto::random_array<10>(); }
};

/// True for exactly the texts that activation_code() can return.
[[nodiscard]] bool is_activation_code(std::string_view text);

} // namespace doorward::registry
