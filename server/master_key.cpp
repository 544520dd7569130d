#include "server/master_key.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "server/config.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace doorward::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_digits = 64;

std::runtime_error complaint(const fs::path& file, const std::string& what)
{
    return std::runtime_error{"master key " + file.string() + ": " + what};
}

class descriptor {
public:
    explicit descriptor(int number) : number_{number} {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (number_ >= 0)
            ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }

private:
    int number_;
};

// A name in the same directory, for a file that is not whole yet.
fs::path beside(const fs::path& file)
{
    return fs::path{file}.concat(".new");
}

// Whose a new file is to be, and who may read it.
struct file_rights {
    uid_t owner = ::geteuid();
    gid_t group = ::getegid();
    mode_t mode = 0600;
};

// Where others may write to the directory, a name may be a link: nothing here follows one.
file_rights rights_of(const fs::path& file)
{
    struct stat about {};
    if (::lstat(file.c_str(), &about) != 0 || !S_ISREG(about.st_mode))
        throw complaint(file, "is no file");
    return {about.st_uid, about.st_gid, about.st_mode & 0777U};
}

// In place of what an interrupted one left.
void write_new(const fs::path& file, const crypto::secret<32>& key, const file_rights& rights)
{
    auto digits = crypto::to_hex(key) + '\n';
    ::unlink(file.c_str());
    const descriptor opened{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    const bool is_ours = rights.owner == ::geteuid() && rights.group == ::getegid();
    const bool written = opened.get() >= 0 && (is_ours || ::fchown(opened.get(), rights.owner, rights.group) == 0) &&
                         ::fchmod(opened.get(), rights.mode) == 0 &&
                         ::write(opened.get(), digits.data(), digits.size()) == static_cast<ssize_t>(digits.size()) &&
                         ::fsync(opened.get()) == 0;
    const int problem = errno;
    crypto::wipe(digits.data(), digits.size());
    if (!written) {
        ::unlink(file.c_str());
        throw complaint(file, std::strerror(problem)); // NOLINT(concurrency-mt-unsafe): start-up
    }
}

// What was linked and renamed is on the disk, too.
void flush_names(const fs::path& file)
{
    const auto parent = file.has_parent_path() ? file.parent_path() : fs::path{"."};
    const descriptor directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0 || ::fsync(directory.get()) != 0)
        throw complaint(file, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): start-up
}

// A file that somebody else wrote is on the disk, and its name.
void flush_file(const fs::path& file)
{
    const descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (opened.get() < 0 || ::fsync(opened.get()) != 0)
        throw complaint(file, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): start-up
    flush_names(file);
}

bool is_same(const struct stat& a, const struct stat& b)
{
    const auto same_time = [](const timespec& x, const timespec& y) {
        return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
    };
    return a.st_ino == b.st_ino && a.st_size == b.st_size && same_time(a.st_mtim, b.st_mtim) &&
           same_time(a.st_ctim, b.st_ctim);
}

} // namespace

crypto::secret<32> read_master_key(const fs::path& file)
{
    const descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (opened.get() < 0)
        throw complaint(file, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): start-up
    struct stat about {};
    const mode_t others = is_credential(file) ? S_IRWXO : S_IRWXG | S_IRWXO;
    if (::fstat(opened.get(), &about) != 0 || (about.st_mode & others) != 0)
        throw complaint(file, "others may read it; chmod 0600 it");

    std::array<char, key_digits + 2> text{};
    const auto size = ::read(opened.get(), text.data(), text.size());
    const bool sized = size == key_digits || (size == key_digits + 1 && text[key_digits] == '\n');
    auto key = sized ? crypto::from_hex({text.data(), key_digits}) : std::nullopt;
    crypto::wipe(text.data(), text.size());
    if (!key)
        throw complaint(file, "must hold 64 hexadecimal digits");
    const crypto::secret<32> out{*key};
    crypto::wipe(key->data(), key->size());
    return out;
}

void write_master_key(const fs::path& file, const crypto::secret<32>& key, const fs::path& for_owner_of)
{
    file_rights rights;
    if (!for_owner_of.empty()) {
        rights = rights_of(for_owner_of);
        rights.mode = 0600;
    }
    const fs::path whole = beside(file);
    write_new(whole, key, rights);
    const bool there = ::link(whole.c_str(), file.c_str()) == 0; // unlike a rename, never in place of another
    const int problem = errno;
    ::unlink(whole.c_str());
    if (!there)
        throw complaint(file, std::strerror(problem)); // NOLINT(concurrency-mt-unsafe): start-up
    flush_names(file);
}

void create_master_key(const fs::path& file)
{
    write_master_key(file, crypto::random_secret<32>());
}

void exchange_master_key(const fs::path& file, const crypto::secret<32>& next, const fs::path& kept)
{
    const fs::path whole = beside(file);
    write_new(whole, next, rights_of(file));
    const bool exchanged = ::link(file.c_str(), kept.c_str()) == 0 && ::rename(whole.c_str(), file.c_str()) == 0;
    const int problem = errno;
    if (!exchanged) {
        ::unlink(whole.c_str());
        throw complaint(file, std::strerror(problem)); // NOLINT(concurrency-mt-unsafe): a tool of one thread
    }
    flush_names(file);
}

void remove_master_key(const fs::path& file)
{
    fs::remove(file);
    flush_names(file);
}

fs::path next_master_key(const fs::path& data)
{
    return data / "master.key.next";
}

registry::store_keys open_store_keys(const kv::read_txn& txn, const fs::path& file, const fs::path& data)
{
    std::vector<crypto::secret<32>> at_hand{read_master_key(file)};
    std::string missing;
    if (const auto next = next_master_key(data); fs::exists(fs::symlink_status(next))) {
        try {
            at_hand.push_back(read_master_key(next));
        } catch (const std::runtime_error& problem) {
            missing = std::string{"; "} + problem.what();
        }
    }
    try {
        return registry::find_store_keys(txn, at_hand);
    } catch (const kv::open_error& problem) {
        throw kv::open_error{problem.what() + missing};
    }
}

std::optional<crypto::secret<32>> next_master_key_file::look()
{
    struct stat now {};
    if (::stat(file_.c_str(), &now) != 0) {
        seen_ = {};
        return std::nullopt;
    }
    if (is_same(now, seen_))
        return std::nullopt;
    try {
        auto key = read_master_key(file_);
        flush_file(file_);
        seen_ = now;
        complaint_.clear();
        return key;
    } catch (const std::runtime_error& problem) {
        if (complaint_ == problem.what())
            return std::nullopt;
        complaint_ = problem.what();
        throw;
    }
}

bool next_master_key_file::keep(const crypto::secret<32>& key)
{
    try {
        if (crypto::equal_constant_time(read_master_key(file_), key))
            return true;
    } catch (const std::runtime_error&) { // then it is written
    }
    fs::remove(file_);
    write_master_key(file_, key);
    return false;
}

} // namespace doorward::server
