#include "registry/registration.hpp"

namespace doorward::registry {

std::optional<state> target(state from, move by) noexcept
{
    switch (by) {
    case move::create:
        return std::nullopt; // leads into created from nothing
    case move::exchange_keys:
        return from == state::created ? std::optional{state::pending_commit} : std::nullopt;
    case move::exchange_and_start:
        return from == state::created ? std::optional{state::active} : std::nullopt;
    case move::commit:
        return from == state::pending_commit ? std::optional{state::active} : std::nullopt;
    case move::block:
    case move::block_on_failures:
        return from == state::active ? std::optional{state::blocked} : std::nullopt;
    case move::remove_on_failures:
        return from == state::active ? std::optional{state::removed} : std::nullopt;
    case move::change_block:
        return from == state::blocked ? std::optional{from} : std::nullopt;
    case move::change_limits:
        return from != state::removed ? std::optional{from} : std::nullopt;
    case move::end_block:
    case move::unblock:
        return from == state::blocked ? std::optional{state::active} : std::nullopt;
    case move::remove:
        return from != state::removed ? std::optional{state::removed} : std::nullopt;
    case move::expire:
    case move::remove_on_otp:
    case move::cancel:
        return is_unfinished(from) ? std::optional{state::removed} : std::nullopt;
    case move::fail_otp:
        return is_unfinished(from) ? std::optional{from} : std::nullopt;
    case move::reset_attempts:
        return from == state::active || from == state::blocked ? std::optional{from} : std::nullopt;
    case move::rename: // before the key exchange it is the phone's turn to bring a name
        return from != state::created && from != state::removed ? std::optional{from} : std::nullopt;
    case move::change_flags:
    case move::edit:
        return from != state::removed ? std::optional{from} : std::nullopt;
    case move::spawn:
    case move::pin_changed:
        return from == state::active ? std::optional{from} : std::nullopt;
    case move::replace_otp:
        return from == state::pending_commit ? std::optional{from} : std::nullopt;
    }
    return std::nullopt;
}

std::string_view to_text(state value) noexcept
{
    switch (value) {
    case state::created:
        return "CREATED";
    case state::pending_commit:
        return "PENDING_COMMIT";
    case state::active:
        return "ACTIVE";
    case state::blocked:
        return "BLOCKED";
    case state::removed:
        return "REMOVED";
    }
    return "UNKNOWN";
}

std::optional<state> parse_state(std::string_view text) noexcept
{
    for (const state candidate : all_states) {
        if (to_text(candidate) == text)
            return candidate;
    }
    return std::nullopt;
}

std::string_view to_text(move value) noexcept
{
    switch (value) {
    case move::create:
        return "CREATE";
    case move::exchange_keys:
        return "EXCHANGE_KEYS";
    case move::exchange_and_start:
        return "EXCHANGE_KEYS_AND_START";
    case move::commit:
        return "COMMIT";
    case move::block:
        return "BLOCK";
    case move::block_on_failures:
        return "BLOCK_ON_FAILURES";
    case move::unblock:
        return "UNBLOCK";
    case move::remove:
        return "REMOVE";
    case move::expire:
        return "EXPIRE";
    case move::fail_otp:
        return "FAIL_OTP";
    case move::remove_on_otp:
        return "REMOVE_ON_OTP";
    case move::reset_attempts:
        return "RESET_ATTEMPTS";
    case move::rename:
        return "RENAME";
    case move::change_flags:
        return "CHANGE_FLAGS";
    case move::spawn:
        return "SPAWN";
    case move::cancel:
        return "CANCEL";
    case move::pin_changed:
        return "PIN_CHANGED";
    case move::replace_otp:
        return "REPLACE_OTP";
    case move::remove_on_failures:
        return "REMOVE_ON_FAILURES";
    case move::end_block:
        return "END_BLOCK";
    case move::change_block:
        return "CHANGE_BLOCK";
    case move::change_limits:
        return "CHANGE_LIMITS";
    case move::edit:
        return "EDIT";
    }
    return "UNKNOWN";
}

std::string_view to_text(commit_phase value) noexcept
{
    return value == commit_phase::on_commit ? "ON_COMMIT" : "ON_KEY_EXCHANGE";
}

std::string_view to_text(transfer_type value) noexcept
{
    return value == transfer_type::spawn ? "SPAWN" : "MOVE";
}

std::optional<transfer_type> parse_transfer_type(std::string_view text) noexcept
{
    for (const transfer_type candidate : {transfer_type::spawn, transfer_type::move}) {
        if (to_text(candidate) == text)
            return candidate;
    }
    return std::nullopt;
}

} // namespace doorward::registry
