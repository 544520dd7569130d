#pragma once

#include "bench/fleet.hpp"
#include "bench/load_engine.hpp"

namespace doorward::bench {

/// What a load run can consist of.
enum class workload {
    wrong_pin, // right possession, wrong knowledge: counted, refused with 401
    right_pin, // accepted
    noise,     // nothing fits at any of the look-ahead positions: refused, not counted
    mixed,     // four right PINs, then a wrong one
    detail,    // GET /v2/registrations/{id}
    status,    // the encrypted status that phones poll
};

[[nodiscard]] std::optional<workload> workload_from(std::string_view name) noexcept;
[[nodiscard]] std::string_view name_of(workload which) noexcept;
/// Whether it talks to the device side or to the office side.
[[nodiscard]] bool is_for_phones(workload which) noexcept;
/// The status of its answers; 0 when it has more than one.
[[nodiscard]] unsigned expected_status(workload which) noexcept;

/// Builds the queues of a run, one per connection, each with its own phones.
///
/// requests  how many altogether, at the least; queues of requests that may be repeated hold fewer and repeat
/// returns   empty when the fleet has too few phones for so many requests: a wrong PIN counts up to 255 times
[[nodiscard]] std::optional<std::vector<request_queue>> build_queues(workload which, fleet& phones,
                                                                     const std::string& authorization,
                                                                     std::size_t connections, std::size_t requests);

} // namespace doorward::bench
