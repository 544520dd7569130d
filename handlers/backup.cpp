// POST /admin/backup, GET /admin/backup

#include "crypto/encoding.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/problem.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace doorward::handlers {
namespace {

namespace asio = boost::asio;

// For a small store the answer has the outcome; less than the transport grants an answer.
constexpr std::chrono::seconds backup_patience{20};

std::string_view to_text(backup_work::state value)
{
    switch (value) {
    case backup_work::state::none:
        return "NONE";
    case backup_work::state::running:
        return "RUNNING";
    case backup_work::state::done:
        return "DONE";
    case backup_work::state::failed:
        return "FAILED";
    }
    return "UNKNOWN";
}

response tell_backup(const backup_work::status& what)
{
    json_writer out;
    out.object().member("state", to_text(what.now));
    if (what.now != backup_work::state::none)
        out.member("name", what.name).member("timestampStarted", what.started_at);
    if (what.now == backup_work::state::done)
        out.member("bytes", what.made.bytes)
            .member("digest", crypto::to_hex(what.made.digest))
            .member("rows", what.made.rows())
            .member("registrations", what.made.last_number)
            .member("lastEventSeq", what.made.last_event.sequence);
    if (what.now == backup_work::state::failed)
        out.member("problem", what.problem);
    if (what.now == backup_work::state::done || what.now == backup_work::state::failed)
        out.member("milliseconds", what.took.count());
    response answer;
    answer.body = out.end().text();
    return answer;
}

using backup_timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                                asio::io_context::executor_type>;

// Whoever asked waits for it, on one thread with it.
struct backup_end {
    explicit backup_end(const asio::io_context::executor_type& home) : timer{home} {}

    backup_timer timer;
    bool reached = false;
};

task<void> write_in_background(backup_work& backups, std::shared_ptr<backup_end> end)
{
    auto job = [&backups] {
        backups.write();
        return 0;
    };
    auto pending = backups.thread().async_run(job, asio::as_tuple(asio::deferred));
    const auto [ec, nothing] = co_await std::move(pending);
    static_cast<void>(ec); // one at a time: there is room, and the job does not throw
    static_cast<void>(nothing);
    end->reached = true;
    end->timer.cancel();
}

} // namespace

task<response> make_backup(const call&, services& svc)
{
    if (!svc.backups.is_offered())
        co_return problem(make_error_code(registry::errc::backups_not_offered));
    if (!svc.backups.begin(svc.clock.now()))
        co_return problem(make_error_code(registry::errc::backup_under_way));
    const auto here = co_await asio::this_coro::executor;
    auto end = std::make_shared<backup_end>(here);
    end->timer.expires_after(backup_patience);
    asio::co_spawn(here, write_in_background(svc.backups, end), asio::detached);
    if (!end->reached) {
        const auto [ignored] = co_await end->timer.async_wait(asio::as_tuple(asio::deferred));
        static_cast<void>(ignored);
    }
    const auto made = svc.backups.last();
    if (made.now == backup_work::state::failed) {
        svc.log.warn("a backup failed: " + made.problem);
        co_return problem(make_error_code(registry::errc::backup_failed));
    }
    response answer = tell_backup(made);
    if (made.now == backup_work::state::running)
        answer.status = 202;
    co_return answer;
}

task<response> show_backup(const call&, services& svc)
{
    co_return tell_backup(svc.backups.last());
}

} // namespace doorward::handlers
