#include "server/io_threads.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <pthread.h>

#include <algorithm>
#include <string>

namespace doorward::server {
namespace {

using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, executor>;

// lateness  how long after its time it is called
void every(std::shared_ptr<timer> clock, std::chrono::milliseconds pause,
           std::function<void(std::chrono::nanoseconds lateness)> action)
{
    clock->expires_after(pause);
    timer& waiting = *clock;
    waiting.async_wait([clock = std::move(clock), pause, action = std::move(action)](boost::system::error_code ec) {
        if (ec)
            return;
        action(std::chrono::steady_clock::now() - clock->expiry());
        every(clock, pause, action);
    });
}

} // namespace

void watched_connection::end_idleness() noexcept
{
    boost::system::error_code ec;
    const bool has_come = socket_.available(ec) > 0;
    if (is_new_ || has_come)
        deadline_ = std::min(deadline_, std::chrono::steady_clock::now() + last_request_timeout);
    else
        close();
}

io_thread::io_thread(const limits& of) : work_{boost::asio::make_work_guard(context_)}, limits_{of} {}

bool io_thread::is_busy_since(std::chrono::steady_clock::time_point then) const noexcept
{
    return std::ranges::any_of(connections_, [then](const auto& each) { return each.is_busy_since(then); });
}

void io_thread::look_at_deadlines()
{
    const auto now = std::chrono::steady_clock::now();
    for (watched_connection& each : connections_) {
        if (each.is_late(now))
            each.close();
    }
}

io_threads::io_threads(unsigned count, const limits& of)
{
    for (unsigned i = 0; i < count; ++i)
        threads_.push_back(std::make_unique<io_thread>(of));
}

io_threads::~io_threads()
{
    stop();
}

void io_threads::start(kv::histogram& lag)
{
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        io_thread& each = *threads_[i];
        every(std::make_shared<timer>(each.context_.get_executor()), deadline_step,
              [&each, &lag](std::chrono::nanoseconds lateness) {
                  lag.observe(static_cast<std::uint64_t>(lateness.count()));
                  each.look_at_deadlines();
              });
        each.thread_ = std::thread{[&each] { each.context_.run(); }};
        pthread_setname_np(each.thread_.native_handle(), ("io-" + std::to_string(i)).c_str());
    }
}

void io_threads::change_limits(const limits& to)
{
    for (const auto& each : threads_)
        boost::asio::post(each->context_, [thread = each.get(), to] { thread->limits_ = to; });
}

void io_threads::drain(const std::function<bool()>& open, std::chrono::steady_clock::duration patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (const auto& each : threads_) {
        boost::asio::post(each->context_, [thread = each.get()] {
            thread->draining_ = true;
            for (watched_connection& connection : thread->connections_) {
                if (connection.is_idle())
                    connection.end_idleness();
            }
        });
    }
    while (open() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    for (const auto& each : threads_) {
        boost::asio::post(each->context_, [thread = each.get()] {
            for (watched_connection& connection : thread->connections_)
                connection.close();
        });
    }
    while (open())
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

void io_threads::stop()
{
    for (const auto& each : threads_) {
        each->work_.reset();
        each->context_.stop();
    }
    for (const auto& each : threads_) {
        if (each->thread_.joinable())
            each->thread_.join();
    }
}

} // namespace doorward::server
