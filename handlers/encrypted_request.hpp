#pragma once

#include "handlers/envelope_json.hpp"
#include "handlers/power_auth_header.hpp"
#include "handlers/problem.hpp"
#include "handlers/services.hpp"
#include "registry/changes.hpp"
#include "registry/keys.hpp"

namespace doorward::handlers {

// Encrypted requests in either scope (PROTOCOL.md section 8), step by step. Whatever refuses, the answer is the same.
//
//     parameters_of()           by the header: version, application, and in activation scope the registration
//     encrypted_request::find   is there such an application, such a registration
//     receive_envelope()        are exactly the members there that the version has
//     open()                    time window, recipient key, MAC, and only then decryption; one envelope after the other
//     remember()                never again: durable before anything else happens, and only after the MAC was right
//     sealed_answer()           the one answer of an envelope
//
// Where the request is signed as well, judge() and settle() of proof_check.hpp have their place in between (8.7):
//
//     encrypt, then sign (token/create, vault/unlock)   over the envelope as it was received
//     sign, then encrypt (envelope_use::activation)     over the plaintext, after remember(): one that comes again is
//                                                       refused before its signature could count as an attempt

enum class encryption_scope : std::uint8_t { application, activation };

/// What the header of an encrypted request says about it (section 8.5).
struct encryption_parameters {
    registry::protocol_version version;
    std::string application_key;                 // Base64 text
    std::optional<registry::uuid> activation_id; // in activation scope
};

/// From X-PowerAuth-Authorization when the request carries one, else from X-PowerAuth-Encryption. Empty when that
/// header is missing or malformed.
[[nodiscard]] std::optional<encryption_parameters> parameters_of(const request& req);
[[nodiscard]] encryption_parameters parameters_of(const authorization_header& header);

/// The envelope in a body. errors  envelope_malformed: not the members, or not the sizes, of the version
[[nodiscard]] kv::result<registry::envelope_request> receive_envelope(std::string_view json,
                                                                      registry::protocol_version version);
[[nodiscard]] kv::result<registry::envelope_request> receive_envelope(const json_object& from,
                                                                      registry::protocol_version version);

/// Both ends of an encrypted request, and what was opened of it. Holds keys: lives as long as the request does.
class encrypted_request {
public:
    /// Looks up both ends. Reads the store; no work on the curve. A registration that is unknown, of another
    /// application or without keys yet is told by open(), after as much work as one that exists costs.
    ///
    /// errors  unknown_application: not known, or it does not accept that version; envelope_malformed: the header names
    ///         a registration in application scope, or none in activation scope
    [[nodiscard]] static kv::result<encrypted_request> find(services& svc, encryption_parameters asked,
                                                            encryption_scope scope);

    /// Opens one envelope; several of one request (activation/create) must be addressed to the same key.
    ///
    /// envelope  of the right form: receive_envelope()
    /// use       registry::envelope_use
    /// cost      one ECDH, unless time window or temporary key refuse it before; the same whatever the state of the
    ///           registration and whether or not there is one, so that time does not tell it
    /// errors    envelope_out_of_time; unknown_temporary_key: none, expired, or of another application or registration;
    ///           envelope_malformed, envelope_not_genuine; registration_not_found; illegal_change: it is genuine, but
    ///           the registration is not ACTIVE
    [[nodiscard]] kv::result<registry::opened_envelope> open(services& svc, const registry::envelope_request& envelope,
                                                             std::string_view use);

    [[nodiscard]] registry::protocol_version version() const noexcept { return asked_.version; }
    [[nodiscard]] const registry::application& application() const noexcept { return *application_.owner; }

    /// The marks of all that was opened so far; for remember(), or for a change that has them within itself.
    [[nodiscard]] const registry::remember_seen& seen() const noexcept { return seen_; }

    // Activation scope only. There is a registration when open() succeeded.

    /// As the store had it when find() looked.
    [[nodiscard]] const registry::full_registration& registration() const { return bound_.value().registration; }
    [[nodiscard]] const registry::registration_keys& keys() const { return bound_.value().keys; }
    [[nodiscard]] bool is_active() const { return bound_ && bound_->registration.current() == registry::state::active; }

private:
    struct binding {
        registry::full_registration registration;
        registry::registration_keys keys;
        crypto::bytes sealed_server_key;
        std::string id_text; // as the phone was given it: it enters the MAC character by character
    };

    encrypted_request(encryption_parameters asked, registry::directory::known_version application,
                      std::optional<binding> bound)
        : asked_{std::move(asked)}, application_{std::move(application)}, bound_{std::move(bound)}
    {}
    [[nodiscard]] static std::optional<binding> find_binding(services& svc, const registry::uuid& id,
                                                             std::string_view application_id);
    // Names a registration that does not exist for it.
    [[nodiscard]] bool is_stranger() const noexcept { return asked_.activation_id && !bound_; }
    [[nodiscard]] kv::error_code choose_recipient(services& svc, const registry::envelope_request& envelope);

    encryption_parameters asked_;
    registry::directory::known_version application_;
    std::optional<binding> bound_;

    bool recipient_chosen_ = false;
    std::optional<std::string> temporary_key_id_;       // of the envelopes so far
    std::optional<crypto::p256_private_key> recipient_; // empty: the application's master key
    registry::remember_seen seen_;
};

/// Remembers that the envelopes of a request were seen, all or none, on disk when it returns.
///
/// errors  envelope_replayed, kv::errc
task<kv::error_code> remember(services& svc, const encrypted_request& opened);

/// The answer of a request, sealed for its phone. json  the plaintext
[[nodiscard]] response sealed_answer(services& svc, const registry::opened_envelope& opened, std::string_view json);

/// The answer to an encrypted request that was refused.
///
/// Phones are told `otherwise` for every reason but that the server cannot do it at the moment (507, 503). What is not
/// genuine, or was seen before, is noise: it spends the budgets of noise.hpp, and beyond them the answer is 429.
/// asked  what its header said; empty when that could not be read
[[nodiscard]] response refuse_encrypted(services& svc, const request& req,
                                        const std::optional<encryption_parameters>& asked, const kv::error_code& why,
                                        device_problem otherwise);

} // namespace doorward::handlers
