#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace doorward::tests {

// What the shim, which lives in the server's process (storage_shim.cpp), shares with the test, which lives in another:
// the record of all that happened to the store's file, and a page of memory by which the test watches and steers.
//
//   record := entry*
//   entry  := entry_head  data:byte[size]     native integers; one write() each, so that a kill leaves whole entries

/// Names a directory that holds the file `control` and gets the file `record`.
inline constexpr const char* shim_directory_variable = "DOORWARD_STORAGE_SHIM";
inline constexpr const char* shim_control_file = "control";
inline constexpr const char* shim_record_file = "record";
/// The file that is watched, in whatever directory.
inline constexpr const char* shim_watched_file = "/data.mdb";

/// A disk writes so many bytes at once: all of them or none.
inline constexpr std::size_t sector = 512;

enum class storage_action : std::uint8_t {
    write,        // to be flushed
    synced_write, // on the disk when it returned (O_DSYNC)
    flush,        // fdatasync, fsync, msync
    reserve,      // fallocate that keeps the size
    resize        // anything else that changes the size
};

struct entry_head {
    storage_action what;
    std::uint8_t failed; // told to the server as an error, or as less than it wanted
    std::uint8_t unused[6];
    std::uint64_t offset; // write: where; resize: the new size
    std::uint64_t size;   // write: bytes that were written, also when it failed; they follow
};
static_assert(sizeof(entry_head) == 24);

enum class fault_kind : std::uint8_t {
    before, // nothing is done, and an error returned
    after,  // all is done, and an error returned all the same
    half    // half of a write, in whole sectors, is done and its length returned; everything else as `before`
};

/// Zero-filled by the test before the server starts. Everything may be read and written at any time.
struct storage_control {
    std::atomic<std::uint64_t> recorded; // entries in the record
    std::atomic<std::uint64_t> begun;    // operations, of which one that fails later is the `begun`-th
    std::atomic<std::uint64_t> faults;   // operations that were made to fail by the members below

    // Operations fault_first to fault_last, counted from 1, fail with fault_errno.
    std::atomic<std::uint64_t> fault_first;
    std::atomic<std::uint64_t> fault_last;
    std::atomic<int> fault_errno;
    std::atomic<fault_kind> fault;

    // A small disk: no byte of the file beyond it can be reserved or written. 0: as large as it really is.
    std::atomic<std::uint64_t> capacity_bytes;
    // The file system of that disk knows no fallocate.
    std::atomic<bool> cannot_reserve;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<fault_kind>::is_always_lock_free);

} // namespace doorward::tests
