#include "registry/flags.hpp"
#include "registry/limits.hpp"

#include <algorithm>
#include <iterator>

namespace doorward::registry {

result<flag_set> edited(const flag_set& now, const flag_edit& edit)
{
    flag_set out;
    switch (edit.how) {
    case flag_edit::kind::add:
        std::ranges::set_union(now, edit.flags, std::back_inserter(out));
        break;
    case flag_edit::kind::remove:
        std::ranges::set_difference(now, edit.flags, std::back_inserter(out));
        break;
    case flag_edit::kind::replace:
        out = edit.flags;
        break;
    }
    std::size_t total = 0;
    for (const std::string& flag : out)
        total += flag.size();
    if (out.size() > flags_max || total > flags_bytes_max)
        return errc::too_many_flags;
    return out;
}

flag_set missing_flags(const flag_set& required, const flag_set& present)
{
    flag_set out;
    std::ranges::set_difference(required, present, std::back_inserter(out));
    return out;
}

} // namespace doorward::registry
