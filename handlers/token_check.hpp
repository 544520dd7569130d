#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

#include <span>

namespace doorward::handlers {

/// A token and the registration that it belongs to, as the store has them.
struct found_token {
    registry::uuid id;
    registry::full_registration owner;
    registry::stored_token token;
};

/// Empty: there is no such token, or there is none any more.
[[nodiscard]] std::optional<found_token> find_token(services& svc, const registry::uuid& id);

/// One use of a token (PROTOCOL.md section 14): of a version that the application accepts, in time, its registration
/// ACTIVE, its type good enough, its digest right, and its nonce new. That it was used is on disk when this returns. It
/// moves no counter and counts no failure.
///
/// allowed  the types that are good enough
/// errors   token_refused; kv::errc: whether it holds may not be told
task<kv::error_code> use_token(services& svc, const found_token& token, const registry::presented_token& shown,
                               std::span<const registry::factors> allowed);

/// The same for a resource of the device side: whose token stands in X-PowerAuth-Token.
task<kv::result<found_token>> require_token(services& svc, const request& req,
                                            std::span<const registry::factors> allowed);

} // namespace doorward::handlers
