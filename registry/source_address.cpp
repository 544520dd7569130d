#include "registry/source_address.hpp"

#include <algorithm>

#include <arpa/inet.h>

namespace doorward::registry {
namespace {

constexpr crypto::byte_array<12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::size_t v6_network_bytes = 8; // a /64

} // namespace

source_address source_address::from_v4(const crypto::byte_array<4>& address) noexcept
{
    source_address out;
    std::ranges::copy(v4_prefix, out.bytes.begin());
    std::ranges::copy(address, out.bytes.begin() + v4_prefix.size());
    return out;
}

std::optional<source_address> source_address::parse(const std::string& text) noexcept
{
    if (text.find('\0') != std::string::npos) // where inet_pton would see its end
        return std::nullopt;
    crypto::byte_array<4> v4;
    if (::inet_pton(AF_INET, text.c_str(), v4.data()) == 1)
        return from_v4(v4);
    source_address out;
    if (::inet_pton(AF_INET6, text.c_str(), out.bytes.data()) == 1)
        return out;
    return std::nullopt;
}

bool source_address::is_v4() const noexcept
{
    return std::ranges::equal(v4_prefix, crypto::bytes_view{bytes}.first(v4_prefix.size()));
}

crypto::bytes_view source_address::network() const noexcept
{
    const crypto::bytes_view whole{bytes};
    return is_v4() ? whole : whole.first(v6_network_bytes);
}

std::string to_text(const source_address& address)
{
    if (address.is_unknown())
        return {};
    const bool v4 = address.is_v4();
    const auto* const from = address.bytes.data() + (v4 ? v4_prefix.size() : 0);
    char text[INET6_ADDRSTRLEN] = {};
    static_cast<void>(::inet_ntop(v4 ? AF_INET : AF_INET6, from, text, sizeof text));
    return text;
}

} // namespace doorward::registry
