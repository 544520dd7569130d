#pragma once

#include "handlers/http.hpp"
#include "handlers/services.hpp"

namespace doorward::handlers {

/// Who may call an endpoint.
struct permission {
    registry::role_set roles;                       // none: everybody, without being asked who he is
    std::optional<registry::right> operators_right; // what an operator needs besides his role

    [[nodiscard]] bool is_open() const noexcept { return roles.empty(); }
    [[nodiscard]] bool allows(const registry::account& who) const noexcept;
};

/// A row of the table of endpoints, for those who check it.
struct route_description {
    std::string_view method; // "*": the handler looks at it
    std::string_view path;   // {} stands for one segment
    permission callers;
};
[[nodiscard]] std::vector<route_description> list_routes(side which);

/// Answers one request: finds the endpoint, checks who is calling, runs the handler. Errors have become answers; what
/// is thrown is unforeseen and the caller's to turn into a 500.
task<response> route(side which, const request& req, services& svc);

} // namespace doorward::handlers
