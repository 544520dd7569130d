#pragma once

#include "crypto/p256.hpp"
#include "registry/clock.hpp"
#include "registry/event_place.hpp"
#include "registry/flags.hpp"
#include "registry/ids.hpp"
#include "registry/lockout_policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace doorward::registry {

/// States of a registration, with the numbers that the wire uses (PROTOCOL.md 12.1).
///
///      create            key exchange              commit
///      ------> created ----------------> pending_commit -----> active <----> blocked
///                 |  \________ commit phase on_key_exchange ______^             |
///                 +--- expiry, too many wrong one-time passwords, removal --> removed
enum class state : std::uint8_t { created = 1, pending_commit = 2, active = 3, blocked = 4, removed = 5 };

inline constexpr state all_states[]{state::created, state::pending_commit, state::active, state::blocked,
                                    state::removed};

/// Not active yet: CREATED or PENDING_COMMIT. A registration *starts* when it leaves these states for ACTIVE.
[[nodiscard]] constexpr bool is_unfinished(state value) noexcept
{
    return value == state::created || value == state::pending_commit;
}

/// Everything that can change a state. The name is what history and events call it.
enum class move : std::uint8_t {
    create,             // by the back office; a registration begins
    exchange_keys,      // by the phone, with its activation code; waits for commit
    exchange_and_start, // the same under commit phase on_key_exchange
    commit,             // by the back office
    block,              // by the back office
    block_on_failures,  // the last permitted failed attempt
    unblock,            // by the back office
    remove,             // by the back office or the user in the app; final
    expire,             // created or pending_commit for too long
    fail_otp,           // a wrong one-time password, attempts left
    remove_on_otp,      // the last permitted wrong one-time password
    reset_attempts,     // by the back office: failed attempts are forgotten, the state stays
    rename,             // by the back office or the phone; the state stays, as with the next
    change_flags,       // by the back office
    spawn,              // another registration that was spawned from this one became active; the state stays
    cancel,             // created or pending_commit, and its parent is blocked or removed
    pin_changed,        // by the phone, which tells that its user has chosen another PIN; the state stays
    replace_otp,        // by the back office: another one-time password is asked for at commit
    remove_on_failures, // the last permitted failed attempt after the last permitted temporary block
    end_block,          // the time of a temporary block is over
    change_block,       // by the back office: a temporary block ends at another time, or not by itself
    change_limits,      // by the back office: other limits of failed attempts; the state stays
    edit,               // by the back office: name, metadata or both; the state stays
};

inline constexpr move all_moves[]{
    move::create,
    move::exchange_keys,
    move::exchange_and_start,
    move::commit,
    move::block,
    move::block_on_failures,
    move::unblock,
    move::remove,
    move::expire,
    move::fail_otp,
    move::remove_on_otp,
    move::reset_attempts,
    move::rename,
    move::change_flags,
    move::spawn,
    move::cancel,
    move::pin_changed,
    move::replace_otp,
    move::remove_on_failures,
    move::end_block,
    move::change_block,
    move::change_limits,
    move::edit,
};

/// Where a move leads from a state; empty when it is not legal there. The only place that knows the rules: nothing
/// leads out of removed.
[[nodiscard]] std::optional<state> target(state from, move by) noexcept;

/// Is a move about something beside the state, which stays as it is?
[[nodiscard]] constexpr bool is_beside_state(move by) noexcept
{
    return by == move::reset_attempts || by == move::rename || by == move::change_flags || by == move::spawn ||
           by == move::pin_changed || by == move::replace_otp || by == move::change_limits || by == move::edit;
}

[[nodiscard]] std::string_view to_text(state value) noexcept; // "PENDING_COMMIT"
[[nodiscard]] std::optional<state> parse_state(std::string_view text) noexcept;
[[nodiscard]] std::string_view to_text(move value) noexcept; // "EXCHANGE_KEYS"

/// When the registration becomes active (PROTOCOL.md 12.4).
enum class commit_phase : std::uint8_t { on_commit = 0, on_key_exchange = 1 };
[[nodiscard]] std::string_view to_text(commit_phase value) noexcept;

/// What becomes of a registration when another one that was made from it becomes active (REGISTRATION-API.md R16).
enum class transfer_type : std::uint8_t {
    spawn = 1, // it stays: two phones
    move = 2,  // it is removed: the other phone takes its place
};
[[nodiscard]] std::string_view to_text(transfer_type value) noexcept; // "SPAWN"
[[nodiscard]] std::optional<transfer_type> parse_transfer_type(std::string_view text) noexcept;

