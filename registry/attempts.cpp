#include "registry/attempts.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

attempt_result tell(const decision& decided)
{
    attempt_result out;
    out.outcome = decided.outcome;
    out.word = decided.after;
    out.unproven = decided.shown == possession::unproven;
    return out;
}

// The digests of refused proofs that go with a word: taken before the swap that makes it, because after it somebody may
// add to them. They go with `after` when the swap is won.
std::vector<proof_digest> kept_digests(const attempt_slot& slot, attempt_word before, attempt_word after)
{
    return after.failed() > 0 ? slot.refused_until(before) : std::vector<proof_digest>{};
}

// What goes to the disk for a word that was just swapped in. `place` is the counter at `after`.
transition swapped(const slot_ptr& slot, attempt_word before, attempt_word after, const counter_place& place,
                   std::vector<proof_digest> refused, time_ms now)
{
    transition change;
    change.slot = slot;
    change.before = before;
    change.after = after;
    change.counter = place;
    change.refused = std::move(refused);
    change.at = now;
    return change;
}

// After the swap that counted a failure.
attempt_result tell_counted(const slot_ptr& slot, attempt_word before, const decision& decided,
                            const counter_place& place, std::vector<proof_digest> refused, attempt_details details,
                            time_ms now)
{
    transition change = swapped(slot, before, decided.after, place, std::move(refused), now);
    change.verdict = transition::attempt::refused;
    details.outcome = attempt_outcome::refused;
    details.counted = true;
    change.details = std::move(details);
    if (decided.after.current() == state::blocked) {
        change.by = move::block_on_failures;
        change.reason = reason::max_failed_attempts;
    }
    attempt_result out = tell(decided);
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
    const attempt_limits& limits = slot->limits;
    const presented_proof& proof = readings.front(); // in what the others are not, they are all alike
    std::optional<std::uint64_t> matched_at;         // position for which `found` was computed
    proof_match found{};
    for (;;) {
        const auto [word, place] = present(*slot);
        if (matched_at != place.position) { // a swap lost to a refusal leaves the counter where it was
            found = match(readings, keys, place.data, limits.look_ahead);
            matched_at = place.position;
        }
        const compared_proof compared{proof.type, proof.possession_guessable(), found.reached, found.offset};
        const decision decided = decide(word, compared, limits, counts);
        if (decided.what == decision::deed::none)
            return tell(decided);

        if (decided.what == decision::deed::swap) {
            auto refused = kept_digests(*slot, word, decided.after);
            if (!slot->swap(word, decided.after))
                continue; // (3): verify again, against the new word
            const counter_place next{place.position + found.offset + 1, next_counter(found.counter)};
            slot->advance_base(next);
            attempt_result out = tell(decided);
            out.change = swapped(slot, word, decided.after, next, std::move(refused), now);
            out.change->verdict = transition::attempt::accepted;
            attempt_details& details = out.change->details.emplace();
            details.type = readings[found.reading].type;
            details.counted = proof.type != factors::possession;
            return out;
        }

        attempt_details details;
        details.type = proof.type;
        std::vector<proof_digest> refused;
        if (decided.what == decision::deed::count_again) {
            if (!slot->refuse_unremembered(word, &refused))
                continue;
        } else {
            details.digest = digest(proof);
            const auto refusal = slot->refuse(word, details.digest, &refused);
            if (refusal == attempt_slot::refusal::lost)
                continue;
            if (refusal == attempt_slot::refusal::repeated)
                return tell({decision::deed::none, verdict::refused, possession::proven, word});
        }
        return tell_counted(slot, word, decided, place, std::move(refused), std::move(details), now);
    }
}

bool attempts::proves_possession(const attempt_slot& slot, const factor_keys& keys, const presented_proof& proof)
{
    const counter_place place = present(slot).second;
    return match(proof, keys, place.data, slot.limits.look_ahead).reached != proof_match::grade::none;
}

attempt_result attempts::refuse_unproven(const slot_ptr& slot, factors type, counting counts, time_ms now) const
{
    for (;;) {
        const auto [word, place] = present(*slot);
        const decision decided = decide_unproven(word, type, slot->limits, counts);
        if (!decided.counts())
            return tell(decided);
        std::vector<proof_digest> refused;
        if (!slot->refuse_unremembered(word, &refused))
            continue;
        attempt_details details;
        details.type = type;
        return tell_counted(slot, word, decided, place, std::move(refused), std::move(details), now);
    }
}

