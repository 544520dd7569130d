#pragma once

#include "kv/meter.hpp"

#include <string>
#include <string_view>

namespace doorward::handlers {

/// Writes numbers in the text format of Prometheus (exposition format 0.0.4): families with their help and type, and
/// under each its samples.
class exposition {
public:
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

    enum class type : std::uint8_t { counter, gauge, histogram };

    /// Begins a family; its samples follow.
    exposition& family(std::string_view name, type what, std::string_view help);

    /// labels  `outcome="accepted"`, or none; see label()
    exposition& sample(std::uint64_t value, std::string_view labels = {});
    exposition& sample(double value, std::string_view labels = {});

    /// A family that is one histogram for each set of labels.
    ///
    /// per_unit  how many of the histogram's units make one of the family's
    exposition& samples(const kv::histogram& of, double per_unit, std::string_view labels = {});

    /// A family with one sample.
    template <class T>
    exposition& single(std::string_view name, type what, std::string_view help, T value)
    {
        return family(name, what, help).sample(value);
    }

    [[nodiscard]] std::string& text() noexcept { return out_; }

private:
    void begin(std::string_view suffix, std::string_view labels, std::string_view more = {});
    void number(double value);

    std::string out_;
    std::string name_; // of the family
};

/// `name="value"`, escaped.
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

} // namespace doorward::handlers
