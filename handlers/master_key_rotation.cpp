#include "handlers/master_key_rotation.hpp"

namespace doorward::handlers {

task<kv::error_code> master_key_rotation::begin(services& svc, crypto::secret<32> next)
{
    const auto key = next.view().first<crypto::guarded_key::size>();
    if (svc.journal.view([key](const registry::snapshot& txn) { return registry::is_master_key(txn, key); }))
        co_return kv::error_code{};
    const auto number = crypto::sealer::number_after(keys_.number());
    const crypto::sealer next_alone{key, number};
    registry::begin_rotation change{&keys_, &next_alone, svc.clock.now()};
    if (const auto ec = co_await commit(svc, change))
        co_return ec;
    keys_.seal_with(key,
                    number); // not earlier: what it seals must not reach the disk before the change that tells of it
    found_at_ = std::chrono::steady_clock::now();
    walk_began_at_.reset();
    is_under_way_ = true;
    co_return kv::error_code{};
}

task<std::chrono::nanoseconds> master_key_rotation::step(services& svc, std::optional<registry::rotation>& ended)
{
    const auto began = std::chrono::steady_clock::now();
    if (svc.unsettled.registrations() > 0)
        found_at_ = began; // what waits for room on the disk may have been sealed long ago
    if (svc.journal.is_filling() || svc.unsettled.registrations() > 0)
        co_return rotation_rest;
    if (!walk_began_at_)
        walk_began_at_ = began;
    registry::advance_rotation change{&keys_, rotation_rows, !found_at_ || *walk_began_at_ - *found_at_ >= settle_,
                                      svc.clock.now()};
    if (const auto ec = co_await commit(svc, change))
        co_return rotation_rest;
    const auto now = std::chrono::steady_clock::now();
    if (change.sealed_anew > 0)
        found_at_ = now;
    is_under_way_ = change.after && change.after->is_under_way();
    if (!is_under_way_)
        ended = std::move(change.after);
    if (change.walk_ended) {
        walk_began_at_.reset();
        co_return rotation_rest;
    }
    co_return (rotation_share - 1) * (now - began);
}

} // namespace doorward::handlers
