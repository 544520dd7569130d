#include "server/known_names.hpp"
#include "server/config.hpp"

#include <cassert>

namespace doorward::server {

known_names::advice known_names::ask(const std::string& name, time now)
{
    make_room(now);
    entry& known = names_[name];
    advice out;
    const auto age = now - known.found_at;
    if (!known.found.empty() && age < addresses_kept)
        out.found = known.found;
    const bool fresh = !out.found.empty() && age < addresses_fresh;
    out.look_up = !fresh && !known.under_way && now >= known.left_alone_until;
    if (out.look_up) {
        known.under_way = true; // (1)
        known.given_up = false;
        known.asked_at = now;
    }
    out.wait = out.found.empty() && known.under_way && !known.given_up; // (2)
    return out;
}

void known_names::answered(const std::string& name, addresses found, time now)
{
    const auto at = names_.find(name);
    assert(at != names_.end() && at->second.under_way); // make_room() leaves it
    entry& known = at->second;
    known.under_way = false;
    if (!found.empty()) {
        known.found = std::move(found);
        known.found_at = now;
    } else if (now - known.asked_at >= lookup_slow) {
        known.left_alone_until = now + lookup_pause;
    }
    known.given_up = false;
}

void known_names::gave_up(const std::string& name)
{
    const auto at = names_.find(name);
    if (at != names_.end() && at->second.under_way)
        at->second.given_up = true;
}

void known_names::forget(const std::string& name)
{
    const auto at = names_.find(name);
    if (at != names_.end())
        at->second.found.clear();
}

// Names come from the settings of applications, which change: those that tell nothing any more go.
void known_names::make_room(time now)
{
    if (names_.size() < names_kept_max)
        return;
    std::erase_if(names_, [now](const auto& each) {
        const entry& known = each.second;
        return !known.under_way && now >= known.left_alone_until && now - known.found_at >= addresses_fresh;
    });
}

} // namespace doorward::server
