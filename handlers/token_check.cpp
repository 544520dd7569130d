#include "handlers/token_check.hpp"
#include "handlers/power_auth_header.hpp"
#include "registry/changes.hpp"

#include <algorithm>

namespace doorward::handlers {

using registry::errc;

std::optional<found_token> find_token(services& svc, const registry::uuid& id)
{
    return svc.journal.view([&](const registry::snapshot& txn) -> std::optional<found_token> {
        const auto number = registry::find_token_owner(txn, id);
        auto owner = number ? registry::find_full(txn, *number) : std::nullopt;
        auto token = owner ? registry::find_token(txn, *number, id) : std::nullopt;
        if (!token)
            return std::nullopt;
        return found_token{id, *std::move(owner), *std::move(token)};
    });
}

task<kv::error_code> use_token(services& svc, const found_token& token, const registry::presented_token& shown,
                               std::span<const registry::factors> allowed)
{
    const auto refused = make_error_code(errc::token_refused);
    const auto application = svc.directory.find_application(token.owner.record.application_id);
    const bool spoken = application && registry::accepts(application->settings, shown.version);
    const bool good_enough = std::ranges::find(allowed, token.token.type) != allowed.end();
    if (!spoken || !good_enough || !registry::is_in_time(shown, svc.clock.now()) ||
        token.owner.current() != registry::state::active)
        co_return refused;
    const auto secret =
        registry::open_token_secret(svc.sealer, token.owner.number, token.id, token.token.sealed_secret);
    if (!secret || !crypto::equal_constant_time(registry::token_digest(shown, *secret), shown.digest))
        co_return refused;

    // Only now, so that nobody can use up a nonce that is not his.
    const auto mark = registry::token_mark(shown);
    if (svc.journal.view([&](const registry::snapshot& txn) { return registry::is_seen(txn, mark); }))
        co_return refused;
    registry::remember_seen change;
    change.marks.push_back({mark, registry::remember_until(shown)});
    const auto ec = co_await commit(svc, change);
    co_return ec == errc::envelope_replayed ? refused : ec;
}

task<kv::result<found_token>> require_token(services& svc, const request& req,
                                            std::span<const registry::factors> allowed)
{
    const auto shown = parse_token(req.power_auth_token);
    auto found = shown ? find_token(svc, shown->id) : std::nullopt;
    if (!found)
        co_return errc::token_refused;
    if (const auto ec = co_await use_token(svc, *found, *shown, allowed))
        co_return ec;
    co_return *std::move(found);
}

} // namespace doorward::handlers
