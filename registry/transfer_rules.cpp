#include "registry/transfer_rules.hpp"

#include <algorithm>

namespace doorward::registry {

bool allows(const transfer_settings& rules, transfer_type how, std::string_view from, std::string_view to) noexcept
{
    if (!(how == transfer_type::spawn ? rules.spawn : rules.move))
        return false;
    return rules.targets.empty() ? to == from : std::ranges::find(rules.targets, to) != rules.targets.end();
}

std::optional<transfer_type> usual_transfer(const transfer_settings& rules) noexcept
{
    if (rules.spawn)
        return transfer_type::spawn;
    return rules.move ? std::optional{transfer_type::move} : std::nullopt;
}

registration child_of(const registration& parent, registration asked, transfer_type how,
                      const application_settings& from, const application_settings& to)
{
    asked.user_id = parent.user_id;
    asked.origin = lineage{parent.id, how};
    asked.max_failed_attempts = from.transfer.max_failed_attempts.value_or(to.max_failed_attempts);
    return asked;
}

} // namespace doorward::registry
