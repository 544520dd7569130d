#include "handlers/json_reader.hpp"

#include <algorithm>

namespace doorward::handlers {
namespace {

constexpr std::size_t echo_bytes_max = 64; // of an invalid value that is told back

simdjson::dom::parser& thread_parser()
{
    static thread_local simdjson::dom::parser parser = [] {
        simdjson::dom::parser made;
        if (made.allocate(4096, json_depth_max) != simdjson::SUCCESS)
            throw std::bad_alloc{};
        return made;
    }();
    return parser;
}

bool has_repeated_member(simdjson::dom::object object)
{
    std::vector<std::string_view> names;
    for (const auto member : object)
        names.push_back(member.key);
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) != names.end();
}

// Depth is bounded by the parser.
bool has_repeated_member(simdjson::dom::element element)
{
    if (simdjson::dom::object object; element.get(object) == simdjson::SUCCESS) {
        if (has_repeated_member(object))
            return true;
        for (const auto member : object) {
            if (has_repeated_member(member.value))
                return true;
        }
    } else if (simdjson::dom::array array; element.get(array) == simdjson::SUCCESS) {
        for (const auto entry : array) {
            if (has_repeated_member(entry))
                return true;
        }
    }
    return false;
}

std::string echo(simdjson::dom::element element)
{
    std::string_view plain;
    std::string text{element.get(plain) == simdjson::SUCCESS ? std::string{plain} : simdjson::minify(element)};
    if (text.size() > echo_bytes_max) {
        std::size_t end = echo_bytes_max;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) // not inside a character
            --end;
        text.resize(end);
    }
    return text;
}

// Empty, with one violation, when the text is no document for us.
std::optional<simdjson::dom::element> parse_document(std::string_view text, std::vector<violation>& violations)
{
    simdjson::dom::element root;
    if (thread_parser().parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS) {
        violations.push_back({"", "", "the body must be JSON in UTF-8"});
        return std::nullopt;
    }
    if (has_repeated_member(root)) {
        violations.push_back({"", "", "no member of an object may be given twice"});
        return std::nullopt;
    }
    return root;
}

constexpr bool is_control(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

} // namespace

std::size_t characters(std::string_view text) noexcept
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool has_control_character(std::string_view text) noexcept
{
    return std::ranges::any_of(text, is_control);
}

std::optional<json_object> parse_json(std::string_view text, std::vector<violation>& violations,
                                      unknown_members unknown)
{
    const auto root = parse_document(text, violations);
    if (!root)
        return std::nullopt;
    simdjson::dom::object object;
    if (root->get(object) != simdjson::SUCCESS) {
        violations.push_back({"", "", "the body must be a JSON object"});
        return std::nullopt;
    }
    return json_object{object, "", violations, unknown};
}

std::optional<std::vector<json_object>> parse_json_array(std::string_view text, std::size_t count_max,
                                                         std::vector<violation>& violations, unknown_members unknown)
{
    const auto root = parse_document(text, violations);
    if (!root)
        return std::nullopt;
    simdjson::dom::array array;
    if (root->get(array) != simdjson::SUCCESS || array.size() == 0 || array.size() > count_max) {
        violations.push_back(
            {"", "", "the body must be a JSON array of 1 to " + std::to_string(count_max) + " objects"});
        return std::nullopt;
    }
    std::vector<json_object> out;
    for (const auto entry : array) {
        const std::string place = '[' + std::to_string(out.size()) + ']';
        simdjson::dom::object object;
        if (entry.get(object) != simdjson::SUCCESS) {
            violations.push_back({place, echo(entry), "must be an object"});
            return std::nullopt;
        }
        out.emplace_back(object, place + '.', violations, unknown);
    }
    return out;
}

// It keeps the names itself: by the time it goes the parser may be at another document.
class json_object::watch {
public:
    watch(simdjson::dom::object object, std::string prefix, std::vector<violation>& violations)
        : prefix_{std::move(prefix)}, violations_{violations}
    {
        for (const auto member : object)
            unasked_.emplace_back(member.key);
    }
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch()
    {
        if (!violations_.empty()) // perhaps it was not asked for because of that
            return;
        for (const std::string& name : unasked_)
            violations_.push_back({prefix_ + name, "", "is not known"});
    }

    void note(std::string_view name) { std::erase(unasked_, name); }
    void note_all() { unasked_.clear(); }

private:
    std::string prefix_;
    std::vector<violation>& violations_;
    std::vector<std::string> unasked_;
};

json_object::json_object(simdjson::dom::object object, std::string prefix, std::vector<violation>& violations,
                         unknown_members unknown)
    : object_{object}, prefix_{std::move(prefix)}, violations_{violations}
{
    if (unknown == unknown_members::refused)
        watch_ = std::make_shared<watch>(object_, prefix_, violations_);
}

void json_object::note(std::string_view name) const
{
    if (watch_)
        watch_->note(name);
}

void json_object::note_all() const
{
    if (watch_)
        watch_->note_all();
}

std::optional<simdjson::dom::element> json_object::find(std::string_view name) const
{
    note(name);
    simdjson::dom::element found;
    if (object_.at_key(name).get(found) != simdjson::SUCCESS || found.is_null())
        return std::nullopt;
    return found;
}

