#pragma once

#include "handlers/operator_log.hpp"
#include "kv/env.hpp"

#include <spdlog/spdlog.h>

#include <string_view>

namespace doorward::server {

/// The log: one line per event on standard error, where systemd's journal takes it. Nothing secret ever goes in: no
/// body, no header, no proof, no key.
void start_log();

template <class... Args>
void log_info(spdlog::format_string_t<Args...> format, Args&&... args)
{
    spdlog::info(format, std::forward<Args>(args)...);
}

template <class... Args>
void log_error(spdlog::format_string_t<Args...> format, Args&&... args)
{
    spdlog::error(format, std::forward<Args>(args)...);
}

/// Damage of the store.
class damage_log final : public kv::damage_listener {
public:
    void damage_found(const char* what) noexcept override
    {
        spdlog::error("{}; doorward check tells what else is", what);
    }
};

class handler_log final : public handlers::operator_log {
public:
    void warn(std::string_view line) noexcept override { spdlog::warn("{}", line); }
};

} // namespace doorward::server
