#include "handlers/json_writer.hpp"

namespace doorward::handlers {

void json_writer::quote(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    out_ += '"';
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            out_ += '\\';
            out_ += letter;
        } else if (code < 0x20) {
            out_ += "\\u00";
            out_ += digits[code >> 4];
            out_ += digits[code & 0x0F];
        } else {
            out_ += letter;
        }
    }
    out_ += '"';
}

} // namespace doorward::handlers
