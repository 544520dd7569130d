#include "handlers/power_auth_header.hpp"
#include "crypto/encoding.hpp"
#include "handlers/query.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace doorward::handlers {
namespace {

constexpr std::string_view scheme = "PowerAuth";
constexpr std::size_t pairs_max = 32; // six have a meaning

bool is_space(char c)
{
    return c == ' ' || c == '\t';
}
bool is_separator(char c)
{
    return is_space(c) || c == ',';
}
bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The pairs of a header, in its own memory.
class pairs {
public:
    // False when there is no room, or the name is there already: of two, which was meant?
    [[nodiscard]] bool add(std::string_view name, std::string_view value) noexcept
    {
        if (count_ == pairs_max || std::ranges::find(names(), name) != names().end())
            return false;
        names_[count_] = name;
        values_[count_++] = value;
        return true;
    }
    // Empty when absent.
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept
    {
        const auto found = std::ranges::find(names(), name);
        return found == names().end() ? std::string_view{} : values_[static_cast<std::size_t>(found - names().begin())];
    }

private:
    [[nodiscard]] std::span<const std::string_view> names() const noexcept { return {names_.data(), count_}; }

    std::array<std::string_view, pairs_max> names_;
    std::array<std::string_view, pairs_max> values_;
    std::size_t count_ = 0;
};

std::optional<pairs> parse_pairs(std::string_view header)
{
    if (!header.starts_with(scheme) || header.size() == scheme.size() || !is_space(header[scheme.size()]))
        return std::nullopt;
    pairs out;
    std::size_t at = scheme.size();
    for (;;) {
        while (at < header.size() && is_separator(header[at]))
            ++at;
        if (at == header.size())
            return out;
        const std::size_t name_start = at;
        while (at < header.size() && is_name(header[at]))
            ++at;
        const std::string_view name = header.substr(name_start, at - name_start);
        if (name.empty() || header.substr(at, 2) != "=\"")
            return std::nullopt;
        at += 2;
        const std::size_t end = header.find('"', at);
        if (end == std::string_view::npos)
            return std::nullopt;
        if (!out.add(name, header.substr(at, end - at)))
            return std::nullopt;
        at = end + 1;
    }
}

bool is_base64_of_16(std::string_view text)
{
    return crypto::is_base64_of<16>(text);
}

void form_encode(std::string& out, std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        const bool kept = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '_' || c == '.' || c == '*';
        if (kept) {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += '%';
            out += digits[octet >> 4];
            out += digits[octet & 0x0F];
        }
    }
}

} // namespace

std::optional<authorization_header> parse_authorization(std::string_view header)
{
    const auto all = parse_pairs(header);
    if (!all)
        return std::nullopt;
    const auto version = registry::parse_version(all->field("pa_version"));
    const auto id = registry::uuid::parse(all->field("pa_activation_id"));
    const auto type = registry::parse_factors(all->field("pa_signature_type"));
    const std::string_view key = all->field("pa_application_key");
    const std::string_view nonce = all->field("pa_nonce");
    if (!version || !id || !type || !is_base64_of_16(key) || !is_base64_of_16(nonce))
        return std::nullopt;
    return authorization_header{*version, *id, key, nonce, *type, all->field("pa_signature")};
}

std::optional<encryption_header> parse_encryption(std::string_view header)
{
    const auto all = parse_pairs(header);
    if (!all)
        return std::nullopt;
    const auto version = registry::parse_version(all->field("version"));
    const std::string_view key = all->field("application_key");
    const std::string_view id_text = all->field("activation_id");
    const auto id = registry::uuid::parse(id_text);
    if (!version || !is_base64_of_16(key) || (!id_text.empty() && !id))
        return std::nullopt;
    return encryption_header{*version, std::string{key}, id};
}

std::optional<registry::presented_token> parse_token(std::string_view header)
{
    const auto all = parse_pairs(header);
    if (!all)
        return std::nullopt;
    const auto version = registry::parse_version(all->field("version"));
    const auto id = registry::uuid::parse(all->field("token_id"));
    const auto digest = crypto::from_base64_sized<32>(all->field("token_digest"));
    const auto nonce = crypto::from_base64_sized<16>(all->field("nonce"));
    const std::string_view timestamp = all->field("timestamp");
    if (!version || !id || !digest || !nonce || !registry::is_token_timestamp(timestamp))
        return std::nullopt;
    return registry::presented_token{*version, *id, *digest, *nonce, std::string{timestamp}};
}

std::optional<std::string> canonical_query(std::string_view raw_query)
{
    auto parameters = parse_query(raw_query);
    if (!parameters)
        return std::nullopt;
    return canonical_query(*std::move(parameters));
}

std::string canonical_query(std::vector<std::pair<std::string, std::string>> parameters)
{
    std::ranges::sort(parameters);
    std::string out;
    for (const auto& [name, value] : parameters) {
        if (!out.empty())
            out += '&';
        form_encode(out, name);
        out += '=';
        form_encode(out, value);
    }
    return out;
}

} // namespace doorward::handlers
