#pragma once

namespace CLI {
class App;
}

namespace doorward::bench {

/// Adds the command `device`, a simulated phone whose state lives in a file, with its own subcommands.
///
/// Each run prints one JSON object on standard output. `exit_code` is set when a subcommand ran: 0 the operation was
/// accepted, 1 the device saw a protocol error or could not reach the server, 2 the server refused (the object then has
/// status, code and message). It must live until parent has parsed. Returns the command, to put it into a group.
CLI::App* add_device_command(CLI::App& parent, int& exit_code);

} // namespace doorward::bench
