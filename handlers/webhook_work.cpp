#include "handlers/webhook_work.hpp"
#include "crypto/random.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/webhook_message.hpp"
#include "registry/webhook_changes.hpp"
#include "registry/webhook_events.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace doorward::handlers {
namespace {

using registry::delivery_queue;
using registry::event_sequence;
using work_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      boost::asio::io_context::executor_type>;

// What could not be read, also because reading failed, is still to be read.
struct stale_unless_read {
    std::atomic<bool>& stale;
    bool was_read = false;

    explicit stale_unless_read(std::atomic<bool>& of) : stale{of} {}
    stale_unless_read(const stale_unless_read&) = delete;
    stale_unless_read& operator=(const stale_unless_read&) = delete;
    ~stale_unless_read()
    {
        if (!was_read)
            stale = true;
    }
};

task<void> pause_work(std::chrono::milliseconds length)
{
    work_timer pause{co_await boost::asio::this_coro::executor};
    pause.expires_after(length);
    const auto [ignored] = co_await pause.async_wait(boost::asio::as_tuple(boost::asio::deferred));
    static_cast<void>(ignored);
}

} // namespace

struct webhook_work::line {
    explicit line(event_sequence cursor) : queue{cursor}, written_cursor{cursor} {}

    std::shared_ptr<const registry::webhook> settings;
    delivery_queue queue;
    event_sequence written_cursor;
    bool removed = false;
};

struct webhook_work::known_webhook {
    std::shared_ptr<const registry::webhook> settings;
    event_sequence cursor = 0;
    std::vector<std::pair<event_sequence, registry::delivery>> again;
};

std::vector<webhook_work::known_webhook> webhook_work::read_webhooks(const services& svc)
{
    return svc.journal.view([](const registry::snapshot& txn) {
        std::vector<known_webhook> out;
        registry::scan_webhooks(txn, std::nullopt, [&](registry::webhook each) {
            known_webhook found;
            found.cursor = registry::find_webhook_cursor(txn, each.id);
            for (const event_sequence sequence : registry::find_redeliveries(txn, each.id)) {
                if (const auto row = registry::find_delivery(txn, each.id, sequence))
                    found.again.emplace_back(sequence, *row);
            }
            found.settings = std::make_shared<const registry::webhook>(std::move(each));
            out.push_back(std::move(found));
            return true;
        });
        return out;
    });
}

void webhook_work::take(std::vector<known_webhook> found, registry::time_ms now)
{
    std::vector<std::shared_ptr<line>> fresh;
    for (known_webhook& each : found) {
        const auto known =
            std::ranges::find_if(lines_, [&](const auto& other) { return other->settings->id == each.settings->id; });
        std::shared_ptr<line> mine;
        if (known != lines_.end()) {
            mine = *known;
            // Not all of it: what is sealed looks different each time that it is.
            if (mine->settings->settings != each.settings->settings ||
                mine->settings->changed_at != each.settings->changed_at)
                mine->queue.start_over(now);
        } else {
            mine = std::make_shared<line>(each.cursor);
        }
        mine->settings = std::move(each.settings);
        for (const auto& [sequence, row] : each.again)
            mine->queue.add_again(sequence, row);
        fresh.push_back(std::move(mine));
    }
    for (const auto& each : lines_)
        each->removed = std::ranges::find(fresh, each) == fresh.end();
    lines_ = std::move(fresh);
}

void webhook_work::changed()
{
    stale_ = true;
    wake();
}

void webhook_work::wake_at(event_bell::place* place)
{
    const std::lock_guard lock{mutex_};
    place_ = place;
}

std::vector<webhook_work::line_usage> webhook_work::usage() const
{
    const std::lock_guard lock{mutex_};
    return usage_;
}

void webhook_work::note_usage()
{
    std::vector<line_usage> now;
    for (const auto& each : lines_) {
        if (each->settings->settings.enabled)
            now.push_back({each->settings->id, each->settings->application_id, each->queue.looked_at(),
                           each->queue.waiting(), each->queue.is_open()});
    }
    const std::lock_guard lock{mutex_};
    usage_ = std::move(now);
}

