#include "bench/device_messages.hpp"
#include "bench/device_json.hpp"
#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"

namespace doorward::bench {
namespace {

using namespace detail;
using crypto::as_bytes;
using crypto::as_text;
using crypto::to_base64;

class config_reader {
public:
    explicit config_reader(bytes data) : data_{std::move(data)} {}

    bytes_view take(std::size_t size)
    {
        if (data_.size() - position_ < size)
            throw std::invalid_argument{"the SDK configuration is cut short"};
        const auto piece = bytes_view{data_}.subspan(position_, size);
        position_ += size;
        return piece;
    }

    // One, two or four bytes; the top bits of the first one tell.
    std::size_t count()
    {
        const byte first = take(1)[0];
        if (first < 0x80)
            return first;
        std::size_t value = first & 0x3fU;
        for (const byte octet : take(first < 0xc0 ? 1 : 3))
            value = value << 8 | octet;
        return value;
    }

    bytes_view sized() { return take(count()); }

private:
    bytes data_;
    std::size_t position_ = 0;
};

json envelope_document(const envelope& content)
{
    json out = json::object();
    if (content.temporary_key_id)
        out["temporaryKeyId"] = *content.temporary_key_id;
    if (content.ephemeral_point)
        out["ephemeralPublicKey"] = to_base64(*content.ephemeral_point);
    out["encryptedData"] = to_base64(content.encrypted_data);
    out["mac"] = to_base64(content.mac);
    if (content.nonce)
        out["nonce"] = to_base64(*content.nonce);
    if (content.timestamp_ms)
        out["timestamp"] = *content.timestamp_ms;
    return out;
}

envelope envelope_from(const json& document)
{
    envelope out;
    out.temporary_key_id = optional_text(document, "temporaryKeyId");
    if (has_member(document, "ephemeralPublicKey"))
        out.ephemeral_point = binary(document, "ephemeralPublicKey");
    out.encrypted_data = binary(document, "encryptedData");
    out.mac = binary_of<32>(document, "mac");
    if (has_member(document, "nonce"))
        out.nonce = binary_of<16>(document, "nonce");
    if (has_member(document, "timestamp"))
        out.timestamp_ms = number(document, "timestamp");
    return out;
}

void replace_all(std::string& text, char what, std::string_view by)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, 1, by);
}

struct field {
    std::string_view name;
    std::string_view value;
};

std::string header_value(std::initializer_list<field> fields, std::string_view separator = ", ")
{
    std::string out = "PowerAuth ";
    bool first = true;
    for (const auto& [name, value] : fields) {
        if (!first)
            out += separator;
        first = false;
        out.append(name).append("=\"").append(value).append("\"");
    }
    return out;
}

json optional_binary(const std::optional<key16>& value)
{
    return value ? json(to_base64(*value)) : json(nullptr);
}

json optional_binary(const std::optional<block16>& value)
{
    return value ? json(to_base64(*value)) : json(nullptr);
}

key16 key_member(const json& object, const char* name)
{
    return key16{binary_of<16>(object, name)};
}

} // namespace

application::application(std::string app_key, std::string app_secret, std::string_view master_public_key)
    : key_{std::move(app_key)}, secret_{std::move(app_secret)}
{
    if (!crypto::from_base64_sized<16>(key_))
        throw std::invalid_argument{"the application key must be Base64 of 16 bytes"};
    if (!crypto::from_base64_sized<16>(secret_))
        throw std::invalid_argument{"the application secret must be Base64 of 16 bytes"};
    const auto point = crypto::from_base64(master_public_key);
    auto imported = point ? crypto::p256_public_key::import(*point) : std::nullopt;
    if (!imported)
        throw std::invalid_argument{"the master public key must be Base64 of a point on P-256"};
    master_ = std::make_shared<const crypto::p256_public_key>(std::move(*imported));
}

application application::from_sdk_config(std::string_view text)
{
    auto decoded = crypto::from_base64(text);
    if (!decoded)
        throw std::invalid_argument{"the SDK configuration is not Base64"};
    config_reader reader{std::move(*decoded)};
    if (reader.take(1)[0] != 1)
        throw std::invalid_argument{"the SDK configuration has an unknown version"};
    const std::string app_key = to_base64(reader.sized());
    const std::string app_secret = to_base64(reader.sized());
    std::string master;
    for (std::size_t left = reader.count(); left != 0; --left) {
        const byte kind = reader.take(1)[0];
        const auto content = reader.sized();
        if (kind == 1)
            master = to_base64(content);
    }
    return {app_key, app_secret, master};
}

bytes application::secret_bytes() const
{
    return crypto::from_base64(secret_).value();
}

std::string in_dialect(std::string_view json_text, wire_style style)
{
    std::string out{json_text};
    if (style == wire_style::ios) {
        replace_all(out, '/', "\\/");
        return out;
    }
    replace_all(out, '<', "\\u003c");
    replace_all(out, '>', "\\u003e");
    replace_all(out, '&', "\\u0026");
    replace_all(out, '=', "\\u003d");
    replace_all(out, '\'', "\\u0027");
    return out;
}

