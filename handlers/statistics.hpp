#pragma once

#include "handlers/concurrency_limit.hpp"
#include "registry/census.hpp"
#include "registry/journal.hpp"

#include <memory>
#include <mutex>

namespace doorward::handlers {

/// The numbers of GET /v2/stats: counted at the wish of whoever asks, in steps, at most once in statistics_life_ms, and
/// kept for the others. They are of all applications; who asks is shown those of his own.
///
/// threads  any; a step keeps others from stepping, not from reading
class statistics {
public:
    struct numbers {
        registry::time_ms at = 0;                                           // when the count began
        std::map<std::string, registry::application_numbers> registrations; // by application
        std::map<std::string, registry::lockout_meter::hours> lockouts;     // by application
    };

    /// Those that were counted last; null when there are none yet.
    [[nodiscard]] std::shared_ptr<const numbers> latest() const;

    /// A place for whoever counts; empty while somebody else does.
    [[nodiscard]] std::optional<concurrency_limit::permit> enter() noexcept { return turn_.enter(); }

    struct progress {
        std::size_t rows = 0; // looked at
        bool complete = false;
    };
    /// Counts on where the last step stopped, in a snapshot of its own. On the thread for lists.
    progress go_on(const registry::journal& from, registry::time_ms now);

private:
    concurrency_limit turn_{1};
    std::mutex counting_mutex_;
    std::optional<registry::census> census_; // guarded by counting_mutex_; under way
    registry::lockout_meter lockouts_;       // guarded by counting_mutex_
    mutable std::mutex latest_mutex_;        // a leaf
    std::shared_ptr<const numbers> latest_;  // guarded by latest_mutex_
};

} // namespace doorward::handlers
