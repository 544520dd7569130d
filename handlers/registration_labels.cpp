// PUT /v2/registrations/{id}/name; GET, POST, PUT and DELETE /v2/registrations/{id}/flags (REGISTRATION-API.md R8 to
// R10)

#include "handlers/flags_json.hpp"
#include "handlers/problem.hpp"
#include "handlers/query_fields.hpp"
#include "handlers/registration_access.hpp"
#include "handlers/slots.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::flag_edit;
using registry::move;

std::string decode_external_user(const json_object& from)
{
    return from.text("externalUserId", {.characters_max = registry::external_user_characters_max}).value_or("");
}

// --- names

struct wanted_name {
    std::string name;
    std::string external_user_id;
};

wanted_name decode_name(const call& asked, std::vector<violation>& violations)
{
    wanted_name out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    out.name = body->text("name", {.characters_max = registry::name_characters_max, .required = true}).value_or("");
    out.external_user_id = decode_external_user(*body);
    return out;
}

response name_answer(std::string_view name, registry::state now)
{
    response answer;
    answer.body = json_writer{}.object().member("name", name).member("registrationStatus", to_text(now)).end().text();
    return answer;
}

// --- flags

struct wanted_flags {
    flag_edit edit;
    std::string external_user_id;
};

wanted_flags decode_body(const call& asked, flag_edit::kind how, std::vector<violation>& violations)
{
    wanted_flags out;
    out.edit.how = how;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    if (!body->has("flags"))
        body->complain("flags", "is required");
    out.edit.flags = decode_flags(*body, "flags").value_or(registry::flag_set{});
    out.external_user_id = decode_external_user(*body);
    return out;
}

// Of a DELETE, which many clients send without a body: ?flag=A&flag=B
wanted_flags decode_parameters(std::string_view query, std::vector<violation>& violations)
{
    wanted_flags out;
    out.edit.how = flag_edit::kind::remove;
    for (const auto& [name, value] : decode_query(query, violations)) {
        if (name == "flag")
            out.edit.flags.push_back(decode_text(name, value, registry::flag_characters_max, violations));
        if (name == "externalUserId")
            out.external_user_id = decode_text(name, value, registry::external_user_characters_max, violations);
    }
    if (out.edit.flags.empty())
        violations.push_back({"flag", "", "is required when there is no body"});
    std::ranges::sort(out.edit.flags);
    return out;
}

response flags_answer(const registry::flag_set& flags)
{
    response answer;
    answer.body = json_writer{}.object().member("flags", flags).end().text();
    return answer;
}

task<response> change_flags(const call& asked, services& svc, wanted_flags wanted)
{
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto slot = find_slot(svc, found->record.id);
    if (const auto ec = co_await heal(svc, slot))
        co_return problem(ec);
    auto who = asked.actor(std::move(wanted.external_user_id));
    registry::attempt_word forbidding;
    auto result = registry::attempts::change_flags(slot, wanted.edit, std::move(who), svc.clock.now(), &forbidding,
                                                   asked.expected_versions());
    if (!result && result.error() == registry::errc::too_many_flags) {
        const std::vector<violation> why{{"flags", "",
                                          "a registration has at most " + std::to_string(registry::flags_max) +
                                              " flags of together " + std::to_string(registry::flags_bytes_max) +
                                              " bytes"}};
        co_return problem(why);
    }
    if (!result) {
        // The state that forbids it may be somebody else's, and still on its way to the disk.
        if (const auto ec = co_await wait_until_durable(svc, slot, forbidding.version()))
            co_return problem(ec);
        co_return problem(result.error());
    }
    if (result->change) {
        if (const auto ec = co_await commit_transition(svc, std::move(*result->change)))
            co_return problem(ec);
    } else if (const auto ec = co_await wait_until_durable(svc, slot, result->word.version())) {
        co_return problem(ec);
    }
    co_return flags_answer(result->flags);
}

task<response> change_flags(const call& asked, services& svc, flag_edit::kind how)
{
    std::vector<violation> violations;
    const bool bare = how == flag_edit::kind::remove && asked.req.body.empty();
    auto wanted = bare ? decode_parameters(asked.req.query, violations) : decode_body(asked, how, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto answer = co_await change_flags(asked, svc, std::move(wanted));
    co_return answer;
}

} // namespace

task<response> rename_registration(const call& asked, services& svc)
{
    std::vector<violation> violations;
    auto wanted = decode_name(asked, violations);
    if (!violations.empty())
        co_return problem(violations);
    auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());
    const auto slot = find_slot(svc, found->record.id);
    const auto is_expected = [&] { return registry::is_expected(found->attempts.word, asked.expected_versions()); };
    const auto is_named = [&] {
        return found->record.name == wanted.name && registry::target(found->current(), move::rename);
    };
    // Repeating a change is no error and records nothing. A rename that begins meanwhile comes after this one; one that
    // began before and is still on its way does not.
    if (is_named()) {
        if (const auto ec = co_await wait_until_settled(svc, slot))
            co_return problem(ec);
        found = co_await load_registration(asked, svc);
        if (!found)
            co_return problem(found.error());
        if (is_named())
            co_return is_expected() ? name_answer(wanted.name, found->current())
                                    : problem(make_error_code(registry::errc::precondition_failed));
    }

    wanted_move renaming{
        .by = move::rename, .who = asked.actor(std::move(wanted.external_user_id)), .expected = asked.expected};
    renaming.labelled = registry::labels{wanted.name, std::nullopt};
    const auto result = co_await move_state(svc, slot, std::move(renaming));
    if (!result)
        co_return problem(result.error());
    if (!result->moved)
        co_return problem(make_error_code(registry::errc::illegal_change));
    co_return name_answer(wanted.name, result->now);
}

task<response> show_flags(const call& asked, services& svc)
{
    const auto found = co_await load_registration(asked, svc);
    co_return found ? flags_answer(found->record.flags) : problem(found.error());
}

task<response> add_flags(const call& asked, services& svc)
{
    return change_flags(asked, svc, flag_edit::kind::add);
}

task<response> replace_flags(const call& asked, services& svc)
{
    return change_flags(asked, svc, flag_edit::kind::replace);
}

task<response> remove_flags(const call& asked, services& svc)
{
    return change_flags(asked, svc, flag_edit::kind::remove);
}

} // namespace doorward::handlers
