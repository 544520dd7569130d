#pragma once

namespace doorward::crypto {

/// Prepares libsodium and fetches the libcrypto algorithms. Called first in every main(); repeating it is harmless.
///
/// errors  throws std::runtime_error when a library refuses to start
void init();

} // namespace doorward::crypto
