#include "server/master_key_rotation.hpp"
#include "handlers/json_writer.hpp"
#include "registry/keys.hpp"
#include "registry/sealed_fields.hpp"
#include "server/config.hpp"
#include "server/master_key.hpp"
#include "server/store_builder.hpp"

#include <ostream>

namespace doorward::server {
namespace {

namespace fs = std::filesystem;
namespace tables = registry::tables;

constexpr const char* rotation_workshop = "rotation"; // directory of the file that is being written

crypto::sealer load_sealer(const fs::path& key_file)
{
    return crypto::sealer{read_master_key(key_file).view().first<crypto::guarded_key::size>()};
}

class rotation {
public:
    rotation(const kv::read_txn& from, const crypto::sealer& old, const crypto::sealer& next, store_builder& to)
        : from_{from}, old_{old}, next_{next}, to_{to}
    {}

    void run()
    {
        for (std::size_t i = 0; i < std::size(tables::names); ++i) {
            const auto table = static_cast<kv::table>(i);
            from_.scan(table, {}, [&](crypto::bytes_view key, crypto::bytes_view record) {
                if (table == tables::meta)
                    keep_derivation(crypto::as_text(key));
                move_row(table, key, record);
                return true;
            });
        }
        to_.finish();
    }

    [[nodiscard]] std::uint64_t seals() const { return seals_; }

private:
    void move_row(kv::table table, crypto::bytes_view key, crypto::bytes_view record)
    {
        if (!registry::has_sealed_fields(table)) {
            to_.add(table, key, record);
            return;
        }
        const auto seal_anew = [&](std::string_view field, const crypto::bytes& place, crypto::bytes& sealed) {
            const auto opened = old_.open(sealed, place);
            if (!opened)
                throw std::runtime_error{"a " + std::string{field} + " in the table " +
                                         tables::names[static_cast<std::size_t>(table)] +
                                         " does not open; nothing was changed"};
            sealed = next_.seal(opened->view(), place);
            ++seals_;
        };
        to_.add(table, key, registry::visit_sealed(from_, table, key, record, seal_anew));
    }

    // In its place in the order of the keys, where the store does not have it from an earlier rotation.
    void keep_derivation(std::string_view next_name)
    {
        if (derivation_kept_ || next_name < registry::meta_key::derivation)
            return;
        derivation_kept_ = true;
        if (next_name == registry::meta_key::derivation)
            return;
        const auto place = registry::seal_place("meta", {}, registry::meta_key::derivation);
        to_.add(tables::meta, crypto::as_bytes(registry::meta_key::derivation),
                next_.seal(old_.derivation_base(), place));
        ++seals_;
    }

    const kv::read_txn& from_;
    const crypto::sealer& old_;
    const crypto::sealer& next_;
    store_builder& to_;
    bool derivation_kept_ = false;
    std::uint64_t seals_ = 0;
};

} // namespace

void rotate_master_key(const rotation_options& wanted, std::ostream& out)
{
    if (!fs::exists(wanted.data / kv::data_file_name))
        throw kv::open_error{wanted.data.string() + " holds no store"};
    const kv::directory_lock lock{wanted.data};
    const auto key_file = wanted.master_key.empty() ? default_master_key(wanted.data) : wanted.master_key;
    crypto::sealer old = load_sealer(key_file);
    if (!fs::exists(wanted.next_key))
        create_master_key(wanted.next_key);
    const crypto::sealer next = load_sealer(wanted.next_key);
    const fs::path workshop = wanted.data / rotation_workshop;
    fs::remove_all(workshop); // what an interrupted one left
    handlers::json_writer told;
    {
        const kv::env store{wanted.data, tables::names, kv::opening{kv::opening::role::reader}};
        store.view([&](const kv::read_txn& txn) {
            registry::require_store(txn, wanted.data);
            registry::check_store(txn, old);
            registry::learn_derivation(txn, old);
        });
        fs::create_directory(workshop);
        fs::permissions(workshop, fs::perms::owner_all);
        store_builder fresh{workshop};
        store.view([&](const kv::read_txn& txn) {
            rotation all{txn, old, next, fresh};
            all.run();
            told.object().member("rows", fresh.rows()).member("seals", all.seals());
        });
    }
    replace_store(wanted.data, workshop);
    out << told.member("masterKey", wanted.next_key.string()).end().text() << '\n';
}

} // namespace doorward::server
