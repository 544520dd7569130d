#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "registry/application_settings.hpp"

namespace doorward::handlers {

// Lockout policies as requests and answers have them (REGISTRATION-API.md 8.4). Times are in milliseconds.

/// Reads the members of a policy that `from` has, as a merge patch (RFC 7396): what is absent stays, null is the
/// default.
void merge_policy(const json_object& from, registry::lockout_policy& field);

/// Writes them as members of the object that is open.
void write_policy(json_writer& to, const registry::lockout_policy& policy);

/// The same of the breaker, which is null where there is none.
void merge_breaker(const json_object& from, std::optional<registry::breaker_settings>& field);
void write_breaker(json_writer& to, const std::optional<registry::breaker_settings>& breaker);

/// The same of what back offices' clients may be told.
void merge_hints(const json_object& from, registry::application_settings& settings);
void write_hints(json_writer& to, const registry::application_settings& settings);

} // namespace doorward::handlers
