#pragma once

#include "handlers/noise.hpp"
#include "handlers/power_auth_header.hpp"
#include "handlers/slots.hpp"

#include <span>

namespace doorward::handlers {

/// A signed request, as the endpoint that received it describes it.
struct signed_request {
    std::string_view header; // value of X-PowerAuth-Authorization
    std::string_view method;
    std::string_view uri_id; // /pa/... without the v3
    crypto::bytes_view body; // raw bytes, or the canonical query of a GET
    std::span<const registry::factors> allowed;
    registry::source_address source;
    sender from = sender::phone;
    std::string_view vault_reason = {}; // kept with the attempt
};

/// How a signed request was judged. Nothing of it may leave the process before settle().
struct judged_proof {
    enum class kind {
        malformed,        // header missing or unreadable
        type_not_allowed, // readable, but this endpoint does not take these factors
        unknown,          // no such registration
        judged,           // see result
    };
    kind what = kind::malformed;
    kv::error_code failure;                 // the store could not take what came before; nothing was judged
    registry::slot_ptr slot;                // judged only
    registry::factors type{};               // judged only
    registry::attempt_result result;        // judged only
    std::vector<registry::transition> more; // what else must reach the disk together with the judgement, or not at all

    /// Noise over its budget: how long until there is room again. A phone is told too_much_noise() and nothing else,
    /// without settle(): that answer tells of nothing that must be on disk.
    std::optional<registry::time_ms> throttled;

    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now(); // for the meters

    [[nodiscard]] bool accepted() const noexcept
    {
        return what == kind::judged && !failure && result.outcome == registry::attempt_result::verdict::accepted;
    }
};

/// Verifies a signed request by the rules of PROTOCOL.md 7.5, after settling what an earlier failure of the store left
/// over for its registration.
///
/// Noise, that is what proved no possession and was not counted, is counted for the audit and spends from the budgets
/// of registry/noise_throttle.hpp. The proof is judged first, so nothing that others send stands in the way of one that
/// proves possession. Which limit applies is decided by the application key that the proof names, whether or not the
/// registration exists or belongs to that application: otherwise the throttle would tell which ids exist.
task<judged_proof> judge(services& svc, const signed_request& asked);

/// Does the possession component of a proof fit now? Counts nothing and moves no counter: for what has to be told only
/// to the phone itself before its proof is judged.
[[nodiscard]] bool proves_possession(services& svc, const signed_request& asked);

/// What a proof is judged as that cannot be read, or not what it signs: noise of nobody in particular.
[[nodiscard]] judged_proof judge_unreadable(services& svc, const signed_request& asked);

/// Makes sure that what a judgement tells of is on disk: commits its change together with `proof.more`, or waits for
/// the change of somebody else that it depends on. Only then may the answer be sent (DESIGN.md 5.1, invariant 4).
///
/// errors  kv::errc: nothing may be told; the attempt stays counted in memory
task<kv::error_code> settle(services& svc, judged_proof& proof);

/// Both, for an endpoint that begins with the signature. The proof is kept in `into`.
///
/// returns  the answer to a request that was not accepted; empty when it was, and that is on disk
task<std::optional<response>> require_proof(services& svc, const signed_request& asked, judged_proof& into);

} // namespace doorward::handlers
