#pragma once

#include "crypto/bytes.hpp"

namespace doorward::crypto {

/// What one Argon2id hash costs (RFC 9106).
struct password_cost {
    unsigned passes;
    std::size_t memory_bytes;
};

/// Office passwords: long-lived and chosen by us, verified once and then remembered for minutes.
inline constexpr password_cost office_password_cost{2, std::size_t{64} * 1024 * 1024};

/// One-time passwords of a registration: valid for minutes, few attempts, checked at every enrolment.
inline constexpr password_cost otp_cost{2, std::size_t{8} * 1024 * 1024};

/// The Argon2id hash of a password as self-describing text (at most 127 characters).
///
/// threads  any, but it takes milliseconds: never call it on an io thread or the writer
/// errors   throws std::bad_alloc when the memory is not to be had
[[nodiscard]] std::string hash_password(std::string_view password, const password_cost& cost);

/// Does the password belong to the hash? Takes as long as hashing did; same rule for threads.
///
/// errors   throws std::bad_alloc when the memory is not to be had, which is no verdict on the password
[[nodiscard]] bool verify_password(const std::string& hash, std::string_view password);

} // namespace doorward::crypto
