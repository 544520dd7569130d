#include "handlers/lockout_policy_json.hpp"
#include "handlers/merge_patch.hpp"

#include <array>

namespace doorward::handlers {
namespace {

using registry::lockout_policy;
using registry::temporary_block;

enum class block_kind : bool { permanent, temporary };
constexpr std::string_view to_text(block_kind value) noexcept
{
    return value == block_kind::permanent ? "permanent" : "temporary";
}

void merge_temporary(const json_object& from, temporary_block& field)
{
    const temporary_block defaults;
    merge_time(from, "first", registry::temporary_block_min_ms, registry::temporary_block_max_ms, field.first,
               defaults.first);
    merge_number(from, "multiplier", 1, registry::block_multiplier_max, field.multiplier, defaults.multiplier);
    merge_time(from, "max", registry::temporary_block_min_ms, registry::temporary_block_max_ms, field.most,
               defaults.most);
    merge_number(from, "maxBlocks", 0, 255, field.blocks_max, defaults.blocks_max);
    merge_word(from, "thenAction", {registry::last_resort::block, registry::last_resort::remove}, field.then,
               defaults.then);
    merge_number(from, "attemptsAfterExpiry", 1, registry::max_failed_attempts_max - 1, field.attempts_after,
                 defaults.attempts_after);
    if (field.most < field.first)
        from.complain("max", "must not be less than first");
}

} // namespace

void merge_policy(const json_object& from, lockout_policy& field)
{
    const lockout_policy defaults;
    merge_word(from, "counters", {registry::failure_counting::shared, registry::failure_counting::per_factor},
               field.counters, defaults.counters);
    merge_word(from, "resetOn", {registry::reset_rule::any, registry::reset_rule::knowledge}, field.resets_on,
               defaults.resets_on);
    merge_time(from, "window", 0, registry::failure_window_max_ms, field.window, defaults.window);
    if (field.window != 0 && field.window < registry::failure_window_min_ms)
        from.complain("window", "must be 0, for never, or at least 1000 ms");

    auto kind = field.temporary ? block_kind::temporary : block_kind::permanent;
    merge_word(from, "block", {block_kind::permanent, block_kind::temporary}, kind, block_kind::permanent);
    if (kind == block_kind::permanent)
        field.temporary.reset();
    else if (!field.temporary || from.is_null("temporary"))
        field.temporary.emplace();
    if (const auto given = from.object("temporary")) {
        if (field.temporary)
            merge_temporary(*given, *field.temporary);
        else
            from.complain("temporary", "goes with block temporary only");
    }
}

void write_policy(json_writer& to, const lockout_policy& policy)
{
    const auto kind = policy.temporary ? block_kind::temporary : block_kind::permanent;
    to.member("counters", to_text(policy.counters))
        .member("resetOn", to_text(policy.resets_on))
        .member("window", policy.window)
        .member("block", to_text(kind));
    if (!policy.temporary)
        return;
    const temporary_block& block = *policy.temporary;
    to.key("temporary")
        .object()
        .member("first", block.first)
        .member("multiplier", block.multiplier)
        .member("max", block.most)
        .member("maxBlocks", block.blocks_max)
        .member("thenAction", to_text(block.then))
        .member("attemptsAfterExpiry", block.attempts_after)
        .end();
}

void merge_breaker(const json_object& from, std::optional<registry::breaker_settings>& field)
{
    if (from.is_null("breaker"))
        field.reset();
    const auto given = from.object("breaker");
    if (!given)
        return;
    const registry::breaker_settings defaults;
    registry::breaker_settings& breaker = field ? *field : field.emplace();
    merge_number(*given, "least", 1, registry::breaker_number_max, breaker.least, defaults.least);
    merge_number(*given, "factor", 1, registry::breaker_number_max, breaker.factor, defaults.factor);
    merge_time(*given, "window", registry::breaker_time_min_ms, registry::breaker_time_max_ms, breaker.window,
               defaults.window);
    merge_time(*given, "pause", registry::breaker_time_min_ms, registry::breaker_time_max_ms, breaker.pause,
               defaults.pause);
}

void write_breaker(json_writer& to, const std::optional<registry::breaker_settings>& breaker)
{
    if (!breaker)
        return;
    to.key("breaker")
        .object()
        .member("least", breaker->least)
        .member("factor", breaker->factor)
        .member("window", breaker->window)
        .member("pause", breaker->pause)
        .end();
}

void merge_hints(const json_object& from, registry::application_settings& settings)
{
    const registry::application_settings defaults;
    if (from.is_null("hints")) {
        settings.hint_remaining_attempts = defaults.hint_remaining_attempts;
        settings.hint_blocked_until = defaults.hint_blocked_until;
    }
    const auto given = from.object("hints");
    if (!given)
        return;
    merge_boolean(*given, "remainingAttempts", settings.hint_remaining_attempts, defaults.hint_remaining_attempts);
    merge_boolean(*given, "blockedUntil", settings.hint_blocked_until, defaults.hint_blocked_until);
}

void write_hints(json_writer& to, const registry::application_settings& settings)
{
    to.key("hints")
        .object()
        .member("remainingAttempts", settings.hint_remaining_attempts)
        .member("blockedUntil", settings.hint_blocked_until)
        .end();
}

} // namespace doorward::handlers
