// GET /health, /health/live, /health/ready. Whoever gets an answer knows that the store is open and an io thread turns.

#include "handlers/endpoint.hpp"
#include "handlers/json_writer.hpp"

namespace doorward::handlers {

task<response> health(const call&, services&)
{
    response out;
    out.body = json_writer{}.object().member("status", "UP").end().text();
    co_return out;
}

} // namespace doorward::handlers
