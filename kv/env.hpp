#pragma once

#include "kv/record_sum.hpp"
#include "kv/txn.hpp"

#include <atomic>
#include <chrono>
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

/// Keeps other owners out of a directory, as long as it lives.
class directory_lock {
public:
    /// errors  throws open_error: another process has it, no permission
    explicit directory_lock(const std::filesystem::path& directory);
    directory_lock(const directory_lock&) = delete;
    directory_lock& operator=(const directory_lock&) = delete;
    ~directory_lock();

private:
    int file_;
};

/// The files of a store in its directory.
inline constexpr const char* data_file_name = "data.mdb";
inline constexpr const char* reader_file_name = "lock.mdb"; // LMDB's; nothing in it is to be kept
inline constexpr const char* owner_file_name = "doorward.lock";

/// How a store is opened.
struct opening {
    enum class role {
        owner,  // the one process that may write
        reader, // reads beside an owner, or without one; makes and changes nothing but LMDB's lock file
    };
    role as = role::owner;
    bool sums = true; // rows end with a sum (record_sum.hpp); only stores of format 1 have none
    std::size_t map_bytes = map_bytes_default;
};

/// Told of damage that somebody came upon, beside the error that he gets.
class damage_listener {
public:
    /// Any thread, at most once a second. what  which table, no more of the row
    virtual void damage_found(const char* what) noexcept = 0;

protected:
    ~damage_listener() = default;
};

/// The open store: one directory with an LMDB file and a lock.
///
/// LMDB runs in its default mode: a commit returns when its pages and then its meta page are on the disk. Exactly one
/// process owns a directory, and any number read it beside; no process opens it twice (lmdb.h, "Caveats": that drops
/// the locks).
class env {
public:
    /// Opens the store, creating tables that do not exist yet. `directory` must exist.
    ///
    /// errors  throws open_error: another process holds the directory, no permission, a damaged file
    env(const std::filesystem::path& directory, std::span<const char* const> table_names,
        std::size_t map_bytes = map_bytes_default);
    /// The same, in another way. A reader finds tables empty that do not exist.
    env(const std::filesystem::path& directory, std::span<const char* const> table_names, const opening& how);
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

    /// Who is told of damage. Before the object is shared. to  outlives this object
    void report_damage_to(damage_listener& to) noexcept { reports_ = &to; }
    /// Tells of damage, for whoever gets over it without an error. Any thread.
    void report(const char* damage) const noexcept;

    /// Forgets snapshots of processes that died with them open, so that what those kept can be used again. Any thread.
    void forget_dead_readers() const;

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

    struct open_table {
        const char* name; // lives as long as the program
        std::uint32_t seed;
        unsigned dbi;
        bool exists;
    };
    [[nodiscard]] const open_table& at(table which) const noexcept { return tables_[static_cast<std::size_t>(which)]; }
    [[nodiscard]] unsigned dbi(table which) const noexcept { return at(which).dbi; }

    void open_tables(std::span<const char* const> table_names, bool create, const std::function<void(int)>& check);

    [[noreturn]] void fail(const char* what, const char* table, int code) const;

    damage_listener* reports_ = nullptr;
    mutable std::atomic<std::chrono::steady_clock::rep> next_report_{0};
    std::optional<directory_lock> lock_; // of an owner
    MDB_env* env_ = nullptr;
    std::size_t map_bytes_;
    bool sums_;
    mutable std::size_t reserved_bytes_ = 0; // writer thread only
    std::vector<open_table> tables_;
};

} // namespace doorward::kv
