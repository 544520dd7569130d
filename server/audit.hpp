#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace doorward::server {

// The commands that are about the chain of events. No server may run on the directory meanwhile; a copy of one that
// runs will do.

struct audit_options {
    std::filesystem::path data;
    std::filesystem::path master_key; // of checkpoint; empty: default_master_key()
    std::filesystem::path checkpoint; // of verify; empty: none
    std::string public_key;           // whose signature that must have, Base64
};

/// What verify ends with when the chain is broken; other errors end with 1.
inline constexpr int audit_broken = 3;

/// Compares all events with their chain (registry/audit_chain.hpp) and, where there is one, with a checkpoint. Tells
/// the outcome as one line of JSON.
///
/// returns  0, or audit_broken
/// errors   throws kv::open_error, std::runtime_error: no store, a checkpoint that cannot be read, or is not signed
/// with
///          that key
[[nodiscard]] int verify_audit(const audit_options& wanted, std::ostream& out);

/// Writes a checkpoint of now as one line of JSON. The key that signs it is made the first time and kept in the store.
///
/// errors  throws kv::open_error, std::runtime_error: no store, not its master key, no room
void write_audit_checkpoint(const audit_options& wanted, std::ostream& out);

} // namespace doorward::server
