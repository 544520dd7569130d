// POST /v2/admin/applications/{id}/lockout-policy/simulate (REGISTRATION-API.md 8.4): what another policy would have
// made of the attempts that were recorded.

#include "handlers/application_settings_json.hpp"
#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "registry/lockout_simulation.hpp"

#include <atomic>

namespace doorward::handlers {
namespace {

struct wanted_simulation {
    registry::application_settings settings; // of which the policy and the limit count
    registry::time_ms from = 0;
    registry::time_ms to = std::numeric_limits<registry::time_ms>::max();
};

wanted_simulation decode(const call& asked, const registry::application_settings& now,
                         std::vector<violation>& violations)
{
    wanted_simulation out;
    const auto body = parse_body(asked, violations);
    if (!body)
        return out;
    out.settings = decode_lockout_settings(*body, now);
    constexpr auto latest = std::numeric_limits<registry::time_ms>::max();
    out.from = body->integer("timestampFrom", 0, latest).value_or(out.from);
    out.to = body->integer("timestampTo", 0, latest).value_or(out.to);
    return out;
}

// A simulation on its way: what it has seen, and where it goes on.
struct progress {
    progress(const registry::lockout_policy& policy, unsigned max) : simulation{policy, max} {}

    registry::lockout_simulation simulation;
    std::unordered_map<registry::registration_number, bool> ours;
    registry::row_sequence next = 0;
    std::size_t rows = 0;
    registry::time_ms until = 0; // the time of the last row
    bool at_end = false;
};

// A step of it, in a snapshot of its own: a long one would keep the store from using its pages again.
void go_on(progress& it, const wanted_simulation& wanted, const std::string& application, const services& svc)
{
    svc.journal.view([&](const registry::snapshot& txn) {
        if (it.rows == 0)
            it.next = registry::find_row_at(txn, wanted.from);
        it.at_end = true;
        std::size_t seen = 0;
        registry::scan_journal(txn, it.next, [&](registry::row_sequence sequence, const registry::attempt_row& row) {
            if (seen == registry::simulated_step_rows) {
                it.at_end = false;
                return false;
            }
            if (row.at > wanted.to)
                return false;
            ++seen;
            it.next = sequence + 1;
            it.until = row.at;
            const auto [known, is_new] = it.ours.try_emplace(row.number);
            if (is_new) {
                const auto record = registry::find_registration(txn, row.number);
                known->second = record && record->application_id == application;
            }
            if (known->second && row.at >= wanted.from)
                it.simulation.add(row);
            return true;
        });
        it.rows += seen;
    });
}

response answer_with(const progress& it)
{
    const auto& got = it.simulation.so_far();
    json_writer out;
    out.object()
        .member("attempts", got.attempts)
        .member("registrations", got.registrations)
        .member("lockouts", got.lockouts)
        .member("registrationsLockedOut", got.locked_out)
        .member("removals", got.removals)
        .member("probableFalseLockouts", got.probably_false)
        .member("complete", it.at_end);
    if (!it.at_end)
        out.member("timestampTo", it.until);
    response answer;
    answer.body = out.end().text();
    return answer;
}

} // namespace

task<response> simulate_lockout(const call& asked, services& svc)
{
    const auto application = svc.directory.find_application(asked.first);
    if (!application)
        co_return problem(make_error_code(registry::errc::unknown_application));
    std::vector<violation> violations;
    const auto wanted = std::make_shared<const wanted_simulation>(decode(asked, application->settings, violations));
    if (!violations.empty())
        co_return problem(violations);
    const auto permit = svc.simulations.enter();
    if (!permit)
        co_return problem(make_error_code(kv::errc::queue_full));

    const auto it = std::make_shared<progress>(wanted->settings.lockout, wanted->settings.max_failed_attempts);
    while (!it->at_end && it->rows < registry::simulated_rows_max) {
        auto step = [it, wanted, id = application->id, &svc] {
            go_on(*it, *wanted, id, svc);
            return it->rows;
        };
        const auto done = co_await read_aside(svc, std::move(step));
        if (!done)
            co_return problem(done.error());
    }
    co_return answer_with(*it);
}

} // namespace doorward::handlers
