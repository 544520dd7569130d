#include "server/admin_table.hpp"

#include <algorithm>
#include <ctime>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace doorward::server {
namespace {

constexpr std::string_view nothing = "-";
constexpr std::string_view gap = "  ";

// How many characters UTF-8 has: continuation bytes do not count.
std::size_t width_of(std::string_view text) noexcept
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Bytes of C0 and DEL, and the two-byte sequences of C1.
std::string harmless(std::string text)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (c1)
            text.replace(i, 2, "?");
        else if (byte < 0x20 || byte == 0x7F)
            text[i] = '?';
    }
    return text;
}

std::string local_time(std::int64_t milliseconds)
{
    const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm parts{};
    if (localtime_r(&seconds, &parts) == nullptr)
        return std::to_string(milliseconds);
    std::ostringstream out;
    out << std::put_time(&parts, "%F %T");
    return out.str();
}

bool names_time(std::string_view member)
{
    return member.starts_with("timestamp") || member == "asOf";
}

void gather_fields(const admin_json& object, const std::string& prefix,
                   std::vector<std::pair<std::string, std::string>>& into)
{
    for (const auto& [name, value] : object.items()) {
        const std::string path = prefix + name;
        const bool has_parts =
            value.is_object() ||
            (value.is_array() && std::ranges::any_of(value, [](const admin_json& each) { return each.is_object(); }));
        if (!has_parts)
            into.emplace_back(path, shown(value, names_time(name) ? shown_as::time : shown_as::text));
        else if (value.is_object())
            gather_fields(value, path + '.', into);
        else
            for (std::size_t i = 0; i < value.size(); ++i)
                gather_fields(value[i], path + '.' + std::to_string(i) + '.', into);
    }
}

} // namespace

std::string shown(const admin_json& value, shown_as how)
{
    if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()))
        return std::string{nothing};
    if (how == shown_as::time && value.is_number_integer())
        return value == 0 ? std::string{nothing} : local_time(value.get<std::int64_t>());
    if (value.is_string())
        return harmless(value.get<std::string>());
    if (value.is_boolean())
        return value.get<bool>() ? "yes" : "no";
    if (value.is_array()) {
        std::string out;
        for (const admin_json& each : value)
            out += (out.empty() ? "" : ",") + shown(each, how);
        return out.empty() ? std::string{nothing} : out;
    }
    return harmless(value.dump());
}

void write_table(std::ostream& to, std::span<const admin_column> columns, const admin_json& rows)
{
    std::vector<std::vector<std::string>> cells;
    std::vector<std::size_t> widths;
    for (const admin_column& column : columns)
        widths.push_back(column.title.size());
    for (const admin_json& row : rows) {
        auto& line = cells.emplace_back();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto found = row.find(columns[i].member);
            line.push_back(found == row.end() ? std::string{nothing} : shown(*found, columns[i].how));
            widths[i] = std::max(widths[i], width_of(line.back()));
        }
    }
    const auto write_line = [&](auto cell_at) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string_view cell = cell_at(i);
            to << cell;
            if (i + 1 < columns.size())
                to << std::string(widths[i] - width_of(cell), ' ') << gap;
        }
        to << '\n';
    };
    write_line([&](std::size_t i) { return columns[i].title; });
    for (const auto& line : cells)
        write_line([&](std::size_t i) { return std::string_view{line[i]}; });
}

void write_fields(std::ostream& to, const admin_json& object)
{
    std::vector<std::pair<std::string, std::string>> fields;
    gather_fields(object, "", fields);
    std::size_t width = 0;
    for (const auto& [name, value] : fields)
        width = std::max(width, width_of(name));
    for (const auto& [name, value] : fields)
        to << name << std::string(width - width_of(name), ' ') << gap << value << '\n';
}

} // namespace doorward::server
