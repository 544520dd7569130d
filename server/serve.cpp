#include "server/serve.hpp"
#include "server/instance.hpp"
#include "server/log.hpp"
#include "server/service_manager.hpp"
#include "server/tls_files.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace doorward::server {
namespace {

sigset_t stop_signals() noexcept
{
    sigset_t out;
    sigemptyset(&out);
    sigaddset(&out, SIGTERM);
    sigaddset(&out, SIGINT);
    return out;
}

void block(int signal)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    pthread_sigmask(SIG_BLOCK, &one, nullptr);
}

// What is configured, or what systemd has made for the service (StateDirectory=).
std::filesystem::path data_directory(const std::filesystem::path& configured)
{
    if (!configured.empty())
        return configured;
    const char* const given = std::getenv("STATE_DIRECTORY"); // NOLINT(concurrency-mt-unsafe): start-up
    const std::string all = given == nullptr ? "" : given;
    const auto first = all.substr(0, all.find(':')); // there may be several
    if (first.empty())
        throw config_error{
            "data: the directory of the store must be named (--data, $DOORWARD_DATA, or data in the file)"};
    return first;
}

// Of the signals the main thread waits for, and between them the look whether everything gets on.
class watchdog {
public:
    watchdog(const service_manager& manager, instance& running) : manager_{manager}, running_{running} {}

    int wait_for_signal()
    {
        sigset_t signals = stop_signals();
        sigaddset(&signals, SIGHUP);
        if (!manager_.watchdog()) {
            int received = 0;
            while (sigwait(&signals, &received) != 0) {
            }
            return received;
        }
        const auto pause = *manager_.watchdog() / looks_per_interval;
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pause);
        timespec limit{};
        limit.tv_sec = static_cast<time_t>(seconds.count());
        limit.tv_nsec = static_cast<long>(std::chrono::nanoseconds{pause - seconds}.count());
        for (;;) {
            look();
            const int received = sigtimedwait(&signals, nullptr, &limit);
            if (received > 0)
                return received;
        }
    }

private:
    // One that stands still is not vouched for, and systemd starts us anew.
    void look()
    {
        const auto standing = running_.look_for_standstill();
        if (standing.empty()) {
            manager_.alive();
        } else if (!told_) {
            for (const std::string& name : standing)
                log_error("{} makes no progress", name);
        }
        told_ = !standing.empty();
    }

    static constexpr int looks_per_interval = 4; // one that is late once is not dead

    const service_manager& manager_;
    instance& running_;
    bool told_ = false;
};

void log_lines(std::string_view text)
{
    while (!text.empty()) {
        const auto end = text.find('\n');
        log_error("{}", text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
}

// started  what the server was started with; what needs a restart is compared with that
void reload(instance& running, const settings& started, const config_source& source)
{
    try {
        settings wanted = load_config(source).values;
        wanted.data = data_directory(wanted.data);
        running.reload(wanted);
        change_log(wanted.log);
        for (const std::string& key : changes_that_need_a_restart(started, wanted))
            log_info("{} has changed in the configuration, and needs a restart", key);
        log_info("the configuration was read again");
    } catch (const std::exception& problem) {
        log_lines(problem.what());
        log_error("the configuration was not taken over; everything stays as it was");
    }
}

} // namespace

void block_stop_signals()
{
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN); // a client that went away is an error of one write
}

void wait_for_stop_signal()
{
    const sigset_t signals = stop_signals();
    int received = 0;
    while (sigwait(&signals, &received) != 0) {
    }
}

void check_configuration(const config_source& from)
{
    const settings values = load_config(from).values;
    for (const auto& [tls, table] : {std::pair{&values.device_tls, "device.tls"}, {&values.office_tls, "office.tls"}}) {
        if (!tls->wanted())
            continue;
        try {
            static_cast<void>(load_tls_context(*tls));
        } catch (const std::runtime_error& problem) {
            throw config_error{std::string{table} + ": " + problem.what()};
        }
    }
}

void serve(const config_source& from)
{
    const service_manager manager;
    config_source source = from;
    source.device_socket = manager.device_socket();
    source.office_socket = manager.office_socket();
    settings started = load_config(source).values;
    started.data = data_directory(started.data);
    start_log(started.log);
    block_stop_signals();
    block(SIGHUP);
    instance running{started};
    const std::string listens = "device " + running.device_url() + " office " + running.office_url();
    std::printf("doorward listens: %s\n", listens.c_str());
    std::fflush(stdout);
    manager.ready(listens);

    watchdog watch{manager, running};
    for (int signal = 0; signal != SIGTERM && signal != SIGINT;) {
        signal = watch.wait_for_signal();
        if (signal == SIGHUP) {
            manager.reloading();
            reload(running, started, source);
            manager.ready(listens);
        }
    }
    manager.stopping();
    log_info("stopping: no new connections, requests in flight are answered");
    running.stop();
    log_info("stopped");
}

} // namespace doorward::server
