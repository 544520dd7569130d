// POST /pa/v3/status: phones set their clock by it (PROTOCOL.md 11.1).

#include "handlers/endpoint.hpp"
#include "handlers/ok_answer.hpp"
#include "handlers/version.hpp"

namespace doorward::handlers {

task<response> device_status(const call&, services& svc)
{
    co_return ok([&](json_writer& out) {
        out.member("serverTime", svc.clock.now());
        out.key("application").object().member("name", product_name).member("version", product_version).end();
    });
}

} // namespace doorward::handlers
