#pragma once

#include "crypto/bytes.hpp"
#include "registry/clock.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::registry {

/// What an office account is for (REGISTRATION-API.md 8.1). Every role except admin sees only the applications assigned
/// to the account. What each may call is in the tables of handlers/routes.cpp.
enum class role : std::uint8_t {
    admin = 1,          // everything
    integration = 2,    // a back office: registrations, attempts, verification
    human_operator = 3, // a person at a console: reads, blocks, unblocks, renames; more with a right
    auditor = 4,        // reads
    metrics = 5,        // reads numbers
};

inline constexpr role all_roles[]{role::admin, role::integration, role::human_operator, role::auditor, role::metrics};

[[nodiscard]] std::string_view to_text(role value) noexcept; // "ADMIN"
[[nodiscard]] std::optional<role> parse_role(std::string_view text) noexcept;

/// What an operator may do beyond his role when his account says so. Of no meaning for other roles.
enum class right : std::uint8_t {
    remove = 1, // remove registrations
    bulk = 2,   // change many registrations by one request
};

inline constexpr right all_rights[]{right::remove, right::bulk};

[[nodiscard]] std::string_view to_text(right value) noexcept; // "REMOVE"
[[nodiscard]] std::optional<right> parse_right(std::string_view text) noexcept;

/// A set of values of a small enumeration that begins with 1.
template <class Enum>
class enum_set {
public:
    constexpr enum_set() noexcept = default;
    constexpr enum_set(std::initializer_list<Enum> members) noexcept
    {
        for (const Enum each : members)
            add(each);
    }

    constexpr void add(Enum member) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(member)); }
    [[nodiscard]] constexpr bool has(Enum member) const noexcept { return (bits_ & bit(member)) != 0; }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }

    /// As they lie in the store: bit n - 1 stands for the member n.
    [[nodiscard]] constexpr std::uint8_t bits() const noexcept { return bits_; }

    constexpr bool operator==(const enum_set&) const noexcept = default;

private:
    static constexpr std::uint8_t bit(Enum member) noexcept
    {
        return static_cast<std::uint8_t>(1U << (static_cast<unsigned>(member) - 1));
    }

    std::uint8_t bits_ = 0;
};

using role_set = enum_set<role>;
using right_set = enum_set<right>;

/// Somebody who may call the office side. The password itself is shown once and never stored.
struct account {
    std::string username;
    std::string password_hash; // Argon2id
    role its_role = role::integration;
    std::vector<std::string> applications; // sorted, each once; of no meaning for admin
    bool enabled = true;
    time_ms created_at = 0;
    right_set rights;

    [[nodiscard]] bool may_see(std::string_view application_id) const noexcept;

    bool operator==(const account&) const = default;
};

/// A secret that stands for an account, so that programs need not send its password (RFC 6750). It is shown once; the
/// store has a digest of it.
struct account_token {
    std::string name; // of one account's tokens, each once
    crypto::byte_array<32> digest{};
    time_ms created_at = 0;
    time_ms expires_at = 0;   // 0: never
    time_ms last_used_at = 0; // 0: never; behind by up to token_use_written_ms

    [[nodiscard]] bool is_over(time_ms now) const noexcept { return expires_at != 0 && expires_at <= now; }

    bool operator==(const account_token&) const = default;
};

/// 1 to 64 of A-Z a-z 0-9 . _ - @
[[nodiscard]] bool is_username(std::string_view text) noexcept;
/// The same alphabet and length.
[[nodiscard]] bool is_token_name(std::string_view text) noexcept;

/// What the texts of tokens begin with, so that people and programs that look for leaked secrets recognise them.
inline constexpr std::string_view account_token_prefix = "dwt_";
/// The prefix and 32 random bytes in Base64 of URLs.
inline constexpr std::size_t account_token_characters = account_token_prefix.size() + 43;

/// A new one.
[[nodiscard]] std::string draw_account_token();
/// Has it the form of one?
[[nodiscard]] bool is_account_token(std::string_view text) noexcept;
/// What is kept of it. No memory is allocated.
///
/// key  of sealer::derive(account_token_purpose)
[[nodiscard]] crypto::byte_array<32> account_token_digest(std::string_view text, crypto::bytes_view key) noexcept;
inline constexpr std::string_view account_token_purpose = "account tokens";

} // namespace doorward::registry
