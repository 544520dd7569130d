#pragma once

#include "registry/checkpoint.hpp"

#include <string>

namespace doorward::handlers {

/// {"sequence":..,"digest":hexadecimal,"time":milliseconds,"publicKey":Base64,"signature":Base64}
[[nodiscard]] std::string write_checkpoint(const registry::checkpoint& what);

/// Empty for a text that is no checkpoint. Whether it is a genuine one is another question: registry::is_signed().
[[nodiscard]] std::optional<registry::checkpoint> read_checkpoint(std::string_view text);

} // namespace doorward::handlers
