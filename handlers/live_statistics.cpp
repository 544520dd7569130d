// GET /v2/stats/live: what happens now, in totals since the start; whoever asks again makes the differences.

#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"

namespace doorward::handlers {
namespace {

std::string milliseconds(double value)
{
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, 3);
    return {digits.data(), end.ptr};
}

void tell_quantiles(json_writer& to, std::string_view name, const recent_quantiles::quantiles& what)
{
    to.key(name).object().member("count", what.count);
    to.key("p50Ms").raw(milliseconds(what.p50_ms)).key("p99Ms").raw(milliseconds(what.p99_ms)).end();
}

} // namespace

task<response> show_live_stats(const call& asked, services& svc)
{
    const auto now = svc.clock.now();
    json_writer out;
    out.object().member("asOf", now).key("attempts").object();
    for (std::size_t i = 0; i < attempt_kind_names.size(); ++i)
        out.member(attempt_kind_names[i], svc.counts.attempts[i].total());
    out.end().member("lockouts", svc.counts.lockouts.total());
    tell_quantiles(out, "commits", svc.counts.recent_commits.of(svc.writer.commit_times(), now));
    tell_quantiles(out, "verdicts", svc.counts.recent_verdicts.of(svc.counts.verdicts, now));
    out.member("journalLag", svc.journal.used().rows_in_front).member("slots", svc.slots.size());
    out.key("connections").object();
    for (const side where : all_sides)
        out.member(to_text(where), svc.transport.open(where).now);
    out.end();
    std::size_t open = 0;
    for (const auto& each : svc.directory.all_applications()) {
        if (asked.who->may_see(each->id))
            open += svc.breaker.all_open(each->id, now).size();
    }
    response answer;
    answer.body = out.member("openBreakers", open).end().text();
    co_return answer;
}

} // namespace doorward::handlers
