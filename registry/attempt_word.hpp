#pragma once

#include "registry/registration.hpp"

#include <cassert>

namespace doorward::registry {

/// All that a verdict depends on and changes, in 64 bits, so that one compare-and-swap decides.
///
///     bits  0..15   position   low bits of the counter position that is expected next
///     bits 16..23   failed     failed attempts since the last reset
///     bits 24..26   state      1 to 5
///     bits 27..63   version    grows by one with every transition; 137 thousand million of them
///
/// Of two words of one registration the one with the higher version is the later, in memory as on disk, whatever the
/// order in which they arrive. The transitions below are pure; attempt_slot performs them.
class attempt_word {
public:
    constexpr attempt_word() = default;
    constexpr explicit attempt_word(std::uint64_t bits) noexcept : bits_{bits} {}

    /// The first word of a registration.
    [[nodiscard]] static constexpr attempt_word first() noexcept { return make(1, state::created, 0, 0); }

    [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
    [[nodiscard]] constexpr std::uint16_t position() const noexcept { return static_cast<std::uint16_t>(bits_); }
    [[nodiscard]] constexpr std::uint8_t failed() const noexcept { return static_cast<std::uint8_t>(bits_ >> 16); }
    [[nodiscard]] constexpr state current() const noexcept { return static_cast<state>(bits_ >> 24 & 7); }
    [[nodiscard]] constexpr std::uint64_t version() const noexcept { return bits_ >> 27; }

    /// A right proof at `offset` from the expected position: the counter goes one past it.
    /// failed_then  how many failures it leaves
    [[nodiscard]] constexpr attempt_word accepted(unsigned offset, std::uint8_t failed_then) const noexcept
    {
        assert(current() == state::active);
        return make(version() + 1, state::active, failed_then, static_cast<std::uint16_t>(position() + offset + 1));
    }

    /// A success that somebody else verified: the counter stays.
    [[nodiscard]] constexpr attempt_word confirmed(std::uint8_t failed_then) const noexcept
    {
        assert(current() == state::active);
        return make(version() + 1, state::active, failed_then, position());
    }

    /// One failed attempt more, which makes `count` that are remembered, and leads to another state when it is the
    /// last.
    [[nodiscard]] constexpr attempt_word refused(std::size_t count, state to) const noexcept
    {
        assert(current() == state::active && count > 0);
        return make(version() + 1, to, static_cast<std::uint8_t>(count < 255 ? count : 255), position());
    }

    /// The same word, counting fewer.
    [[nodiscard]] constexpr attempt_word with_failed(std::uint8_t failed_then) const noexcept
    {
        return make(version(), current(), failed_then, position());
    }

    /// Another state; the caller has asked target() whether that is legal.
    [[nodiscard]] constexpr attempt_word moved(state to, std::uint8_t failed_then) const noexcept
    {
        assert(current() != state::removed); // invariant 5
        return make(version() + 1, to, failed_then, position());
    }

    constexpr bool operator==(const attempt_word&) const = default;

private:
    static constexpr attempt_word make(std::uint64_t version, state now, std::uint8_t failed,
                                       std::uint16_t position) noexcept
    {
        return attempt_word{version << 27 | static_cast<std::uint64_t>(now) << 24 |
                            static_cast<std::uint64_t>(failed) << 16 | position};
    }

    std::uint64_t bits_ = 0;
};

} // namespace doorward::registry