void webhook_work::wake()
{
    const std::lock_guard lock{mutex_};
    if (place_ != nullptr)
        place_->wake();
}

bool webhook_work::is_needed() const noexcept
{
    return std::ranges::any_of(lines_, [](const auto& each) { return each->settings->settings.enabled; });
}

// False when there was no thread for it.
task<bool> webhook_work::look(services& svc, line& at)
{
    auto read = [&svc, settings = at.settings, after = at.queue.looked_at(), most = at.queue.room()] {
        return svc.journal.view([&](const registry::snapshot& txn) {
            return registry::find_webhook_events(txn, settings->application_id, settings->id, after, most);
        });
    };
    const auto found = co_await read_aside(svc, std::move(read));
    if (!found)
        co_return false;
    for (const auto& each : found->items)
        at.queue.add(each);
    at.queue.looked(found->looked_at);
    // What ended side by side just before a stop may be behind the cursor that was written then.
    const bool was_done = std::ranges::any_of(found->items, [](const delivery_queue::item& each) {
        return each.row && each.row->now != registry::delivery_state::pending;
    });
    if (was_done && at.queue.waiting() == 0 && at.queue.cursor() > at.written_cursor)
        co_await write_cursor(svc, at);
    co_return true;
}

bool webhook_work::start_one(services& svc, const boost::asio::io_context::executor_type& here,
                             const std::shared_ptr<line>& of)
{
    if (!of->settings->settings.enabled || in_flight_ >= registry::webhooks_in_flight_max)
        return false;
    const auto which = of->queue.next(svc.clock.now());
    if (!which)
        return false;
    auto permit = svc.outgoing.enter(std::string{webhook_calls_owner});
    if (!permit) {
        of->queue.withdraw(*which);
        crowded_ = true;
        return false;
    }
    ++in_flight_;
    boost::asio::co_spawn(here, deliver(svc, of, *which, std::move(permit)), [this, &svc](std::exception_ptr fault) {
        --in_flight_;
        wake();
        if (!fault)
            return;
        try {
            std::rethrow_exception(fault);
        } catch (const std::exception& problem) {
            svc.log.warn(std::string{"a webhook waits for a restart: "} + problem.what());
        }
    });
    return true;
}

// One of each in turn, so that none takes the places of others.
void webhook_work::start_due(services& svc, const boost::asio::io_context::executor_type& here)
{
    crowded_ = false;
    const std::size_t count = lines_.size();
    turn_ = count == 0 ? 0 : (turn_ + 1) % count;
    for (bool more = true; more && !crowded_;) {
        more = false;
        for (std::size_t i = 0; i < count && !crowded_; ++i)
            more = start_one(svc, here, lines_[(turn_ + i) % count]) || more;
    }
}

task<delivery_queue::ending> webhook_work::call(services& svc, std::shared_ptr<const registry::webhook> to,
                                                event_sequence sequence, std::shared_ptr<const void> permit)
{
    delivery_queue::ending out;
    out.failure = registry::delivery_failure::unusable;
    std::unique_ptr<webhook_message> message;
    try {
        message = make_webhook_message(svc, *to, sequence, svc.clock.now());
    } catch (const registry::record_fault& fault) {
        svc.log.warn("callback " + to->id.text() + ": " + fault.what());
    }
    if (!message)
        co_return out;
    message->call.stop = &stop_;
    const auto answer = co_await svc.outgoing.post(message->call, std::move(permit));
    out.status = static_cast<std::uint16_t>(answer.status);
    out.failure = to_delivery_failure(answer.failure);
    co_return out;
}

