#pragma once

#include "registry/limits.hpp"
#include "registry/lockout_policy.hpp"
#include "registry/protocol_version.hpp"

#include <optional>
#include <string>
#include <vector>

namespace doorward::registry {

/// The service of the bank that judges custom activations. Its bearer secret is kept apart from the settings, because
/// it is sealed in the store and opened in memory: sealed_provider_secret, provider_secret.
struct provider_settings {
    std::string url; // as parse_provider_url() takes it
    std::uint16_t timeout_ms = provider_timeout_ms_default;

    bool operator==(const provider_settings&) const = default;
};

/// How registrations may be passed on to other phones (REGISTRATION-API.md R16).
struct transfer_settings {
    bool spawn = false;                              // a registration may have others made beside it
    bool move = false;                               // a registration may be replaced by another
    std::vector<std::string> targets;                // application ids that may receive; empty: the same one only
    std::vector<std::string> flags;                  // of the new registration, to begin with
    std::optional<std::uint8_t> max_failed_attempts; // of the new registration; none: as for any other
    bool cascade_block = false;                      // blocking a parent blocks what was spawned from it

    bool operator==(const transfer_settings&) const = default;
};

/// What an operator may set for an application, with its defaults; the same in the store and in memory.
///
/// A setting holds from the moment it is in the directory: nothing else keeps a copy of one.
struct application_settings {
    std::vector<std::string> roles;                                  // told to back offices with every verdict
    bool count_only_if_possession_proven = true;                     // DESIGN.md 5.2
    std::uint16_t unproven_per_minute = unproven_per_minute_default; // noise on one registration; 0: no limit
    protocol_version lowest_version = protocol_version::v3_0;        // lower ones are refused
    std::uint8_t max_failed_attempts = max_failed_attempts_default;  // of new registrations
    bool vault_with_biometry = false;                                // PROTOCOL.md section 15
    bool device_management = false; // phones may rename their own registration, and list and remove the user's others
    std::optional<provider_settings> provider;
    transfer_settings transfer;
    lockout_policy lockout; // of registrations that have none of their own
    std::optional<breaker_settings> breaker;
    bool hint_remaining_attempts = true; // may back offices' clients be told how many attempts are left?
    bool hint_blocked_until = true;      // and when a temporary block ends?

    bool operator==(const application_settings&) const = default;
};

/// May phones speak this version of the protocol with the application?
[[nodiscard]] inline bool accepts(const application_settings& settings, protocol_version spoken) noexcept
{
    return spoken >= settings.lowest_version;
}

/// Which failures count: the setting as it is at the time of the attempt, so no slot keeps it (DESIGN.md 5.2).
enum class counting : bool {
    only_proven,   // those that prove possession
    every_failure, // the reference behaviour: all of more than possession
};

/// What an application says about the attempts on its registrations, as it is at the time of the attempt.
struct attempt_rules {
    counting counts = counting::only_proven;
    lockout_policy policy{};
    bool holds_lockouts = false; // a failure that would block is held instead (registry/lockout_breaker.hpp)

    attempt_rules() = default;
    attempt_rules(counting which) : counts{which} {} // NOLINT: with the default policy
    explicit attempt_rules(const application_settings& settings)
        : counts{settings.count_only_if_possession_proven ? counting::only_proven : counting::every_failure},
          policy{settings.lockout}
    {}
};

} // namespace doorward::registry
