#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace doorward::bench {

/// A file descriptor that is closed when its owner goes.
class descriptor {
public:
    explicit descriptor(int number = -1) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept;
    descriptor& operator=(descriptor&&) = delete;
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }
    [[nodiscard]] int get() const noexcept { return number_; }
    void close() noexcept;

private:
    int number_;
};

struct address {
    std::string host; // IPv4
    std::uint16_t port = 0;
};
/// Of "http://ADDRESS:PORT". Errors: throws std::invalid_argument.
[[nodiscard]] address address_of(const std::string& url);

/// A connection of the load generator that never blocks: one HTTP request on its way out, or its answer on its way in.
///
/// It understands what our own server sends, a status line and a Content-Length, and no more: the load generator shares
/// the processor with the server. threads  one at a time
class wire {
public:
    /// Connects, waiting for it. errors  throws std::system_error
    explicit wire(const address& to);

    [[nodiscard]] int number() const noexcept { return socket_.get(); }
    [[nodiscard]] bool waiting() const noexcept { return waiting_; }

    /// Sends a request; false when the connection is over. `request` stays until its answer is complete.
    bool send(std::string_view request);

    enum class progress { partial, complete, broken };
    progress receive();

    // Of the answer that was complete last; the body is valid until the next send().
    [[nodiscard]] unsigned status() const noexcept { return status_; }
    [[nodiscard]] std::string_view body() const noexcept { return std::string_view{in_}.substr(body_at_); }

    void close() noexcept { socket_.close(); }

private:
    bool flush();
    bool is_complete();

    descriptor socket_;
    std::string_view out_;
    std::string in_;
    std::size_t body_at_ = 0;
    unsigned status_ = 0;
    bool waiting_ = false;
};

/// Which of many connections have something to read. threads  one
class ready_list {
public:
    ready_list();

    /// Watches a socket; `index` is what wait() calls it. errors  throws std::system_error
    void add(int socket, std::size_t index);

    /// Waits at most so long; returns the indices of sockets where something arrived since they were read to the end.
    /// Valid until the next call.
    [[nodiscard]] std::span<const std::size_t> wait(std::chrono::nanoseconds at_most);

private:
    descriptor epoll_;
    std::array<std::size_t, 256> found_{};
};

} // namespace doorward::bench
