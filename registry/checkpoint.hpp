#pragma once

#include "crypto/ed25519.hpp"
#include "crypto/seal.hpp"
#include "registry/events.hpp"

namespace doorward::registry {

/// A statement about the events up to one of them, signed: whoever keeps it elsewhere can tell later whether they are
/// still the same (audit_chain.hpp).
struct checkpoint {
    event_place upto;
    time_ms at = 0; // when it was made
    crypto::ed25519_public key{};
    crypto::ed25519_signature signature{};

    bool operator==(const checkpoint&) const = default;
};

/// What is signed: "doorward checkpoint 1", sequence, digest, time; numbers in 8 bytes, big-endian.
[[nodiscard]] crypto::bytes checkpoint_message(const event_place& upto, time_ms at);

[[nodiscard]] checkpoint make_checkpoint(const event_place& upto, time_ms at, const crypto::ed25519_key& with);

/// Was it signed with the private half of `key`? The key that it names itself proves nothing.
[[nodiscard]] bool is_signed(const checkpoint& what, const crypto::ed25519_public& key);

/// The key of this store; empty until the first checkpoint is made. Throws record_fault when it does not open.
[[nodiscard]] std::optional<crypto::ed25519_key> find_audit_key(const kv::read_txn& txn, const crypto::sealer& with);

/// Draws the key that checkpoints of this store are signed with from now on; leaves one alone that is there.
struct create_audit_key {
    explicit create_audit_key(const crypto::sealer& with);

    crypto::bytes record;

    kv::error_code operator()(kv::write_txn& txn) const;
};

} // namespace doorward::registry
