#pragma once

#include "handlers/services.hpp"

namespace doorward::handlers {

/// Passwords that are replaced while the one before is being compared, in a row; then the caller is told 409.
inline constexpr int otp_replacements_max = 8;

/// Checks a one-time password (PROTOCOL.md 12.4).
///
/// `due` tells whether this is the phase in which it is asked for. One that is missing, or given where nobody asked, is
/// refused without counting: otherwise any holder of an activation code could skip the commit. A wrong one has been
/// counted on disk when this returns, and the last permitted one has removed the registration.
///
/// checked  which password `waiting` has, where it can be replaced meanwhile
/// errors   otp_required, otp_wrong, illegal_change (no longer waiting), changed_meanwhile (it was replaced: read it
///          again), kv::errc
task<kv::error_code> check_otp(services& svc, const registry::full_registration& waiting, bool due,
                               const std::optional<std::string>& given, const registry::actor& who,
                               std::optional<registry::otp_edition> checked = std::nullopt);

} // namespace doorward::handlers
