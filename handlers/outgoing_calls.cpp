#include "handlers/outgoing_calls.hpp"

namespace doorward::handlers {

std::string_view to_text(outgoing_failure what) noexcept
{
    switch (what) {
    case outgoing_failure::none:
        return "answered";
    case outgoing_failure::unresolved:
        return "has no address";
    case outgoing_failure::unreachable:
        return "cannot be connected to";
    case outgoing_failure::untrusted:
        return "has no certificate that is trusted for its name";
    case outgoing_failure::closed:
        return "closed the connection before its answer was complete";
    case outgoing_failure::malformed:
        return "does not answer in HTTP";
    case outgoing_failure::too_large:
        return "answers at too great length";
    case outgoing_failure::timed_out:
        return "did not answer in time";
    }
    return "failed";
}

} // namespace doorward::handlers
