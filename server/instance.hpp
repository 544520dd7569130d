#pragma once

#include "handlers/job_work.hpp"
#include "handlers/master_key_rotation.hpp"
#include "handlers/routes.hpp"
#include "server/io_threads.hpp"
#include "server/log.hpp"
#include "server/master_key.hpp"
#include "server/outgoing_http.hpp"
#include "server/progress_watch.hpp"
#include "server/session.hpp"

#include <functional>
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
class instance : private handlers::transport_gauges {
public:
    /// Opens the store and the listeners; requests are answered when this returns.
    ///
    /// errors  throws kv::open_error, listen_error, std::runtime_error (master key, certificates)
    explicit instance(const settings& wanted);
    instance(const instance&) = delete;
    instance& operator=(const instance&) = delete;
    ~instance();

    [[nodiscard]] boost::asio::ip::tcp::endpoint device() const { return device_.local; }
    [[nodiscard]] boost::asio::ip::tcp::endpoint office() const { return office_.local; }
    /// "https://127.0.0.1:8080"
    [[nodiscard]] std::string device_url() const { return url_of(device_); }
    [[nodiscard]] std::string office_url() const { return url_of(office_); }

    /// Takes what can change of new settings: limits, certificates and the accounts behind those of clients, and which
    /// proxies are trusted. Connections keep what they began with, but for their deadlines.
    ///
    /// errors  throws std::runtime_error for a certificate that cannot be used; nothing has changed then
    void reload(const settings& wanted);

    /// The names of event loops and of the writer when they have not done anything since the look before.
    std::vector<std::string> look_for_standstill() { return progress_.look(); }

    /// Stops accepting, answers what is in flight, settles what waits for the disk, ends all threads. In this order;
    /// does nothing the second time.
    void stop();

    [[nodiscard]] kv::writer& writer() { return *writer_; }

private:
    using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, executor>;
    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, executor>;
    struct listener_settings {
        boost::asio::ip::tcp::endpoint where;
        int socket; // that listens already, instead of `where`; -1: none
        bool allow_plain;
        std::size_t connections_max;
        std::shared_ptr<const listener_tls> tls; // null: plain HTTP
        trusted_proxies proxies;
    };
    struct listener {
        listener(boost::asio::io_context& context, const listener_settings& wanted);

        std::atomic<std::size_t> connections_max;       // written by the first io thread only
        std::shared_ptr<const listener_tls> tls;        // first io thread only, once it runs
        std::shared_ptr<const trusted_proxies> proxies; // the same
        const bool has_tls;
        connection_count connections;
        connection_count turned_away; // beyond connections_max, being told so

        acceptor sockets;
        timer pause;
        boost::asio::ip::tcp::endpoint local; // with the port that the system chose for 0
    };
    [[nodiscard]] static std::string url_of(const listener& which)
    {
        return (which.has_tls ? "https://" : "http://") + to_text(which.local);
    }
    handlers::task<void> accept(listener& from, handlers::side which);
    /// Something that is done beside requests, step by step, on the first io thread.
    struct chore {
        const char* what;                                               // it is, in the log when a step fails
        std::chrono::nanoseconds rest;                                  // before one that failed is done again
        std::function<handlers::task<std::chrono::nanoseconds>()> step; // returns how long to wait before the next one
        timer pause;
        std::promise<void> ended{};
    };
    handlers::task<std::chrono::nanoseconds> do_once(chore& which);
    handlers::task<void> do_all_along(chore& which);
    void start(chore& which);
    handlers::task<std::chrono::nanoseconds> sweep();
    void open_keys(const settings& wanted);
    handlers::task<bool> have_requests_ended(std::chrono::steady_clock::time_point since);
    handlers::task<bool> take_next_master_key();
    void keep_next_master_key();
    handlers::task<std::chrono::nanoseconds> work_on_rotation();
    handlers::task<void> send_webhooks_all_along();

    [[nodiscard]] open_connections open(handlers::side where) const noexcept override;
    [[nodiscard]] bool is_draining() const noexcept override { return stopping_; }

    [[nodiscard]] boost::asio::io_context& first_context() { return threads_[0].context(); }

    // In the order of construction; each uses only what stands above it.
    progress_watch progress_; // outlives the writer, which may still have its question
    damage_log damage_;
    kv::env store_;
    next_master_key_file next_master_key_;
    std::optional<crypto::guarded_key> next_key_; // while the store is on its way to it
    std::unique_ptr<crypto::sealer> sealer_;
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
    handlers::meters counts_;
    handlers::backup_work backups_;
    std::optional<handlers::console_sessions> sessions_;
    handlers::sign_in_throttle sign_ins_;
    std::optional<handlers::services> services_;
    io_threads threads_;
    listener device_;
    listener office_;
    std::chrono::seconds drain_seconds_;
    std::optional<handlers::master_key_rotation> rotation_;
    handlers::job_turn jobs_turn_; // of the chore that works on jobs
    chore sweeping_;
    chore folding_;
    chore working_on_jobs_;
    chore rotating_master_key_;
    chore sending_webhooks_; // waits for events, too: send_webhooks_all_along()
    std::atomic<bool> stopping_{false};
    bool stopped_ = false;
};

} // namespace doorward::server
