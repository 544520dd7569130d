#pragma once

#include "crypto/secret.hpp"

#include <optional>

namespace doorward::crypto {

/// AES-128 of one block (ECB), the core of KDF (PROTOCOL.md section 3).
[[nodiscard]] byte_array<16> aes_block(const key16& key, std::span<const byte, 16> block);

/// AES-128-CBC with PKCS#7 padding: AES_PAD. Block-aligned input gains a whole block.
[[nodiscard]] bytes aes_cbc_seal(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view plaintext);

/// AES_UNPAD. Empty when the length is not a positive multiple of 16 or the padding is wrong. Check a MAC before
/// calling it, so that nobody can ask about paddings.
[[nodiscard]] std::optional<bytes> aes_cbc_open(bytes_view key16_bytes, std::span<const byte, 16> iv,
                                                bytes_view ciphertext);

/// AES-128-CBC without padding: AES_RAW. `data` must be a multiple of 16 bytes long.
[[nodiscard]] bytes aes_cbc_raw_encrypt(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view data);
[[nodiscard]] bytes aes_cbc_raw_decrypt(bytes_view key16_bytes, std::span<const byte, 16> iv, bytes_view data);

} // namespace doorward::crypto
