#pragma once

#include "bench/device.hpp"
#include "bench/office_client.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace doorward::bench {

/// Where the server under load is, and who may create registrations there.
struct target {
    std::string device_url;
    std::string office_url;
    std::string username;
    std::string password;
};

/// One enrolled phone as the load generator keeps it: keys laid open, so that a proof costs two or three MACs.
struct fleet_phone {
    std::string id;
    derived_keys keys;
    block16 ctr_data; // of its next proof
};

/// What a registration of the fleet permits: the most that the server grants.
inline constexpr std::uint8_t fleet_failed_attempts_max = 255;

/// Thousands of simulated phones of one application, enrolled once through the server's own endpoints and reused.
struct fleet {
    std::string application_id;
    std::string application_key;
    std::string application_secret;
    std::string master_public_key;
    std::vector<fleet_phone> phones;
};

/// Id of the application that load is put on.
inline constexpr std::string_view load_application_id = "load";

/// A fleet of that application without phones; the application is made when it is not there yet.
///
/// errors  throws what the office client throws
[[nodiscard]] fleet empty_fleet(office_client& office);

/// Enrols `count` phones (keystore, create, commit) with room for as many wrong PINs as a registration can have (255).
///
/// progress  called with the number enrolled so far, on the calling thread
/// errors    throws what the phones and the office client throw
[[nodiscard]] fleet enrol_fleet(const target& where, std::size_t count,
                                const std::function<void(std::size_t)>& progress);

/// The fleet as text, secrets included, and back. Errors: throws std::runtime_error for anything malformed.
[[nodiscard]] std::string write_fleet(const fleet& what);
[[nodiscard]] fleet read_fleet(std::string_view text);

/// Writes the fleet to a file that only its owner may read, all of it or nothing. Errors: throws std::runtime_error and
/// std::filesystem::filesystem_error.
void save_fleet(const std::filesystem::path& file, const fleet& what);

/// Asks the server for the status of each phone and moves the phone's counter forward to the server's. False when the
/// server does not know one of them (the fleet belongs to another store) or is behind it.
[[nodiscard]] bool follow_counters(const target& where, fleet& what);

} // namespace doorward::bench
