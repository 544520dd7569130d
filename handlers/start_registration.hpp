#pragma once

#include "handlers/slots.hpp"

namespace doorward::handlers {

/// Brings a registration a step nearer to ACTIVE, or there: by exchange_keys, exchange_and_start or commit.
///
/// One that was made from another starts in one change with what its parent becomes by it (attempts::start_child), and
/// only while the parent is ACTIVE. A blocked parent leaves it waiting; with a removed one it is removed too, for it
/// could never start any more.
///
/// which     as it was read; what is asked of it is where it comes from
/// bound     what a key exchange adds
/// checked   the one-time password that the move follows from, where it can be replaced
/// expected  only while it has one of these versions
/// errors    parent_not_active: nothing became active, and what that depends on is on the disk; changed_meanwhile: that
///           password is another one by now; precondition_failed: it has none of those versions; kv::errc
task<kv::result<move_result>> start_registration(services& svc, const registry::registration& which,
                                                 registry::slot_ptr slot, registry::move by, registry::actor who,
                                                 std::optional<registry::binding> bound = std::nullopt,
                                                 std::optional<registry::otp_edition> checked = std::nullopt,
                                                 std::optional<registry::expected_versions> expected = std::nullopt);

} // namespace doorward::handlers
