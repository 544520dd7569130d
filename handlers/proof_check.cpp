#include "handlers/proof_check.hpp"
#include "handlers/lockout_watch.hpp"
#include "handlers/problem.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::attempt_result;

// Is this protocol version to be believed of this phone? 3.0 can be claimed by anybody, and its proofs be guessed.
bool is_credible(const registry::attempt_slot& slot, registry::protocol_version version)
{
    return !registry::rules(version).decimal_proof || slot.accepts_decimal();
}

// Of another application than the proof names, or of one whose key is not supported any more?
bool is_foreign(const registry::attempt_slot& slot, const registry::directory::known_version& application)
{
    return !application || !application.version->supported || application.owner->id != slot.owner.application_id;
}

struct readable_proof {
    registry::presented_proof proof;
    const registry::factor_keys* keys; // of the slot
};

// A proof of the slot's own application, with what it is to be compared with. Empty when nobody can tell what it
// proves: while the registration is not active its keys may not exist.
std::optional<readable_proof> read_proof(services& svc, const signed_request& asked, const authorization_header& header,
                                         const registry::directory::known_version& application,
                                         registry::attempt_slot& slot)
{
    auto proof = is_credible(slot, header.version)
                     ? registry::parse_proof(header.version, header.type, header.signature)
                     : std::nullopt;
    const auto* const keys = proof ? find_factor_keys(svc, slot) : nullptr;
    if (!keys)
        return std::nullopt;
    proof->data =
        registry::proof_data(asked.method, asked.uri_id, header.nonce, asked.body, application.version->secret);
    return readable_proof{*std::move(proof), keys};
}

registry::attempt_result verdict_on(services& svc, const signed_request& asked, const authorization_header& header,
                                    const registry::directory::known_version& application,
                                    const registry::slot_ptr& slot)
{
    const auto now = svc.clock.now();
    const bool foreign = is_foreign(*slot, application);
    // Nobody looks at a proof of a version that is too low, so nobody knows what it would prove, and it never counts:
    // not even where every failure does, because the version is what anybody may claim.
    if (!foreign && !registry::accepts(application, header.version))
        return svc.attempts.refuse_unproven(slot, header.type, registry::counting::only_proven, now);
    const auto read = foreign ? std::nullopt : read_proof(svc, asked, header, application, *slot);
    if (!read) // which tells the state without looking at keys
        return svc.attempts.refuse_unproven(slot, header.type, rules_for(svc, *slot), now);
    const auto rules = rules_for(svc, *application.owner, header.application_key);
    auto out = svc.attempts.verify(slot, *read->keys, read->proof, rules, now);
    const bool later_protocol = !registry::rules(header.version).decimal_proof;
    if (out.outcome == attempt_result::verdict::accepted && later_protocol && slot->accepts_decimal()) {
        slot->refuse_decimal();
        out.change->ends_decimal = true;
    }
    return out;
}

// Spends what an unproven attempt costs, and counts it unless it is in the books already.
// application  that the proof names; null when none
void meter(services& svc, const signed_request& asked, const registry::uuid* id,
           const registry::directory::known_version& application, judged_proof& proof)
{
    const auto wait = spend_noise(svc, {id, application.owner.get(), asked.source, asked.from});
    if (proof.result.counted)
        return; // a verdict on its way to the disk: the limit of failed attempts is limit enough
    count_noise(svc, proof.slot ? proof.slot->owner.number : registry::registration_number{0}, asked.source);
    if (wait > 0)
        proof.throttled = wait;
}

} // namespace

bool proves_possession(services& svc, const signed_request& asked)
{
    const auto header = parse_authorization(asked.header);
    const auto slot = header ? find_slot(svc, header->activation_id) : nullptr;
    if (!slot)
        return false;
    const auto application = svc.directory.find_version(header->application_key);
    if (is_foreign(*slot, application) || !registry::accepts(application, header->version))
        return false;
    const auto read = read_proof(svc, asked, *header, application, *slot);
    return read && registry::attempts::proves_possession(*slot, *read->keys, read->proof);
}

judged_proof judge_unreadable(services& svc, const signed_request& asked)
{
    judged_proof out;
    meter(svc, asked, nullptr, {}, out);
    return out;
}

task<judged_proof> judge(services& svc, const signed_request& asked)
{
    const auto header = parse_authorization(asked.header);
    if (!header)
        co_return judge_unreadable(svc, asked);
    judged_proof out;
    if (std::ranges::find(asked.allowed, header->type) == asked.allowed.end()) {
        out.what = judged_proof::kind::type_not_allowed; // nobody looks at it, so nobody knows what it would prove
        co_return out;
    }
    const auto application = svc.directory.find_version(header->application_key);
    out.slot = find_slot(svc, header->activation_id);
    if (!out.slot) {
        out.what = judged_proof::kind::unknown;
        meter(svc, asked, &header->activation_id, application, out);
        co_return out;
    }
    out.what = judged_proof::kind::judged;
    out.type = header->type;
    if (needs_healing(svc, *out.slot))
        out.failure = co_await heal(svc, out.slot);
    if (!out.failure && is_block_over(svc, *out.slot))
        out.failure = co_await end_block(svc, out.slot);
    if (!out.failure) {
        if (const auto held = held_for(svc, *out.slot); held > 0) {
            out.throttled = held; // whatever the proof is worth
            co_return out;
        }
        out.result = verdict_on(svc, asked, *header, application, out.slot);
        watch_lockouts(svc, *out.slot, header->application_key, out.result);
        if (out.result.change && out.result.change->details) {
            out.result.change->details->source = asked.source;
            out.result.change->details->vault_reason = asked.vault_reason;
        }
        if (out.result.unproven)
            meter(svc, asked, &header->activation_id, application, out);
    }
    co_return out;
}

task<kv::error_code> settle(services& svc, judged_proof& proof)
{
    if (proof.failure || proof.what != judged_proof::kind::judged)
        co_return proof.failure;
    auto& steps = proof.more;
    if (proof.result.change)
        steps.insert(steps.begin(), std::move(*proof.result.change));
    auto durable = steps.empty() ? wait_until_durable(svc, proof.slot, proof.result.word.version())
                                 : commit_transitions(svc, std::move(steps));
    const auto ec = co_await std::move(durable);
    if (!ec) {
        svc.counts.count(proof.result);
        const auto took = std::chrono::steady_clock::now() - proof.began;
        svc.counts.verdicts.observe(static_cast<std::uint64_t>(took / std::chrono::nanoseconds{1}));
    }
    co_return ec;
}

task<std::optional<response>> require_proof(services& svc, const signed_request& asked, judged_proof& into)
{
    into = co_await judge(svc, asked);
    if (into.throttled)
        co_return too_much_noise(*into.throttled);
    if (const auto ec = co_await settle(svc, into))
        co_return problem(ec);
    if (!into.accepted())
        co_return problem(device_problem::signature_invalid);
    co_return std::nullopt;
}

} // namespace doorward::handlers
