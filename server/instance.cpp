#include "server/instance.hpp"
#include "handlers/fold.hpp"
#include "handlers/job_work.hpp"
#include "handlers/sweep.hpp"
#include "server/config_file.hpp"
#include "server/log.hpp"
#include "server/session.hpp"
#include "server/store_builder.hpp"
#include "server/tls_files.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>

namespace doorward::server {
namespace {

namespace asio = boost::asio;

constexpr auto token = asio::as_tuple(asio::deferred);

// For coroutines that run on their own. What ends one is a fault of ours; the others go on.
void log_fault(std::exception_ptr fault)
{
    if (!fault)
        return;
    try {
        std::rethrow_exception(fault);
    } catch (const std::exception& problem) {
        log_error("a task ended: {}", problem.what());
    }
}

const std::filesystem::path& looked_at(const std::filesystem::path& data)
{
    look_at_store(data);
    return data;
}

constexpr std::int64_t certificate_days_least = 14; // before it ends; fewer are an error in the log

struct budget {
    std::size_t device;
    std::size_t office;
};

// As many connections as the limits say, or what the descriptors that this process may have allow for.
budget connection_budget(const limits& wanted)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const std::size_t descriptors = std::max<std::size_t>(limit.rlim_cur, 2 * other_descriptors) - other_descriptors;
    if (descriptors >= wanted.device_connections + wanted.office_connections)
        return {wanted.device_connections, wanted.office_connections};
    const std::size_t office = std::max<std::size_t>(descriptors / 8, 1);
    return {descriptors - office, office};
}

void tell_of(const budget& given, const limits& wanted)
{
    if (given.device < wanted.device_connections || given.office < wanted.office_connections)
        log_error(
            "too few descriptors may be open: {} connections of the device side and {} of the office side at once",
            given.device, given.office);
}

unsigned thread_count(std::uint64_t wanted)
{
    const auto count = wanted != 0 ? static_cast<unsigned>(wanted) : std::max(1U, std::thread::hardware_concurrency());
    return std::min(count, io_threads_max);
}

// The family of an inherited socket that listens. Throws listen_error for anything else.
asio::ip::tcp protocol_of(int socket)
{
    sockaddr_storage address{};
    socklen_t address_size = sizeof address;
    int listens = 0;
    socklen_t size = sizeof listens;
    const bool asked = ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &address_size) == 0 &&
                       ::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0;
    if (!asked || listens == 0 || (address.ss_family != AF_INET && address.ss_family != AF_INET6))
        throw listen_error{"descriptor " + std::to_string(socket) + " is no TCP socket that listens"};
    return address.ss_family == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
}

std::shared_ptr<const listener_tls> load_tls(const tls_settings& from, const char* side)
{
    if (!from.wanted())
        return nullptr;
    try {
        auto out = std::make_shared<const listener_tls>(listener_tls{load_tls_context(from), from.clients});
        const auto days = (out->context.ends_at() - std::time(nullptr)) / (24 * 60 * 60);
        if (days < certificate_days_least)
            log_error("the certificate of the {} side ends in {} days: {}", side, days, from.certificate.native());
        return out;
    } catch (const std::exception& problem) {
        throw std::runtime_error{std::string{side} + ".tls: " + problem.what()};
    }
}

} // namespace

instance::listener::listener(asio::io_context& context, const listener_settings& wanted)
    : connections_max{wanted.connections_max},
      tls{wanted.tls},
      proxies{std::make_shared<const trusted_proxies>(wanted.proxies)},
      has_tls{wanted.tls != nullptr},
      sockets{context.get_executor()},
      pause{context.get_executor()}
{
    try {
        if (wanted.socket >= 0) {
            sockets.assign(protocol_of(wanted.socket), wanted.socket);
        } else {
            sockets.open(wanted.where.protocol());
            sockets.set_option(asio::socket_base::reuse_address{true});
            sockets.bind(wanted.where);
        }
        local = sockets.local_endpoint();
        if (const auto why = refuse_plain(local, has_tls, wanted.allow_plain); !why.empty())
            throw listen_error{why};
        if (wanted.socket < 0)
            sockets.listen(listen_backlog);
    } catch (const boost::system::system_error& problem) {
        throw listen_error{"cannot listen on " + to_text(wanted.where) + ": " + problem.code().message()};
    }
}

