#include "bench/load_engine.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <deque>
#include <system_error>
#include <thread>
#include <utility>

namespace doorward::bench {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t answer_bytes_max = 64 * 1024;

class descriptor {
public:
    explicit descriptor(int number = -1) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&&) = delete;
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }
    [[nodiscard]] int get() const noexcept { return number_; }
    void close() noexcept
    {
        if (number_ >= 0)
            ::close(std::exchange(number_, -1));
    }

private:
    int number_;
};

[[noreturn]] void fail(const char* what)
{
    throw std::system_error{errno, std::generic_category(), what};
}

descriptor connect_to(const load_settings& wanted)
{
    descriptor out{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted.port);
    if (out.get() < 0 || ::inet_pton(AF_INET, wanted.host.c_str(), &address.sin_addr) != 1)
        fail("socket");
    if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("connect");
    const int on = 1;
    ::setsockopt(out.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(out.get(), F_SETFL, O_NONBLOCK);
    return out;
}

// One connection: a request on its way out, or an answer on its way in.
class lane {
public:
    lane(descriptor socket, request_queue& queue) : socket_{std::move(socket)}, queue_{&queue} {}

    [[nodiscard]] int number() const noexcept { return socket_.get(); }
    [[nodiscard]] bool waiting() const noexcept { return waiting_; }
    [[nodiscard]] steady::time_point since() const noexcept { return since_; }
    [[nodiscard]] unsigned status() const noexcept { return status_; }

    enum class outcome { sent, empty, broken };
    outcome send(steady::time_point due)
    {
        out_ = queue_->next();
        if (out_.empty())
            return outcome::empty;
        since_ = due;
        waiting_ = true;
        return flush() ? outcome::sent : outcome::broken;
    }

    // False when the connection is over.
    bool flush()
    {
        while (!out_.empty()) {
            const auto size = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
            if (size < 0)
                return errno == EAGAIN;
            out_.remove_prefix(static_cast<std::size_t>(size));
        }
        return true;
    }

    enum class progress { partial, complete, broken };
    progress receive()
    {
        for (;;) {
            if (is_complete())
                return progress::complete;
            const std::size_t have = in_.size();
            in_.resize(have + 4096);
            const auto size = ::recv(socket_.get(), in_.data() + have, 4096, 0);
            in_.resize(have + (size > 0 ? static_cast<std::size_t>(size) : 0));
            if (size == 0 || (size < 0 && errno != EAGAIN) || in_.size() > answer_bytes_max)
                return progress::broken;
            if (size < 0)
                return progress::partial;
        }
    }

    void close() noexcept { socket_.close(); }

private:
    // Status line, a Content-Length, and that many bytes: what our own server sends, no more.
    bool is_complete()
    {
        const std::string_view text{in_};
        const auto head = text.find("\r\n\r\n");
        if (head == std::string_view::npos)
            return false;
        constexpr std::string_view name = "Content-Length: ";
        const auto at = text.find(name);
        std::size_t length = 0;
        if (at < head)
            std::from_chars(text.data() + at + name.size(), text.data() + head, length);
        if (text.size() < head + 4 + length)
            return false;
        status_ = 0;
        std::from_chars(text.data() + 9, text.data() + 12, status_);
        in_.clear();
        waiting_ = false;
        return true;
    }

    descriptor socket_;
    request_queue* queue_;
    std::string_view out_;
    std::string in_;
    steady::time_point since_;
    unsigned status_ = 0;
    bool waiting_ = false;
};

struct shared_state {
    steady::time_point begin; // of measuring
    steady::time_point end;
    std::atomic<std::uint64_t> answered{0}; // for the progress line
};

class worker {
public:
    worker(const load_settings& wanted, std::vector<lane> lanes, shared_state& shared)
        : wanted_{wanted}, lanes_{std::move(lanes)}, shared_{shared}, epoll_{::epoll_create1(EPOLL_CLOEXEC)}
    {
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            epoll_event event{};
            event.events = EPOLLIN | EPOLLET;
            event.data.u64 = i;
            if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, lanes_[i].number(), &event) != 0)
                fail("epoll");
        }
    }

    void run()
    {
        const bool open = wanted_.requests_per_second > 0;
        const auto step = open ? std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(
                                     static_cast<double>(wanted_.threads) / wanted_.requests_per_second))
                               : steady::duration{};
        auto now = steady::now();
        auto due = now;
        std::deque<std::size_t> idle;
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            if (open)
                idle.push_back(i);
            else
                start(i, now);
        }
        std::array<epoll_event, 256> events;
        while (now < shared_.end && alive_ > 0) {
            // Due requests wait for a free connection, and their waiting counts.
            while (open && due <= now && !idle.empty()) {
                start(idle.front(), due);
                idle.pop_front();
                due += step;
            }
            const auto until = open && !idle.empty() ? std::min(due, shared_.end) : shared_.end;
            const auto pause = std::max(until - now, steady::duration{});
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pause);
            const timespec timeout{seconds.count(), std::chrono::nanoseconds{pause - seconds}.count()};
            const int count =
                ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
            now = steady::now();
            for (int i = 0; i < count; ++i) {
                const auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
                lane& ready = lanes_[index];
                if (!ready.waiting())
                    continue;
                switch (ready.receive()) {
                case lane::progress::partial:
                    break;
                case lane::progress::broken:
                    end(ready);
                    ++result.broken;
                    break;
                case lane::progress::complete:
                    count_answer(ready, now);
                    if (open)
                        idle.push_back(index);
                    else
                        start(index, steady::now());
                    break;
                }
            }
        }
        result.ran_dry = alive_ == 0 && result.broken < lanes_.size() && now < shared_.end;
        ended_at = now;
    }

    load_result result;
    steady::time_point ended_at;

