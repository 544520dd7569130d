#include "registry/keys.hpp"
#include "crypto/aes.hpp"
#include "crypto/kdf.hpp"
#include "registry/envelope.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <cassert>
#include <cstdio>

namespace doorward::registry {
namespace {

constexpr std::string_view keys_table = "keys";
constexpr std::size_t sealed_keys_bytes = 5 * crypto::key16::size();

crypto::bytes_view minimal_x(const crypto::point_bytes& point)
{
    const crypto::bytes_view x = crypto::bytes_view{point}.subspan(1, 32);
    const auto first = std::ranges::find_if(x, [](crypto::byte octet) { return octet != 0; });
    return x.subspan(static_cast<std::size_t>(first - x.begin()));
}

} // namespace

registration_keys derive_keys(const crypto::p256_private_key& server_key, const crypto::p256_public_key& device_key)
{
    const crypto::agreed_secret agreed = server_key.agree(device_key);
    const crypto::key16 master{crypto::fold(agreed.view().first<32>())};
    return {{crypto::kdf(master, key_index::possession), crypto::kdf(master, key_index::knowledge),
             crypto::kdf(master, key_index::biometry)},
            crypto::kdf(master, key_index::transport),
            crypto::kdf(master, key_index::vault)};
}

crypto::bytes encrypted_vault_key(const registration_keys& keys)
{
    return crypto::aes_cbc_seal(keys.transport, crypto::byte_array<16>{}, keys.vault);
}

bool is_vault_reason(std::string_view text) noexcept
{
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    };
    return text.size() >= vault_reason_bytes_min && text.size() <= vault_reason_bytes_max &&
           std::ranges::all_of(text, allowed);
}

crypto::bytes seal_keys(const crypto::sealer& with, const uuid& owner, const registration_keys& keys)
{
    crypto::secret<sealed_keys_bytes> plain;
    std::size_t at = 0;
    for (const crypto::key16* key :
         {&keys.factors.possession, &keys.factors.knowledge, &keys.factors.biometry, &keys.transport, &keys.vault}) {
        std::ranges::copy(key->view(), plain.data() + at);
        at += crypto::key16::size();
    }
    return with.seal(plain, seal_place(keys_table, owner.view(), "factors"));
}

std::optional<registration_keys> open_keys(const crypto::sealer& with, const uuid& owner, crypto::bytes_view sealed)
{
    const auto plain = with.open(sealed, seal_place(keys_table, owner.view(), "factors"));
    if (!plain || plain->size() != sealed_keys_bytes)
        return std::nullopt;
    const auto key = [&](std::size_t index) { return crypto::key16{plain->view().subspan(index * 16, 16)}; };
    return registration_keys{{key(0), key(1), key(2)}, key(3), key(4)};
}

crypto::bytes seal_private_key(const crypto::sealer& with, std::string_view table, crypto::bytes_view owner,
                               const crypto::p256_private_key& key)
{
    return with.seal(key.scalar(), seal_place(table, owner, "private key"));
}

std::optional<crypto::p256_private_key> open_private_key(const crypto::sealer& with, std::string_view table,
                                                         crypto::bytes_view owner, crypto::bytes_view sealed,
                                                         const crypto::point_bytes& point)
{
    const auto scalar = with.open(sealed, seal_place(table, owner, "private key"));
    if (!scalar)
        return std::nullopt;
    return crypto::p256_private_key::import(scalar->view(), point);
}

crypto::bytes seal_place(std::string_view table, crypto::bytes_view owner, std::string_view field)
{
    return sized({crypto::as_bytes(table), owner, crypto::as_bytes(field)});
}

crypto::bytes provider_secret_place(std::string_view application_id)
{
    return seal_place("applications", crypto::as_bytes(application_id), "provider secret");
}

std::string fingerprint(const crypto::point_bytes& device_key, const uuid& id, const crypto::point_bytes& server_key)
{
    const auto digest = crypto::sha256({minimal_x(device_key), crypto::as_bytes(id.text()), minimal_x(server_key)});
    char text[16];
    std::snprintf(text, sizeof text, "%08u", static_cast<unsigned>(decimal(digest, 8)));
    return text;
}

} // namespace doorward::registry
