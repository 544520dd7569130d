#pragma once

#include "registry/application_settings.hpp"
#include "registry/attempt_row.hpp"
#include "registry/lockout.hpp"

#include <memory>
#include <optional>

namespace doorward::registry {

// What is to become of an attempt or of a wish to change a state, judged against one attempt word. Pure functions:
// attempts.cpp performs what they decide with one swap, and asks again when the swap was lost. tests/attempt_model.hpp
// performs it in every order there is.

/// What attempts on one registration are judged by, beside what its application says.
struct attempt_limits {
    std::uint8_t max_failed = 0;
    std::uint8_t look_ahead = 0;
    std::shared_ptr<const lockout_policy> policy{}; // its own, in place of its application's; null: none
};

/// What an attempt is answered with.
enum class verdict : std::uint8_t {
    accepted,
    refused, // wrong, noise, or behind the window
    blocked, // the registration is not active: right or wrong is not told
};

/// Was it shown that the phone itself is asking?
enum class possession : bool { unproven, proven };

/// What a proof turned out to be, compared with the window that begins at a word's position.
struct compared_proof {
    factors type;
    bool guessable; // its components are digits (presented_proof::possession_guessable)
    proof_match::grade reached;
    unsigned offset; // of the position that it fits; meaningful unless nothing fits
};

struct decision {
    enum class deed : std::uint8_t {
        none,        // the word stays
        swap,        // the word becomes `after`
        forgive,     // the same, with the failures of biometry forgotten: `after` knows all of them still
        count,       // a failure more (count_failure), unless this very proof was counted before
        count_again, // the same; a retry is not recognised
    };
    deed what = deed::none;
    verdict outcome = verdict::refused;
    possession shown = possession::unproven;
    attempt_word after; // of swap and forgive; otherwise the word that was judged against

    /// Does it raise the failed attempts?
    [[nodiscard]] constexpr bool counts() const noexcept { return what == deed::count || what == deed::count_again; }
};

/// A proof, by the rules of PROTOCOL.md 7.5 and DESIGN.md 5.2.
[[nodiscard]] decision decide(attempt_word word, const compared_proof& proof, const lockout_policy& policy,
                              counting counts) noexcept;

/// A failure of somebody who did not even prove which application is asking.
[[nodiscard]] decision decide_unproven(attempt_word word, factors type, counting counts) noexcept;

/// An attempt that somebody else judged. Whatever it is, the counter stays.
[[nodiscard]] decision decide_reported(attempt_word word, factors type, attempt_outcome told, possession shown,
                                       const lockout_policy& policy, counting counts) noexcept;

/// What a failure that counts makes of a word.
struct counted_failure {
    attempt_word after;
    std::size_t aged = 0; // of the oldest failures, which count no more
    consequence led_to;
};
/// since_reset  what belongs to the word: as many as it counts
[[nodiscard]] counted_failure count_failure(attempt_word word, const failures& since_reset, const failure& more,
                                            const lockout_policy& policy, unsigned max) noexcept;

/// The word after a move; empty when the move is not legal in the present state.
[[nodiscard]] std::optional<attempt_word> decide_move(attempt_word word, move by) noexcept;

/// A wrong one-time password, which counts like a wrong proof and removes at the last.
struct otp_decision {
    move by; // fail_otp or remove_on_otp
    attempt_word after;
};
/// returns  empty when the registration waits for no password
[[nodiscard]] std::optional<otp_decision> decide_wrong_otp(attempt_word word, const attempt_limits& limits) noexcept;

} // namespace doorward::registry
