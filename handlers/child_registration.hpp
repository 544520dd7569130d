#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/new_registration.hpp"

namespace doorward::handlers {

/// Makes a registration from another one, its parent: a code for another phone of the same user, which comes beside the
/// parent's phone or in its place (REGISTRATION-API.md R16).
///
/// parent    as it was read
/// child     its application, flags and times; what follows from the parent is added here
/// expected  only while the parent has one of these versions
/// errors    transfer_not_allowed by the rules of the parent's application, or no such application; precondition_failed
///           when the parent has another version, illegal_change when it is not ACTIVE, and what says so is on the
///           disk; as make_registration()
task<kv::result<registry::registration>> make_child(services& svc, const registry::registration& parent,
                                                    registry::transfer_type type, wanted_registration child,
                                                    std::optional<registry::expected_versions> expected = std::nullopt);

/// What is wrong with a one-time password of a registration that was made from another one: it takes the place of what
/// binds the phone to its user, so it must not be short. Empty: nothing.
[[nodiscard]] std::optional<violation> judge_transfer_otp(std::string_view otp);

} // namespace doorward::handlers