instance::instance(const settings& wanted)
    : store_{looked_at(wanted.data), registry::tables::names},
      next_master_key_{next_master_key(wanted.data)},
      backups_{store_, wanted.backup_directory},
      threads_{thread_count(wanted.io_threads), wanted.transport},
      device_{threads_[0].context(),
              {wanted.device, wanted.device_socket, wanted.allow_plain, connection_budget(wanted.transport).device,
               load_tls(wanted.device_tls, "device"), wanted.device_proxies}},
      office_{threads_[0].context(),
              {wanted.office, wanted.office_socket, wanted.allow_plain, connection_budget(wanted.transport).office,
               load_tls(wanted.office_tls, "office"), wanted.office_proxies}},
      drain_seconds_{wanted.transport.drain},
      sweeping_{"the clean-up", sweep_pause, [this] { return sweep(); }, timer{first_context().get_executor()}},
      folding_{"the fold", handlers::sweep_rest, [this] { return handlers::fold(*services_); },
               timer{first_context().get_executor()}},
      working_on_jobs_{"a step of a job", handlers::jobs_rest,
                       [this] { return handlers::work_on_jobs(*services_, jobs_turn_); },
                       timer{first_context().get_executor()}},
      rotating_master_key_{"the rotation of the master key", handlers::rotation_rest,
                           [this] { return work_on_rotation(); }, timer{first_context().get_executor()}},
      sending_webhooks_{"sending to webhooks", handlers::webhooks_rest, [this] { return webhooks_.round(*services_); },
                        timer{first_context().get_executor()}}
{
    store_.report_damage_to(damage_);
    open_keys(wanted);
    journal_.emplace(store_);
    writer_.emplace(store_, &bell_);
    directory_.emplace(store_, *sealer_);
    attempts_.emplace(sealer_->derive("refused proofs"));
    idempotency_.emplace(*sealer_);
    sessions_.emplace(store_, *sealer_);
    services_.emplace(handlers::services{*journal_,
                                         *writer_,
                                         *sealer_,
                                         clock_,
                                         *directory_,
                                         slots_,
                                         *attempts_,
                                         unsettled_,
                                         claims_,
                                         office_passwords_,
                                         otp_passwords_,
                                         lists_,
                                         credentials_,
                                         noise_,
                                         noise_counts_,
                                         codes_,
                                         outgoing_,
                                         provider_failures_,
                                         simulations_,
                                         breaker_,
                                         log_,
                                         bell_,
                                         *idempotency_,
                                         stats_,
                                         webhooks_,
                                         counts_,
                                         *this,
                                         backups_,
                                         *sessions_,
                                         sign_ins_,
                                         wanted.office_manners});

    asio::co_spawn(first_context(), accept(device_, handlers::side::device), log_fault);
    asio::co_spawn(first_context(), accept(office_, handlers::side::office), log_fault);
    for (chore* each : {&sweeping_, &folding_, &working_on_jobs_, &rotating_master_key_, &sending_webhooks_})
        start(*each);
    for (std::size_t i = 0; i < threads_.size(); ++i)
        progress_.add("io-" + std::to_string(i), threads_[i].context());
    progress_.add("writer", *writer_);
    tell_of({device_.connections_max, office_.connections_max}, wanted.transport);
    threads_.start(counts_.loop_lag);
}

instance::~instance()
{
    stop();
}

handlers::transport_gauges::open_connections instance::open(handlers::side where) const noexcept
{
    const listener& at = where == handlers::side::device ? device_ : office_;
    return {at.connections.now(), at.connections_max};
}

