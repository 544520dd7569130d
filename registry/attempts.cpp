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

// The failures that go with a word: taken before the swap that makes it, because after it somebody may add to them.
// They go with `after` when the swap is won.
failures kept_failures(const attempt_slot& slot, attempt_word before, attempt_word after)
{
    return after.failed() > 0 ? slot.refused_until(before) : failures{};
}

// What goes to the disk for a word that was just swapped in. `place` is the counter at `after`.
transition swapped(const slot_ptr& slot, attempt_word before, attempt_word after, const counter_place& place,
                   failures refused, time_ms now)
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
                            attempt_slot::counted made, const counter_place& place, attempt_details details,
                            time_ms now)
{
    transition change = swapped(slot, before, made.after, place, std::move(made.refused), now);
    change.verdict = transition::attempt::refused;
    details.outcome = attempt_outcome::refused;
    details.counted = true;
    change.details = std::move(details);
    if (made.after.current() != state::active) {
        change.by = made.after.current() == state::removed ? move::remove_on_failures : move::block_on_failures;
        change.reason = reason::max_failed_attempts;
        change.blocked_until = made.blocked_until;
    }
    attempt_result out = tell(decided);
    out.word = made.after;
    out.counted = true;
    out.change = std::move(change);
    return out;
}

// A failure that would have blocked, while the breaker holds such ones.
attempt_result tell_held(attempt_slot& slot, const decision& decided, time_ms now)
{
    slot.hold(now);
    attempt_result out = tell(decided);
    out.held = true;
    return out;
}

// The swap of a success. Empty when somebody else was faster.
std::optional<attempt_slot::counted> succeed(attempt_slot& slot, attempt_word word, const decision& decided)
{
    attempt_slot::counted out;
    if (decided.what == decision::deed::forgive)
        return slot.forgive_biometry(word, decided.after, out) ? std::optional{std::move(out)} : std::nullopt;
    out.after = decided.after;
    out.refused = kept_failures(slot, word, decided.after);
    return slot.swap(word, decided.after) ? std::optional{std::move(out)} : std::nullopt;
}

// After it.
attempt_result tell_accepted(const slot_ptr& slot, attempt_word before, const decision& decided,
                             attempt_slot::counted made, const counter_place& place, attempt_details details,
                             time_ms now)
{
    if (details.type != factors::possession)
        slot->hold_no_more();
    attempt_result out = tell(decided);
    out.word = made.after;
    out.change = swapped(slot, before, made.after, place, std::move(made.refused), now);
    out.change->verdict = transition::attempt::accepted;
    out.change->details = std::move(details);
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
                                const attempt_rules& rules, time_ms now) const
{
    return verify(slot, keys, std::span{&proof, 1}, rules, now);
}

attempt_result attempts::verify(const slot_ptr& slot, const factor_keys& keys,
                                std::span<const presented_proof> readings, const attempt_rules& rules,
                                time_ms now) const
{
    const presented_proof& proof = readings.front(); // in what the others are not, they are all alike
    std::optional<std::uint64_t> matched_at;         // position for which `found` was computed
    proof_match found{};
    for (;;) {
        const auto [word, place] = present(*slot);
        const lockout_policy policy = slot->policy_or(rules.policy);
        if (matched_at != place.position) { // a swap lost to a refusal leaves the counter where it was
            found = match(readings, keys, place.data, slot->look_ahead);
            matched_at = place.position;
        }
        const factors type = readings[found.reading].type;
        const compared_proof compared{type, proof.possession_guessable(), found.reached, found.offset};
        const decision decided = decide(word, compared, policy, rules.counts);
        if (decided.what == decision::deed::none)
            return tell(decided);
        if (decided.counts()) {
            attempt_details details;
            details.type = type;
            if (decided.what == decision::deed::count)
                details.digest = digest(proof);
            const failure more{details.digest, now, is_biometric(type)};
            attempt_slot::counted made;
            const auto refusal = slot->refuse(word, more, rules.policy, &made, rules.holds_lockouts);
            if (refusal == attempt_slot::refusal::lost)
                continue;
            if (refusal == attempt_slot::refusal::held)
                return tell_held(*slot, decided, now);
            if (refusal == attempt_slot::refusal::repeated)
                return tell({decision::deed::none, verdict::refused, possession::proven, word});
            return tell_counted(slot, word, decided, std::move(made), place, std::move(details), now);
        }
        auto made = succeed(*slot, word, decided);
        if (!made)
            continue; // (3): verify again, against the new word
        const counter_place next{place.position + found.offset + 1, next_counter(found.counter)};
        slot->advance_base(next);
        attempt_details details;
        details.type = type;
        details.counted = type != factors::possession;
        return tell_accepted(slot, word, decided, *std::move(made), next, std::move(details), now);
    }
}

bool attempts::proves_possession(const attempt_slot& slot, const factor_keys& keys, const presented_proof& proof)
{
    const counter_place place = present(slot).second;
    return match(proof, keys, place.data, slot.look_ahead).reached != proof_match::grade::none;
}

attempt_result attempts::refuse_unproven(const slot_ptr& slot, factors type, const attempt_rules& rules,
                                         time_ms now) const
{
    for (;;) {
        const auto [word, place] = present(*slot);
        const decision decided = decide_unproven(word, type, rules.counts);
        if (!decided.counts())
            return tell(decided);
        attempt_slot::counted made;
        const failure more{0, now, is_biometric(type)};
        const auto refusal = slot->refuse(word, more, rules.policy, &made, rules.holds_lockouts);
        if (refusal == attempt_slot::refusal::lost)
            continue;
        if (refusal == attempt_slot::refusal::held)
            return tell_held(*slot, decided, now);
        attempt_details details;
        details.type = type;
        return tell_counted(slot, word, decided, std::move(made), place, std::move(details), now);
    }
}

