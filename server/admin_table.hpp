#pragma once

#include "server/admin_client.hpp"

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>

namespace doorward::server {

/// How a member of an answer is shown to people.
enum class shown_as : std::uint8_t {
    text, // texts, numbers, true and false; lists with commas between
    time, // milliseconds since 1970, in the time zone of this machine
};

struct admin_column {
    std::string_view title;
    std::string_view member;
    shown_as how = shown_as::text;
};

/// Writes rows as a table, as wide as what is in it. What is missing is a dash.
void write_table(std::ostream& to, std::span<const admin_column> columns, const admin_json& rows);

/// Writes the members of an object one below the other; those inside of others with a dot between. Members whose names
/// begin with `timestamp`, and `asOf`, are times.
void write_fields(std::ostream& to, const admin_json& object);

/// A value for people. Control characters, which could take over a terminal, are shown as question marks.
[[nodiscard]] std::string shown(const admin_json& value, shown_as how);

} // namespace doorward::server
