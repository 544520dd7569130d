#include "handlers/fold.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace doorward::handlers {
namespace {

// A part at a time: requests of this thread come in between.
task<void> forget_folded(services& svc)
{
    const auto here = co_await boost::asio::this_coro::executor;
    svc.journal.begin_epoch();
    for (std::size_t part = 0; part < registry::journal::parts; ++part) {
        svc.journal.forget_folded(part);
        co_await boost::asio::post(here, boost::asio::deferred);
    }
}

} // namespace

task<std::chrono::nanoseconds> fold(services& svc)
{
    registry::journal::fold_step step{svc.journal};
    const auto began = std::chrono::steady_clock::now();
    if (const auto ec = co_await commit(svc, step))
        co_return sweep_rest; // no room; what was to be folded stays in memory and in the journal
    const auto took = std::chrono::steady_clock::now() - began;
    svc.counts.folded.add(step.folded);
    svc.counts.fold_steps.observe(static_cast<std::uint64_t>(took / std::chrono::nanoseconds{1}));
    if (step.sweep_ended)
        co_await forget_folded(svc);
    if (svc.journal.is_filling())
        co_return std::chrono::nanoseconds{0};
    co_return step.sweep_ended ? std::chrono::nanoseconds{sweep_rest} : (fold_share - 1) * took;
}

} // namespace doorward::handlers
