#pragma once

#include "handlers/http.hpp"
#include "handlers/operator_log.hpp"
#include "kv/env.hpp"
#include "server/config.hpp"

#include <spdlog/spdlog.h>

#include <span>
#include <string_view>

namespace doorward::server {

/// The log: one line per event on standard error, where systemd's journal takes it. Nothing secret ever goes in: no
/// body, no header, no proof, no key. Of a path the access log tells the route, because paths may name users; a request
/// that failed by a fault of ours is told with its path.
///
/// As text, with the priority in front where standard error is the journal (sd-daemon(3)), or as one JSON object:
/// `time`, `level`, `message`, and what else there is to tell as members of their own.
void start_log(const log_settings& wanted);

/// Takes what can change while it runs: level and access log. Any thread.
void change_log(const log_settings& wanted);

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

/// Something beside the message that a program may want to look for.
struct log_field {
    std::string_view name;
    std::string_view value;
    bool is_number = false;
};
void log_with(spdlog::level::level_enum level, std::string_view message, std::span<const log_field> fields);

/// A request, as the access log tells it.
struct access_record {
    handlers::side where;
    std::string_view method;
    std::string_view route; // with {} for its segments; empty: none
    unsigned status;
    std::chrono::nanoseconds took; // from having read it to sending the answer
    std::size_t bytes;             // of the answer's body
    std::string_view request_id;
    std::string_view account; // empty: none was asked for
    const registry::source_address& source;
};
/// Is this request one of those that the access log tells? Asked once for each. Any thread.
[[nodiscard]] bool is_told_by_access_log() noexcept;
void log_access(const access_record& what);
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
