#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace doorward::kv {

// What is counted while the server works. It lives at the bottom so that every folder can count; the numbers leave the
// process in handlers/metrics.cpp.

/// Threads share the cells of a meter when there are more of them; a power of two.
inline constexpr std::size_t meter_stripes = 16;

/// The cells of this thread: its own as long as there are no more than meter_stripes threads that count.
[[nodiscard]] inline std::size_t meter_stripe() noexcept
{
    static std::atomic<std::size_t> next{0};
    thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % meter_stripes;
    return mine;
}

/// A number that only grows. Each thread has a cache line of its own, so counting waits for nobody. threads  any
class counter {
public:
    void add(std::uint64_t more = 1) noexcept
    {
        cells_[meter_stripe()].value.fetch_add(more, std::memory_order_relaxed); // relaxed: a number and nothing else
    }
    [[nodiscard]] std::uint64_t total() const noexcept
    {
        std::uint64_t out = 0;
        for (const cell& each : cells_)
            out += each.value.load(std::memory_order_relaxed);
        return out;
    }

private:
    struct alignas(64) cell {
        std::atomic<std::uint64_t> value{0};
    };
    std::array<cell, meter_stripes> cells_{};
};

/// How often something was how large, in buckets. threads  any
class histogram {
public:
    /// bounds  the greatest value of each bucket but the last, ascending, in the unit of observe(); outlives this
    explicit histogram(std::span<const std::uint64_t> bounds)
        : bounds_{bounds},
          stride_{(bounds.size() + 2 + cells_per_line - 1) / cells_per_line * cells_per_line},
          cells_{std::make_unique<std::atomic<std::uint64_t>[]>(stride_ * meter_stripes)}
    {}

    void observe(std::uint64_t value) noexcept
    {
        std::atomic<std::uint64_t>* const mine = cells_.get() + meter_stripe() * stride_;
        const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
        mine[bucket].fetch_add(1, std::memory_order_relaxed);
        mine[bounds_.size() + 1].fetch_add(value, std::memory_order_relaxed);
    }

    /// What was observed until some moment, or between two of them.
    struct reading {
        std::vector<std::uint64_t> counts; // of each bucket, the last one without a bound
        std::uint64_t sum = 0;             // of all values

        [[nodiscard]] std::uint64_t count() const noexcept
        {
            std::uint64_t out = 0;
            for (const std::uint64_t each : counts)
                out += each;
            return out;
        }
        /// What came after `earlier`, a reading of the same histogram.
        [[nodiscard]] reading since(const reading& earlier) const
        {
            reading out = *this;
            for (std::size_t i = 0; i < std::min(out.counts.size(), earlier.counts.size()); ++i)
                out.counts[i] -= earlier.counts[i];
            out.sum -= earlier.sum;
            return out;
        }
    };
    [[nodiscard]] reading read() const
    {
        reading out;
        out.counts.resize(bounds_.size() + 1);
        for (std::size_t stripe = 0; stripe < meter_stripes; ++stripe) {
            const auto* const cells = cells_.get() + stripe * stride_;
            for (std::size_t i = 0; i < out.counts.size(); ++i)
                out.counts[i] += cells[i].load(std::memory_order_relaxed);
            out.sum += cells[out.counts.size()].load(std::memory_order_relaxed);
        }
        return out;
    }

    /// The value below which this share of them lies, even within a bucket; the last bound where it is beyond that.
    /// 0 when nothing was observed.
    [[nodiscard]] double quantile(const reading& of, double share) const noexcept
    {
        const double wanted = share * static_cast<double>(of.count());
        double below = 0;
        for (std::size_t i = 0; i < bounds_.size() && wanted > 0; ++i) {
            const double here = static_cast<double>(of.counts[i]);
            const double floor = i == 0 ? 0.0 : static_cast<double>(bounds_[i - 1]);
            if (below + here >= wanted)
                return floor + (static_cast<double>(bounds_[i]) - floor) * (wanted - below) / here;
            below += here;
        }
        return wanted > 0 ? static_cast<double>(bounds_.back()) : 0.0;
    }

    [[nodiscard]] std::span<const std::uint64_t> bounds() const noexcept { return bounds_; }

private:
    static constexpr std::size_t cells_per_line = 64 / sizeof(std::uint64_t);

    const std::span<const std::uint64_t> bounds_;
    const std::size_t stride_; // cells of one stripe: the buckets, then the sum
    const std::unique_ptr<std::atomic<std::uint64_t>[]> cells_;
};

/// Bounds of durations, in nanoseconds: 0.1 ms to 10 s.
inline constexpr std::array<std::uint64_t, 16> duration_bounds_ns{
    100'000,    250'000,     500'000,     1'000'000,   2'500'000,     5'000'000,     10'000'000,    25'000'000,
    50'000'000, 100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

} // namespace doorward::kv
