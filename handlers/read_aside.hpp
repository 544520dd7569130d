#pragma once

#include "handlers/services.hpp"

#include <exception>

namespace doorward::handlers {

/// Runs `job` on the thread for lists and completes with what it returned. For everything that reads as many rows as
/// somebody asks for: attempts on the io threads do not wait behind it.
///
/// job     callable without arguments; what it refers to outlives the request, or is its own copy
/// errors  kv::errc::queue_full: too many lists are asked for at once. What the job throws is thrown here
template <class Job>
task<kv::result<std::invoke_result_t<Job&>>> read_aside(services& svc, Job job)
{
    struct outcome {
        std::optional<std::invoke_result_t<Job&>> value;
        std::exception_ptr fault;
    };
    auto work = [job = std::move(job)]() mutable {
        outcome out;
        try {
            out.value.emplace(job());
        } catch (...) {
            out.fault = std::current_exception();
        }
        return out;
    };
    auto pending = svc.lists.async_run(std::move(work), boost::asio::as_tuple(boost::asio::deferred));
    auto [busy, done] = co_await std::move(pending);
    if (busy)
        co_return busy;
    if (done.fault)
        std::rethrow_exception(done.fault);
    co_return *std::move(done.value);
}

} // namespace doorward::handlers
