#pragma once

#include "crypto/bytes.hpp"

#include <compare>
#include <optional>

namespace doorward::registry {

/// A random id (RFC 9562, version 4): of a registration, a temporary key, a token.
struct uuid {
    crypto::byte_array<16> value{};

    /// From 36 characters in either case; empty for anything else.
    [[nodiscard]] static std::optional<uuid> parse(std::string_view text) noexcept;
    [[nodiscard]] static uuid random() noexcept;

    /// 36 lower-case characters.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] crypto::bytes_view view() const noexcept { return value; }

    auto operator<=>(const uuid&) const = default;
};

/// The dense, growing number behind a registration's id: every table about a registration is keyed by it, so creation
/// appends and neighbours stay together (DESIGN.md chapter 6). 0 is none.
using registration_number = std::uint64_t;

} // namespace doorward::registry
