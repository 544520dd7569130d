#pragma once

#include "kv/error.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <utility>

namespace doorward::handlers {

/// Jobs that may wait for such a thread. One more is refused, so that a flood of wrong passwords or of lists costs its
/// senders time and nothing else.
inline constexpr std::size_t work_jobs_max = 64;

/// How much the thread that reads lists gives way to the others, see setpriority(2).
inline constexpr int list_niceness = 10;

/// One thread for what takes milliseconds and must not run on an io thread or the writer: Argon2id, and reading lists.
class work_thread {
public:
    /// busy      what is told when too many jobs wait
    /// niceness  0: as the other threads; more: attempts come first when processors are short
    explicit work_thread(kv::error_code busy, int niceness = 0);
    ~work_thread() { finish(); }
    work_thread(const work_thread&) = delete;
    work_thread& operator=(const work_thread&) = delete;

    /// Works off what waits and ends the thread. Before the callers' loops go away: a finished job still touches the
    /// loop that it completed on.
    void finish() { threads_.join(); }

    /// Runs `job` on the pool's thread and completes on the caller's executor with what it returned.
    ///
    /// token   signature void(kv::error_code, Result); Result is default constructible
    /// errors  `busy` of the constructor, with a default Result: too many wait, or the job threw; kv::errc::damaged
    /// when it came upon that
    template <class Job, class Token>
    auto async_run(Job job, Token&& token)
    {
        namespace asio = boost::asio;
        using result_type = decltype(job());
        auto start = [](auto handler, work_thread* pool, Job work) {
            const auto executor = asio::get_associated_executor(handler);
            if (pool->waiting_.fetch_add(1, std::memory_order_relaxed) >= work_jobs_max) {
                pool->waiting_.fetch_sub(1, std::memory_order_relaxed);
                asio::post(executor,
                           [h = std::move(handler), busy = pool->busy_]() mutable { h(busy, result_type{}); });
                return;
            }
            auto guard = asio::make_work_guard(executor);
            asio::post(pool->threads_, [pool, h = std::move(handler), w = std::move(work), guard]() mutable {
                kv::error_code ec;
                result_type outcome{};
                try {
                    outcome = w();
                } catch (const kv::damaged&) { // told to the log by the store
                    ec = kv::errc::damaged;
                } catch (const std::exception&) {
                    ec = pool->busy_;
                }
                pool->waiting_.fetch_sub(1, std::memory_order_relaxed);
                asio::post(guard.get_executor(), [h = std::move(h), ec, outcome = std::move(outcome)]() mutable {
                    h(ec, std::move(outcome));
                });
            });
        };
        return asio::async_initiate<Token, void(kv::error_code, result_type)>(std::move(start), token, this,
                                                                              std::move(job));
    }

private:
    const kv::error_code busy_;
    std::atomic<std::size_t> waiting_{0};
    boost::asio::thread_pool threads_;
};

} // namespace doorward::handlers
