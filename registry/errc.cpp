#include "registry/errc.hpp"

#include <string>

namespace doorward::registry {
namespace {

class registry_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "doorward.registry"; }
    std::string message(int value) const override
    {
        switch (static_cast<errc>(value)) {
        case errc::registration_not_found:
            return "no such registration";
        case errc::illegal_change:
            return "the present state of the registration does not allow this";
        case errc::incomplete_registration:
            return "another registration of this user is still in progress";
        case errc::unknown_application:
            return "no such application";
        case errc::application_exists:
            return "an application with this id exists";
        case errc::too_many_applications:
            return "no more applications can be created";
        case errc::account_exists:
            return "an account with this name exists";
        case errc::account_not_found:
            return "no such account";
        case errc::too_many_accounts:
            return "no more accounts can be created";
        case errc::unknown_application_version:
            return "no such version of the application";
        case errc::too_many_application_versions:
            return "the application has as many versions as can be";
        case errc::code_not_found:
            return "no registration waits for this activation code";
        case errc::otp_required:
            return "the one-time password is missing or not expected here";
        case errc::otp_wrong:
            return "the one-time password is wrong";
        case errc::envelope_malformed:
            return "the encrypted envelope does not have the form of its protocol version";
        case errc::envelope_out_of_time:
            return "the timestamp of the envelope is outside the window";
        case errc::envelope_not_genuine:
            return "the envelope does not open";
        case errc::envelope_replayed:
            return "the envelope was seen before";
        case errc::unknown_temporary_key:
            return "no such temporary key for this application and registration";
        case errc::too_many_flags:
            return "a registration cannot have that many flags";
        case errc::passwords_busy:
            return "too many passwords are being checked";
        case errc::changed_meanwhile:
            return "the record changed meanwhile";
        case errc::token_refused:
            return "the token does not hold";
        case errc::parent_not_active:
            return "the registration that this one was made from is not active";
        case errc::too_many_children:
            return "no more registrations can be made from this one";
        case errc::transfer_not_allowed:
            return "the application does not allow this transfer";
        case errc::not_recognised:
            return "the application's provider recognises nobody";
        case errc::provider_failed:
            return "the application's provider gave no usable answer";
        case errc::providers_busy:
            return "too many calls to providers are under way";
        case errc::last_admin:
            return "this is the last enabled account with the role admin";
        case errc::account_token_exists:
            return "the account has a token of this name";
        case errc::account_token_not_found:
            return "the account has no such token";
        case errc::too_many_account_tokens:
            return "the account has as many tokens as can be";
        case errc::application_in_use:
            return "the application has registrations that are not removed";
        case errc::precondition_failed:
            return "the registration has another version than asked for";
        case errc::request_under_way:
            return "a request with this idempotency key is being worked on";
        case errc::request_interrupted:
            return "the request with this idempotency key was interrupted";
        case errc::idempotency_key_taken:
            return "the idempotency key was used for another request";
        case errc::too_many_idempotency_keys:
            return "no more idempotency keys can be remembered";
        case errc::job_not_found:
            return "no such job";
        case errc::too_many_jobs:
            return "too many jobs are under way or kept";
        case errc::too_many_matched:
            return "more registrations match than the request allows for";
        case errc::unknown_master_key:
            return "no such master key of the application";
        case errc::too_many_master_keys:
            return "the application has as many master keys as can be";
        case errc::master_key_in_use:
            return "the master key signs, or a supported version was built with it";
        case errc::master_key_removed:
            return "the master key that the version was built with is gone";
        case errc::webhook_not_found:
            return "the application has no such webhook";
        case errc::too_many_webhooks:
            return "no more webhooks can be created";
        case errc::delivery_not_found:
            return "the webhook has no such delivery";
        case errc::too_many_redeliveries:
            return "too many redeliveries of the webhook are under way";
        case errc::backups_not_offered:
            return "the server has no directory for backups";
        case errc::backup_under_way:
            return "a backup is under way";
        case errc::backup_failed:
            return "the backup failed";
        }
        return "unknown registry error";
    }
};

} // namespace

const boost::system::error_category& category() noexcept
{
    static const registry_category instance;
    return instance;
}

error_code make_error_code(errc value) noexcept
{
    return {static_cast<int>(value), category()};
}

} // namespace doorward::registry
