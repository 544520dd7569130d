#pragma once

#include "registry/backup.hpp"

#include <filesystem>

namespace doorward::registry {

/// Writes a backup of an open store to a new file, while others write to the store.
///
/// It is written as FILE.part and gets its name when all of it is on the disk, mode 0600. A FILE.part that an
/// interrupted backup left is written over. The snapshot is open all along, and the store grows by what is changed
/// meanwhile; when it has less than an eighth of its map left and grew, the backup is given up.
///
/// errors  throws std::runtime_error: the file exists, is being written, cannot be; kv::damaged: the store is
/// threads any; it reads and writes as fast as it can
backup_summary write_backup_file(const kv::env& store, time_ms now, const std::filesystem::path& file,
                                 const backup_progress& progress = {});

/// Opens a file to be read as a backup. errors  throws std::runtime_error
[[nodiscard]] backup_source open_backup_file(const std::filesystem::path& file);

/// Brings names in a directory to the disk: files that were made, renamed or removed. errors  throws std::runtime_error
void sync_directory(const std::filesystem::path& directory);

} // namespace doorward::registry
