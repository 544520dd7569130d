#include "registry/past_state.hpp"

namespace doorward::registry {
namespace {

// What the rows of a history say when they are read from the newest to the oldest.
class reading {
public:
    reading(const registration& record, time_ms at) : record_{record}, at_{at} {}

    void add(const history_row& row)
    {
        if (!out_ && row.at > at_) {
            flags_changed_later_ = flags_changed_later_ || row.by == move::change_flags;
            return;
        }
        if (!out_)
            out_ = past_state{row.now, {}, row.name, std::nullopt, row.version, row.at};
        if (!state_known_ && !is_beside_state(row.by)) {
            state_known_ = true;
            if (row.now == state::blocked)
                out_->blocked_reason = row.reason;
        }
        // Rows of creation from before there were events do not tell flags.
        if (!out_->flags && (row.by == move::change_flags || (row.by == move::create && row.event)))
            out_->flags = row.flags;
    }

    std::optional<past_state> done()
    {
        if (!out_)
            return std::nullopt;
        if (!out_->flags && !flags_changed_later_)
            out_->flags = record_.flags;
        if (is_unfinished(out_->now) && record_.expires_at <= at_)
            out_->now = state::removed;
        return std::move(out_);
    }

private:
    const registration& record_;
    const time_ms at_;
    std::optional<past_state> out_;
    bool state_known_ = false;
    bool flags_changed_later_ = false;
};

} // namespace

std::optional<past_state> find_past_state(const kv::read_txn& txn, registration_number number,
                                          const registration& record, time_ms at)
{
    reading all{record, at};
    scan_history(txn, number, 0, [&](const history_row& row) {
        all.add(row);
        return true;
    });
    return all.done();
}

} // namespace doorward::registry
