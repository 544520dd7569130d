#pragma once

#include "crypto/digest.hpp"
#include "registry/events.hpp"

#include <functional>

namespace doorward::registry {

// A backup: one file with all rows of a store as of one moment. Its form is in FORMAT.md; it does not depend on LMDB.
// Every byte is covered by a digest without a key: damage is found, and which part of which table it is in. Secrets
// stay sealed in it, and the master key is not in it.

/// A backup that is none, is cut off, or was changed; what and where is in its text.
struct backup_fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a backup says of itself.
struct backup_summary {
    crypto::byte store_format = 0;
    time_ms taken_at = 0;
    event_place last_event;
    registration_number last_number = 0;
    struct table_rows {
        std::string table;
        std::uint64_t rows = 0;
    };
    std::vector<table_rows> tables; // all of the store, in its order

    std::uint64_t bytes = 0;   // of the file; once all of it was written or read
    crypto::digest32 digest{}; // of everything; likewise

    [[nodiscard]] std::uint64_t rows() const noexcept;
};

/// Takes some bytes of a backup on their way out.
using backup_sink = std::function<void(crypto::bytes_view)>;
/// Told now and then how many rows of how many there are behind; may throw to end it.
using backup_progress = std::function<void(std::uint64_t rows, std::uint64_t of)>;

/// Writes everything that a snapshot has, from first to last, without looking back.
///
/// errors  throws kv::damaged when a row of the store is; what `to` and `progress` throw
backup_summary write_backup(const kv::read_txn& txn, time_ms now, const backup_sink& to,
                            const backup_progress& progress = {});

/// Fills a span with the next bytes of a backup; says how many there were. Fewer than asked for: it ends there.
using backup_source = std::function<std::size_t(std::span<crypto::byte>)>;

class backup_reader {
public:
    /// Reads the head. errors  throws backup_fault; what `from` throws
    explicit backup_reader(backup_source from);

    [[nodiscard]] const backup_summary& summary() const noexcept { return summary_; }

    /// Called with each row, in the order of tables and keys; of a part that was verified. table  its name
    using row_visitor = std::function<void(std::string_view table, crypto::bytes_view key, crypto::bytes_view record)>;

    /// Reads all that is behind the head. Once, and all of it is verified when this returns. `end_of_part` is called
    /// behind the rows of each part.
    /// errors  throws backup_fault; what the callables throw
    void read_rows(const row_visitor& visit, const std::function<void()>& end_of_part = {});

private:
    void read_exactly(std::span<crypto::byte> into, const std::string& what);
    void visit_part(crypto::bytes_view rows, std::uint32_t count, std::size_t table, const std::string& name,
                    const row_visitor& visit);

    backup_source from_;
    backup_summary summary_;
    crypto::digest32 digest_{}; // of what was read
    std::vector<std::uint64_t> rows_read_;
    std::size_t last_table_ = 0; // of the row before
    crypto::bytes last_key_;
};

/// One part of a backup has about so many bytes, or one row.
inline constexpr std::size_t backup_part_bytes = std::size_t{256} * 1024;

} // namespace doorward::registry
