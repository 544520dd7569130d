// PATCH /v2/registrations/{id} (REGISTRATION-API.md R12): a merge patch (RFC 7396) of what a back office may change of
// a registration beside its state. All of it is one change: one version, one row of history.

#include "handlers/lockout_policy_json.hpp"
#include "handlers/metadata_json.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/changes.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

using registry::errc;
using registry::full_registration;

// A member more here is one more in labels (registry/transition.hpp), in edited_member and in work_out(); or, when
// attempts are judged by it, in limits_of().
struct patch_request {
    std::optional<std::string> name; // empty: none any more
    std::optional<metadata_patch> metadata;
    std::optional<std::int64_t> max_failed_attempts;
    bool default_policy = false;       // none of its own any more
    std::optional<std::string> policy; // JSON: a merge patch of it
    std::string external_user_id;
};

patch_request decode_patch(const call& asked, std::vector<violation>& violations)
{
    patch_request out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    out.name = body->text("name", {.characters_max = registry::name_characters_max});
    if (out.name && out.name->empty())
        body->complain("name", "must have 1 to 255 characters, or be null");
    if (body->is_null("name"))
        out.name = "";
    out.metadata = decode_metadata_patch(*body, "metadata");
    out.max_failed_attempts = body->integer("maxFailedAttempts", 1, registry::max_failed_attempts_max);
    if (body->is_null("maxFailedAttempts"))
        body->complain("maxFailedAttempts", "must be a whole number from 1 to 255");
    out.default_policy = body->is_null("policy");
    if (const auto policy = body->object("policy")) {
        registry::lockout_policy tried;
        tried.temporary.emplace(); // so that a patch of an existing one can be read
        merge_policy(*policy, tried);
        out.policy = body->json("policy");
    }
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    return out;
}

// What attempts on it are to be judged by; empty when that is as it is.
std::optional<registry::attempt_limits> limits_of(const full_registration& of, const patch_request& wanted,
                                                  const registry::attempt_slot& slot,
                                                  std::vector<violation>& violations)
{
    const auto before = slot.limits();
    auto out = before;
    if (wanted.max_failed_attempts)
        out.max_failed = static_cast<std::uint8_t>(*wanted.max_failed_attempts);
    auto policy = of.record.policy;
    if (wanted.default_policy)
        policy.reset();
    if (wanted.policy) {
        const auto patch = parse_json(*wanted.policy, violations);
        if (!policy)
            policy.emplace();
        if (patch)
            merge_policy(*patch, *policy);
    }
    out.policy = policy ? std::make_shared<const registry::lockout_policy>(*policy) : nullptr;
    const bool same = out.max_failed == before.max_failed && policy == of.record.policy;
    return same ? std::nullopt : std::optional{std::move(out)};
}

// Waits until nobody else edits the metadata of this registration, and everything before is on the disk.
//
// claim  from then on ours; see registry::report_claims
task<kv::error_code> wait_for_turn(services& svc, registry::slot_ptr slot, std::shared_ptr<const void>& claim)
{
    for (;;) {
        if (const auto ec = co_await heal(svc, slot))
            co_return ec;
        claim = svc.claims.claim_metadata(slot->owner.number);
        if (claim)
            break;
        registry::barrier behind_the_other;
        if (const auto ec = co_await commit(svc, behind_the_other))
            co_return ec;
    }
    const auto ec = co_await wait_until_settled(svc, slot);
    co_return ec;
}

// What the patch changes of a registration as it is now; nothing when it is so already.
//
// violations  what the patch would make of the metadata cannot be kept
registry::labels work_out(services& svc, const full_registration& of, const patch_request& wanted,
                          std::vector<violation>& violations)
{
    registry::labels out;
    if (wanted.name && *wanted.name != of.record.name)
        out.name = wanted.name;
    if (!wanted.metadata)
        return out;
    const auto stored =
        svc.journal.view([&](const registry::snapshot& txn) { return registry::find_metadata(txn, of.number); });
    const auto before =
        stored ? read_metadata(registry::open_metadata(svc.sealer, of.record.id, *stored)) : metadata_members{};
    const auto after = patched(before, *wanted.metadata);
    if (after == before)
        return out;
    if (auto why = excess_of(after); !why.empty())
        violations.push_back({"metadata", "", std::move(why)});
    registry::stored_metadata& fresh = out.metadata.emplace();
    if (!after.empty())
        fresh.sealed = registry::seal_metadata(svc.sealer, of.record.id, write_metadata(after));
    fresh.changed_at = svc.clock.now();
    return out;
}

// Before the key exchange it is the phone's turn to bring a name, as with registry::move::rename.
bool may_edit(const full_registration& of, const patch_request& wanted)
{
    return registry::target(of.current(), registry::move::edit) &&
           (!wanted.name || registry::target(of.current(), registry::move::rename));
}

} // namespace

task<response> edit_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_patch(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto slot = find_slot(svc, found->record.id);
    std::shared_ptr<const void> claim;
    if (const auto ec = co_await wait_for_turn(svc, slot, claim))
        co_return problem(ec);
    found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto word = found->attempts.word;
    if (!registry::is_expected(word, asked.expected ? &*asked.expected : nullptr))
        co_return problem(make_error_code(errc::precondition_failed));
    if (!may_edit(*found, wanted))
        co_return problem(make_error_code(errc::illegal_change));

    auto changes = work_out(svc, *found, wanted, violations);
    auto limits = limits_of(*found, wanted, *slot, violations);
    if (!violations.empty())
        co_return problem(violations);
    if (limits) { // a change of its own: it swaps what attempts are judged by
        auto judged_by =
            registry::attempts::change_limits(slot, *limits, asked.actor(wanted.external_user_id), svc.clock.now(),
                                              nullptr, asked.expected ? std::optional{word.version()} : std::nullopt);
        if (!judged_by)
            co_return problem(judged_by.error());
        if (const auto ec = co_await commit_transition(svc, std::move(*judged_by)))
            co_return problem(ec);
        found = co_await load_registration(asked, svc);
        if (!found)
            co_return problem(found.error());
    }
    if (changes.changed().empty()) // no change, no history
        co_return detail_answer(svc, *found, *asked.who);
    wanted_move editing{.by = registry::move::edit, .who = asked.actor(std::move(wanted.external_user_id))};
    editing.labelled = std::move(changes);
    if (asked.expected) // what was worked out for this version is not done to another one of them
        editing.expected.emplace(1, found->attempts.word.version());
    editing.claim = std::move(claim);
    const auto result = co_await move_state(svc, slot, std::move(editing));
    if (!result)
        co_return problem(result.error());
    if (!result->moved)
        co_return problem(make_error_code(errc::illegal_change));
    const auto after = co_await load_registration(asked, svc);
    co_return after ? detail_answer(svc, *after, *asked.who) : problem(after.error());
}

} // namespace doorward::handlers
