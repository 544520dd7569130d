#include "server/service_manager.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>

namespace doorward::server {
namespace {

constexpr int first_descriptor = 3; // SD_LISTEN_FDS_START
constexpr int descriptors_max = 2;

std::string_view variable(const char* name)
{
    const char* const text = std::getenv(name); // NOLINT(concurrency-mt-unsafe): start-up
    return text == nullptr ? std::string_view{} : std::string_view{text};
}

std::optional<std::uint64_t> number_in(const char* name)
{
    const std::string_view text = variable(name);
    std::uint64_t out = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, bad] = std::from_chars(text.data(), end, out);
    return bad == std::errc{} && stop == end && !text.empty() ? std::optional{out} : std::nullopt;
}

// Variables may name another process, whose environment this one got.
bool is_for_us(const char* name, bool when_missing)
{
    const auto id = number_in(name);
    return id ? *id == static_cast<std::uint64_t>(::getpid()) : when_missing;
}

// Connected, so that a message is one call; -1 when there is nobody to tell.
int connect_to(std::string_view path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path.front() != '/' && path.front() != '@'))
        return -1;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.front() == '@') // the abstract namespace
        address.sun_path[0] = '\0';
    const int out = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const timeval patience{10, 0};
    ::setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (out >= 0 && ::connect(out, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
        ::close(out);
        return -1;
    }
    return out;
}

} // namespace

service_manager::service_manager() : notify_{connect_to(variable("NOTIFY_SOCKET"))}
{
    take_sockets();
    const auto microseconds = number_in("WATCHDOG_USEC");
    if (microseconds && *microseconds > 0 && is_for_us("WATCHDOG_PID", true))
        watchdog_ = std::chrono::microseconds{*microseconds};
}

service_manager::~service_manager()
{
    if (notify_ >= 0)
        ::close(notify_);
}

void service_manager::take_sockets()
{
    const auto count = number_in("LISTEN_FDS");
    if (!count || *count == 0 || !is_for_us("LISTEN_PID", false))
        return;
    std::string_view names = variable("LISTEN_FDNAMES");
    for (int i = 0; i < static_cast<int>(std::min<std::uint64_t>(*count, descriptors_max + 1)); ++i) {
        const auto colon = names.find(':');
        const std::string_view name = names.substr(0, colon);
        names = colon == std::string_view::npos ? std::string_view{} : names.substr(colon + 1);
        int& place = name == "device" ? device_socket_ : office_socket_;
        if ((name != "device" && name != "office") || place >= 0)
            throw std::runtime_error{"the service manager hands over a socket named \"" + std::string{name} +
                                     "\"; one named device and one named office are expected "
                                     "(FileDescriptorName= of the .socket units)"};
        place = first_descriptor + i;
        ::fcntl(place, F_SETFD, FD_CLOEXEC);
    }
}

void service_manager::send(std::string_view message) const noexcept
{
    // Waits for room for a while: a state that is not told is taken for a start that never ends.
    if (notify_ >= 0)
        static_cast<void>(::send(notify_, message.data(), message.size(), MSG_NOSIGNAL));
}

void service_manager::ready(std::string_view status) const
{
    send("READY=1\nSTATUS=" + std::string{status});
}

void service_manager::reloading() const
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + "\nSTATUS=reading the configuration");
}

void service_manager::stopping() const
{
    send("STOPPING=1\nSTATUS=answering what is in flight");
}

void service_manager::alive() const
{
    send("WATCHDOG=1");
}

} // namespace doorward::server
