#pragma once

#include "crypto/p256.hpp"
#include "crypto/seal.hpp"
#include "registry/ids.hpp"
#include "registry/proof.hpp"

namespace doorward::registry {

/// Indices of the keys that hang off KEY_MASTER_SECRET and KEY_TRANSPORT (PROTOCOL.md section 4).
namespace key_index {
inline constexpr std::uint64_t possession = 1;
inline constexpr std::uint64_t knowledge = 2;
inline constexpr std::uint64_t biometry = 3;
inline constexpr std::uint64_t transport = 1000;
inline constexpr std::uint64_t vault = 2000;
inline constexpr std::uint64_t status_iv = 3000;
inline constexpr std::uint64_t status_counter = 4000;
} // namespace key_index

/// Everything derived from the agreement of a phone's key with its server key.
struct registration_keys {
    factor_keys factors;
    crypto::key16 transport;
    crypto::key16 vault;
};

/// KEY_MASTER_SECRET = FOLD(ECDH(server private, device public)), then each key by its index.
[[nodiscard]] registration_keys derive_keys(const crypto::p256_private_key& server_key,
                                            const crypto::p256_public_key& device_key);

/// The secrets of a registration, as they lie in the store.
struct stored_keys {
    crypto::bytes sealed_keys;               // registration_keys
    crypto::bytes sealed_server_private_key; // KEY_SERVER

    bool operator==(const stored_keys&) const = default;
};

/// The vault key, as phones are given it (PROTOCOL.md section 15): AES_PAD(KEY_TRANSPORT, zero IV,
/// KEY_ENCRYPTION_VAULT).
[[nodiscard]] crypto::bytes encrypted_vault_key(const registration_keys& keys);

/// Is this a reason for which a phone may ask for it? 3 to 255 of A-Z a-z 0-9 _ - .
[[nodiscard]] bool is_vault_reason(std::string_view text) noexcept;

// Sealed forms, as they lie in the table `keys`. A verification opens the first and does no elliptic-curve work.

[[nodiscard]] crypto::bytes seal_keys(const crypto::sealer& with, const uuid& owner, const registration_keys& keys);
[[nodiscard]] std::optional<registration_keys> open_keys(const crypto::sealer& with, const uuid& owner,
                                                         crypto::bytes_view sealed);

/// A private key that belongs to `owner` in `table`; the field name is part of what the seal covers.
[[nodiscard]] crypto::bytes seal_private_key(const crypto::sealer& with, std::string_view table,
                                             crypto::bytes_view owner, const crypto::p256_private_key& key);
[[nodiscard]] std::optional<crypto::p256_private_key> open_private_key(const crypto::sealer& with,
                                                                       std::string_view table, crypto::bytes_view owner,
                                                                       crypto::bytes_view sealed,
                                                                       const crypto::point_bytes& point);

/// The associated data of a sealed value: table, owner and field, each behind its length.
[[nodiscard]] crypto::bytes seal_place(std::string_view table, crypto::bytes_view owner, std::string_view field);

/// Where the bearer secret of an application's provider lives.
[[nodiscard]] crypto::bytes provider_secret_place(std::string_view application_id);

/// Eight digits that a person compares on both ends before commit (PROTOCOL.md section 17). The coordinates are hashed
/// without leading zero bytes, unlike anywhere else.
[[nodiscard]] std::string fingerprint(const crypto::point_bytes& device_key, const uuid& id,
                                      const crypto::point_bytes& server_key);

} // namespace doorward::registry
