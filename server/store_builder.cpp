#include "server/store_builder.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/backup_file.hpp"
#include "registry/store.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace doorward::server {
namespace {

constexpr std::size_t flush_bytes = std::size_t{8} * 1024 * 1024;

bool is_format(kv::table table, crypto::bytes_view key)
{
    return table == registry::tables::meta && std::ranges::equal(key, crypto::as_bytes(registry::meta_key::format));
}

// A change with as much room reserved as it takes: rows one behind the other fill pages.
template <class Write>
struct bulk_write {
    const Write& write;
    std::size_t bytes;

    kv::error_code operator()(kv::write_txn& txn) const
    {
        write(txn);
        return {};
    }
    [[nodiscard]] std::size_t weight() const noexcept { return 1 + 2 * bytes / kv::batch_bytes_per_change; }
};

template <class Write>
void commit_rows(kv::writer& to, std::size_t bytes, const Write& write)
{
    bulk_write<Write> change{write, bytes};
    if (const auto ec = kv::blocking_commit(to, change))
        throw std::runtime_error{"cannot write the store: " + ec.message()};
}

} // namespace

store_builder::store_builder(const std::filesystem::path& directory)
    : store_{directory, registry::tables::names}, writer_{store_}
{
    if (store_.view([](const kv::read_txn& txn) { return registry::is_initialised(txn); }))
        throw kv::open_error{directory.string() + " holds a store already"};
}

void store_builder::add(kv::table table, crypto::bytes_view key, crypto::bytes_view record)
{
    if (is_format(table, key))
        return;
    pending_.push_back({table, key.size(), record.size()});
    crypto::append(content_, key);
    crypto::append(content_, record);
    if (content_.size() + pending_.size() * sizeof(row) >= flush_bytes)
        flush();
}

void store_builder::flush()
{
    const auto write = [this](kv::write_txn& txn) {
        crypto::bytes_view rest{content_};
        for (const row& each : pending_) {
            const auto key = rest.first(each.key_size);
            txn.append(each.table, key, rest.subspan(each.key_size, each.record_size));
            rest = rest.subspan(each.key_size + each.record_size);
        }
    };
    commit_rows(writer_, content_.size() + pending_.size() * sizeof(row), write);
    rows_ += pending_.size();
    pending_.clear();
    content_.clear();
}

void store_builder::finish()
{
    flush();
    const auto write = [](kv::write_txn& txn) {
        txn.put(registry::tables::meta, crypto::as_bytes(registry::meta_key::format),
                std::span{&registry::store_format, 1});
    };
    commit_rows(writer_, 1, write);
    ++rows_;
}

void look_at_store(const std::filesystem::path& directory)
{
    if (!std::filesystem::exists(directory / kv::data_file_name))
        return; // what is wrong then is said by whoever opens it
    const kv::env store{directory, registry::tables::names, kv::opening{kv::opening::role::reader}};
    store.view([&](const kv::read_txn& txn) { registry::require_store(txn, directory); });
}

void replace_store(const std::filesystem::path& data, const std::filesystem::path& built,
                   const std::filesystem::path& kept)
{
    const auto file = data / kv::data_file_name;
    if (!kept.empty()) {
        std::filesystem::remove(kept); // of a replacement that was interrupted here
        if (::link(file.c_str(), kept.c_str()) != 0)
            throw std::runtime_error{kept.string() + ": " + std::strerror(errno)}; // NOLINT(concurrency-mt-unsafe)
        registry::sync_directory(data);
    }
    std::filesystem::rename(built / kv::data_file_name, file);
    registry::sync_directory(data);
    std::filesystem::remove_all(built);
}

void remove_store_files(const std::filesystem::path& directory) noexcept
{
    std::error_code ignored;
    for (const char* each : {kv::data_file_name, kv::reader_file_name, kv::owner_file_name})
        std::filesystem::remove(directory / each, ignored);
}

} // namespace doorward::server
