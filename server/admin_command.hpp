#pragma once

namespace CLI {
class App;
} // namespace CLI

namespace doorward::server {

/// What `doorward admin` ends with, so that scripts can tell why.
enum class admin_exit : int {
    done = 0,
    failed = 1,      // the server was not reached, or failed
    usage = 2,       // the command line is wrong
    not_found = 3,   // no such registration, application, account, ...
    refused = 4,     // the request is wrong, or not legal in the present state
    not_allowed = 5, // wrong credentials, or the account may not do this
    busy = 6,        // too much at once, or the server is ending or full: worth trying again
};

/// `doorward admin`: what operators do with applications, accounts, registrations and events, over the office API of a
/// running server. Answers are tables for people, or with --json what the server answered.
///
/// exit_code  set when a command ran
void add_admin_command(CLI::App& parent, int& exit_code);

} // namespace doorward::server
