#pragma once

#include "crypto/digest.hpp"
#include "registry/protocol_version.hpp"

#include <optional>
#include <span>

namespace doorward::registry {

// Proofs: what a phone attaches to a sensitive request (PROTOCOL.md section 7; the wire calls them signatures).
//
//     D    = HMAC(K[i], CTR_DATA), then for j = 1 .. i:  D = HMAC(HMAC(K[j], CTR_DATA), D)
//     C[i] = HMAC(D, DATA)
//     proof := the last 16 bytes of every component, or 8 decimal digits of each (version 3.0)

using ctr_data = crypto::byte_array<16>;

/// NEXT(CTR_DATA): one step of the hash based counter (section 6).
[[nodiscard]] ctr_data next_counter(const ctr_data& current) noexcept;

/// Factors of a proof, in the order of their keys.
enum class factors : std::uint8_t {
    possession,
    knowledge,
    biometry,
    possession_knowledge,
    possession_biometry,
    possession_knowledge_biometry,
};

/// "possession_knowledge" and so on, case-insensitively; empty for anything else.
[[nodiscard]] std::optional<factors> parse_factors(std::string_view text) noexcept;
[[nodiscard]] std::string_view to_text(factors value) noexcept;
[[nodiscard]] unsigned factor_count(factors value) noexcept;
[[nodiscard]] bool starts_with_possession(factors value) noexcept;

inline constexpr unsigned factors_max = 3;

/// Decimal digits of a component where nobody asked for another number: all online proofs (section 7.4).
inline constexpr unsigned component_digits_default = 8;
inline constexpr unsigned component_digits_min = 4; // of offline proofs (section 16.2)
inline constexpr unsigned component_digits_max = 8;

/// The keys that a verification needs, derived at activation and kept sealed (section 4).
struct factor_keys {
    crypto::key16 possession;
    crypto::key16 knowledge;
    crypto::key16 biometry;
};

/// A proof as it was presented: well formed, not yet verified.
struct presented_proof {
    enum class form : std::uint8_t { binary, decimal };

    factors type;
    form components_form;
    unsigned component_count;                                   // as presented; may differ from the type's
    std::array<crypto::byte_array<16>, factors_max> components; // binary form
    std::array<std::uint32_t, factors_max> digits;              // decimal form
    unsigned digit_count = component_digits_default;            // decimal form, of each component
    crypto::bytes data;                                         // DATA of section 7.3, the secret included

    /// Decimal components are short enough to be guessed, so a miss says nothing about possession.
    [[nodiscard]] bool possession_guessable() const noexcept { return components_form == form::decimal; }
};

/// Reads `pa_signature`: Base64 of 16, 32 or 48 bytes, or groups of 8 digits for version 3.0. Empty when malformed.
[[nodiscard]] std::optional<presented_proof> parse_proof(protocol_version version, factors type,
                                                         std::string_view value);

/// Reads the digits that a person typed from a phone: two groups of `digits` digits, joined with a dash (section 16.2).
/// Type and data are for the caller to fill in. Empty when malformed.
[[nodiscard]] std::optional<presented_proof> parse_offline_proof(std::string_view value, unsigned digits);

/// How a proof compares with one counter window.
struct proof_match {
    enum class grade : std::uint8_t {
        none,       // not even the possession component fits anywhere: noise, or a position already behind
        possession, // the right phone, but another factor is wrong
        complete,
    };
    grade reached;
    unsigned offset;  // of the matching position from the start of the window; meaningful unless none
    ctr_data counter; // CTR_DATA at that position
    unsigned reading; // which of several it is; 0 of one
};

/// Compares a proof with `look_ahead` positions from `start`. Pure; constant-time in what it compares.
///
/// Once the possession component fits at a position no other can fit, so the search stops there: a wrong PIN costs a
/// few MACs and only noise costs the whole window. Decimal components are compared whole, because eight digits of
/// possession may collide.
[[nodiscard]] proof_match match(const presented_proof& proof, const factor_keys& keys, const ctr_data& start,
                                unsigned look_ahead) noexcept;

/// The same for one decimal proof that does not say of which type it is, or what exactly it signs: every reading is
/// tried at every position, in their order (section 16.3).
///
/// readings  1 or more; decimal when there are several
[[nodiscard]] proof_match match(std::span<const presented_proof> readings, const factor_keys& keys,
                                const ctr_data& start, unsigned look_ahead) noexcept;

/// The components of a right proof, for tests and offline use: component_count x 32 bytes.
[[nodiscard]] std::array<crypto::digest32, factors_max>
proof_components(const factor_keys& keys, factors type, const ctr_data& counter, crypto::bytes_view data) noexcept;

/// DEC(C): the last four bytes as a 31-bit number modulo 10^digits.
[[nodiscard]] std::uint32_t decimal(const crypto::digest32& component, unsigned digits) noexcept;

/// DATA of section 7.3: METHOD & B64(URI_ID) & NONCE & B64(BODY) & SECRET.
[[nodiscard]] crypto::bytes proof_data(std::string_view method, std::string_view uri_id, std::string_view nonce_base64,
                                       crypto::bytes_view body, std::string_view secret_text);

} // namespace doorward::registry
