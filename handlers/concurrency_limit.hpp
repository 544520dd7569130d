#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace doorward::handlers {

/// At most so many at once of something that is costly. threads  any
class concurrency_limit {
public:
    explicit concurrency_limit(std::size_t most) noexcept : free_{most} {}
    concurrency_limit(const concurrency_limit&) = delete;
    concurrency_limit& operator=(const concurrency_limit&) = delete;

    /// A place, given back at the end of its life. The limit outlives it.
    class permit {
    public:
        explicit permit(concurrency_limit& of) noexcept : of_{&of} {}
        permit(permit&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
        permit& operator=(permit&&) = delete;
        ~permit()
        {
            if (of_ != nullptr)
                of_->free_.fetch_add(1, std::memory_order_relaxed); // relaxed: a number and nothing else
        }

    private:
        concurrency_limit* of_;
    };

    /// Empty when there is no place.
    [[nodiscard]] std::optional<permit> enter() noexcept
    {
        auto left = free_.load(std::memory_order_relaxed);
        while (left > 0) {
            if (free_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed))
                return std::optional<permit>{std::in_place, *this};
        }
        return std::nullopt;
    }

private:
    std::atomic<std::size_t> free_;
};

} // namespace doorward::handlers
