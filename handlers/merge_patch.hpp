#pragma once

#include "handlers/json_reader.hpp"
#include "registry/clock.hpp"

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>

namespace doorward::handlers {

// Members of a merge patch (RFC 7396): a new value, the default for null, or as it was.

template <class T>
void merge(const json_object& from, std::string_view name, std::optional<T> given, T& field, const T& fallback)
{
    if (from.is_null(name))
        field = fallback;
    else if (given)
        field = *std::move(given);
}

inline void merge_boolean(const json_object& from, std::string_view name, bool& field, bool fallback)
{
    merge(from, name, from.boolean(name), field, fallback);
}

template <std::unsigned_integral T>
void merge_number(const json_object& from, std::string_view name, unsigned least, unsigned greatest, T& field,
                  T fallback)
{
    std::optional<T> given;
    if (const auto number = from.integer(name, least, greatest))
        given = static_cast<T>(*number);
    merge(from, name, given, field, fallback);
}

/// In milliseconds.
inline void merge_time(const json_object& from, std::string_view name, registry::time_ms least,
                       registry::time_ms greatest, registry::time_ms& field, registry::time_ms fallback)
{
    merge(from, name, from.integer(name, least, greatest), field, fallback);
}

/// One of the words that to_text() has for these values.
template <class Enum>
void merge_word(const json_object& from, std::string_view name, std::initializer_list<Enum> values, Enum& field,
                Enum fallback)
{
    std::optional<Enum> given;
    if (const auto text = from.text(name, {.bytes_max = 32})) {
        std::string words;
        for (const Enum value : values) {
            if (to_text(value) == *text)
                given = value;
            words += words.empty() ? "must be " : " or ";
            words += to_text(value);
        }
        if (!given)
            from.complain(name, std::move(words), *text);
    }
    merge(from, name, given, field, fallback);
}

} // namespace doorward::handlers
