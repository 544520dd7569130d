#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// Does the request come with a token (`Authorization: Bearer`, RFC 6750)?
[[nodiscard]] bool names_bearer(const request& req) noexcept;

/// That token; empty without one.
[[nodiscard]] std::string_view bearer_of(const request& req) noexcept;

/// The account behind that token; null when there is none, or it does not hold. No lock, no password hash.
[[nodiscard]] std::shared_ptr<const registry::account> find_bearer(const request& req, const services& svc);

/// Who is calling the office side: the account behind HTTP Basic credentials (RFC 7617), or without any the one that
/// the client's certificate stands for.
///
/// The password hash is checked on the password pool, once; then the credentials are remembered for minutes. Unknown
/// names cost the same hash, so that time does not tell which accounts exist.
///
/// returns  the account; null when the credentials are missing or wrong
/// errors   registry::errc::passwords_busy
task<kv::result<std::shared_ptr<const registry::account>>> authenticate(const request& req, services& svc);

} // namespace doorward::handlers
