#pragma once

#include <chrono>
#include <cstdint>

namespace doorward::registry {

/// Milliseconds since 1970-01-01 UTC, as the wire, the API and the records carry time.
using time_ms = std::int64_t;

/// Time as a parameter: one clock serves `serverTime`, expiries and the windows of replay protection
/// (PROTOCOL.md section 19), and tests set it. Any thread.
class clock {
public:
    [[nodiscard]] virtual time_ms now() const noexcept = 0;

protected:
    ~clock() = default;
};

class system_clock final : public clock {
public:
    [[nodiscard]] time_ms now() const noexcept override
    {
        using namespace std::chrono;
        return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    }
};

} // namespace doorward::registry
