#pragma once

#include "registry/source_address.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::server {

inline constexpr std::size_t trusted_networks_max = 64; // of one side, count

/// Networks of what stands in front of doorward and is believed when it tells in X-Forwarded-For for whom it asks.
/// Immutable once it was parsed, so any thread may read it.
class trusted_proxies {
public:
    trusted_proxies() = default; // nobody

    /// Addresses and networks with commas between: "192.0.2.1, 10.1.2.0/28, 2001:db8::/32". Empty: nobody.
    ///
    /// errors  throws std::invalid_argument: says which part is no network, or what else is wrong with it
    [[nodiscard]] static trusted_proxies parse(std::string_view text);

    [[nodiscard]] bool contains(const registry::source_address& address) const noexcept;

    bool operator==(const trusted_proxies&) const = default;

    /// As parse() takes it.
    friend std::string to_text(const trusted_proxies& what);

private:
    struct network {
        registry::source_address first;
        unsigned bits = 0; // of its 128 that all addresses of the network have

        [[nodiscard]] static network parse(std::string_view text);
        bool operator==(const network&) const = default;
    };
    std::vector<network> networks_;
};

/// Whom a trusted proxy asks for. Each proxy writes behind what it got, so what counts is the last address that is not
/// a trusted proxy's: what stands before it anybody may have made up.
///
/// proxy      who sent the request
/// forwarded  the values of its X-Forwarded-For fields in their order; an address may have a port behind it, and empty
///            members of a list are none (RFC 9110 section 5.6.1)
/// returns    `proxy` when they tell nothing; the proxy that wrote it where something is no address; the first address
///            when all are trusted
[[nodiscard]] registry::source_address client_behind(const registry::source_address& proxy,
                                                     std::span<const std::string_view> forwarded,
                                                     const trusted_proxies& trusted);

} // namespace doorward::server
