#include "handlers/json_writer.hpp"

#include <algorithm>

namespace doorward::handlers {

void json_writer::quote(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    const auto is_plain = [](char letter) {
        return letter != '"' && letter != '\\' && static_cast<unsigned char>(letter) >= 0x20;
    };
    out_ += '"';
    for (;;) {
        const auto plain = std::ranges::find_if_not(text, is_plain) - text.begin();
        out_.append(text.substr(0, static_cast<std::size_t>(plain)));
        text.remove_prefix(static_cast<std::size_t>(plain));
        if (text.empty())
            break;
        const auto code = static_cast<unsigned char>(text.front());
        if (code < 0x20) {
            out_ += "\\u00";
            out_ += digits[code >> 4];
            out_ += digits[code & 0x0F];
        } else {
            out_ += '\\';
            out_ += text.front();
        }
        text.remove_prefix(1);
    }
    out_ += '"';
}

} // namespace doorward::handlers
