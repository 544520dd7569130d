#include "server/check.hpp"
#include "handlers/json_writer.hpp"
#include "kv/page_walk.hpp"
#include "registry/master_key.hpp"
#include "registry/store_check.hpp"
#include "server/backup.hpp"
#include "server/master_key.hpp"
#include "server/store_builder.hpp"

#include <cstdlib>
#include <optional>
#include <ostream>
#include <sstream>

namespace doorward::server {
namespace {

namespace fs = std::filesystem;

class temporary_store {
public:
    explicit temporary_store(const fs::path& parent)
        : path_{(parent.empty() ? fs::temp_directory_path() : parent) / "doorward-check-XXXXXX"}
    {
        std::string text = path_.string();
        if (::mkdtemp(text.data()) == nullptr)
            throw std::runtime_error{"cannot make a directory in " + path_.parent_path().string()};
        path_ = text;
    }
    temporary_store(const temporary_store&) = delete;
    temporary_store& operator=(const temporary_store&) = delete;
    ~temporary_store()
    {
        remove_store_files(path_);
        std::error_code ignored;
        fs::remove(path_, ignored);
    }

    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void tell_finding(std::ostream& out, const std::string& table, const std::string& key, std::uint64_t page,
                  const std::string& what)
{
    handlers::json_writer told;
    told.object();
    if (page != 0)
        told.member("page", page);
    if (!table.empty())
        told.member("table", table);
    if (!key.empty())
        told.member("key", key);
    out << told.member("what", what).end().text() << '\n';
}

std::uint64_t tell_pages(const kv::page_report& pages, std::ostream& out)
{
    for (const kv::page_fault& each : pages.faults)
        tell_finding(out, each.table, {}, each.page, each.what);
    for (const std::string& each : pages.unknown_tables)
        tell_finding(out, {}, {}, 0, "there is a table that doorward does not know: " + each);
    return pages.faults.size() + pages.unknown_tables.size();
}

using key_list = std::vector<crypto::secret<32>>;

// Of keys that are not the store's the first: it is said of each value that it does not open.
std::unique_ptr<crypto::sealer> sealer_of(const kv::read_txn& txn, const key_list& keys, std::ostream& out)
{
    if (keys.empty())
        return nullptr;
    try {
        return registry::find_store_keys(txn, keys).sealer;
    } catch (const std::runtime_error& why) {
        tell_finding(out, "meta", {}, 0, why.what());
        return std::make_unique<crypto::sealer>(keys.front().view().first<crypto::guarded_key::size>());
    }
}

int check_directory(const fs::path& data, const key_list& keys, std::ostream& out)
{
    if (!fs::exists(data / kv::data_file_name))
        throw kv::open_error{data.string() + " holds no store"};
    const kv::directory_lock lock{data};
    const auto pages = kv::walk_pages(data / kv::data_file_name, registry::tables::names);
    std::uint64_t found = tell_pages(pages, out);
    registry::check_report rows;
    if (pages.faults.empty()) { // otherwise LMDB might end this process
        const kv::env store{data, registry::tables::names, kv::opening{kv::opening::role::reader}};
        rows = store.view([&](const kv::read_txn& txn) {
            try {
                registry::require_store(txn, data);
            } catch (const kv::damaged&) { // said by the check
            }
            const auto sealer = sealer_of(txn, keys, out);
            return registry::check_rows(txn, sealer.get());
        });
        for (const registry::check_finding& each : rows.findings)
            tell_finding(out, each.table, each.key, 0, each.what);
        found += rows.found;
    }
    handlers::json_writer told;
    told.object()
        .member("status", found == 0 ? "OK" : "DAMAGED")
        .member("findings", found)
        .member("pages", pages.pages)
        .member("rows", rows.rows);
    if (!keys.empty())
        told.member("sealsOpened", rows.seals);
    if (!pages.faults.empty())
        told.member("rowsRead", false);
    out << told.end().text() << '\n';
    return found == 0 ? 0 : damage_found;
}

} // namespace

int check_store(const check_options& wanted, std::ostream& out)
{
    key_list keys;
    for (const fs::path& each : wanted.master_keys)
        keys.push_back(read_master_key(each));
    if (wanted.backup.empty())
        return check_directory(wanted.data, keys, out);
    const temporary_store unpacked{wanted.scratch};
    std::ostringstream told;
    if (const int outcome = restore_backup({wanted.backup, unpacked.path()}, told); outcome != 0) {
        out << told.str();
        return outcome;
    }
    return check_directory(unpacked.path(), keys, out);
}

} // namespace doorward::server
