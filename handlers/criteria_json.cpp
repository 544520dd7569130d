#include "handlers/criteria_json.hpp"
#include "handlers/flags_json.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <set>

namespace doorward::handlers {
namespace {

using registry::registration_criteria;
using registry::state;
using registry::time_ms;

constexpr std::string_view bad_status = "must be a registration status";
constexpr time_ms latest = std::numeric_limits<time_ms>::max();

// The times, by their names; the same in a query and in a body.
struct time_field {
    std::string_view name;
    registry::time_range registration_criteria::*range;
    time_ms registry::time_range::*end;
};
constexpr time_field time_fields[]{
    {"lastUsedAfter", &registration_criteria::last_used, &registry::time_range::after},
    {"lastUsedBefore", &registration_criteria::last_used, &registry::time_range::before},
    {"createdAfter", &registration_criteria::created, &registry::time_range::after},
    {"createdBefore", &registration_criteria::created, &registry::time_range::before},
};

// What no registration can meet was meant in another way.
void refuse_contradictions(const registration_criteria& of, const std::optional<bool>& removed, std::string_view status,
                           std::vector<violation>& violations)
{
    if (removed == false && std::ranges::find(of.states, state::removed) != of.states.end())
        violations.push_back({"removed", "false", "contradicts " + std::string{status} + " REMOVED"});
    if (of.last_used.is_empty())
        violations.push_back({"lastUsedBefore", "", "must be later than lastUsedAfter"});
    if (of.created.is_empty())
        violations.push_back({"createdBefore", "", "must be later than createdAfter"});
    else if (of.last_used.before <= of.created.after) // it counts as used when it is created
        violations.push_back({"lastUsedBefore", "", "must be later than createdAfter"});
}

// Several values where one is asked for contradict each other, unless they are the same.
void refuse_repetitions(const query_parameters& parameters, std::vector<violation>& violations)
{
    constexpr std::string_view once[]{"userId",        "appId",          "removed",      "platform",     "name",
                                      "lastUsedAfter", "lastUsedBefore", "createdAfter", "createdBefore"};
    for (const std::string_view name : once) {
        const std::string* first = nullptr;
        for (const auto& [given, value] : parameters) {
            if (given != name)
                continue;
            if (first != nullptr && *first != value)
                violations.push_back({std::string{name}, echo(value), "was given before with another value"});
            first = &value;
        }
    }
}

} // namespace

registry::registration_criteria decode_criteria(const query_parameters& parameters, std::vector<violation>& violations)
{
    registration_criteria out;
    std::optional<bool> removed;
    refuse_repetitions(parameters, violations);
    for (const auto& [name, value] : parameters) {
        if (name == "removed") {
            removed = decode_boolean(name, value, violations);
        } else if (name == "appId" && !value.empty()) {
            out.application_ids = {value};
        } else if (name == "status") {
            const auto parsed = registry::parse_state(value);
            if (parsed)
                out.states.push_back(*parsed);
            else
                violations.push_back({name, echo(value), std::string{bad_status}});
        } else if (name == "flag") {
            out.flags.push_back(decode_text(name, value, registry::flag_characters_max, violations));
        } else if (name == "platform") {
            out.platform = decode_text(name, value, registry::platform_characters_max, violations);
        } else if (name == "name") {
            out.name_part = decode_text(name, value, registry::name_characters_max, violations);
        }
        for (const time_field& each : time_fields) {
            if (name == each.name)
                out.*each.range.*each.end = decode_number(name, value, 0, latest, violations).value_or(latest);
        }
    }
    if (out.flags.size() > registry::flags_max)
        violations.push_back({"flag", "", "may come at most " + std::to_string(registry::flags_max) + " times"});
    std::ranges::sort(out.flags);
    out.flags.erase(std::unique(out.flags.begin(), out.flags.end()), out.flags.end()); // as below
    out.removed = removed.value_or(false);
    refuse_contradictions(out, removed, "status", violations);
    return out;
}

registry::registration_criteria decode_criteria(const json_object& from)
{
    registration_criteria out;
    out.application_ids = from.texts("appIds", registry::lookup_names_max, registry::application_id_bytes_max)
                              .value_or(std::vector<std::string>{});
    constexpr std::size_t states_max = std::size(registry::all_states);
    for (const std::string& each : from.texts("status", states_max, 32).value_or(std::vector<std::string>{})) {
        if (const auto parsed = registry::parse_state(each))
            out.states.push_back(*parsed);
        else
            from.complain("status", std::string{bad_status}, each);
    }
    out.flags = decode_flags(from, "flags").value_or(registry::flag_set{});
    const auto removed = from.boolean("removed");
    out.removed = removed.value_or(false);
    out.platform = from.text("platform", {.characters_max = registry::platform_characters_max}).value_or("");
    out.name_part = from.text("name", {.characters_max = registry::name_characters_max}).value_or("");
    for (const time_field& each : time_fields) {
        if (const auto at = from.integer(each.name, 0, latest))
            out.*each.range.*each.end = *at;
    }
    std::vector<violation> contradictions;
    refuse_contradictions(out, removed, "status", contradictions);
    for (violation& each : contradictions)
        from.complain(each.field, std::move(each.hint), std::move(each.invalid_value));
    return out;
}

std::vector<std::string> decode_user_ids(const json_object& from)
{
    auto out = from.texts("userIds", registry::lookup_names_max, registry::user_id_bytes_max)
                   .value_or(std::vector<std::string>{});
    if (!std::ranges::all_of(out, is_user_id)) {
        from.complain("userIds", "each must have 1 to " + std::to_string(registry::user_id_bytes_max) + " bytes");
        return {};
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end()); // clang 14 lacks std::ranges::unique
    return out;
}

std::optional<std::vector<registry::uuid>> decode_registration_ids(const json_object& from)
{
    const auto texts = from.texts("registrationIds", registry::lookup_names_max, 64);
    if (!texts)
        return std::nullopt;
    std::set<registry::uuid> out;
    for (const std::string& each : *texts) {
        if (const auto id = registry::uuid::parse(each))
            out.insert(*id);
    }
    return std::vector<registry::uuid>{out.begin(), out.end()};
}

bool is_user_id(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= registry::user_id_bytes_max && text.find('\0') == std::string_view::npos;
}

} // namespace doorward::handlers
