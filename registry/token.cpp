#include "registry/token.hpp"
#include "registry/envelope.hpp"
#include "registry/keys.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace doorward::registry {
namespace {

constexpr std::size_t timestamp_digits_min = 9;
constexpr std::size_t timestamp_digits_max = 15;

crypto::bytes secret_place(registration_number owner, const uuid& id)
{
    crypto::bytes key;
    crypto::append(key, crypto::big_endian(owner));
    crypto::append(key, id.view());
    return seal_place("tokens", key, "secret");
}

} // namespace

time_ms presented_token::sent_at() const noexcept
{
    assert(is_token_timestamp(timestamp));
    time_ms out = 0;
    std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), out);
    return out;
}

bool is_token_timestamp(std::string_view text) noexcept
{
    return text.size() >= timestamp_digits_min && text.size() <= timestamp_digits_max &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

crypto::digest32 token_digest(const presented_token& shown, const crypto::key16& secret)
{
    const version_rules& version = rules(shown.version);
    crypto::bytes data{shown.nonce.begin(), shown.nonce.end()};
    crypto::append(data, crypto::as_bytes("&"));
    crypto::append(data, crypto::as_bytes(shown.timestamp));
    if (version.version_in_token) {
        crypto::append(data, crypto::as_bytes("&"));
        crypto::append(data, crypto::as_bytes(version.text));
    }
    return crypto::hmac_sha256(secret, data);
}

bool is_in_time(const presented_token& shown, time_ms now) noexcept
{
    const time_ms sent = shown.sent_at();
    return sent >= now - token_window_past_ms && sent <= now + token_window_future_ms;
}

crypto::byte_array<16> token_mark(const presented_token& shown) noexcept
{
    return crypto::blake2b<16>(sized({shown.id.view(), shown.nonce}));
}

time_ms remember_until(const presented_token& shown) noexcept
{
    return shown.sent_at() + token_memory_ms;
}

crypto::bytes seal_token_secret(const crypto::sealer& with, registration_number owner, const uuid& id,
                                const crypto::key16& secret)
{
    return with.seal(secret, secret_place(owner, id));
}

std::optional<crypto::key16> open_token_secret(const crypto::sealer& with, registration_number owner, const uuid& id,
                                               crypto::bytes_view sealed)
{
    const auto secret = with.open(sealed, secret_place(owner, id));
    if (!secret || secret->size() != crypto::key16::size())
        return std::nullopt;
    return crypto::key16{secret->view()};
}

} // namespace doorward::registry
