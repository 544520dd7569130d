#pragma once

#include "registry/errc.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace doorward::registry {

// The flags of a registration: texts of the business system, by which it decides what a phone may do. Sorted, each
// once.
using flag_set = std::vector<std::string>;

/// What somebody wants done to them.
struct flag_edit {
    enum class kind : std::uint8_t { add, remove, replace };
    kind how = kind::add;
    flag_set flags; // sorted, each once
};

/// What an edit makes of flags.
///
/// errors  too_many_flags: more than flags_max of them, or together longer than flags_bytes_max
[[nodiscard]] result<flag_set> edited(const flag_set& now, const flag_edit& edit);

/// Those of `required` that are not among `present`. Both sorted.
[[nodiscard]] flag_set missing_flags(const flag_set& required, const flag_set& present);

} // namespace doorward::registry
