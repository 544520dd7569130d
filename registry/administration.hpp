#pragma once

#include "registry/changes.hpp"
#include "registry/lockout_breaker.hpp"

namespace doorward::registry {

// The events of administration: what is done to applications and accounts, in the words of the feed. All of these are
// for changes, writer thread.

/// What was done. Part of the feed's format: the list in API.md, "Events".
namespace action {
inline constexpr std::string_view create_application = "CREATE_APPLICATION";
inline constexpr std::string_view change_application = "CHANGE_APPLICATION";
inline constexpr std::string_view remove_application = "REMOVE_APPLICATION";
inline constexpr std::string_view create_version = "CREATE_APPLICATION_VERSION";
inline constexpr std::string_view support_version = "SUPPORT_APPLICATION_VERSION";
inline constexpr std::string_view retire_version = "RETIRE_APPLICATION_VERSION"; // its phones are refused
inline constexpr std::string_view create_master_key = "CREATE_MASTER_KEY";
inline constexpr std::string_view sign_with_master_key = "SIGN_WITH_MASTER_KEY";
inline constexpr std::string_view remove_master_key = "REMOVE_MASTER_KEY";
inline constexpr std::string_view create_account = "CREATE_ACCOUNT";
inline constexpr std::string_view change_account = "CHANGE_ACCOUNT";
inline constexpr std::string_view rotate_password = "ROTATE_PASSWORD";
inline constexpr std::string_view remove_account = "REMOVE_ACCOUNT";
inline constexpr std::string_view assign_application = "ASSIGN_APPLICATION";
inline constexpr std::string_view unassign_application = "UNASSIGN_APPLICATION";
inline constexpr std::string_view create_token = "CREATE_TOKEN";
inline constexpr std::string_view revoke_token = "REVOKE_TOKEN";
inline constexpr std::string_view sign_in = "SIGN_IN"; // to the console
inline constexpr std::string_view sign_out = "SIGN_OUT";
inline constexpr std::string_view open_breaker = "OPEN_LOCKOUT_BREAKER"; // by doorward itself
inline constexpr std::string_view close_breaker = "CLOSE_LOCKOUT_BREAKER";
inline constexpr std::string_view begin_rotation = "BEGIN_MASTER_KEY_ROTATION"; // by doorward itself
inline constexpr std::string_view end_rotation = "END_MASTER_KEY_ROTATION";
} // namespace action

/// Appends an event about an application, for those who see the application.
///
/// detail  cut to event_detail_bytes_max
void tell_of_application(kv::write_txn& txn, const authorship& by, const std::string& application_id,
                         std::string_view what, std::string detail);

/// Appends an event about an account.
///
/// application_id  for those who see this application; empty: for admins
/// detail          cut to event_detail_bytes_max
void tell_of_account(kv::write_txn& txn, const authorship& by, const std::string& username, std::string_view what,
                     std::string detail, const std::string& application_id = {});

/// Appends an event about the store itself, by doorward, for admins.
///
/// subject  which part of it
void tell_of_store(kv::write_txn& txn, time_ms at, std::string subject, std::string_view what, std::string detail);

/// Which settings are others, by their names in API.md, with what they are now where that is short; no secrets. Empty
/// when none is.
[[nodiscard]] std::string describe_change(const stored_application& before, const stored_application& after);
/// The same of an account; its password is left out.
[[nodiscard]] std::string describe_change(const account& before, const account& after);
/// What an account may do: its role and rights.
[[nodiscard]] std::string describe(const account& what);

/// Appends the events of breakers of mass lockouts; of applications that are gone none.
struct tell_of_breakers {
    std::vector<lockout_breaker::notice> notices;

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return notices.size() * event_weight; }
};

} // namespace doorward::registry
