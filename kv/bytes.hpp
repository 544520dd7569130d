#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace doorward::kv {

using byte = std::uint8_t;
using bytes_view = std::span<const byte>;

} // namespace doorward::kv
