#pragma once

#include "registry/counters.hpp"
#include "registry/source_address.hpp"

#include <optional>
#include <string>

namespace doorward::registry {

/// What became of an attempt.
enum class attempt_outcome : std::uint8_t {
    accepted = 1,
    refused = 2,  // a factor other than possession was wrong, or anything where unproven attempts count
    replayed = 3, // reported: the proof had been used before
    failed = 4,   // reported: it could not be judged
    noise = 5,    // attempts that proved nothing, many in one row
};
/// "SUCCESS", "FAILURE", "REPLAY", "ERROR", "NOISE"
[[nodiscard]] std::string_view to_text(attempt_outcome value) noexcept;

/// What a business system told about an attempt that it judged itself (REGISTRATION-API.md A2).
struct attempt_report {
    std::string attempt_id; // chosen by the business system; names one attempt of the registration
    std::string channel;
    std::string app_version;
    std::string uri_id;
    time_ms happened_at = 0; // by its clock; 0: not told

    bool operator==(const attempt_report&) const = default;
};

/// What the audit keeps about an attempt, beside what the word became by it.
struct attempt_details {
    attempt_outcome outcome = attempt_outcome::accepted;
    factors type = factors::possession;
    bool counted = false;    // it raised the failed attempts or reset them
    std::uint32_t count = 1; // attempts in one row; more than one for noise only
    proof_digest digest = 0; // of a refused proof, to recognise it when it comes again; 0: none
    source_address source{}; // of the last of them
    bool offline = false;    // digits that a person typed from the phone
    std::optional<attempt_report> report{};
    std::string vault_reason{}; // what the phone wanted the vault key for; empty: it was about something else

    bool operator==(const attempt_details&) const = default;
};

/// One row of the journal. The word is whole, not a difference, so rows may be applied in any order: the higher version
/// wins.
struct attempt_row {
    registration_number number = 0;
    attempt_word word;         // after the attempt; version 0: it changed nothing
    counter_place counter;     // at word
    row_sequence previous = 0; // the registration's row before this; 0: none
    time_ms at = 0;
    attempt_details what;

    bool operator==(const attempt_row&) const = default;
};

/// What is needed of a row to count it again: millions of them may be in memory at once.
struct replayed_row {
    row_sequence sequence;
    attempt_word word;
    counter_place counter;
    time_ms at;
    proof_digest digest;
    bool counted_failure;
    bool biometry = false; // see is_biometric()
};

/// Applies to counters what rows tell that may be later than they are. In any order, which becomes that of the
/// versions.
void replay(counters& now, std::vector<replayed_row>& rows);

} // namespace doorward::registry
