#pragma once

#include "crypto/secret.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <vector>

namespace doorward::server {

// The master key file: 64 hexadecimal digits and a line end, readable by its owner alone. While the key is exchanged
// for another (master_key_rotation.hpp) the next one lies in the data directory, as master.key.next.

/// Reads a master key. Throws std::runtime_error with the path and what is wrong: missing, open to others, malformed.
[[nodiscard]] crypto::secret<32> read_master_key(const std::filesystem::path& file);

/// Writes a key, mode 0600, to a file that must not exist yet. It appears whole, and is on the disk when this returns.
///
/// errors  throws std::runtime_error, as the others
void write_master_key(const std::filesystem::path& file, const crypto::secret<32>& key);
/// The same with a key that is drawn for it.
void create_master_key(const std::filesystem::path& file);

/// Makes a file belong to whom another belongs to, as far as this process may. For what root does for a server.
void give_to_owner_of(const std::filesystem::path& other, const std::filesystem::path& file) noexcept;

/// Puts another key into a key file, in one step; the file before stays under another name. Owner and mode stay.
void exchange_master_key(const std::filesystem::path& file, const crypto::secret<32>& next,
                         const std::filesystem::path& kept);

[[nodiscard]] std::filesystem::path next_master_key(const std::filesystem::path& data);

/// The master keys that a store may need: that of the file, and the next one where there is one that can be read.
[[nodiscard]] std::vector<crypto::secret<32>> read_master_keys(const std::filesystem::path& file,
                                                               const std::filesystem::path& data);

/// Looks now and then whether the next master key has come.
class next_master_key_watch {
public:
    explicit next_master_key_watch(std::filesystem::path file) : file_{std::move(file)} {}

    /// The key, once for each time that its file is written. Throws, as often, as read_master_key() does.
    [[nodiscard]] std::optional<crypto::secret<32>> look();
    /// Gives the same key once more.
    void look_again() noexcept { seen_ = {}; }

private:
    std::filesystem::path file_;
    struct stat seen_ {};
};

} // namespace doorward::server
