#pragma once

#include "registry/application_settings.hpp"
#include "registry/attempt_table.hpp"
#include "registry/transition.hpp"

#include <algorithm>

namespace doorward::registry {

/// Versions of a registration, one of which somebody wants to change and no other.
using expected_versions = std::vector<std::uint64_t>;

[[nodiscard]] inline bool is_expected(attempt_word word, const expected_versions* expected) noexcept
{
    return expected == nullptr || std::ranges::find(*expected, word.version()) != expected->end();
}

/// What became of one proof.
struct attempt_result {
    using verdict = registry::verdict;

    verdict outcome = verdict::refused;
    bool counted = false;             // a refusal that raised the failed attempts
    bool held = false;                // it would have blocked, and was not counted because too many are blocked
    bool unproven = false;            // not accepted, and possession was not proven; noise unless it was counted
    attempt_word word;                // the state this answer tells of
    std::optional<transition> change; // to be committed before the answer; empty when nothing changed
};

/// The attempt engine: judges proofs and moves states, each with one swap of the attempt word.
///
/// decision.hpp decides what is to be done; this does it, and begins again when somebody else was faster. It does no
/// I/O. Whoever calls it commits the change it returns and answers only then (invariant 4 of DESIGN.md 5.1); when there
/// is no change, it waits until the word the answer tells of is on disk (attempt_slot::durable_version). threads  any
class attempts {
public:
    /// proof_key  keys the digests of refused proofs; the same for all runs on one store
    explicit attempts(const crypto::secret<32>& proof_key) : proof_key_{proof_key.view().first(16)} {}

    /// Verifies one proof by the rules of PROTOCOL.md 7.5 and DESIGN.md 5.2.
    ///
    /// slot   of the registration that the proof names
    /// rules  of its application
    /// cost   a few MACs for a right proof or a wrong PIN, the whole look-ahead window for noise; the same whatever the
    ///        state, so that neither time nor the throttle of noise tells who is blocked
    [[nodiscard]] attempt_result verify(const slot_ptr& slot, const factor_keys& keys, const presented_proof& proof,
                                        const attempt_rules& rules, time_ms now) const;

    /// The same for one proof that can be read in several ways (registry::match): one attempt, and one failure at most.
    /// The type of the reading that fits is in the details of the change.
    [[nodiscard]] attempt_result verify(const slot_ptr& slot, const factor_keys& keys,
                                        std::span<const presented_proof> readings, const attempt_rules& rules,
                                        time_ms now) const;

    /// Does the possession component of a proof fit now? Changes nothing. cost  as verify()
    [[nodiscard]] static bool proves_possession(const attempt_slot& slot, const factor_keys& keys,
                                                const presented_proof& proof);

    /// A failure of somebody who did not even prove which application is asking (PROTOCOL.md 7.5 step 3): counted only
    /// where unproven attempts count.
    [[nodiscard]] attempt_result refuse_unproven(const slot_ptr& slot, factors type, const attempt_rules& rules,
                                                 time_ms now) const;

    /// An attempt that a business system judged itself (REGISTRATION-API.md A2). It obeys the same word: a failure
    /// counts where a proof's would, a success resets where a proof's would, and the counter stays where it is.
    ///
    /// returns  always with a change: what changes nothing is recorded all the same
    [[nodiscard]] attempt_result report(const slot_ptr& slot, attempt_details what, bool possession_proven,
                                        const attempt_rules& rules, time_ms now) const;

    /// A record of attempts that changed nothing.
    [[nodiscard]] static transition record(const slot_ptr& slot, attempt_details what, time_ms at);

    /// Moves the state. `reason` and `who` go to the history.
    ///
    /// checked   the one-time password that the move follows from, where it can be replaced
    /// expected  the versions of which the present one must be one; null: any
    /// blocked_until  of block and change_block: when it ends by itself; 0: it does not
    /// errors    errc::illegal_change when the move is not legal in the present state, which is then in *forbidden_by;
    ///           errc::precondition_failed when the version is another one, which is then there;
    ///           errc::changed_meanwhile when the password is not the one that was checked
    [[nodiscard]] static result<transition> change_state(const slot_ptr& slot, move by, actor who, std::string reason,
                                                         time_ms now, attempt_word* forbidden_by = nullptr,
                                                         std::optional<otp_edition> checked = std::nullopt,
                                                         const expected_versions* expected = nullptr,
                                                         time_ms blocked_until = 0);

