#pragma once

#include "bench/device_types.hpp"
#include "crypto/digest.hpp"
#include "crypto/p256.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace doorward::bench {

// What a phone computes, without network and without state. Section numbers are those of PROTOCOL.md. Pure functions;
// any thread.

using crypto::digest32;
using name_value_list = std::vector<std::pair<std::string, std::string>>;

// --- keys (section 4)

/// The keys of one activation.
struct derived_keys {
    key16 possession;
    key16 knowledge;
    key16 biometry;
    key16 transport;
    key16 vault;

    [[nodiscard]] const key16& of(factor which) const noexcept;
};

/// KEY_MASTER_SECRET: the folded ECDH result, the same from either side.
[[nodiscard]] key16 agree_master_secret(const crypto::p256_private_key& own, const crypto::p256_public_key& peer);
[[nodiscard]] derived_keys derive_keys(const key16& master_secret);

/// The key that a PIN gives: PBKDF2 with HMAC-SHA1. It locks the knowledge key on the phone and never leaves it.
[[nodiscard]] key16 key_from_pin(std::string_view pin, const block16& salt, unsigned iterations);

/// Locks and unlocks one 16-byte key under another. Nothing tells a wrong key: it just gives another result.
[[nodiscard]] block16 lock_key(const key16& lock, const key16& content);
[[nodiscard]] key16 unlock_key(const key16& lock, const block16& locked);

/// Opens the server's answer to a vault request (section 15). Errors: protocol_error.
[[nodiscard]] key16 open_vault_key(const key16& transport_key, bytes_view encrypted);

/// SEC 1 compressed form of an uncompressed point.
[[nodiscard]] byte_array<33> compressed(const crypto::point_bytes& point) noexcept;

// --- activation codes and fingerprints (sections 5 and 17)

[[nodiscard]] std::uint16_t crc16_arc(bytes_view data) noexcept;
[[nodiscard]] std::string activation_code_from(std::span<const byte, 10> random_part);

/// True for 23 characters with dashes in place, upper case, right checksum and zero spare bits.
[[nodiscard]] bool is_activation_code(std::string_view text);

/// x as a big-endian number without leading zero bytes.
[[nodiscard]] bytes minimal_x(const crypto::point_bytes& point);

/// Eight digits that a person compares on phone and back end.
[[nodiscard]] std::string activation_fingerprint(const crypto::p256_public_key& device_key,
                                                 const crypto::p256_public_key& server_key,
                                                 std::string_view activation_id);

// --- counter (sections 6 and 13)

[[nodiscard]] block16 next_counter(const block16& ctr_data) noexcept;

/// CTR_DATA_HASH of the status blob.
[[nodiscard]] block16 counter_hash(const key16& transport_key, const block16& ctr_data);

struct counter_match {
    unsigned steps;   // how far ours must move
    block16 ctr_data; // where it is then
};
/// Looks for the server's counter among the next `look_ahead` values of ours, the present one included.
[[nodiscard]] std::optional<counter_match> find_counter(const block16& ctr_data, const block16& wanted_hash,
                                                        const key16& transport_key, unsigned look_ahead);

/// How far the local counter is ahead of the remote one, both known modulo 256; the shorter way round.
[[nodiscard]] int counter_distance(std::uint8_t local, std::uint8_t remote) noexcept;

// --- request signatures (sections 7 and 16)

/// One MAC per key, chained as section 7.4 says.
[[nodiscard]] std::vector<digest32> signature_components(std::span<const key16> keys, const block16& ctr_data,
                                                         bytes_view data);

/// Online form from 3.1 on: the second halves of all components, Base64.
[[nodiscard]] std::string base64_signature(std::span<const key16> keys, const block16& ctr_data, bytes_view data);

/// Digits joined with dashes: online form of 3.0, and of every offline signature. digits  4 to 8
[[nodiscard]] std::string decimal_signature(std::span<const key16> keys, const block16& ctr_data, bytes_view data,
                                            unsigned digits = 8);

/// The text that is signed. `secret` is the application secret as Base64 text, or the word "offline".
[[nodiscard]] std::string signed_text(std::string_view method, std::string_view uri_id, std::string_view nonce_base64,
                                      std::string_view body, std::string_view secret);

/// Percent-encoding of GET parameters as it enters signatures (section 7.3); also good for the wire.
[[nodiscard]] std::string encode_parameter(std::string_view text);

/// What stands for the body of a GET request: the parameters (decoded) sorted and encoded.
[[nodiscard]] std::string canonical_query(name_value_list parameters);

// --- status blob (section 13)

struct status_blob {
    std::uint8_t state; // 1 CREATED .. 5 REMOVED
    std::uint8_t current_version;
    std::uint8_t upgrade_version;
    std::uint8_t counter_byte;
    std::uint8_t failed_attempts;
    std::uint8_t failed_attempts_max;
    std::uint8_t look_ahead;
    block16 counter_hash;
};

/// The initialization vector of a status blob; zero when there is neither challenge nor nonce (3.0).
/// Errors: protocol_error when only one is given.
[[nodiscard]] block16 status_iv(const key16& transport_key, const std::optional<block16>& challenge,
                                const std::optional<block16>& nonce);

/// Decrypts and checks a blob the way phones do. Without a challenge the counter fields are filler and not checked.
/// Errors: protocol_error for everything a phone takes for a forgery.
[[nodiscard]] status_blob open_status_blob(bytes_view encrypted, const key16& transport_key,
                                           const std::optional<block16>& challenge,
                                           const std::optional<block16>& nonce);

// --- tokens (section 14)

[[nodiscard]] digest32 token_digest(const protocol_rules& rules, const key16& token_secret, const block16& nonce,
                                    std::int64_t timestamp_ms);

// --- offline payload (section 16)

/// True when the text of a QR code was signed by the master key (mark 0) or by the activation's server key (mark 1).
/// server_key  may be null; personalized texts are then refused
[[nodiscard]] bool offline_payload_is_genuine(std::string_view payload, const crypto::p256_public_key& master_key,
                                              const crypto::p256_public_key* server_key);

} // namespace doorward::bench
