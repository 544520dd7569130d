#include "handlers/problem.hpp"
#include "handlers/json_writer.hpp"
#include "registry/errc.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

struct row {
    unsigned status;
    std::string_view code;
    std::string_view message;
    unsigned rest_status = 0; // in the status style `rest`, where that is another one
};

response answer(const row& told)
{
    response out;
    out.status = told.status;
    out.rest_status = told.rest_status;
    out.body = problem_body(told.code, told.message);
    return out;
}

response answer_later(const row& told, registry::time_ms wait)
{
    response out = answer(told);
    out.headers.emplace_back("Retry-After", std::to_string(std::max(registry::time_ms{1}, (wait + 999) / 1000)));
    return out;
}

row row_of(device_problem what)
{
    switch (what) {
    case device_problem::signature_invalid:
        return {401, "ERR_AUTHENTICATION", "POWER_AUTH_SIGNATURE_INVALID"};
    case device_problem::signature_type_invalid:
        return {401, "ERR_AUTHENTICATION", "POWER_AUTH_SIGNATURE_TYPE_INVALID"};
    case device_problem::activation_invalid:
        return {400, "ERR_ACTIVATION", "POWER_AUTH_ACTIVATION_INVALID"};
    case device_problem::temporary_key_failure:
        return {400, "ERR_TEMPORARY_KEY", "POWER_AUTH_TEMPORARY_KEY_FAILURE"};
    case device_problem::request_invalid:
        return {401, "ERR_AUTHENTICATION", "POWER_AUTH_REQUEST_INVALID"};
    case device_problem::token_invalid:
        return {401, "ERR_AUTHENTICATION", "POWER_AUTH_TOKEN_INVALID"};
    case device_problem::token_error:
        return {401, "ERR_AUTHENTICATION", "POWER_AUTH_TOKEN_ERROR"};
    case device_problem::encryption_failed:
        return {400, "ERR_ENCRYPTION", "POWER_AUTH_ENCRYPTION_FAILED"};
    case device_problem::secure_vault_invalid:
        return {400, "ERR_SECURE_VAULT", "POWER_AUTH_SECURE_VAULT_INVALID"};
    case device_problem::upgrade_failed:
        return {400, "ERR_UPGRADE", "POWER_AUTH_UPGRADE_FAILED"};
    case device_problem::recovery_confirm_error:
        return {401, "ERR_AUTHENTICATION", "POWER_AUTH_RECOVERY_CONFIRM_ERROR"};
    case device_problem::not_allowed:
        return {403, "ERROR_FORBIDDEN", "The application does not allow this."};
    case device_problem::request_object_invalid:
        return {400, "INVALID_REQUEST", "The request is not valid."};
    case device_problem::activation_code_failed:
        return {400, "ACTIVATION_CODE_FAILED", "There is no activation code for this application now."};
    }
    return {500, "ERROR_GENERIC", "Unknown error."};
}

row row_of(office_problem what)
{
    switch (what) {
    case office_problem::unauthorized:
        return {401, "HTTP_401", "Unauthorized"};
    case office_problem::forbidden:
        return {403, "ERROR_FORBIDDEN", "This account may not do that."};
    case office_problem::not_found:
        return {404, "ERROR_NOT_FOUND", "Resource not found."};
    case office_problem::method_not_allowed:
        return {405, "ERROR_METHOD_NOT_ALLOWED", "This resource does not have that method."};
    case office_problem::rate_limited:
        return {429, "ERROR_RATE_LIMITED", "Too many requests of this kind at once; try again."};
    case office_problem::signature_header_invalid:
        return {400, "ERROR_SIGNATURE_INVALID", "The PowerAuth header cannot be read."};
    case office_problem::token_invalid:
        return {400, "ERROR_TOKEN_INVALID", "The PowerAuth token cannot be read."};
    case office_problem::audit_period_invalid:
        return {400, "ERROR_AUDIT", "The period ends before it begins."};
    case office_problem::internal:
        return {500, "ERROR_GENERIC", "Unknown error."};
    }
    return {500, "ERROR_GENERIC", "Unknown error."};
}

