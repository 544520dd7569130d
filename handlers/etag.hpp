#pragma once

#include "handlers/json_reader.hpp"

#include <cstdint>

namespace doorward::handlers {

// Versions of registrations as entity tags (RFC 9110 sections 8.8.3 and 13.1.1): clients that change what they have
// read say which version that was.

/// The entity tag of a version: its number, in quotes.
[[nodiscard]] std::string to_etag(std::uint64_t version);

/// What an If-Match header asks for.
class version_condition {
public:
    /// header  empty: nothing is asked for. What is no list of entity tags is a violation
    [[nodiscard]] static version_condition parse(std::string_view header, std::vector<violation>& violations);

    /// Does a version fulfil it?
    [[nodiscard]] bool holds(std::uint64_t version) const noexcept;

    /// The version from which alone a change may be made that was worked out for `read`, which fulfils the condition;
    /// empty when none was asked for. For attempts::change_state(), which looks at the word again as it swaps it.
    [[nodiscard]] std::optional<std::uint64_t> only_from(std::uint64_t read) const noexcept
    {
        return any_ ? std::nullopt : std::optional{read};
    }

private:
    bool any_ = true;                     // no header, or *
    std::vector<std::uint64_t> versions_; // those that are ours; a weak tag never matches
};

} // namespace doorward::handlers
