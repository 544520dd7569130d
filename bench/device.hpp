#pragma once

#include "bench/device_messages.hpp"
#include "bench/http_client.hpp"

#include <functional>

namespace doorward::bench {

/// How the counters of phone and server compared at a status check (PROTOCOL.md section 13).
enum class counter_state {
    in_step,     // equal, or the phone is a little ahead
    followed,    // the server was ahead; the phone has adopted its value
    sign_wanted, // the phone is far ahead: a signature should bring the server forward
    dead         // no common value: the activation is lost
};

struct activation_status {
    status_blob blob;
    counter_state counters;
    std::string custom_object; // JSON text, "null" when the server sent none

    /// "ACTIVE" and so on; "DEADLOCK" when the counters are dead.
    [[nodiscard]] std::string_view state_name() const noexcept;
};

/// A request for a temporary key, and what its answer is compared with.
struct pending_key {
    http_request request;
    encryption_scope scope;
    key_claims claims;
    std::int64_t started_ms;
};

struct pending_activation {
    http_request request;
    crypto::p256_private_key own_key;
    envelope_exchange outer;
    envelope_exchange inner;
    std::string pin;
    bool biometry;
};

struct pending_status {
    http_request request;
    std::optional<block16> challenge;
};

/// Any other encrypted request.
struct pending_exchange {
    http_request request;
    envelope_exchange exchange;
};

/// A simulated phone with one application and at most one activation.
///
/// Every operation exists in one piece (it sends its requests and waits) and most also in two: prepare_... or make_...
/// builds the request without sending it, finish_... reads the answer. The first half alone is enough to build load in
/// advance. Building a signed request uses up a counter value whether or not it is ever sent, as on real phones.
///
/// The phone follows one protocol version and one dialect. A wrong PIN is never noticed here: it gives a wrong
/// signature, which the server refuses.
///
/// errors   server_refused    the server answered with another status than 200
///          protocol_error    the answer does not fit, or the phone is in no state for this operation
///          std::invalid_argument  unusable arguments, such as a PIN of fewer than 4 characters
///          std::runtime_error     from the transport: no answer arrived
/// threads  one at a time per object; different devices are independent
class device {
public:
    /// Sends one request, returns its answer with whatever status, throws when there is none.
    using transport = std::function<http_answer(const http_request&)>;
    /// Told of each change of the state, before the request that caused it leaves.
    using keeper = std::function<void(const device_state&)>;
    /// Milliseconds since 1970.
    using clock = std::function<std::int64_t()>;

    static constexpr std::size_t pin_characters_min = 4;
    /// A temporary key with less life left than this is replaced before use.
    static constexpr std::int64_t temporary_key_margin_ms = 10'000;

    /// app   outlives the device
    /// send  may be empty for a device that only builds requests
    device(const application& app, device_state state, wire_style style, transport send = {});
    device(application&&, device_state, wire_style, transport = {}) = delete;

    void keep_state_with(keeper keep) { keep_ = std::move(keep); }
    void take_time_from(clock local_clock) { clock_ = std::move(local_clock); }

    // --- what the device knows

    [[nodiscard]] const device_state& state() const noexcept { return state_; }
    [[nodiscard]] const protocol_rules& rules() const noexcept { return rules_of(state_.version); }
    [[nodiscard]] wire_style style() const noexcept { return style_; }
    [[nodiscard]] bool is_activated() const noexcept { return state_.activation.has_value(); }
    [[nodiscard]] const std::string& activation_id() const { return activated().id; }
    /// Eight digits to compare with the back end's.
    [[nodiscard]] std::string fingerprint() const;
    /// The local clock, corrected to the server's.
    [[nodiscard]] std::int64_t now_ms() const;
    /// The request sent last, to send it again as an attacker would.
    [[nodiscard]] const std::optional<http_request>& last_request() const noexcept { return last_request_; }

    // --- plain exchange

    /// Sends a request; returns the body of a 200.
    std::string send(const http_request& request);
    /// The body of a 200; throws server_refused otherwise.
    [[nodiscard]] static const std::string& accepted(const http_answer& answer);

    // --- time

    /// Asks for the server's clock; returns the correction in milliseconds, 0 when the difference is below 2 seconds.
    std::int64_t synchronize_time();

    // --- temporary keys (3.3)

    temporary_key fetch_temporary_key(encryption_scope scope);
    [[nodiscard]] pending_key prepare_temporary_key(encryption_scope scope);
    temporary_key finish_temporary_key(const pending_key& pending, const http_answer& answer);
    /// Takes a key that was fetched elsewhere, for the application by another device.
    void use_temporary_key(encryption_scope scope, temporary_key key);

    // --- activation

