#include "kv/env.hpp"

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

env::directory_lock::directory_lock(const std::filesystem::path& directory)
    : file_{::open((directory / "doorward.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)}
{
    if (file_ < 0)
        refuse(directory, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): start-up, one thread
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
        ::close(file_);
        refuse(directory, "another doorward is using it");
    }
}

env::directory_lock::~directory_lock()
{
    ::close(file_); // releases the lock
}

env::env(const std::filesystem::path& directory, std::span<const char* const> table_names, std::size_t map_bytes)
    : lock_{directory}, map_bytes_{map_bytes}
{
    const auto check = [&](int code) {
        if (code != MDB_SUCCESS) {
            mdb_env_close(env_);
            refuse(directory, mdb_strerror(code));
        }
    };
    if (mdb_env_create(&env_) != MDB_SUCCESS)
        refuse(directory, "out of memory");
    check(mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(table_names.size())));
    check(mdb_env_set_maxreaders(env_, readers_max));
    check(mdb_env_set_mapsize(env_, map_bytes));
    check(mdb_env_open(env_, directory.c_str(), MDB_NOTLS, 0600));

    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    for (const char* name : table_names) {
        MDB_dbi dbi = 0;
        const int code = mdb_dbi_open(txn, name, MDB_CREATE, &dbi);
        if (code != MDB_SUCCESS)
            mdb_txn_abort(txn);
        check(code);
        tables_.push_back(dbi);
    }
    check(mdb_txn_commit(txn));
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

error_code env::reserve(std::size_t bytes) const
{
    const std::size_t wanted = std::min(used().used_bytes + bytes, map_bytes_);
    if (wanted <= reserved_bytes_)
        return {};
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

std::optional<bytes_view> read_txn::get(table from, bytes_view key) const
{
    MDB_val wanted = to_val(key);
    MDB_val found{};
    const int code = mdb_get(txn_, env_.dbi(from), &wanted, &found);
    if (code == MDB_NOTFOUND)
        return std::nullopt;
    if (code != MDB_SUCCESS)
        throw storage_fault{"cannot read", code};
    return from_val(found);
}

void read_txn::scan(table from, bytes_view first, const std::function<bool(bytes_view, bytes_view)>& visit) const
{
    MDB_cursor* raw = nullptr;
    if (const int code = mdb_cursor_open(txn_, env_.dbi(from), &raw); code != MDB_SUCCESS)
        throw storage_fault{"cannot open a cursor", code};
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
        throw storage_fault{"cannot scan", code};
}

void read_txn::scan_prefix(table from, bytes_view prefix,
                           const std::function<bool(bytes_view, bytes_view)>& visit) const
{
    scan(from, prefix, [&](bytes_view key, bytes_view value) {
        const bool inside = key.size() >= prefix.size() && std::memcmp(key.data(), prefix.data(), prefix.size()) == 0;
        return inside && visit(key, value);
    });
}

std::optional<read_txn::row> read_txn::last(table from) const
{
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn_, env_.dbi(from), &cursor); code != MDB_SUCCESS)
        throw storage_fault{"cannot open a cursor", code};
    MDB_val key{};
    MDB_val value{};
    const int code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND)
        return std::nullopt;
    if (code != MDB_SUCCESS)
        throw storage_fault{"cannot read the last row", code};
    return row{from_val(key), from_val(value)};
}

read_txn::table_usage read_txn::usage_of(table which) const
{
    MDB_stat stat{};
    if (const int code = mdb_stat(txn_, env_.dbi(which), &stat); code != MDB_SUCCESS)
        throw storage_fault{"cannot count", code};
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
    MDB_val where = to_val(key);
    MDB_val what = to_val(value);
    const int code = mdb_put(txn_, env_.dbi(to), &where, &what, flags);
    if (is_full(code))
        throw batch_full{};
    if (code != MDB_SUCCESS)
        throw storage_fault{"cannot write", code};
}

void write_txn::erase(table from, bytes_view key)
{
    MDB_val where = to_val(key);
    const int code = mdb_del(txn_, env_.dbi(from), &where, nullptr);
    if (is_full(code))
        throw batch_full{};
    if (code != MDB_SUCCESS && code != MDB_NOTFOUND)
        throw storage_fault{"cannot erase", code};
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
        throw storage_fault{"cannot commit", code};
    return {};
}

} // namespace doorward::kv
