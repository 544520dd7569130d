#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

/// One pass of the background clean-up: removes registrations whose time is over, erases temporary keys and seen values
/// that are no longer needed. Works off at most sweep_rows_max rows, in one change.
///
/// returns  true when more rows are due already
task<bool> sweep(services& svc);

} // namespace doorward::handlers
