#include "registry/decision.hpp"

namespace doorward::registry {
namespace {

using deed = decision::deed;

// What a success does: to a word that forgets all failures, or none, or those of biometry.
struct success {
    deed what;
    std::uint8_t failed_then;
};
success after_success(attempt_word word, factors type, const lockout_policy& policy) noexcept
{
    const auto forgets = forgotten_by(type, policy);
    if (word.failed() == 0 || forgets == forgotten::none)
        return {deed::swap, word.failed()};
    if (forgets == forgotten::biometry)
        return {deed::forgive, word.failed()};
    return {deed::swap, 0};
}

} // namespace

decision decide(attempt_word word, const compared_proof& proof, const lockout_policy& policy, counting counts) noexcept
{
    using grade = proof_match::grade;
    // Digits that can be guessed prove nothing: a difference in the answer would tell that they are right.
    const bool says_nothing = proof.guessable || !starts_with_possession(proof.type);
    const bool fits = proof.reached != grade::none && !says_nothing;
    const auto shown = fits ? possession::proven : possession::unproven;
    if (word.current() != state::active)
        return {deed::none, verdict::blocked, shown, word};
    if (proof.reached == grade::complete) {
        const auto [what, failed_then] = after_success(word, proof.type, policy);
        return {what, verdict::accepted, possession::proven, word.accepted(proof.offset, failed_then)};
    }

    const bool proven = proof.reached == grade::possession;
    if (proof.type == factors::possession || !(proven || says_nothing || counts == counting::every_failure))
        return {deed::none, verdict::refused, shown, word}; // noise, a replay, or behind the window
    // A retry of the same refused proof is recognised only where possession is proven: elsewhere the reference
    // behaviour, every failure counts, is what was asked for.
    return {proven ? deed::count : deed::count_again, verdict::refused, shown, word};
}

decision decide_unproven(attempt_word word, factors type, counting counts) noexcept
{
    if (word.current() != state::active)
        return {deed::none, verdict::blocked, possession::unproven, word};
    if (type == factors::possession || counts == counting::only_proven)
        return {deed::none, verdict::refused, possession::unproven, word};
    return {deed::count_again, verdict::refused, possession::unproven, word};
}

decision decide_reported(attempt_word word, factors type, attempt_outcome told, possession shown,
                         const lockout_policy& policy, counting counts) noexcept
{
    if (word.current() != state::active)
        return {deed::none, verdict::blocked, shown, word};
    if (told == attempt_outcome::accepted) {
        const auto [what, failed_then] = after_success(word, type, policy);
        return {what, verdict::accepted, shown, word.confirmed(failed_then)};
    }
    const bool failure = told == attempt_outcome::refused && type != factors::possession;
    if (!failure || (shown == possession::unproven && counts == counting::only_proven))
        return {deed::none, verdict::refused, shown, word};
    return {deed::count_again, verdict::refused, shown, word};
}

counted_failure count_failure(attempt_word word, const failures& since_reset, const failure& more,
                              const lockout_policy& policy, unsigned max) noexcept
{
    assert(word.current() == state::active && since_reset.list.size() == word.failed());
    const std::span<const failure> all{since_reset.list};
    counted_failure out;
    out.aged = aged(all, policy, more.at());
    const auto young = all.subspan(out.aged);
    // Where none is left there was a pause, and temporary blocks begin anew.
    const std::uint8_t blocks = young.empty() ? std::uint8_t{0} : since_reset.blocks;
    out.led_to = consequence_of(young, more, blocks, policy, max);
    out.after = word.refused(young.size() + 1, out.led_to.becomes);
    return out;
}

std::optional<attempt_word> decide_move(attempt_word word, move by) noexcept
{
    const auto to = target(word.current(), by);
    if (!to)
        return std::nullopt;
    // A registration that becomes active starts with a clean count; otherwise the count tells the story. What stays
    // after a temporary block is for attempts::end_block to say.
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
