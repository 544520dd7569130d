#include "bench/device_crypto.hpp"
#include "crypto/aes.hpp"
#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace doorward::bench {
namespace {

using crypto::as_bytes;
using crypto::hmac_sha256;

enum : std::uint64_t {
    index_possession = 1,
    index_knowledge = 2,
    index_biometry = 3,
    index_transport = 1000,
    index_vault = 2000,
    index_status_iv = 3000,
    index_status_counter = 4000
};

constexpr block16 zero_iv{};

// The last four bytes as a 31-bit number, reduced to so many digits.
std::string decimal(const digest32& mac, unsigned digits)
{
    std::uint32_t number = 0;
    for (std::size_t i = 28; i < 32; ++i)
        number = number << 8 | mac[i];
    number &= 0x7fff'ffffU;
    std::string text(digits, '0');
    for (auto position = text.rbegin(); position != text.rend(); ++position) {
        *position = static_cast<char>('0' + number % 10);
        number /= 10;
    }
    return text;
}

block16 block_of(const key16& key) noexcept
{
    return crypto::take<16>(key.view());
}

} // namespace

const key16& derived_keys::of(factor which) const noexcept
{
    switch (which) {
    case factor::possession:
        return possession;
    case factor::knowledge:
        return knowledge;
    case factor::biometry:
        break;
    }
    return biometry;
}

key16 agree_master_secret(const crypto::p256_private_key& own, const crypto::p256_public_key& peer)
{
    const auto shared = own.agree(peer);
    key16 out;
    for (std::size_t i = 0; i < out.size(); ++i)
        out.data()[i] = shared.data()[i] ^ shared.data()[i + 16];
    return out;
}

derived_keys derive_keys(const key16& master_secret)
{
    return {crypto::kdf(master_secret, index_possession), crypto::kdf(master_secret, index_knowledge),
            crypto::kdf(master_secret, index_biometry), crypto::kdf(master_secret, index_transport),
            crypto::kdf(master_secret, index_vault)};
}

key16 key_from_pin(std::string_view pin, const block16& salt, unsigned iterations)
{
    key16 out;
    if (PKCS5_PBKDF2_HMAC(pin.data(), static_cast<int>(pin.size()), salt.data(), static_cast<int>(salt.size()),
                          static_cast<int>(iterations), EVP_sha1(), static_cast<int>(out.size()), out.data()) != 1)
        throw std::runtime_error{"PBKDF2 failed"};
    return out;
}

block16 lock_key(const key16& lock, const key16& content)
{
    return crypto::take<16>(crypto::aes_cbc_raw_encrypt(lock, zero_iv, content));
}

key16 unlock_key(const key16& lock, const block16& locked)
{
    auto content = crypto::aes_cbc_raw_decrypt(lock, zero_iv, locked);
    key16 out{content};
    crypto::wipe(content.data(), content.size());
    return out;
}

key16 open_vault_key(const key16& transport_key, bytes_view encrypted)
{
    auto content = crypto::aes_cbc_open(transport_key, zero_iv, encrypted);
    if (!content || content->size() != key16::size())
        throw protocol_error{"the vault key does not decrypt to 16 bytes"};
    key16 out{*content};
    crypto::wipe(content->data(), content->size());
    return out;
}

byte_array<33> compressed(const crypto::point_bytes& point) noexcept
{
    byte_array<33> out{};
    const bool y_is_odd = (point.back() & 1) != 0;
    out[0] = y_is_odd ? 3 : 2;
    for (std::size_t i = 1; i < out.size(); ++i)
        out[i] = point[i];
    return out;
}

std::uint16_t crc16_arc(bytes_view data) noexcept
{
    unsigned crc = 0;
    for (const byte octet : data) {
        crc ^= octet;
        for (int bit = 0; bit < 8; ++bit) {
            const bool carry = (crc & 1) != 0;
            crc >>= 1;
            if (carry)
                crc ^= 0xa001;
        }
    }
    return static_cast<std::uint16_t>(crc);
}

