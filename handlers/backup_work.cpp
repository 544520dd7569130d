#include "handlers/backup_work.hpp"

#include <cstdio>
#include <ctime>

namespace doorward::handlers {
namespace {

// "doorward-20261127T214205.123Z.backup": names in the order of time.
std::string backup_name(registry::time_ms at)
{
    const std::time_t seconds = at / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char date[32];
    std::strftime(date, sizeof date, "%Y%m%dT%H%M%S", &parts);
    char out[64];
    std::snprintf(out, sizeof out, "doorward-%s.%03dZ.backup", date, static_cast<int>(at % 1000));
    return out;
}

} // namespace

backup_work::backup_work(const kv::env& store, std::filesystem::path directory)
    : store_{store}, directory_{std::move(directory)}
{}

backup_work::status backup_work::last() const
{
    const std::lock_guard lock{mutex_};
    return last_;
}

bool backup_work::begin(registry::time_ms now)
{
    const std::lock_guard lock{mutex_};
    if (last_.now == state::running)
        return false;
    last_ = {};
    last_.now = state::running;
    last_.name = backup_name(now);
    last_.started_at = now;
    return true;
}

void backup_work::write()
{
    status mine = last();
    const auto began = std::chrono::steady_clock::now();
    try {
        mine.made = registry::write_backup_file(store_, mine.started_at, directory_ / mine.name,
                                                [this](std::uint64_t, std::uint64_t) {
                                                    if (stopping_)
                                                        throw std::runtime_error{"the server stopped"};
                                                });
        mine.now = state::done;
    } catch (const std::exception& fault) {
        mine.now = state::failed;
        mine.problem = fault.what();
    }
    mine.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    const std::lock_guard lock{mutex_};
    last_ = std::move(mine);
}

void backup_work::stop()
{
    stopping_ = true;
    thread_.finish();
}

} // namespace doorward::handlers
