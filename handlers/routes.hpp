#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// The two sides of the server; each has its listener and its table of endpoints.
enum class side { device, office };

/// Answers one request: finds the endpoint, checks who is calling, runs the handler. Errors have become answers; what
/// is thrown is unforeseen and the caller's to turn into a 500.
task<response> route(side which, const request& req, services& svc);

} // namespace doorward::handlers