row row_of(registry::errc what)
{
    using registry::errc;
    switch (what) {
    case errc::registration_not_found:
        return {400, "ERROR_REGISTRATION_NOT_FOUND", "No such registration.", 404};
    case errc::illegal_change:
        return {400, "ERROR_REGISTRATION_CHANGE", "The present state of the registration does not allow this.", 409};
    case errc::incomplete_registration:
        return {400, "ERROR_REGISTRATION_NOT_ALLOWED", "Another registration of this user is still in progress.", 409};
    case errc::otp_required:
        return {400, "ERROR_REGISTRATION_CHANGE", "The one-time password is missing, or not expected here.", 409};
    case errc::otp_wrong:
        return {400, "ERROR_REGISTRATION_CHANGE", "The one-time password is wrong.", 409};
    case errc::unknown_application:
        return {400, "ERROR_REQUEST", "No such application."};
    case errc::account_not_found:
        return {400, "ERROR_REQUEST", "No such account."};
    case errc::application_exists:
        return {409, "ERROR_CONFLICT", "An application with this id exists."};
    case errc::account_exists:
        return {409, "ERROR_CONFLICT", "An account with this name exists."};
    case errc::too_many_applications:
        return {409, "ERROR_CONFLICT", "No more applications can be created."};
    case errc::too_many_accounts:
        return {409, "ERROR_CONFLICT", "No more accounts can be created."};
    case errc::unknown_application_version:
        return {400, "ERROR_REQUEST", "No such version of this application."};
    case errc::too_many_application_versions:
        return {409, "ERROR_CONFLICT", "No more versions of this application can be created."};
    case errc::too_many_flags:
        return {400, "ERROR_REQUEST", "A registration cannot have that many flags."};
    case errc::passwords_busy:
    case errc::providers_busy:
        return row_of(office_problem::rate_limited);
    case errc::changed_meanwhile:
        return {409, "ERROR_CONFLICT", "The record changed meanwhile; try again."};
    case errc::parent_not_active:
        return {400, "ERROR_REGISTRATION_CHANGE", "The registration that this one was made from is not active.", 409};
    case errc::too_many_children:
        return {409, "ERROR_CONFLICT", "No more registrations can be made from this one."};
    case errc::transfer_not_allowed:
        return {403, "ERROR_FORBIDDEN", "The application does not allow this transfer."};
    case errc::last_admin:
        return {409, "ERROR_CONFLICT", "This is the last enabled account with the role ADMIN."};
    case errc::account_token_exists:
        return {409, "ERROR_CONFLICT", "The account has a token of this name."};
    case errc::account_token_not_found:
        return {400, "ERROR_REQUEST", "The account has no such token."};
    case errc::too_many_account_tokens:
        return {409, "ERROR_CONFLICT", "No more tokens of this account can be created."};
    case errc::application_in_use:
        return {409, "ERROR_CONFLICT", "The application has registrations that are not removed."};
    case errc::precondition_failed:
        return {412, "ERROR_PRECONDITION", "The registration has changed; its version is another one."};
    case errc::request_under_way:
        return {409, "ERROR_CONFLICT", "A request with this idempotency key is being worked on; try again."};
    case errc::request_interrupted:
        return {409, "ERROR_CONFLICT",
                "The request with this idempotency key was interrupted; look whether it took effect, then send it "
                "with another key."};
    case errc::idempotency_key_taken:
        return {409, "ERROR_CONFLICT", "The idempotency key was used for another request."};
    case errc::too_many_idempotency_keys:
        return {503, "ERROR_OVERLOADED", "No more idempotency keys can be remembered; try without one, or later."};
    case errc::job_not_found:
        return {400, "ERROR_JOB_NOT_FOUND", "No such job."};
    case errc::too_many_jobs:
        return {409, "ERROR_CONFLICT", "Too many jobs are under way or kept; try again later."};
    case errc::too_many_matched:
        return {409, "ERROR_CONFLICT", "More registrations match than the request allows to be affected."};
    case errc::unknown_master_key:
        return {400, "ERROR_REQUEST", "The application has no such master key."};
    case errc::too_many_master_keys:
        return {409, "ERROR_CONFLICT", "No more master keys of this application can be created."};
    case errc::master_key_in_use:
        return {409, "ERROR_CONFLICT", "The master key signs, or a supported version was built with it."};
    case errc::master_key_removed:
        return {409, "ERROR_CONFLICT", "The master key that this version was built with was removed."};
    case errc::webhook_not_found:
        return {400, "ERROR_REQUEST", "The application has no such callback."};
    case errc::too_many_webhooks:
        return {409, "ERROR_CONFLICT", "No more callbacks can be created."};
    case errc::delivery_not_found:
        return {400, "ERROR_REQUEST", "The callback has no such delivery."};
    case errc::too_many_redeliveries:
        return {409, "ERROR_CONFLICT", "Too many redeliveries of this callback are under way; try again later."};
    case errc::backups_not_offered:
        return {409, "ERROR_CONFLICT", "The server has no directory for backups (--backup-directory)."};
    case errc::backup_under_way:
        return {409, "ERROR_CONFLICT", "A backup is under way; try again later."};
    case errc::backup_failed:
        return {409, "ERROR_CONFLICT", "The backup could not be written; GET /admin/backup tells why."};
    case errc::code_not_found:
    case errc::envelope_malformed:
    case errc::envelope_out_of_time:
    case errc::envelope_not_genuine:
    case errc::envelope_replayed:
    case errc::unknown_temporary_key:
    case errc::token_refused:
    case errc::not_recognised:
    case errc::provider_failed:
        return {400, "ERROR_REQUEST", "The request cannot be read."}; // told to phones only, in their own words
    }
    return {500, "ERROR_GENERIC", "Unknown error."};
}

