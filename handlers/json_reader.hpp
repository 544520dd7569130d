#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace doorward::handlers {

/// A field that is not as it should be; goes to the client as one entry of `violations`.
struct violation {
    std::string field;
    std::string invalid_value; // empty where it would tell a secret, or where there is none
    std::string hint;
};

/// What a text field must be. Lengths are in characters for what people write, in bytes for what is part of a key or
/// has a form of its own; one of the two is given.
struct text_rule {
    std::size_t bytes_max = 0;
    std::size_t characters_max = 0;
    bool required = false;
    bool secret = false;    // never echoed
    bool free_form = false; // line ends and other control characters are welcome
};

/// What becomes of members that nobody asks for.
enum class unknown_members : bool { ignored, refused };

/// The members of one JSON object, read strictly and by name.
///
/// Absent and null are the same. What does not fit is recorded as a violation and read as absent, so that a client
/// learns of all its mistakes at once. Unknown members are ignored; or, where they are refused, each that was not asked
/// for when the last copy of the reader goes is a violation, unless there is another one: so the reader must be gone
/// before the violations are looked at. A reader points into the thread's parser: copy out
/// what is needed before parsing again and before suspending.
class json_object {
public:
    json_object(simdjson::dom::object object, std::string prefix, std::vector<violation>& violations,
                unknown_members unknown = unknown_members::ignored);

    [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
    /// Given, and null. It is the same as absent everywhere but in a merge patch (RFC 7396).
    [[nodiscard]] bool is_null(std::string_view name) const;
    std::optional<std::string> text(std::string_view name, const text_rule& rule) const;
    /// A text that is no reason to refuse anything: cut to its length, control characters replaced; empty when absent.
    /// Only a value that is no text at all is a violation.
    std::string lenient_text(std::string_view name, std::size_t characters_max) const;
    std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t greatest) const;

    std::optional<bool> boolean(std::string_view name) const;

    std::optional<json_object> object(std::string_view name, bool required = false) const;
    std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t count_max,
                                                  std::size_t characters_max) const;

    /// The names of all members that are not null, as they come.
    [[nodiscard]] std::vector<std::string> names() const;
    /// The names of all members that are null: what a merge patch takes away.
    [[nodiscard]] std::vector<std::string> names_of_nulls() const;
    /// Is it a text, a number, true or false?
    [[nodiscard]] bool is_scalar(std::string_view name) const;

    /// The member as JSON text, whatever it is.
    std::optional<std::string> json(std::string_view name) const;

    /// Every member as a text, nulls left out; a violation for each that is none.
    std::vector<std::pair<std::string, std::string>> all_texts(std::size_t count_max, std::size_t bytes_max) const;

    /// Makes a member known that has no meaning in this request.
    void tolerate(std::string_view name) const { note(name); }

    void complain(std::string_view name, std::string hint, std::string invalid_value = {}) const;

private:
    // What was not asked for yet; empty where nobody wants to know.
    class watch;
    void note(std::string_view name) const;
    void note_all() const;

    [[nodiscard]] std::optional<simdjson::dom::element> find(std::string_view name) const;

    simdjson::dom::object object_;
    std::string prefix_;
    std::vector<violation>& violations_;
    std::shared_ptr<watch> watch_;
};

/// Code points of a UTF-8 text.
[[nodiscard]] std::size_t characters(std::string_view text) noexcept;
/// Control characters have no business in names and identifiers, and a zero byte would end a key early.
[[nodiscard]] bool has_control_character(std::string_view text) noexcept;

/// Parses a document whose top is an object. Empty, with one violation, when it is not JSON, not UTF-8, not an object,
/// nested deeper than json_depth_max, or repeats a member of any object in it.
[[nodiscard]] std::optional<json_object> parse_json(std::string_view text, std::vector<violation>& violations,
                                                    unknown_members unknown = unknown_members::ignored);

/// The same for a document whose top is an array of objects, 1 to `count_max` of them.
[[nodiscard]] std::optional<std::vector<json_object>>
parse_json_array(std::string_view text, std::size_t count_max, std::vector<violation>& violations,
                 unknown_members unknown = unknown_members::ignored);

inline constexpr std::size_t json_depth_max = 32;

} // namespace doorward::handlers
