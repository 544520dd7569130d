#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace doorward::server {

/// What can come next on the command line of `app`: commands and options that begin as the last of `words` does.
///
/// words  behind the program's name; the last one is being written, and may be empty
[[nodiscard]] std::vector<std::string> complete(const CLI::App& app, const std::vector<std::string>& words);

/// `doorward complete WORDS...` prints them, one on each line. What the completions of shells call.
inline constexpr std::string_view complete_command = "complete";

} // namespace doorward::server
