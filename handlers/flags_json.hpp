#pragma once

#include "handlers/json_reader.hpp"

namespace doorward::handlers {

/// The flags of a registration, sorted and each once; empty when there is no such member or it is not valid.
[[nodiscard]] std::optional<std::vector<std::string>> decode_flags(const json_object& from, std::string_view name);

} // namespace doorward::handlers
