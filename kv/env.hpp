#pragma once

#include "kv/txn.hpp"

#include <filesystem>
#include <span>
#include <vector>

struct MDB_env;

namespace doorward::kv {

/// Address space reserved for the data file, in bytes: a ceiling, not an allocation. 64 GiB hold some fifty million
/// registrations; beyond it writes are refused with storage_full.
inline constexpr std::size_t map_bytes_default = std::size_t{64} * 1024 * 1024 * 1024;

/// The file's blocks are reserved in steps of so many bytes, ahead of what is written.
inline constexpr std::size_t reserve_step_bytes = std::size_t{16} * 1024 * 1024;

/// Snapshots that can be open at once, all threads together.
inline constexpr unsigned readers_max = 512;

/// The open store: one directory with an LMDB file and a lock.
///
/// LMDB runs in its default mode: a commit returns when its pages and then its meta page are on the disk. Exactly one
/// process opens a directory (lmdb.h, "Caveats": opening twice in one process drops the locks).
class env {
public:
    /// Opens the store, creating tables that do not exist yet. `directory` must exist.
    ///
    /// errors  throws open_error: another process holds the directory, no permission, a damaged file
    env(const std::filesystem::path& directory, std::span<const char* const> table_names,
        std::size_t map_bytes = map_bytes_default);
    env(const env&) = delete;
    env& operator=(const env&) = delete;
    ~env();

    /// Calls `read` with a snapshot and returns what it returns.
    ///
    /// `read` is an ordinary function, so the snapshot cannot outlive a suspension point (lmdb.h, "Avoid long-lived
    /// transactions"). Any thread; never nest.
    template <class Read>
    auto view(Read&& read) const
    {
        const snapshot txn{*this};
        return read(static_cast<const read_txn&>(txn));
    }

    struct usage {
        std::size_t map_bytes;
        std::size_t used_bytes;
        unsigned readers;
    };
    [[nodiscard]] usage used() const;

    /// Makes sure that the file system has room for the file to grow by `bytes`. Writer thread.
    ///
    /// Without it a disk that fills up in the middle of a commit shows as a short write, which LMDB reports like a
    /// broken disk. errors  storage_full
    [[nodiscard]] error_code reserve(std::size_t bytes) const;

private:
    friend class read_txn;
    friend class write_txn;
    friend class writer;

    class snapshot : public read_txn {
    public:
        explicit snapshot(const env& owner) : read_txn{owner, read_only} {}
    };
    static const unsigned read_only;

    [[nodiscard]] unsigned dbi(table which) const noexcept { return tables_[static_cast<std::size_t>(which)]; }

    class directory_lock {
    public:
        explicit directory_lock(const std::filesystem::path& directory);
        directory_lock(const directory_lock&) = delete;
        directory_lock& operator=(const directory_lock&) = delete;
        ~directory_lock();

    private:
        int file_;
    };

    directory_lock lock_;
    MDB_env* env_ = nullptr;
    std::size_t map_bytes_;
    mutable std::size_t reserved_bytes_ = 0; // writer thread only
    std::vector<unsigned> tables_;
};

} // namespace doorward::kv
