#pragma once

#include "registry/account.hpp"

namespace doorward::registry {

/// What the store knows a session by: a keyed digest of the secret that the browser has.
using session_mark = crypto::byte_array<32>;

/// Somebody who signed in to the console.
struct console_session {
    std::string username;
    crypto::byte_array<32> stamp{}; // of the account when it signed in: account_stamp()
    time_ms created_at = 0;
    time_ms last_used_at = 0; // behind by up to session_use_written_ms

    bool operator==(const console_session&) const = default;
};

/// A digest of what ends the sessions of an account when it becomes another: its password, role and rights, and that it
/// is this account and not a later one of its name.
[[nodiscard]] crypto::byte_array<32> account_stamp(const account& of);

/// What a session's digests are keyed with: sealer::derive() of this.
inline constexpr std::string_view console_session_purpose = "console sessions";

} // namespace doorward::registry
