#pragma once

#include "registry/registration.hpp"

#include <limits>

namespace doorward::registry {

/// A period of time, half open: `after` belongs to it, `before` does not. In milliseconds.
struct time_range {
    time_ms after = 0;
    time_ms before = std::numeric_limits<time_ms>::max();

    [[nodiscard]] bool contains(time_ms at) const noexcept { return at >= after && at < before; }
    [[nodiscard]] bool is_empty() const noexcept { return before <= after; }

    bool operator==(const time_range&) const = default;
};

struct full_registration; // store.hpp

/// Which registrations are meant (REGISTRATION-API.md R2, R13, R14): what lists, look-ups and bulk changes have in
/// common. All that is named must hold; what is left empty holds for every registration.
struct registration_criteria {
    std::vector<std::string> application_ids; // one of them
    std::vector<state> states;                // one of them
    bool removed = false;                     // REMOVED ones too, where no states are named
    flag_set flags;                           // all of them
    std::string platform;                     // without regard to case
    std::string name_part;                    // anywhere in the name, without regard to case
    time_range last_used;                     // of one that was never used: when it was created
    time_range created;

    [[nodiscard]] bool matches(const full_registration& one) const;

    bool operator==(const registration_criteria&) const = default;
};

/// When a registration was used last, as it is told: when it was created until it is used.
[[nodiscard]] time_ms last_used_at(const full_registration& one) noexcept;

} // namespace doorward::registry
