#pragma once

#include "handlers/query_fields.hpp"
#include "registry/criteria.hpp"

namespace doorward::handlers {

// Criteria for registrations, out of a query (REGISTRATION-API.md R2) and out of a body (R13, R14). What contradicts
// itself is a violation.

/// `appId`, `status`, `flag` (these two may come several times), `removed`, `platform`, `name`, `lastUsedAfter`,
/// `lastUsedBefore`, `createdAfter`, `createdBefore`.
[[nodiscard]] registry::registration_criteria decode_criteria(const query_parameters& parameters,
                                                              std::vector<violation>& violations);

/// `appIds[]`, `status[]`, `flags[]` and the others as above.
[[nodiscard]] registry::registration_criteria decode_criteria(const json_object& from);

/// `userIds[]`, each once; empty when there are none. What cannot be a user id is a violation.
[[nodiscard]] std::vector<std::string> decode_user_ids(const json_object& from);

/// `registrationIds[]`, each once. Empty when there is no such member. A text that is no id names nothing and is left
/// out.
[[nodiscard]] std::optional<std::vector<registry::uuid>> decode_registration_ids(const json_object& from);

/// Can it be a user id: 1 to user_id_bytes_max bytes, no zero byte?
[[nodiscard]] bool is_user_id(std::string_view text) noexcept;

} // namespace doorward::handlers
