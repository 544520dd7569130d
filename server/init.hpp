#pragma once

#include <filesystem>
#include <string>

namespace doorward::server {

struct first_admin {
    std::string username;
    std::string password; // shown once, stored as a hash only
};

/// Makes a store: the directory, a master key when `master_key` is empty, and the first admin account.
///
/// errors  throws std::runtime_error or kv::open_error with the reason: the directory holds a store already, is in use,
///         cannot be written; the master key is missing or unusable
[[nodiscard]] first_admin initialise_data(const std::filesystem::path& data, const std::string& admin,
                                          const std::filesystem::path& master_key);

} // namespace doorward::server
