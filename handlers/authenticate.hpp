#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// Who is calling the office side: the account behind HTTP Basic credentials (RFC 7617).
///
/// The password hash is checked on the password pool, once; then the credentials are remembered for minutes. Unknown
/// names cost the same hash, so that time does not tell which accounts exist.
///
/// returns  the account; null when the credentials are missing or wrong
/// errors   registry::errc::passwords_busy
task<kv::result<std::shared_ptr<const registry::account>>> authenticate(const request& req, services& svc);

} // namespace doorward::handlers
