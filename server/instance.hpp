#pragma once

#include "handlers/job_work.hpp"
#include "handlers/routes.hpp"
#include "server/io_threads.hpp"
#include "server/log.hpp"
#include "server/outgoing_http.hpp"

#include <future>
#include <optional>
#include <stdexcept>

namespace doorward::server {

/// An address that cannot be listened on, with the address and the reason in its text.
struct listen_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A running doorward: the store, its writer, the io threads and both listeners, wired together.
///
/// Made, stopped and destroyed on one thread. `serve`, `demo` and the tests are its users.
class instance {
public:
    /// Opens the store and the listeners; requests are answered when this returns.
    ///
    /// errors  throws kv::open_error, listen_error, std::runtime_error (master key)
    explicit instance(const settings& wanted);
    instance(const instance&) = delete;
    instance& operator=(const instance&) = delete;
    ~instance();

    [[nodiscard]] boost::asio::ip::tcp::endpoint device() const { return device_.local; }
    [[nodiscard]] boost::asio::ip::tcp::endpoint office() const { return office_.local; }

    /// Stops accepting, answers what is in flight, settles what waits for the disk, ends all threads. In this order;
    /// does nothing the second time.
    void stop();

    [[nodiscard]] const kv::writer& writer() const { return *writer_; }

private:
    using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, executor>;
    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, executor>;
    struct listener {
        listener(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& where,
                 std::size_t connections_max);

        const std::size_t connections_max;
        connection_count connections;

        acceptor sockets;
        timer pause;
        boost::asio::ip::tcp::endpoint local; // with the port that the system chose for 0
    };
    handlers::task<void> accept(listener& from, handlers::side which);
    handlers::task<bool> sweep_once();
    handlers::task<void> sweep_now_and_then();
    handlers::task<std::chrono::nanoseconds> fold_once();
    handlers::task<void> fold_all_along();
    handlers::task<std::chrono::nanoseconds> work_on_jobs_once();
    handlers::task<void> work_on_jobs_all_along();
    handlers::task<std::chrono::nanoseconds> send_webhooks_once();
    handlers::task<void> send_webhooks_all_along();

    [[nodiscard]] boost::asio::io_context& first_context() { return threads_[0].context(); }

    // In the order of construction; each uses only what stands above it.
    kv::env store_;
    std::optional<crypto::sealer> sealer_;
    registry::system_clock clock_;
    std::optional<registry::journal> journal_;
    handlers::event_bell bell_{store_};
    std::optional<kv::writer> writer_;
    std::optional<registry::directory> directory_;
    registry::attempt_table slots_;
    std::optional<registry::attempts> attempts_;
    registry::report_claims claims_;
    registry::unsettled_transitions unsettled_;
    handlers::work_thread office_passwords_{make_error_code(registry::errc::passwords_busy)};
    handlers::work_thread otp_passwords_{make_error_code(registry::errc::passwords_busy)};
    handlers::work_thread lists_{make_error_code(kv::errc::queue_full), handlers::list_niceness};
    handlers::credential_cache credentials_;
    registry::noise_throttle noise_;
    registry::noise_audit noise_counts_;
    registry::random_codes codes_;
    handler_log log_;
    outgoing_http outgoing_;
    handlers::provider_reports provider_failures_{log_};
    handlers::concurrency_limit simulations_{registry::simulations_max};
    registry::lockout_breaker breaker_;
    handlers::statistics stats_;
    std::optional<handlers::idempotency_keys> idempotency_;
    handlers::webhook_work webhooks_;
    std::optional<handlers::console_sessions> sessions_;
    handlers::sign_in_throttle sign_ins_;
    std::optional<handlers::services> services_;
    io_threads threads_;
    listener device_;
    listener office_;
    timer sweep_pause_;
    std::promise<void> sweep_ended_;
    timer fold_pause_;
    std::promise<void> fold_ended_;
    handlers::job_turn jobs_turn_; // of the coroutine that works on jobs
    timer jobs_pause_;
    std::promise<void> jobs_ended_;
    timer webhooks_pause_;
    std::promise<void> webhooks_ended_;
    std::atomic<bool> stopping_{false};
    bool stopped_ = false;
};

} // namespace doorward::server
