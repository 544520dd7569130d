#pragma once

#include "registry/job_changes.hpp"

namespace doorward::registry {

// A user who is to be forgotten (REGISTRATION-API.md R18). What the user did stays, and can be told apart from what
// others did; who it was cannot be found out any more, nor can it be found by who it was, by anybody who does not have
// the master key and the very id:
//
//     1. the registrations are removed, one chunk of the job after the other
//     2. their records lose what is about the person, and get a pseudonym for the user id (erase_registrations)
//     3. a walk over all histories does the same in their rows, and wherever the user acted (erase_history)
//     4. claims, and what jobs remember, at the end (finish_erasure)
//
// All steps may be done again.

/// What takes the place of a user id: "erased-" and a keyed digest of it. The same id always has the same one.
[[nodiscard]] std::string pseudonym_of(const crypto::sealer& with, std::string_view user_id);

/// Whom it is about, in all steps.
struct forgotten_user {
    std::string user_id;
    std::string pseudonym;
};

/// Step 2, for registrations that are REMOVED on the disk, and the end of that step of the job.
struct erase_registrations {
    forgotten_user whom;
    std::vector<registration_number> numbers;
    advance_job progress;

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return 1 + numbers.size(); }
};

/// A row of a history.
struct history_place {
    registration_number number = 0;
    std::uint64_t version = 0;
};

/// What a part of the walk over all histories found.
struct erasable_history {
    std::vector<history_place> rows;   // to be rewritten
    std::optional<history_place> next; // where the walk goes on; empty at the end
};
/// Looks at up to erase_walk_rows rows, from a place on (number 0: from the first), and finds up to erase_rewrite_max.
[[nodiscard]] erasable_history find_erasable(const kv::read_txn& txn, const forgotten_user& whom, history_place from);

/// Step 3, for some rows, and how far the job has come by it.
struct erase_history {
    forgotten_user whom;
    std::vector<history_place> rows;
    uuid job_id;
    history_place next;

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return 1 + rows.size() / 4; }
};

/// Step 4, and the end of the job. Or not yet, when the user has got registrations meanwhile: then they become another
/// chunk of the job, and it begins again with them.
struct finish_erasure {
    forgotten_user whom;
    uuid job_id;
    std::vector<std::string> application_ids; // of all applications
    time_ms now = 0;

    kv::error_code operator()(kv::write_txn& txn) const;
    [[nodiscard]] std::size_t weight() const noexcept { return 1 + (application_ids.size() + jobs_max) / 4; }
};

} // namespace doorward::registry
