#include "handlers/query.hpp"
#include "crypto/encoding.hpp"

namespace doorward::handlers {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const auto octet = crypto::from_hex(text.substr(i + 1, 2));
            if (!octet || octet->size() != 1)
                return std::nullopt;
            out += static_cast<char>((*octet)[0]);
            i += 2;
        } else {
            out += text[i] == '+' && plus_is_space ? ' ' : text[i];
        }
    }
    return out;
}

std::optional<query_parameters> parse_query(std::string_view raw)
{
    query_parameters out;
    while (!raw.empty()) {
        const auto end = raw.find('&');
        const std::string_view piece = raw.substr(0, end);
        raw = end == std::string_view::npos ? std::string_view{} : raw.substr(end + 1);
        const auto equals = piece.find('=');
        if (equals == std::string_view::npos)
            continue;
        auto name = percent_decode(piece.substr(0, equals), true);
        auto value = percent_decode(piece.substr(equals + 1), true);
        if (!name || !value)
            return std::nullopt;
        out.emplace_back(*std::move(name), *std::move(value));
    }
    return out;
}

} // namespace doorward::handlers
