#pragma once

#include "handlers/json_writer.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// Visits the attempts on a registration, newest first, until it returns false: from a row on, or from the newest when
/// that is 0. Any thread, outside of views.
void scan_attempts_of(const services& svc, registry::registration_number number, registry::row_sequence from,
                      const std::function<bool(registry::row_sequence, const registry::attempt_row&)>& visit);

/// Writes one of them: a JSON object.
void write_attempt(json_writer& to, registry::row_sequence sequence, const registry::attempt_row& row);

} // namespace doorward::handlers
