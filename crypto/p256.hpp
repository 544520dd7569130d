#pragma once

#include "crypto/secret.hpp"

#include <memory>
#include <optional>

struct evp_pkey_st;
struct ec_point_st;

namespace doorward::crypto {

// Keys on the curve P-256 (FIPS 186-5, SEC 1). Objects are immutable once made and may be shared between threads.

using point_bytes = byte_array<65>;   // SEC 1 uncompressed: 04 || x || y
using raw_signature = byte_array<64>; // r || s, each 32 bytes big-endian
using agreed_secret = secret<32>;     // x coordinate of an ECDH result, leading zeros kept

namespace detail {
struct pkey_delete {
    void operator()(evp_pkey_st* key) const noexcept;
};
using pkey_ptr = std::unique_ptr<evp_pkey_st, pkey_delete>;
struct point_delete {
    void operator()(ec_point_st* point) const noexcept;
};
using point_ptr = std::unique_ptr<ec_point_st, point_delete>;

/// The library's own key object, made when it is first asked for: agreeing on secrets does without it, and making it
/// costs as much as an agreement.
class lazy_pkey;
struct lazy_delete {
    void operator()(lazy_pkey* key) const noexcept;
};
using lazy_ptr = std::unique_ptr<lazy_pkey, lazy_delete>;
} // namespace detail

/// A public key.
class p256_public_key {
public:
    /// From a SEC 1 point, compressed (33 bytes) or uncompressed (65 bytes).
    ///
    /// returns  empty for every other form, for a point off the curve and for the point at infinity
    [[nodiscard]] static std::optional<p256_public_key> import(bytes_view sec1);

    [[nodiscard]] const point_bytes& point() const noexcept { return point_; }
    /// SEC 1 compressed form, as phones send it.
    [[nodiscard]] byte_array<33> compressed() const noexcept;

    /// True when `der` is a genuine ECDSA signature (ASN.1 DER) over SHA-256(message).
    [[nodiscard]] bool verify_der(bytes_view message, bytes_view der) const;
    /// The same for r || s, as JWTs carry it.
    [[nodiscard]] bool verify_raw(bytes_view message, const raw_signature& signature) const;

private:
    friend class p256_private_key;
    p256_public_key(detail::point_ptr decoded, const point_bytes& point);

    detail::point_ptr decoded_;
    point_bytes point_;
    detail::lazy_ptr key_; // for verifying
};

/// A private key with its public half.
class p256_private_key {
public:
    /// A fresh key from the operating system's randomness.
    [[nodiscard]] static p256_private_key generate();

    /// From a scalar, big-endian, 32 bytes; longer with leading zeros only, as Java exports them, is accepted.
    /// Empty when it is not in [1, n-1].
    [[nodiscard]] static std::optional<p256_private_key> import(bytes_view scalar);

    /// From a scalar and the public point that was stored beside it; the point is trusted, which saves computing it.
    [[nodiscard]] static std::optional<p256_private_key> import(bytes_view scalar, const point_bytes& point);

    [[nodiscard]] const secret<32>& scalar() const noexcept { return scalar_; }
    [[nodiscard]] const point_bytes& point() const noexcept { return point_; }

    /// ECDH: the x coordinate of this key times a point (SEC 1 section 3.3.1).
    [[nodiscard]] agreed_secret agree(const p256_public_key& peer) const;

    /// ECDSA over SHA-256(message), in both encodings. Randomised: equal messages give different signatures.
    [[nodiscard]] bytes sign_der(bytes_view message) const;
    [[nodiscard]] raw_signature sign_raw(bytes_view message) const;

private:
    p256_private_key(const secret<32>& scalar, const point_bytes& point);

    secret<32> scalar_;
    point_bytes point_;
    detail::lazy_ptr key_; // for signing
};

} // namespace doorward::crypto
