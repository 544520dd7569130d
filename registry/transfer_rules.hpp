#pragma once

#include "registry/application_settings.hpp"
#include "registry/registration.hpp"

namespace doorward::registry {

// What an application allows of making one registration from another (REGISTRATION-API.md R16).

/// May a registration of application `from`, which has these rules, have one made from it in application `to`?
[[nodiscard]] bool allows(const transfer_settings& rules, transfer_type how, std::string_view from,
                          std::string_view to) noexcept;

/// The way that is meant when none is named: beside the parent, where that is allowed. Empty when neither is.
[[nodiscard]] std::optional<transfer_type> usual_transfer(const transfer_settings& rules) noexcept;

/// A registration that is to be made from `parent`: what was asked for, with what follows from the parent and from the
/// rules. These are its user, its origin and its limit of failed attempts.
///
/// asked     complete but for these; its application has the settings `to`
/// from, to  settings of the parent's application and of its own
[[nodiscard]] registration child_of(const registration& parent, registration asked, transfer_type how,
                                    const application_settings& from, const application_settings& to);

} // namespace doorward::registry
