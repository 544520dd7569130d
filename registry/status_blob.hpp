#pragma once

#include "registry/proof.hpp"

namespace doorward::registry {

/// What a phone learns about its registration (PROTOCOL.md section 13).
struct status_content {
    crypto::byte state;     // 1 to 5, as enum class state
    std::uint64_t position; // of the next expected proof; its low byte is sent
    crypto::byte failed_attempts;
    crypto::byte max_failed_attempts; // 1 to 255
    crypto::byte look_ahead;          // 1 to 64
    ctr_data counter;                 // the next expected CTR_DATA; a hash of it is sent
};

/// The 32 encrypted bytes. With a challenge (3.1 and later) `nonce` must be given too; without one, neither.
[[nodiscard]] crypto::byte_array<32> status_blob(const status_content& content, const crypto::key16& transport_key,
                                                 std::span<const crypto::byte, 16> challenge,
                                                 std::span<const crypto::byte, 16> nonce);
[[nodiscard]] crypto::byte_array<32> status_blob_without_challenge(const status_content& content,
                                                                   const crypto::key16& transport_key);

namespace detail {
/// The plaintext, with the bytes 7 to 11 taken from `filler`. For tests against vectors.
[[nodiscard]] crypto::byte_array<32> status_plaintext(const status_content& content, const crypto::key16& transport_key,
                                                      std::span<const crypto::byte, 5> filler);
[[nodiscard]] crypto::byte_array<16> status_iv(const crypto::key16& transport_key,
                                               std::span<const crypto::byte, 16> challenge,
                                               std::span<const crypto::byte, 16> nonce);
} // namespace detail

} // namespace doorward::registry
