#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace doorward::server {

/// What systemd and a service tell each other, as sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3) describe
/// it: datagrams to $NOTIFY_SOCKET, descriptors from 3 on, a few variables. Without a service manager nothing happens.
///
/// Made once, before threads are: it reads the environment. Main thread.
class service_manager {
public:
    /// errors  throws std::runtime_error when sockets were handed over whose names are not "device" and "office"
    service_manager();
    service_manager(const service_manager&) = delete;
    service_manager& operator=(const service_manager&) = delete;
    ~service_manager();

    /// Listeners that were handed over; -1: none of that side.
    [[nodiscard]] int device_socket() const noexcept { return device_socket_; }
    [[nodiscard]] int office_socket() const noexcept { return office_socket_; }

    /// How often progress must be told of at least; empty when nobody watches.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }

    void ready(std::string_view status) const;
    /// A reload begins; ready() ends it.
    void reloading() const;
    void stopping() const;
    void alive() const;

private:
    void take_sockets();
    void send(std::string_view message) const noexcept;

    int notify_ = -1;
    int device_socket_ = -1;
    int office_socket_ = -1;
    std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace doorward::server
