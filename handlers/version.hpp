#pragma once

#include <string_view>

namespace doorward::handlers {

inline constexpr std::string_view product_name = "doorward";
inline constexpr std::string_view product_version = DOORWARD_VERSION; // from CMakeLists.txt

} // namespace doorward::handlers
