#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "registry/envelope.hpp"

namespace doorward::handlers {

// The JSON forms of envelopes (PROTOCOL.md 8.2).

/// Reads the members of an envelope; empty when one is missing or malformed. Which of the optional ones must be there
/// depends on the version: registry::check_form tells.
[[nodiscard]] std::optional<registry::envelope_request> read_envelope(const json_object& from);

/// Writes the members of a response envelope as one object.
void write_envelope(json_writer& to, const registry::envelope_response& envelope);

} // namespace doorward::handlers
