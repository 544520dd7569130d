#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace doorward::registry {

/// Where a provider is reached, taken apart.
struct provider_url {
    bool tls = false;
    std::string host; // name or address, an IPv6 address without its brackets
    std::uint16_t port = 0;
    std::string path; // begins with a slash

    bool operator==(const provider_url&) const = default;
    /// The same server, whatever the path?
    [[nodiscard]] bool same_origin(const provider_url& other) const noexcept
    {
        return tls == other.tls && host == other.host && port == other.port;
    }
};

/// host, or host:port where it is not the usual port; an IPv6 address in its brackets. As the header Host has it.
[[nodiscard]] std::string host_and_port(const provider_url& of);

/// Reads http://host[:port][/path] or https://...; empty for anything else: user information, a query, a fragment,
/// what is not visible ASCII, more than provider_url_bytes_max bytes. Scheme and host have no case.
[[nodiscard]] std::optional<provider_url> parse_provider_url(std::string_view text);

} // namespace doorward::registry
