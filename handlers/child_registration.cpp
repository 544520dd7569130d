#include "handlers/child_registration.hpp"
#include "handlers/slots.hpp"
#include "registry/transfer_rules.hpp"

namespace doorward::handlers {
namespace {

// The change asks once more, on the writer's thread; this spares it those that cannot be.
task<kv::error_code> require_active(services& svc, const registry::uuid& id,
                                    const registry::expected_versions* expected)
{
    const auto slot = find_slot(svc, id);
    if (const auto ec = co_await heal(svc, slot))
        co_return ec;
    const auto word = slot->load();
    const bool is_expected = registry::is_expected(word, expected);
    if (is_expected && word.current() == registry::state::active)
        co_return kv::error_code{};
    if (const auto ec = co_await wait_until_durable(svc, slot, word.version()))
        co_return ec;
    co_return make_error_code(is_expected ? registry::errc::illegal_change : registry::errc::precondition_failed);
}

} // namespace

std::optional<violation> judge_transfer_otp(std::string_view otp)
{
    if (characters(otp) >= registry::transfer_otp_characters_min)
        return std::nullopt;
    return violation{"otp", "",
                     "must have at least " + std::to_string(registry::transfer_otp_characters_min) + " characters"};
}

task<kv::result<registry::registration>> make_child(services& svc, const registry::registration& parent,
                                                    registry::transfer_type type, wanted_registration child,
                                                    std::optional<registry::expected_versions> expected)
{
    const auto from = svc.directory.find_application(parent.application_id);
    const auto to = svc.directory.find_application(child.record.application_id);
    if (!from || !to || !registry::allows(from->settings.transfer, type, from->id, to->id))
        co_return registry::errc::transfer_not_allowed;
    if (const auto ec = co_await require_active(svc, parent.id, expected ? &*expected : nullptr))
        co_return ec;
    child.record = registry::child_of(parent, std::move(child.record), type, from->settings, to->settings);
    auto made = co_await make_registration(svc, std::move(child));
    co_return made;
}

} // namespace doorward::handlers