bool json_object::is_null(std::string_view name) const
{
    note(name);
    simdjson::dom::element found;
    return object_.at_key(name).get(found) == simdjson::SUCCESS && found.is_null();
}

void json_object::complain(std::string_view name, std::string hint, std::string invalid_value) const
{
    violations_.push_back({prefix_ + std::string{name}, std::move(invalid_value), std::move(hint)});
}

std::optional<std::string> json_object::text(std::string_view name, const text_rule& rule) const
{
    const auto found = find(name);
    if (!found) {
        if (rule.required)
            complain(name, "is required");
        return std::nullopt;
    }
    const auto refuse = [&](std::string hint) {
        complain(name, std::move(hint), rule.secret ? std::string{} : echo(*found));
        return std::nullopt;
    };
    std::string_view value;
    if (found->get(value) != simdjson::SUCCESS)
        return refuse("must be a text");
    const bool by_bytes = rule.bytes_max > 0;
    const std::size_t length = by_bytes ? value.size() : characters(value);
    const std::size_t length_max = by_bytes ? rule.bytes_max : rule.characters_max;
    if (length > length_max || (rule.required && value.empty()))
        return refuse("must have 1 to " + std::to_string(length_max) + (by_bytes ? " bytes" : " characters"));
    if (!rule.free_form && has_control_character(value))
        return refuse("must not contain control characters");
    return std::string{value};
}

std::string json_object::lenient_text(std::string_view name, std::size_t characters_max) const
{
    const auto found = find(name);
    std::string_view value;
    if (!found)
        return {};
    if (found->get(value) != simdjson::SUCCESS) {
        complain(name, "must be a text");
        return {};
    }
    std::string out;
    std::size_t count = 0;
    for (const char c : value) {
        count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1U : 0U;
        if (count > characters_max)
            break;
        out += is_control(c) ? ' ' : c;
    }
    return out;
}

std::optional<std::int64_t> json_object::integer(std::string_view name, std::int64_t least, std::int64_t greatest) const
{
    const auto found = find(name);
    if (!found)
        return std::nullopt;
    std::int64_t value = 0;
    if (found->get(value) != simdjson::SUCCESS || value < least || value > greatest) {
        complain(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(greatest),
                 echo(*found));
        return std::nullopt;
    }
    return value;
}

std::optional<bool> json_object::boolean(std::string_view name) const
{
    const auto found = find(name);
    if (!found)
        return std::nullopt;
    bool value = false;
    if (found->get(value) != simdjson::SUCCESS) {
        complain(name, "must be true or false", echo(*found));
        return std::nullopt;
    }
    return value;
}

std::optional<json_object> json_object::object(std::string_view name, bool required) const
{
    const auto found = find(name);
    if (!found) {
        if (required)
            complain(name, "is required");
        return std::nullopt;
    }
    simdjson::dom::object value;
    if (found->get(value) != simdjson::SUCCESS) {
        complain(name, "must be an object", echo(*found));
        return std::nullopt;
    }
    return json_object{value, prefix_ + std::string{name} + ".", violations_,
                       watch_ ? unknown_members::refused : unknown_members::ignored};
}

std::optional<std::vector<std::string>> json_object::texts(std::string_view name, std::size_t count_max,
                                                           std::size_t characters_max) const
{
    const auto found = find(name);
    if (!found)
        return std::nullopt;
    simdjson::dom::array array;
    if (found->get(array) != simdjson::SUCCESS || array.size() > count_max) {
        complain(name, "must be an array of at most " + std::to_string(count_max) + " texts", echo(*found));
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (const auto entry : array) {
        std::string_view value;
        if (entry.get(value) != simdjson::SUCCESS || value.empty() || characters(value) > characters_max ||
            has_control_character(value)) {
            complain(name, "each entry must be a text of 1 to " + std::to_string(characters_max) + " characters",
                     echo(entry));
            return std::nullopt;
        }
        out.emplace_back(value);
    }
    return out;
}

std::vector<std::string> json_object::names() const
{
    note_all();
    std::vector<std::string> out;
    for (const auto member : object_) {
        if (!member.value.is_null())
            out.emplace_back(member.key);
    }
    return out;
}

std::vector<std::string> json_object::names_of_nulls() const
{
    std::vector<std::string> out;
    for (const auto member : object_) {
        if (member.value.is_null())
            out.emplace_back(member.key);
    }
    return out;
}

bool json_object::is_scalar(std::string_view name) const
{
    const auto found = find(name);
    return found && !found->is_object() && !found->is_array();
}

std::optional<std::string> json_object::json(std::string_view name) const
{
    const auto found = find(name);
    if (!found)
        return std::nullopt;
    return simdjson::minify(*found);
}

std::vector<std::pair<std::string, std::string>> json_object::all_texts(std::size_t count_max,
                                                                        std::size_t bytes_max) const
{
    note_all();
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto member : object_) {
        std::string_view value;
        if (member.value.is_null())
            continue;
        if (member.value.get(value) != simdjson::SUCCESS || value.size() > bytes_max || out.size() >= count_max) {
            complain(member.key, "must be a text of at most " + std::to_string(bytes_max) + " bytes");
            continue;
        }
        out.emplace_back(member.key, value);
    }
    return out;
}

} // namespace doorward::handlers