    /// Ends a temporary block whose time is over (REGISTRATION-API.md 8.4). Empty when there is none.
    ///
    /// policy  of the application, for a registration that has none of its own
    [[nodiscard]] static std::optional<transition> end_block(const slot_ptr& slot, const lockout_policy& policy,
                                                             time_ms now);

    /// Gives a registration other limits: they hold for every attempt that is judged after it. State, failed attempts
    /// and counter stay; one that has failed more often than the new limit is blocked by its next failure.
    ///
    /// worked_out_for  the version that the new limits follow from; none: whichever it has
    /// errors          errc::illegal_change as above; precondition_failed when it has another version
    [[nodiscard]] static result<transition> change_limits(const slot_ptr& slot, const attempt_limits& to, actor who,
                                                          time_ms now, attempt_word* forbidden_by = nullptr,
                                                          std::optional<std::uint64_t> worked_out_for = std::nullopt);

    /// What became of an edit of flags.
    struct flags_result {
        flag_set flags;
        attempt_word word;                // as of which they are
        std::optional<transition> change; // empty when they are as they were
    };

    /// Changes the flags. State, failed attempts and counter stay.
    ///
    /// errors  errc::illegal_change as above; errc::too_many_flags
    [[nodiscard]] static result<flags_result> change_flags(const slot_ptr& slot, const flag_edit& edit, actor who,
                                                           time_ms now, attempt_word* forbidden_by = nullptr,
                                                           const expected_versions* expected = nullptr);
    /// The two transitions of one step. They name each other as partners: both reach the disk, or neither.
    struct start {
        transition child;
        transition parent;
    };
    /// Makes a registration active that was made from another one, and in the same step the other one, its parent, what
    /// it becomes by that: removed by transfer_type::move; by transfer_type::spawn it stays active, and its history
    /// tells. So of several children that take a parent's place one can start, and none once the parent is blocked or
    /// removed.
    ///
    /// by       exchange_and_start or commit
    /// checked  as of change_state(), of the child
    /// expected as of change_state(), of the child
    /// errors   illegal_change when the child's state does not allow it, parent_not_active, precondition_failed; the
    ///          word that forbids it is then in *forbidden_by; changed_meanwhile as of change_state()
    [[nodiscard]] static result<start> start_child(const slot_ptr& child, const slot_ptr& parent, transfer_type how,
                                                   move by, actor who, time_ms now,
                                                   attempt_word* forbidden_by = nullptr,
                                                   std::optional<otp_edition> checked = std::nullopt,
                                                   const expected_versions* expected = nullptr);

    /// One wrong one-time password: counts, and removes the registration at the last (PROTOCOL.md 12.4).
    ///
    /// checked  the password that it was compared with, where it can be replaced
    /// errors   as of change_state()
    [[nodiscard]] static result<transition> fail_otp(const slot_ptr& slot, actor who, time_ms now,
                                                     std::optional<otp_edition> checked = std::nullopt);

    /// Another one-time password, asked for at commit (PROTOCOL.md 12.4). What was counted stays counted, and no check
    /// of an earlier password has an effect any more.
    ///
    /// hash    crypto::hash_password of it
    /// errors  errc::illegal_change, as of change_state()
    [[nodiscard]] static result<transition> replace_otp(const slot_ptr& slot, actor who, std::string hash, time_ms now,
                                                        attempt_word* forbidden_by = nullptr,
                                                        const expected_versions* expected = nullptr);

private:
    // Of a proof whose possession component fits, and is thereby a digest of all that was signed.
    [[nodiscard]] proof_digest digest(const presented_proof& proof) const noexcept;

    crypto::key16 proof_key_;
};

} // namespace doorward::registry
