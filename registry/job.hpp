#pragma once

#include "crypto/seal.hpp"
#include "registry/criteria.hpp"

namespace doorward::registry {

/// What a job does to each of its registrations (REGISTRATION-API.md R14, R18).
enum class job_kind : std::uint8_t {
    block = 1,
    unblock,
    remove,
    add_flags,
    remove_flags,
    remove_user, // removes all that one user has
    erase_user,  // the same, and then makes the user unrecognisable in what stays (erasure.hpp)
};
inline constexpr job_kind all_job_kinds[]{job_kind::block,     job_kind::unblock,      job_kind::remove,
                                          job_kind::add_flags, job_kind::remove_flags, job_kind::remove_user,
                                          job_kind::erase_user};
[[nodiscard]] std::string_view to_text(job_kind value) noexcept; // "ADD_FLAGS"
[[nodiscard]] std::optional<job_kind> parse_job_kind(std::string_view text) noexcept;

enum class job_state : std::uint8_t { running = 1, done, cancelled };
[[nodiscard]] std::string_view to_text(job_state value) noexcept; // "RUNNING"

/// Why a job could not change a registration.
enum class job_problem : std::uint8_t { not_found = 1, illegal_change, too_many_flags };
[[nodiscard]] std::string_view to_text(job_problem value) noexcept; // "ERROR_REGISTRATION_CHANGE"

/// A change of many registrations, worked off in small steps, as it lies in the store.
///
/// Which registrations it is about is settled when it is made: their numbers lie in the table `job_targets`, in chunks,
/// and one chunk is one step. A step erases its chunk, so what is left to do is there after a crash and nothing else.
struct job {
    struct failure {
        uuid registration;
        job_problem why{};

        bool operator==(const failure&) const = default;
    };

    job_kind kind{};
    job_state now = job_state::running;
    actor who; // an account, perhaps on behalf of somebody
    std::string reason;
    flag_set flags;                 // of add_flags and remove_flags
    registration_criteria criteria; // what must still hold when a registration's turn comes; see encode()
    crypto::bytes sealed_user;      // of erase_user, as long as it is running: whom
    std::uint32_t matched = 0;      // registrations, count
    std::uint32_t done = 0;
    std::uint32_t skipped = 0; // did not meet the criteria any more
    std::uint32_t failed = 0;
    std::vector<failure> failures; // the first of those that failed, at most job_failures_max
    std::uint32_t next_chunk = 0;
    std::uint32_t chunks = 0;
    registration_number walked_number = 0; // of erase_user: the row of `history` at which its walk goes on;
    std::uint64_t walked_version = 0;      // 0: from the first
    time_ms created_at = 0;
    time_ms finished_at = 0;

    /// One registration more that could not be changed.
    void fail(const uuid& registration, job_problem why);

    bool operator==(const job&) const = default;
};

/// The user id of a job, sealed for it and opened. opening  errors: throws record_fault
[[nodiscard]] crypto::bytes seal_user(const crypto::sealer& with, const uuid& job_id, std::string_view user_id);
[[nodiscard]] std::string open_user(const crypto::sealer& with, const uuid& job_id, const job& record);

} // namespace doorward::registry
