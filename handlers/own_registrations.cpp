// POST /api/registration/rename, /api/registrations/list and /api/registrations/remove: a phone renames its own
// registration, lists those of its user, and removes another one of them, where the application allows it
// (deviceManagement). All take two factors; the latter two see those of the same user in the same application only.

#include "handlers/json_reader.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/own_proof.hpp"
#include "handlers/problem.hpp"
#include "handlers/registration_page.hpp"

namespace doorward::handlers {
namespace {

using registry::errc;

constexpr own_request rename_request{.uri_id = "/api/registration/rename"};
constexpr own_request list_request{.uri_id = "/api/registrations/list"};
constexpr own_request remove_request{.uri_id = "/api/registrations/remove"};

std::string decode_name(std::string_view text, std::vector<violation>& violations)
{
    const auto body = parse_json(text, violations);
    const auto object = body ? body->object("requestObject", true) : std::nullopt;
    if (!object)
        return {};
    return object->text("name", {.characters_max = registry::name_characters_max, .required = true}).value_or("");
}

page_request decode_list(std::string_view text, std::vector<violation>& violations)
{
    const auto body = parse_json(text, violations);
    const auto object = body ? body->object("requestObject") : std::nullopt; // `{}` asks for the first page
    return object ? decode_page(*object) : page_request{};
}

// What a phone may know of the others of its user: enough to tell them apart.
void write_row(json_writer& to, const registry::full_registration& row, registry::registration_number own)
{
    const registry::registration& record = row.record;
    to.object()
        .member("registrationId", record.id.text())
        .member("registrationStatus", to_text(row.current()))
        .member_unless_empty("name", record.name)
        .member_unless_empty("platform", record.platform)
        .member_unless_empty("deviceInfo", record.device_info)
        .member("timestampCreated", record.created_at)
        .member("timestampLastUsed", registry::last_used_at(row))
        .member("own", row.number == own)
        .end();
}

std::optional<registry::uuid> decode_remove(std::string_view text, std::vector<violation>& violations)
{
    const auto body = parse_json(text, violations);
    const auto object = body ? body->object("requestObject", true) : std::nullopt;
    const auto id = object ? object->text("registrationId", {.bytes_max = 64, .required = true}) : std::nullopt;
    return id ? registry::uuid::parse(*id) : std::nullopt;
}

// Another registration of the same user in the same application; null for everything else, whatever it is.
registry::slot_ptr find_other(services& svc, const registry::registration& own, const std::optional<registry::uuid>& id)
{
    if (!id || *id == own.id)
        return nullptr;
    const auto found = svc.journal.view([&](const registry::snapshot& txn) {
        const auto number = registry::find_number(txn, *id);
        return number ? registry::find_registration(txn, *number) : std::nullopt;
    });
    if (!found || found->user_id != own.user_id || found->application_id != own.application_id)
        return nullptr;
    return find_slot(svc, *id);
}

} // namespace

task<response> rename_own_registration(const call& asked, services& svc)
{
    auto own = co_await prove(svc, asked, rename_request);
    std::vector<violation> violations;
    std::string name;
    if (own)
        name = decode_name(asked.req.body, violations);
    // Repeating a change is no error and records nothing.
    if (own && violations.empty() && name != own.record->name)
        add_move(svc, own, registry::move::rename, registry::labels{name, std::nullopt});
    if (auto refusal = co_await settle(svc, own))
        co_return *std::move(refusal);
    if (!violations.empty())
        co_return problem(violations);
    co_return ok([&](json_writer& out) { out.member("name", name); });
}

task<response> list_own_registrations(const call& asked, services& svc)
{
    auto own = co_await prove(svc, asked, list_request);
    if (auto refusal = co_await settle(svc, own))
        co_return *std::move(refusal);

    std::vector<violation> violations;
    registration_filter filter;
    filter.page = decode_list(asked.req.body, violations);
    if (!violations.empty())
        co_return problem(violations);
    filter.visible = [application = own.record->application_id](const registry::registration& record) {
        return record.application_id == application;
    };
    registration_scan of_user = [user = own.record->user_id](const registry::snapshot& txn,
                                                             registry::registration_number before, const auto& visit) {
        registry::scan_user(txn, user, before, visit);
    };
    registration_writer write = [own_number = own.judged.slot->owner.number](json_writer& to,
                                                                             const registry::full_registration& each) {
        write_row(to, each, own_number);
    };
    const auto page = co_await load_page(svc, std::move(filter), std::move(of_user), std::move(write));
    if (!page)
        co_return problem(page.error());
    co_return ok([&](json_writer& out) {
        out.key("registrations").raw(page->rows);
        if (page->next)
            out.member("nextCursor", write_cursor(*page->next));
    });
}

task<response> remove_own_registration(const call& asked, services& svc)
{
    auto own = co_await prove(svc, asked, remove_request);
    std::vector<violation> violations;
    registry::slot_ptr victim;
    kv::error_code failure;
    if (own) {
        const auto id = decode_remove(asked.req.body, violations);
        victim = violations.empty() ? find_other(svc, *own.record, id) : nullptr;
        if (victim)
            failure = co_await heal(svc, victim);
    }
    // The accepted proof and the removal reach the disk together.
    std::uint64_t removed_by_others = 0; // version of the word that says so
    if (victim && !failure) {
        const registry::actor phone{{}, {}, own.record->id};
        registry::attempt_word forbidding;
        auto removed = registry::attempts::change_state(victim, registry::move::remove, phone,
                                                        std::string{registry::reason::removed_by_user}, svc.clock.now(),
                                                        &forbidding);
        if (removed) {
            removed->partner = own.judged.slot;
            own.judged.result.change->partner = victim;
            own.judged.more.push_back(std::move(*removed));
        } else {
            removed_by_others = forbidding.version();
        }
    }
    if (auto refusal = co_await settle(svc, own))
        co_return *std::move(refusal);
    if (!violations.empty())
        co_return problem(violations);
    if (failure)
        co_return problem(failure);
    if (!victim)
        co_return problem(make_error_code(errc::registration_not_found));
    if (const auto ec = co_await wait_until_durable(svc, victim, removed_by_others))
        co_return problem(ec);
    co_return ok([&](json_writer& out) { out.member("registrationId", victim->owner.id.text()); });
}

} // namespace doorward::handlers
