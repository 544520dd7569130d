#include "registry/criteria.hpp"
#include "registry/store.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

// ASCII letters without regard to case; everything else as it is.
char folded(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_folded(char a, char b) noexcept
{
    return folded(a) == folded(b);
}

template <class T>
bool has(const std::vector<T>& all, const T& one)
{
    return std::ranges::find(all, one) != all.end();
}

} // namespace

time_ms last_used_at(const full_registration& one) noexcept
{
    return one.attempts.last_used_at == 0 ? one.record.created_at : one.attempts.last_used_at;
}

bool registration_criteria::matches(const full_registration& one) const
{
    const registration& record = one.record;
    const state now = one.current();
    if (states.empty() ? now == state::removed && !removed : !has(states, now))
        return false;
    if (!application_ids.empty() && !has(application_ids, record.application_id))
        return false;
    if (!created.contains(record.created_at) || !last_used.contains(last_used_at(one)))
        return false;
    if (!platform.empty() && !std::ranges::equal(platform, record.platform, same_folded))
        return false;
    if (!name_part.empty() && std::search(record.name.begin(), record.name.end(), name_part.begin(), name_part.end(),
                                          same_folded) == record.name.end()) // clang 14 lacks the other
        return false;
    return missing_flags(flags, record.flags).empty();
}

} // namespace doorward::registry
