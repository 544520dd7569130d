#include "kv/env.hpp"

#include <endian.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string>

namespace doorward::kv {
namespace {

MDB_val to_val(bytes_view data) noexcept
{
    return {data.size(), const_cast<byte*>(data.data())}; // LMDB does not write through keys and values
}

bytes_view from_val(const MDB_val& value) noexcept
{
    return {static_cast<const byte*>(value.mv_data), value.mv_size};
}

// The tree does not hold together.
bool is_damage(int code) noexcept
{
    return code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID || code == MDB_CURSOR_FULL;
}

bool is_full(int code) noexcept
{
    return code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT;
}

[[noreturn]] void refuse(const std::filesystem::path& directory, const std::string& why)
{
    throw open_error{"cannot open the store in " + directory.string() + ": " + why};
}

} // namespace

const unsigned env::read_only = MDB_RDONLY;

directory_lock::directory_lock(const std::filesystem::path& directory)
    : file_{::open((directory / owner_file_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)}
{
    if (file_ < 0)
        refuse(directory, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): start-up, one thread
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
        ::close(file_);
        refuse(directory, "another doorward is using it");
    }
}

directory_lock::~directory_lock()
{
    ::close(file_); // releases the lock
}

env::env(const std::filesystem::path& directory, std::span<const char* const> table_names, std::size_t map_bytes)
    : env{directory, table_names, opening{opening::role::owner, true, map_bytes}}
{}

env::env(const std::filesystem::path& directory, std::span<const char* const> table_names, const opening& how)
    : map_bytes_{how.map_bytes}, sums_{how.sums}
{
    const bool owner = how.as == opening::role::owner;
    if (owner)
        lock_.emplace(directory);
    const std::function<void(int)> check = [&](int code) {
        if (code != MDB_SUCCESS) {
            mdb_env_close(env_);
            refuse(directory, mdb_strerror(code));
        }
    };
    if (mdb_env_create(&env_) != MDB_SUCCESS)
        refuse(directory, "out of memory");
    check(mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(table_names.size())));
    check(mdb_env_set_maxreaders(env_, readers_max));
    check(mdb_env_set_mapsize(env_, map_bytes_));
    check(mdb_env_open(env_, directory.c_str(), MDB_NOTLS | (owner ? 0U : read_only), 0600));
    open_tables(table_names, owner, check);
    forget_dead_readers();
}

void env::open_tables(std::span<const char* const> table_names, bool create, const std::function<void(int)>& check)
{
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, create ? 0U : read_only, &txn));
    for (const char* name : table_names) {
        MDB_dbi dbi = 0;
        const int code = mdb_dbi_open(txn, name, create ? MDB_CREATE : 0U, &dbi);
        const bool exists = code != MDB_NOTFOUND;
        if (code != MDB_SUCCESS && (create || exists)) {
            mdb_txn_abort(txn);
            check(code);
        }
        tables_.push_back({name, table_seed(name), dbi, exists});
    }
    check(mdb_txn_commit(txn)); // of a reader, too: it keeps what was opened
}

env::~env()
{
    mdb_env_close(env_);
}

env::usage env::used() const
{
    MDB_envinfo info{};
    MDB_stat stat{};
    mdb_env_info(env_, &info);
    mdb_env_stat(env_, &stat);
    return {info.me_mapsize, (info.me_last_pgno + 1) * stat.ms_psize, info.me_numreaders};
}

void env::report(const char* damage) const noexcept
{
    // relaxed: two at the same time may both tell.
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (reports_ == nullptr || now.count() < next_report_.load(std::memory_order_relaxed))
        return;
    next_report_.store((now + std::chrono::seconds{1}).count(), std::memory_order_relaxed);
    reports_->damage_found(damage);
}

void env::fail(const char* what, const char* table, int code) const
{
    if (!is_damage(code))
        throw storage_fault{what, code};
    const damaged fault{std::string{what} + " in the table " + table + ": " + mdb_strerror(code)};
    report(fault.what());
    throw fault;
}

