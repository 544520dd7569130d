#pragma once

#include "server/config.hpp"

#include <functional>

namespace doorward::server {

class instance;

/// Runs a server in the foreground: says where it listens, waits for SIGTERM or SIGINT, drains, returns.
///
/// errors  those of instance's constructor
void serve(const settings& wanted);

/// Blocks SIGTERM and SIGINT for this thread and those it starts. Before the first thread is started.
void block_stop_signals();

/// Waits for SIGTERM or SIGINT; they must be blocked.
void wait_for_stop_signal();

} // namespace doorward::server
