#include "handlers/sign_in_throttle.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"

#include <algorithm>

namespace doorward::handlers {

using registry::time_ms;

sign_in_throttle::sign_in_throttle() : secret_{crypto::random_secret<32>()} {}

sign_in_throttle::key sign_in_throttle::key_of(crypto::bytes_view what) const
{
    return crypto::blake2b<16>(what, secret_);
}

time_ms sign_in_throttle::wait(table& in, const key& of, time_ms now)
{
    const auto found = in.find(of);
    if (found == in.end())
        return 0;
    const bool forgotten = now >= found->second.last_at + registry::sign_in_memory_ms ||
                           now + registry::sign_in_memory_ms < found->second.last_at; // the clock was set back
    if (forgotten) {
        in.erase(found);
        return 0;
    }
    return std::max<time_ms>(0, found->second.next_at - now);
}

void sign_in_throttle::count(table& in, const key& of, unsigned free, time_ms now)
{
    if (in.size() >= registry::sign_in_entries_max && !in.contains(of)) {
        const auto oldest = std::ranges::min_element(in, {}, [](const auto& each) { return each.second.last_at; });
        in.erase(oldest);
    }
    guesses& counted = in[of];
    ++counted.wrong;
    counted.last_at = now;
    if (counted.wrong < free)
        return;
    time_ms pause = registry::sign_in_pause_first_ms;
    for (unsigned i = free; i < counted.wrong && pause < registry::sign_in_pause_max_ms; ++i)
        pause *= 2;
    counted.next_at = now + std::min(pause, registry::sign_in_pause_max_ms);
}

void sign_in_throttle::uncount(table& in, const key& of)
{
    const auto found = in.find(of);
    if (found == in.end())
        return;
    found->second.next_at = 0;
    if (found->second.wrong > 0)
        --found->second.wrong;
}

time_ms sign_in_throttle::begin(std::string_view name, const registry::source_address& from, time_ms now)
{
    const key of_name = key_of(crypto::as_bytes(name));
    const key of_address = key_of(from.network());
    const std::lock_guard lock{mutex_};
    const time_ms longest = std::max(wait(names_, of_name, now), wait(addresses_, of_address, now));
    if (longest > 0)
        return longest;
    count(names_, of_name, registry::sign_ins_of_name_max, now);
    count(addresses_, of_address, registry::sign_ins_of_address_max, now);
    return 0;
}

void sign_in_throttle::succeeded(std::string_view name, const registry::source_address& from)
{
    const std::lock_guard lock{mutex_};
    names_.erase(key_of(crypto::as_bytes(name)));
    uncount(addresses_, key_of(from.network()));
}

void sign_in_throttle::give_back(std::string_view name, const registry::source_address& from)
{
    const std::lock_guard lock{mutex_};
    uncount(names_, key_of(crypto::as_bytes(name)));
    uncount(addresses_, key_of(from.network()));
}

} // namespace doorward::handlers
