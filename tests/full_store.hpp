#pragma once

#include "tests/support.hpp"

namespace doorward::tests {

/// A little store with at least one row in every table, made by requests.
class full_store : public scratch_world {
public:
    full_store();

    std::string blocked;    // ids of registrations: until a time,
    std::string unfinished; // waiting for its phone,
    std::string parent;     // with a child that has started, and an active phone of its own
};

/// Everything in a store as a backup.
[[nodiscard]] crypto::bytes backup_of(const kv::env& store, registry::time_ms now = 1'700'000'000'000);

/// A store made of a backup, in a directory of its own.
class restored_store {
public:
    explicit restored_store(crypto::bytes_view backup);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::filesystem::path data_file() const { return path_ / kv::data_file_name; }

private:
    scratch_directory home_;
    std::filesystem::path path_;
};

} // namespace doorward::tests
