#include "handlers/application_settings_json.hpp"
#include "handlers/flags_json.hpp"
#include "handlers/lockout_policy_json.hpp"
#include "handlers/merge_patch.hpp"
#include "registry/provider_url.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::application_settings;
using registry::protocol_version;
using registry::provider_settings;
using registry::transfer_settings;

constexpr std::size_t role_characters_max = 64;

void merge_version(const json_object& from, std::string_view name, protocol_version& field, protocol_version fallback)
{
    std::optional<protocol_version> given;
    if (const auto text = from.text(name, {.bytes_max = 16})) {
        given = registry::parse_version(*text);
        if (!given)
            from.complain(name, "must be 3.0, 3.1, 3.2 or 3.3", *text);
    }
    merge(from, name, given, field, fallback);
}

// A secret goes into a header of the request to the provider.
bool is_secret(std::string_view text) noexcept
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

void merge_secret(const json_object& from, wanted_settings& out)
{
    using change = wanted_settings::secret_change;
    constexpr std::string_view name = "secret";
    if (from.is_null(name))
        out.secret = change::forget;
    if (auto text = from.text(name, {.bytes_max = registry::provider_secret_bytes_max, .secret = true})) {
        if (!is_secret(*text))
            from.complain(name, "must consist of visible ASCII characters without spaces");
        out.secret = change::replace;
        out.new_secret = *std::move(text);
    }
}

void merge_provider(const json_object& from, bool has_secret, wanted_settings& out)
{
    constexpr std::string_view name = "provider";
    if (from.is_null(name)) {
        out.settings.provider.reset();
        out.secret = wanted_settings::secret_change::forget;
    }
    const auto given = from.object(name);
    if (!given)
        return;
    const auto before = out.settings.provider ? registry::parse_provider_url(out.settings.provider->url) : std::nullopt;
    provider_settings provider = out.settings.provider.value_or(provider_settings{});
    const bool url_required = !before || given->is_null("url");
    if (auto url = given->text("url", {.bytes_max = registry::provider_url_bytes_max, .required = url_required})) {
        const auto parsed = registry::parse_provider_url(*url);
        if (!parsed)
            given->complain("url", "must be http://host[:port][/path] or https://..., without query and fragment",
                            *url);
        // Otherwise whoever may not read the secret could have it sent to himself.
        const bool elsewhere = parsed && before && !parsed->same_origin(*before);
        if (elsewhere && has_secret && !given->has("secret") && !given->is_null("secret"))
            given->complain("secret", "must be given again, or as null, when the url names another server");
        provider.url = *std::move(url);
    }
    merge_number(*given, "timeoutMs", registry::provider_timeout_ms_min, registry::provider_timeout_ms_max,
                 provider.timeout_ms, provider_settings{}.timeout_ms);
    merge_secret(*given, out);
    out.settings.provider = std::move(provider);
}

void merge_targets(const json_object& from, std::string_view id, const registry::directory& known,
                   std::vector<std::string>& field)
{
    constexpr std::string_view name = "targets";
    auto given = from.texts(name, registry::transfer_targets_max, registry::application_id_bytes_max);
    if (given) {
        std::ranges::sort(*given);
        given->erase(std::unique(given->begin(), given->end()), given->end());
        for (const std::string& target : *given) {
            if (target != id && !known.find_application(target))
                from.complain(name, "each entry must be the id of an application", target);
        }
    }
    merge(from, name, std::move(given), field, {});
}

void merge_transfer(const json_object& from, std::string_view id, const registry::directory& known,
                    transfer_settings& field)
{
    const transfer_settings defaults;
    if (from.is_null("transfer"))
        field = defaults;
    const auto given = from.object("transfer");
    if (!given)
        return;
    merge_boolean(*given, "spawn", field.spawn, defaults.spawn);
    merge_boolean(*given, "move", field.move, defaults.move);
    merge_targets(*given, id, known, field.targets);
    merge(*given, "flags", decode_flags(*given, "flags"), field.flags, defaults.flags);
    if (given->is_null("maxFailedAttempts"))
        field.max_failed_attempts.reset();
    if (const auto number = given->integer("maxFailedAttempts", 1, registry::max_failed_attempts_max))
        field.max_failed_attempts = static_cast<std::uint8_t>(*number);
    merge_boolean(*given, "cascadeBlock", field.cascade_block, defaults.cascade_block);
}

