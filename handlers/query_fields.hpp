#pragma once

#include "handlers/json_reader.hpp"
#include "handlers/query.hpp"

namespace doorward::handlers {

// Query parameters as fields of a request: what is wrong with them becomes a violation.

/// The parameters; a violation when an escape is malformed.
[[nodiscard]] query_parameters decode_query(std::string_view raw, std::vector<violation>& violations);

/// A text that people wrote: UTF-8, no control characters, at most so many characters.
[[nodiscard]] std::string decode_text(std::string_view name, std::string_view value, std::size_t characters_max,
                                      std::vector<violation>& violations);

/// true or false.
[[nodiscard]] bool decode_boolean(std::string_view name, std::string_view value, std::vector<violation>& violations);

/// A whole number in a range; empty, with a violation, for anything else.
[[nodiscard]] std::optional<std::int64_t> decode_number(std::string_view name, std::string_view value,
                                                        std::int64_t least, std::int64_t greatest,
                                                        std::vector<violation>& violations);

/// What may be told back of a value that a client sent: its beginning, and nothing of it when it is no clean text.
[[nodiscard]] std::string echo(std::string_view value);

/// Is it UTF-8, without control characters, and at most so many characters long?
[[nodiscard]] bool is_clean_text(std::string_view value, std::size_t characters_max);

} // namespace doorward::handlers
