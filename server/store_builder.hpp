#pragma once

#include "crypto/bytes.hpp"
#include "kv/writer.hpp"
#include "registry/tables.hpp"

#include <filesystem>
#include <vector>

namespace doorward::server {

/// Fills a new store with rows that come in the order of their keys, many to a flush. Until finish() it is none that a
/// server would open: what it is (`format`) is written last.
class store_builder {
public:
    /// The directory exists and holds no store. errors  throws kv::open_error
    explicit store_builder(const std::filesystem::path& directory);
    store_builder(const store_builder&) = delete;
    store_builder& operator=(const store_builder&) = delete;
    ~store_builder() = default;

    /// table  of registry::tables. The row of the format is left out.
    /// errors  throws std::runtime_error: no room
    void add(kv::table table, crypto::bytes_view key, crypto::bytes_view record);

    /// All rows are on the disk, and the store is one of the present format. errors  as add()
    void finish();

    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

private:
    struct row {
        kv::table table;
        std::size_t key_size;
        std::size_t record_size;
    };
    void flush();

    kv::env store_;
    kv::writer writer_;
    std::vector<row> pending_;
    crypto::bytes content_; // of the pending rows, one behind the other
    std::uint64_t rows_ = 0;
};

/// Looks what a directory holds before it is opened by its owner, who makes tables that are not there: a store that is
/// refused stays as it is. errors  throws kv::open_error: no store, or one of another format
void look_at_store(const std::filesystem::path& directory);

/// Lets a store that was built in DIR/NAME take the place of the one in DIR, in one step. Nobody has either open but
/// readers. kept  another name that the old file has then; empty: it is gone
/// errors  throws std::runtime_error
void replace_store(const std::filesystem::path& data, const std::filesystem::path& built,
                   const std::filesystem::path& kept = {});

/// Removes the files of a store, as far as they are there.
void remove_store_files(const std::filesystem::path& directory) noexcept;

} // namespace doorward::server
