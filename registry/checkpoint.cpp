#include "registry/checkpoint.hpp"
#include "crypto/random.hpp"
#include "registry/keys.hpp"

namespace doorward::registry {
namespace {

constexpr std::string_view message_label = "doorward checkpoint 1";

crypto::bytes key_place()
{
    return seal_place("meta", {}, meta_key::audit_key);
}

} // namespace

crypto::bytes checkpoint_message(const event_place& upto, time_ms at)
{
    crypto::bytes out;
    crypto::append(out, crypto::as_bytes(message_label));
    crypto::append(out, crypto::big_endian(upto.sequence));
    crypto::append(out, upto.digest);
    crypto::append(out, crypto::big_endian(at));
    return out;
}

checkpoint make_checkpoint(const event_place& upto, time_ms at, const crypto::ed25519_key& with)
{
    return {upto, at, with.public_key(), with.sign(checkpoint_message(upto, at))};
}

bool is_signed(const checkpoint& what, const crypto::ed25519_public& key)
{
    return crypto::ed25519_verify(key, checkpoint_message(what.upto, what.at), what.signature);
}

std::optional<crypto::ed25519_key> find_audit_key(const kv::read_txn& txn, const crypto::sealer& with)
{
    const auto sealed = txn.get(tables::meta, crypto::as_bytes(meta_key::audit_key));
    if (!sealed)
        return std::nullopt;
    const auto seed = with.open(*sealed, key_place());
    if (!seed || seed->size() != 32)
        throw record_fault{"the key of checkpoints does not open"};
    return crypto::ed25519_key{crypto::secret<32>{seed->view()}};
}

create_audit_key::create_audit_key(const crypto::sealer& with)
    : record{with.seal(crypto::random_secret<32>(), key_place())}
{}

kv::error_code create_audit_key::operator()(kv::write_txn& txn) const
{
    if (!txn.get(tables::meta, crypto::as_bytes(meta_key::audit_key)))
        txn.put(tables::meta, crypto::as_bytes(meta_key::audit_key), record);
    return {};
}

} // namespace doorward::registry
