#include "handlers/sign_in_throttle.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::sign_in_window_ms;
using registry::sign_ins_of_address_max;
using registry::sign_ins_of_pair_max;
using registry::time_ms;

// After how long one wrong password is forgotten, where so many are judged at once.
constexpr time_ms cost_of_one(unsigned most)
{
    return sign_in_window_ms / most;
}
static_assert(sign_in_window_ms % sign_ins_of_pair_max == 0 && sign_in_window_ms % sign_ins_of_address_max == 0);

} // namespace

sign_in_throttle::sign_in_throttle() : secret_{crypto::random_secret<32>()} {}

sign_in_throttle::key sign_in_throttle::key_of(const registry::source_address& from, std::string_view name) const
{
    const auto network = from.network();
    crypto::bytes text;
    text.reserve(1 + network.size() + name.size());
    text.push_back(static_cast<crypto::byte>(network.size()));
    text.insert(text.end(), network.begin(), network.end());
    const auto of_name = crypto::as_bytes(name);
    text.insert(text.end(), of_name.begin(), of_name.end());
    return crypto::blake2b<16>(text, secret_);
}

time_ms sign_in_throttle::wait(table& in, const key& of, unsigned most, time_ms now)
{
    const auto found = in.find(of);
    if (found == in.end())
        return 0;
    const time_ms latest = now + sign_in_window_ms;
    if (found->second > latest) // the clock was set back
        found->second = now;
    return std::max<time_ms>(0, found->second + cost_of_one(most) - latest);
}

void sign_in_throttle::count(table& in, const key& of, unsigned most, time_ms now)
{
    if (in.size() >= registry::sign_in_entries_max && !in.contains(of))
        in.erase(std::ranges::min_element(in, {}, &table::value_type::second));
    time_ms& forgotten_at = in[of];
    forgotten_at = std::max(forgotten_at, now) + cost_of_one(most);
}

void sign_in_throttle::uncount(table& in, const key& of, unsigned most)
{
    if (const auto found = in.find(of); found != in.end())
        found->second -= cost_of_one(most);
}

time_ms sign_in_throttle::begin(std::string_view name, const registry::source_address& from, time_ms now)
{
    const key pair = key_of(from, name);
    const key address = key_of(from, {});
    const std::lock_guard lock{mutex_};
    const time_ms longest = std::max(wait(pairs_, pair, sign_ins_of_pair_max, now),
                                     wait(addresses_, address, sign_ins_of_address_max, now));
    if (longest > 0)
        return longest;
    count(pairs_, pair, sign_ins_of_pair_max, now);
    count(addresses_, address, sign_ins_of_address_max, now);
    return 0;
}

void sign_in_throttle::succeeded(std::string_view name, const registry::source_address& from)
{
    const std::lock_guard lock{mutex_};
    pairs_.erase(key_of(from, name));
    uncount(addresses_, key_of(from, {}), sign_ins_of_address_max);
}

void sign_in_throttle::give_back(std::string_view name, const registry::source_address& from)
{
    const std::lock_guard lock{mutex_};
    uncount(pairs_, key_of(from, name), sign_ins_of_pair_max);
    uncount(addresses_, key_of(from, {}), sign_ins_of_address_max);
}

} // namespace doorward::handlers
