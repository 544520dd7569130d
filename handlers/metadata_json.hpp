#pragma once

#include "handlers/json_reader.hpp"

#include <map>

namespace doorward::handlers {

// Metadata of registrations: a flat JSON object of texts, numbers, true and false (REGISTRATION-API.md R1, R12).

/// The members by their names; each value is JSON. Written down in this order, so the same metadata are the same text.
using metadata_members = std::map<std::string, std::string>;

/// What a merge patch (RFC 7396) makes of metadata.
struct metadata_patch {
    bool clear = false;                                          // `null` in place of an object: none of them stays
    std::map<std::string, std::optional<std::string>> members{}; // empty: it goes
};

/// Reads a member as metadata. Empty when it is absent or null; violations for what metadata cannot hold.
[[nodiscard]] std::optional<metadata_members> decode_metadata(const json_object& from, std::string_view name);

/// Reads a member as a patch. Empty when it is absent.
[[nodiscard]] std::optional<metadata_patch> decode_metadata_patch(const json_object& from, std::string_view name);

[[nodiscard]] metadata_members patched(metadata_members now, const metadata_patch& by);

/// The text of metadata, and back. Empty texts and no members are the same.
[[nodiscard]] std::string write_metadata(const metadata_members& members);
[[nodiscard]] metadata_members read_metadata(std::string_view json);

/// Why these cannot be kept: too many, or too long altogether. Empty when they can.
[[nodiscard]] std::string excess_of(const metadata_members& members);

} // namespace doorward::handlers
