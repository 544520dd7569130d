#pragma once

#include "handlers/event_bell.hpp"
#include "handlers/outgoing_calls.hpp"
#include "registry/delivery_queue.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace doorward::handlers {

struct services;

/// Sends the events of applications to their webhooks: looks at the feed, has registry/delivery_queue.hpp decide what
/// is sent when, sends it, and writes down what came of it.
///
/// A delivery is written down before the next one of its registration goes out, so that at a restart whatever is not
/// written down, one attempt of each registration at most, is sent again: at least once, in order.
/// threads  changed() and usage() any; everything else the io thread of whoever drives it
class webhook_work {
public:
    webhook_work() = default;
    webhook_work(const webhook_work&) = delete;
    webhook_work& operator=(const webhook_work&) = delete;

    /// There are other webhooks, or other things to be sent again, than there were: they are read anew.
    void changed();

    /// Where whoever drives it waits; outlives this, or null is given before it ends.
    void wake_at(event_bell::place* place);

    /// One round: looks at what is new and starts what is due.
    ///
    /// returns  after how long there is something to do, if nothing wakes it before
    task<std::chrono::nanoseconds> round(services& svc);

    /// Waits for what is on its way, so long at most; then ends it. When this returns nothing is under way.
    task<void> finish(std::chrono::milliseconds patience);

    /// Is there a webhook that events are sent to?
    [[nodiscard]] bool is_needed() const noexcept;
    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }

    /// How far a webhook has come, as of the last round.
    struct line_usage {
        registry::uuid id;
        std::string application_id;
        registry::event_sequence looked_at = 0; // the last event that was looked at for it
        std::uint64_t waiting = 0;              // of those, events that are still to be delivered
        bool failing = false;                   // it is tried once a minute
    };
    /// Of those that are switched on. threads  any
    [[nodiscard]] std::vector<line_usage> usage() const;

private:
    struct line; // one webhook
    struct known_webhook;

    static std::vector<known_webhook> read_webhooks(const services& svc);
    void take(std::vector<known_webhook> found, registry::time_ms now);
    task<bool> look(services& svc, line& at);
    void start_due(services& svc, const boost::asio::io_context::executor_type& here);
    bool start_one(services& svc, const boost::asio::io_context::executor_type& here, const std::shared_ptr<line>& of);
    task<void> deliver(services& svc, std::shared_ptr<line> to, registry::delivery_queue::attempt which,
                       std::shared_ptr<const void> permit);
    task<registry::delivery_queue::ending> call(services& svc, std::shared_ptr<const registry::webhook> to,
                                                registry::event_sequence sequence, std::shared_ptr<const void> permit);
    task<void> write_cursor(services& svc, line& of);
    [[nodiscard]] std::chrono::milliseconds until_next(registry::time_ms now) const;
    void wake();
    void note_usage();

    std::vector<std::shared_ptr<line>> lines_; // in the order of their ids
    std::size_t turn_ = 0;                     // of the line that starts first
    std::size_t in_flight_ = 0;
    bool crowded_ = false; // there was no room for a call
    bool closed_ = false;  // nothing is written down any more
    outgoing_stop stop_;

    std::atomic<bool> stale_{true};
    mutable std::mutex mutex_;
    event_bell::place* place_ = nullptr; // guarded by mutex_
    std::vector<line_usage> usage_;      // guarded by mutex_
};

inline constexpr std::chrono::milliseconds webhooks_rest{500};      // when something cannot be done just now
inline constexpr std::chrono::milliseconds webhooks_sleep{60'000};  // when there is nothing to do
inline constexpr std::chrono::milliseconds webhooks_patience{2000}; // at the end, for what is on its way

} // namespace doorward::handlers
