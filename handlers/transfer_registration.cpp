// POST /v2/registrations/{id}/transfer (REGISTRATION-API.md R16): a code for another phone of the same user, which
// comes beside the first one or in its place.

#include "handlers/child_registration.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_access.hpp"

namespace doorward::handlers {
namespace {

using registry::transfer_type;

struct transfer_request {
    transfer_type type = transfer_type::spawn;
    wanted_registration child; // of no application: of the parent's
};

transfer_request decode(const call& asked, registry::time_ms now, std::vector<violation>& violations)
{
    transfer_request out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    if (const auto type = body->text("type", {.bytes_max = 16, .required = true})) {
        const auto parsed = registry::parse_transfer_type(*type);
        if (!parsed)
            body->complain("type", "must be SPAWN or MOVE", *type);
        out.type = parsed.value_or(out.type);
    }
    out.child.record.application_id =
        body->text("appId", {.bytes_max = registry::application_id_bytes_max}).value_or("");
    decode_wanted(*body, now, out.child);
    const auto& otp = out.child.otp;
    if (auto wrong = otp ? judge_transfer_otp(*otp) : std::nullopt)
        violations.push_back(*std::move(wrong));
    // A password that only the user of the first phone knows is as good as a commit.
    if (otp && !body->has("commitPhase") && !body->has("otpValidation"))
        out.child.record.phase = registry::commit_phase::on_key_exchange;
    out.child.who = asked.actor(
        body->text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or(""));
    return out;
}

} // namespace

task<response> transfer_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto [type, child] = decode(asked, svc.clock.now(), violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto parent = co_await load_registration(asked, svc);
    if (!parent)
        co_return problem(parent.error());
    const auto from = svc.directory.find_application(parent->record.application_id);
    if (!from) // it was removed, and the parent before it
        co_return problem(make_error_code(registry::errc::illegal_change));
    if (child.record.application_id.empty())
        child.record.application_id = from->id;
    const auto to = svc.directory.find_application(child.record.application_id);
    if (!to || !asked.who->may_see(to->id))
        violations.push_back({"appId", child.record.application_id, "no such application"});
    const registry::flag_edit given{registry::flag_edit::kind::add, from->settings.transfer.flags};
    auto flags = registry::edited(child.record.flags, given);
    if (!flags)
        violations.push_back({"flags", "", "are too many, together with those that the application gives"});
    if (!violations.empty())
        co_return problem(violations);
    child.record.flags = *std::move(flags);
    auto expected = asked.expected;
    const auto made = co_await make_child(svc, parent->record, type, std::move(child), std::move(expected));
    if (!made)
        co_return problem(made.error());
    json_writer out;
    out.object();
    write_new_registration(out, *made, *to);
    out.member("parentRegistrationId", made->origin->parent.text()).member("transferType", to_text(made->origin->type));
    response answer;
    answer.body = out.end().text();
    co_return answer;
}

} // namespace doorward::handlers
