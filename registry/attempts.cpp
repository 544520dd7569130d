#include "registry/attempts.hpp"

#include <algorithm>

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

// A registration that starts has a clean count, and so has one that support has unblocked or reset; otherwise the count
// tells the story.
std::uint8_t failed_after(attempt_word before, move by) noexcept
{
    switch (by) {
    case move::exchange_keys:
    case move::exchange_and_start:
    case move::commit:
    case move::unblock:
    case move::reset_attempts:
        return 0;
    default:
        return before.failed();
    }
}

} // namespace

attempt_result attempts::verify(const slot_ptr& slot, const factor_keys& keys, const presented_proof& proof,
                                counting counts, time_ms now) const
{
    using verdict = attempt_result::verdict;
    const attempt_limits& limits = slot->limits;
    const bool possession_alone = proof.type == factors::possession;

    std::optional<std::uint64_t> matched_at; // position for which `found` was computed
    proof_match found{};
    for (;;) {
        const auto [word, place] = present(*slot);
        if (matched_at != place.position) { // a swap lost to a refusal leaves the counter where it was
            found = match(proof, keys, place.data, limits.look_ahead);
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
            details.type = proof.type;
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
        const attempt_word after = word.moved(*to, failed_after(word, by));
        if (!slot->swap(word, after))
            continue;
        transition change = swapped(slot, word, after, place, now);
        change.by = by;
        change.who = std::move(who);
        change.reason = std::move(reason);
        return change;
    }
}

result<attempts::start> attempts::start_child(const slot_ptr& child, const slot_ptr& parent, transfer_type how, move by,
                                              actor who, time_ms now, attempt_word* forbidden_by)
{
    const bool moves = how == transfer_type::move;
    const move parents_move = moves ? move::remove : move::spawn;
    const auto forbid = [&](attempt_word word, errc why) -> result<start> {
        if (forbidden_by != nullptr)
            *forbidden_by = word;
        return why;
    };
    for (;;) {
        const auto [word, place] = present(*child);
        const auto [parents_word, parents_place] = present(*parent);
        const auto to = target(word.current(), by);
        if (to != state::active || !is_unfinished(word.current()))
            return forbid(word, errc::illegal_change);
        if (parents_word.current() != state::active)
            return forbid(parents_word, errc::parent_not_active);
        const state parents_state = target(state::active, parents_move).value();
        const attempt_word after = word.moved(*to, failed_after(word, by));
        const attempt_word parents_after = parents_word.moved(parents_state, failed_after(parents_word, parents_move));
        const auto swapped_both = child->swap_both(word, after, *parent, parents_word, parents_after);
        if (swapped_both != attempt_slot::pair_swap::done)
            continue;
        start out{swapped(child, word, after, place, now),
                  swapped(parent, parents_word, parents_after, parents_place, now)};
        out.child.by = by;
        out.child.reason = std::string{moves ? reason::moved_from : reason::spawned_from} + parent->owner.id.text();
        out.child.who = who;
        out.child.partner = parent;
        out.parent.by = parents_move;
        out.parent.reason = std::string{moves ? reason::moved_to : reason::spawned_to} + child->owner.id.text();
        out.parent.who = std::move(who);
        if (out.parent.who.account.empty()) // by the child's phone, which is not the parent's own
            out.parent.who.phone = child->owner.id;
        out.parent.partner = child;
        return out;
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
    crypto::byte_array<2 + sizeof proof.components> all{static_cast<crypto::byte>(proof.type),
                                                        static_cast<crypto::byte>(proof.component_count)};
    auto end = all.begin() + 2;
    for (unsigned i = 0; i < proof.component_count; ++i)
        end = std::ranges::copy(proof.components[i], end).out;
    return crypto::short_digest({all.begin(), end}, proof_key_) | 1; // 0 stands for "no digest"
}

} // namespace doorward::registry
