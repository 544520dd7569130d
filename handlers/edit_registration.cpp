// PATCH /v2/registrations/{id} (REGISTRATION-API.md R12): a merge patch (RFC 7396) of what a back office may change of
// a registration beside its state. All of it is one change: one version, one row of history.

#include "handlers/etag.hpp"
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

// A member more here is one more in labels (registry/transition.hpp), in edited_member and in work_out().
struct patch_request {
    std::optional<std::string> name; // empty: none any more
    std::optional<metadata_patch> metadata;
    std::string external_user_id;
};

patch_request decode_patch(std::string_view text, std::vector<violation>& violations)
{
    patch_request out;
    const auto body = parse_json(text, violations);
    if (!body)
        return out;
    out.name = body->text("name", {.characters_max = registry::name_characters_max});
    if (out.name && out.name->empty())
        body->complain("name", "must have 1 to 255 characters, or be null");
    if (body->is_null("name"))
        out.name = "";
    out.metadata = decode_metadata_patch(*body, "metadata");
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    return out;
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
    auto wanted = decode_patch(asked.req.body, violations);
    const auto condition = version_condition::parse(asked.req.if_match, violations);
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
    const auto version = found->attempts.word.version();
    if (!condition.holds(version))
        co_return problem(make_error_code(errc::precondition_failed));
    if (!may_edit(*found, wanted))
        co_return problem(make_error_code(errc::illegal_change));

    auto changes = work_out(svc, *found, wanted, violations);
    if (!violations.empty())
        co_return problem(violations);
    if (changes.changed().empty()) // no change, no history
        co_return detail_answer(svc, *found);
    wanted_move editing{.by = registry::move::edit, .who = asked.actor(std::move(wanted.external_user_id))};
    editing.labelled = std::move(changes);
    editing.only_from = condition.only_from(version);
    editing.claim = std::move(claim);
    const auto result = co_await move_state(svc, slot, std::move(editing));
    if (!result)
        co_return problem(result.error());
    if (!result->moved)
        co_return problem(make_error_code(errc::illegal_change));
    const auto after = co_await load_registration(asked, svc);
    co_return after ? detail_answer(svc, *after) : problem(after.error());
}

} // namespace doorward::handlers
