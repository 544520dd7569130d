#pragma once

#include "registry/event_place.hpp"
#include "registry/registration.hpp"

#include <variant>

namespace doorward::registry {

/// What an event is about.
enum class event_subject : std::uint8_t { registration = 1, application = 2, account = 3, webhook = 4, store = 5 };

[[nodiscard]] std::string_view to_text(event_subject value) noexcept; // "REGISTRATION"

/// Something happened to a registration: what its row of history says, but for what is told by other rows.
struct registration_event {
    registration_number number = 0;
    uuid id;
    std::uint64_t version = 0; // of the attempt word after it; orders the events of a registration
    move by{};
    std::optional<state> previous; // empty for the first
    state now{};
    std::string reason;
    std::string blocked_reason; // when it is BLOCKED then
    // After it; empty where it does not change them. The names in later rows of history follow from these and are
    // completed when a change arrives late; an event is never written again.
    std::optional<std::string> name;
    std::optional<flag_set> flags;

    bool operator==(const registration_event&) const = default;
};

/// Something was done to what registrations live in.
struct administration_event {
    event_subject about{}; // not registration
    std::string subject;   // its id or name: as much as username_bytes_max, application_id_bytes_max allow
    std::string action;    // what was done, in capitals: "CREATE_ACCOUNT"; event_action_bytes_max
    std::string detail;    // for people; event_detail_bytes_max. No secrets

    bool operator==(const administration_event&) const = default;
};

/// One event of the feed that everything else follows from: histories, the audit log, webhooks.
struct event {
    time_ms at = 0;
    std::string application_id; // whose accounts may see it; empty: of none, so that admins alone may
    std::string user_id;        // of a registration
    actor who;
    std::variant<registration_event, administration_event> what;

    [[nodiscard]] const registration_event* of_registration() const noexcept
    {
        return std::get_if<registration_event>(&what);
    }
    [[nodiscard]] const administration_event* of_administration() const noexcept
    {
        return std::get_if<administration_event>(&what);
    }
    /// What happened: the name of the move, or the action.
    [[nodiscard]] std::string_view type() const noexcept;

    bool operator==(const event&) const = default;
};

} // namespace doorward::registry
