#include "handlers/envelope_json.hpp"
#include "crypto/encoding.hpp"

#include <limits>

namespace doorward::handlers {
namespace {

constexpr std::size_t member_bytes_max = 128 * 1024; // the body is bounded anyway

std::optional<crypto::bytes> read_base64(const json_object& from, std::string_view name)
{
    const auto text = from.text(name, {.bytes_max = member_bytes_max, .required = true, .secret = true});
    return text ? crypto::from_base64(*text) : std::nullopt;
}

} // namespace

std::optional<registry::envelope_request> read_envelope(const json_object& from)
{
    registry::envelope_request out;
    auto ephemeral = read_base64(from, "ephemeralPublicKey");
    auto data = read_base64(from, "encryptedData");
    const auto mac = read_base64(from, "mac");
    if (!ephemeral || !data || !mac || mac->size() != out.mac.size())
        return std::nullopt;
    out.ephemeral_key = *std::move(ephemeral);
    out.data = *std::move(data);
    out.mac = crypto::take<32>(*mac);

    if (from.has("nonce")) {
        const auto text = from.text("nonce", {.bytes_max = 24});
        out.nonce = text ? crypto::from_base64_sized<16>(*text) : std::nullopt;
        if (!out.nonce)
            return std::nullopt;
    }
    if (from.has("timestamp")) {
        out.timestamp = from.integer("timestamp", 0, std::numeric_limits<std::int64_t>::max());
        if (!out.timestamp)
            return std::nullopt;
    }
    if (from.has("temporaryKeyId")) {
        out.temporary_key_id = from.text("temporaryKeyId", {.bytes_max = 36});
        if (!out.temporary_key_id || !registry::uuid::parse(*out.temporary_key_id))
            return std::nullopt;
    }
    return out;
}

void write_envelope(json_writer& to, const registry::envelope_response& envelope)
{
    to.object();
    to.member("encryptedData", crypto::to_base64(envelope.data)).member("mac", crypto::to_base64(envelope.mac));
    if (envelope.nonce)
        to.member("nonce", crypto::to_base64(*envelope.nonce));
    to.member("timestamp", envelope.timestamp);
    to.end();
}

} // namespace doorward::handlers
