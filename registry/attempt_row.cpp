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

namespace {

// What attempt_slot did with the failures when it made the word of a row.
void remember(failures& known, const replayed_row& row)
{
    const std::size_t failed = row.word.failed();
    auto& list = known.list;
    if (failed == 0) {
        known = {};
        return;
    }
    if (row.counted_failure) {
        if (list.size() >= failed) // the oldest have aged
            list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(failed - 1));
        if (list.empty())
            known.blocks = 0;
        list.resize(failed - 1);
        list.push_back({row.digest, row.at, row.biometry});
    } else if (list.size() > failed) { // a success with biometry
        std::erase_if(list, [](const failure& each) { return each.biometry(); });
        list.resize(failed);
    }
}

} // namespace

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
        remember(now.refused, row);
    }
}

} // namespace doorward::registry