attempt_result attempts::report(const slot_ptr& slot, attempt_details what, bool possession_proven, counting counts,
                                time_ms now) const
{
    const possession shown = possession_proven ? possession::proven : possession::unproven;
    for (;;) {
        const auto [word, place] = present(*slot);
        const decision decided = decide_reported(word, what.type, what.outcome, shown, slot->limits, counts);
        if (decided.what == decision::deed::swap) {
            auto refused = kept_digests(*slot, word, decided.after);
            if (!slot->swap(word, decided.after))
                continue;
            attempt_result out = tell(decided);
            out.change = swapped(slot, word, decided.after, place, std::move(refused), now);
            out.change->verdict = transition::attempt::accepted;
            what.counted = what.type != factors::possession;
            out.change->details = std::move(what);
            return out;
        }
        if (decided.counts()) {
            std::vector<proof_digest> refused;
            if (!slot->refuse_unremembered(word, &refused))
                continue;
            return tell_counted(slot, word, decided, place, std::move(refused), std::move(what), now);
        }
        attempt_result out = tell(decided);
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
                                          attempt_word* forbidden_by, std::optional<otp_edition> checked,
                                          std::optional<std::uint64_t> only_from)
{
    for (;;) {
        const auto [word, place] = present(*slot);
        if (checked && *checked != slot->latest_otp())
            return errc::changed_meanwhile;
        if (only_from && *only_from != word.version()) {
            if (forbidden_by != nullptr)
                *forbidden_by = word;
            return errc::precondition_failed;
        }
        const auto after = decide_move(word, by);
        if (!after) {
            if (forbidden_by != nullptr)
                *forbidden_by = word;
            return errc::illegal_change;
        }
        auto refused = kept_digests(*slot, word, *after);
        if (!slot->swap(word, *after))
            continue;
        transition change = swapped(slot, word, *after, place, std::move(refused), now);
        change.by = by;
        change.who = std::move(who);
        change.reason = std::move(reason);
        return change;
    }
}

result<attempts::start> attempts::start_child(const slot_ptr& child, const slot_ptr& parent, transfer_type how, move by,
                                              actor who, time_ms now, attempt_word* forbidden_by,
                                              std::optional<otp_edition> checked)
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
        if (checked && *checked != child->latest_otp())
            return errc::changed_meanwhile;
        const auto after = decide_move(word, by);
        if (!after || after->current() != state::active || !is_unfinished(word.current()))
            return forbid(word, errc::illegal_change);
        if (parents_word.current() != state::active)
            return forbid(parents_word, errc::parent_not_active);
        const attempt_word parents_after = decide_move(parents_word, parents_move).value();
        auto parents_refused = kept_digests(*parent, parents_word, parents_after);
        const auto swapped_both = child->swap_both(word, *after, *parent, parents_word, parents_after);
        if (swapped_both != attempt_slot::pair_swap::done)
            continue;
        start out{swapped(child, word, *after, place, {}, now), // with a clean count
                  swapped(parent, parents_word, parents_after, parents_place, std::move(parents_refused), now)};
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
        auto refused = kept_digests(*slot, word, after);
        if (!place || !slot->swap_flags(word, after, *wanted))
            continue;
        transition change = swapped(slot, word, after, *place, std::move(refused), now);
        change.by = by;
        change.who = std::move(who);
        change.labelled.emplace().flags = *wanted;
        return flags_result{*std::move(wanted), after, std::move(change)};
    }
}

result<transition> attempts::fail_otp(const slot_ptr& slot, actor who, time_ms now, std::optional<otp_edition> checked)
{
    for (;;) {
        const auto [word, place] = present(*slot);
        if (checked && *checked != slot->latest_otp())
            return errc::changed_meanwhile;
        const auto decided = decide_wrong_otp(word, slot->limits);
        if (!decided)
            return errc::illegal_change;
        auto refused = kept_digests(*slot, word, decided->after);
        if (!slot->swap(word, decided->after))
            continue;
        transition change = swapped(slot, word, decided->after, place, std::move(refused), now);
        change.by = decided->by;
        change.who = std::move(who);
        change.reason = decided->by == move::remove_on_otp ? reason::otp_max_failed : reason::otp_failed;
        change.verdict = transition::attempt::refused;
        return change;
    }
}

result<transition> attempts::replace_otp(const slot_ptr& slot, actor who, std::string hash, time_ms now,
                                         attempt_word* forbidden_by)
{
    slot->otp_replacement_begins();
    auto change =
        change_state(slot, move::replace_otp, std::move(who), std::string{reason::otp_replaced}, now, forbidden_by);
    if (change)
        change->otp = std::move(hash);
    else
        slot->otp_replacement_ended();
    return change;
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