void env::forget_dead_readers() const
{
    int dead = 0;
    mdb_reader_check(env_, &dead); // what it cannot find out now, it finds out the next time
}

error_code env::reserve(std::size_t bytes) const
{
    const std::size_t wanted = std::min(used().used_bytes + bytes, map_bytes_);
    if (wanted <= reserved_bytes_)
        return {};
    forget_dead_readers(); // perhaps it grows because of one
    mdb_filehandle_t file{};
    mdb_env_get_fd(env_, &file);
    // A step at a time, or at least what is wanted when the disk has no room for a step.
    for (const std::size_t up_to : {wanted + reserve_step_bytes, wanted}) {
        if (::fallocate(file, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(reserved_bytes_),
                        static_cast<off_t>(up_to - reserved_bytes_)) == 0) {
            reserved_bytes_ = up_to;
            return {};
        }
        if (!is_full(errno)) // a file system that cannot reserve: a full disk shows at the commit
            return {};
    }
    return errc::storage_full;
}

read_txn::read_txn(const env& owner, unsigned flags) : env_{owner}, txn_{nullptr}
{
    if (const int code = mdb_txn_begin(owner.env_, nullptr, flags, &txn_); code != MDB_SUCCESS)
        throw storage_fault{"cannot begin a transaction", code};
}

read_txn::~read_txn()
{
    if (txn_ != nullptr)
        mdb_txn_abort(txn_);
}

bytes_view read_txn::checked(table from, bytes_view key, bytes_view stored) const
{
    if (!is_sound(from, key, stored)) {
        const damaged fault{std::string{"a row of the table "} + env_.at(from).name + " is damaged"};
        env_.report(fault.what());
        throw fault;
    }
    return stored.first(stored.size() - (env_.sums_ ? sum_bytes : 0));
}

std::optional<bytes_view> read_txn::get_as_stored(table from, bytes_view key) const
{
    const env::open_table& its = env_.at(from);
    if (!its.exists)
        return std::nullopt;
    MDB_val wanted = to_val(key);
    MDB_val found{};
    const int code = mdb_get(txn_, its.dbi, &wanted, &found);
    if (code == MDB_NOTFOUND)
        return std::nullopt;
    if (code != MDB_SUCCESS)
        env_.fail("cannot read", its.name, code);
    return from_val(found);
}

std::optional<bytes_view> read_txn::get(table from, bytes_view key) const
{
    const auto found = get_as_stored(from, key);
    return found ? std::optional{checked(from, key, *found)} : std::nullopt;
}

void read_txn::scan(table from, bytes_view first, const std::function<bool(bytes_view, bytes_view)>& visit) const
{
    scan_as_stored(from, first,
                   [&](bytes_view key, bytes_view stored) { return visit(key, checked(from, key, stored)); });
}

bool read_txn::is_sound(table from, bytes_view key, bytes_view stored) const noexcept
{
    if (!env_.sums_)
        return true;
    if (stored.size() < sum_bytes)
        return false;
    const bytes_view record = stored.first(stored.size() - sum_bytes);
    std::uint32_t sum = 0;
    std::memcpy(&sum, record.data() + record.size(), sum_bytes);
    return le32toh(sum) == row_sum(env_.at(from).seed, key, record);
}

void read_txn::scan_as_stored(table from, bytes_view first,
                              const std::function<bool(bytes_view, bytes_view)>& visit) const
{
    const env::open_table& its = env_.at(from);
    if (!its.exists)
        return;
    MDB_cursor* raw = nullptr;
    if (const int code = mdb_cursor_open(txn_, its.dbi, &raw); code != MDB_SUCCESS)
        env_.fail("cannot open a cursor", its.name, code);
    struct closer {
        MDB_cursor* cursor;
        ~closer() { mdb_cursor_close(cursor); }
    } const cursor{raw};

    MDB_val key = to_val(first);
    MDB_val value{};
    int code = mdb_cursor_get(raw, &key, &value, first.empty() ? MDB_FIRST : MDB_SET_RANGE);
    while (code == MDB_SUCCESS && visit(from_val(key), from_val(value)))
        code = mdb_cursor_get(raw, &key, &value, MDB_NEXT);
    if (code != MDB_SUCCESS && code != MDB_NOTFOUND)
        env_.fail("cannot scan", its.name, code);
}

