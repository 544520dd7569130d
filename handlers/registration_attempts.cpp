// GET /v2/registrations/{id}/attempts (REGISTRATION-API.md A5): newest first.

#include "handlers/attempt_rows.hpp"
#include "handlers/period_page.hpp"
#include "handlers/problem.hpp"
#include "handlers/read_aside.hpp"
#include "handlers/registration_access.hpp"

namespace doorward::handlers {
namespace {

std::string read_attempts(const services& svc, registry::registration_number number, const period_request& wanted)
{
    period_page page{wanted};
    // A cursor is the place after a row; 0 is none.
    const registry::row_sequence from = wanted.page.before == 0 ? 0 : wanted.page.before - 1;
    scan_attempts_of(svc, number, from, [&page](registry::row_sequence sequence, const registry::attempt_row& row) {
        return page.take(sequence, row.at, [&](json_writer& to) { write_attempt(to, sequence, row); });
    });
    return page.text();
}

} // namespace

task<response> registration_attempts(const call& asked, services& svc)
{
    std::vector<violation> violations;
    const auto filter = decode_period(asked.req.query, violations);
    if (!violations.empty())
        co_return problem(violations);
    const auto found = co_await load_registration(asked, svc);
    if (!found)
        co_return problem(found.error());

    auto read = [&svc, number = found->number, filter] { return read_attempts(svc, number, filter); };
    auto text = co_await read_aside(svc, std::move(read));
    if (!text)
        co_return problem(text.error());
    response answer;
    answer.body = *std::move(text);
    co_return answer;
}

} // namespace doorward::handlers
