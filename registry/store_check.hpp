#pragma once

#include "registry/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace doorward::registry {

/// Something in a store that is not as doorward writes it.
struct check_finding {
    std::string table;
    std::string key;  // in hexadecimal; empty: of the table as a whole
    std::string what; // for people; no secrets, and nothing of what records say
};

struct check_report {
    std::vector<check_finding> findings; // the first check_findings_max
    std::uint64_t found = 0;             // all
    std::uint64_t rows = 0;              // looked at
    std::uint64_t seals = 0;             // opened
};
inline constexpr std::size_t check_findings_max = 1'000;

/// Reads every row of every table and says what does not fit:
///
///  - rows whose sum does not fit, records that cannot be read, keys that are not those of their records
///  - indices and records, in both directions; rows that belong to something that is not there
///  - registrations numbered without a gap; states, versions and blocks as counters, journal and history say them
///  - what is to expire, and the rows that remember it
///  - the chain of events (audit_chain.hpp)
///  - with a sealer: that the master key is the store's, and that every sealed value opens
///
/// Not seen are changes on purpose, by somebody who knows how rows are summed, of what nothing else tells of: a name,
/// say. Events are chained for that.
///
/// txn   of a store that nobody writes to, of the present format
/// time  linear in the rows, times a few lookups
[[nodiscard]] check_report check_rows(const kv::read_txn& txn, const crypto::sealer* sealer);

/// Is there something that looks at the rows of a table? Of all of them, as the tests see to.
[[nodiscard]] bool has_row_check(kv::table which) noexcept;

} // namespace doorward::registry
