#include "server/init.hpp"
#include "crypto/encoding.hpp"
#include "crypto/password.hpp"
#include "crypto/random.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/changes.hpp"
#include "server/config.hpp"
#include "server/master_key.hpp"

namespace doorward::server {

first_admin initialise_data(const std::filesystem::path& data, const std::string& admin,
                            const std::filesystem::path& master_key)
{
    if (!registry::is_username(admin))
        throw std::runtime_error{"'" + admin + "' is not a name: letters, digits and . _ - @, at most 64"};
    if (std::filesystem::create_directories(data))
        std::filesystem::permissions(data, std::filesystem::perms::owner_all);
    const kv::env store{data, registry::tables::names};
    if (store.view([](const kv::read_txn& txn) { return registry::is_initialised(txn); }))
        throw std::runtime_error{data.string() + " holds a store already; nothing was changed"};

    const auto key_file = master_key.empty() ? default_master_key(data) : master_key;
    if (master_key.empty() && !std::filesystem::exists(key_file))
        create_master_key(key_file);
    const crypto::sealer sealer{read_master_key(key_file).view().first<crypto::guarded_key::size>()};

    first_admin made{admin, crypto::to_base64url(crypto::random_array<24>())};
    registry::create_account account;
    account.record.username = admin;
    account.record.password_hash = crypto::hash_password(made.password, crypto::office_password_cost);
    account.record.its_role = registry::role::admin;
    account.record.created_at = registry::system_clock{}.now();
    account.by.at = account.record.created_at;

    // One change: a store is there with its admin, or not at all.
    auto everything = [&](kv::write_txn& txn) {
        registry::initialise(txn, sealer);
        return account(txn);
    };
    kv::writer writer{store};
    if (const auto ec = kv::blocking_commit(writer, everything))
        throw std::runtime_error{"cannot make the store in " + data.string() + ": " + ec.message()};
    return made;
}

} // namespace doorward::server
