#pragma once

// Reading what a server answered, for the sources of the simulated phone only.

#include "bench/device_types.hpp"
#include "crypto/encoding.hpp"

#include <nlohmann/json.hpp>

namespace doorward::bench::detail {

// Members are written in the order in which phones write them.
using json = nlohmann::ordered_json;

inline json parse(std::string_view text)
{
    auto document = json::parse(text, nullptr, false);
    if (document.is_discarded())
        throw protocol_error{"not JSON: " + std::string{text.substr(0, 200)}};
    return document;
}

/// A member that must be there; null counts as absent.
inline const json& member(const json& object, const char* name)
{
    if (object.is_object())
        if (const auto found = object.find(name); found != object.end() && !found->is_null())
            return *found;
    throw protocol_error{std::string{"member \""} + name + "\" is missing"};
}

inline bool has_member(const json& object, const char* name)
{
    const auto found = object.find(name);
    return object.is_object() && found != object.end() && !found->is_null();
}

inline std::string text(const json& object, const char* name)
{
    const json& value = member(object, name);
    if (!value.is_string())
        throw protocol_error{std::string{"member \""} + name + "\" must be text"};
    return value.get<std::string>();
}

inline std::optional<std::string> optional_text(const json& object, const char* name)
{
    return has_member(object, name) ? std::optional{text(object, name)} : std::nullopt;
}

inline std::int64_t number(const json& object, const char* name)
{
    const json& value = member(object, name);
    if (!value.is_number_integer())
        throw protocol_error{std::string{"member \""} + name + "\" must be a whole JSON number"};
    return value.get<std::int64_t>();
}

inline bytes binary(const json& object, const char* name)
{
    auto decoded = crypto::from_base64(text(object, name));
    if (!decoded)
        throw protocol_error{std::string{"member \""} + name + "\" must be Base64"};
    return std::move(*decoded);
}

template <std::size_t N>
byte_array<N> binary_of(const json& object, const char* name)
{
    const bytes decoded = binary(object, name);
    if (decoded.size() != N)
        throw protocol_error{std::string{"member \""} + name + "\" must have " + std::to_string(N) + " bytes"};
    return crypto::take<N>(decoded);
}

/// The text of a document; bytes that are not UTF-8 are an error of the caller.
inline std::string dump(const json& document)
{
    try {
        return document.dump();
    } catch (const json::type_error&) {
        throw std::invalid_argument{"text is not valid UTF-8"};
    }
}

} // namespace doorward::bench::detail