handlers::task<void> instance::accept(listener& from, handlers::side which)
{
    for (std::size_t next = 0; !stopping_;) {
        const auto is_full = [&from] { return from.connections.now() >= from.connections_max; };
        if (is_full() && from.turned_away.now() >= turned_away_max) {
            from.pause.expires_after(accept_pause);
            const auto [ec] = co_await from.pause.async_wait(token);
            static_cast<void>(ec);
            continue; // others wait in the backlog
        }
        // In turn: fair to few long connections as well as to many short ones, which hashing by the kernel is not.
        io_thread& home = threads_[next++ % threads_.size()];
        tcp_socket socket{home.context().get_executor()};
        const auto [ec] = co_await from.sockets.async_accept(socket, token);
        if (ec && !from.sockets.is_open())
            break;
        if (ec) { // no descriptors left, or the client gone already; without a pause this would spin
            from.pause.expires_after(accept_pause);
            const auto [ignored] = co_await from.pause.async_wait(token);
            static_cast<void>(ignored);
            continue;
        }
        const bool too_many = is_full(); // now, and not when the wait for it began
        connection_count& counted = too_many ? from.turned_away : from.connections;
        counted.opened();
        accepted_connection accepted{std::move(socket), which, from.tls, from.proxies, too_many};
        asio::co_spawn(home.context(), serve_connection(std::move(accepted), *services_, home, counted), log_fault);
    }
}

void instance::reload(const settings& wanted)
{
    auto device_tls = load_tls(wanted.device_tls, "device");
    auto office_tls = load_tls(wanted.office_tls, "office");
    const budget connections = connection_budget(wanted.transport);
    tell_of(connections, wanted.transport);
    drain_seconds_ = wanted.transport.drain;
    threads_.change_limits(wanted.transport);
    auto device_proxies = std::make_shared<const trusted_proxies>(wanted.device_proxies);
    auto office_proxies = std::make_shared<const trusted_proxies>(wanted.office_proxies);
    asio::post(first_context(), [this, connections, device_tls, office_tls, device_proxies, office_proxies] {
        device_.connections_max = connections.device;
        office_.connections_max = connections.office;
        device_.proxies = device_proxies;
        office_.proxies = office_proxies;
        // TLS begins with its listener: who waits in the backlog expects the one or the other.
        if (device_.has_tls && device_tls)
            device_.tls = device_tls;
        if (office_.has_tls && office_tls)
            office_.tls = office_tls;
    });
}

void instance::start(chore& which)
{
    auto work = &which == &sending_webhooks_ ? send_webhooks_all_along() : do_all_along(which);
    asio::co_spawn(first_context(), std::move(work), [&which](std::exception_ptr fault) {
        log_fault(fault);
        which.ended.set_value();
    });
}

handlers::task<std::chrono::nanoseconds> instance::do_once(chore& which)
{
    std::string fault;
    try {
        auto step = which.step();
        const auto pause = co_await std::move(step);
        co_return pause;
    } catch (const std::exception& problem) {
        fault = problem.what();
    }
    log_error("{} failed and is tried again: {}", which.what, fault);
    co_return which.rest;
}

handlers::task<void> instance::do_all_along(chore& which)
{
    while (!stopping_) {
        const auto pause = co_await do_once(which);
        if (stopping_)
            break;
        which.pause.expires_after(pause);
        const auto [ec] = co_await which.pause.async_wait(token);
        static_cast<void>(ec);
    }
}

handlers::task<std::chrono::nanoseconds> instance::sweep()
{
    const bool more = co_await handlers::sweep(*services_);
    co_return more ? std::chrono::nanoseconds{0} : std::chrono::nanoseconds{sweep_pause};
}

void instance::open_keys(const settings& wanted)
{
    const auto key_file = wanted.master_key.empty() ? default_master_key(wanted.data) : wanted.master_key;
    const auto& next_file = next_master_key_.path();
    store_.view([&](const kv::read_txn& txn) {
        registry::require_store(txn, wanted.data); // told apart from a store whose key is missing
        auto keys = open_store_keys(txn, key_file, wanted.data);
        const auto last = registry::find_rotation(txn);
        const bool is_under_way = last && last->is_under_way();
        if (is_under_way)
            log_info(
                "everything is being sealed with another master key; until that is done both are needed, {} and {}",
                key_file.native(), next_file.native());
        else if (keys.current != 0)
            log_error("{} is not the master key of the store any more; put {} in its place", key_file.native(),
                      next_file.native());
        else if (std::filesystem::exists(next_file) &&
                 crypto::equal_constant_time(read_master_key(next_file), read_master_key(key_file)))
            remove_master_key(next_file); // it was put in place
        sealer_ = std::move(keys.sealer);
        rotation_.emplace(*sealer_, is_under_way,
                          [this](std::chrono::steady_clock::time_point since) { return have_requests_ended(since); });
    });
}

