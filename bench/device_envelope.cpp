#include "bench/device_envelope.hpp"
#include "crypto/aes.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"

namespace doorward::bench {

using crypto::append;
using crypto::as_bytes;

bytes sized(std::initializer_list<bytes_view> parts)
{
    bytes out;
    for (const bytes_view part : parts) {
        append(out, crypto::big_endian(static_cast<std::uint32_t>(part.size())));
        append(out, part);
    }
    return out;
}

bytes envelope_info(const protocol_rules& rules, std::string_view purpose, bytes_view ephemeral_point)
{
    bytes info;
    if (rules.envelope_timestamp)
        append(info, as_bytes(rules.name));
    append(info, as_bytes(purpose));
    append(info, ephemeral_point);
    return info;
}

envelope_keys derive_envelope_keys(const protocol_rules& rules, bytes_view shared_secret, std::string_view purpose,
                                   bytes_view ephemeral_point)
{
    const auto material = crypto::kdf_x963<48>(shared_secret, envelope_info(rules, purpose, ephemeral_point));
    const bytes_view all = material.view();
    return {key16{all.first(16)}, key16{all.subspan(16, 16)}, key16{all.subspan(32, 16)}};
}

envelope_binding bind_envelope(const protocol_rules& rules, std::string_view app_key, std::string_view app_secret,
                               const std::optional<std::string>& activation_id,
                               const std::optional<key16>& transport_key,
                               const std::optional<std::string>& temporary_key_id)
{
    envelope_binding out;
    // The secret enters as text here; only the JWTs of the key store use its 16 bytes.
    out.base = transport_key ? crypto::hmac_sha256(*transport_key, as_bytes(app_secret))
                             : crypto::sha256(as_bytes(app_secret));
    if (!rules.envelope_timestamp)
        return out;
    out.associated = sized({as_bytes(rules.name), as_bytes(app_key)});
    if (activation_id)
        append(out.associated, sized({as_bytes(*activation_id)}));
    if (temporary_key_id)
        append(out.associated, sized({as_bytes(*temporary_key_id)}));
    return out;
}

block16 envelope_iv(const envelope_keys& keys, const std::optional<block16>& nonce) noexcept
{
    return nonce ? crypto::take<16>(crypto::kdf_internal(keys.iv, *nonce).view()) : block16{};
}

bytes envelope_suffix(const protocol_rules& rules, const envelope_binding& binding, const std::optional<block16>& nonce,
                      const std::optional<std::int64_t>& timestamp_ms, bytes_view ephemeral_point)
{
    if (!rules.envelope_timestamp)
        return {binding.base.begin(), binding.base.end()};
    if (!nonce || !timestamp_ms)
        throw protocol_error{"an envelope of version 3.2 or later needs nonce and timestamp"};
    const auto time = crypto::big_endian(static_cast<std::uint64_t>(*timestamp_ms));
    return sized({binding.base, *nonce, time, ephemeral_point, binding.associated});
}

envelope seal_envelope(const protocol_rules& rules, const envelope_keys& keys, const envelope_binding& binding,
                       bytes_view sent_point, const block16& nonce, bytes_view plaintext, std::int64_t now_ms)
{
    envelope out;
    out.ephemeral_point.emplace(sent_point.begin(), sent_point.end());
    if (rules.envelope_nonce)
        out.nonce = nonce;
    if (rules.envelope_timestamp)
        out.timestamp_ms = now_ms;
    out.encrypted_data = crypto::aes_cbc_seal(keys.encryption, envelope_iv(keys, out.nonce), plaintext);
    out.mac = crypto::hmac_sha256(
        keys.mac, {out.encrypted_data, envelope_suffix(rules, binding, out.nonce, out.timestamp_ms, sent_point)});
    return out;
}

bytes open_envelope(const protocol_rules& rules, const envelope_keys& keys, const envelope_binding& binding,
                    const envelope& sealed, const std::optional<block16>& nonce, bytes_view ephemeral_point)
{
    const bytes suffix = envelope_suffix(rules, binding, nonce, sealed.timestamp_ms, ephemeral_point);
    const digest32 expected = crypto::hmac_sha256(keys.mac, {sealed.encrypted_data, suffix});
    if (!crypto::equal_constant_time(expected, sealed.mac))
        throw protocol_error{"the MAC of the envelope is wrong"};
    auto plaintext = crypto::aes_cbc_open(keys.encryption, envelope_iv(keys, nonce), sealed.encrypted_data);
    if (!plaintext)
        throw protocol_error{"the envelope does not decrypt"};
    return std::move(*plaintext);
}

envelope_exchange::envelope_exchange(const protocol_rules& rules, envelope_recipient recipient,
                                     envelope_binding binding)
    : rules_{&rules}, recipient_{std::move(recipient)}, binding_{std::move(binding)}
{
    if (rules.temporary_keys != recipient_.temporary_key_id.has_value())
        throw std::invalid_argument{"temporary keys belong to version 3.3, and to no other"};
}

envelope envelope_exchange::seal(bytes_view plaintext, std::int64_t now_ms)
{
    envelope_randomness randomness;
    randomness.nonce = crypto::random_array<16>();
    return seal(plaintext, now_ms, randomness);
}

envelope envelope_exchange::seal(bytes_view plaintext, std::int64_t now_ms, const envelope_randomness& randomness)
{
    const auto& point = randomness.ephemeral.point();
    const auto short_point = compressed(point);
    const bytes_view sent_point = randomness.uncompressed ? bytes_view{point} : bytes_view{short_point};

    const auto shared = randomness.ephemeral.agree(*recipient_.key);
    keys_ = derive_envelope_keys(*rules_, shared, recipient_.purpose, sent_point);
    envelope out = seal_envelope(*rules_, *keys_, binding_, sent_point, randomness.nonce, plaintext, now_ms);
    out.temporary_key_id = recipient_.temporary_key_id;
    request_nonce_ = out.nonce;
    return out;
}

bytes envelope_exchange::open(const envelope& response)
{
    if (!keys_)
        throw protocol_error{"no request is waiting for this envelope"};
    const envelope_keys keys = *keys_;
    keys_.reset();
    if (response.nonce.has_value() != rules_->envelope_timestamp ||
        response.timestamp_ms.has_value() != rules_->envelope_timestamp)
        throw protocol_error{"responses have nonce and timestamp from version 3.2 on, and not before"};
    return open_envelope(*rules_, keys, binding_, response, response.nonce ? response.nonce : request_nonce_, {});
}

} // namespace doorward::bench
