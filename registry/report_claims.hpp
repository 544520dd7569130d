#pragma once

#include "registry/ids.hpp"

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace doorward::registry {

/// Attempt ids that are on their way to the disk. A business system that repeats a report while the first is under way
/// must not count it twice: before the word is touched the id is claimed, and it is free again when what was made of it
/// is settled. As many at once as there are reports in flight. threads  any
class report_claims {
public:
    report_claims() = default;
    report_claims(const report_claims&) = delete;
    report_claims& operator=(const report_claims&) = delete;

    /// Null when somebody else has it. The claim ends with the last copy of what is returned.
    [[nodiscard]] std::shared_ptr<const void> claim(registration_number number, std::string attempt_id);

    /// The right to edit a registration's metadata. What an edit makes of them depends on those before, so they are
    /// made one after the other: the claim is held from before they are read until the edit is settled. Attempt ids are
    /// no empty texts, so no report has it.
    [[nodiscard]] std::shared_ptr<const void> claim_metadata(registration_number number) { return claim(number, {}); }

private:
    using key = std::pair<registration_number, std::string>;

    std::mutex mutex_;
    std::set<key> claimed_; // guarded by mutex_
};

} // namespace doorward::registry
