#pragma once

#include "crypto/secret.hpp"

#include <optional>

namespace doorward::crypto {

/// Seals secrets before they reach the disk, and opens them again (XChaCha20-Poly1305, IETF draft-irtf-cfrg-xchacha).
///
///     sealed := format:u8=1  key:u8  nonce:24  ciphertext:n  tag:16
///
/// The associated data names the place where a sealed value lives (table, owner and field), so that one that was copied
/// elsewhere does not open. `key` numbers the master key. Any thread.
class sealer {
public:
    static constexpr std::size_t overhead_bytes = 2 + 24 + 16;

    explicit sealer(std::span<const byte, guarded_key::size> master_key) : key_{master_key} {}

    [[nodiscard]] bytes seal(bytes_view secret_data, bytes_view associated) const;

    /// Empty when the value was sealed by another key, for another place, or altered.
    [[nodiscard]] std::optional<secret_bytes> open(bytes_view sealed, bytes_view associated) const;

    /// A key for another purpose: keyed BLAKE2b of the label, under the master key, or under what derive_from() said.
    [[nodiscard]] secret<32> derive(std::string_view label) const;

    /// Keys for other purposes come from here from now on: they outlive the master key. Before the object is shared.
    void derive_from(std::span<const byte, guarded_key::size> base) { base_.emplace(base); }
    /// Where they come from.
    [[nodiscard]] secret<32> derivation_base() const;

private:
    guarded_key key_;
    std::optional<guarded_key> base_;
};

} // namespace doorward::crypto
