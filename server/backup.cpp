#include "server/backup.hpp"
#include "crypto/encoding.hpp"
#include "handlers/json_writer.hpp"
#include "registry/backup_file.hpp"
#include "server/store_builder.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>

namespace doorward::server {
namespace {

// May be put there before: the master key, and the next one for a backup that was taken during a rotation.
constexpr std::string_view key_names[]{"master.key", "master.key.next"};

class progress_line {
public:
    explicit progress_line(const char* doing) : doing_{doing} {}
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;
    ~progress_line()
    {
        if (shown_)
            std::cerr << "\r\033[K" << std::flush;
    }

    void tell(std::uint64_t rows, std::uint64_t of)
    {
        if (!is_terminal_)
            return;
        shown_ = true;
        std::cerr << "\r\033[K" << doing_ << ": " << rows << " of " << of << " rows" << std::flush;
    }

private:
    const char* doing_;
    const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool shown_ = false;
};

void write_summary(handlers::json_writer& to, const registry::backup_summary& what)
{
    to.member("takenAt", what.taken_at)
        .member("storeFormat", static_cast<unsigned>(what.store_format))
        .member("bytes", what.bytes)
        .member("digest", crypto::to_hex(what.digest))
        .member("rows", what.rows())
        .member("registrations", what.last_number)
        .member("lastEvent", what.last_event.sequence)
        .member("lastEventDigest", crypto::to_hex(what.last_event.digest));
}

int tell_damage(std::ostream& out, const std::exception& fault)
{
    handlers::json_writer told;
    told.object().member("status", "DAMAGED").member("reason", fault.what());
    out << told.end().text() << '\n';
    return damage_found;
}

// Removes what a restore that failed has written, unless it is kept.
class restored_directory {
public:
    explicit restored_directory(const std::filesystem::path& path) : path_{path}
    {
        for (const auto& each : std::filesystem::is_directory(path) ? std::filesystem::directory_iterator{path}
                                                                    : std::filesystem::directory_iterator{}) {
            if (std::ranges::find(key_names, each.path().filename().string()) == std::end(key_names))
                throw std::runtime_error{path.string() + " is not empty; nothing was changed"};
        }
        made_ = std::filesystem::create_directories(path);
        if (made_)
            std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
    restored_directory(const restored_directory&) = delete;
    restored_directory& operator=(const restored_directory&) = delete;
    ~restored_directory()
    {
        if (kept_)
            return;
        remove_store_files(path_);
        std::error_code ignored;
        if (made_)
            std::filesystem::remove(path_, ignored);
    }

    void keep()
    {
        registry::sync_directory(path_);
        const auto whole = std::filesystem::absolute(path_).lexically_normal();
        registry::sync_directory((whole.has_filename() ? whole : whole.parent_path()).parent_path());
        kept_ = true;
    }

private:
    const std::filesystem::path path_;
    bool made_ = false;
    bool kept_ = false;
};

kv::table table_named(std::string_view name)
{
    const auto* const found =
        std::ranges::find_if(registry::tables::names, [name](const char* each) { return name == each; });
    if (found == std::end(registry::tables::names))
        throw registry::backup_fault{"the backup has a table that is not known: " + std::string{name}};
    return static_cast<kv::table>(found - std::begin(registry::tables::names));
}

registry::backup_summary rebuild(const restore_options& wanted)
{
    registry::backup_reader backup{registry::open_backup_file(wanted.from)};
    if (backup.summary().store_format != registry::store_format)
        throw std::runtime_error{"the backup is of a store of format " + std::to_string(backup.summary().store_format) +
                                 "; this doorward restores " + std::to_string(registry::store_format)};
    restored_directory directory{wanted.data};
    {
        store_builder store{wanted.data};
        progress_line progress{"restoring"};
        const std::uint64_t all = backup.summary().rows();
        backup.read_rows([&](std::string_view table, crypto::bytes_view key,
                             crypto::bytes_view record) { store.add(table_named(table), key, record); },
                         [&] { progress.tell(store.rows(), all); });
        store.finish();
    }
    directory.keep();
    return backup.summary();
}

} // namespace

void take_backup(const backup_options& wanted, std::ostream& out)
{
    const kv::env store{wanted.data, registry::tables::names, kv::opening{kv::opening::role::reader}};
    store.view([&](const kv::read_txn& txn) { registry::require_store(txn, wanted.data); });
    const auto began = std::chrono::steady_clock::now();
    progress_line progress{"backing up"};
    const auto made =
        registry::write_backup_file(store, registry::system_clock{}.now(), wanted.to,
                                    [&](std::uint64_t rows, std::uint64_t of) { progress.tell(rows, of); });
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    handlers::json_writer told;
    told.object().member("file", wanted.to.string());
    write_summary(told, made);
    out << told.member("milliseconds", took.count()).end().text() << '\n';
}

int show_backup(const backup_options& wanted, std::ostream& out)
{
    try {
        registry::backup_reader backup{registry::open_backup_file(wanted.from)};
        progress_line progress{"reading"};
        std::uint64_t rows = 0;
        const std::uint64_t all = backup.summary().rows();
        backup.read_rows([&](std::string_view, crypto::bytes_view, crypto::bytes_view) { ++rows; },
                         [&] { progress.tell(rows, all); });
        handlers::json_writer told;
        told.object().member("status", "OK");
        write_summary(told, backup.summary());
        told.key("tables").object();
        for (const auto& each : backup.summary().tables)
            told.member(each.table, each.rows);
        out << told.end().end().text() << '\n';
        return 0;
    } catch (const registry::backup_fault& fault) {
        return tell_damage(out, fault);
    }
}

int restore_backup(const restore_options& wanted, std::ostream& out)
{
    try {
        const auto made = rebuild(wanted);
        handlers::json_writer told;
        told.object().member("status", "OK");
        write_summary(told, made);
        out << told.end().text() << '\n';
        return 0;
    } catch (const registry::backup_fault& fault) {
        return tell_damage(out, fault);
    }
}

} // namespace doorward::server
