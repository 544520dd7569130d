#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace doorward::handlers {

// How requests and answers behave, whatever they are about (REGISTRATION-API.md 8.1).

/// HTTP status of errors that PowerAuth Cloud knows. `compat`: 400, as its clients expect. `rest`: 404 for a
/// registration that is not found, 409 where its state does not allow something.
enum class status_style : std::uint8_t { compat, rest };

[[nodiscard]] std::optional<status_style> parse_status_style(std::string_view text) noexcept; // "compat", "rest"

/// What the operator of the server chose for the office side.
struct manners {
    status_style statuses = status_style::compat;
    bool strict_json = false; // unknown members of a request are refused
};

/// 1 to `characters_max` visible ASCII characters: harmless in a header and in a log line.
[[nodiscard]] bool is_visible_text(std::string_view text, std::size_t characters_max) noexcept;

/// The id of the trace that a `traceparent` field names; empty when the field is not valid (W3C Trace Context,
/// section 3.2). Versions that are not known yet are read as far as version 00 goes, as the section wants it.
[[nodiscard]] std::optional<std::string_view> trace_id(std::string_view traceparent) noexcept;

} // namespace doorward::handlers