handlers::task<bool> instance::have_requests_ended(std::chrono::steady_clock::time_point since)
{
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        io_thread& thread = threads_[i];
        const auto look = [&thread, since]() -> handlers::task<bool> { co_return thread.is_busy_since(since); };
        auto looking = asio::co_spawn(thread.context(), look, token);
        const auto [fault, is_busy] = co_await std::move(looking);
        if (fault || is_busy)
            co_return false;
    }
    co_return true;
}

// True: everything is sealed with another key from now on.
handlers::task<bool> instance::take_next_master_key()
{
    auto next = next_master_key_.look();
    if (!next)
        co_return false;
    auto beginning = rotation_->begin(*services_, *next);
    const auto refused = co_await std::move(beginning);
    if (refused) {
        next_master_key_.look_again();
        throw std::runtime_error{refused.message()};
    }
    if (!rotation_->is_under_way())
        co_return false; // it is the store's already
    next_key_.emplace(next->view().first<crypto::guarded_key::size>());
    log_info("there is another master key; everything is sealed anew with it");
    co_return true;
}

// Nothing but that file has it yet.
void instance::keep_next_master_key()
{
    if (!next_key_) { // the rotation began before this process
        if (const auto found = next_master_key_.look())
            next_key_.emplace(found->view().first<crypto::guarded_key::size>());
    }
    if (next_key_ && !next_master_key_.keep(crypto::secret<32>{next_key_->view()}))
        log_error("{} was gone while the store needs it, and was written again", next_master_key_.path().native());
}

handlers::task<std::chrono::nanoseconds> instance::work_on_rotation()
{
    if (!rotation_->is_under_way()) {
        const bool has_begun = co_await take_next_master_key();
        if (!has_begun)
            co_return handlers::rotation_rest;
    }
    if (rotation_->is_between_walks())
        keep_next_master_key();
    std::optional<registry::rotation> ended;
    const auto pause = co_await rotation_->step(*services_, ended);
    if (ended) {
        next_key_.reset();
        if (ended->unreadable > 0)
            log_error("the master key was exchanged, but {} values could not be read; doorward check tells which",
                      ended->unreadable);
        else
            log_info("the master key was exchanged: {} values were sealed anew", ended->sealed_anew);
    }
    co_return pause;
}

handlers::task<void> instance::send_webhooks_all_along()
{
    const auto place = bell_.enter("", first_context().get_executor()); // nobody has come before
    webhooks_.wake_at(place.get());
    while (!stopping_) {
        const auto pause = co_await do_once(sending_webhooks_);
        if (stopping_)
            break;
        if (place->listen(webhooks_.is_needed()))
            continue; // what came before it listened is looked at
        co_await place->wait(std::chrono::steady_clock::now() + pause);
        if (stopping_)
            break;
        // What many flushes bring is looked at together.
        sending_webhooks_.pause.expires_after(webhooks_pause);
        const auto [ec] = co_await sending_webhooks_.pause.async_wait(token);
        static_cast<void>(ec);
    }
    co_await webhooks_.finish(handlers::webhooks_patience);
    webhooks_.wake_at(nullptr);
}

void instance::stop()
{
    if (stopped_)
        return;
    stopped_ = true;
    stopping_ = true;
    if (services_) { // otherwise construction did not come that far
        asio::post(first_context(), [this] {
            for (listener* each : {&device_, &office_}) {
                each->sockets.close();
                each->pause.cancel();
            }
            for (chore* each : {&sweeping_, &folding_, &working_on_jobs_, &rotating_master_key_, &sending_webhooks_})
                each->pause.cancel();
        });
        backups_.stop();
        bell_.close(); // who waits for events is answered, streams end
        threads_.drain(
            [this] {
                return device_.connections.now() + device_.turned_away.now() + office_.connections.now() +
                           office_.turned_away.now() >
                       0;
            },
            drain_seconds_);
        for (chore* each : {&sweeping_, &folding_, &working_on_jobs_, &rotating_master_key_, &sending_webhooks_})
            each->ended.get_future().wait();
    }
    office_passwords_.finish();
    otp_passwords_.finish();
    lists_.finish();
    writer_.reset(); // settles what is queued; the loops still run and take the completions
    threads_.stop();
}

} // namespace doorward::server
