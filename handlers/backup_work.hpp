#pragma once

#include "handlers/work_thread.hpp"
#include "registry/backup_file.hpp"

#include <chrono>
#include <mutex>

namespace doorward::handlers {

/// How much the thread that writes backups gives way to all others.
inline constexpr int backup_niceness = 19;

/// Backups that the running server writes of its own store, one at a time, on a thread of their own.
/// threads  any
class backup_work {
public:
    enum class state { none, running, done, failed };
    struct status {
        state now = state::none;
        std::string name; // of the file in the directory
        registry::time_ms started_at = 0;
        std::chrono::milliseconds took{};
        registry::backup_summary made; // of one that is done
        std::string problem;           // of one that failed, for admins
    };

    /// store      outlives this object
    /// directory  where the files go; empty: none are written
    backup_work(const kv::env& store, std::filesystem::path directory);
    backup_work(const backup_work&) = delete;
    backup_work& operator=(const backup_work&) = delete;
    ~backup_work() { stop(); }

    [[nodiscard]] bool is_offered() const noexcept { return !directory_.empty(); }
    /// The last one since the start, or the one under way.
    [[nodiscard]] status last() const;

    /// Takes the place of the one that is under way, with a name made of the time. False: there is one.
    [[nodiscard]] bool begin(registry::time_ms now);
    /// Writes it. After a begin() that was true, on thread().
    void write();
    [[nodiscard]] work_thread& thread() noexcept { return thread_; }

    /// Gives up the one that is under way, and ends the thread.
    void stop();

private:
    const kv::env& store_;
    const std::filesystem::path directory_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    status last_; // guarded by mutex_
    work_thread thread_{make_error_code(kv::errc::queue_full), backup_niceness};
};

} // namespace doorward::handlers
