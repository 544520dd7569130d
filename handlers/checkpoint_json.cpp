#include "handlers/checkpoint_json.hpp"
#include "crypto/encoding.hpp"
#include "handlers/json_reader.hpp"
#include "handlers/json_writer.hpp"

#include <limits>

namespace doorward::handlers {

std::string write_checkpoint(const registry::checkpoint& what)
{
    return json_writer{}
        .object()
        .member("sequence", what.upto.sequence)
        .member("digest", crypto::to_hex(what.upto.digest))
        .member("time", what.at)
        .member("publicKey", crypto::to_base64(what.key))
        .member("signature", crypto::to_base64(what.signature))
        .end()
        .text();
}

std::optional<registry::checkpoint> read_checkpoint(std::string_view text)
{
    constexpr auto number_max = std::numeric_limits<std::int64_t>::max();
    constexpr text_rule rule{.bytes_max = 128, .required = true};
    std::vector<violation> violations;
    const auto top = parse_json(text, violations);
    if (!top)
        return std::nullopt;
    const auto sequence = top->integer("sequence", 0, number_max);
    const auto at = top->integer("time", 0, number_max);
    const auto digest = crypto::from_hex(top->text("digest", rule).value_or(""));
    const auto key = crypto::from_base64_sized<32>(top->text("publicKey", rule).value_or(""));
    const auto signature = crypto::from_base64_sized<64>(top->text("signature", rule).value_or(""));
    if (!violations.empty() || !sequence || !at || !digest || digest->size() != sizeof(crypto::digest32) || !key ||
        !signature)
        return std::nullopt;
    registry::checkpoint out;
    out.upto = {static_cast<registry::event_sequence>(*sequence), crypto::take<sizeof(crypto::digest32)>(*digest)};
    out.at = *at;
    out.key = *key;
    out.signature = *signature;
    return out;
}

} // namespace doorward::handlers
