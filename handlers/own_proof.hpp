#pragma once

#include "handlers/endpoint.hpp"
#include "handlers/proof_check.hpp"

namespace doorward::handlers {

// Signed requests of a phone about itself and the other registrations of its user, which are not of the device protocol
// but doorward's own. What they change reaches the disk together with the proof.

/// Two factors.
inline constexpr registry::factors two_factors[]{
    registry::factors::possession_knowledge,
    registry::factors::possession_biometry,
    registry::factors::possession_knowledge_biometry,
};
/// The PIN among them.
inline constexpr registry::factors with_knowledge[]{
    registry::factors::possession_knowledge,
    registry::factors::possession_knowledge_biometry,
};

struct own_request {
    std::string_view uri_id;
    std::span<const registry::factors> allowed = two_factors;
    bool manages = true; // only where the application's phones may manage registrations (deviceManagement)
};

struct own_proof {
    judged_proof judged;
    std::optional<response> refusal;              // what the phone is told once that is settled
    std::optional<registry::registration> record; // its own; empty when it is refused
    std::uint64_t overtaken_by = 0;               // version of the word of somebody who was faster than add_move()

    [[nodiscard]] explicit operator bool() const noexcept { return record.has_value(); }
};

/// Judges the proof of a request. The setting is asked after it, so only phones of the application learn of it, and a
/// wrong PIN counts whatever the setting.
task<own_proof> prove(services& svc, const call& asked, const own_request& what);

/// Moves the phone's own registration together with its proof: by a move that leaves the state alone. Where somebody
/// has blocked or removed it since the proof was accepted, the request is refused in the end.
///
/// labelled  of rename
void add_move(services& svc, own_proof& own, registry::move by,
              std::optional<registry::labels> labelled = std::nullopt);

/// Makes sure that what the proof has changed, and what was added to judged.more, is on the disk.
///
/// returns  the answer to a request that was refused, or could not be written down; empty when it may go on
task<std::optional<response>> settle(services& svc, own_proof& own);

} // namespace doorward::handlers
