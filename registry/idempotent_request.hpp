#pragma once

#include "crypto/bytes.hpp"
#include "registry/clock.hpp"

#include <optional>

namespace doorward::registry {

/// Names a request that carries an Idempotency-Key: a keyed digest of the account and the key.
using idempotency_mark = crypto::byte_array<32>;

/// What is remembered of such a request, so that the same one again is answered and not carried out. It is written
/// before the request is carried out, without an answer; that comes later. One that has none and that nobody works on
/// was interrupted by the end of the process.
struct idempotent_request {
    crypto::byte_array<32> request{}; // keyed digest of all that makes it the same request
    time_ms expires_at = 0;
    std::optional<crypto::bytes> sealed_answer; // may tell secrets

    bool operator==(const idempotent_request&) const = default;
};

} // namespace doorward::registry