attempt_result attempts::report(const slot_ptr& slot, attempt_details what, bool possession_proven,
                                const attempt_rules& rules, time_ms now) const
{
    const possession shown = possession_proven ? possession::proven : possession::unproven;
    for (;;) {
        const auto [word, place] = present(*slot);
        const lockout_policy policy = slot->policy_or(rules.policy);
        const decision decided = decide_reported(word, what.type, what.outcome, shown, policy, rules.counts);
        if (decided.what == decision::deed::none) {
            attempt_result out = tell(decided);
            out.change = record(slot, std::move(what), now);
            return out;
        }
        if (decided.counts()) {
            attempt_slot::counted made;
            const failure more{0, now, is_biometric(what.type)};
            const auto refusal = slot->refuse(word, more, rules.policy, &made, rules.holds_lockouts);
            if (refusal == attempt_slot::refusal::lost)
                continue;
            if (refusal == attempt_slot::refusal::counted)
                return tell_counted(slot, word, decided, std::move(made), place, std::move(what), now);
            attempt_result out = tell_held(*slot, decided, now);
            out.change = record(slot, std::move(what), now);
            return out;
        }
        auto made = succeed(*slot, word, decided);
        if (!made)
            continue;
        what.counted = what.type != factors::possession;
        return tell_accepted(slot, word, decided, *std::move(made), place, std::move(what), now);
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
                                          const expected_versions* expected, time_ms blocked_until)
{
    const bool blocks = by == move::block || by == move::change_block;
    for (;;) {
        const auto [word, place] = present(*slot);
        if (checked && *checked != slot->latest_otp())
            return errc::changed_meanwhile;
        if (!is_expected(word, expected)) {
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
        auto refused = kept_failures(*slot, word, *after);
        if (!slot->swap(word, *after, blocks ? std::optional{blocked_until} : std::nullopt))
            continue;
        transition change = swapped(slot, word, *after, place, std::move(refused), now);
        change.by = by;
        change.who = std::move(who);
        change.reason = std::move(reason);
        change.blocked_until = blocks ? blocked_until : 0;
        return change;
    }
}

std::optional<transition> attempts::end_block(const slot_ptr& slot, const lockout_policy& policy, time_ms now)
{
    for (;;) {
        const auto [word, place] = present(*slot);
        const time_ms until = slot->blocked_until();
        if (word.current() != state::blocked || until == 0 || until > now)
            return std::nullopt;
        attempt_slot::counted made;
        if (!slot->end_block(word, policy, now, made))
            continue;
        transition change = swapped(slot, word, made.after, place, std::move(made.refused), now);
        change.by = move::end_block;
        change.reason = reason::block_ended;
        return change;
    }
}

result<transition> attempts::change_limits(const slot_ptr& slot, const attempt_limits& to, actor who, time_ms now,
                                           attempt_word* forbidden_by, std::optional<std::uint64_t> worked_out_for)
{
    constexpr move by = move::change_limits;
    for (;;) {
        const auto [word, place] = present(*slot);
        if (worked_out_for && *worked_out_for != word.version())
            return errc::precondition_failed;
        const auto after = decide_move(word, by);
        if (!after) {
            if (forbidden_by != nullptr)
                *forbidden_by = word;
            return errc::illegal_change;
        }
        auto refused = kept_failures(*slot, word, *after);
        if (!slot->change_limits(word, *after, to))
            continue;
        transition change = swapped(slot, word, *after, place, std::move(refused), now);
        change.by = by;
        change.who = std::move(who);
        change.limits = to;
        return change;
    }
}

result<attempts::start> attempts::start_child(const slot_ptr& child, const slot_ptr& parent, transfer_type how, move by,
                                              actor who, time_ms now, attempt_word* forbidden_by,
                                              std::optional<otp_edition> checked, const expected_versions* expected)
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
        if (!is_expected(word, expected))
            return forbid(word, errc::precondition_failed);
        if (checked && *checked != child->latest_otp())
            return errc::changed_meanwhile;
        const auto after = decide_move(word, by);
        if (!after || after->current() != state::active || !is_unfinished(word.current()))
            return forbid(word, errc::illegal_change);
        if (parents_word.current() != state::active)
            return forbid(parents_word, errc::parent_not_active);
        const attempt_word parents_after = decide_move(parents_word, parents_move).value();
        auto parents_refused = kept_failures(*parent, parents_word, parents_after);
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
                                                      time_ms now, attempt_word* forbidden_by,
                                                      const expected_versions* expected)
{
    constexpr move by = move::change_flags;
    for (;;) {
        auto [word, flags] = slot->flags();
        if (!is_expected(word, expected)) {
            if (forbidden_by != nullptr)
                *forbidden_by = word;
            return errc::precondition_failed;
        }
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
        auto refused = kept_failures(*slot, word, after);
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
        const auto decided = decide_wrong_otp(word, slot->limits());
        if (!decided)
            return errc::illegal_change;
        auto refused = kept_failures(*slot, word, decided->after);
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
                                         attempt_word* forbidden_by, const expected_versions* expected)
{
    slot->otp_replacement_begins();
    auto change = change_state(slot, move::replace_otp, std::move(who), std::string{reason::otp_replaced}, now,
                               forbidden_by, std::nullopt, expected);
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
