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

/// The secret of the session that the request comes with, when it may be used for it: it names no other credentials,
/// has the header of the console, which no page of another origin can send, and no origin but ours. Empty otherwise.
[[nodiscard]] std::string_view session_of(const request& req) noexcept;
/// The same without looking at the header of the console: for requests that are about the session itself.
[[nodiscard]] std::string_view session_cookie(const request& req) noexcept;

/// Was it sent by a page of this very server, or by no page at all? Browsers tell the origin of everything that changes
/// something.
[[nodiscard]] bool is_of_own_origin(const request& req) noexcept;

/// Does it come from the page of the console? It is not told of ways to authenticate that a browser would take for
/// itself and open a window for.
[[nodiscard]] inline bool is_of_console(const request& req) noexcept
{
    return !req.console.empty();
}

/// The account behind the session; null when there is none, or it is over.
[[nodiscard]] std::shared_ptr<const registry::account> find_session_owner(const request& req, services& svc);

/// The names of the cookie: where the browser spoke TLS, and where it did not.
inline constexpr std::string_view secure_session_cookie = "__Host-doorward-console";
inline constexpr std::string_view plain_session_cookie = "doorward-console";

/// Who it is that calls.
struct authentication {
    std::shared_ptr<const registry::account> who; // null: nobody that is known
    registry::time_ms wait_ms = 0;                // how long until the next password is looked at; none was before
};

/// Whose name and password these are, as far as sign_in_throttle lets them be looked at.
///
/// The password hash is checked on the password pool, once; then the credentials are remembered for minutes, and the
/// throttle is not asked. Unknown names cost the same hash, so that time does not tell which accounts exist.
///
/// from     where they came from; outlives the coroutine
/// errors   registry::errc::passwords_busy
task<kv::result<authentication>> check_credentials(std::string username, std::string password,
                                                   const registry::source_address& from, services& svc);

/// Who is calling the office side: the account behind HTTP Basic credentials (RFC 7617), by check_credentials(), or
/// without any the one that the client's certificate stands for.
///
/// req      outlives the coroutine
/// errors   as check_credentials()
task<kv::result<authentication>> authenticate(const request& req, services& svc);

} // namespace doorward::handlers
