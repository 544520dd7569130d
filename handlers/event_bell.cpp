#include "handlers/event_bell.hpp"
#include "registry/events.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

namespace doorward::handlers {

namespace asio = boost::asio;

std::unique_ptr<event_bell::place> event_bell::enter(const std::string& account, const executor& home)
{
    auto mine = std::make_shared<sleeper>(home);
    const std::lock_guard lock{mutex_};
    // Who comes on nobody's account is one of our own, and takes no place away.
    const auto own = accounts_.find(std::string{});
    const std::size_t others = sleepers_.size() - (own == accounts_.end() ? 0 : own->second);
    auto& of_account = accounts_[account];
    if (others >= event_waiters_max || of_account >= event_waiters_of_account_max) {
        if (of_account == 0)
            accounts_.erase(account);
        return nullptr;
    }
    auto out = std::make_unique<place>(*this, account, mine);
    ++of_account;
    ++listening_;
    sleepers_.push_back(std::move(mine));
    return out;
}

void event_bell::leave(const std::string& account, const std::shared_ptr<sleeper>& who)
{
    const std::lock_guard lock{mutex_};
    if (sleepers_.remove(who) == 0)
        return;
    listening_ -= who->listening ? 1U : 0U;
    const auto found = accounts_.find(account);
    if (--found->second == 0)
        accounts_.erase(found);
}

void event_bell::committed()
{
    {
        const std::lock_guard lock{mutex_};
        if (listening_ == 0)
            return;
    }
    // Whoever enters from here on sees in the store what this batch brought.
    const auto last = last_sequence();
    const std::lock_guard lock{mutex_};
    if (last && *last == rung_for_) // attempts alone; there are many batches of them
        return;
    rung_for_ = last.value_or(0);
    for (const auto& each : sleepers_) {
        if (each->listening)
            ring(each);
    }
}

std::optional<registry::event_sequence> event_bell::last_sequence() const noexcept
{
    try {
        return store_.view([](const kv::read_txn& txn) { return registry::last_event(txn).sequence; });
    } catch (const std::exception&) { // no snapshot to be had just now: they look themselves
        return std::nullopt;
    }
}

void event_bell::ring(const std::shared_ptr<sleeper>& who)
{
    if (who->rung)
        return; // it has not looked since
    who->rung = true;
    asio::post(who->timer.get_executor(), [who] { who->timer.cancel(); });
}

void event_bell::close()
{
    const std::lock_guard lock{mutex_};
    closed_ = true;
    for (const auto& each : sleepers_)
        ring(each);
}

bool event_bell::is_closed() const
{
    const std::lock_guard lock{mutex_};
    return closed_;
}

void event_bell::place::wake()
{
    const std::lock_guard lock{bell_.mutex_};
    ring(mine_);
}

bool event_bell::place::listen(bool to_the_bell)
{
    const std::lock_guard lock{bell_.mutex_};
    if (mine_->listening == to_the_bell)
        return false;
    mine_->listening = to_the_bell;
    bell_.listening_ = to_the_bell ? bell_.listening_ + 1 : bell_.listening_ - 1;
    return to_the_bell;
}

task<void> event_bell::place::wait(std::chrono::steady_clock::time_point until)
{
    {
        const std::lock_guard lock{bell_.mutex_};
        if (mine_->rung || bell_.closed_) {
            mine_->rung = false;
            co_return;
        }
    }
    // A bell that rings between here and there posts to this thread, and so comes after the wait has begun.
    mine_->timer.expires_at(until);
    const auto [ec] = co_await mine_->timer.async_wait(asio::as_tuple(asio::deferred));
    static_cast<void>(ec);
    const std::lock_guard lock{bell_.mutex_};
    mine_->rung = false;
}

} // namespace doorward::handlers
