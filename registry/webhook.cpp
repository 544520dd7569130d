#include "registry/webhook.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"
#include "registry/codec.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <cassert>

namespace doorward::registry {
namespace {

constexpr std::string_view webhooks_table = "webhooks";

crypto::secret_bytes open_of_webhook(const crypto::sealer& with, const uuid& id, crypto::bytes_view sealed,
                                     std::string_view field)
{
    auto opened = with.open(sealed, seal_place(webhooks_table, id.view(), field));
    if (!opened)
        throw record_fault{"a webhook whose secrets do not open"};
    return *std::move(opened);
}

constexpr std::string_view secret_field = "secret";
constexpr std::string_view credentials_field = "credentials";

} // namespace

std::string_view to_text(webhook_attribute value) noexcept
{
    switch (value) {
    case webhook_attribute::user_id:
        return "userId";
    case webhook_attribute::activation_name:
        return "activationName";
    case webhook_attribute::device_info:
        return "deviceInfo";
    case webhook_attribute::platform:
        return "platform";
    case webhook_attribute::protocol:
        return "protocol";
    case webhook_attribute::activation_flags:
        return "activationFlags";
    case webhook_attribute::activation_status:
        return "activationStatus";
    case webhook_attribute::blocked_reason:
        return "blockedReason";
    case webhook_attribute::application_id:
        return "applicationId";
    case webhook_attribute::event_seq:
        return "eventSeq";
    case webhook_attribute::timestamp:
        return "timestamp";
    case webhook_attribute::previous_status:
        return "previousStatus";
    case webhook_attribute::event_reason:
        return "eventReason";
    case webhook_attribute::external_user_id:
        return "externalUserId";
    case webhook_attribute::version:
        return "version";
    }
    return "unknown";
}

std::optional<webhook_attribute> parse_webhook_attribute(std::string_view text) noexcept
{
    for (std::size_t i = 0; i < webhook_attributes; ++i) {
        const auto candidate = static_cast<webhook_attribute>(i);
        if (to_text(candidate) == text)
            return candidate;
    }
    return std::nullopt;
}

std::optional<webhook_attribute_set> webhook_attribute_set::of_bits(std::uint16_t bits) noexcept
{
    if (bits >> webhook_attributes != 0)
        return std::nullopt;
    webhook_attribute_set out;
    out.bits_ = bits;
    return out;
}

std::string_view to_text(payload_type value) noexcept
{
    return value == payload_type::activation ? "ACTIVATION" : "REGISTRATION_STATUS_CHANGE";
}

std::string_view to_text(webhook_authentication value) noexcept
{
    switch (value) {
    case webhook_authentication::none:
        return "NONE";
    case webhook_authentication::basic:
        return "BASIC";
    case webhook_authentication::bearer:
        return "BEARER";
    case webhook_authentication::certificate:
        return "CERTIFICATE";
    }
    return "UNKNOWN";
}

std::string write_webhook_secret(crypto::bytes_view secret)
{
    return std::string{webhook_secret_prefix} + crypto::to_base64(secret);
}

crypto::bytes seal_webhook_secret(const crypto::sealer& with, const uuid& id, crypto::bytes_view secret)
{
    return with.seal(secret, seal_place(webhooks_table, id.view(), secret_field));
}

crypto::secret_bytes open_webhook_secret(const crypto::sealer& with, const uuid& id, crypto::bytes_view sealed)
{
    return open_of_webhook(with, id, sealed, secret_field);
}

crypto::bytes seal_webhook_credentials(const crypto::sealer& with, const uuid& id, crypto::bytes_view credentials)
{
    return with.seal(credentials, seal_place(webhooks_table, id.view(), credentials_field));
}

crypto::secret_bytes open_webhook_credentials(const crypto::sealer& with, const webhook& of)
{
    return open_of_webhook(with, of.id, of.sealed_credentials, credentials_field);
}

std::string sign_webhook(std::span<const crypto::secret_bytes> secrets, std::string_view id, std::int64_t timestamp,
                         std::string_view body)
{
    const std::string head = std::string{id} + '.' + std::to_string(timestamp) + '.';
    std::string out;
    for (const crypto::secret_bytes& each : secrets) {
        out += out.empty() ? "v1," : " v1,";
        out += crypto::to_base64(crypto::hmac_sha256(each.view(), {crypto::as_bytes(head), crypto::as_bytes(body)}));
    }
    return out;
}

uuid delivery_id(const uuid& webhook, event_sequence sequence) noexcept
{
    crypto::byte_array<24> of{};
    const auto number = crypto::big_endian(sequence);
    std::ranges::copy(webhook.value, of.begin());
    std::ranges::copy(number, of.begin() + 16);
    uuid out{crypto::blake2b<16>(of)};
    out.value[6] = static_cast<crypto::byte>((out.value[6] & 0x0FU) | 0x80U); // RFC 9562 section 5.8: of its own making
    out.value[8] = static_cast<crypto::byte>((out.value[8] & 0x3FU) | 0x80U);
    return out;
}

bool is_told_by_webhooks(move by) noexcept
{
    return by == move::replace_otp || (!is_beside_state(by) && by != move::fail_otp);
}

std::string_view to_text(delivery_state value) noexcept
{
    switch (value) {
    case delivery_state::pending:
        return "PENDING";
    case delivery_state::delivered:
        return "DELIVERED";
    case delivery_state::given_up:
        return "GIVEN_UP";
    }
    return "UNKNOWN";
}

std::string_view to_text(delivery_failure value) noexcept
{
    switch (value) {
    case delivery_failure::none:
        return "NONE";
    case delivery_failure::unresolved:
        return "UNRESOLVED";
    case delivery_failure::unreachable:
        return "UNREACHABLE";
    case delivery_failure::untrusted:
        return "UNTRUSTED";
    case delivery_failure::closed:
        return "CLOSED";
    case delivery_failure::malformed:
        return "MALFORMED";
    case delivery_failure::too_large:
        return "TOO_LARGE";
    case delivery_failure::timed_out:
        return "TIMED_OUT";
    case delivery_failure::unusable:
        return "UNUSABLE";
    }
    return "UNKNOWN";
}

time_ms backoff(const delivery_rules& rules, unsigned attempts, std::uint16_t jitter) noexcept
{
    assert(attempts > 0);
    time_ms wait = rules.initial_backoff;
    for (unsigned i = 1; i < attempts && wait < webhook_backoff_most_ms; ++i)
        wait *= 3;
    wait = std::min(wait, webhook_backoff_most_ms);
    const time_ms fifth = wait / 5;
    return wait - fifth + 2 * fifth * jitter / 65'535;
}

} // namespace doorward::registry
