#pragma once

#include "crypto/bytes.hpp"

#include <optional>
#include <string>

namespace doorward::registry {

/// Where a request came from: an IPv6 address, or an IPv4 one mapped into IPv6 (RFC 4291 section 2.5.5.2). All zero
/// when unknown.
struct source_address {
    crypto::byte_array<16> bytes{};

    [[nodiscard]] static source_address from_v4(const crypto::byte_array<4>& address) noexcept;

    /// "192.0.2.1", "2001:db8::1"; empty for anything else.
    [[nodiscard]] static std::optional<source_address> parse(const std::string& text) noexcept;

    [[nodiscard]] bool is_unknown() const noexcept { return *this == source_address{}; }
    [[nodiscard]] bool is_v4() const noexcept;

    /// What one client is taken to have to itself: the whole of an IPv4 address, the first half of an IPv6 address (a
    /// household or a host is given a /64 and may use any address in it).
    [[nodiscard]] crypto::bytes_view network() const noexcept;

    bool operator==(const source_address&) const = default;
};

/// "192.0.2.1", "2001:db8::1"; empty when unknown.
[[nodiscard]] std::string to_text(const source_address& address);

} // namespace doorward::registry
