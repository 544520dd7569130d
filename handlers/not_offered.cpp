// What phones may ask for and this server does not have: the upgrade from version 2 of the protocol, and recovery codes
// (PROTOCOL.md 11.11, 11.12 and section 18). Nothing of the request is looked at.

#include "handlers/endpoint.hpp"
#include "handlers/problem.hpp"

namespace doorward::handlers {

task<response> refuse_upgrade(const call&, services&)
{
    co_return problem(device_problem::upgrade_failed);
}

task<response> refuse_recovery(const call&, services&)
{
    co_return problem(device_problem::recovery_confirm_error);
}

} // namespace doorward::handlers
