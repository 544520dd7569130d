#include "registry/attempts.hpp"

namespace doorward::registry {
namespace {

enum class possession : bool { unproven, proven };

attempt_result tell(attempt_result::verdict outcome, attempt_word word, possession shown = possession::proven)
{
    attempt_result out;
    out.outcome = outcome;
    out.word = word;
    out.unproven = shown == possession::unproven;
    return out;
}

// What goes to the disk for a word that was just swapped in. `place` is the counter at `after`.
transition swapped(const slot_ptr& slot, attempt_word before, attempt_word after, const counter_place& place,
                   time_ms now)
{
    transition change;
    change.slot = slot;
    change.before = before;
    change.after = after;
    change.counter = place;
    change.refused = slot->refused_until(after);
    change.at = now;
    return change;
}

transition counted_failure(const slot_ptr& slot, attempt_word before, const counter_place& place,
                           attempt_details details, time_ms now)
{
    const attempt_word after = before.refused(slot->limits.max_failed);
    transition change = swapped(slot, before, after, place, now);
    change.verdict = transition::attempt::refused;
    details.outcome = attempt_outcome::refused;
    details.counted = true;
    change.details = std::move(details);
    if (after.current() == state::blocked) {
        change.by = move::block_on_failures;
        change.reason = reason::max_failed_attempts;
    }
    return change;
}

// After the swap that counted it.
attempt_result tell_counted(const slot_ptr& slot, attempt_word before, const counter_place& place,
                            attempt_details details, time_ms now, possession shown)
{
    transition change = counted_failure(slot, before, place, std::move(details), now);
    attempt_result out = tell(attempt_result::verdict::refused, change.after, shown);
    out.counted = true;
    out.change = std::move(change);
    return out;
}

// The present word and the counter that belongs to it.
std::pair<attempt_word, counter_place> present(const attempt_slot& slot)
{
    for (;;) {
        const attempt_word word = slot.load();
        if (const auto place = slot.counter(word))
            return {word, *place};
    }
}

} // namespace

attempt_result attempts::verify(const slot_ptr& slot, const factor_keys& keys, const presented_proof& proof,
                                counting counts, time_ms now) const
{
    return verify(slot, keys, std::span{&proof, 1}, counts, now);
}

attempt_result attempts::verify(const slot_ptr& slot, const factor_keys& keys,
                                std::span<const presented_proof> readings, counting counts, time_ms now) const
{
    using verdict = attempt_result::verdict;
    const attempt_limits& limits = slot->limits;
    const presented_proof& proof = readings.front(); // in what the others are not, they are all alike
    const bool possession_alone = proof.type == factors::possession;

    std::optional<std::uint64_t> matched_at; // position for which `found` was computed
    proof_match found{};
    for (;;) {
        const auto [word, place] = present(*slot);
        if (matched_at != place.position) { // a swap lost to a refusal leaves the counter where it was
            found = match(readings, keys, place.data, limits.look_ahead);
            matched_at = place.position;
        }
        // Digits that can be guessed prove nothing: a difference in the answer would tell that they are right.
        const bool says_nothing = proof.possession_guessable() || !starts_with_possession(proof.type);
        const bool fits = found.reached != proof_match::grade::none && !says_nothing;
        const auto shown = fits ? possession::proven : possession::unproven;
        if (word.current() != state::active)
            return tell(verdict::blocked, word, shown);

        if (found.reached == proof_match::grade::complete) {
            const attempt_word after = word.accepted(found.offset, !possession_alone);
            if (!slot->swap(word, after))
                continue; // (3): verify again, against the new word
            const counter_place next{place.position + found.offset + 1, next_counter(found.counter)};
            slot->advance_base(next);
            attempt_result out = tell(verdict::accepted, after);
            out.change = swapped(slot, word, after, next, now);
            out.change->verdict = transition::attempt::accepted;
            attempt_details& details = out.change->details.emplace();
            details.type = readings[found.reading].type;
            details.counted = !possession_alone;
            return out;
        }

        const bool proven = found.reached == proof_match::grade::possession;
        if (possession_alone || !(proven || says_nothing || counts == counting::every_failure))
            return tell(verdict::refused, word, shown); // noise, a replay, or behind the window

        attempt_details details;
        details.type = proof.type;
        // A retry of the same refused proof is recognised only where possession is proven: elsewhere the reference
        // behaviour, every failure counts, is what was asked for.
        if (!proven) {
            if (!slot->refuse_unremembered(word))
                continue;
        } else {
            details.digest = digest(proof);
            const auto refusal = slot->refuse(word, details.digest);
            if (refusal == attempt_slot::refusal::lost)
                continue;
            if (refusal == attempt_slot::refusal::repeated)
                return tell(verdict::refused, word);
        }
        return tell_counted(slot, word, place, std::move(details), now, shown);
    }
}

attempt_result attempts::refuse_unproven(const slot_ptr& slot, factors type, counting counts, time_ms now) const
{
    using verdict = attempt_result::verdict;
    for (;;) {
        const auto [word, place] = present(*slot);
        if (word.current() != state::active)
            return tell(verdict::blocked, word, possession::unproven);
        if (type == factors::possession || counts == counting::only_proven)
            return tell(verdict::refused, word, possession::unproven);
        if (!slot->refuse_unremembered(word))
            continue;
        attempt_details details;
        details.type = type;
        return tell_counted(slot, word, place, std::move(details), now, possession::unproven);
    }
}

attempt_result attempts::report(const slot_ptr& slot, attempt_details what, bool possession_proven, counting counts,
                                time_ms now) const
{
    using verdict = attempt_result::verdict;
    const possession shown = possession_proven ? possession::proven : possession::unproven;
    const bool possession_alone = what.type == factors::possession;
    for (;;) {
        const auto [word, place] = present(*slot);
        const bool active = word.current() == state::active;
        if (active && what.outcome == attempt_outcome::accepted) {
            const attempt_word after = word.confirmed(!possession_alone);
            if (!slot->swap(word, after))
                continue;
            attempt_result out = tell(verdict::accepted, after, shown);
            out.change = swapped(slot, word, after, place, now);
            out.change->verdict = transition::attempt::accepted;
            what.counted = !possession_alone;
            out.change->details = std::move(what);
            return out;
        }
        const bool failure = active && what.outcome == attempt_outcome::refused && !possession_alone;
        if (failure && (possession_proven || counts == counting::every_failure)) {
            if (!slot->refuse_unremembered(word))
                continue;
            return tell_counted(slot, word, place, std::move(what), now, shown);
        }
        attempt_result out = tell(active ? verdict::refused : verdict::blocked, word, shown);
        out.change = record(slot, std::move(what), now);
        return out;
    }
}

transition attempts::record(const slot_ptr& slot, attempt_details what, time_ms at)
{
    transition out;
    out.slot = slot;
    out.details = std::move(what);
    out.at = at;
    return out;
}

result<transition> attempts::change_state(const slot_ptr& slot, move by, actor who, std::string reason, time_ms now,
                                          attempt_word* forbidden_by)
{
    for (;;) {
        const auto [word, place] = present(*slot);
        const auto to = target(word.current(), by);
        if (!to) {
            if (forbidden_by != nullptr)
                *forbidden_by = word;
            return errc::illegal_change;
        }
        // A registration that becomes active starts with a clean count; otherwise the count tells the story.
        const bool arrives = *to != word.current() && (*to == state::active || *to == state::pending_commit);
        const bool clean = arrives || by == move::reset_attempts;
        const std::uint8_t failed = clean ? std::uint8_t{0} : word.failed();
        const attempt_word after = word.moved(*to, failed);
        if (!slot->swap(word, after))
            continue;
        transition change = swapped(slot, word, after, place, now);
        change.by = by;
        change.who = std::move(who);
        change.reason = std::move(reason);
        return change;
    }
}

result<attempts::flags_result> attempts::change_flags(const slot_ptr& slot, const flag_edit& edit, actor who,
                                                      time_ms now, attempt_word* forbidden_by)
{
    constexpr move by = move::change_flags;
    for (;;) {
        auto [word, flags] = slot->flags();
        const auto to = target(word.current(), by);
        if (!to) {
            if (forbidden_by != nullptr)
                *forbidden_by = word;
            return errc::illegal_change;
        }
        auto wanted = edited(flags, edit);
        if (!wanted)
            return wanted.error();
        if (*wanted == flags)
            return flags_result{std::move(flags), word, std::nullopt};
        const auto place = slot->counter(word);
        const attempt_word after = word.moved(*to, word.failed());
        if (!place || !slot->swap_flags(word, after, *wanted))
            continue;
        transition change = swapped(slot, word, after, *place, now);
        change.by = by;
        change.who = std::move(who);
        change.labelled.emplace().flags = *wanted;
        return flags_result{*std::move(wanted), after, std::move(change)};
    }
}

result<transition> attempts::fail_otp(const slot_ptr& slot, actor who, time_ms now)
{
    for (;;) {
        const auto [word, place] = present(*slot);
        const auto failed = static_cast<std::uint8_t>(word.failed() + 1);
        const bool last = failed >= slot->limits.max_failed;
        const move by = last ? move::remove_on_otp : move::fail_otp;
        const auto to = target(word.current(), by);
        if (!to)
            return errc::illegal_change;
        const attempt_word after = word.moved(*to, failed);
        if (!slot->swap(word, after))
            continue;
        transition change = swapped(slot, word, after, place, now);
        change.by = by;
        change.who = std::move(who);
        change.reason = last ? reason::otp_max_failed : reason::otp_failed;
        change.verdict = transition::attempt::refused;
        return change;
    }
}

proof_digest attempts::digest(const presented_proof& proof) const noexcept
{
    crypto::bytes all = proof.data;
    all.push_back(static_cast<crypto::byte>(proof.type));
    all.push_back(static_cast<crypto::byte>(proof.component_count));
    for (unsigned i = 0; i < proof.component_count; ++i) {
        crypto::append(all, proof.components[i]);
        crypto::append(all, crypto::big_endian(proof.digits[i]));
    }
    const auto hashed = crypto::blake2b<16>(all, proof_key_);
    return crypto::from_big_endian<proof_digest>(crypto::bytes_view{hashed}) | 1; // 0 stands for "no digest"
}

} // namespace doorward::registry
