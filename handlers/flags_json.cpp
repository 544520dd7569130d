#include "handlers/flags_json.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::handlers {

std::optional<std::vector<std::string>> decode_flags(const json_object& from, std::string_view name)
{
    auto flags = from.texts(name, registry::flags_max, registry::flag_characters_max);
    if (!flags)
        return std::nullopt;
    std::ranges::sort(*flags);
    flags->erase(std::unique(flags->begin(), flags->end()), flags->end()); // clang 14 lacks std::ranges::unique
    std::size_t total = 0;
    for (const std::string& flag : *flags)
        total += flag.size();
    if (total > registry::flags_bytes_max) {
        from.complain(name, "together must not exceed " + std::to_string(registry::flags_bytes_max) + " bytes");
        return std::nullopt;
    }
    return flags;
}

} // namespace doorward::handlers
