#pragma once

#include "kv/bytes.hpp"
#include "kv/error.hpp"

#include <functional>
#include <optional>

struct MDB_txn;

namespace doorward::kv {

class env;

/// One of the tables an env was opened with: its position in that list.
enum class table : unsigned {};

/// A consistent view of all tables, as of the moment it was opened.
///
/// lifetime  views returned from it point into the store and end with the transaction; pages freed meanwhile are not
///           reused, so keep it short (env::view sees to that)
/// errors    a row that is not what was written throws damaged (record_sum.hpp), another fault of the store
///           storage_fault; "nothing there" is an empty optional
/// threads   one at a time
class read_txn {
public:
    read_txn(const read_txn&) = delete;
    read_txn& operator=(const read_txn&) = delete;

    [[nodiscard]] std::optional<bytes_view> get(table from, bytes_view key) const;

    // As it lies in the file: the sum is behind the record, and was not looked at. For finding out what the file is.

    [[nodiscard]] std::optional<bytes_view> get_as_stored(table from, bytes_view key) const;
    void scan_as_stored(table from, bytes_view first, const std::function<bool(bytes_view, bytes_view)>& visit) const;
    /// Does the sum behind a record fit? True where rows have none.
    [[nodiscard]] bool is_sound(table from, bytes_view key, bytes_view stored) const noexcept;

    /// Calls visit(key, value) for each row whose key is at least `first`, in key order, until it returns false.
    /// The visitor must not write.
    void scan(table from, bytes_view first, const std::function<bool(bytes_view, bytes_view)>& visit) const;

    /// The same for the rows whose key starts with `prefix`, from the first or, when given, from `first` on.
    void scan_prefix(table from, bytes_view prefix, const std::function<bool(bytes_view, bytes_view)>& visit) const;

    struct row {
        bytes_view key;
        bytes_view value;
    };
    /// The row with the greatest key.
    [[nodiscard]] std::optional<row> last(table from) const;

    [[nodiscard]] std::size_t row_count(table from) const { return usage_of(from).rows; }

    struct table_usage {
        std::size_t rows = 0;
        std::size_t pages = 0; // of all kinds
    };
    [[nodiscard]] table_usage usage_of(table which) const;

protected:
    friend class env;
    friend class writer;
    read_txn(const env& owner, unsigned flags);
    ~read_txn();

    const env& env_;
    MDB_txn* txn_;

private:
    // The record of a row, once its sum was found to fit.
    [[nodiscard]] bytes_view checked(table from, bytes_view key, bytes_view stored) const;
};

/// The one transaction that may write; the writer thread owns it.
///
/// A change writes without looking at each step: a write that finds no room throws batch_full, which only the writer
/// catches, and the whole batch is refused.
class write_txn : public read_txn {
public:
    void put(table to, bytes_view key, bytes_view value);
    /// A row behind all others of its table: fills pages without looking for its place. `key` is the greatest.
    void append(table to, bytes_view key, bytes_view value);
    /// Erasing what is not there is no error.
    void erase(table from, bytes_view key);

private:
    friend class env;
    friend class writer;
    explicit write_txn(const env& owner);

    void put(table to, bytes_view key, bytes_view value, unsigned flags);

    /// Empty on success. storage_full leaves the store as it was; every other failure throws storage_fault.
    [[nodiscard]] error_code commit();
};

} // namespace doorward::kv
