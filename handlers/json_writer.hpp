#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::handlers {

/// Writes one JSON document from left to right. The caller keeps the nesting right; commas and escapes are done here.
///
///     json_writer{}.object().member("status", "OK").end().text()
class json_writer {
public:
    json_writer& object() { return open('{'); }
    json_writer& array() { return open('['); }
    json_writer& end()
    {
        out_ += closers_.back();
        closers_.pop_back();
        comma_ = true;
        return *this;
    }

    /// The name of the member whose value comes next.
    json_writer& key(std::string_view name)
    {
        separate();
        quote(name);
        out_ += ':';
        comma_ = false;
        return *this;
    }

    json_writer& value(std::string_view text)
    {
        separate();
        quote(text);
        comma_ = true;
        return *this;
    }
    json_writer& value(const char* text) { return value(std::string_view{text}); }
    json_writer& value(std::integral auto number)
    {
        separate();
        if constexpr (std::is_same_v<decltype(number), bool>) {
            out_ += number ? "true" : "false";
        } else {
            char digits[24];
            out_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
        }
        comma_ = true;
        return *this;
    }
    json_writer& value(const std::vector<std::string>& texts)
    {
        array();
        for (const std::string& text : texts)
            value(std::string_view{text});
        return end();
    }

    /// A value that is JSON already.
    json_writer& raw(std::string_view json)
    {
        separate();
        out_ += json;
        comma_ = true;
        return *this;
    }

    template <class T>
    json_writer& member(std::string_view name, const T& content)
    {
        return key(name).value(content);
    }
    /// Members that are absent when there is nothing to tell.
    template <class T>
    json_writer& member(std::string_view name, const std::optional<T>& content)
    {
        return content ? member(name, *content) : *this;
    }
    json_writer& member_unless_empty(std::string_view name, std::string_view content)
    {
        return content.empty() ? *this : member(name, content);
    }

    [[nodiscard]] std::string text() { return std::move(out_); }

private:
    json_writer& open(char bracket)
    {
        separate();
        out_ += bracket;
        closers_ += bracket == '{' ? '}' : ']';
        comma_ = false;
        return *this;
    }
    void separate()
    {
        if (comma_)
            out_ += ',';
        comma_ = false;
    }
    void quote(std::string_view text);

    std::string out_;
    std::string closers_;
    bool comma_ = false;
};

} // namespace doorward::handlers