private:
    void start(std::size_t index, steady::time_point due)
    {
        switch (lanes_[index].send(due)) {
        case lane::outcome::sent:
            return;
        case lane::outcome::empty:
            end(lanes_[index]);
            return;
        case lane::outcome::broken:
            end(lanes_[index]);
            ++result.broken;
            return;
        }
    }

    void end(lane& over)
    {
        over.close();
        --alive_;
    }

    void count_answer(const lane& ready, steady::time_point now)
    {
        shared_.answered.fetch_add(1, std::memory_order_relaxed);
        if (now < shared_.begin)
            return;
        ++result.answered;
        if (ready.status() != wanted_.expected_status)
            ++result.unexpected;
        result.latency_ns.record(static_cast<std::uint64_t>(std::chrono::nanoseconds{now - ready.since()}.count()));
    }

    const load_settings& wanted_;
    std::vector<lane> lanes_;
    shared_state& shared_;
    descriptor epoll_;
    std::size_t alive_ = lanes_.size();
};

} // namespace

load_result run_load(const load_settings& wanted, std::vector<request_queue>& queues,
                     const std::function<void(std::uint64_t)>& tick)
{
    const unsigned count = std::max(1U, wanted.threads);
    std::vector<std::vector<lane>> shares(count);
    for (std::size_t i = 0; i < queues.size(); ++i)
        shares[i % count].emplace_back(connect_to(wanted), queues[i]);

    shared_state shared;
    shared.begin = steady::now() + wanted.warm_up;
    shared.end = shared.begin + wanted.duration;
    std::vector<std::unique_ptr<worker>> workers;
    for (auto& share : shares)
        workers.push_back(std::make_unique<worker>(wanted, std::move(share), shared));
    std::atomic<unsigned> running{count};
    std::vector<std::thread> threads;
    for (const auto& each : workers) {
        threads.emplace_back([&running, worker = each.get()] {
            worker->run();
            running.fetch_sub(1);
        });
    }
    for (auto next = steady::now(); running.load() > 0;) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        if (steady::now() >= next) {
            tick(shared.answered.load());
            next += std::chrono::seconds{1};
        }
    }
    load_result out;
    auto last = shared.begin;
    for (std::size_t i = 0; i < workers.size(); ++i) {
        threads[i].join();
        const load_result& part = workers[i]->result;
        out.latency_ns.merge(part.latency_ns);
        out.answered += part.answered;
        out.unexpected += part.unexpected;
        out.broken += part.broken;
        out.ran_dry = out.ran_dry || part.ran_dry;
        last = std::max(last, workers[i]->ended_at);
    }
    out.seconds = std::chrono::duration<double>(last - shared.begin).count();
    return out;
}

} // namespace doorward::bench
