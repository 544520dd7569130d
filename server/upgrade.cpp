#include "server/upgrade.hpp"
#include "handlers/json_writer.hpp"
#include "registry/store.hpp"
#include "server/store_builder.hpp"

#include <ostream>

namespace doorward::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* workshop_name = "upgrade"; // directory of the file that is being written

crypto::byte format_of(const fs::path& data)
{
    const kv::env store{data, registry::tables::names, kv::opening{kv::opening::role::reader}};
    const auto found = store.view([](const kv::read_txn& txn) { return registry::find_format(txn); });
    if (!found)
        throw kv::open_error{data.string() + " holds no store"};
    if (*found > registry::store_format)
        throw kv::open_error{"the store was written by a newer doorward: its format is " + std::to_string(*found) +
                             ", this one knows up to " + std::to_string(registry::store_format)};
    return *found;
}

// From 1 to 2 every row gets its sum; the records stay as they are.
std::uint64_t write_anew(const fs::path& from, const fs::path& to)
{
    const kv::env old{from, registry::tables::names, kv::opening{kv::opening::role::reader, false}};
    store_builder fresh{to};
    old.view([&](const kv::read_txn& txn) {
        std::uint64_t rows = 0;
        for (std::size_t i = 0; i < std::size(registry::tables::names); ++i) {
            const auto table = static_cast<kv::table>(i);
            rows += txn.row_count(table);
            txn.scan(table, {}, [&](crypto::bytes_view key, crypto::bytes_view record) {
                fresh.add(table, key, record);
                return true;
            });
        }
        fresh.finish();
        if (rows != fresh.rows())
            throw std::runtime_error{"the store has another number of rows than it says; nothing was changed"};
    });
    return fresh.rows();
}

} // namespace

void upgrade_store(const fs::path& data, std::ostream& out)
{
    if (!fs::exists(data / kv::data_file_name))
        throw kv::open_error{data.string() + " holds no store"};
    const kv::directory_lock lock{data};
    const auto format = format_of(data);
    const fs::path workshop = data / workshop_name;
    handlers::json_writer told;
    told.object().member("format", static_cast<unsigned>(registry::store_format));
    fs::remove_all(workshop); // what an interrupted one left
    if (format < registry::store_format) {
        fs::create_directory(workshop);
        fs::permissions(workshop, fs::perms::owner_all);
        const fs::path kept =
            data / (std::string{kv::data_file_name} + ".format-" + std::to_string(static_cast<unsigned>(format)));
        told.member("before", static_cast<unsigned>(format)).member("rows", write_anew(data, workshop));
        replace_store(data, workshop, kept);
        told.member("kept", kept.string());
    }
    out << told.end().text() << '\n';
}

} // namespace doorward::server
