#pragma once

#include "crypto/secret.hpp"

#include <filesystem>

namespace doorward::server {

// The master key file: 64 hexadecimal digits and a line end, readable by its owner alone.

/// Reads a master key. Throws std::runtime_error with the path and what is wrong: missing, open to others, malformed.
[[nodiscard]] crypto::secret<32> read_master_key(const std::filesystem::path& file);

/// Draws a key and writes it, mode 0600, to a file that must not exist yet. It is on the disk when this returns.
void create_master_key(const std::filesystem::path& file);

} // namespace doorward::server
