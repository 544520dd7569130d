#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace doorward::bench {

struct demo_options {
    std::string device = "127.0.0.1:8080";
    std::string office = "127.0.0.1:8081";
    bool exit_after_story = false;
};

/// `doorward demo`: starts a server on a temporary directory, plays the life of a registration with real requests,
/// tells it line by line, and leaves the server running until Ctrl-C.
void add_demo_command(CLI::App& parent, demo_options& wanted);

} // namespace doorward::bench
