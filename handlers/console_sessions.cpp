#include "handlers/console_sessions.hpp"
#include "crypto/digest.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "registry/limits.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr std::size_t session_secret_characters = 43; // 32 bytes

} // namespace

console_sessions::console_sessions(const kv::env& store, const crypto::sealer& with)
    : key_{with.derive(registry::console_session_purpose)}
{
    store.view([this](const kv::read_txn& txn) {
        registry::scan_console_sessions(
            txn, [this](const registry::session_mark& mark, const registry::console_session& record) {
                sessions_.emplace(mark, entry{record, record.last_used_at});
                return true;
            });
    });
}

registry::session_mark console_sessions::mark_of(std::string_view secret) const
{
    return crypto::blake2b<32>(crypto::as_bytes(secret), key_);
}

std::shared_ptr<const registry::account>
console_sessions::owner(const registry::console_session& of, const registry::directory& accounts, registry::time_ms now)
{
    // A clock that was set back makes a session no older, and must not make it immortal.
    const bool idle = now >= of.last_used_at + registry::session_idle_ms;
    const bool old = now >= of.created_at + registry::session_life_ms;
    const bool from_the_future = now + registry::session_life_ms < of.created_at;
    if (idle || old || from_the_future)
        return nullptr;
    auto whose = accounts.find_account(of.username);
    const bool same = whose && whose->enabled && registry::account_stamp(*whose) == of.stamp;
    return same ? whose : nullptr;
}

console_sessions::known console_sessions::find(std::string_view secret, const registry::directory& accounts,
                                               registry::time_ms now, use counts)
{
    if (secret.size() != session_secret_characters)
        return {};
    const auto mark = mark_of(secret);
    const std::lock_guard lock{mutex_};
    const auto found = sessions_.find(mark);
    if (found == sessions_.end())
        return {};
    auto whose = owner(found->second.record, accounts, now);
    if (!whose)
        return {};
    if (counts == use::noted)
        found->second.record.last_used_at = std::max(found->second.record.last_used_at, now);
    return {std::move(whose), found->second.record.created_at};
}

std::vector<registry::session_mark> console_sessions::places_for_one(const std::string& username) const
{
    std::vector<registry::session_mark> out;
    const auto drop_oldest = [&](const auto& counts, std::size_t most) {
        std::size_t there = 0;
        const registry::session_mark* oldest = nullptr;
        registry::time_ms used_at = 0;
        for (const auto& [mark, each] : sessions_) {
            if (!counts(each) || std::ranges::find(out, mark) != out.end())
                continue;
            ++there;
            if (oldest == nullptr || each.record.last_used_at < used_at) {
                oldest = &mark;
                used_at = each.record.last_used_at;
            }
        }
        if (oldest != nullptr && there >= most)
            out.push_back(*oldest);
    };
    drop_oldest([&](const entry& each) { return each.record.username == username; },
                registry::console_sessions_of_account_max);
    drop_oldest([](const entry&) { return true; }, registry::console_sessions_max);
    return out;
}

console_sessions::drawn console_sessions::draw(const registry::account& whose, const registry::authorship& by) const
{
    drawn out{crypto::to_base64url(crypto::random_array<32>()), {}};
    out.change.mark = mark_of(out.secret);
    out.change.record = {whose.username, registry::account_stamp(whose), by.at, by.at};
    out.change.by = by;
    const std::lock_guard lock{mutex_};
    out.change.replaced = places_for_one(whose.username);
    return out;
}

void console_sessions::add(const registry::open_console_session& settled)
{
    const std::lock_guard lock{mutex_};
    for (const registry::session_mark& each : settled.replaced)
        sessions_.erase(each);
    sessions_.insert_or_assign(settled.mark, entry{settled.record, settled.record.last_used_at});
}

std::optional<registry::end_console_sessions> console_sessions::end(std::string_view secret)
{
    const auto mark = mark_of(secret);
    const std::lock_guard lock{mutex_};
    if (sessions_.erase(mark) == 0)
        return std::nullopt;
    return registry::end_console_sessions{{mark}, std::nullopt};
}

registry::end_console_sessions console_sessions::take_over(const registry::directory& accounts, registry::time_ms now)
{
    registry::end_console_sessions out;
    const std::lock_guard lock{mutex_};
    for (const auto& [mark, each] : sessions_) {
        if (out.marks.size() < registry::session_changes_max && !owner(each.record, accounts, now))
            out.marks.push_back(mark);
    }
    for (const registry::session_mark& each : out.marks)
        sessions_.erase(each);
    return out;
}

registry::note_session_uses console_sessions::take_unwritten_uses()
{
    registry::note_session_uses out;
    const std::lock_guard lock{mutex_};
    for (auto& [mark, each] : sessions_) {
        const bool behind = each.record.last_used_at >= each.written_at + registry::session_use_written_ms;
        if (!behind || out.uses.size() == registry::session_changes_max)
            continue;
        each.written_at = each.record.last_used_at;
        out.uses.push_back({mark, each.written_at});
    }
    return out;
}

} // namespace doorward::handlers
