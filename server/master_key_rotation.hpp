#pragma once

#include <filesystem>
#include <iosfwd>

namespace doorward::server {

struct rotation_options {
    std::filesystem::path data;
    std::filesystem::path master_key; // empty: default_master_key()
    std::filesystem::path next_key;   // made when it is not there
};

/// Seals everything in a store under another master key. No server may run on the directory.
///
/// The new file is written beside the old one and takes its place in one step when all of it is on the disk. So it may
/// be killed at any time and done again: until then the old key is the store's, from then on the new one, and nothing
/// in the store opens with the old one. Keys that were derived from the old master key live on, sealed: tokens of
/// accounts, idempotency keys, refused proofs and pseudonyms stay what they were. Takes as much room on the disk as the
/// store.
///
/// errors  throws kv::open_error, std::runtime_error: no store, in use, not its key, no room, something that does not
///         open. Nothing was changed then
void rotate_master_key(const rotation_options& wanted, std::ostream& out);

} // namespace doorward::server
