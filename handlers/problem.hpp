#pragma once

#include "handlers/http.hpp"
#include "handlers/json_reader.hpp"
#include "kv/error.hpp"
#include "registry/clock.hpp"

namespace doorward::handlers {

// Errors to answers, all in one place. The body is the same on both sides:
//
//     { "status": "ERROR", "responseObject": { "code": ..., "message": ..., "violations": [...] } }

/// Problems that the device side tells phones of (PROTOCOL.md section 10). Phones act on the status alone.
enum class device_problem {
    signature_invalid,
    signature_type_invalid,
    activation_invalid,
    temporary_key_failure,
    request_invalid, // the signature is right, but members of the request are missing
    token_invalid,
    token_error, // the signature was right, but the token could not be made or removed
    encryption_failed,
    secure_vault_invalid,
    upgrade_failed,
    recovery_confirm_error,
    not_allowed,            // by the settings of the application
    request_object_invalid, // of activation/code, as the server says whose clients ask for it
    activation_code_failed,
};
[[nodiscard]] response problem(device_problem what);

/// Problems that the transport and the office side have in common.
enum class office_problem {
    unauthorized,
    forbidden,
    not_found, // no such URL; used for nothing else
    method_not_allowed,
    rate_limited,
    signature_header_invalid,
    token_invalid,        // cannot be read; a wrong one is a verdict
    audit_period_invalid, // ends before it begins
    internal,
};
[[nodiscard]] response problem(office_problem what);

/// 401 for the page of the console: as office_problem::unauthorized, with a challenge that no browser answers by
/// itself.
[[nodiscard]] response not_signed_in();

/// Too many wrong passwords: 429 that says when the next one is looked at.
[[nodiscard]] response too_many_sign_ins(registry::time_ms wait);

/// Noise over its budget: 429 that says when to come back, and the end of the connection.
[[nodiscard]] response too_much_noise(registry::time_ms wait);

/// An error of the domain or the store, as the office side tells it (REGISTRATION-API.md 8.1, status style `compat`).
[[nodiscard]] response problem(const kv::error_code& ec);

/// Bad fields: 400 ERROR_REQUEST.
[[nodiscard]] response problem(const std::vector<violation>& violations);

/// A body in the documented form.
[[nodiscard]] std::string problem_body(std::string_view code, std::string_view message);

/// When the server cannot do something at the moment, phones must be told so and not that they are wrong; any other
/// error becomes `otherwise`.
[[nodiscard]] response device_problem_or_storage(const kv::error_code& ec, device_problem otherwise);

} // namespace doorward::handlers
