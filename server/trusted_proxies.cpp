#include "server/trusted_proxies.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace doorward::server {
namespace {

using registry::source_address;

constexpr unsigned v4_bits_before = 96;            // of an IPv4 address that is mapped into IPv6
constexpr std::size_t address_characters_max = 45; // "0000:0000:0000:0000:0000:ffff:255.255.255.255"

std::string_view trim(std::string_view text) noexcept
{
    constexpr std::string_view space = " \t";
    const auto first = text.find_first_not_of(space);
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(space) - first + 1);
}

// The part behind the last comma, taken off.
std::string_view take_last(std::string_view& list) noexcept
{
    const auto comma = list.rfind(',');
    const bool is_only = comma == std::string_view::npos;
    const auto out = is_only ? list : list.substr(comma + 1);
    list = is_only ? std::string_view{} : list.substr(0, comma);
    return trim(out);
}

std::optional<source_address> parse_address(std::string_view text)
{
    if (text.size() > address_characters_max)
        return std::nullopt;
    return source_address::parse(std::string{text});
}

// Nothing, or ":4711".
bool is_port(std::string_view text) noexcept
{
    return text.empty() || (text.size() > 1 && text.front() == ':' &&
                            text.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

// "192.0.2.1:4711", "[2001:db8::1]:4711", "[2001:db8::1]" or an address by itself.
std::optional<source_address> parse_forwarded(std::string_view text)
{
    std::string_view address = text;
    std::string_view port;
    if (const auto end = text.find(']'); text.starts_with('[') && end != std::string_view::npos) {
        address = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else if (const auto colon = text.find(':'); colon == text.rfind(':') && colon != std::string_view::npos) {
        address = text.substr(0, colon);
        port = text.substr(colon);
    }
    return is_port(port) ? parse_address(address) : std::nullopt;
}

bool bit(const source_address& of, unsigned which) noexcept
{
    return (of.bytes[which / 8] >> (7 - which % 8) & 1) != 0;
}

[[noreturn]] void refuse(std::string_view text, const char* why)
{
    throw std::invalid_argument{'"' + std::string{text} + "\" " + why};
}

} // namespace

trusted_proxies::network trusted_proxies::network::parse(std::string_view text)
{
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address || address->is_unknown())
        refuse(text, "is no address and no network, like 192.0.2.1 or 10.1.2.0/28");
    if (address->is_v4() && slash != std::string_view::npos && text.find(':') != std::string_view::npos)
        refuse(text, "is a network of IPv4: it is written like 10.1.2.0/28");
    const unsigned before = address->is_v4() ? v4_bits_before : 0;
    unsigned bits = 128 - before;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const unsigned most = bits;
        const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (bad != std::errc{} || end != digits.data() + digits.size() || bits == 0 || bits > most)
            refuse(text, "is no network: behind the slash is how many bits its addresses share, at least one");
    }
    const network out{*address, before + bits};
    for (unsigned each = out.bits; each < 128; ++each) {
        if (bit(out.first, each))
            refuse(text, "is no network: it has bits set that its addresses do not share");
    }
    return out;
}

trusted_proxies trusted_proxies::parse(std::string_view text)
{
    trusted_proxies out;
    while (!text.empty()) {
        if (const auto part = take_last(text); !part.empty())
            out.networks_.push_back(network::parse(part));
        if (out.networks_.size() > trusted_networks_max)
            throw std::invalid_argument{"has more than " + std::to_string(trusted_networks_max) + " networks"};
    }
    std::ranges::reverse(out.networks_);
    return out;
}

bool trusted_proxies::contains(const source_address& address) const noexcept
{
    return std::ranges::any_of(networks_, [&](const network& each) {
        const auto whole = each.bits / 8;
        if (each.first.is_v4() != address.is_v4() ||
            !std::equal(address.bytes.begin(), address.bytes.begin() + whole, each.first.bytes.begin()))
            return false;
        const unsigned rest = each.bits % 8;
        return rest == 0 || (address.bytes[whole] ^ each.first.bytes[whole]) >> (8 - rest) == 0;
    });
}

std::string to_text(const trusted_proxies& what)
{
    std::string out;
    for (const auto& each : what.networks_) {
        out += out.empty() ? "" : ", ";
        out += to_text(each.first);
        const unsigned bits = each.first.is_v4() ? each.bits - v4_bits_before : each.bits;
        if (each.bits < 128)
            out += '/' + std::to_string(bits);
    }
    return out;
}

source_address client_behind(const source_address& proxy, std::span<const std::string_view> forwarded,
                             const trusted_proxies& trusted)
{
    source_address out = proxy;
    for (auto field = forwarded.rbegin(); field != forwarded.rend(); ++field) {
        for (std::string_view list = *field; !list.empty();) {
            const auto part = take_last(list);
            if (part.empty())
                continue;
            const auto before = parse_forwarded(part);
            if (!before)
                return out;
            out = *before;
            if (!trusted.contains(out))
                return out;
        }
    }
    return out;
}

} // namespace doorward::server