std::string authorization_header(const protocol_rules& rules, std::string_view activation_id, std::string_view app_key,
                                 std::string_view nonce_base64, signature_type type, std::string_view signature)
{
    return header_value({{"pa_version", rules.name},
                         {"pa_activation_id", activation_id},
                         {"pa_application_key", app_key},
                         {"pa_nonce", nonce_base64},
                         {"pa_signature_type", name_of(type)},
                         {"pa_signature", signature}});
}

std::string encryption_header(const protocol_rules& rules, std::string_view app_key,
                              const std::optional<std::string>& activation_id, wire_style style)
{
    const std::string_view separator = style == wire_style::android ? " " : ", ";
    if (!activation_id)
        return header_value({{"version", rules.name}, {"application_key", app_key}}, separator);
    return header_value({{"version", rules.name}, {"application_key", app_key}, {"activation_id", *activation_id}},
                        separator);
}

std::string token_header(const protocol_rules& rules, std::string_view token_id, const key16& token_secret,
                         const block16& nonce, std::int64_t timestamp_ms)
{
    return header_value({{"version", rules.name},
                         {"token_id", token_id},
                         {"token_digest", to_base64(token_digest(rules, token_secret, nonce, timestamp_ms))},
                         {"nonce", to_base64(nonce)},
                         {"timestamp", std::to_string(timestamp_ms)}});
}

std::string write_envelope(const envelope& content, wire_style style)
{
    return in_dialect(dump(envelope_document(content)), style);
}

envelope read_envelope(std::string_view json_text)
{
    return envelope_from(parse(json_text));
}

std::string write_inner_activation(bytes_view device_point, const activation_details& details, wire_style style)
{
    json out = {{"devicePublicKey", to_base64(device_point)}};
    if (details.name)
        out["activationName"] = *details.name;
    if (details.extras)
        out["extras"] = *details.extras;
    if (details.otp)
        out["activationOtp"] = *details.otp;
    out["platform"] = style == wire_style::android ? "Android" : "iOS";
    out["deviceInfo"] = details.device_info;
    return in_dialect(dump(out), style);
}

std::string write_outer_activation(std::string_view type, const name_value_list& identity,
                                   const activation_details& details, const envelope& inner, wire_style style)
{
    json out = {{"type", type}, {"identityAttributes", json::object()}};
    for (const auto& [name, value] : identity)
        out["identityAttributes"][name] = value;
    if (details.custom_attributes) {
        auto custom = json::parse(*details.custom_attributes, nullptr, false);
        if (!custom.is_object())
            throw std::invalid_argument{"custom attributes must be a JSON object"};
        out["customAttributes"] = std::move(custom);
    }
    out["activationData"] = envelope_document(inner);
    return in_dialect(dump(out), style);
}

outer_activation_answer read_outer_answer(std::string_view json_text)
{
    const json answer = parse(json_text);
    outer_activation_answer out{envelope_from(member(answer, "activationData")), {}};
    const auto object = [&answer](const char* name) -> std::string {
        if (!has_member(answer, name))
            return "null";
        if (!answer.at(name).is_object())
            throw protocol_error{std::string{"member \""} + name + "\" must be an object"};
        return dump(answer.at(name));
    };
    out.extras.custom_attributes = object("customAttributes");
    out.extras.user_info = object("userInfo");
    return out;
}

activation_answer read_inner_answer(std::string_view json_text)
{
    const json answer = parse(json_text);
    return {text(answer, "activationId"), binary(answer, "serverPublicKey"), binary_of<16>(answer, "ctrData")};
}

std::string write_key_claims(const key_claims& claims, wire_style style)
{
    json out = {{"applicationKey", claims.app_key}};
    if (claims.activation_id)
        out["activationId"] = *claims.activation_id;
    out["challenge"] = claims.challenge;
    return in_dialect(dump(out), style);
}

bytes key_request_secret(const application& app, const std::optional<key16>& transport_key)
{
    bytes secret = app.secret_bytes();
    if (!transport_key)
        return secret;
    const key16 derived = crypto::kdf_internal(*transport_key, secret);
    return {derived.view().begin(), derived.view().end()};
}

std::string sign_jwt_hs256(std::string_view claims_json, bytes_view key)
{
    std::string jwt = crypto::to_base64url(as_bytes(R"({"alg":"HS256","typ":"JWT"})"));
    jwt += '.';
    jwt += crypto::to_base64url(as_bytes(claims_json));
    const std::string signature = crypto::to_base64url(crypto::hmac_sha256(key, as_bytes(jwt)));
    return jwt + '.' + signature;
}

