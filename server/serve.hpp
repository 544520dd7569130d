#pragma once

#include "server/config_file.hpp"

#include <functional>

namespace doorward::server {

class instance;

/// Runs a server in the foreground: says where it listens, waits for SIGTERM or SIGINT, drains, returns. SIGHUP has it
/// read its configuration again; one that is wrong is told of in the log and changes nothing. Tells systemd, when it
/// runs under it, what it does and that it gets on.
///
/// errors  config_error, and those of instance's constructor
void serve(const config_source& from);

/// Reads a configuration, and the certificates that it names.
///
/// errors  config_error, std::runtime_error (certificates)
void check_configuration(const config_source& from);

/// Blocks SIGTERM and SIGINT for this thread and those it starts. Before the first thread is started.
void block_stop_signals();

/// Waits for SIGTERM or SIGINT; they must be blocked.
void wait_for_stop_signal();

} // namespace doorward::server
