#pragma once

#include "bench/fleet.hpp"
#include "bench/histogram.hpp"

#include <chrono>

namespace doorward::bench {

// Complete enrolments as load: what a back office and a phone ask for until the phone is active.
//
//     office -> POST /v2/registrations               the activation code
//     phone  -> POST /pa/v3/keystore/create          a temporary key
//     phone  -> POST /pa/v3/activation/create        the key exchange, two envelopes
//     office -> POST /v2/registrations/{id}/commit
//
// The phone's own work on the curve is kept out. Its key pair is made before the run; the answer's signature is not
// checked and its envelopes are not opened; and the ephemeral key of its envelopes is the generator itself, private key
// 1, so that the agreed secret is the x coordinate of the server's temporary key and costs the phone nothing. The
// server does all that it does for any other phone.

struct enrolment_settings {
    target where;
    unsigned threads = 1;
    std::size_t connections = 1; // phones that enrol at once, each with a connection to either side
    std::size_t prepared = 0;    // phones, made before the run
    std::chrono::milliseconds warm_up{1000};
    std::chrono::milliseconds duration{10'000};
};

struct enrolment_result {
    histogram latency_ns;       // from the first request of an enrolment to the answer to its last
    std::uint64_t enrolled = 0; // while it was measured
    std::uint64_t enrolled_with_warm_up = 0;
    std::uint64_t unexpected = 0;  // enrolments that the server answered with something else than 200
    std::uint64_t broken = 0;      // connections that ended before the run did
    std::uint64_t ran_dry = 0;     // connections without a phone left before the time was over
    double seconds = 0;            // that were measured
    double client_cpu_seconds = 0; // of the load generator's threads meanwhile

    [[nodiscard]] double per_second() const noexcept
    {
        return seconds > 0 ? static_cast<double>(enrolled) / seconds : 0;
    }
};

/// Enrols phones of the application that load is put on for as long as the settings say, closed loop.
///
/// tick    called about once a second, on the calling thread, with the enrolments so far
/// errors  throws what the office client throws, and std::system_error when a connection cannot be made
[[nodiscard]] enrolment_result run_enrolments(const enrolment_settings& wanted,
                                              const std::function<void(std::uint64_t)>& tick);

} // namespace doorward::bench
