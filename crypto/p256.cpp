#include "crypto/p256.hpp"
#include "crypto/algorithms.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

namespace doorward::crypto {
namespace detail {

void pkey_delete::operator()(evp_pkey_st* key) const noexcept
{
    EVP_PKEY_free(key);
}

} // namespace detail

namespace {

template <auto Free>
struct free_with {
    template <class T>
    void operator()(T* object) const noexcept
    {
        Free(object);
    }
};
using ctx_ptr = std::unique_ptr<EVP_PKEY_CTX, free_with<EVP_PKEY_CTX_free>>;
using md_ctx_ptr = std::unique_ptr<EVP_MD_CTX, free_with<EVP_MD_CTX_free>>;
using bignum_ptr = std::unique_ptr<BIGNUM, free_with<BN_clear_free>>;
using param_bld_ptr = std::unique_ptr<OSSL_PARAM_BLD, free_with<OSSL_PARAM_BLD_free>>;
using param_ptr = std::unique_ptr<OSSL_PARAM, free_with<OSSL_PARAM_free>>;
using group_ptr = std::unique_ptr<EC_GROUP, free_with<EC_GROUP_free>>;
using ec_point_ptr = std::unique_ptr<EC_POINT, free_with<EC_POINT_free>>;
using ecdsa_sig_ptr = std::unique_ptr<ECDSA_SIG, free_with<ECDSA_SIG_free>>;

constexpr const char* curve_name = "prime256v1";

// For calls that fail only without memory or with a broken library: nothing a caller could handle.
template <class T>
T require(T result, const char* what)
{
    if (!result)
        throw std::runtime_error{std::string{"libcrypto: "} + what};
    return result;
}

const EC_GROUP* curve()
{
    static const group_ptr group{require(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), "no P-256")};
    return group.get();
}

// Empty when libcrypto refuses the point or the pair.
detail::pkey_ptr make_key(bytes_view point, const BIGNUM* scalar)
{
    const param_bld_ptr builder{require(OSSL_PARAM_BLD_new(), "parameters")};
    require(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve_name, 0), "group");
    require(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
            "point");
    if (scalar != nullptr)
        require(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar), "scalar");
    const param_ptr parameters{require(OSSL_PARAM_BLD_to_param(builder.get()), "parameters")};

    const ctx_ptr context{require(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), "EC")};
    require(EVP_PKEY_fromdata_init(context.get()) == 1, "import");
    EVP_PKEY* key = nullptr;
    const int selection = scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    if (EVP_PKEY_fromdata(context.get(), &key, selection, parameters.get()) != 1)
        ERR_clear_error(); // the reason says nothing that a caller may show
    return detail::pkey_ptr{key};
}

bignum_ptr scalar_in_range(bytes_view scalar)
{
    bignum_ptr number{BN_secure_new()};
    if (!number || BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), number.get()) == nullptr)
        throw std::bad_alloc{};
    if (BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(curve())) >= 0)
        return nullptr;
    return number;
}

raw_signature raw_from_der(bytes_view der)
{
    const byte* position = der.data();
    const ecdsa_sig_ptr signature{
        require(d2i_ECDSA_SIG(nullptr, &position, static_cast<long>(der.size())), "own signature")};
    raw_signature out;
    BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + 32, 32);
    return out;
}

bytes der_from_raw(const raw_signature& raw)
{
    const ecdsa_sig_ptr signature{require(ECDSA_SIG_new(), "signature")};
    ECDSA_SIG_set0(signature.get(), BN_bin2bn(raw.data(), 32, nullptr), BN_bin2bn(raw.data() + 32, 32, nullptr));
    bytes out(80);
    byte* position = out.data();
    const int size = i2d_ECDSA_SIG(signature.get(), &position);
    require(size > 0, "signature encoding");
    out.resize(static_cast<std::size_t>(size));
    return out;
}

} // namespace

