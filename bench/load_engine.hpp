#pragma once

#include "bench/histogram.hpp"
#include "bench/wire.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::bench {

/// The requests of one connection, in order, as complete HTTP texts.
///
/// Made before the run, so that the load generator does next to nothing per request while it shares the processor with
/// the server. One thread at a time.
class request_queue {
public:
    void add(std::string_view request)
    {
        text_.append(request);
        ends_.push_back(text_.size());
    }
    /// Begins again when everything was sent; for requests that may be repeated.
    void repeat() noexcept { repeating_ = true; }

    /// The next request; empty at the end. Valid while the queue lives.
    [[nodiscard]] std::string_view next() noexcept
    {
        if (sent_ == ends_.size()) {
            if (!repeating_ || ends_.empty())
                return {};
            sent_ = 0;
        }
        const std::size_t begin = sent_ == 0 ? 0 : ends_[sent_ - 1];
        const std::string_view out = std::string_view{text_}.substr(begin, ends_[sent_] - begin);
        ++sent_;
        ++total_;
        return out;
    }
    /// Requests handed out so far.
    [[nodiscard]] std::uint64_t handed_out() const noexcept { return total_; }
    [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }

private:
    std::string text_;
    std::vector<std::size_t> ends_;
    std::size_t sent_ = 0;
    std::uint64_t total_ = 0;
    bool repeating_ = false;
};

struct load_settings {
    address to;
    unsigned threads = 1;
    std::chrono::milliseconds warm_up{1000}; // sent and not counted
    std::chrono::milliseconds duration{10'000};
    double requests_per_second = 0; // open arrival at this rate; 0: closed, each connection sends when it was answered
    unsigned expected_status = 200;
};

struct load_result {
    histogram latency_ns; // closed: from sending to the last byte; open: from the time the request was due
    std::uint64_t answered = 0;
    std::uint64_t unexpected = 0; // answers with another status
    std::uint64_t broken = 0;     // connections that ended before the run did
    std::uint64_t ran_dry = 0;    // connections whose queue was empty before the time was over
    double seconds = 0;           // that were measured

    [[nodiscard]] double per_second() const noexcept
    {
        return seconds > 0 ? static_cast<double>(answered) / seconds : 0;
    }
};

/// Sends the queues, one connection each, over loopback or wherever `to` is. `tick` is called about once a second, on
/// the calling thread, with the answers so far.
///
/// errors  throws std::system_error when a connection cannot be made
[[nodiscard]] load_result run_load(const load_settings& wanted, std::vector<request_queue>& queues,
                                   const std::function<void(std::uint64_t)>& tick);

} // namespace doorward::bench
