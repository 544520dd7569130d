#pragma once

#include "crypto/seal.hpp"
#include "registry/event.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace doorward::registry {

// Webhooks: where the events of an application are sent (REGISTRATION-API.md M3; Standard Webhooks).

/// What a receiver may be told of an event beside the id of the registration (REGISTRATION-API.md 1.8 and 8.6). Their
/// numbers are those of bits in the store.
enum class webhook_attribute : std::uint8_t {
    user_id = 0,
    activation_name,
    device_info,
    platform,
    protocol,
    activation_flags,
    activation_status,
    blocked_reason,
    application_id,
    event_seq,
    timestamp,
    previous_status,
    event_reason,
    external_user_id,
    version, // of the attempt word: orders the events of a registration
};
inline constexpr std::size_t webhook_attributes = 15; // count

[[nodiscard]] std::string_view to_text(webhook_attribute value) noexcept; // "userId"
[[nodiscard]] std::optional<webhook_attribute> parse_webhook_attribute(std::string_view text) noexcept;

/// A set of them.
class webhook_attribute_set {
public:
    constexpr webhook_attribute_set() noexcept = default;

    /// Bits as they lie in the store; empty for those that stand for nothing.
    [[nodiscard]] static std::optional<webhook_attribute_set> of_bits(std::uint16_t bits) noexcept;
    [[nodiscard]] constexpr std::uint16_t bits() const noexcept { return bits_; }

    constexpr void add(webhook_attribute what) noexcept
    {
        bits_ = static_cast<std::uint16_t>(bits_ | 1U << static_cast<unsigned>(what));
    }
    [[nodiscard]] constexpr bool has(webhook_attribute what) const noexcept
    {
        return (bits_ >> static_cast<unsigned>(what) & 1U) != 0;
    }

    bool operator==(const webhook_attribute_set&) const = default;

private:
    std::uint16_t bits_ = 0;
};

/// The word that a payload calls itself by: clients of PowerAuth Cloud know either, by its version.
enum class payload_type : std::uint8_t { activation = 1, registration_status_change = 2 };
[[nodiscard]] std::string_view to_text(payload_type value) noexcept; // "ACTIVATION"

/// How doorward shows a receiver who it is.
enum class webhook_authentication : std::uint8_t { none = 1, basic, bearer, certificate };
[[nodiscard]] std::string_view to_text(webhook_authentication value) noexcept; // "BASIC"

/// When failed deliveries are tried again, and for how long they are remembered.
struct delivery_rules {
    std::uint16_t attempts_max = 0;
    time_ms initial_backoff = 0;
    time_ms retention = 0;

    bool operator==(const delivery_rules&) const = default;
};

/// What an operator sets of a webhook.
struct webhook_settings {
    std::string name;
    std::string url; // as parse_provider_url() takes it
    webhook_attribute_set attributes;
    payload_type payload = payload_type::registration_status_change;
    webhook_authentication authentication = webhook_authentication::none;
    std::string username;     // of basic
    std::string certificates; // of certificate: the chain as PEM, the client's first
    delivery_rules rules;
    bool enabled = true;

    bool operator==(const webhook_settings&) const = default;
};

/// A webhook as it lies in the store.
struct webhook {
    uuid id;
    std::string application_id;
    webhook_settings settings;
    crypto::bytes sealed_credentials; // password, bearer token or private key as PEM; empty: none
    crypto::bytes sealed_secret;      // that signs what is sent, webhook_secret_bytes
    crypto::bytes sealed_old_secret;  // the one before, which signs too until old_secret_until; empty: none
    time_ms old_secret_until = 0;
    time_ms created_at = 0;
    time_ms changed_at = 0;

    bool operator==(const webhook&) const = default;
};

inline constexpr std::size_t webhook_secret_bytes = 32; // Standard Webhooks asks for 24 to 64
inline constexpr std::string_view webhook_secret_prefix = "whsec_";

/// A secret as people copy it: the prefix and Base64.
[[nodiscard]] std::string write_webhook_secret(crypto::bytes_view secret);

/// Secrets of a webhook, sealed and opened. opening  errors: throws record_fault
[[nodiscard]] crypto::bytes seal_webhook_secret(const crypto::sealer& with, const uuid& id, crypto::bytes_view secret);
[[nodiscard]] crypto::secret_bytes open_webhook_secret(const crypto::sealer& with, const uuid& id,
                                                       crypto::bytes_view sealed);
[[nodiscard]] crypto::bytes seal_webhook_credentials(const crypto::sealer& with, const uuid& id,
                                                     crypto::bytes_view credentials);
[[nodiscard]] crypto::secret_bytes open_webhook_credentials(const crypto::sealer& with, const webhook& of);

/// The header webhook-signature (Standard Webhooks, "Signature scheme"): one signature for each secret, separated by
/// spaces
///
///     v1,BASE64( HMAC-SHA256( secret, id "." timestamp "." body ) )
///
/// timestamp  in seconds
[[nodiscard]] std::string sign_webhook(std::span<const crypto::secret_bytes> secrets, std::string_view id,
                                       std::int64_t timestamp, std::string_view body);

/// What names the delivery of an event to a webhook, the same at every attempt and after every restart.
[[nodiscard]] uuid delivery_id(const uuid& webhook, event_sequence sequence) noexcept;

/// Do webhooks tell of it? Of changes of state, of blocks that end at another time, and of one-time passwords that were
/// replaced (REGISTRATION-API.md chapter 3).
[[nodiscard]] bool is_told_by_webhooks(move by) noexcept;

enum class delivery_state : std::uint8_t { pending = 1, delivered, given_up };
[[nodiscard]] std::string_view to_text(delivery_state value) noexcept; // "GIVEN_UP"

/// Why an attempt has no answer; part of the format. The same as of calls, and what only deliveries can meet.
enum class delivery_failure : std::uint8_t {
    none = 0,
    unresolved,
    unreachable,
    untrusted,
    closed,
    malformed,
    too_large,
    timed_out,
    unusable, // credentials or URL are not what they were stored as
};
[[nodiscard]] std::string_view to_text(delivery_failure value) noexcept; // "TIMED_OUT"

/// One event on its way to one webhook, as it lies in the store from its first attempt on.
struct delivery {
    delivery_state now = delivery_state::pending;
    bool again = false; // somebody asked for it once more
    std::uint16_t attempts = 0;
    std::uint16_t last_status = 0; // of the last attempt; 0: there was no answer
    delivery_failure last_failure = delivery_failure::none;
    time_ms first_at = 0;    // of its first attempt; 0: none yet
    time_ms last_at = 0;     // of its last
    time_ms next_at = 0;     // of pending: not before
    time_ms finished_at = 0; // of the others
    time_ms expires_at = 0;  // of the others: when the row is erased

    bool operator==(const delivery&) const = default;
};

/// How long to wait after so many failed attempts, at least one: three times as long after each, six hours at most.
///
/// jitter  0 to 65,535: makes it a fifth shorter or longer at its ends, so that receivers are not met by all at once
[[nodiscard]] time_ms backoff(const delivery_rules& rules, unsigned attempts, std::uint16_t jitter) noexcept;

} // namespace doorward::registry
