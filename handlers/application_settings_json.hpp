#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"
#include "registry/directory.hpp"

namespace doorward::handlers {

/// What a request makes of the settings of an application.
struct wanted_settings {
    registry::application_settings settings;

    // The secret is not among the settings: it is never shown, and sealed before it goes anywhere.
    enum class secret_change { keep, forget, replace };
    secret_change secret = secret_change::keep;
    std::string new_secret; // when it is replaced
};

/// Reads the members of an application that are settings, as a merge patch (RFC 7396): what is absent stays as it is in
/// `now`, and null is the default again. Of an application that does not exist yet, `now` are the defaults.
///
/// id          of the application
/// has_secret  is there a secret of the provider now?
/// known       where the targets of transfers must be found
[[nodiscard]] wanted_settings decode_settings(const json_object& from, const registry::application_settings& now,
                                              std::string_view id, bool has_secret, const registry::directory& known);

/// Writes them as members of the object that is open.
void write_settings(json_writer& to, const registry::application& of);

/// The settings that are about lockout, as a document of their own (REGISTRATION-API.md 8.4): reads it whole, so that
/// what is absent becomes the default; the other settings stay.
[[nodiscard]] registry::application_settings decode_lockout_settings(const json_object& from,
                                                                     registry::application_settings now);
void write_lockout_settings(json_writer& to, const registry::application_settings& settings);

} // namespace doorward::handlers
