#include "registry/lockout.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

unsigned limit_of(const lockout_policy& policy, unsigned max) noexcept
{
    return policy.counters == failure_counting::per_factor ? std::min(max, max_failed_per_factor_max) : max;
}

bool are_together(const failure& one, const failure& other, const lockout_policy& policy) noexcept
{
    return policy.counters == failure_counting::shared || one.biometry() == other.biometry();
}

} // namespace

std::string_view to_text(failure_counting value) noexcept
{
    return value == failure_counting::shared ? "shared" : "perFactor";
}

std::string_view to_text(reset_rule value) noexcept
{
    return value == reset_rule::any ? "ANY" : "KNOWLEDGE";
}

std::string_view to_text(last_resort value) noexcept
{
    return value == last_resort::block ? "BLOCK" : "REMOVE";
}

forgotten forgotten_by(factors success, const lockout_policy& policy) noexcept
{
    const bool with_knowledge = success == factors::knowledge || success == factors::possession_knowledge ||
                                success == factors::possession_knowledge_biometry;
    if (success == factors::possession || (policy.resets_on == reset_rule::knowledge && !with_knowledge))
        return forgotten::none;
    return policy.counters == failure_counting::per_factor && !with_knowledge ? forgotten::biometry : forgotten::all;
}

time_ms duration_of(const temporary_block& of, unsigned n) noexcept
{
    time_ms out = of.first;
    for (unsigned i = 1; i < n && out < of.most; ++i)
        out = of.multiplier <= 1 ? out : out * of.multiplier; // at most temporary_block_max_ms x 100 fits easily
    return std::min(out, of.most);
}

std::size_t aged(std::span<const failure> since_reset, const lockout_policy& policy, time_ms now) noexcept
{
    if (policy.window == 0)
        return 0;
    // One whose time nobody knows stays; so does all that came after one that stays.
    const auto young = std::ranges::find_if(
        since_reset, [&](const failure& each) { return each.at() == 0 || each.at() > now - policy.window; });
    return static_cast<std::size_t>(young - since_reset.begin());
}

failure_count count_failures(const counters& of, const lockout_policy& policy, unsigned max, time_ms now) noexcept
{
    const std::span<const failure> all{of.refused.list};
    const auto young = all.subspan(aged(all, policy, now));
    const bool apart = policy.counters == failure_counting::per_factor;
    failure_count out;
    for (const failure& each : young)
        ++(apart && each.biometry() ? out.biometry : out.knowledge);
    // A one-time password that was wrong is counted by the word alone.
    out.knowledge += of.word.failed() - std::min(unsigned{of.word.failed()}, static_cast<unsigned>(all.size()));
    const unsigned limit = limit_of(policy, max);
    out.failed = std::max(out.knowledge, out.biometry);
    out.remaining = limit - std::min(limit, out.failed);
    if (of.word.current() == state::active && out.remaining == 0)
        out.remaining = 1; // after a temporary block where there is but one attempt
    return out;
}

consequence consequence_of(std::span<const failure> earlier, const failure& more, std::uint8_t blocks,
                           const lockout_policy& policy, unsigned max) noexcept
{
    const auto before =
        std::ranges::count_if(earlier, [&](const failure& each) { return are_together(each, more, policy); });
    consequence out;
    out.blocks = blocks;
    if (static_cast<unsigned>(before) + 1 < limit_of(policy, max))
        return out;
    out.becomes = state::blocked;
    if (!policy.temporary)
        return out;
    const temporary_block& block = *policy.temporary;
    if (block.blocks_max != 0 && blocks >= block.blocks_max) {
        if (block.then == last_resort::remove)
            out.becomes = state::removed;
        return out;
    }
    out.blocks = static_cast<std::uint8_t>(std::min(blocks + 1, 255));
    out.blocked_until = more.at() + duration_of(block, out.blocks);
    return out;
}

failures after_block(const failures& then, const lockout_policy& policy, unsigned max, time_ms ended_at)
{
    const unsigned limit = limit_of(policy, max);
    const unsigned left = policy.temporary ? policy.temporary->attempts_after : 1U;
    const unsigned stay = limit - std::min(left, limit - 1); // none would be a reset, which forgets the blocks too
    failures out;
    out.blocks = then.blocks;
    // The newest ones of each kind that is used up; the other kind as it is.
    const auto is_used_up = [&](const failure& kind) {
        return std::ranges::count_if(then.list, [&](const failure& each) {
                   return are_together(each, kind, policy);
               }) >= static_cast<std::ptrdiff_t>(limit);
    };
    unsigned kept[2]{};
    for (auto each = then.list.rbegin(); each != then.list.rend(); ++each) {
        unsigned& count = kept[policy.counters == failure_counting::per_factor && each->biometry() ? 1 : 0];
        if (is_used_up(*each) && count >= stay)
            continue;
        ++count;
        out.list.push_back({each->digest(), ended_at, each->biometry()});
    }
    std::ranges::reverse(out.list);
    return out;
}

} // namespace doorward::registry
