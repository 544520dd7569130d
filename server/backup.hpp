#pragma once

#include <filesystem>
#include <iosfwd>

namespace doorward::server {

// The commands about backups (registry/backup.hpp).

struct backup_options {
    std::filesystem::path data; // of backup
    std::filesystem::path to;   // of backup
    std::filesystem::path from; // of show
};

/// Backs up a store, beside a server that runs on it or without one. Tells what it wrote as one line of JSON; how far
/// it has come on standard error, when that is a terminal.
///
/// errors  throws std::runtime_error, kv::open_error, kv::damaged with the reason; no file is left then
void take_backup(const backup_options& wanted, std::ostream& out);

/// Reads a backup from first to last and tells what is in it as JSON.
///
/// returns  0, or damage_found, told on `out` too
[[nodiscard]] int show_backup(const backup_options& wanted, std::ostream& out);

/// What commands end with when a backup or a store is not what was written; other errors end with 1.
inline constexpr int damage_found = 3;

struct restore_options {
    std::filesystem::path from;
    std::filesystem::path data;
};

/// Makes a store of a backup. The directory is made, or has nothing in it but a master key. What was written is removed
/// when anything is wrong with the backup. Tells what the store has as one line of JSON.
///
/// returns  0, or damage_found
/// errors   throws std::runtime_error, kv::open_error: no room, a directory that is not empty
[[nodiscard]] int restore_backup(const restore_options& wanted, std::ostream& out);

} // namespace doorward::server
