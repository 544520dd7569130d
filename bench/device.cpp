#include "bench/device.hpp"
#include "bench/device_json.hpp"
#include "crypto/aes.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

#include <chrono>
#include <cstdlib>

namespace doorward::bench {
namespace {

using namespace detail;
using crypto::as_bytes;
using crypto::as_text;
using crypto::to_base64;

constexpr std::uint8_t state_active = 3;
constexpr std::int64_t clock_shift_ms_min = 2'000;

http_request json_request(std::string_view path, std::string body)
{
    return {"POST",
            std::string{path},
            {{"Content-Type", "application/json"}, {"Accept", "application/json"}},
            std::move(body)};
}

json object_of(const char* name, std::string_view value)
{
    json out = json::object();
    out[name] = value;
    return out;
}

std::string wrapped(json request_object, wire_style style)
{
    json out = json::object();
    out["requestObject"] = std::move(request_object);
    return in_dialect(dump(out), style);
}

// The object inside the answer of an unencrypted endpoint; null when there is none.
json unwrap(const std::string& body)
{
    json document = parse(body);
    if (text(document, "status") != "OK")
        throw protocol_error{"the status of the answer must be OK: " + body.substr(0, 200)};
    return has_member(document, "responseObject") ? std::move(document["responseObject"]) : json(nullptr);
}

void require_pin(std::string_view pin)
{
    if (pin.size() < device::pin_characters_min)
        throw std::invalid_argument{"a PIN has at least 4 characters"};
}

} // namespace

std::string_view activation_status::state_name() const noexcept
{
    constexpr std::string_view names[]{"CREATED", "PENDING_COMMIT", "ACTIVE", "BLOCKED", "REMOVED"};
    return counters == counter_state::dead ? "DEADLOCK" : names[blob.state - 1];
}

device::device(const application& app, device_state state, wire_style style, transport send)
    : app_{&app}, state_{std::move(state)}, style_{style}, send_{std::move(send)}
{}

const activation_state& device::activated() const
{
    if (!state_.activation)
        throw protocol_error{"the device has no activation"};
    return *state_.activation;
}

activation_state& device::activated()
{
    return const_cast<activation_state&>(std::as_const(*this).activated());
}

void device::keep() const
{
    if (keep_)
        keep_(state_);
}

std::int64_t device::local_now_ms() const
{
    if (clock_)
        return clock_();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t device::now_ms() const
{
    return local_now_ms() + state_.clock_shift_ms;
}

crypto::p256_public_key device::server_key() const
{
    auto key = crypto::p256_public_key::import(activated().server_point);
    if (!key)
        throw protocol_error{"the stored server key is not a point on P-256"};
    return std::move(*key);
}

std::string device::fingerprint() const
{
    const auto own = crypto::p256_public_key::import(activated().device_point);
    if (!own)
        throw protocol_error{"the stored device key is not a point on P-256"};
    return activation_fingerprint(*own, server_key(), activation_id());
}

// --- plain exchange

http_answer device::exchange(const http_request& request)
{
    if (!send_)
        throw protocol_error{"the device has no transport"};
    last_request_ = request;
    return send_(request);
}

std::string device::send(const http_request& request)
{
    http_answer answer = exchange(request);
    static_cast<void>(accepted(answer));
    return std::move(answer.body);
}

const std::string& device::accepted(const http_answer& answer)
{
    if (answer.status == 200)
        return answer.body;
    std::string code;
    std::string message;
    const auto document = json::parse(answer.body, nullptr, false);
    if (!document.is_discarded() && has_member(document, "responseObject")) {
        const json& details = document.at("responseObject");
        if (details.is_object()) {
            const auto text_or_nothing = [&](const char* name) {
                const auto found = details.find(name);
                return found != details.end() && found->is_string() ? found->get<std::string>() : std::string{};
            };
            code = text_or_nothing("code");
            message = text_or_nothing("message");
        }
    }
    throw server_refused{answer.status, std::move(code), std::move(message), answer.body};
}

// --- time

std::int64_t device::synchronize_time()
{
    const auto started = local_now_ms();
    const json answer = unwrap(send(json_request("/pa/v3/status", "{}")));
    take_server_time(number(answer, "serverTime"), started);
    return state_.clock_shift_ms;
}

void device::take_server_time(std::int64_t server_ms, std::int64_t started_ms)
{
    // The server read its clock about half way between question and answer.
    const auto finished = local_now_ms();
    const auto shift = server_ms + (finished - started_ms) / 2 - finished;
    state_.clock_shift_ms = std::abs(shift) < clock_shift_ms_min ? 0 : shift;
    keep();
}

// --- keys locked on the device

key16 device::transport_key() const
{
    const auto& kept = activated();
    return unlock_key(kept.device_unlock, kept.locked_transport);
}

key16 device::factor_key(factor which, std::string_view pin) const
{
    const auto& kept = activated();
    switch (which) {
    case factor::possession:
        return unlock_key(kept.device_unlock, kept.locked_possession);
    case factor::knowledge:
        require_pin(pin);
        return unlock_key(key_from_pin(pin, kept.pin_salt, state_.pin_iterations), kept.locked_knowledge);
    case factor::biometry:
        break;
    }
    if (!kept.biometry_unlock || !kept.locked_biometry)
        throw protocol_error{"biometry is not set up"};
    return unlock_key(*kept.biometry_unlock, *kept.locked_biometry);
}

void device::lock_knowledge(const key16& knowledge_key, std::string_view new_pin)
{
    require_pin(new_pin);
    auto& kept = activated();
    kept.pin_salt = crypto::random_array<16>();
    kept.locked_knowledge = lock_key(key_from_pin(new_pin, kept.pin_salt, state_.pin_iterations), knowledge_key);
}

void device::lock_biometry(const key16& biometry_key)
{
    auto& kept = activated();
    kept.biometry_unlock = crypto::random_secret<16>();
    kept.locked_biometry = lock_key(*kept.biometry_unlock, biometry_key);
}

crypto::p256_private_key device::own_private_key(const key16& vault_key) const
{
    const auto& kept = activated();
    auto scalar = crypto::aes_cbc_open(vault_key, block16{}, kept.locked_device_private_key);
    auto key = scalar ? crypto::p256_private_key::import(*scalar) : std::nullopt;
    if (scalar)
        crypto::wipe(scalar->data(), scalar->size());
    if (!key || compressed(key->point()) != kept.device_point)
        throw protocol_error{"the vault key does not open our private key"};
    return std::move(*key);
}

// --- temporary keys and envelopes

temporary_key device::fetch_temporary_key(encryption_scope scope)
{
    const auto pending = prepare_temporary_key(scope);
    return finish_temporary_key(pending, exchange(pending.request));
}

pending_key device::prepare_temporary_key(encryption_scope scope)
{
    const bool in_activation = scope == encryption_scope::activation;
    pending_key out;
    out.scope = scope;
    out.started_ms = local_now_ms();
    out.claims.app_key = app_->key();
    if (in_activation)
        out.claims.activation_id = activation_id();
    out.claims.challenge = to_base64(crypto::random_array<18>());
    const auto secret = key_request_secret(*app_, in_activation ? std::optional{transport_key()} : std::nullopt);
    const std::string jwt = sign_jwt_hs256(write_key_claims(out.claims, style_), secret);
    out.request = json_request("/pa/v3/keystore/create", wrapped(object_of("jwt", jwt), style_));
    return out;
}

temporary_key device::finish_temporary_key(const pending_key& pending, const http_answer& answer)
{
    const std::string jwt = text(unwrap(accepted(answer)), "jwt");
    const bool in_activation = pending.scope == encryption_scope::activation;
    const std::string claims = in_activation ? open_jwt_es256(jwt, server_key()) : open_jwt_es256(jwt, *app_->master());
    auto read = read_key_claims(claims, pending.claims);
    use_temporary_key(pending.scope, read.key);
    take_server_time(read.issued_ms, pending.started_ms);
    return std::move(read.key);
}

void device::use_temporary_key(encryption_scope scope, temporary_key key)
{
    (scope == encryption_scope::application ? application_key_ : activation_key_) = std::move(key);
}

envelope_recipient device::recipient(encryption_scope scope, std::string_view purpose)
{
    const bool in_activation = scope == encryption_scope::activation;
    if (rules().temporary_keys) {
        const auto& known = in_activation ? activation_key_ : application_key_;
        if (!known || now_ms() >= known->expires_ms - temporary_key_margin_ms)
            fetch_temporary_key(scope);
        return {purpose, known->key, known->id};
    }
    if (in_activation)
        return {purpose, std::make_shared<const crypto::p256_public_key>(server_key()), std::nullopt};
    return {purpose, app_->master(), std::nullopt};
}

envelope_exchange device::start_envelope(encryption_scope scope, std::string_view purpose)
{
    const bool in_activation = scope == encryption_scope::activation;
    auto to = recipient(scope, purpose);
    auto binding = bind_envelope(rules(), app_->key(), app_->secret(),
                                 in_activation ? std::optional{activation_id()} : std::nullopt,
                                 in_activation ? std::optional{transport_key()} : std::nullopt, to.temporary_key_id);
    return {rules(), std::move(to), std::move(binding)};
}

// --- activation

std::string device::activate(std::string_view code, std::string_view pin, const activation_details& details)
{
    auto pending = prepare_activation(code, pin, details);
    const auto answer = exchange(pending.request);
    return finish_activation(std::move(pending), answer);
}

std::string device::activate_custom(std::string_view type, const name_value_list& identity, std::string_view pin,
                                    const activation_details& details)
{
    auto pending = prepare_custom_activation(type, identity, pin, details);
    const auto answer = exchange(pending.request);
    return finish_activation(std::move(pending), answer);
}

pending_activation device::prepare_activation(std::string_view code, std::string_view pin,
                                              const activation_details& details)
{
    const auto mark = code.find('#');
    const auto bare_code = code.substr(0, mark);
    if (!is_activation_code(bare_code))
        throw std::invalid_argument{"this is not an activation code"};
    if (mark != std::string_view::npos) {
        const auto signature = crypto::from_base64(code.substr(mark + 1));
        if (!signature || !app_->master()->verify_der(as_bytes(bare_code), *signature))
            throw protocol_error{"the activation code is not signed by our server"};
    }
    return prepare_custom_activation("CODE", {{"code", std::string{bare_code}}}, pin, details);
}

pending_activation device::prepare_custom_activation(std::string_view type, const name_value_list& identity,
                                                     std::string_view pin, const activation_details& details)
{
    if (is_activated())
        throw protocol_error{"the device is activated already"};
    require_pin(pin);

    // Inner layer, for the server that keeps activations; outer layer, for the one in front of it. Each has keys of its
    // own, and both are addressed to the same recipient.
    auto inner = start_envelope(encryption_scope::application, purpose::activation_data);
    auto outer = start_envelope(encryption_scope::application, purpose::application);
    auto own_key = crypto::p256_private_key::generate();
    const auto inner_envelope =
        inner.seal(as_bytes(write_inner_activation(compressed(own_key.point()), details, style_)), now_ms());
    const auto outer_envelope =
        outer.seal(as_bytes(write_outer_activation(type, identity, details, inner_envelope, style_)), now_ms());

    auto request = json_request("/pa/v3/activation/create", write_envelope(outer_envelope, style_));
    request.headers.emplace_back("X-PowerAuth-Encryption",
                                 encryption_header(rules(), app_->key(), std::nullopt, style_));
    return {std::move(request), std::move(own_key), std::move(outer),
            std::move(inner),   std::string{pin},   details.biometry};
}

std::string device::finish_activation(pending_activation pending, const http_answer& answer)
{
    const auto outer_text = pending.outer.open(read_envelope(accepted(answer)));
    auto outer = read_outer_answer(as_text(outer_text));
    const auto inner_text = pending.inner.open(outer.inner);
    auto told = read_inner_answer(as_text(inner_text));
    const auto peer = crypto::p256_public_key::import(told.server_point);
    if (!peer)
        throw protocol_error{"the server key is not a point on P-256"};
    const auto keys = derive_keys(agree_master_secret(pending.own_key, *peer));

    activation_state kept;
    kept.id = std::move(told.activation_id);
    kept.device_point = compressed(pending.own_key.point());
    kept.server_point = std::move(told.server_point);
    kept.ctr_data = told.ctr_data;
    kept.ctr_byte = std::uint8_t{0};
    kept.device_unlock = crypto::random_secret<16>();
    kept.locked_possession = lock_key(kept.device_unlock, keys.possession);
    kept.locked_transport = lock_key(kept.device_unlock, keys.transport);
    // The vault key is forgotten at the end of this function; only the server can give it back.
    kept.locked_device_private_key = crypto::aes_cbc_seal(keys.vault, block16{}, pending.own_key.scalar());
    state_.activation = std::move(kept);
    lock_knowledge(keys.knowledge, pending.pin);
    if (pending.biometry)
        lock_biometry(keys.biometry);
    activation_key_.reset();
    extras_ = std::move(outer.extras);
    keep();
    return fingerprint();
}

void device::remove(signature_type type, std::string_view pin)
{
    unwrap(send(make_remove_request(type, pin)));
    forget();
}

http_request device::make_remove_request(signature_type type, std::string_view pin)
{
    return make_signed_request("POST", "/pa/v3/activation/remove", "/pa/activation/remove", "{}", type, pin);
}

void device::forget()
{
    state_.activation.reset();
    activation_key_.reset();
    keep();
}

// --- status

activation_status device::status()
{
    const auto pending = prepare_status();
    auto found = finish_status(pending, exchange(pending.request));
    if (found.counters == counter_state::sign_wanted && found.blob.state == state_active)
        require_valid(signature_type::possession, {}, "POST", {},
                      R"({"requestObject":{"reason":"COUNTER_SYNCHRONIZATION"}})");
    return found;
}

pending_status device::prepare_status()
{
    pending_status out;
    json asked = object_of("activationId", activation_id());
    if (rules().status_challenge) {
        out.challenge = crypto::random_array<16>();
        asked["challenge"] = to_base64(*out.challenge);
    }
    out.request = json_request("/pa/v3/activation/status", wrapped(std::move(asked), style_));
    return out;
}

activation_status device::finish_status(const pending_status& pending, const http_answer& answer)
{
    const json told = unwrap(accepted(answer));
    std::optional<block16> nonce;
    if (pending.challenge)
        nonce = binary_of<16>(told, "nonce");
    const auto key = transport_key();
    const auto blob = open_status_blob(binary(told, "encryptedStatusBlob"), key, pending.challenge, nonce);
    const auto counters = pending.challenge ? compare_counters(blob, key) : counter_state::in_step;
    return {blob, counters, has_member(told, "customObject") ? dump(told.at("customObject")) : "null"};
}

counter_state device::compare_counters(const status_blob& blob, const key16& blob_key)
{
    auto& kept = activated();
    const auto found = find_counter(kept.ctr_data, blob.counter_hash, blob_key, blob.look_ahead);
    if (!kept.ctr_byte) {
        if (!found || found->steps != 0)
            return counter_state::in_step;
        kept.ctr_byte = blob.counter_byte;
        keep();
        return counter_state::followed;
    }

    const int ahead = counter_distance(*kept.ctr_byte, blob.counter_byte);
    if (ahead == 0 && found && found->steps == 0)
        return counter_state::in_step;
    if (ahead > 0 && !found) {
        if (ahead > blob.look_ahead)
            return counter_state::dead;
        return ahead > blob.look_ahead / 2 ? counter_state::sign_wanted : counter_state::in_step;
    }
    if (found && -ahead == static_cast<int>(found->steps)) {
        kept.ctr_data = found->ctr_data;
        kept.ctr_byte = blob.counter_byte;
        keep();
        return counter_state::followed;
    }
    return counter_state::dead;
}

// --- signatures

void device::advance_counter()
{
    auto& kept = activated();
    kept.ctr_data = next_counter(kept.ctr_data);
    if (kept.ctr_byte)
        kept.ctr_byte = static_cast<std::uint8_t>(*kept.ctr_byte + 1);
    keep();
}

std::vector<key16> device::keys_of(signature_type type, std::string_view pin) const
{
    std::vector<key16> keys;
    for (const factor which : factors_of(type))
        keys.push_back(factor_key(which, pin));
    return keys;
}

std::string device::sign(std::string_view method, std::string_view uri_id, std::string_view body, signature_type type,
                         std::string_view pin)
{
    const auto keys = keys_of(type, pin);
    const std::string nonce = to_base64(crypto::random_array<16>());
    const std::string signed_data = signed_text(method, uri_id, nonce, body, app_->secret());
    const auto& ctr_data = activated().ctr_data;
    const std::string value = rules().decimal_signature ? decimal_signature(keys, ctr_data, as_bytes(signed_data))
                                                        : base64_signature(keys, ctr_data, as_bytes(signed_data));
    advance_counter();
    return authorization_header(rules(), activation_id(), app_->key(), nonce, type, value);
}

http_request device::make_signed_request(std::string_view method, std::string_view path, std::string_view uri_id,
                                         std::string body, signature_type type, std::string_view pin)
{
    auto request = json_request(path, std::move(body));
    request.method = method;
    request.headers.emplace_back("X-PowerAuth-Authorization", sign(method, uri_id, request.body, type, pin));
    return request;
}

bool device::validate(signature_type type, std::string_view pin, std::string_view method, const name_value_list& query,
                      std::string_view payload)
{
    try {
        require_valid(type, pin, method, query, payload);
        return true;
    } catch (const server_refused& refusal) {
        if (refusal.http_status == 401)
            return false;
        throw;
    }
}

void device::require_valid(signature_type type, std::string_view pin, std::string_view method,
                           const name_value_list& query, std::string_view payload)
{
    unwrap(send(make_validate_request(type, pin, method, query, payload)));
}

http_request device::make_validate_request(signature_type type, std::string_view pin, std::string_view method,
                                           const name_value_list& query, std::string_view payload)
{
    std::string path = "/pa/v3/signature/validate";
    if (method != "GET")
        return make_signed_request(method, path, "/pa/signature/validate", std::string{payload}, type, pin);

    // The query travels in the caller's order, so that the server has to sort it.
    char separator = '?';
    for (const auto& [name, value] : query) {
        path += separator;
        path += encode_parameter(name) + '=' + encode_parameter(value);
        separator = '&';
    }
    auto request = make_signed_request(method, path, "/pa/signature/validate", canonical_query(query), type, pin);
    request.body.clear();
    return request;
}

std::string device::offline_signature(std::string_view uri_id, std::string_view body, std::string_view nonce_base64,
                                      signature_type type, std::string_view pin, unsigned digits)
{
    if (!crypto::from_base64_sized<16>(nonce_base64))
        throw std::invalid_argument{"the nonce of an offline signature is Base64 of 16 bytes"};
    const auto keys = keys_of(type, pin);
    const std::string signed_data = signed_text("POST", uri_id, nonce_base64, body, "offline");
    std::string value = decimal_signature(keys, activated().ctr_data, as_bytes(signed_data), digits);
    advance_counter();
    return value;
}

bool device::check_offline_payload(std::string_view payload) const
{
    if (!is_activated())
        return offline_payload_is_genuine(payload, *app_->master(), nullptr);
    const auto personal = server_key();
    return offline_payload_is_genuine(payload, *app_->master(), &personal);
}

// --- PIN and biometry

void device::change_pin(std::string_view old_pin, std::string_view new_pin)
{
    require_pin(new_pin);
    require_valid(signature_type::possession_knowledge, old_pin);
    change_pin_offline(old_pin, new_pin);
}

void device::change_pin_offline(std::string_view old_pin, std::string_view new_pin)
{
    lock_knowledge(factor_key(factor::knowledge, old_pin), new_pin);
    keep();
}

void device::add_biometry(std::string_view pin)
{
    const auto own_key = own_private_key(vault_unlock(signature_type::possession_knowledge, pin, "ADD_BIOMETRY"));
    lock_biometry(derive_keys(agree_master_secret(own_key, server_key())).biometry);
    keep();
}

void device::remove_biometry()
{
    auto& kept = activated();
    kept.biometry_unlock.reset();
    kept.locked_biometry.reset();
    keep();
}

// --- the registrations of the user

http_request device::make_own_request(std::string_view path, std::string_view object, signature_type type,
                                      std::string_view pin)
{
    return make_signed_request("POST", path, path, wrapped(parse(object), style_), type, pin);
}

device::activation_code device::request_code(std::string_view application_id, std::string_view otp, signature_type type,
                                             std::string_view pin, std::string_view how)
{
    auto pending = prepare_code(application_id, otp, type, pin, how);
    return finish_code(pending, exchange(pending.request));
}

pending_exchange device::prepare_code(std::string_view application_id, std::string_view otp, signature_type type,
                                      std::string_view pin, std::string_view how)
{
    json asked = object_of("applicationId", application_id);
    asked["otp"] = otp;
    if (!how.empty())
        asked["type"] = how;
    return prepare_signed_then_encrypted("/api/activation/code", "/api/activation/code",
                                         wrapped(std::move(asked), style_), type, pin);
}

device::activation_code device::finish_code(pending_exchange& pending, const http_answer& answer)
{
    const json told = unwrap(finish_exchange(pending, answer));
    return {text(told, "activationId"), text(told, "activationCode"), text(told, "activationSignature")};
}

void device::rename(std::string_view name, signature_type type, std::string_view pin)
{
    const std::string object = dump(object_of("name", name));
    unwrap(send(make_own_request("/api/registration/rename", object, type, pin)));
}

void device::tell_pin_changed(std::string_view pin)
{
    unwrap(send(make_own_request("/api/registration/pin-changed", "{}", signature_type::possession_knowledge, pin)));
}

std::string device::list_registrations(signature_type type, std::string_view pin)
{
    return dump(unwrap(send(make_own_request("/api/registrations/list", "{}", type, pin))));
}

void device::remove_registration(std::string_view id, signature_type type, std::string_view pin)
{
    const std::string object = dump(object_of("registrationId", id));
    unwrap(send(make_own_request("/api/registrations/remove", object, type, pin)));
}

// --- signed and encrypted

pending_exchange device::prepare_signed_exchange(std::string_view path, std::string_view uri_id,
                                                 std::string_view purpose, std::string_view plaintext,
                                                 signature_type type, std::string_view pin)
{
    auto exchange_of_both = start_envelope(encryption_scope::activation, purpose);
    const auto sealed = exchange_of_both.seal(as_bytes(plaintext), now_ms());
    // The signature covers the envelope as it travels, escapes included.
    return {make_signed_request("POST", path, uri_id, write_envelope(sealed, style_), type, pin),
            std::move(exchange_of_both)};
}

key16 device::vault_unlock(signature_type type, std::string_view pin, std::string_view reason)
{
    auto pending = prepare_vault_unlock(type, pin, reason);
    return finish_vault_unlock(pending, exchange(pending.request));
}

pending_exchange device::prepare_vault_unlock(signature_type type, std::string_view pin, std::string_view reason)
{
    json asked = json::object();
    if (!reason.empty())
        asked["reason"] = reason;
    return prepare_signed_exchange("/pa/v3/vault/unlock", "/pa/vault/unlock", purpose::vault_unlock,
                                   in_dialect(dump(asked), style_), type, pin);
}

key16 device::finish_vault_unlock(pending_exchange& pending, const http_answer& answer) const
{
    return open_vault_key(transport_key(),
                          binary(parse(finish_exchange(pending, answer)), "encryptedVaultEncryptionKey"));
}

bytes device::sign_with_device_key(bytes_view data, std::string_view pin)
{
    return own_private_key(vault_unlock(signature_type::possession_knowledge, pin, "SIGN_WITH_DEVICE_PRIVATE_KEY"))
        .sign_der(data);
}

std::string device::create_token(signature_type type, std::string_view pin)
{
    auto pending = prepare_token(type, pin);
    return finish_token(pending, exchange(pending.request));
}

pending_exchange device::prepare_token(signature_type type, std::string_view pin)
{
    return prepare_signed_exchange("/pa/v3/token/create", "/pa/token/create", purpose::token_create, "{}", type, pin);
}

std::string device::finish_token(pending_exchange& pending, const http_answer& answer)
{
    const json told = parse(finish_exchange(pending, answer));
    std::string id = text(told, "tokenId");
    activated().tokens.insert_or_assign(id, key16{binary_of<16>(told, "tokenSecret")});
    keep();
    return id;
}

std::string device::make_token_header(std::string_view token_id) const
{
    const auto& tokens = activated().tokens;
    const auto found = tokens.find(std::string{token_id});
    if (found == tokens.end())
        throw std::invalid_argument{"the device has no token " + std::string{token_id}};
    return token_header(rules(), found->first, found->second, crypto::random_array<16>(), now_ms());
}

http_request device::make_token_request(std::string_view token_id, std::string_view path, std::string body,
                                        std::string_view method) const
{
    auto request = json_request(path, std::move(body));
    request.method = method;
    request.headers.emplace_back("X-PowerAuth-Token", make_token_header(token_id));
    return request;
}

void device::remove_token(std::string_view token_id, signature_type type, std::string_view pin)
{
    unwrap(send(make_token_remove_request(token_id, type, pin)));
    activated().tokens.erase(std::string{token_id});
    keep();
}

http_request device::make_token_remove_request(std::string_view token_id, signature_type type, std::string_view pin)
{
    return make_signed_request("POST", "/pa/v3/token/remove", "/pa/token/remove",
                               wrapped(object_of("tokenId", token_id), style_), type, pin);
}

pending_exchange device::prepare_signed_then_encrypted(std::string_view path, std::string_view uri_id,
                                                       std::string_view plaintext, signature_type type,
                                                       std::string_view pin)
{
    auto authorization = sign("POST", uri_id, plaintext, type, pin);
    auto encrypted = start_envelope(encryption_scope::activation, purpose::activation);
    auto request = json_request(path, write_envelope(encrypted.seal(as_bytes(plaintext), now_ms()), style_));
    request.headers.emplace_back("X-PowerAuth-Authorization", std::move(authorization));
    return {std::move(request), std::move(encrypted)};
}

std::string device::finish_exchange(pending_exchange& pending, const http_answer& answer)
{
    return std::string{as_text(pending.exchange.open(read_envelope(accepted(answer))))};
}

// --- encrypted only

std::string device::user_info()
{
    auto pending = prepare_user_info();
    return dump(parse(finish_exchange(pending, exchange(pending.request))));
}

pending_exchange device::prepare_user_info()
{
    auto encrypted = start_envelope(encryption_scope::activation, purpose::activation);
    auto request = json_request("/pa/v3/user/info", write_envelope(encrypted.seal(as_bytes("{}"), now_ms()), style_));
    request.headers.emplace_back("X-PowerAuth-Encryption",
                                 encryption_header(rules(), app_->key(), activation_id(), style_));
    return {std::move(request), std::move(encrypted)};
}

} // namespace doorward::bench