    /// Activates with an activation code, CODE or CODE#SIGNATURE; returns the fingerprint. Asks for a temporary key
    /// first where the version needs one. A signature is checked; a bad one is a protocol_error before anything is
    /// sent.
    std::string activate(std::string_view code, std::string_view pin, const activation_details& details = {});
    /// Activates with credentials of the application's own. type  "CUSTOM" or "DIRECT"
    std::string activate_custom(std::string_view type, const name_value_list& identity, std::string_view pin,
                                const activation_details& details = {});
    [[nodiscard]] pending_activation prepare_activation(std::string_view code, std::string_view pin,
                                                        const activation_details& details = {});
    [[nodiscard]] pending_activation prepare_custom_activation(std::string_view type, const name_value_list& identity,
                                                               std::string_view pin,
                                                               const activation_details& details = {});
    std::string finish_activation(pending_activation pending, const http_answer& answer);
    /// What came with the last activation of this object; not kept with the state.
    [[nodiscard]] const activation_extras& extras() const noexcept { return extras_; }

    /// Tells the server to remove the activation, then forgets it.
    void remove(signature_type type, std::string_view pin = {});
    [[nodiscard]] http_request make_remove_request(signature_type type, std::string_view pin = {});
    /// Drops the activation without telling the server.
    void forget();

    // --- status

    /// Asks for the status and follows the server's counter. When the server lags far behind and the activation is
    /// ACTIVE, sends the signature that brings it forward.
    activation_status status();
    [[nodiscard]] pending_status prepare_status();
    /// Reads the answer and follows the server's counter; sends nothing.
    activation_status finish_status(const pending_status& pending, const http_answer& answer);

    // --- signatures

    /// The value of X-PowerAuth-Authorization for a request; the next counter value is used up. For GET the body is
    /// canonical_query(parameters). pin  needed when the type has knowledge
    [[nodiscard]] std::string sign(std::string_view method, std::string_view uri_id, std::string_view body,
                                   signature_type type, std::string_view pin = {});
    /// For an application's own endpoint: signed first, then encrypted. The signature covers the plaintext, the body is
    /// the envelope.
    [[nodiscard]] pending_exchange prepare_signed_then_encrypted(std::string_view path, std::string_view uri_id,
                                                                 std::string_view plaintext, signature_type type,
                                                                 std::string_view pin = {});
    /// The plaintext of the answer.
    [[nodiscard]] static std::string finish_exchange(pending_exchange& pending, const http_answer& answer);
    /// A complete signed request.
    [[nodiscard]] http_request make_signed_request(std::string_view method, std::string_view path,
                                                   std::string_view uri_id, std::string body, signature_type type,
                                                   std::string_view pin = {});

    /// Has the server check a signature. True when it accepts; false when it answers 401.
    ///
    /// method   POST, PUT or DELETE, which send `payload` as it is, or GET, which sends `query` in its place
    [[nodiscard]] bool validate(signature_type type, std::string_view pin = {}, std::string_view method = "POST",
                                const name_value_list& query = {}, std::string_view payload = "{}");
    /// The same, with server_refused for 401 as well.
    void require_valid(signature_type type, std::string_view pin = {}, std::string_view method = "POST",
                       const name_value_list& query = {}, std::string_view payload = "{}");
    [[nodiscard]] http_request make_validate_request(signature_type type, std::string_view pin = {},
                                                     std::string_view method = "POST",
                                                     const name_value_list& query = {},
                                                     std::string_view payload = "{}");

    /// Digits for a person to retype. nonce_base64  from the QR code; digits  4 to 8 per factor
    [[nodiscard]] std::string offline_signature(std::string_view uri_id, std::string_view body,
                                                std::string_view nonce_base64, signature_type type,
                                                std::string_view pin = {}, unsigned digits = 8);
    /// True when the scanned text of a QR code was signed by our server.
    [[nodiscard]] bool check_offline_payload(std::string_view payload) const;

    // --- PIN and biometry

    /// Proves the old PIN to the server (possession and knowledge), then takes the new one. Nothing changes when the
    /// server refuses.
    void change_pin(std::string_view old_pin, std::string_view new_pin);
    /// Takes the new PIN without asking. With a wrong old PIN the knowledge factor is lost for good.
    void change_pin_offline(std::string_view old_pin, std::string_view new_pin);
    /// Computes the biometry key again with the private key that the vault protects.
    void add_biometry(std::string_view pin);
    void remove_biometry();

    // --- the registrations of the user, on a server that offers that

    /// A signed request to an endpoint whose path is what is signed for. object  the requestObject as JSON text
    [[nodiscard]] http_request make_own_request(std::string_view path, std::string_view object, signature_type type,
                                                std::string_view pin = {});
    /// A code with which another phone of the user registers.
    struct activation_code {
        std::string activation_id; // that the other phone will have
        std::string code;
        std::string signature;

