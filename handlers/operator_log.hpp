#pragma once

#include <string_view>

namespace doorward::handlers {

/// Where handlers tell operators what no answer tells: one line each. Nothing secret or personal goes in. Any thread.
class operator_log {
public:
    virtual void warn(std::string_view line) noexcept = 0;

protected:
    ~operator_log() = default;
};

} // namespace doorward::handlers