row row_of(kv::errc what)
{
    switch (what) {
    case kv::errc::storage_full:
        return {507, "ERROR_STORAGE_FULL", "The store has no room left; this is not on the disk."};
    case kv::errc::queue_full:
        return {503, "ERROR_OVERLOADED", "Too many changes are waiting; try again."};
    case kv::errc::closing:
        return {503, "ERROR_OVERLOADED", "The server is stopping."};
    case kv::errc::damaged:
        return {500, "ERROR_GENERIC", "What this is about is damaged in the store."};
    }
    return {500, "ERROR_GENERIC", "Unknown error."};
}

bool is_rate_limited(const kv::error_code& ec)
{
    return ec == registry::errc::passwords_busy || ec == registry::errc::providers_busy;
}

} // namespace

std::string problem_body(std::string_view code, std::string_view message)
{
    return json_writer{}
        .object()
        .member("status", "ERROR")
        .key("responseObject")
        .object()
        .member("code", code)
        .member("message", message)
        .end()
        .end()
        .text();
}

response problem(device_problem what)
{
    if (what != device_problem::signature_invalid)
        return answer(row_of(what));
    // What every wrong proof is told.
    static const response refused = answer(row_of(device_problem::signature_invalid));
    return refused;
}

response problem(office_problem what)
{
    response out = answer(row_of(what));
    if (what == office_problem::unauthorized) {
        out.headers.emplace_back("WWW-Authenticate", R"(Basic realm="doorward", charset="UTF-8")");
        out.headers.emplace_back("WWW-Authenticate", R"(Bearer realm="doorward")");
    }
    if (what == office_problem::rate_limited)
        out.headers.emplace_back("Retry-After", "1");
    return out;
}

response not_signed_in()
{
    response out = answer(row_of(office_problem::unauthorized));
    out.headers.emplace_back("WWW-Authenticate", R"(Session realm="doorward")");
    return out;
}

response too_many_sign_ins(registry::time_ms wait)
{
    return answer_later({429, "ERROR_RATE_LIMITED", "Too many wrong passwords; try again later."}, wait);
}

response too_much_noise(registry::time_ms wait)
{
    response out = answer_later(
        {429, "ERROR_RATE_LIMITED", "Too many requests came whose signature fits nothing; try again later."}, wait);
    out.ends_connection = true;
    return out;
}

response problem(const kv::error_code& ec)
{
    if (is_rate_limited(ec))
        return problem(office_problem::rate_limited);
    if (ec.category() == registry::category())
        return answer(row_of(static_cast<registry::errc>(ec.value())));
    if (ec.category() == kv::category())
        return answer(row_of(static_cast<kv::errc>(ec.value())));
    return problem(office_problem::internal);
}

response problem(const std::vector<violation>& violations)
{
    json_writer out;
    out.object()
        .member("status", "ERROR")
        .key("responseObject")
        .object()
        .member("code", "ERROR_REQUEST")
        .member("message", "The request is not valid.")
        .key("violations")
        .array();
    for (const violation& each : violations) {
        out.object().member("fieldName", each.field);
        out.member_unless_empty("invalidValue", each.invalid_value).member("hint", each.hint).end();
    }
    response answer;
    answer.status = 400;
    answer.body = out.end().end().end().text();
    return answer;
}

response device_problem_or_storage(const kv::error_code& ec, device_problem otherwise)
{
    const bool of_the_moment = ec.category() == kv::category() || is_rate_limited(ec);
    return of_the_moment ? problem(ec) : problem(otherwise);
}

} // namespace doorward::handlers