/// Where a registration comes from that was made from another one, its parent.
struct lineage {
    uuid parent;
    transfer_type type{};

    bool operator==(const lineage&) const = default;
};

/// Reasons that doorward itself gives. Those that end with a colon are followed by the id of another registration.
namespace reason {
inline constexpr std::string_view max_failed_attempts = "MAX_FAILED_ATTEMPTS";
inline constexpr std::string_view block_ended = "TEMPORARY_BLOCK_EXPIRED";
inline constexpr std::string_view not_specified = "NOT_SPECIFIED";         // also of a vault that was opened for none
inline constexpr std::string_view custom_activation = "CUSTOM_ACTIVATION"; // made at the word of a provider
inline constexpr std::string_view otp_failed = "OTP_FAILED_ATTEMPT";
inline constexpr std::string_view otp_max_failed = "OTP_MAX_FAILED_ATTEMPTS";
inline constexpr std::string_view otp_replaced = "OTP_VALUE_UPDATE";
inline constexpr std::string_view expired = "REGISTRATION_EXPIRED";
inline constexpr std::string_view removed_by_user = "REMOVED_BY_USER"; // with another phone of the same user
inline constexpr std::string_view parent_removed = "PARENT_REMOVED";   // before the child became active
inline constexpr std::string_view spawn_of = "SPAWN:"; // of the creation: by which way, from which parent
inline constexpr std::string_view move_of = "MOVE:";
inline constexpr std::string_view spawned_to = "SPAWNED_TO:"; // of the parent, when the child becomes active
inline constexpr std::string_view moved_to = "MOVED_TO:";
inline constexpr std::string_view spawned_from = "SPAWNED_FROM:"; // of the child, in the same moment
inline constexpr std::string_view moved_from = "MOVED_FROM:";
inline constexpr std::string_view user_removed = "USER_REMOVED";  // with all that the user had
inline constexpr std::string_view user_erased = "USER_ERASED";    // and is to be forgotten
inline constexpr std::string_view blocked_with = "BLOCKED_WITH:"; // because that one was, from which this one comes
} // namespace reason

/// The slow part of a registration: written when something about it changes, not at every attempt. State, failed
/// attempts and counter are in its counters record (counters.hpp).
struct registration {
    uuid id;
    std::string application_id;
    std::string user_id;
    std::string activation_code; // of created and pending_commit, where no other may have it; good for one phone
    std::string otp_hash;        // empty when there is none
    commit_phase phase = commit_phase::on_commit;
    std::uint8_t max_failed_attempts = 0;
    bool accepts_decimal = false; // proofs of protocol 3.0: registered with it, and nothing later used since
    std::string name;
    std::string platform;
    std::string device_info;
    std::string extras;
    flag_set flags;
    std::string blocked_reason;           // empty unless blocked
    time_ms blocked_until = 0;            // of blocked: when that ends by itself; 0: it does not
    std::optional<lockout_policy> policy; // its own, in place of its application's
    time_ms created_at = 0;
    time_ms expires_at = 0;           // of created and pending_commit
    time_ms changed_at = 0;           // last change of state, name or flags
    std::uint64_t status_version = 0; // version of the attempt word whose state change was applied last
    std::optional<crypto::point_bytes> device_key;
    std::optional<crypto::point_bytes> server_key;
    std::optional<lineage> origin; // of one that was made from another one
    time_ms erased_at = 0;         // its user was made unrecognisable; 0 is never

    bool operator==(const registration&) const = default;
};

/// Who did it: the registration's own phone (all empty), the phone of another registration, or an office account,
/// perhaps on behalf of somebody it names.
struct actor {
    std::string account;
    std::string external_user_id;
    std::optional<uuid> phone{}; // registration whose phone it was, when that is another one

    bool operator==(const actor&) const = default;
};

/// What an edit can change, as its row of history names it.
namespace edited_member {
inline constexpr std::string_view name = "name";
inline constexpr std::string_view metadata = "metadata";
} // namespace edited_member

/// One row of a registration's history.
struct history_row {
    std::uint64_t version = 0; // of the attempt word after the change; orders the rows
    move by{};
    std::optional<state> previous; // empty for the first row
    state now{};
    std::string reason;
    actor who;
    std::string name; // of the phone, as of then
    time_ms at = 0;
    flag_set flags{};                   // of create and change_flags: those that there were then
    std::optional<event_place> event{}; // that tells of it; empty in rows from before there were events
    std::vector<std::string> changed{}; // of edit: what, by the names of `edited_member`

    bool operator==(const history_row&) const = default;
};

} // namespace doorward::registry