void merge_unproven(const json_object& from, application_settings& settings)
{
    const auto fallback = application_settings{}.unproven_per_minute;
    if (from.is_null("unproven"))
        settings.unproven_per_minute = fallback;
    if (const auto given = from.object("unproven"))
        merge_number(*given, "perMinute", 0, registry::unproven_per_minute_max, settings.unproven_per_minute, fallback);
}

void merge_max_failed(const json_object& from, application_settings& settings)
{
    merge_number(from, "maxFailedAttempts", 1, registry::max_failed_attempts_max, settings.max_failed_attempts,
                 application_settings{}.max_failed_attempts);
}

void merge_count_only(const json_object& from, application_settings& settings)
{
    merge_boolean(from, "countOnlyIfPossessionProven", settings.count_only_if_possession_proven,
                  application_settings{}.count_only_if_possession_proven);
}

void write_unproven(json_writer& to, const application_settings& settings)
{
    to.key("unproven").object().member("perMinute", settings.unproven_per_minute).end();
}

} // namespace

wanted_settings decode_settings(const json_object& from, const application_settings& now, std::string_view id,
                                bool has_secret, const registry::directory& known)
{
    const application_settings defaults;
    wanted_settings out;
    application_settings& set = out.settings;
    set = now;
    merge(from, "roles", from.texts("roles", registry::roles_max, role_characters_max), set.roles, defaults.roles);
    merge_count_only(from, set);
    merge_unproven(from, set);
    merge_version(from, "lowestVersion", set.lowest_version, defaults.lowest_version);
    merge_max_failed(from, set);
    merge_boolean(from, "vaultWithBiometry", set.vault_with_biometry, defaults.vault_with_biometry);
    merge_boolean(from, "deviceManagement", set.device_management, defaults.device_management);
    merge_provider(from, has_secret, out);
    merge_transfer(from, id, known, set.transfer);
    if (from.is_null("lockout"))
        set.lockout = defaults.lockout;
    if (const auto given = from.object("lockout"))
        merge_policy(*given, set.lockout);
    merge_breaker(from, set.breaker);
    merge_hints(from, set);
    return out;
}

void write_settings(json_writer& to, const registry::application& of)
{
    const application_settings& set = of.settings;
    to.member("roles", set.roles).member("countOnlyIfPossessionProven", set.count_only_if_possession_proven);
    write_unproven(to, set);
    to.member("lowestVersion", registry::rules(set.lowest_version).text)
        .member("maxFailedAttempts", set.max_failed_attempts)
        .member("vaultWithBiometry", set.vault_with_biometry)
        .member("deviceManagement", set.device_management);
    if (set.provider)
        to.key("provider")
            .object()
            .member("url", set.provider->url)
            .member("timeoutMs", set.provider->timeout_ms)
            .member("hasSecret", of.provider_secret.has_value())
            .end();
    to.key("transfer")
        .object()
        .member("spawn", set.transfer.spawn)
        .member("move", set.transfer.move)
        .member("targets", set.transfer.targets)
        .member("flags", set.transfer.flags)
        .member("maxFailedAttempts", set.transfer.max_failed_attempts)
        .member("cascadeBlock", set.transfer.cascade_block)
        .end();
    to.key("lockout").object();
    write_policy(to, set.lockout);
    to.end();
    write_breaker(to, set.breaker);
    write_hints(to, set);
}

application_settings decode_lockout_settings(const json_object& from, application_settings now)
{
    const application_settings defaults;
    now.max_failed_attempts = defaults.max_failed_attempts;
    now.count_only_if_possession_proven = defaults.count_only_if_possession_proven;
    now.unproven_per_minute = defaults.unproven_per_minute;
    now.lockout = defaults.lockout;
    now.breaker = defaults.breaker;
    now.hint_remaining_attempts = defaults.hint_remaining_attempts;
    now.hint_blocked_until = defaults.hint_blocked_until;
    merge_max_failed(from, now);
    merge_count_only(from, now);
    merge_unproven(from, now);
    merge_policy(from, now.lockout);
    merge_breaker(from, now.breaker);
    merge_hints(from, now);
    return now;
}

void write_lockout_settings(json_writer& to, const application_settings& settings)
{
    to.member("maxFailedAttempts", settings.max_failed_attempts)
        .member("countOnlyIfPossessionProven", settings.count_only_if_possession_proven);
    write_policy(to, settings.lockout);
    write_unproven(to, settings);
    write_breaker(to, settings.breaker);
    write_hints(to, settings);
}

} // namespace doorward::handlers
