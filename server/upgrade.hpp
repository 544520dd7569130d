#pragma once

#include <filesystem>
#include <iosfwd>

namespace doorward::server {

/// Brings a store that an older doorward wrote to the present format. No server may run on the directory. A store that
/// has it already is left alone.
///
/// The new file is written beside the old one and takes its place in one step when all of it is on the disk; so it may
/// be killed at any time, and done again. The old file stays as data.mdb.format-N, for whoever wants to go back, until
/// somebody removes it. It takes as much room on the disk as the store.
///
/// errors  throws kv::open_error, std::runtime_error: no store, a newer one, in use, no room, damaged
void upgrade_store(const std::filesystem::path& data, std::ostream& out);

} // namespace doorward::server
