#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace doorward::handlers {

/// ASCII letters made capital; the API writes in capitals what the device protocol writes small.
[[nodiscard]] inline std::string upper(std::string_view text)
{
    std::string out{text};
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return out;
}

} // namespace doorward::handlers
