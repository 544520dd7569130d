#pragma once

#include <filesystem>
#include <iosfwd>
#include <vector>

namespace doorward::server {

struct check_options {
    std::filesystem::path data;    // a store; or
    std::filesystem::path backup;  // a backup
    std::filesystem::path scratch; // of a backup: where it is unpacked; empty: the system's directory for that
    std::vector<std::filesystem::path> master_keys; // open every sealed value, too; empty: none are opened. Two of what
                                                    // is on its way from one to the other
};

/// Reads all of a store, or of a backup, and tells what is not as doorward writes it: one line of JSON for each
/// finding, and one at the end. First the pages (kv/page_walk.hpp), then, when they hold together, the rows
/// (registry/store_check.hpp). No server may run on the directory; check a backup of one that does.
///
/// returns  0, or damage_found
/// errors   throws std::runtime_error, kv::open_error: no store, in use, another format, no such key
[[nodiscard]] int check_store(const check_options& wanted, std::ostream& out);

} // namespace doorward::server
