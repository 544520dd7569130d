#include "handlers/meters.hpp"

namespace doorward::handlers {

recent_quantiles::quantiles recent_quantiles::of(const kv::histogram& which, registry::time_ms now)
{
    constexpr double ns_per_ms = 1e6;
    kv::histogram::reading all = which.read();
    quantiles out{all.count()};

    const std::lock_guard lock{mutex_};
    while (marks_.size() > 1 && marks_[1].at + window_ms <= now)
        marks_.pop_front(); // what is left at the front is just old enough, or the oldest there is
    const auto recent = marks_.empty() ? all : all.since(marks_.front().read);
    out.p50_ms = which.quantile(recent, 0.50) / ns_per_ms;
    out.p99_ms = which.quantile(recent, 0.99) / ns_per_ms;
    if (marks_.empty() || marks_.back().at + step_ms <= now)
        marks_.push_back({now, std::move(all)});
    return out;
}

} // namespace doorward::handlers
