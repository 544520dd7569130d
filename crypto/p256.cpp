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
#include <mutex>
#include <stdexcept>

namespace doorward::crypto {
namespace detail {

void pkey_delete::operator()(evp_pkey_st* key) const noexcept
{
    EVP_PKEY_free(key);
}

void point_delete::operator()(ec_point_st* point) const noexcept
{
    EC_POINT_clear_free(point); // an agreed point is a secret
}

// Any thread; the first one makes the key.
class lazy_pkey {
public:
    template <class Make>
    [[nodiscard]] EVP_PKEY* get(const Make& make)
    {
        std::call_once(made_, [&] { key_ = make(); });
        return key_.get();
    }

private:
    std::once_flag made_;
    pkey_ptr key_;
};

void lazy_delete::operator()(lazy_pkey* key) const noexcept
{
    delete key;
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
using bn_ctx_ptr = std::unique_ptr<BN_CTX, free_with<BN_CTX_free>>;
using mont_ptr = std::unique_ptr<BN_MONT_CTX, free_with<BN_MONT_CTX_free>>;
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
    BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return number;
}

secret<32> to_secret(const BIGNUM* number)
{
    secret<32> out;
    require(BN_bn2binpad(number, out.data(), 32) == 32, "scalar");
    return out;
}

detail::point_ptr new_point()
{
    return detail::point_ptr{require(EC_POINT_new(curve()), "point")};
}

// The generator times a scalar.
point_bytes public_half(const BIGNUM* scalar)
{
    const auto product = new_point();
    require(EC_POINT_mul(curve(), product.get(), scalar, nullptr, nullptr, nullptr) == 1, "multiplication");
    point_bytes out;
    EC_POINT_point2oct(curve(), product.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(), nullptr);
    return out;
}

// Of the curve y^2 = x^3 + a x + b over the integers modulo p.
struct curve_equation {
    bignum_ptr p{require(BN_new(), "equation")};
    bignum_ptr a{require(BN_new(), "equation")};
    bignum_ptr b{require(BN_new(), "equation")};
    bignum_ptr root; // (p + 1) / 4: the exponent that gives a square root, because p is 3 modulo 4
    mont_ptr modulo_p{require(BN_MONT_CTX_new(), "equation")};

    curve_equation()
    {
        const bn_ctx_ptr scratch{require(BN_CTX_new(), "equation")};
        require(EC_GROUP_get_curve(curve(), p.get(), a.get(), b.get(), scratch.get()) == 1, "equation");
        root.reset(require(BN_dup(p.get()), "equation"));
        require(BN_add_word(root.get(), 1) == 1 && BN_rshift(root.get(), root.get(), 2) == 1, "equation");
        require(BN_MONT_CTX_set(modulo_p.get(), p.get(), scratch.get()) == 1, "equation");
    }
};

// The point of this x whose y is odd or even; not on the curve when x belongs to none. Empty when x is no coordinate.
//
// What EC_POINT_oct2point does with 33 bytes, in half of its time: its square root is good for every prime, and the
// point has to be taken out of its own form again. Points are public, so nothing here needs to take constant time.
std::optional<point_bytes> decompress(bytes_view sec1)
{
    static const curve_equation known;
    const BIGNUM* const p = known.p.get();
    const bn_ctx_ptr scratch{require(BN_CTX_new(), "point")};
    const bignum_ptr x{require(BN_bin2bn(sec1.data() + 1, 32, nullptr), "point")};
    const bignum_ptr square{require(BN_new(), "point")};
    const bignum_ptr y{require(BN_new(), "point")};
    if (BN_cmp(x.get(), p) >= 0)
        return std::nullopt;
    const bool done =
        BN_mod_sqr(square.get(), x.get(), p, scratch.get()) == 1 &&
        BN_mod_add_quick(square.get(), square.get(), known.a.get(), p) == 1 &&
        BN_mod_mul(square.get(), square.get(), x.get(), p, scratch.get()) == 1 &&
        BN_mod_add_quick(square.get(), square.get(), known.b.get(), p) == 1 &&
        BN_mod_exp_mont(y.get(), square.get(), known.root.get(), p, scratch.get(), known.modulo_p.get()) == 1;
    require(done, "point");
    const bool wants_odd = sec1[0] == 3;
    if (!BN_is_zero(y.get()) && (BN_is_odd(y.get()) == 1) != wants_odd)
        require(BN_sub(y.get(), p, y.get()) == 1, "point");
    point_bytes out{4};
    std::copy_n(sec1.begin() + 1, 32, out.begin() + 1);
    require(BN_bn2binpad(y.get(), out.data() + 33, 32) == 32, "point");
    return out;
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
        const auto whole = decompress(sec1);
        if (!whole)
            return std::nullopt;
        point = *whole;
    }
    auto decoded = new_point();
    // Refuses points off the curve; the cofactor is 1, so what is on it is of the right order.
    if (EC_POINT_oct2point(curve(), decoded.get(), point.data(), point.size(), nullptr) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    return p256_public_key{std::move(decoded), point};
}

p256_public_key::p256_public_key(detail::point_ptr decoded, const point_bytes& point)
    : decoded_{std::move(decoded)}, point_{point}, key_{new detail::lazy_pkey}
{}

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
    EVP_PKEY* const key =
        key_->get([this] { return detail::pkey_ptr{require(make_key(point_, nullptr).release(), "public key")}; });
    require(EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA2-256", nullptr, nullptr, key, nullptr) == 1,
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
    const bignum_ptr number{require(BN_secure_new(), "scalar")};
    do { // from 1 to the order, exclusive
        require(BN_priv_rand_range(number.get(), EC_GROUP_get0_order(curve())) == 1, "randomness");
    } while (BN_is_zero(number.get()));
    BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return {to_secret(number.get()), public_half(number.get())};
}

p256_private_key::p256_private_key(const secret<32>& scalar, const point_bytes& point)
    : scalar_{scalar}, point_{point}, key_{new detail::lazy_pkey}
{}

std::optional<p256_private_key> p256_private_key::import(bytes_view scalar)
{
    const auto number = scalar_in_range(scalar);
    if (!number)
        return std::nullopt;
    return p256_private_key{to_secret(number.get()), public_half(number.get())};
}

std::optional<p256_private_key> p256_private_key::import(bytes_view scalar, const point_bytes& point)
{
    const auto number = scalar_in_range(scalar);
    if (!number)
        return std::nullopt;
    return p256_private_key{to_secret(number.get()), point};
}

agreed_secret p256_private_key::agree(const p256_public_key& peer) const
{
    const auto number = scalar_in_range(scalar_.view());
    const bn_ctx_ptr scratch{require(BN_CTX_secure_new(), "agreement")};
    const auto product = new_point();
    const bignum_ptr x{require(BN_secure_new(), "agreement")};
    // The peer was checked when it was imported, so the product is not the point at infinity.
    require(EC_POINT_mul(curve(), product.get(), nullptr, peer.decoded_.get(), number.get(), scratch.get()) == 1,
            "agreement");
    require(EC_POINT_get_affine_coordinates(curve(), product.get(), x.get(), nullptr, scratch.get()) == 1, "agreement");
    return to_secret(x.get());
}

bytes p256_private_key::sign_der(bytes_view message) const
{
    const md_ctx_ptr context{require(EVP_MD_CTX_new(), "digest context")};
    EVP_PKEY* const key = key_->get([this] {
        const auto number = scalar_in_range(scalar_.view());
        return detail::pkey_ptr{require(make_key(point_, number.get()).release(), "private key")};
    });
    require(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA2-256", nullptr, nullptr, key, nullptr) == 1, "signing");
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
