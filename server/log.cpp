#include "server/log.hpp"
#include "handlers/json_writer.hpp"

#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <cstdlib>

namespace doorward::server {
namespace {

enum class line_format : std::uint8_t { text, journal, json };

std::atomic<line_format> log_format{line_format::text};
std::atomic<std::uint64_t> access_sample{0};

std::string time_text(spdlog::log_clock::time_point at)
{
    const auto since = at.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t whole = seconds.count();
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds).count());
}

std::string_view level_name(spdlog::level::level_enum level)
{
    const auto name = spdlog::level::to_string_view(level);
    return {name.data(), name.size()};
}

// syslog(3)
int priority_of(spdlog::level::level_enum level) noexcept
{
    switch (level) {
    case spdlog::level::critical:
        return 2;
    case spdlog::level::err:
        return 3;
    case spdlog::level::warn:
        return 4;
    case spdlog::level::info:
        return 6;
    default:
        return 7;
    }
}

// A line of the log is one line, whatever is in a message.
void append_on_one_line(spdlog::memory_buf_t& to, std::string_view text)
{
    for (const char c : text)
        to.push_back(c == '\n' || c == '\r' ? ' ' : c);
}

void append(spdlog::memory_buf_t& to, std::string_view text)
{
    to.append(text.data(), text.data() + text.size());
}

class line_formatter final : public spdlog::formatter {
public:
    explicit line_formatter(line_format how) : how_{how} {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override
    {
        const std::string_view text{message.payload.data(), message.payload.size()};
        if (how_ == line_format::json) {
            // What log_with() wrote is an object already, whose beginning is missing.
            const bool has_members = !text.empty() && text.front() == members_follow;
            handlers::json_writer line;
            line.object().member("time", time_text(message.time)).member("level", level_name(message.level));
            if (has_members) {
                std::string begun = line.end().text();
                begun.pop_back();
                append(to, begun);
                append(to, ",");
                append(to, text.substr(1));
            } else {
                append(to, line.member("message", text).end().text());
            }
        } else {
            append(to, how_ == line_format::journal
                           ? fmt::format("<{}>", priority_of(message.level))
                           : time_text(message.time) + ' ' + std::string{level_name(message.level)} + ' ');
            append_on_one_line(to, text);
        }
        append(to, "\n");
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override
    {
        return std::make_unique<line_formatter>(how_);
    }

    static constexpr char members_follow = '\x1e'; // begins no message of ours

private:
    const line_format how_;
};

line_format format_of(const log_settings& wanted)
{
    if (wanted.format == "json")
        return line_format::json;
    // systemd says so where standard error goes to its journal (systemd.exec(5)).
    return std::getenv("JOURNAL_STREAM") != nullptr ? line_format::journal // NOLINT(concurrency-mt-unsafe): start-up
                                                    : line_format::text;
}

} // namespace

void start_log(const log_settings& wanted)
{
    log_format = format_of(wanted);
    auto log = std::make_shared<spdlog::logger>("doorward", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    log->set_formatter(std::make_unique<line_formatter>(log_format));
    log->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(log));
    change_log(wanted);
}

void change_log(const log_settings& wanted)
{
    spdlog::set_level(spdlog::level::from_str(wanted.level));
    access_sample.store(wanted.access_sample, std::memory_order_relaxed);
}

void log_with(spdlog::level::level_enum level, std::string_view message, std::span<const log_field> fields)
{
    if (!spdlog::should_log(level))
        return;
    if (log_format != line_format::json) {
        std::string line{message};
        for (const log_field& each : fields)
            line.append(" ").append(each.name).append("=").append(each.value);
        spdlog::log(level, "{}", line);
        return;
    }
    handlers::json_writer line;
    line.object().member("message", message);
    for (const log_field& each : fields) {
        if (each.is_number)
            line.key(each.name).raw(each.value);
        else
            line.member(each.name, each.value);
    }
    std::string text = line.end().text();
    text.front() = line_formatter::members_follow; // in place of its brace
    spdlog::log(level, "{}", text);
}

bool is_told_by_access_log() noexcept
{
    const auto sample = access_sample.load(std::memory_order_relaxed);
    if (sample == 0)
        return false;
    thread_local std::uint64_t requests = 0;
    return requests++ % sample == 0;
}

void log_access(const access_record& what)
{
    const std::string status = std::to_string(what.status);
    const std::string took = fmt::format("{:.3f}", static_cast<double>(what.took.count()) / 1e6);
    const std::string bytes = std::to_string(what.bytes);
    const std::string source = registry::to_text(what.source);
    std::vector<log_field> fields{
        {"side", handlers::to_text(what.where)},
        {"method", what.method},
        {"route", what.route.empty() ? "-" : what.route},
        {"status", status, true},
        {"ms", took, true},
        {"bytes", bytes, true},
        {"source", source},
        {"request_id", what.request_id},
    };
    if (!what.account.empty())
        fields.push_back({"account", what.account});
    log_with(spdlog::level::info, "request", fields);
}

} // namespace doorward::server
