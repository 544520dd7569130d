#include "handlers/json_writer.hpp"

#include <cstdint>
#include <cstring>

namespace doorward::handlers {
namespace {

constexpr bool is_plain(char letter) noexcept
{
    return letter != '"' && letter != '\\' && static_cast<unsigned char>(letter) >= 0x20;
}

// Eight characters at once. Each test sets the highest bit of a byte that is meant, and perhaps of one behind it, whose
// word is looked at one by one then.
constexpr bool are_all_plain(std::uint64_t letters) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t highest = 0x80 * ones;
    const auto zeros = [](std::uint64_t of) { return (of - ones) & ~of & highest; };
    const std::uint64_t controls = (letters - 0x20 * ones) & ~letters & highest;
    return (controls | zeros(letters ^ '"' * ones) | zeros(letters ^ '\\' * ones)) == 0;
}

// How many characters there are before the first that must be escaped.
std::size_t count_plain(std::string_view text) noexcept
{
    std::size_t at = 0;
    for (std::uint64_t letters = 0; at + sizeof letters <= text.size(); at += sizeof letters) {
        std::memcpy(&letters, text.data() + at, sizeof letters);
        if (!are_all_plain(letters))
            break;
    }
    while (at < text.size() && is_plain(text[at]))
        ++at;
    return at;
}

} // namespace

void json_writer::quote(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    out_ += '"';
    for (;;) {
        const std::size_t plain = count_plain(text);
        out_.append(text.substr(0, plain));
        text.remove_prefix(plain);
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
