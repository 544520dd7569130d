// GET /health/live: is it worth to go on with this process? GET /health/ready, GET /health: is it worth to send it
// requests?

#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"

namespace doorward::handlers {
namespace {

// A batch that takes longer than this is one that the disk does not answer.
constexpr std::chrono::seconds writer_patience{10};

// Why no requests should be sent here; empty when they should.
std::vector<std::string> reasons_against(const services& svc)
{
    std::vector<std::string> out;
    if (svc.transport.is_draining())
        out.emplace_back("DRAINING");
    if (svc.writer.busy_for() > writer_patience)
        out.emplace_back("WRITER_STUCK");
    if (svc.writer.lacks_room() || svc.unsettled.registrations() > 0)
        out.emplace_back("STORAGE_FULL");
    if (svc.journal.is_full())
        out.emplace_back("JOURNAL_FULL");
    return out;
}

response health_answer(const std::vector<std::string>& reasons, std::string_view down)
{
    response out;
    json_writer body;
    body.object().member("status", reasons.empty() ? "UP" : down);
    if (!reasons.empty()) {
        body.member("reasons", reasons);
        out.status = 503;
        out.headers.emplace_back("Retry-After", "1");
    }
    out.body = body.end().text();
    return out;
}

} // namespace

task<response> show_liveness(const call&, services& svc)
{
    std::vector<std::string> reasons;
    if (svc.writer.busy_for() > writer_patience)
        reasons.emplace_back("WRITER_STUCK"); // the disk does not answer: a restart may help
    co_return health_answer(reasons, "DOWN");
}

task<response> show_readiness(const call&, services& svc)
{
    co_return health_answer(reasons_against(svc), "OUT_OF_SERVICE");
}

} // namespace doorward::handlers
