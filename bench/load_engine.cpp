#include "bench/load_engine.hpp"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

namespace doorward::bench {
namespace {

using steady = std::chrono::steady_clock;

// One connection of a run: the wire, and the requests that go over it.
class lane {
public:
    lane(wire connection, request_queue& queue) : wire_{std::move(connection)}, queue_{&queue} {}

    [[nodiscard]] int number() const noexcept { return wire_.number(); }
    [[nodiscard]] bool waiting() const noexcept { return wire_.waiting(); }
    [[nodiscard]] steady::time_point since() const noexcept { return since_; }
    [[nodiscard]] unsigned status() const noexcept { return wire_.status(); }

    enum class outcome { sent, empty, broken };
    outcome send(steady::time_point due)
    {
        const auto request = queue_->next();
        if (request.empty())
            return outcome::empty;
        since_ = due;
        return wire_.send(request) ? outcome::sent : outcome::broken;
    }

    wire::progress receive() { return wire_.receive(); }
    void close() noexcept { wire_.close(); }

private:
    wire wire_;
    request_queue* queue_;
    steady::time_point since_;
};

struct shared_state {
    steady::time_point begin; // of measuring
    steady::time_point end;
    std::atomic<std::uint64_t> answered{0}; // for the progress line
};

class worker {
public:
    worker(const load_settings& wanted, std::vector<lane> lanes, shared_state& shared)
        : wanted_{wanted}, lanes_{std::move(lanes)}, shared_{shared}
    {
        for (std::size_t i = 0; i < lanes_.size(); ++i)
            ready_.add(lanes_[i].number(), i);
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
        while (now < shared_.end && alive_ > 0) {
            // Due requests wait for a free connection, and their waiting counts.
            while (open && due <= now && !idle.empty()) {
                start(idle.front(), due);
                idle.pop_front();
                due += step;
            }
            const auto until = open && !idle.empty() ? std::min(due, shared_.end) : shared_.end;
            const auto found = ready_.wait(until - now);
            now = steady::now();
            for (const std::size_t index : found) {
                lane& ready = lanes_[index];
                if (!ready.waiting())
                    continue;
                switch (ready.receive()) {
                case wire::progress::partial:
                    break;
                case wire::progress::broken:
                    end(ready);
                    ++result.broken;
                    break;
                case wire::progress::complete:
                    count_answer(ready, now);
                    if (open)
                        idle.push_back(index);
                    else
                        start(index, steady::now());
                    break;
                }
            }
        }
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
            ++result.ran_dry;
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
    ready_list ready_;
    std::size_t alive_ = lanes_.size();
};

} // namespace

load_result run_load(const load_settings& wanted, std::vector<request_queue>& queues,
                     const std::function<void(std::uint64_t)>& tick)
{
    const unsigned count = std::max(1U, wanted.threads);
    std::vector<std::vector<lane>> shares(count);
    for (std::size_t i = 0; i < queues.size(); ++i)
        shares[i % count].emplace_back(wire{wanted.to}, queues[i]);

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
        out.ran_dry += part.ran_dry;
        last = std::max(last, workers[i]->ended_at);
    }
    out.seconds = std::chrono::duration<double>(last - shared.begin).count();
    return out;
}

} // namespace doorward::bench
