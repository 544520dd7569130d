#include "registry/proof.hpp"
#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {
namespace {

struct factor_row {
    std::string_view text;
    unsigned count;
    std::array<crypto::key16 factor_keys::*, factors_max> keys;
};

constexpr auto P = &factor_keys::possession;
constexpr auto K = &factor_keys::knowledge;
constexpr auto B = &factor_keys::biometry;

// Indexed by the enumeration.
constexpr factor_row rows[]{
    {"possession", 1, {P, nullptr, nullptr}},    {"knowledge", 1, {K, nullptr, nullptr}},
    {"biometry", 1, {B, nullptr, nullptr}},      {"possession_knowledge", 2, {P, K, nullptr}},
    {"possession_biometry", 2, {P, B, nullptr}}, {"possession_knowledge_biometry", 3, {P, K, B}},
};

const factor_row& row(factors value) noexcept
{
    return rows[static_cast<unsigned>(value)];
}

char lower(char letter) noexcept
{
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// HMAC(K[i], CTR_DATA) of every factor: what the components of one position are made of.
using position_keys = std::array<crypto::secret<32>, factors_max>;

crypto::secret<32> position_key(const crypto::hmac_sha256_key& key, const ctr_data& counter) noexcept
{
    crypto::digest32 derived = key.mac(counter);
    const crypto::secret<32> out{derived};
    crypto::wipe(derived.data(), derived.size());
    return out;
}

void add_later_keys(position_keys& to, const factor_row& type, const factor_keys& keys,
                    const ctr_data& counter) noexcept
{
    for (unsigned i = 1; i < type.count; ++i)
        to[i] = position_key(crypto::hmac_sha256_key{keys.*type.keys[i]}, counter);
}

// C[index]
crypto::digest32 component(const position_keys& keys, unsigned index, crypto::bytes_view data) noexcept
{
    crypto::secret<32> derived = keys[index];
    for (unsigned j = 1; j <= index; ++j)
        derived = crypto::secret<32>{crypto::hmac_sha256(keys[j], derived)};
    return crypto::hmac_sha256(derived, data);
}

bool component_fits(const presented_proof& proof, unsigned index, const crypto::digest32& expected) noexcept
{
    if (proof.components_form == presented_proof::form::decimal) {
        const auto ours = crypto::big_endian(decimal(expected, proof.digit_count));
        return crypto::equal_constant_time(ours, crypto::big_endian(proof.digits[index]));
    }
    return crypto::equal_constant_time(crypto::bytes_view{expected}.last(16), proof.components[index]);
}

// Groups of n digits joined with dashes, at most one for each factor.
std::optional<presented_proof> parse_decimal(std::string_view value, unsigned digits)
{
    presented_proof proof{};
    proof.components_form = presented_proof::form::decimal;
    proof.digit_count = digits;
    const std::size_t stride = digits + 1; // a group and what follows it
    if (value.size() % stride != digits)
        return std::nullopt;
    proof.component_count = static_cast<unsigned>((value.size() + 1) / stride);
    if (proof.component_count > factors_max)
        return std::nullopt;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const auto group = i / stride;
        if (i % stride == digits) {
            if (value[i] != '-')
                return std::nullopt;
        } else if (value[i] < '0' || value[i] > '9') {
            return std::nullopt;
        } else {
            proof.digits[group] = proof.digits[group] * 10 + static_cast<std::uint32_t>(value[i] - '0');
        }
    }
    return proof;
}

} // namespace

ctr_data next_counter(const ctr_data& current) noexcept
{
    return crypto::fold(crypto::sha256(current));
}

std::optional<factors> parse_factors(std::string_view text) noexcept
{
    for (unsigned i = 0; i < std::size(rows); ++i) {
        if (std::ranges::equal(text, rows[i].text, {}, lower))
            return static_cast<factors>(i);
    }
    return std::nullopt;
}

std::string_view to_text(factors value) noexcept
{
    return row(value).text;
}

unsigned factor_count(factors value) noexcept
{
    return row(value).count;
}

bool starts_with_possession(factors value) noexcept
{
    return row(value).keys[0] == P;
}

