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
    took_over_at_ = std::chrono::steady_clock::now();
    is_under_way_ = true;
    co_return kv::error_code{};
}

task<std::chrono::nanoseconds> master_key_rotation::step(services& svc, std::optional<registry::rotation>& ended)
{
    if (svc.journal.is_filling())
        co_return rotation_rest;
    const auto began = std::chrono::steady_clock::now();
    registry::advance_rotation change{&keys_, rotation_rows, !took_over_at_ || began - *took_over_at_ >= settle_,
                                      svc.clock.now()};
    if (const auto ec = co_await commit(svc, change))
        co_return rotation_rest;
    is_under_way_ = change.after && change.after->is_under_way();
    if (!is_under_way_)
        ended = std::move(change.after);
    if (change.walk_ended)
        co_return rotation_rest;
    co_return (rotation_share - 1) * (std::chrono::steady_clock::now() - began);
}

} // namespace doorward::handlers
