#include "handlers/query_fields.hpp"

#include <charconv>

namespace doorward::handlers {
namespace {

constexpr std::size_t echo_characters_max = 64;

} // namespace

bool is_clean_text(std::string_view value, std::size_t characters_max)
{
    return simdjson::validate_utf8(value.data(), value.size()) && !has_control_character(value) &&
           characters(value) <= characters_max;
}

std::string echo(std::string_view value)
{
    return is_clean_text(value, echo_characters_max) ? std::string{value} : std::string{};
}

query_parameters decode_query(std::string_view raw, std::vector<violation>& violations)
{
    auto parameters = parse_query(raw);
    if (parameters)
        return *std::move(parameters);
    violations.push_back({"", "", "the query has a malformed escape"});
    return {};
}

std::string decode_text(std::string_view name, std::string_view value, std::size_t characters_max,
                        std::vector<violation>& violations)
{
    if (is_clean_text(value, characters_max))
        return std::string{value};
    violations.push_back(
        {std::string{name}, "",
         "must be UTF-8 without control characters, at most " + std::to_string(characters_max) + " characters"});
    return {};
}

bool decode_boolean(std::string_view name, std::string_view value, std::vector<violation>& violations)
{
    if (value != "true" && value != "false")
        violations.push_back({std::string{name}, echo(value), "must be true or false"});
    return value == "true";
}

std::optional<std::int64_t> decode_number(std::string_view name, std::string_view value, std::int64_t least,
                                          std::int64_t greatest, std::vector<violation>& violations)
{
    std::int64_t number = 0;
    const char* const end = value.data() + value.size();
    const auto [stop, bad] = std::from_chars(value.data(), end, number);
    if (bad == std::errc{} && stop == end && number >= least && number <= greatest)
        return number;
    violations.push_back({std::string{name}, echo(value),
                          "must be a whole number from " + std::to_string(least) + " to " + std::to_string(greatest)});
    return std::nullopt;
}

} // namespace doorward::handlers
