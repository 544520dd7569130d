// GET /v2/stats (REGISTRATION-API.md M6): how many registrations there are of which kind, and lockouts by hour.

#include "handlers/statistics.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"

#include <cmath>
#include <set>

namespace doorward::handlers {
namespace {

using registry::application_numbers;
using lockouts_by_hour = registry::lockout_meter::hours;

void write_numbers(json_writer& to, const application_numbers& what)
{
    std::uint64_t total = 0;
    for (const auto count : what.by_state)
        total += count;
    to.key("registrations").object().member("total", total).key("byStatus").object();
    for (std::size_t i = 0; i < what.by_state.size(); ++i)
        to.member(to_text(registry::all_states[i]), what.by_state[i]);
    to.end().key("byPlatform").object();
    for (const auto& [platform, count] : what.by_platform)
        to.member(platform, count);
    to.end().member("monthlyActive", what.monthly_active).end();
}

void write_lockouts(json_writer& to, const lockouts_by_hour& what)
{
    to.key("lockoutsPerHour").array();
    for (const auto count : what)
        to.value(count);
    to.end();
}

void write_open_breakers(json_writer& to, const services& svc, const std::string& application)
{
    to.key("breakers").array();
    for (const auto& [version, open] : svc.breaker.all_open(application, svc.clock.now())) {
        to.object()
            .member_unless_empty("appKey", version)
            .member("lockouts", open.lockouts)
            .member("usualLockouts", std::lround(open.usual))
            .member("timestampUntil", open.until)
            .end();
    }
    to.end();
}

// Those that the account sees: the ones that exist, and gone ones that left registrations.
std::set<std::string> shown_applications(const services& svc, const registry::account& who,
                                         const statistics::numbers& known)
{
    std::set<std::string> out;
    const auto show = [&](const std::string& id) {
        if (who.may_see(id))
            out.insert(id);
    };
    for (const auto& each : svc.directory.all_applications())
        show(each->id);
    for (const auto& [id, numbers] : known.registrations)
        show(id);
    return out;
}

response stats_answer(const services& svc, const registry::account& who, const statistics::numbers& known)
{
    application_numbers all;
    lockouts_by_hour all_lockouts{};
    json_writer rows;
    rows.array();
    for (const std::string& id : shown_applications(svc, who, known)) {
        const auto counted = known.registrations.find(id);
        const auto locked = known.lockouts.find(id);
        const auto numbers = counted == known.registrations.end() ? application_numbers{} : counted->second;
        const auto lockouts = locked == known.lockouts.end() ? lockouts_by_hour{} : locked->second;
        all += numbers;
        for (std::size_t i = 0; i < lockouts.size(); ++i)
            all_lockouts[i] += lockouts[i];
        rows.object().member("applicationId", id);
        write_numbers(rows, numbers);
        write_lockouts(rows, lockouts);
        write_open_breakers(rows, svc, id);
        rows.end();
    }
    json_writer out;
    out.object().member("asOf", known.at);
    write_numbers(out, all);
    write_lockouts(out, all_lockouts);
    response answer;
    answer.body = out.key("applications").raw(rows.end().text()).end().text();
    return answer;
}

bool is_fresh(const std::shared_ptr<const statistics::numbers>& known, registry::time_ms now)
{
    return known && known->at <= now && now - known->at < registry::statistics_life_ms;
}

} // namespace

std::shared_ptr<const statistics::numbers> statistics::latest() const
{
    const std::lock_guard lock{latest_mutex_};
    return latest_;
}

statistics::progress statistics::go_on(const registry::journal& from, registry::time_ms now)
{
    constexpr std::size_t most = registry::statistics_step_rows;
    const std::lock_guard counting{counting_mutex_};
    if (!census_)
        census_.emplace(now);
    return from.view([&](const registry::snapshot& txn) {
        progress out{census_->step(txn, most), false};
        if (out.rows < most) {
            const std::size_t events = lockouts_.step(txn, now, most - out.rows);
            out.complete = events < most - out.rows;
            out.rows += events;
        }
        if (out.complete) {
            auto told = std::make_shared<const numbers>(
                numbers{census_->begins(), census_->so_far(), lockouts_.at(census_->begins())});
            census_.reset();
            const std::lock_guard lock{latest_mutex_};
            latest_ = std::move(told);
        }
        return out;
    });
}

task<response> show_stats(const call& asked, services& svc)
{
    const auto now = svc.clock.now();
    const auto turn = is_fresh(svc.stats.latest(), now) ? std::nullopt : svc.stats.enter();
    statistics::progress done;
    for (std::size_t rows = 0; turn && !done.complete && rows < registry::statistics_rows_max; rows += done.rows) {
        auto step = [&svc, now] { return svc.stats.go_on(svc.journal, now); };
        const auto counted = co_await read_aside(svc, std::move(step));
        if (!counted)
            break; // too many lists are asked for; older numbers do as well
        done = *counted;
    }
    const auto known = svc.stats.latest();
    if (known)
        co_return stats_answer(svc, *asked.who, *known);
    response out = problem(make_error_code(kv::errc::queue_full));
    out.headers.emplace_back("Retry-After", "1");
    co_return out;
}

} // namespace doorward::handlers
