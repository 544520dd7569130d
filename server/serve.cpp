#include "server/serve.hpp"
#include "server/instance.hpp"
#include "server/log.hpp"

#include <csignal>
#include <cstdio>

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

void serve(const settings& wanted)
{
    start_log();
    block_stop_signals();
    instance running{wanted};
    std::printf("doorward listens: device http://%s office http://%s\n", to_text(running.device()).c_str(),
                to_text(running.office()).c_str());
    std::fflush(stdout);
    wait_for_stop_signal();
    log_info("stopping: no new connections, requests in flight are answered");
    running.stop();
    log_info("stopped");
}

} // namespace doorward::server
