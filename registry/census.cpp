#include "registry/census.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

constexpr time_ms hour_ms = time_ms{3600} * 1000;
constexpr time_ms told_hours = static_cast<time_ms>(lockout_hours);

std::size_t place_of_state(state value) noexcept
{
    return static_cast<std::size_t>(std::ranges::find(all_states, value) - std::begin(all_states));
}

std::string platform_name(std::string_view told)
{
    std::string out{told.empty() ? std::string_view{"unknown"} : told};
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

bool is_lockout(const registration_event& what) noexcept
{
    return what.by == move::block_on_failures || what.by == move::remove_on_failures;
}

void add_platform(std::map<std::string, std::uint64_t>& to, const std::string& name, std::uint64_t count)
{
    const bool room = to.size() < statistics_platforms_max || to.contains(name);
    to[room ? name : "other"] += count;
}

} // namespace

void application_numbers::count(const full_registration& what, time_ms now)
{
    const state current = what.current();
    ++by_state[place_of_state(current)];
    if (current == state::removed)
        return;
    if (current != state::created)
        add_platform(by_platform, platform_name(what.record.platform), 1);
    if (what.attempts.last_used_at != 0 && what.attempts.last_used_at > now - monthly_ms)
        ++monthly_active;
}

application_numbers& application_numbers::operator+=(const application_numbers& other)
{
    for (std::size_t i = 0; i < by_state.size(); ++i)
        by_state[i] += other.by_state[i];
    for (const auto& [name, count] : other.by_platform)
        add_platform(by_platform, name, count);
    monthly_active += other.monthly_active;
    return *this;
}

std::size_t census::step(const snapshot& txn, std::size_t rows_max)
{
    std::vector<registration_number> found;
    found.reserve(rows_max);
    const kv::read_txn& tables = txn;
    tables.scan(tables::registrations, number_key(next_), [&](crypto::bytes_view key, crypto::bytes_view) {
        found.push_back(kv::from_number(key));
        return found.size() < rows_max;
    });
    for (const registration_number number : found) {
        if (const auto each = find_full(txn, number))
            by_application_[each->record.application_id].count(*each, begins_);
        next_ = number + 1;
    }
    return found.size();
}

std::size_t lockout_meter::step(const kv::read_txn& txn, time_ms now, std::size_t rows_max)
{
    if (!seen_)
        seen_ = first_event_since(txn, (now / hour_ms - told_hours) * hour_ms) - 1;
    std::size_t rows = 0;
    scan_bare_events(txn, *seen_, [&](const stored_event& each) {
        if (rows == rows_max)
            return false;
        ++rows;
        seen_ = each.place.sequence;
        const auto* change = each.what.of_registration();
        if (change != nullptr && is_lockout(*change))
            ++by_application_[each.what.application_id][each.what.at / hour_ms];
        return true;
    });
    const time_ms oldest = now / hour_ms - told_hours + 1;
    for (auto& [application, counted] : by_application_)
        std::erase_if(counted, [&](const auto& hour) { return hour.first < oldest; });
    std::erase_if(by_application_, [](const auto& each) { return each.second.empty(); });
    return rows;
}

std::map<std::string, lockout_meter::hours> lockout_meter::at(time_ms now) const
{
    std::map<std::string, hours> out;
    const time_ms oldest = now / hour_ms - told_hours + 1;
    for (const auto& [application, counted] : by_application_) {
        hours& told = out[application];
        for (const auto& [hour, count] : counted) {
            const time_ms place = hour - oldest;
            if (place >= 0 && place < told_hours) // a clock that was set back has hours to come
                told[static_cast<std::size_t>(place)] += count;
        }
    }
    return out;
}

} // namespace doorward::registry
