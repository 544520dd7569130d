#include "registry/provider_url.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace doorward::registry {
namespace {

constexpr std::size_t host_bytes_max = 253; // RFC 1035: a name in text
constexpr std::size_t label_bytes_max = 63; // RFC 1035: one part of it

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

std::string lower(std::string_view text)
{
    std::string out{text};
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

bool is_letter_or_digit(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Labels of letters, digits and dashes, no dash at their ends; an IPv4 address is such a name too.
bool is_host_name(std::string_view host) noexcept
{
    if (host.empty() || host.size() > host_bytes_max)
        return false;
    for (;;) {
        const auto label = host.substr(0, host.find('.'));
        const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-'; };
        if (label.empty() || label.size() > label_bytes_max || label.front() == '-' || label.back() == '-' ||
            !std::ranges::all_of(label, allowed))
            return false;
        if (label.size() == host.size())
            return true;
        host.remove_prefix(label.size() + 1);
    }
}

bool is_ipv6(const std::string& host) noexcept
{
    in6_addr ignored{};
    return ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept
{
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, bad] = std::from_chars(text.data(), end, port);
    if (bad != std::errc{} || stop != end || port == 0)
        return std::nullopt;
    return port;
}

// Segments of visible ASCII; what would end the path, or needs an escape everywhere, is none of it.
bool is_path(std::string_view path) noexcept
{
    constexpr std::string_view refused = "?#\"<>\\^`{|}";
    const auto allowed = [=](char c) { return c > ' ' && c < 0x7F && refused.find(c) == std::string_view::npos; };
    return path.starts_with('/') && std::ranges::all_of(path, allowed);
}

} // namespace

std::optional<provider_url> parse_provider_url(std::string_view text)
{
    constexpr std::string_view scheme_end = "://";
    if (text.size() > provider_url_bytes_max)
        return std::nullopt;
    const auto colon = text.find(scheme_end);
    if (colon == std::string_view::npos)
        return std::nullopt;
    provider_url out;
    const auto scheme = lower(text.substr(0, colon));
    out.tls = scheme == "https";
    if (!out.tls && scheme != "http")
        return std::nullopt;
    out.port = out.tls ? https_port : http_port;
    text.remove_prefix(colon + scheme_end.size());

    const auto slash = std::min(text.find('/'), text.size());
    std::string_view authority = text.substr(0, slash);
    out.path = slash == text.size() ? "/" : text.substr(slash);
    if (!is_path(out.path))
        return std::nullopt;

    if (authority.starts_with('[')) {
        const auto bracket = authority.find(']');
        if (bracket == std::string_view::npos)
            return std::nullopt;
        out.host = lower(authority.substr(1, bracket - 1));
        authority.remove_prefix(bracket + 1);
        if (!is_ipv6(out.host))
            return std::nullopt;
    } else {
        out.host = lower(authority.substr(0, authority.find(':')));
        authority.remove_prefix(out.host.size());
        if (!is_host_name(out.host))
            return std::nullopt;
    }
    if (authority.empty())
        return out;
    const auto port = authority.starts_with(':') ? parse_port(authority.substr(1)) : std::nullopt;
    if (!port)
        return std::nullopt;
    out.port = *port;
    return out;
}

std::string host_and_port(const provider_url& of)
{
    std::string out = of.host.find(':') == std::string::npos ? of.host : '[' + of.host + ']';
    if (of.port != (of.tls ? https_port : http_port))
        out += ':' + std::to_string(of.port);
    return out;
}

} // namespace doorward::registry
