#pragma once

#include "handlers/operator_log.hpp"
#include "server/config.hpp"

#include <spdlog/spdlog.h>

#include <string_view>

namespace doorward::server {

/// The log: one line per event on standard error, where systemd's journal takes it. Nothing secret ever goes in: no
/// body, no header, no proof, no key.
void start_log(const log_settings& wanted);

/// From now on. level  as in log_settings. Any thread.
void change_log_level(std::string_view level);

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

class handler_log final : public handlers::operator_log {
public:
    void warn(std::string_view line) noexcept override { spdlog::warn("{}", line); }
};

} // namespace doorward::server
