#include "registry/offline.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"

#include <cassert>
#include <cstdio>

namespace doorward::registry {

std::string offline_payload(std::string_view data, std::string_view nonce_base64, payload_signer mark,
                            const crypto::p256_private_key& key)
{
    std::string out{data};
    out += '\n';
    out += nonce_base64;
    out += '\n';
    out += static_cast<char>(mark);
    const auto signature = key.sign_der(crypto::as_bytes(out));
    out += crypto::to_base64(signature);
    return out;
}

std::string totp(crypto::bytes_view seed, std::uint64_t step)
{
    constexpr std::uint32_t eight_digits = 100'000'000;
    const auto mac = crypto::hmac_sha256(seed, crypto::big_endian(step));
    const auto offset = mac.back() & 0x0FU; // RFC 4226 section 5.3
    const auto part = crypto::from_big_endian<std::uint32_t>(crypto::bytes_view{mac}.subspan(offset, 4)) & 0x7FFF'FFFFU;
    char text[16];
    std::snprintf(text, sizeof text, "%08u", part % eight_digits);
    return text;
}

std::vector<std::string> right_passwords(const proximity_check& check, time_ms now)
{
    assert(check.step_seconds > 0 && now >= 0);
    const auto current = static_cast<std::uint64_t>(now) / 1000 / check.step_seconds;
    std::vector<std::string> out;
    for (unsigned back = 0; back <= check.earlier_steps && back <= current; ++back)
        out.push_back(totp(check.seed, current - back));
    return out;
}

} // namespace doorward::registry
