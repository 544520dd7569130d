#include "handlers/content_tag.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"

#include <algorithm>

namespace doorward::handlers {

std::string content_tag(std::string_view content)
{
    return '"' + crypto::to_hex(crypto::blake2b<16>(crypto::as_bytes(content))) + '"';
}

bool names_tag(std::string_view list, std::string_view tag)
{
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        std::string_view each = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        each.remove_prefix(std::min(each.find_first_not_of(" \t"), each.size()));
        each = each.substr(0, each.find_last_not_of(" \t") + 1);
        if (each.starts_with("W/"))
            each.remove_prefix(2);
        if (each == "*" || each == tag)
            return true;
    }
    return false;
}

} // namespace doorward::handlers
