#pragma once

#include "crypto/secret.hpp"
#include "crypto/tls.hpp"
#include "server/config.hpp"

namespace doorward::server {

/// Reads the files of a listener's certificate. The key's must not be readable by everybody.
///
/// errors  throws std::runtime_error with the file and what is wrong
[[nodiscard]] crypto::tls_context load_tls_context(const tls_settings& from);

} // namespace doorward::server
