#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>

namespace doorward::server {

struct rotation_options {
    std::filesystem::path data;
    std::filesystem::path master_key; // empty: default_master_key()
    std::filesystem::path next_key;   // empty: one is drawn
};

/// A server that uses the store has not begun after so long, or stands still for so long: then it does not do it.
inline constexpr std::chrono::seconds rotation_patience{60};

/// Exchanges the master key of a store for another, and seals everything anew with it: a server that uses the store
/// does so while it serves; where there is none, this does it.
///
/// The next key is put into the data directory first (next_master_key()), where the server sees it within a second.
/// When nothing needs the former key any more, the next one takes its place in the key file, and the former one stays
/// beside it as FILE.until-TIME: backups from before need it. It may be killed at any time, and so may the server; done
/// again, it goes on where it was. Keys that were derived from the first master key live on, sealed: tokens of
/// accounts, idempotency keys, refused proofs and pseudonyms stay what they were. Pages that are free keep what was in
/// them until they are used again; a store that is restored from a backup has none of those.
///
/// returns  0, or damage_found: some values could not be read
/// errors   throws kv::open_error, std::runtime_error: no store, not its key, no room, another rotation is under way, a
///          server that does nothing. What was done stays, and either key file is good as it is
int rotate_master_key(const rotation_options& wanted, std::ostream& out);

} // namespace doorward::server
