#pragma once

#include "handlers/json_writer.hpp"
#include "registry/events.hpp"

namespace doorward::handlers {

// Events as the office side tells them.

/// An event of the feed, as one JSON object (API.md, "Events").
void write_event(json_writer& to, const registry::stored_event& what);

/// A row of the audit log: the same under the names that clients of PowerAuth Cloud know (REGISTRATION-API.md 1.7).
void write_audit_row(json_writer& to, const registry::stored_event& what);

} // namespace doorward::handlers
