#pragma once

#include "crypto/secret.hpp"
#include "registry/master_key.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

namespace doorward::server {

// The master key file: 64 hexadecimal digits and a line end, readable by its owner alone. While the key is exchanged
// for another (master_key_rotation.hpp) the next one lies in the data directory, as master.key.next.

/// Reads a master key. Throws std::runtime_error with the path and what is wrong: missing, open to others, malformed.
[[nodiscard]] crypto::secret<32> read_master_key(const std::filesystem::path& file);

/// Writes a key, mode 0600, to a file that must not exist yet. It appears whole, and is on the disk when this returns.
///
/// for_owner_of  who runs this is root and the file is for somebody else: for the owner of that one. Empty: for us
/// errors        throws std::runtime_error, as the others
void write_master_key(const std::filesystem::path& file, const crypto::secret<32>& key,
                      const std::filesystem::path& for_owner_of = {});
/// The same with a key that is drawn for it.
void create_master_key(const std::filesystem::path& file);

/// Puts another key into a key file, in one step; the file before stays under another name. Owner and mode stay.
void exchange_master_key(const std::filesystem::path& file, const crypto::secret<32>& next,
                         const std::filesystem::path& kept);

/// Removes a key file for good.
void remove_master_key(const std::filesystem::path& file);

[[nodiscard]] std::filesystem::path next_master_key(const std::filesystem::path& data);

/// What opens everything in the store of `data`, from the key file and, where there is one, the next key. The key file
/// comes first (store_keys::current).
///
/// errors  throws kv::open_error as registry::find_store_keys(), and says why a next key that is there cannot be read;
///         std::runtime_error: the key file
[[nodiscard]] registry::store_keys open_store_keys(const kv::read_txn& txn, const std::filesystem::path& file,
                                                   const std::filesystem::path& data);

/// The next master key as its file has it, which the store is about to depend on.
class next_master_key_file {
public:
    explicit next_master_key_file(std::filesystem::path file) : file_{std::move(file)} {}

    /// The key, once for each time that its file is written; it is on the disk then. Throws std::runtime_error when it
    /// cannot be read, once for each reason, and looks again.
    [[nodiscard]] std::optional<crypto::secret<32>> look();
    /// Gives the same key once more.
    void look_again() noexcept { seen_ = {}; }

    /// Makes sure that the file has this key. False: it had not, and was written again.
    [[nodiscard]] bool keep(const crypto::secret<32>& key);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_; }

private:
    const std::filesystem::path file_;
    struct stat seen_ {};
    std::string complaint_; // told last
};

} // namespace doorward::server
