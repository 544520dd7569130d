#pragma once

#include "kv/meter.hpp"
#include "server/config.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace doorward::server {

using executor = boost::asio::io_context::executor_type;
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;

/// A connection as its io thread watches over it: when it must be done with what it is doing, or is closed.
///
/// One look at all of them now and then costs less than a timer per operation, by a quarter of a round trip.
/// io thread only
class watched_connection : public boost::intrusive::list_base_hook<> {
public:
    explicit watched_connection(tcp_socket& socket) : socket_{socket} {}

    enum class phase : std::uint8_t { idle, busy, streaming };

    /// What happens from now on, and how long it may take.
    void expect(phase what, std::chrono::steady_clock::duration within) noexcept
    {
        const auto now = std::chrono::steady_clock::now();
        if (what == phase::busy && phase_ != phase::busy)
            busy_since_ = now;
        phase_ = what;
        deadline_ = now + within;
    }
    /// Is it at a request that began then or before?
    [[nodiscard]] bool is_busy_since(std::chrono::steady_clock::time_point then) const noexcept
    {
        return phase_ == phase::busy && busy_since_ <= then;
    }

    /// The server stops, and the connection is idle: one that has not sent anything yet, or is about to be read, gets
    /// the time for it, others are closed. Whoever connected in time is answered.
    void end_idleness() noexcept;
    /// Something has come before: the connection is in use.
    void greeted() noexcept { is_new_ = false; }

    [[nodiscard]] bool is_idle() const noexcept { return phase_ == phase::idle; }
    [[nodiscard]] bool is_late(std::chrono::steady_clock::time_point now) const noexcept { return now >= deadline_; }
    void close() noexcept
    {
        boost::system::error_code ignored;
        socket_.close(ignored); // what is waiting on it completes with operation_aborted
    }

private:
    tcp_socket& socket_;
    phase phase_ = phase::idle;
    bool is_new_ = true; // nothing has come yet
    std::chrono::steady_clock::time_point busy_since_{};
    std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
};

/// One thread with its own event loop. A connection stays on it.
class io_thread {
public:
    explicit io_thread(const limits& of);
    io_thread(const io_thread&) = delete;
    io_thread& operator=(const io_thread&) = delete;

    [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }

    // io thread only
    void watch(watched_connection& connection) { connections_.push_back(connection); }
    void forget(watched_connection& connection) { connections_.erase(connections_.iterator_to(connection)); }
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    /// Is a request under way that began then or before? Streams are none: they only read.
    [[nodiscard]] bool is_busy_since(std::chrono::steady_clock::time_point then) const noexcept;
    /// As they are now.
    [[nodiscard]] const limits& current_limits() const noexcept { return limits_; }

private:
    friend class io_threads;
    void look_at_deadlines();

    boost::asio::io_context context_{1}; // one thread runs it, others may post to it
    boost::asio::executor_work_guard<executor> work_;
    boost::intrusive::list<watched_connection> connections_; // io thread only
    bool draining_ = false;                                  // io thread only
    limits limits_;                                          // io thread only, once it runs
    std::thread thread_;
};

/// Connections open now on one side of the server. Any thread.
class connection_count {
public:
    void opened() noexcept { now_.fetch_add(1); }
    [[nodiscard]] std::size_t now() const noexcept { return now_.load(); }

    /// What opened() counted, until this ends.
    class place {
    public:
        explicit place(connection_count& in) noexcept : in_{in} {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place() { in_.now_.fetch_sub(1); }

    private:
        connection_count& in_;
    };

private:
    std::atomic<std::size_t> now_{0};
};

/// All io threads. Made and destroyed on the main thread.
class io_threads {
public:
    io_threads(unsigned count, const limits& of);
    io_threads(const io_threads&) = delete;
    io_threads& operator=(const io_threads&) = delete;
    ~io_threads();

    /// lag  is told how late the loops come to what is due, in ns; outlives them
    void start(kv::histogram& lag);

    /// New limits for all loops, each in its next turn.
    void change_limits(const limits& to);

    /// Idle connections are closed at once, new ones after the answer to their first request, which must come within
    /// last_request_timeout, busy ones after their answer, all of them after `patience`. Returns when
    /// `open` tells that no connection is left, which then takes no longer than what is under way for it: a flush, a
    /// password check, the answer of a provider.
    void drain(const std::function<bool()>& open, std::chrono::steady_clock::duration patience);

    /// Ends the loops and joins the threads.
    void stop();

    [[nodiscard]] std::size_t size() const noexcept { return threads_.size(); }
    [[nodiscard]] io_thread& operator[](std::size_t index) noexcept { return *threads_[index]; }

private:
    std::vector<std::unique_ptr<io_thread>> threads_;
};

} // namespace doorward::server
