// PUT /v2/registrations/{id}/otp (REGISTRATION-API.md R11): another one-time password while the registration waits for
// commit, asked for then (PROTOCOL.md 12.4).

#include "crypto/password.hpp"
#include "handlers/child_registration.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/otp_check.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/limits.hpp"

namespace doorward::handlers {
namespace {

struct otp_request {
    std::string otp;
    std::string external_user_id;
};

otp_request decode(const call& asked, std::vector<violation>& violations)
{
    otp_request out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    out.otp = body->text("otp", {.characters_max = registry::otp_characters_max, .required = true, .secret = true})
                  .value_or("");
    out.external_user_id =
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
    return out;
}

// While it waits for commit, and not where the password was due at key exchange.
bool may_have_another(const registry::full_registration& found, registry::time_ms now)
{
    return found.current() == registry::state::pending_commit && !found.is_expired(now) &&
           found.record.phase == registry::commit_phase::on_commit;
}

// One replacement, of the one-time password as it is at the moment.
//
// errors  changed_meanwhile: it is the same one, but by now another one is there; the same request is to be judged
// again
task<kv::error_code> replace_once(const call& asked, services& svc, const registry::uuid& id, const otp_request& wanted)
{
    const auto slot = find_slot(svc, id);
    const auto edition = co_await settled_otp(svc, slot);
    if (!edition)
        co_return edition.error();
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return found.error();
    if (!registry::is_expected(found->attempts.word, asked.expected_versions()))
        co_return make_error_code(registry::errc::precondition_failed);
    if (!may_have_another(*found, svc.clock.now()))
        co_return make_error_code(registry::errc::illegal_change);

    // The same one again changes nothing; nothing stands for that.
    auto hashing = [before = found->record.otp_hash, otp = wanted.otp]() -> std::string {
        const bool same = !before.empty() && crypto::verify_password(before, otp);
        return same ? std::string{} : crypto::hash_password(otp, crypto::otp_cost);
    };
    auto pending = svc.otp_passwords.async_run(std::move(hashing), boost::asio::as_tuple(boost::asio::deferred));
    auto [busy, hash] = co_await std::move(pending);
    if (busy)
        co_return busy;
    if (!may_have_another(*found, svc.clock.now()))
        co_return make_error_code(registry::errc::illegal_change);
    if (hash.empty())
        co_return slot->latest_otp() == *edition ? kv::error_code{}
                                                 : make_error_code(registry::errc::changed_meanwhile);

    if (const auto ec = co_await heal(svc, slot))
        co_return ec;
    registry::attempt_word forbidding;
    auto who = asked.actor(wanted.external_user_id);
    auto change = registry::attempts::replace_otp(slot, std::move(who), std::move(hash), svc.clock.now(), &forbidding,
                                                  asked.expected_versions());
    if (!change) {
        // The word that forbids it may be somebody else's, and still on its way to the disk.
        const auto ec = co_await wait_until_durable(svc, slot, forbidding.version());
        co_return ec ? ec : change.error();
    }
    const auto ec = co_await commit_transition(svc, std::move(*change));
    co_return ec;
}

} // namespace

task<response> replace_otp(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto wanted = decode(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    if (auto wrong = found->record.origin ? judge_transfer_otp(wanted.otp) : std::nullopt) {
        violations.push_back(*std::move(wrong));
        co_return problem(violations);
    }
    const registry::uuid id = found->record.id;
    auto ec = co_await replace_once(asked, svc, id, wanted);
    for (int replaced = 0; ec == registry::errc::changed_meanwhile && replaced < otp_replacements_max; ++replaced)
        ec = co_await replace_once(asked, svc, id, wanted);
    co_return ec ? problem(ec) : ok();
}

} // namespace doorward::handlers