std::string activation_code_from(std::span<const byte, 10> random_part)
{
    bytes packed{random_part.begin(), random_part.end()};
    const std::uint16_t crc = crc16_arc(packed);
    packed.push_back(static_cast<byte>(crc >> 8));
    packed.push_back(static_cast<byte>(crc & 0xff));
    const std::string letters = crypto::to_base32(packed);
    std::string code;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        if (i != 0 && i % 5 == 0)
            code += '-';
        code += letters[i];
    }
    return code;
}

bool is_activation_code(std::string_view text)
{
    if (text.size() != 23)
        return false;
    std::string letters;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (i % 6 != 5)
            letters += text[i];
    const auto packed = crypto::from_base32(letters);
    if (!packed || packed->size() != 12)
        return false;
    // Building the code again checks dashes, checksum and spare bits all at once.
    return activation_code_from(std::span{*packed}.first<10>()) == text;
}

bytes minimal_x(const crypto::point_bytes& point)
{
    const auto first = point.begin() + 1;
    const auto last = first + 32;
    return {std::find_if(first, last, [](byte b) { return b != 0; }), last};
}

std::string activation_fingerprint(const crypto::p256_public_key& device_key, const crypto::p256_public_key& server_key,
                                   std::string_view activation_id)
{
    bytes input = minimal_x(device_key.point());
    crypto::append(input, as_bytes(activation_id));
    crypto::append(input, minimal_x(server_key.point()));
    return decimal(crypto::sha256(input), 8);
}

block16 next_counter(const block16& ctr_data) noexcept
{
    const digest32 digest = crypto::sha256(ctr_data);
    block16 out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = digest[i] ^ digest[i + 16];
    return out;
}

block16 counter_hash(const key16& transport_key, const block16& ctr_data)
{
    return block_of(crypto::kdf_internal(crypto::kdf(transport_key, index_status_counter), ctr_data));
}

std::optional<counter_match> find_counter(const block16& ctr_data, const block16& wanted_hash,
                                          const key16& transport_key, unsigned look_ahead)
{
    counter_match here{0, ctr_data};
    for (; here.steps < look_ahead; ++here.steps, here.ctr_data = next_counter(here.ctr_data))
        if (counter_hash(transport_key, here.ctr_data) == wanted_hash)
            return here;
    return std::nullopt;
}

int counter_distance(std::uint8_t local, std::uint8_t remote) noexcept
{
    const int distance = local - remote;
    if (distance > 128)
        return distance - 256;
    if (distance < -128)
        return distance + 256;
    return distance;
}

std::vector<digest32> signature_components(std::span<const key16> keys, const block16& ctr_data, bytes_view data)
{
    std::vector<digest32> stepped; // every key, moved to this counter value
    stepped.reserve(keys.size());
    for (const key16& key : keys)
        stepped.push_back(hmac_sha256(key, ctr_data));

    std::vector<digest32> components;
    components.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        // A component starts from its own key, and from the second factor on that key is mixed in once more.
        digest32 signing_key = stepped[i];
        for (std::size_t j = 1; j <= i; ++j)
            signing_key = hmac_sha256(stepped[j], signing_key);
        components.push_back(hmac_sha256(signing_key, data));
        crypto::wipe(signing_key.data(), signing_key.size());
    }
    crypto::wipe(stepped.data(), stepped.size() * sizeof(digest32));
    return components;
}

std::string base64_signature(std::span<const key16> keys, const block16& ctr_data, bytes_view data)
{
    bytes joined;
    for (const digest32& component : signature_components(keys, ctr_data, data))
        joined.insert(joined.end(), component.begin() + 16, component.end());
    return crypto::to_base64(joined);
}

std::string decimal_signature(std::span<const key16> keys, const block16& ctr_data, bytes_view data, unsigned digits)
{
    if (digits < 4 || digits > 8)
        throw std::invalid_argument{"a signature component has 4 to 8 digits"};
    std::string joined;
    for (const digest32& component : signature_components(keys, ctr_data, data)) {
        if (!joined.empty())
            joined += '-';
        joined += decimal(component, digits);
    }
    return joined;
}

