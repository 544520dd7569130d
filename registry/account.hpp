#pragma once

#include "registry/clock.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::registry {

/// What an office account may do. Every role except admin sees only the applications assigned to the account.
enum class role : std::uint8_t { admin = 1, integration = 2 };

[[nodiscard]] std::string_view to_text(role value) noexcept; // "ADMIN"
[[nodiscard]] std::optional<role> parse_role(std::string_view text) noexcept;

/// Somebody who may call the office side. The password itself is shown once and never stored.
struct account {
    std::string username;
    std::string password_hash; // Argon2id
    role its_role = role::integration;
    std::vector<std::string> applications; // sorted, each once; of no meaning for admin
    bool enabled = true;
    time_ms created_at = 0;

    [[nodiscard]] bool may_see(std::string_view application_id) const noexcept;

    bool operator==(const account&) const = default;
};

/// 1 to 64 of A-Z a-z 0-9 . _ - @
[[nodiscard]] bool is_username(std::string_view text) noexcept;

} // namespace doorward::registry
