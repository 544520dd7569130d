#include "registry/envelope.hpp"
#include "crypto/aes.hpp"
#include "crypto/digest.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"
#include "registry/limits.hpp"

#include <cassert>

namespace doorward::registry {
namespace {

using crypto::as_bytes;
using crypto::bytes;
using crypto::bytes_view;

bytes_view encryption_key(const crypto::secret<48>& keys) noexcept
{
    return keys.view().first(16);
}
bytes_view mac_key(const crypto::secret<48>& keys) noexcept
{
    return keys.view().subspan(16, 16);
}
bytes_view iv_key(const crypto::secret<48>& keys) noexcept
{
    return keys.view().last(16);
}

crypto::byte_array<16> iv_of(const crypto::secret<48>& keys, const std::optional<crypto::byte_array<16>>& nonce)
{
    if (!nonce)
        return {};
    return crypto::take<16>(crypto::kdf_internal(iv_key(keys), *nonce));
}

// SH2: until 3.1 just the base; later it binds everything that travels in the clear. An absent ephemeral key (in
// responses) counts as an empty one.
bytes shared_info(protocol_version version, const crypto::digest32& base, bytes_view nonce, time_ms timestamp,
                  bytes_view ephemeral_key, bytes_view associated)
{
    if (!rules(version).envelope_time)
        return {base.begin(), base.end()};
    return sized({base, nonce, crypto::big_endian(static_cast<std::uint64_t>(timestamp)), ephemeral_key, associated});
}

bytes associated_data(const envelope_context& context, const std::optional<std::string>& temporary_key_id)
{
    if (!rules(context.version).envelope_time)
        return {};
    const bytes_view version = as_bytes(rules(context.version).text);
    const bytes_view application = as_bytes(context.application_key);
    bytes out = sized({version, application});
    if (context.activation_id)
        crypto::append(out, sized({as_bytes(*context.activation_id)}));
    if (temporary_key_id)
        crypto::append(out, sized({as_bytes(*temporary_key_id)}));
    return out;
}

} // namespace

bytes sized(std::initializer_list<bytes_view> pieces)
{
    bytes out;
    for (const bytes_view piece : pieces) {
        crypto::append(out, crypto::big_endian(static_cast<std::uint32_t>(piece.size())));
        crypto::append(out, piece);
    }
    return out;
}

error_code check_form(const envelope_request& request, protocol_version version) noexcept
{
    const version_rules& wanted = rules(version);
    const bool fields = request.nonce.has_value() == wanted.envelope_nonce &&
                        request.timestamp.has_value() == wanted.envelope_time &&
                        request.temporary_key_id.has_value() == wanted.temporary_keys;
    const bool sizes = (request.ephemeral_key.size() == 33 || request.ephemeral_key.size() == 65) &&
                       !request.data.empty() && request.data.size() % 16 == 0;
    if (!fields || !sizes || request.timestamp.value_or(0) < 0)
        return errc::envelope_malformed;
    return {};
}

error_code check_time(const envelope_request& request, protocol_version version, time_ms now) noexcept
{
    if (!rules(version).envelope_time)
        return {};
    const time_ms sent = request.timestamp.value_or(0);
    if (sent < now - envelope_window_ms || sent > now + envelope_window_ms)
        return errc::envelope_out_of_time;
    return {};
}

crypto::byte_array<16> replay_mark(const envelope_request& request, protocol_version version,
                                   std::optional<std::string_view> activation_id) noexcept
{
    const bool covered = rules(version).envelope_time && request.nonce;
    const bytes_view nonce = covered ? bytes_view{*request.nonce} : bytes_view{};
    return crypto::blake2b<16>(sized({request.ephemeral_key, nonce, as_bytes(activation_id.value_or(""))}));
}

time_ms remember_until(const envelope_request& request, time_ms now) noexcept
{
    return request.timestamp ? *request.timestamp + seen_memory_ms : now + envelope_memory_ms;
}

result<opened_envelope> open_envelope(const envelope_request& request, const crypto::p256_private_key& recipient,
                                      const envelope_context& context)
{
    assert(!check_form(request, context.version));
    assert(context.activation_id.has_value() == (context.transport_key != nullptr));
    const version_rules& version = rules(context.version);

    const auto ephemeral = crypto::p256_public_key::import(request.ephemeral_key);
    if (!ephemeral)
        return errc::envelope_malformed;
    const crypto::agreed_secret agreed = recipient.agree(*ephemeral);

    bytes info;
    if (version.envelope_time)
        crypto::append(info, as_bytes(version.text));
    crypto::append(info, as_bytes(context.use));
    crypto::append(info, request.ephemeral_key);

    opened_envelope opened;
    opened.version_ = context.version;
    opened.keys_ = crypto::kdf_x963<48>(agreed, info);
    opened.shared_info_base_ = context.transport_key == nullptr
                                   ? crypto::sha256(as_bytes(context.application_secret))
                                   : crypto::hmac_sha256(*context.transport_key, as_bytes(context.application_secret));
    opened.associated_ = associated_data(context, request.temporary_key_id);
    opened.request_nonce_ = request.nonce;

    const bytes_view nonce = request.nonce ? bytes_view{*request.nonce} : bytes_view{};
    const bytes suffix = shared_info(context.version, opened.shared_info_base_, nonce, request.timestamp.value_or(0),
                                     request.ephemeral_key, opened.associated_);
    const crypto::digest32 expected = crypto::hmac_sha256(mac_key(opened.keys_), {request.data, suffix});
    if (!crypto::equal_constant_time(expected, request.mac))
        return errc::envelope_not_genuine;

    auto plaintext =
        crypto::aes_cbc_open(encryption_key(opened.keys_), iv_of(opened.keys_, request.nonce), request.data);
    if (!plaintext)
        return errc::envelope_not_genuine;
    opened.plaintext_ = *std::move(plaintext);
    return opened;
}

envelope_response opened_envelope::seal(bytes_view answer, time_ms now) const
{
    const bool fresh = rules(version_).envelope_time;
    // 3.1 uses the request's nonce once more and does not send it; 3.0 has none.
    const auto nonce = fresh ? std::optional{crypto::random_array<16>()} : request_nonce_;

    envelope_response response;
    response.data = crypto::aes_cbc_seal(encryption_key(keys_), iv_of(keys_, nonce), answer);
    const bytes suffix =
        shared_info(version_, shared_info_base_, nonce ? bytes_view{*nonce} : bytes_view{}, now, {}, associated_);
    response.mac = crypto::hmac_sha256(mac_key(keys_), {response.data, suffix});
    if (fresh) {
        response.nonce = nonce;
        response.timestamp = now;
    }
    return response;
}

} // namespace doorward::registry