task<void> webhook_work::deliver(services& svc, std::shared_ptr<line> to, delivery_queue::attempt which,
                                 std::shared_ptr<const void> permit)
{
    const auto how = co_await call(svc, to->settings, which.sequence, std::move(permit));
    const auto now = svc.clock.now();
    const auto jitter = crypto::from_big_endian<std::uint16_t>(crypto::random_array<2>());
    const auto record = to->queue.record_of(which, how, to->settings->settings.rules, now, jitter);
    for (;;) {
        if (closed_)
            co_return; // done again after the next start
        registry::record_deliveries change;
        change.application_id = to->settings->application_id;
        change.id = to->settings->id;
        change.outcomes.push_back({which.sequence, record});
        change.cursor = to->queue.cursor_after(which, record);
        const auto cursor = change.cursor;
        const auto ec = co_await commit(svc, change);
        if (!ec) {
            to->written_cursor = std::max(to->written_cursor, cursor);
            break;
        }
        co_await pause_work(webhooks_rest); // no room on the disk
    }
    const bool was_open = to->queue.is_open();
    to->queue.ended(which, record, how.is_success(), now);
    (how.is_success() ? svc.counts.deliveries : svc.counts.failed_deliveries).add();
    const bool is_open = to->queue.is_open();
    // Those that ended side by side did not know of each other.
    if (to->queue.waiting() == 0 && to->queue.cursor() > to->written_cursor)
        co_await write_cursor(svc, *to);
    if (was_open != is_open && !to->removed)
        svc.log.warn("callback " + to->settings->id.text() + " of " + to->settings->application_id +
                     (was_open ? " is delivered to again" : " fails; it is tried once a minute from now on"));
}

// Of a webhook that has little to send: how far it has come, now and then.
task<void> webhook_work::write_cursor(services& svc, line& of)
{
    registry::record_deliveries change;
    change.application_id = of.settings->application_id;
    change.id = of.settings->id;
    change.cursor = of.queue.cursor();
    const auto cursor = change.cursor;
    if (const auto ec = co_await commit(svc, change); !ec)
        of.written_cursor = std::max(of.written_cursor, cursor);
}

std::chrono::milliseconds webhook_work::until_next(registry::time_ms now) const
{
    if (crowded_ || stale_)
        return webhooks_rest;
    registry::time_ms wait = webhooks_sleep.count();
    for (const auto& each : lines_) {
        if (!each->settings->settings.enabled || in_flight_ >= registry::webhooks_in_flight_max)
            continue; // the end of a delivery wakes
        if (const auto at = each->queue.wake_at())
            wait = std::clamp<registry::time_ms>(*at - now, 0, wait);
    }
    return std::chrono::milliseconds{wait};
}

task<std::chrono::nanoseconds> webhook_work::round(services& svc)
{
    const auto here = co_await boost::asio::this_coro::executor;
    if (stale_.exchange(false)) {
        stale_unless_read guard{stale_};
        auto read = [&svc] { return read_webhooks(svc); };
        auto found = co_await read_aside(svc, std::move(read));
        if (!found)
            co_return webhooks_rest;
        take(*std::move(found), svc.clock.now());
        guard.was_read = true;
    }
    note_usage();
    if (lines_.empty())
        co_return webhooks_sleep;

    const auto last =
        svc.journal.view([](const registry::snapshot& txn) { return registry::last_event(txn).sequence; });
    bool more = false;
    for (std::size_t i = 0; i < lines_.size(); ++i) { // changed by rounds alone
        const auto at = lines_[i];
        if (!at->settings->settings.enabled || at->queue.looked_at() >= last || at->queue.room() == 0)
            continue;
        const bool looked = co_await look(svc, *at);
        if (!looked)
            co_return webhooks_rest;
        if (at->queue.cursor() - at->written_cursor >= registry::webhook_window_events)
            co_await write_cursor(svc, *at);
        more = more || (at->queue.looked_at() < last && at->queue.room() > 0);
    }
    start_due(svc, here);
    note_usage();
    if (more)
        co_return std::chrono::milliseconds{0};
    co_return until_next(svc.clock.now());
}

task<void> webhook_work::finish(std::chrono::milliseconds patience)
{
    constexpr std::chrono::milliseconds step{10};
    for (; in_flight_ > 0 && patience.count() > 0; patience -= step)
        co_await pause_work(step);
    closed_ = true;
    stop_.stop();
    while (in_flight_ > 0)
        co_await pause_work(step);
}

} // namespace doorward::handlers
