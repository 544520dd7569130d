#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace doorward::registry {

using error_code = boost::system::error_code;
template <class T>
using result = boost::system::result<T>;

/// What can be wrong with a request from the domain's point of view. handlers/problem.cpp turns each into an answer.
enum class errc {
    registration_not_found = 1, // unknown, or the caller may not see it
    illegal_change,             // the present state does not allow it
    incomplete_registration,    // another registration of the user is unfinished
    unknown_application,
    application_exists,
    too_many_applications,
    account_exists,
    account_not_found,
    too_many_accounts,
    unknown_application_version,
    too_many_application_versions,
    code_not_found, // no registration waits for this activation code
    otp_required,   // none given, or given in the wrong phase
    otp_wrong,
    envelope_malformed,   // fields missing, superfluous or of the wrong size for the version
    envelope_out_of_time, // timestamp outside the window
    envelope_not_genuine, // the MAC or the padding does not fit
    envelope_replayed,
    unknown_temporary_key,
    too_many_flags,       // more than a registration can have
    passwords_busy,       // too many passwords are being checked, or there is no memory for one more
    changed_meanwhile,    // a precondition read before no longer holds; read again and retry
    token_refused,        // wrong, too old, used before, or not good enough for what it was shown for
    parent_not_active,    // the registration that this one was made from
    too_many_children,    // were made from one registration
    transfer_not_allowed, // by the settings of the application
    not_recognised,       // by the application's provider, or there is none
    provider_failed,      // it gave no usable answer
    providers_busy,       // too many calls to providers are under way
    last_admin,           // without this account nobody could administer the server any more
    account_token_exists,
    account_token_not_found,
    too_many_account_tokens,
    application_in_use,    // it has registrations that are not removed
    precondition_failed,   // the registration has another version than the one that was asked for
    request_under_way,     // the same idempotency key is being worked on
    request_interrupted,   // by a crash; what became of it is not known
    idempotency_key_taken, // by another request
    too_many_idempotency_keys,
    job_not_found,    // none, or none that the caller may see
    too_many_jobs,    // are under way or kept
    too_many_matched, // more registrations than the caller allowed for
    unknown_master_key,
    too_many_master_keys, // of one application
    master_key_in_use,    // it signs, or a supported version was built with it
    master_key_removed,   // the one that the version was built with
    webhook_not_found,
    too_many_webhooks, // of one application, or in all
    delivery_not_found,
    too_many_redeliveries, // of one webhook are under way
    backups_not_offered,   // there is no directory for them
    backup_under_way,
    backup_failed,
};

[[nodiscard]] const boost::system::error_category& category() noexcept;
[[nodiscard]] error_code make_error_code(errc value) noexcept;

/// The greatest value of errc, for tests that walk it.
inline constexpr int errc_last = static_cast<int>(errc::backup_failed);

} // namespace doorward::registry

template <>
struct boost::system::is_error_code_enum<doorward::registry::errc> : std::true_type {};
