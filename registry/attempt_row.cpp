#include "registry/attempt_row.hpp"

#include <algorithm>

namespace doorward::registry {

std::string_view to_text(attempt_outcome value) noexcept
{
    switch (value) {
    case attempt_outcome::accepted:
        return "SUCCESS";
    case attempt_outcome::refused:
        return "FAILURE";
    case attempt_outcome::replayed:
        return "REPLAY";
    case attempt_outcome::failed:
        return "ERROR";
    case attempt_outcome::noise:
        return "NOISE";
    }
    return {};
}

void replay(counters& now, std::vector<replayed_row>& rows)
{
    std::ranges::sort(rows, {}, [](const replayed_row& each) { return each.word.version(); });
    for (const replayed_row& row : rows) {
        now.last_row = std::max(now.last_row, row.sequence);
        if (row.word.version() == 0)
            continue;
        now.last_used_at = std::max(now.last_used_at, row.at);
        if (row.counted_failure)
            now.last_failed_at = std::max(now.last_failed_at, row.at);
        if (row.word.version() <= now.word.version())
            continue;
        now.word = row.word;
        now.counter = row.counter;
        const std::size_t failed = row.word.failed();
        if (row.counted_failure && failed > 0) {
            now.refused.resize(failed - 1);
            now.refused.push_back(row.digest);
        }
        if (now.refused.size() > failed)
            now.refused.clear();
    }
}

} // namespace doorward::registry
