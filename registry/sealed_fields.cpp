#include "registry/sealed_fields.hpp"
#include "registry/keys.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

using crypto::bytes;
using crypto::bytes_view;

uuid owner_id(const kv::read_txn& txn, bytes_view key)
{
    const auto stored = txn.get_as_stored(tables::registrations, key);
    if (stored && !txn.is_sound(tables::registrations, key, *stored))
        throw record_fault{"a row of a registration that is damaged"};
    const auto owner = key.size() == 8 ? find_registration(txn, kv::from_number(key)) : std::nullopt;
    if (!owner)
        throw record_fault{"a row that belongs to no registration"};
    return owner->id;
}

bytes visit_meta(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    bytes out{record.begin(), record.end()};
    const auto name = crypto::as_text(key);
    if (name == meta_key::key_check || name == meta_key::audit_key || name == meta_key::derivation)
        visit(name, seal_place("meta", {}, name), out);
    return out;
}

bytes visit_application(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<stored_application>(record);
    for (stored_master_key& each : it.master_keys)
        visit("master key", seal_place("applications", key, "private key"), each.sealed);
    if (!it.sealed_provider_secret.empty())
        visit("provider secret", provider_secret_place(crypto::as_text(key)), it.sealed_provider_secret);
    return encode(it);
}

bytes visit_version(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<stored_application_version>(record);
    visit("secret", seal_place("versions", key, "secret"), it.sealed_secret);
    return encode(it);
}

bytes visit_keys(const kv::read_txn& txn, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    const uuid owner = owner_id(txn, key);
    auto it = decode<stored_keys>(record);
    visit("factors", seal_place("keys", owner.view(), "factors"), it.sealed_keys);
    visit("private key", seal_place("keys", owner.view(), "private key"), it.sealed_server_private_key);
    return encode(it);
}

bytes visit_temporary_key(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<stored_temporary_key>(record);
    visit("private key", seal_place("temporary_keys", key, "private key"), it.sealed_private_key);
    return encode(it);
}

bytes visit_token(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<stored_token>(record);
    visit("secret", seal_place("tokens", key, "secret"), it.sealed_secret);
    return encode(it);
}

bytes visit_claims(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<stored_claims>(record);
    visit("claims", seal_place("claims", key, "claims"), it.sealed);
    return encode(it);
}

bytes visit_metadata(const kv::read_txn& txn, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<stored_metadata>(record);
    visit("metadata", seal_place("metadata", owner_id(txn, key).view(), "metadata"), it.sealed);
    return encode(it);
}

bytes visit_job(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<job>(record);
    if (!it.sealed_user.empty())
        visit("user", seal_place("jobs", key, "user"), it.sealed_user);
    return encode(it);
}

bytes visit_webhook(const kv::read_txn&, bytes_view, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<webhook>(record);
    const auto place = [&it](std::string_view field) { return seal_place("webhooks", it.id.view(), field); };
    visit("secret", place("secret"), it.sealed_secret);
    if (!it.sealed_old_secret.empty())
        visit("old secret", place("secret"), it.sealed_old_secret);
    if (!it.sealed_credentials.empty())
        visit("credentials", place("credentials"), it.sealed_credentials);
    return encode(it);
}

bytes visit_idempotent_request(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor& visit)
{
    auto it = decode<idempotent_request>(record);
    if (it.sealed_answer)
        visit("answer", seal_place("idempotent_requests", key, "answer"), *it.sealed_answer);
    return encode(it);
}

struct sealed_table {
    kv::table which;
    bytes (*visit)(const kv::read_txn&, bytes_view key, bytes_view record, const sealed_visitor&);
};

constexpr sealed_table sealed_tables[]{
    {tables::meta, visit_meta},
    {tables::applications, visit_application},
    {tables::versions, visit_version},
    {tables::keys, visit_keys},
    {tables::temporary_keys, visit_temporary_key},
    {tables::tokens, visit_token},
    {tables::claims, visit_claims},
    {tables::metadata, visit_metadata},
    {tables::jobs, visit_job},
    {tables::webhooks, visit_webhook},
    {tables::idempotent_requests, visit_idempotent_request},
};

} // namespace

bool has_sealed_fields(kv::table which) noexcept
{
    return std::ranges::find(sealed_tables, which, &sealed_table::which) != std::end(sealed_tables);
}

bytes visit_sealed(const kv::read_txn& txn, kv::table of, bytes_view key, bytes_view record,
                   const sealed_visitor& visit)
{
    const auto* const found = std::ranges::find(sealed_tables, of, &sealed_table::which);
    if (found == std::end(sealed_tables))
        return {record.begin(), record.end()};
    return found->visit(txn, key, record, visit);
}

} // namespace doorward::registry
