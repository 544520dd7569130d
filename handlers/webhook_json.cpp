#include "handlers/webhook_json.hpp"
#include "crypto/client_certificate.hpp"
#include "registry/limits.hpp"
#include "registry/provider_url.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::webhook_authentication;
using registry::webhook_settings;

constexpr std::string_view only_type = "REGISTRATION_STATUS_CHANGE";

template <class Enum>
std::optional<Enum> word_of(const json_object& from, std::string_view name, std::initializer_list<Enum> values)
{
    const auto text = from.text(name, {.bytes_max = 32});
    if (!text)
        return std::nullopt;
    std::string words;
    for (const Enum value : values) {
        if (to_text(value) == *text)
            return value;
        words += words.empty() ? "must be " : " or ";
        words += to_text(value);
    }
    from.complain(name, std::move(words), *text);
    return std::nullopt;
}

// They go into a header field.
bool is_token(std::string_view text) noexcept
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

void decode_attributes(const json_object& from, webhook_settings& out)
{
    constexpr std::string_view name = "attributes";
    const auto given = from.texts(name, registry::webhook_attributes, 32);
    if (!given)
        return;
    for (const std::string& each : *given) {
        if (const auto known = registry::parse_webhook_attribute(each))
            out.attributes.add(*known);
        else
            from.complain(name, "each entry must name an attribute", each);
    }
}

std::optional<std::string> secret_text(const json_object& from, std::string_view name, bool required,
                                       std::size_t bytes_max, bool free_form)
{
    return from.text(name, {.bytes_max = bytes_max, .required = required, .secret = true, .free_form = free_form});
}

crypto::secret_bytes take_secret(std::string text)
{
    crypto::secret_bytes out{text.size()};
    std::ranges::copy(crypto::as_bytes(text), out.data());
    crypto::wipe(text.data(), text.size());
    return out;
}

// kept  there are credentials of this kind that may stay
void decode_basic(const json_object& from, bool kept, wanted_webhook& out)
{
    auto name = from.text("username", {.characters_max = registry::webhook_username_characters_max, .required = true});
    if (name && name->find(':') != std::string::npos)
        from.complain("username", "must have no colon", *name);
    out.settings.username = std::move(name).value_or("");
    if (auto password = secret_text(from, "password", !kept, registry::webhook_credential_bytes_max, false))
        out.credentials = take_secret(*std::move(password));
}

void decode_bearer(const json_object& from, bool kept, wanted_webhook& out)
{
    auto token = secret_text(from, "token", !kept, registry::webhook_credential_bytes_max, false);
    if (!token)
        return;
    if (!is_token(*token))
        from.complain("token", "must consist of visible ASCII characters without spaces");
    out.credentials = take_secret(*std::move(token));
}

// Both or neither: a key alone says nothing about which certificate it is for.
void decode_certificate(const json_object& from, bool kept, const webhook_settings* before, wanted_webhook& out)
{
    constexpr std::size_t bytes_max = registry::webhook_pem_bytes_max;
    const bool has_one = from.has("certificates") || from.has("privateKey");
    auto chain = from.text("certificates", {.bytes_max = bytes_max, .required = !kept || has_one, .free_form = true});
    auto key = secret_text(from, "privateKey", !kept || has_one, bytes_max, true);
    if (!chain || !key) {
        if (kept && !has_one)
            out.settings.certificates = before->certificates;
        return;
    }
    auto secret = take_secret(*std::move(key));
    if (!crypto::client_certificate::parse(*chain, secret.view()))
        from.complain("certificates", "must be certificates as PEM, the client's first, with its private key");
    out.settings.certificates = *std::move(chain);
    out.credentials = std::move(secret);
}

