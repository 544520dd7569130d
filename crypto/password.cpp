#include "crypto/password.hpp"
#include "crypto/encoding.hpp"

#include <sodium.h>

#include <charconv>
#include <new>
#include <optional>

namespace doorward::crypto {
namespace {

// The text that libsodium writes: $argon2id$v=19$m=KIBIBYTES,t=PASSES,p=1$SALT$HASH, Base64 without padding.
struct stored_hash {
    unsigned long long memory_kib = 0;
    unsigned long long passes = 0;
    byte_array<crypto_pwhash_SALTBYTES> salt{};
    bytes hash;
};

bool read_text(std::string_view& from, std::string_view expected)
{
    if (!from.starts_with(expected))
        return false;
    from.remove_prefix(expected.size());
    return true;
}

bool read_number(std::string_view& from, unsigned long long& out)
{
    const auto [end, bad] = std::from_chars(from.data(), from.data() + from.size(), out);
    if (bad != std::errc{})
        return false;
    from.remove_prefix(static_cast<std::size_t>(end - from.data()));
    return true;
}

std::optional<bytes> decode_unpadded(std::string_view text)
{
    std::string padded{text};
    padded.append((4 - padded.size() % 4) % 4, '=');
    return from_base64(padded);
}

std::optional<stored_hash> parse(std::string_view text)
{
    stored_hash out;
    if (!read_text(text, "$argon2id$v=19$m=") || !read_number(text, out.memory_kib) || !read_text(text, ",t=") ||
        !read_number(text, out.passes) || !read_text(text, ",p=1$"))
        return std::nullopt;
    const auto dollar = text.find('$');
    if (dollar == std::string_view::npos)
        return std::nullopt;
    const auto salt = decode_unpadded(text.substr(0, dollar));
    auto hash = decode_unpadded(text.substr(dollar + 1));
    if (!salt || salt->size() != out.salt.size() || !hash || hash->size() < crypto_pwhash_BYTES_MIN)
        return std::nullopt;
    out.salt = take<crypto_pwhash_SALTBYTES>(*salt);
    out.hash = *std::move(hash);
    return out;
}

} // namespace

std::string hash_password(std::string_view password, const password_cost& cost)
{
    std::string out(crypto_pwhash_STRBYTES, '\0');
    if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), cost.passes, cost.memory_bytes,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::bad_alloc{};
    out.resize(out.find('\0'));
    return out;
}

// libsodium's own verification reports a failed allocation as a wrong password (1.0.18, argon2_verify); hashing again
// tells the two apart.
bool verify_password(const std::string& hash, std::string_view password)
{
    const auto stored = parse(hash);
    if (!stored)
        return false;
    bytes computed(stored->hash.size());
    if (crypto_pwhash(computed.data(), computed.size(), password.data(), password.size(), stored->salt.data(),
                      stored->passes, stored->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::bad_alloc{};
    return equal_constant_time(computed, stored->hash);
}

} // namespace doorward::crypto
