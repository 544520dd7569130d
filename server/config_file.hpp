#pragma once

#include "server/config_table.hpp"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

namespace doorward::server {

/// What is wrong with a configuration: a line for each problem, with the file and line, variable or flag and the key.
struct config_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Where a configuration comes from. Kept, so that it can be read again.
struct config_source {
    std::filesystem::path file;                            // empty: none
    std::map<std::string, std::string, std::less<>> flags; // key -> text, those that were given

    // Sockets that listen already, instead of those of the file; -1: none.
    int device_socket = -1;
    int office_socket = -1;

    /// The value of an environment variable, null without one; another one in tests.
    std::function<const char*(const char*)> variable;
};

struct loaded_config {
    settings values;
    std::map<std::string, std::string, std::less<>>
        origins; // key -> "FILE:LINE", "$VARIABLE" or "--flag"; else default
};

/// Reads the file, then the variables, then the flags; the later one counts. All settings together must be possible,
/// too: see check_config().
///
/// errors  throws config_error with all that is wrong
[[nodiscard]] loaded_config load_config(const config_source& from);

/// What is wrong with settings of which each is right by itself; a line for each, empty when they go together.
[[nodiscard]] std::vector<std::string> check_config(const settings& of);

/// The settings as a file that would have the same effect, with a comment that says where each comes from.
[[nodiscard]] std::string show_config(const loaded_config& of);

/// The keys of settings that differ and need a restart.
[[nodiscard]] std::vector<std::string> changes_that_need_a_restart(const settings& running, const settings& wanted);

/// Why a listener may not serve HTTP without TLS at an address; empty when it may.
[[nodiscard]] std::string refuse_plain(const boost::asio::ip::tcp::endpoint& where, bool has_tls, bool allow_plain);

} // namespace doorward::server
