#pragma once

#include "handlers/services.hpp"

#include <chrono>

namespace doorward::handlers {

/// One step of the fold (registry/journal.hpp): moves what attempts changed from the journal to the counters table. At
/// the end of a sweep also forgets what was folded earlier.
///
/// returns  how long to wait before the next step: steps are under way for at most fold_share of the time, until the
///          journal fills
task<std::chrono::nanoseconds> fold(services& svc);

inline constexpr int fold_share = 4;                        // one part in so many of the time
inline constexpr std::chrono::milliseconds sweep_rest{500}; // between two sweeps over the journal

} // namespace doorward::handlers
