#pragma once

#include "server/config.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace doorward::server {

/// A value of a setting as a file has it.
using config_value = std::variant<bool, std::int64_t, std::string>;

/// Where the value of a setting is in `settings`; its type is what the setting may hold.
using config_place = std::variant<bool*, std::uint64_t*, std::chrono::seconds*, std::string*, std::filesystem::path*,
                                  boost::asio::ip::tcp::endpoint*, handlers::status_style*, trusted_proxies*>;

/// One setting. The table of them is the only definition: the file is read by it, flags, variables and
/// systemd/doorward.toml are made from it.
struct config_setting {
    std::string_view key;     // "device.listen": the table of the file, then the name in it
    std::string_view flag;    // where that of flag_of() would be too long; else empty
    std::string_view unit;    // of a number
    std::string_view comment; // one line or several, for people who read the file
    bool reloads;             // it can change while the server runs
    std::string_view choices; // of a text that is one of a few: "compat|rest"
    std::int64_t least;       // of a number
    std::int64_t most;
    config_place (*place)(settings& of);
};

/// All of them in the order in which the file has them, those of one table together.
[[nodiscard]] std::span<const config_setting> config_settings() noexcept;

/// Null when there is none of that key.
[[nodiscard]] const config_setting* find_config_setting(std::string_view key) noexcept;

/// "--device-tls-certificate"
[[nodiscard]] std::string flag_of(const config_setting& of);
/// "DOORWARD_DEVICE_TLS_CERTIFICATE"
[[nodiscard]] std::string variable_of(const config_setting& of);

/// The defaults of all settings.
[[nodiscard]] settings default_settings();

/// Sets one. Empty when it was set, else why not: "must be a whole number from 1 to 256".
[[nodiscard]] std::string put_config_value(settings& to, const config_setting& which, const config_value& value);
/// The same from a text, as a flag or a variable has it: "true", "256".
[[nodiscard]] std::string put_config_text(settings& to, const config_setting& which, std::string_view text);

/// A value as a file would have it: true, 256, "127.0.0.1:8080".
[[nodiscard]] std::string config_text(const settings& of, const config_setting& which);
/// A text as a file would have it, in quotes.
[[nodiscard]] std::string toml_text(std::string_view text);

/// The whole file with the defaults and a comment for everything.
[[nodiscard]] std::string commented_config();

/// The table of the file that maps names in certificates to accounts; it is the only one whose keys are free.
inline constexpr std::string_view config_clients_table = "office.tls.clients";

} // namespace doorward::server