std::string signed_text(std::string_view method, std::string_view uri_id, std::string_view nonce_base64,
                        std::string_view body, std::string_view secret)
{
    std::string text;
    for (const char c : method)
        text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    text += '&';
    text += crypto::to_base64(as_bytes(uri_id));
    text += '&';
    text += nonce_base64;
    text += '&';
    text += crypto::to_base64(as_bytes(body));
    text += '&';
    text += secret;
    return text;
}

std::string encode_parameter(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (plain.find(c) != std::string_view::npos) {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += '%';
            out += hex[octet >> 4];
            out += hex[octet & 15];
        }
    }
    return out;
}

std::string canonical_query(name_value_list parameters)
{
    // std::string compares its characters as unsigned bytes, so this is the bytewise order that is asked for.
    std::ranges::sort(parameters);
    std::string out;
    for (const auto& [name, value] : parameters) {
        if (!out.empty())
            out += '&';
        out += encode_parameter(name) + '=' + encode_parameter(value);
    }
    return out;
}

block16 status_iv(const key16& transport_key, const std::optional<block16>& challenge,
                  const std::optional<block16>& nonce)
{
    if (challenge.has_value() != nonce.has_value())
        throw protocol_error{"a status blob has both challenge and nonce, or neither"};
    if (!challenge)
        return zero_iv;
    bytes both{challenge->begin(), challenge->end()};
    crypto::append(both, *nonce);
    return block_of(crypto::kdf_internal(crypto::kdf(transport_key, index_status_iv), both));
}

status_blob open_status_blob(bytes_view encrypted, const key16& transport_key, const std::optional<block16>& challenge,
                             const std::optional<block16>& nonce)
{
    if (encrypted.size() != 32)
        throw protocol_error{"the status blob does not have 32 bytes"};
    const bytes plain =
        crypto::aes_cbc_raw_decrypt(transport_key, status_iv(transport_key, challenge, nonce), encrypted);

    // The low half of the fourth byte numbers the format of the blob: phones accept 1 and everything newer.
    if (plain[0] != 0xde || plain[1] != 0xc0 || plain[2] != 0xde || (plain[3] & 0xf0) != 0xd0 || (plain[3] & 0x0f) == 0)
        throw protocol_error{"the status blob does not begin with its magic value"};
    status_blob blob{plain[4],  plain[5],  plain[6],  plain[12],
                     plain[13], plain[14], plain[15], crypto::take<16>(bytes_view{plain}.subspan(16))};
    if (blob.state < 1 || blob.state > 5)
        throw protocol_error{"the status blob has an unknown state"};
    if (challenge && (blob.look_ahead < 1 || blob.look_ahead > 64))
        throw protocol_error{"the status blob has a look-ahead outside 1 to 64"};
    return blob;
}

digest32 token_digest(const protocol_rules& rules, const key16& token_secret, const block16& nonce,
                      std::int64_t timestamp_ms)
{
    std::string tail = '&' + std::to_string(timestamp_ms);
    if (rules.version_in_token)
        tail.append("&").append(rules.name);
    return hmac_sha256(token_secret, {nonce, as_bytes(tail)});
}

bool offline_payload_is_genuine(std::string_view payload, const crypto::p256_public_key& master_key,
                                const crypto::p256_public_key* server_key)
{
    const auto line_break = payload.rfind('\n');
    if (line_break == std::string_view::npos || line_break + 1 == payload.size())
        return false;
    const char mark = payload[line_break + 1];
    const crypto::p256_public_key* signer = mark == '0' ? &master_key : mark == '1' ? server_key : nullptr;
    const auto signature = crypto::from_base64(payload.substr(line_break + 2));
    return signer != nullptr && signature &&
           signer->verify_der(as_bytes(payload.substr(0, line_break + 2)), *signature);
}

} // namespace doorward::bench
