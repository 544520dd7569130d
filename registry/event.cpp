#include "registry/event.hpp"

namespace doorward::registry {

std::string_view to_text(event_subject value) noexcept
{
    switch (value) {
    case event_subject::registration:
        return "REGISTRATION";
    case event_subject::application:
        return "APPLICATION";
    case event_subject::account:
        return "ACCOUNT";
    case event_subject::webhook:
        return "WEBHOOK";
    case event_subject::store:
        return "STORE";
    }
    return "UNKNOWN";
}

std::string_view event::type() const noexcept
{
    if (const auto* change = of_registration())
        return to_text(change->by);
    return of_administration()->action;
}

} // namespace doorward::registry