        /// What a QR code shows.
        [[nodiscard]] std::string qr_data() const { return code + '#' + signature; }
    };
    /// Asks for one; the question is signed and then encrypted.
    ///
    /// otp  16 characters or more, which the other phone has to know
    /// how  "SPAWN" or "MOVE"; left to the server when empty
    activation_code request_code(std::string_view application_id, std::string_view otp, signature_type type,
                                 std::string_view pin = {}, std::string_view how = {});
    [[nodiscard]] pending_exchange prepare_code(std::string_view application_id, std::string_view otp,
                                                signature_type type, std::string_view pin = {},
                                                std::string_view how = {});
    [[nodiscard]] static activation_code finish_code(pending_exchange& pending, const http_answer& answer);
    /// Gives the own registration another name.
    void rename(std::string_view name, signature_type type, std::string_view pin = {});
    /// Tells that the PIN was changed; signed with the new one.
    void tell_pin_changed(std::string_view pin);
    /// The registrations of the same user in the same application: the answer's object as JSON text.
    [[nodiscard]] std::string list_registrations(signature_type type, std::string_view pin = {});
    /// Removes another one of them.
    void remove_registration(std::string_view id, signature_type type, std::string_view pin = {});

    // --- vault

    /// Fetches KEY_ENCRYPTION_VAULT. reason  for the server's audit log; none when empty
    [[nodiscard]] key16 vault_unlock(signature_type type, std::string_view pin,
                                     std::string_view reason = "FETCH_ENCRYPTION_KEY");
    [[nodiscard]] pending_exchange prepare_vault_unlock(signature_type type, std::string_view pin,
                                                        std::string_view reason = "FETCH_ENCRYPTION_KEY");
    [[nodiscard]] key16 finish_vault_unlock(pending_exchange& pending, const http_answer& answer) const;
    /// ECDSA signature (DER) by the device's private key, which takes a vault request to open.
    [[nodiscard]] bytes sign_with_device_key(bytes_view data, std::string_view pin);

    // --- tokens

    /// Returns the token's id; the secret stays in the state.
    std::string create_token(signature_type type, std::string_view pin = {});
    [[nodiscard]] pending_exchange prepare_token(signature_type type, std::string_view pin = {});
    std::string finish_token(pending_exchange& pending, const http_answer& answer);
    /// The value of X-PowerAuth-Token, with a fresh nonce and the present time.
    [[nodiscard]] std::string make_token_header(std::string_view token_id) const;
    [[nodiscard]] http_request make_token_request(std::string_view token_id, std::string_view path,
                                                  std::string body = "{}", std::string_view method = "POST") const;
    void remove_token(std::string_view token_id, signature_type type, std::string_view pin = {});
    [[nodiscard]] http_request make_token_remove_request(std::string_view token_id, signature_type type,
                                                         std::string_view pin = {});

    // --- other

    /// Claims about the user as JSON text.
    [[nodiscard]] std::string user_info();
    [[nodiscard]] pending_exchange prepare_user_info();

private:
    [[nodiscard]] const activation_state& activated() const;
    [[nodiscard]] activation_state& activated();
    void keep() const;
    [[nodiscard]] std::int64_t local_now_ms() const;
    http_answer exchange(const http_request& request);
    void take_server_time(std::int64_t server_ms, std::int64_t started_ms);

    [[nodiscard]] key16 transport_key() const;
    [[nodiscard]] key16 factor_key(factor which, std::string_view pin) const;
    void lock_knowledge(const key16& knowledge_key, std::string_view new_pin);
    void lock_biometry(const key16& biometry_key);
    void advance_counter();
    [[nodiscard]] counter_state compare_counters(const status_blob& blob, const key16& blob_key);
    [[nodiscard]] std::vector<key16> keys_of(signature_type type, std::string_view pin) const;
    [[nodiscard]] crypto::p256_private_key own_private_key(const key16& vault_key) const;
    [[nodiscard]] crypto::p256_public_key server_key() const;

    [[nodiscard]] envelope_exchange start_envelope(encryption_scope scope, std::string_view purpose);
    [[nodiscard]] envelope_recipient recipient(encryption_scope scope, std::string_view purpose);
    [[nodiscard]] pending_exchange prepare_signed_exchange(std::string_view path, std::string_view uri_id,
                                                           std::string_view purpose, std::string_view plaintext,
                                                           signature_type type, std::string_view pin);

    const application* app_; // outlives this object
    device_state state_;
    wire_style style_;
    transport send_;
    keeper keep_;
    clock clock_;
    std::optional<temporary_key> application_key_;
    std::optional<temporary_key> activation_key_;
    std::optional<http_request> last_request_;
    activation_extras extras_;
};

} // namespace doorward::bench
