#pragma once

#include "kv/error.hpp"
#include "registry/errc.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <utility>

namespace doorward::handlers {

/// Password work that may wait for its thread. One more is refused, so that a flood of wrong passwords costs its
/// senders time and nothing else.
inline constexpr std::size_t password_jobs_max = 64;

/// One thread for Argon2id, which takes milliseconds and must not run on an io thread or the writer.
class password_pool {
public:
    password_pool() : threads_{1} {}
    ~password_pool() { finish(); }
    password_pool(const password_pool&) = delete;
    password_pool& operator=(const password_pool&) = delete;

    /// Works off what waits and ends the thread. Before the callers' loops go away: a finished job still touches the
    /// loop that it completed on.
    void finish() { threads_.join(); }

    /// Runs `job` on the pool's thread and completes on the caller's executor with what it returned.
    ///
    /// token   signature void(kv::error_code, Result); Result is default constructible
    /// errors  registry::errc::passwords_busy, with a default Result: too many wait, or there is no memory for the hash
    template <class Job, class Token>
    auto async_run(Job job, Token&& token)
    {
        namespace asio = boost::asio;
        using result_type = decltype(job());
        auto start = [](auto handler, password_pool* pool, Job work) {
            const auto executor = asio::get_associated_executor(handler);
            if (pool->waiting_.fetch_add(1, std::memory_order_relaxed) >= password_jobs_max) {
                pool->waiting_.fetch_sub(1, std::memory_order_relaxed);
                asio::post(executor, [h = std::move(handler)]() mutable {
                    h(make_error_code(registry::errc::passwords_busy), result_type{});
                });
                return;
            }
            auto guard = asio::make_work_guard(executor);
            asio::post(pool->threads_, [pool, h = std::move(handler), w = std::move(work), guard]() mutable {
                kv::error_code ec;
                result_type outcome{};
                try {
                    outcome = w();
                } catch (const std::exception&) {
                    ec = registry::errc::passwords_busy;
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
    std::atomic<std::size_t> waiting_{0};
    boost::asio::thread_pool threads_;
};

} // namespace doorward::handlers
