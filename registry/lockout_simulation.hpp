#pragma once

#include "registry/attempt_row.hpp"
#include "registry/lockout.hpp"

#include <optional>
#include <unordered_map>

namespace doorward::registry {

/// What another policy would have made of the attempts that were recorded (REGISTRATION-API.md 8.4).
///
/// Each registration begins with nothing failed. What really happened does not change: while the other policy would
/// have had a registration blocked, its attempts go on, and tell whether that would have been wrong. A block that does
/// not end by itself ends with the first success: that is when somebody let the phone in again. Attempts that really
/// came while the registration was blocked were not counted and are not here, so a policy that is laxer than the one of
/// then has less to show.
class lockout_simulation {
public:
    /// max  of failed attempts, for every registration
    lockout_simulation(const lockout_policy& policy, unsigned max) noexcept : policy_{policy}, max_{max} {}

    /// The next row of the journal, oldest first.
    void add(const attempt_row& row);

    struct result {
        std::uint64_t attempts = 0; // that counted, or would have
        std::uint64_t registrations = 0;
        std::uint64_t lockouts = 0;
        std::uint64_t locked_out = 0;     // registrations
        std::uint64_t removals = 0;       // of those lockouts: ends of the last temporary block
        std::uint64_t probably_false = 0; // lockouts that a success followed within false_lockout_ms

        bool operator==(const result&) const = default;
    };
    [[nodiscard]] const result& so_far() const noexcept { return so_far_; }

private:
    struct phone {
        failures since_reset;
        state now = state::active;
        time_ms blocked_at = 0;
        time_ms blocked_until = 0; // 0: it does not end by itself
        bool was_locked_out = false;
        bool called_false = false; // its present lockout
    };
    void fail(phone& it, const attempt_row& row);
    void succeed(phone& it, const attempt_row& row);

    lockout_policy policy_;
    unsigned max_;
    result so_far_;
    std::unordered_map<registration_number, phone> phones_;
};

} // namespace doorward::registry
