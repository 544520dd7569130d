#include "handlers/registration_access.hpp"
#include "crypto/encoding.hpp"
#include "handlers/lockout_policy_json.hpp"
#include "handlers/precondition.hpp"
#include "handlers/slots.hpp"
#include "registry/criteria.hpp"

namespace doorward::handlers {
namespace {

std::optional<registry::full_registration> find(services& svc, const registry::uuid& id)
{
    return svc.journal.view([&](const registry::snapshot& txn) { return registry::find_full(txn, id); });
}

std::optional<registry::full_registration> find_visible(const call& asked, const registry::uuid& id, services& svc)
{
    auto found = find(svc, id);
    return found && asked.who->may_see(found->record.application_id) ? std::move(found) : std::nullopt;
}

} // namespace

task<kv::result<std::size_t>> expire(std::vector<registry::full_registration> found, services& svc)
{
    const auto now = svc.clock.now();
    // All slots before the first swap: finding one may fail, and a step that was swapped and not handed over would be
    // in memory only, for good.
    std::vector<registry::slot_ptr> slots;
    for (const registry::full_registration& each : found) {
        if (each.is_due(now))
            slots.push_back(find_slot(svc, each.record.id));
    }
    std::vector<registry::transition> steps;
    for (const auto& slot : slots) {
        if (slot->is_unsettled()) // it is on its way; see sweep()
            continue;
        // Empty when somebody else was faster.
        if (auto ended = registry::attempts::end_block(slot, policy_for(svc, *slot), now))
            steps.push_back(*std::move(ended));
        else if (auto expired = registry::attempts::change_state(slot, registry::move::expire, {},
                                                                 std::string{registry::reason::expired}, now))
            steps.push_back(*std::move(expired));
    }
    const std::size_t count = steps.size();
    if (count == 0)
        co_return count;
    if (const auto ec = co_await commit_transitions(svc, std::move(steps)))
        co_return ec;
    co_return count;
}

task<kv::result<registry::full_registration>> find_current(services& svc, const registry::uuid& id)
{
    auto found = find(svc, id);
    if (!found)
        co_return registry::errc::registration_not_found;
    if (found->is_due(svc.clock.now())) {
        std::vector<registry::full_registration> late{*found};
        const auto expired = co_await expire(std::move(late), svc);
        if (!expired)
            co_return expired.error();
        found = find(svc, id);
    }
    co_return *std::move(found);
}

task<kv::result<registry::full_registration>> load_registration(const call& asked, services& svc)
{
    const auto id = registry::uuid::parse(asked.first);
    auto found = id ? find_visible(asked, *id, svc) : std::nullopt;
    if (!found)
        co_return registry::errc::registration_not_found;
    if (!found->is_due(svc.clock.now()))
        co_return *std::move(found);
    auto current = co_await find_current(svc, *id);
    co_return current;
}

task<kv::result<registry::full_registration>> load_registration(const call& asked, registry::uuid id, services& svc)
{
    if (!find_visible(asked, id, svc))
        co_return registry::errc::registration_not_found;
    auto current = co_await find_current(svc, id);
    co_return current;
}

std::optional<crypto::p256_private_key> find_server_key(services& svc, const registry::full_registration& of)
{
    const auto stored =
        svc.journal.view([&](const registry::snapshot& txn) { return registry::find_keys(txn, of.number); });
    if (!stored || !of.record.server_key)
        return std::nullopt;
    return registry::open_private_key(svc.sealer, "keys", of.record.id.view(), stored->sealed_server_private_key,
                                      *of.record.server_key);
}

void write_registration(json_writer& to, const services& svc, const registry::full_registration& what,
                        const registry::application* application)
{
    const registry::registration& record = what.record;
    const registry::counters& attempts = what.attempts;
    const auto near = count_failures(svc, what);
    const auto when = [](registry::time_ms at) { return at == 0 ? std::nullopt : std::optional{at}; };

    to.member("registrationId", record.id.text())
        .member("userId", record.user_id)
        .member("applicationId", record.application_id)
        .member("registrationStatus", to_text(what.current()))
        .member_unless_empty("blockedReason", record.blocked_reason)
        .member_unless_empty("name", record.name)
        .member_unless_empty("platform", record.platform)
        .member_unless_empty("deviceInfo", record.device_info)
        .member_unless_empty("extras", record.extras)
        .member("flags", record.flags)
        .member("timestampCreated", record.created_at)
        .member("timestampLastUsed", registry::last_used_at(what))
        .member("timestampLastChange", record.changed_at)
        .member("timestampLastFailure", when(attempts.last_failed_at))
        .member("maxFailedAttempts", record.max_failed_attempts)
        .member("failedAttempts", near.failed)
        .member("remainingAttempts", near.remaining)
        .member("commitPhase", to_text(record.phase))
        .member("version", attempts.word.version());
    to.member("timestampErased", when(record.erased_at));
    if (record.blocked_until != 0)
        to.member("blockedUntil", record.blocked_until);
    if (attempts.refused.blocks > 0)
        to.member("blockLevel", attempts.refused.blocks);
    if (record.policy) {
        to.key("policy").object();
        write_policy(to, *record.policy);
        to.end();
    }
    if (record.origin)
        to.member("parentRegistrationId", record.origin->parent.text())
            .member("transferType", to_text(record.origin->type));
    const auto now = what.current();
    if (now == registry::state::created || now == registry::state::pending_commit)
        to.member("timestampRegistrationExpire", record.expires_at);
    if (now == registry::state::created && application != nullptr) {
        const auto texts = sign_activation_code(*application, record.activation_code);
        to.member("activationCode", record.activation_code)
            .member("activationCodeSignature", texts.signature)
            .member("activationQrCodeData", texts.qr_data);
    }
    if (now == registry::state::pending_commit && record.device_key && record.server_key)
        to.member("activationFingerprint", registry::fingerprint(*record.device_key, record.id, *record.server_key));
}

response detail_answer(services& svc, const registry::full_registration& of, const registry::account& who)
{
    const auto application = svc.directory.find_application(of.record.application_id);
    json_writer out;
    out.object();
    // Whoever has the activation code can register a phone: it is for those only who may create one.
    const bool sees_code = who.its_role == registry::role::admin || who.its_role == registry::role::integration;
    write_registration(out, svc, of, sees_code ? application.get() : nullptr);
    const auto [children, metadata] = svc.journal.view([&](const registry::snapshot& txn) {
        return std::pair{registry::count_children(txn, of.number), registry::find_metadata(txn, of.number)};
    });
    if (metadata)
        out.key("metadata").raw(registry::open_metadata(svc.sealer, of.record.id, *metadata));
    if (children > 0)
        out.member("childCount", children);
    response answer;
    answer.body = out.end().text();
    answer.headers.emplace_back("ETag", entity_tag(of.attempts.word.version()));
    return answer;
}

void write_actor(json_writer& to, const registry::actor& who)
{
    to.member_unless_empty("externalUserId", who.external_user_id)
        .member_unless_empty("account", who.account)
        .member_unless_empty("actorRegistrationId", who.phone ? who.phone->text() : std::string{});
}

activation_code_texts sign_activation_code(const registry::application& application, std::string_view code)
{
    activation_code_texts out;
    out.signature = crypto::to_base64(application.signing_key().sign_der(crypto::as_bytes(code)));
    out.qr_data = std::string{code} + '#' + out.signature;
    return out;
}

} // namespace doorward::handlers