std::optional<p256_public_key> p256_public_key::import(bytes_view sec1)
{
    const bool compressed = sec1.size() == 33 && (sec1[0] == 2 || sec1[0] == 3);
    const bool uncompressed = sec1.size() == 65 && sec1[0] == 4;
    if (!compressed && !uncompressed) // this also excludes the one-byte point at infinity
        return std::nullopt;

    point_bytes point;
    if (uncompressed) {
        std::ranges::copy(sec1, point.begin());
    } else {
        const ec_point_ptr decoded{require(EC_POINT_new(curve()), "point")};
        if (EC_POINT_oct2point(curve(), decoded.get(), sec1.data(), sec1.size(), nullptr) != 1) {
            ERR_clear_error();
            return std::nullopt;
        }
        EC_POINT_point2oct(curve(), decoded.get(), POINT_CONVERSION_UNCOMPRESSED, point.data(), point.size(), nullptr);
    }
    auto key = make_key(point, nullptr); // refuses points off the curve
    if (!key)
        return std::nullopt;
    return p256_public_key{std::move(key), point};
}

byte_array<33> p256_public_key::compressed() const noexcept
{
    byte_array<33> out;
    out[0] = static_cast<byte>(2 + (point_[64] & 1));
    std::copy_n(point_.begin() + 1, 32, out.begin() + 1);
    return out;
}

bool p256_public_key::verify_der(bytes_view message, bytes_view der) const
{
    const md_ctx_ptr context{require(EVP_MD_CTX_new(), "digest context")};
    require(EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA2-256", nullptr, nullptr, key_.get(), nullptr) == 1,
            "verification");
    const bool genuine = EVP_DigestVerify(context.get(), der.data(), der.size(), message.data(), message.size()) == 1;
    if (!genuine)
        ERR_clear_error();
    return genuine;
}

bool p256_public_key::verify_raw(bytes_view message, const raw_signature& signature) const
{
    return verify_der(message, der_from_raw(signature));
}

p256_private_key p256_private_key::generate()
{
    detail::pkey_ptr key{require(EVP_EC_gen("P-256"), "key generation")};
    point_bytes point;
    std::size_t size = 0;
    require(EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) == 1,
            "public key");
    assert(size == point.size() && point[0] == 4);
    return {std::move(key), point};
}

std::optional<p256_private_key> p256_private_key::import(bytes_view scalar)
{
    const auto number = scalar_in_range(scalar);
    if (!number)
        return std::nullopt;
    const ec_point_ptr product{require(EC_POINT_new(curve()), "point")};
    require(EC_POINT_mul(curve(), product.get(), number.get(), nullptr, nullptr, nullptr) == 1, "multiplication");
    point_bytes point;
    EC_POINT_point2oct(curve(), product.get(), POINT_CONVERSION_UNCOMPRESSED, point.data(), point.size(), nullptr);
    return import(scalar, point);
}

std::optional<p256_private_key> p256_private_key::import(bytes_view scalar, const point_bytes& point)
{
    const auto number = scalar_in_range(scalar);
    if (!number)
        return std::nullopt;
    auto key = make_key(point, number.get());
    if (!key)
        return std::nullopt;
    return p256_private_key{std::move(key), point};
}

secret<32> p256_private_key::scalar() const
{
    BIGNUM* raw = nullptr;
    require(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &raw) == 1, "private key");
    const bignum_ptr number{raw};
    secret<32> out;
    BN_bn2binpad(number.get(), out.data(), 32);
    return out;
}

agreed_secret p256_private_key::agree(const p256_public_key& peer) const
{
    const ctx_ptr context{require(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr), "agreement")};
    require(EVP_PKEY_derive_init(context.get()) == 1, "agreement");
    // The peer was checked when it was imported.
    require(EVP_PKEY_derive_set_peer_ex(context.get(), peer.key_.get(), 0) == 1, "peer");
    agreed_secret out;
    std::size_t size = out.size();
    require(EVP_PKEY_derive(context.get(), out.data(), &size) == 1 && size == out.size(), "agreement");
    return out;
}

bytes p256_private_key::sign_der(bytes_view message) const
{
    const md_ctx_ptr context{require(EVP_MD_CTX_new(), "digest context")};
    require(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA2-256", nullptr, nullptr, key_.get(), nullptr) == 1,
            "signing");
    bytes out(80);
    std::size_t size = out.size();
    require(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1, "signing");
    out.resize(size);
    return out;
}

raw_signature p256_private_key::sign_raw(bytes_view message) const
{
    return raw_from_der(sign_der(message));
}

} // namespace doorward::crypto
