#pragma once

#include "crypto/secret.hpp"

namespace doorward::crypto {

// Signatures with Ed25519 (RFC 8032): what we state to whoever has our public key. Phones know nothing of it.

using ed25519_public = byte_array<32>;
using ed25519_signature = byte_array<64>;

/// A private key. An object may be shared between threads.
class ed25519_key {
public:
    /// The seed is what is kept of a key: the rest follows from it.
    explicit ed25519_key(const secret<32>& seed) noexcept;

    [[nodiscard]] const ed25519_public& public_key() const noexcept { return public_; }
    [[nodiscard]] ed25519_signature sign(bytes_view message) const noexcept;

private:
    ed25519_public public_{};
    secret<64> secret_;
};

/// Is this a signature of the message with the private half of that key? Any key: one that is no point signs nothing.
[[nodiscard]] bool ed25519_verify(const ed25519_public& key, bytes_view message,
                                  const ed25519_signature& signature) noexcept;

} // namespace doorward::crypto
