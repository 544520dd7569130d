#pragma once

#include "registry/limits.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace doorward::registry {

// What failed attempts lead to (REGISTRATION-API.md 8.4). The defaults are what PowerAuth does: every failure counts
// the same, every success forgets them all, and a block ends only when somebody ends it.

/// Which failures are counted together.
enum class failure_counting : std::uint8_t {
    shared,     // all of them
    per_factor, // those of biometry apart from those of knowledge
};
[[nodiscard]] std::string_view to_text(failure_counting value) noexcept; // "shared"

/// Which success forgets failures. Possession alone never does.
enum class reset_rule : std::uint8_t {
    any,       // with knowledge: all; with biometry: all, or where they are counted apart those of biometry
    knowledge, // only one with knowledge: all
};
[[nodiscard]] std::string_view to_text(reset_rule value) noexcept; // "ANY"

/// What comes of the failure after the last temporary block that is allowed.
enum class last_resort : std::uint8_t { block, remove };
[[nodiscard]] std::string_view to_text(last_resort value) noexcept; // "BLOCK"

/// A block that ends by itself.
struct temporary_block {
    time_ms first = temporary_block_first_default_ms;
    std::uint16_t multiplier = 2; // of the time of the block before, as long as nothing was forgotten in between
    time_ms most = temporary_block_most_default_ms;
    std::uint8_t blocks_max = 0; // 0: as many as it takes
    last_resort then = last_resort::block;
    std::uint8_t attempts_after = 1; // that are left when it has ended; always less than the maximum

    bool operator==(const temporary_block&) const = default;
};

struct lockout_policy {
    failure_counting counters = failure_counting::shared;
    reset_rule resets_on = reset_rule::any;
    time_ms window = 0; // failures older than this are forgotten; 0: none ever is
    std::optional<temporary_block> temporary;

    bool operator==(const lockout_policy&) const = default;
};

/// When there are too many lockouts at once (registry/lockout_breaker.hpp).
struct breaker_settings {
    std::uint16_t least = 100; // lockouts in a window that are too many, whatever is usual
    std::uint16_t factor = 10; // times what is usual
    time_ms window = breaker_window_default_ms;
    time_ms pause = breaker_pause_default_ms; // how long it stays open

    bool operator==(const breaker_settings&) const = default;
};

/// What the n-th temporary block in a row lasts, in ms. n  1 or more
[[nodiscard]] time_ms duration_of(const temporary_block& of, unsigned n) noexcept;

} // namespace doorward::registry
