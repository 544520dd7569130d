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
    is_between_walks_ = true;
    is_under_way_ = true;
    co_return kv::error_code{};
}

task<std::chrono::nanoseconds> master_key_rotation::step(services& svc, std::optional<registry::rotation>& ended)
{
    const auto began = std::chrono::steady_clock::now();
    if (svc.unsettled.registrations() > 0) { // what waits for room on the disk may have been sealed long ago
        found_at_ = began;
        is_first_step_ = true;
        is_between_walks_ = true;
        co_return rotation_rest;
    }
    if (svc.journal.is_filling())
        co_return rotation_rest;
    if (is_between_walks_ && found_at_) {
        auto look = have_ended_(*found_at_);
        const bool is_quiet = co_await std::move(look);
        if (!is_quiet)
            co_return rotation_pause;
    }
    is_between_walks_ = false;
    registry::advance_rotation change{&keys_, rotation_rows, is_first_step_, svc.clock.now()};
    const auto refused = co_await commit(svc, change);
    if (refused == kv::errc::damaged) {
        svc.log.warn("the rotation of the master key came upon damage and rests; doorward check tells what is wrong");
        co_return rotation_damage_rest;
    }
    if (refused)
        co_return rotation_rest;
    is_first_step_ = false;
    const auto now = std::chrono::steady_clock::now();
    if (change.sealed_anew > 0)
        found_at_ = now;
    is_under_way_ = change.after && change.after->is_under_way();
    if (!is_under_way_)
        ended = std::move(change.after);
    is_between_walks_ = change.walk_ended;
    if (change.walk_ended)
        co_return rotation_pause;
    co_return (rotation_share - 1) * (now - began);
}

} // namespace doorward::handlers
