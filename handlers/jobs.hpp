#pragma once

#include "handlers/endpoint.hpp"
#include "registry/job_changes.hpp"

namespace doorward::handlers {

/// Makes a job and answers 202 with its id.
///
/// record   but for its chunks
/// targets  its registrations, at most job_targets_max
task<response> start_job(services& svc, registry::uuid id, registry::job record,
                         std::vector<registry::registration_number> targets);

} // namespace doorward::handlers