void decode_authentication(const json_object& from, const registry::webhook* before, wanted_webhook& out)
{
    using kind = webhook_authentication;
    constexpr std::string_view name = "authentication";
    const auto given = from.object(name);
    if (!given)
        return;
    out.settings.authentication =
        word_of(*given, "type", {kind::none, kind::basic, kind::bearer, kind::certificate}).value_or(kind::none);
    for (const char* each : {"username", "password", "token", "certificates", "privateKey"})
        given->tolerate(each);
    // Otherwise whoever may not read the credentials could have them sent to himself.
    bool kept = before != nullptr && before->settings.authentication == out.settings.authentication;
    if (kept) {
        const auto old_url = registry::parse_provider_url(before->settings.url);
        const auto new_url = registry::parse_provider_url(out.settings.url);
        kept = old_url && new_url && old_url->same_origin(*new_url);
    }
    switch (out.settings.authentication) {
    case kind::none:
        break;
    case kind::basic:
        decode_basic(*given, kept, out);
        break;
    case kind::bearer:
        decode_bearer(*given, kept, out);
        break;
    case kind::certificate:
        decode_certificate(*given, kept, before == nullptr ? nullptr : &before->settings, out);
        break;
    }
}

void decode_rules(const json_object& from, registry::delivery_rules& out)
{
    out.attempts_max = static_cast<std::uint16_t>(
        from.integer("maxAttempts", 1, registry::webhook_attempts_max).value_or(registry::webhook_attempts_default));
    out.initial_backoff =
        from.integer("initialBackoff", registry::webhook_backoff_least_ms, registry::webhook_backoff_most_ms)
            .value_or(registry::webhook_backoff_default_ms);
    out.retention =
        from.integer("retentionPeriod", registry::webhook_retention_least_ms, registry::webhook_retention_most_ms)
            .value_or(registry::webhook_retention_default_ms);
}

} // namespace

wanted_webhook decode_webhook(const json_object& from, const registry::webhook* before)
{
    // What is told and cannot be set: whoever reads one, changes it and sends it back sends them too.
    for (const char* each : {"id", "applicationId", "lastEventSeq", "timestampCreated", "timestampLastChange"})
        from.tolerate(each);
    wanted_webhook out;
    webhook_settings& set = out.settings;
    set.name = from.text("name", {.characters_max = registry::name_characters_max, .required = true}).value_or("");
    const auto type = from.text("type", {.bytes_max = 64, .required = before == nullptr});
    if (type && *type != only_type)
        from.complain("type", "must be " + std::string{only_type}, *type);
    if (auto url = from.text("callbackUrl", {.bytes_max = registry::provider_url_bytes_max, .required = true})) {
        if (!registry::parse_provider_url(*url))
            from.complain("callbackUrl", "must be http://host[:port][/path] or https://..., without query and fragment",
                          *url);
        set.url = *std::move(url);
    }
    decode_attributes(from, set);
    using payload = registry::payload_type;
    set.payload = word_of(from, "payloadType", {payload::activation, payload::registration_status_change})
                      .value_or(payload::registration_status_change);
    decode_authentication(from, before, out);
    decode_rules(from, set.rules);
    set.enabled = from.boolean("enabled").value_or(true);
    return out;
}

void write_webhook(json_writer& to, const registry::webhook& what, registry::event_sequence cursor,
                   std::string_view secret)
{
    const webhook_settings& set = what.settings;
    to.object()
        .member("id", what.id.text())
        .member("applicationId", what.application_id)
        .member("name", set.name)
        .member("type", only_type)
        .member("callbackUrl", set.url)
        .key("attributes")
        .array();
    for (std::size_t i = 0; i < registry::webhook_attributes; ++i) {
        const auto each = static_cast<registry::webhook_attribute>(i);
        if (set.attributes.has(each))
            to.value(to_text(each));
    }
    to.end().member("payloadType", to_text(set.payload)).key("authentication").object();
    to.member("type", to_text(set.authentication))
        .member_unless_empty("username", set.username)
        .member_unless_empty("certificates", set.certificates);
    to.end()
        .member("maxAttempts", set.rules.attempts_max)
        .member("initialBackoff", set.rules.initial_backoff)
        .member("retentionPeriod", set.rules.retention)
        .member("enabled", set.enabled)
        .member_unless_empty("secret", secret)
        .member("lastEventSeq", cursor)
        .member("timestampCreated", what.created_at)
        .member("timestampLastChange", what.changed_at)
        .end();
}

} // namespace doorward::handlers