std::string open_jwt_es256(std::string_view jwt, const crypto::p256_public_key& signer)
{
    const auto head_end = jwt.find('.');
    const auto claims_end = head_end == std::string_view::npos ? head_end : jwt.find('.', head_end + 1);
    if (claims_end == std::string_view::npos)
        throw protocol_error{"a JWT has three parts"};
    const auto head = crypto::from_base64url(jwt.substr(0, head_end));
    const auto claims = crypto::from_base64url(jwt.substr(head_end + 1, claims_end - head_end - 1));
    const auto signature = crypto::from_base64url(jwt.substr(claims_end + 1));
    if (!head || !claims || !signature)
        throw protocol_error{"a part of the JWT is not Base64"};
    const json header = parse(as_text(*head));
    if (text(header, "typ") != "JWT" || text(header, "alg") != "ES256")
        throw protocol_error{"the JWT must be of type JWT and signed with ES256"};
    if (signature->size() != 64)
        throw protocol_error{"the signature of the JWT must have 64 bytes"};
    if (!signer.verify_raw(as_bytes(jwt.substr(0, claims_end)), crypto::take<64>(*signature)))
        throw protocol_error{"the signature of the JWT is wrong"};
    return std::string{as_text(*claims)};
}

key_answer read_key_claims(std::string_view claims_json, const key_claims& asked)
{
    const json claims = parse(claims_json);
    if (text(claims, "applicationKey") != asked.app_key || text(claims, "challenge") != asked.challenge ||
        optional_text(claims, "activationId") != asked.activation_id)
        throw protocol_error{"the key store answered another request than ours"};
    auto point = crypto::p256_public_key::import(binary(claims, "publicKey"));
    if (!point)
        throw protocol_error{"the temporary key is not a point on P-256"};
    return {{text(claims, "sub"), std::make_shared<const crypto::p256_public_key>(std::move(*point)),
             number(claims, "exp_ms")},
            number(claims, "iat_ms")};
}

std::string write_state(const device_state& state)
{
    json out = {{"version", rules_of(state.version).name},
                {"pin_iterations", state.pin_iterations},
                {"clock_shift_ms", state.clock_shift_ms}};
    if (state.activation) {
        const activation_state& kept = *state.activation;
        out["activation_id"] = kept.id;
        out["device_public_key"] = to_base64(kept.device_point);
        out["server_public_key"] = to_base64(kept.server_point);
        out["ctr_data"] = to_base64(kept.ctr_data);
        out["ctr_byte"] = kept.ctr_byte ? json(*kept.ctr_byte) : json(nullptr);
        out["device_unlock"] = to_base64(kept.device_unlock);
        out["biometry_unlock"] = optional_binary(kept.biometry_unlock);
        out["pin_salt"] = to_base64(kept.pin_salt);
        out["locked_possession"] = to_base64(kept.locked_possession);
        out["locked_transport"] = to_base64(kept.locked_transport);
        out["locked_knowledge"] = to_base64(kept.locked_knowledge);
        out["locked_biometry"] = optional_binary(kept.locked_biometry);
        out["locked_device_private_key"] = to_base64(kept.locked_device_private_key);
        out["tokens"] = json::object();
        for (const auto& [id, secret] : kept.tokens)
            out["tokens"][id] = to_base64(secret);
    }
    return out.dump(2) + '\n';
}

device_state read_state(std::string_view json_text)
{
    const json kept = parse(json_text);
    device_state out;
    const auto version = protocol_version_from(text(kept, "version"));
    if (!version)
        throw protocol_error{"the device state has an unknown protocol version"};
    out.version = *version;
    const auto iterations = number(kept, "pin_iterations");
    if (iterations < 1 || iterations > 100'000'000)
        throw protocol_error{"the device state has an impossible number of PIN iterations"};
    out.pin_iterations = static_cast<unsigned>(iterations);
    out.clock_shift_ms = number(kept, "clock_shift_ms");
    if (!has_member(kept, "activation_id"))
        return out;

    auto& activation = out.activation.emplace();
    activation.id = text(kept, "activation_id");
    activation.device_point = binary_of<33>(kept, "device_public_key");
    activation.server_point = binary(kept, "server_public_key");
    activation.ctr_data = binary_of<16>(kept, "ctr_data");
    if (has_member(kept, "ctr_byte"))
        activation.ctr_byte = static_cast<std::uint8_t>(number(kept, "ctr_byte") & 0xff);
    activation.device_unlock = key_member(kept, "device_unlock");
    if (has_member(kept, "biometry_unlock"))
        activation.biometry_unlock = key_member(kept, "biometry_unlock");
    activation.pin_salt = binary_of<16>(kept, "pin_salt");
    activation.locked_possession = binary_of<16>(kept, "locked_possession");
    activation.locked_transport = binary_of<16>(kept, "locked_transport");
    activation.locked_knowledge = binary_of<16>(kept, "locked_knowledge");
    if (has_member(kept, "locked_biometry"))
        activation.locked_biometry = binary_of<16>(kept, "locked_biometry");
    activation.locked_device_private_key = binary(kept, "locked_device_private_key");
    if (has_member(kept, "tokens"))
        for (const auto& [id, secret] : kept["tokens"].items())
            activation.tokens.emplace(id, key_member(kept["tokens"], id.c_str()));
    return out;
}

} // namespace doorward::bench