void read_txn::scan_prefix(table from, bytes_view prefix,
                           const std::function<bool(bytes_view, bytes_view)>& visit) const
{
    scan_as_stored(from, prefix, [&](bytes_view key, bytes_view stored) {
        const bool inside = key.size() >= prefix.size() && std::memcmp(key.data(), prefix.data(), prefix.size()) == 0;
        return inside && visit(key, checked(from, key, stored)); // a row behind them may be damaged
    });
}

std::optional<read_txn::row> read_txn::last(table from) const
{
    const env::open_table& its = env_.at(from);
    if (!its.exists)
        return std::nullopt;
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn_, its.dbi, &cursor); code != MDB_SUCCESS)
        env_.fail("cannot open a cursor", its.name, code);
    MDB_val key{};
    MDB_val value{};
    const int code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND)
        return std::nullopt;
    if (code != MDB_SUCCESS)
        env_.fail("cannot read the last row", its.name, code);
    return row{from_val(key), checked(from, from_val(key), from_val(value))};
}

read_txn::table_usage read_txn::usage_of(table which) const
{
    const env::open_table& its = env_.at(which);
    if (!its.exists)
        return {};
    MDB_stat stat{};
    if (const int code = mdb_stat(txn_, its.dbi, &stat); code != MDB_SUCCESS)
        env_.fail("cannot count", its.name, code);
    return {stat.ms_entries, stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages};
}

write_txn::write_txn(const env& owner) : read_txn{owner, 0} {}

void write_txn::put(table to, bytes_view key, bytes_view value)
{
    put(to, key, value, 0);
}

void write_txn::append(table to, bytes_view key, bytes_view value)
{
    put(to, key, value, MDB_APPEND);
}

void write_txn::put(table to, bytes_view key, bytes_view value, unsigned flags)
{
    assert(!key.empty() && key.size() <= 511);
    const env::open_table& its = env_.at(to);
    MDB_val where = to_val(key);
    MDB_val what{value.size() + (env_.sums_ ? sum_bytes : 0), nullptr};
    const int code = mdb_put(txn_, its.dbi, &where, &what, flags | MDB_RESERVE);
    if (is_full(code))
        throw batch_full{};
    if (code != MDB_SUCCESS)
        env_.fail("cannot write", its.name, code);
    auto* const room = static_cast<byte*>(what.mv_data);
    if (!value.empty())
        std::memcpy(room, value.data(), value.size());
    if (env_.sums_) {
        const std::uint32_t sum = htole32(row_sum(its.seed, key, value));
        std::memcpy(room + value.size(), &sum, sum_bytes);
    }
}

void write_txn::erase(table from, bytes_view key)
{
    MDB_val where = to_val(key);
    const int code = mdb_del(txn_, env_.dbi(from), &where, nullptr);
    if (is_full(code))
        throw batch_full{};
    if (code != MDB_SUCCESS && code != MDB_NOTFOUND)
        env_.fail("cannot erase", env_.at(from).name, code);
}

error_code write_txn::commit()
{
    const int code = mdb_txn_commit(txn_);
    txn_ = nullptr; // freed by the call, whatever it returned
    if (is_full(code)) {
        // Room that was missing for the meta page: LMDB lets nobody begin a transaction any more.
        MDB_txn* probe = nullptr;
        if (mdb_txn_begin(env_.env_, nullptr, MDB_RDONLY, &probe) == MDB_PANIC)
            throw storage_fault{"cannot write the meta page", code};
        if (probe != nullptr)
            mdb_txn_abort(probe);
        return errc::storage_full;
    }
    if (code != MDB_SUCCESS)
        env_.fail("cannot commit", "of free pages", code);
    return {};
}

} // namespace doorward::kv
