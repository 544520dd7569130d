#include "registry/decision.hpp"

namespace doorward::registry {
namespace {

using deed = decision::deed;

constexpr bool resets(factors type) noexcept
{
    return type != factors::possession; // which neither counts nor resets
}

} // namespace

decision decide(attempt_word word, const compared_proof& proof, const attempt_limits& limits, counting counts) noexcept
{
    using grade = proof_match::grade;
    // Digits that can be guessed prove nothing: a difference in the answer would tell that they are right.
    const bool says_nothing = proof.guessable || !starts_with_possession(proof.type);
    const bool fits = proof.reached != grade::none && !says_nothing;
    const auto shown = fits ? possession::proven : possession::unproven;
    if (word.current() != state::active)
        return {deed::none, verdict::blocked, shown, word};
    if (proof.reached == grade::complete)
        return {deed::swap, verdict::accepted, possession::proven, word.accepted(proof.offset, resets(proof.type))};

    const bool proven = proof.reached == grade::possession;
    if (proof.type == factors::possession || !(proven || says_nothing || counts == counting::every_failure))
        return {deed::none, verdict::refused, shown, word}; // noise, a replay, or behind the window
    // A retry of the same refused proof is recognised only where possession is proven: elsewhere the reference
    // behaviour, every failure counts, is what was asked for.
    return {proven ? deed::count : deed::count_again, verdict::refused, shown, word.refused(limits.max_failed)};
}

decision decide_unproven(attempt_word word, factors type, const attempt_limits& limits, counting counts) noexcept
{
    if (word.current() != state::active)
        return {deed::none, verdict::blocked, possession::unproven, word};
    if (type == factors::possession || counts == counting::only_proven)
        return {deed::none, verdict::refused, possession::unproven, word};
    return {deed::count_again, verdict::refused, possession::unproven, word.refused(limits.max_failed)};
}

decision decide_reported(attempt_word word, factors type, attempt_outcome told, possession shown,
                         const attempt_limits& limits, counting counts) noexcept
{
    if (word.current() != state::active)
        return {deed::none, verdict::blocked, shown, word};
    if (told == attempt_outcome::accepted)
        return {deed::swap, verdict::accepted, shown, word.confirmed(resets(type))};
    const bool failure = told == attempt_outcome::refused && type != factors::possession;
    if (!failure || (shown == possession::unproven && counts == counting::only_proven))
        return {deed::none, verdict::refused, shown, word};
    return {deed::count_again, verdict::refused, shown, word.refused(limits.max_failed)};
}

std::optional<attempt_word> decide_move(attempt_word word, move by) noexcept
{
    const auto to = target(word.current(), by);
    if (!to)
        return std::nullopt;
    // A registration that becomes active starts with a clean count; otherwise the count tells the story.
    const bool arrives = *to != word.current() && (*to == state::active || *to == state::pending_commit);
    const bool clean = arrives || by == move::reset_attempts;
    return word.moved(*to, clean ? std::uint8_t{0} : word.failed());
}

std::optional<otp_decision> decide_wrong_otp(attempt_word word, const attempt_limits& limits) noexcept
{
    const auto failed = static_cast<std::uint8_t>(word.failed() + 1);
    const move by = failed >= limits.max_failed ? move::remove_on_otp : move::fail_otp;
    const auto to = target(word.current(), by);
    if (!to)
        return std::nullopt;
    return otp_decision{by, word.moved(*to, failed)};
}

} // namespace doorward::registry
