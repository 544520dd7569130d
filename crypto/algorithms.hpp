#pragma once

// Handles of libcrypto algorithms, for the sources of this folder only.

#include <openssl/evp.h>

namespace doorward::crypto {

/// Algorithms fetched once. An implicit fetch at each call takes locks and costs twice a short digest.
struct algorithms {
    EVP_CIPHER* aes_128_ecb;
    EVP_CIPHER* aes_128_cbc;
    EVP_MD* sha256;
};

/// The handles; fetched by init(), valid until the process ends. Any thread.
[[nodiscard]] const algorithms& fetched() noexcept;

} // namespace doorward::crypto
