#pragma once

#include "kv/writer.hpp"

#include <future>
#include <memory>

namespace doorward::kv {

/// Hands a change to the writer and waits for it. For tools and tests: a thread that serves connections never waits.
///
/// change  a callable `error_code(write_txn&)`; what it found out on the way is in it afterwards
/// errors  what the change returned, or kv::errc
template <class Change>
[[nodiscard]] error_code blocking_commit(writer& to, Change& change)
{
    class operation final : public pending_write, public landing {
    public:
        explicit operation(Change& wanted) : pending_write{static_cast<landing&>(*this)}, change_{wanted} {}
        error_code apply(write_txn& txn) override { return change_(txn); }
        void durable() noexcept override
        {
            if constexpr (requires(Change & settled) { settled.durable(); })
                change_.durable();
        }
        void undone() noexcept override
        {
            if constexpr (requires(Change & refused) { refused.undone(); })
                change_.undone();
        }
        [[nodiscard]] std::size_t weight() const noexcept override
        {
            if constexpr (requires(const Change& large) { large.weight(); })
                return change_.weight();
            return 1;
        }
        void complete() override {}
        void deliver(pending_write*) override { done.set_value(outcome); } // alone in its chain: the landing is its own

        std::promise<error_code> done;

    private:
        Change& change_;
    };
    operation waiting{change};
    auto settled = waiting.done.get_future();
    if (const error_code refused = to.submit(waiting))
        return refused;
    return settled.get();
}

} // namespace doorward::kv
