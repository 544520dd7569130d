#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace doorward::bench {

/// Latencies in nanoseconds, in buckets a 64th of their size wide: quantiles are right to 1.6 percent, from 1 ns to
/// hours, in 29 KiB. One thread; merge afterwards.
class histogram {
public:
    void record(std::uint64_t ns) noexcept
    {
        ++buckets_[bucket(ns)];
        ++count_;
    }

    void merge(const histogram& other) noexcept
    {
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            buckets_[i] += other.buckets_[i];
        count_ += other.count_;
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    /// The upper end of the bucket in which the quantile lies, 0 <= q <= 1. 0 when nothing was recorded.
    [[nodiscard]] std::uint64_t quantile(double q) const noexcept
    {
        const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > wanted || (seen == count_ && seen > 0))
                return upper_end(i);
        }
        return 0;
    }

private:
    static constexpr unsigned precision_bits = 6;
    static constexpr std::size_t per_octave = std::size_t{1} << precision_bits;

    // Values below per_octave have a bucket each; above it every octave has per_octave buckets.
    static std::size_t bucket(std::uint64_t value) noexcept
    {
        if (value < per_octave)
            return static_cast<std::size_t>(value);
        const auto octave = static_cast<unsigned>(std::bit_width(value)) - precision_bits - 1;
        return (octave + 1) * per_octave + static_cast<std::size_t>((value >> octave) - per_octave);
    }
    static std::uint64_t upper_end(std::size_t index) noexcept
    {
        if (index < per_octave)
            return index;
        const auto octave = index / per_octave - 1;
        return ((per_octave + index % per_octave + 1) << octave) - 1;
    }

    std::array<std::uint64_t, per_octave*(64 - precision_bits + 1)> buckets_{};
    std::uint64_t count_ = 0;
};

} // namespace doorward::bench
