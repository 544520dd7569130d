#include "registry/attempt_row.hpp"

namespace doorward::registry {

std::string_view to_text(attempt_outcome value) noexcept
{
    switch (value) {
    case attempt_outcome::accepted:
        return "SUCCESS";
    case attempt_outcome::refused:
        return "FAILURE";
    case attempt_outcome::replayed:
        return "REPLAY";
    case attempt_outcome::failed:
        return "ERROR";
    case attempt_outcome::noise:
        return "NOISE";
    }
    return {};
}

} // namespace doorward::registry
