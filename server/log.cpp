#include "server/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>

namespace doorward::server {

void start_log(const log_settings& wanted)
{
    auto log = std::make_shared<spdlog::logger>("doorward", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    log->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(log));
    change_log_level(wanted.level);
}

void change_log_level(std::string_view level)
{
    spdlog::set_level(spdlog::level::from_str(std::string{level}));
}

} // namespace doorward::server
