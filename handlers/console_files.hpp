#pragma once

#include <span>
#include <string_view>

/// The files of the console, as the build made them (console/build.mjs) and put them into the binary. They are there
/// from the start of the program to its end, but not before main().
namespace doorward::handlers::embedded {

struct console_file {
    std::string_view name; // "index.html", "app-K3J4QZ5M.js"
    std::string_view content_type;
    bool is_forever; // its name tells its content
    std::string_view plain;
    std::string_view gzip;
    std::string_view brotli;
};

/// In the order of their names.
extern const std::span<const console_file> console_files;

} // namespace doorward::handlers::embedded
