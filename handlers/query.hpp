#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace doorward::handlers {

using query_parameters = std::vector<std::pair<std::string, std::string>>;

/// Splits at `&`, each piece at its first `=` (pieces without one are dropped), and percent-decodes both sides once;
/// `+` is a space. Empty when an escape is malformed.
[[nodiscard]] std::optional<query_parameters> parse_query(std::string_view raw);

/// Percent-decodes one piece. `plus_is_space` in queries, not in paths.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

} // namespace doorward::handlers
