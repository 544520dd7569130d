#pragma once

#include "handlers/json_reader.hpp"
#include "registry/attempts.hpp"

namespace doorward::handlers {

// Entity tags of registrations: their versions (REGISTRATION-API.md 8.1, RFC 9110 section 8.8.3).

/// "17" with its quotes.
[[nodiscard]] std::string entity_tag(std::uint64_t version);

/// The versions that `If-Match` allows. Empty when it is absent or `*`: any. Weak tags and tags that are none of ours
/// match nothing. A violation when it cannot be read.
[[nodiscard]] std::optional<registry::expected_versions> decode_if_match(std::string_view field,
                                                                         std::vector<violation>& violations);

} // namespace doorward::handlers
