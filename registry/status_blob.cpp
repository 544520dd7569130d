#include "registry/status_blob.hpp"
#include "crypto/aes.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"
#include "registry/keys.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {
namespace {

constexpr crypto::byte_array<4> magic{0xDE, 0xC0, 0xDE, 0xD1};
constexpr crypto::byte activation_version = 3; // current and highest: phones start no upgrade (section 18)

} // namespace

namespace detail {

crypto::byte_array<32> status_plaintext(const status_content& content, const crypto::key16& transport_key,
                                        std::span<const crypto::byte, 5> filler)
{
    assert(content.state >= 1 && content.state <= 5);
    assert(content.look_ahead >= 1 && content.look_ahead <= look_ahead_max);
    assert(content.max_failed_attempts >= 1);

    crypto::byte_array<32> plain{};
    std::ranges::copy(magic, plain.begin());
    plain[4] = content.state;
    plain[5] = activation_version;
    plain[6] = activation_version;
    std::ranges::copy(filler, plain.begin() + 7);
    plain[12] = static_cast<crypto::byte>(content.position & 0xFF);
    plain[13] = content.failed_attempts;
    plain[14] = content.max_failed_attempts;
    plain[15] = content.look_ahead;
    const crypto::key16 counter_hash =
        crypto::kdf_internal(crypto::kdf(transport_key, key_index::status_counter), content.counter);
    std::ranges::copy(counter_hash.view(), plain.begin() + 16);
    return plain;
}

crypto::byte_array<16> status_iv(const crypto::key16& transport_key, std::span<const crypto::byte, 16> challenge,
                                 std::span<const crypto::byte, 16> nonce)
{
    crypto::byte_array<32> message{};
    std::ranges::copy(challenge, message.begin());
    std::ranges::copy(nonce, message.begin() + 16);
    return crypto::take<16>(crypto::kdf_internal(crypto::kdf(transport_key, key_index::status_iv), message));
}

} // namespace detail

crypto::byte_array<32> status_blob(const status_content& content, const crypto::key16& transport_key,
                                   std::span<const crypto::byte, 16> challenge, std::span<const crypto::byte, 16> nonce)
{
    const auto plain = detail::status_plaintext(content, transport_key, crypto::random_array<5>());
    return crypto::take<32>(
        crypto::aes_cbc_raw_encrypt(transport_key, detail::status_iv(transport_key, challenge, nonce), plain));
}

crypto::byte_array<32> status_blob_without_challenge(const status_content& content, const crypto::key16& transport_key)
{
    auto plain = detail::status_plaintext(content, transport_key, crypto::random_array<5>());
    // The first block needs entropy under the constant IV, and 3.0 phones ignore these fields.
    crypto::random_fill(std::span{plain}.subspan(12, 1));
    crypto::random_fill(std::span{plain}.subspan(15));
    return crypto::take<32>(crypto::aes_cbc_raw_encrypt(transport_key, crypto::byte_array<16>{}, plain));
}

} // namespace doorward::registry
