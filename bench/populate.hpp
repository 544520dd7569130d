#pragma once

#include "bench/fleet.hpp"
#include "kv/writer.hpp"
#include "registry/store.hpp"

#include <CLI/CLI.hpp>

namespace doorward::bench {

struct population {
    std::uint64_t registrations = 0;
    std::uint64_t active_every = 100; // each so many-th registration becomes a phone of the fleet
    registry::time_ms now = 0;        // they were made during the year before
    std::uint64_t crowd = 0;          // so many, the first ones, are of one user
};

/// Fills a store that holds no registration with active ones, of the application that load is put on.
///
/// Each has every record that an enrolment leaves, written straight to the tables. All have the same points: after the
/// key exchange the server works with the derived keys, which are random and sealed. Users are called user-1, user-2,
/// ... and have one, two and three registrations in turn; before them comes one called crowd, if wanted, with as many
/// as wanted. The application, the ids and the greatest number come last, so that nobody sees a store that is half
/// full.
///
/// returns   the phones of the fleet, ready to send proofs
/// progress  called with the registrations written so far, on the calling thread
/// memory    some 30 bytes per registration, and a batch
/// errors    throws std::runtime_error: the store is not empty, no room
[[nodiscard]] fleet populate(const kv::env& store, kv::writer& to, const crypto::sealer& sealer,
                             const population& wanted, const std::function<void(std::uint64_t)>& progress);

struct populate_options {
    std::filesystem::path data;
    std::filesystem::path master_key;
    std::filesystem::path fleet_file;
    std::string admin = "admin";
    std::uint64_t registrations = 1'000'000;
    std::uint64_t active_every = 100;
    std::uint64_t crowd = 0;
};

/// `doorward populate`: makes a store like `doorward init` and fills it.
void add_populate_command(CLI::App& parent, populate_options& wanted);

} // namespace doorward::bench
