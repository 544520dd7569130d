#pragma once

#include "crypto/secret.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace doorward::crypto {

/// Seals secrets before they reach the disk, and opens them again (XChaCha20-Poly1305, IETF draft-irtf-cfrg-xchacha).
///
///     sealed := format:u8=1  key:u8  nonce:24  ciphertext:n  tag:16
///
/// The associated data names the place where a sealed value lives (table, owner and field), so that one that was copied
/// elsewhere does not open. `key` numbers the master key: while everything is sealed anew under another one, the former
/// still opens what it sealed. Any thread.
class sealer {
public:
    static constexpr std::size_t overhead_bytes = 2 + 24 + 16;
    static constexpr byte first_number = 1;

    using master_key = std::span<const byte, guarded_key::size>;

    explicit sealer(master_key key, byte number = first_number);

    [[nodiscard]] bytes seal(bytes_view secret_data, bytes_view associated) const;

    /// Empty when the value was sealed by another key, for another place, or altered.
    [[nodiscard]] std::optional<secret_bytes> open(bytes_view sealed, bytes_view associated) const;

    /// The master key that a value says it was sealed with; 0: it is no sealed value.
    [[nodiscard]] static byte number_of(bytes_view sealed) noexcept;
    /// The one after it in a store's life; they begin again where the numbers end.
    [[nodiscard]] static byte number_after(byte number) noexcept;
    /// The one that seals now.
    [[nodiscard]] byte number() const noexcept { return current_.load(std::memory_order_acquire); }

    /// Opens what a former key sealed, too. Before the object is shared.
    void open_with(master_key key, byte number) { add(key, number); }
    /// Seals with another key from now on. One thread at a time; all others may go on meanwhile. What the keys before
    /// it sealed opens as ever.
    void seal_with(master_key key, byte number);

    /// A key for another purpose: keyed BLAKE2b of the label, under the key that the object was made with, or under
    /// what derive_from() said.
    [[nodiscard]] secret<32> derive(std::string_view label) const;

    /// Keys for other purposes come from here from now on: they outlive the master key. Before the object is shared.
    void derive_from(std::span<const byte, guarded_key::size> base) { base_.emplace(base); }
    /// Where they come from.
    [[nodiscard]] secret<32> derivation_base() const { return secret<32>{base_->view()}; }

private:
    void add(master_key key, byte number);

    std::vector<std::unique_ptr<const guarded_key>> keys_;
    std::array<std::atomic<const guarded_key*>, 256> by_number_{}; // each is in keys_; null: unknown
    std::atomic<byte> current_;
    std::optional<guarded_key> base_; // never empty
};

} // namespace doorward::crypto