std::optional<presented_proof> parse_proof(protocol_version version, factors type, std::string_view value)
{
    if (rules(version).decimal_proof) {
        auto digits = parse_decimal(value, component_digits_default);
        if (digits)
            digits->type = type;
        return digits;
    }
    presented_proof proof{};
    proof.type = type;
    proof.components_form = presented_proof::form::binary;
    crypto::byte_array<16 * factors_max> raw;
    const auto size = crypto::from_base64(value, raw);
    if (!size || *size == 0 || *size % 16 != 0)
        return std::nullopt;
    proof.component_count = static_cast<unsigned>(*size / 16);
    for (unsigned i = 0; i < proof.component_count; ++i)
        proof.components[i] = crypto::take<16>(crypto::bytes_view{raw}.subspan(std::size_t{i} * 16));
    return proof;
}

std::optional<presented_proof> parse_offline_proof(std::string_view value, unsigned digits)
{
    assert(digits >= component_digits_min && digits <= component_digits_max);
    auto proof = parse_decimal(value, digits);
    return proof && proof->component_count == 2 ? proof : std::nullopt;
}

proof_match match(const presented_proof& proof, const factor_keys& keys, const ctr_data& start,
                  unsigned look_ahead) noexcept
{
    const factor_row& type = row(proof.type);
    const bool whole = proof.possession_guessable();
    const crypto::hmac_sha256_key first_key{keys.*type.keys[0]}; // its pads are made once for the whole window
    position_keys at;
    ctr_data counter = start;
    for (unsigned offset = 0; offset < look_ahead; ++offset, counter = next_counter(counter)) {
        at[0] = position_key(first_key, counter);
        const bool first = component_fits(proof, 0, component(at, 0, proof.data));
        if (!first && !whole)
            continue;
        add_later_keys(at, type, keys, counter);
        bool all = first && proof.component_count == type.count;
        for (unsigned i = 1; i < type.count && i < proof.component_count; ++i)
            all = component_fits(proof, i, component(at, i, proof.data)) && all;
        if (all)
            return {proof_match::grade::complete, offset, counter, 0};
        if (!whole && starts_with_possession(proof.type))
            return {proof_match::grade::possession, offset, counter, 0};
    }
    return {proof_match::grade::none, 0, start, 0};
}

proof_match match(std::span<const presented_proof> readings, const factor_keys& keys, const ctr_data& start,
                  unsigned look_ahead) noexcept
{
    if (readings.size() == 1)
        return match(readings.front(), keys, start, look_ahead);
    ctr_data counter = start;
    for (unsigned offset = 0; offset < look_ahead; ++offset, counter = next_counter(counter)) {
        for (unsigned i = 0; i < readings.size(); ++i) {
            assert(readings[i].possession_guessable());
            const proof_match found = match(readings[i], keys, counter, 1);
            if (found.reached == proof_match::grade::complete)
                return {proof_match::grade::complete, offset, counter, i};
        }
    }
    return {proof_match::grade::none, 0, start, 0};
}

std::array<crypto::digest32, factors_max> proof_components(const factor_keys& keys, factors type,
                                                           const ctr_data& counter, crypto::bytes_view data) noexcept
{
    position_keys at;
    at[0] = position_key(crypto::hmac_sha256_key{keys.*row(type).keys[0]}, counter);
    add_later_keys(at, row(type), keys, counter);
    std::array<crypto::digest32, factors_max> out{};
    for (unsigned i = 0; i < row(type).count; ++i)
        out[i] = component(at, i, data);
    return out;
}

std::uint32_t decimal(const crypto::digest32& component, unsigned digits) noexcept
{
    std::uint32_t modulus = 1;
    for (unsigned i = 0; i < digits; ++i)
        modulus *= 10;
    return (crypto::from_big_endian<std::uint32_t>(crypto::bytes_view{component}.last(4)) & 0x7FFFFFFFU) % modulus;
}

crypto::bytes proof_data(std::string_view method, std::string_view uri_id, std::string_view nonce_base64,
                         crypto::bytes_view body, std::string_view secret_text)
{
    crypto::bytes out;
    out.reserve(method.size() + nonce_base64.size() + secret_text.size() + (uri_id.size() + body.size() + 10) / 3 * 4);
    const auto add = [&out](std::string_view text) { crypto::append(out, crypto::as_bytes(text)); };
    add(method);
    add("&");
    crypto::append_base64(out, crypto::as_bytes(uri_id));
    add("&");
    add(nonce_base64);
    add("&");
    crypto::append_base64(out, body);
    add("&");
    add(secret_text);
    return out;
}

} // namespace doorward::registry
