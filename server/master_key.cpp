#include "server/master_key.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "server/config.hpp"

#include <fcntl.h>
#include <sys/stat.h>
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

// In place of what an interrupted one left.
void write_new(const fs::path& file, const crypto::secret<32>& key)
{
    auto digits = crypto::to_hex(key) + '\n';
    ::unlink(file.c_str());
    const descriptor opened{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    const bool written = opened.get() >= 0 &&
                         ::write(opened.get(), digits.data(), digits.size()) == static_cast<ssize_t>(digits.size()) &&
                         ::fsync(opened.get()) == 0;
    const int problem = errno;
    crypto::wipe(digits.data(), digits.size());
    if (!written)
        throw complaint(file, std::strerror(problem)); // NOLINT(concurrency-mt-unsafe): start-up
}

// What was linked and renamed is on the disk, too.
void flush_names(const fs::path& file)
{
    const auto parent = file.has_parent_path() ? file.parent_path() : fs::path{"."};
    const descriptor directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0 || ::fsync(directory.get()) != 0)
        throw complaint(file, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): start-up
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

void write_master_key(const fs::path& file, const crypto::secret<32>& key)
{
    const fs::path whole = beside(file);
    write_new(whole, key);
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

void give_to_owner_of(const fs::path& other, const fs::path& file) noexcept
{
    struct stat about {};
    if (::stat(other.c_str(), &about) == 0 && about.st_uid != ::geteuid())
        static_cast<void>(::chown(file.c_str(), about.st_uid, about.st_gid) == 0);
}

void exchange_master_key(const fs::path& file, const crypto::secret<32>& next, const fs::path& kept)
{
    const fs::path whole = beside(file);
    write_new(whole, next);
    give_to_owner_of(file, whole);
    struct stat about {};
    const bool exchanged = ::stat(file.c_str(), &about) == 0 && ::chmod(whole.c_str(), about.st_mode & 0777) == 0 &&
                           ::link(file.c_str(), kept.c_str()) == 0 && ::rename(whole.c_str(), file.c_str()) == 0;
    const int problem = errno;
    if (!exchanged) {
        ::unlink(whole.c_str());
        throw complaint(file, std::strerror(problem)); // NOLINT(concurrency-mt-unsafe): a tool of one thread
    }
    flush_names(file);
}

fs::path next_master_key(const fs::path& data)
{
    return data / "master.key.next";
}

std::vector<crypto::secret<32>> read_master_keys(const fs::path& file, const fs::path& data)
{
    std::vector<crypto::secret<32>> out;
    out.push_back(read_master_key(file));
    try {
        out.push_back(read_master_key(next_master_key(data)));
    } catch (const std::runtime_error&) { // none, as a rule
    }
    return out;
}

std::optional<crypto::secret<32>> next_master_key_watch::look()
{
    struct stat now {};
    if (::stat(file_.c_str(), &now) != 0)
        now = {};
    const bool is_new = now.st_ino != seen_.st_ino || now.st_mtim.tv_sec != seen_.st_mtim.tv_sec ||
                        now.st_mtim.tv_nsec != seen_.st_mtim.tv_nsec || now.st_ctim.tv_nsec != seen_.st_ctim.tv_nsec;
    seen_ = now;
    return is_new && now.st_ino != 0 ? std::optional{read_master_key(file_)} : std::nullopt;
}

} // namespace doorward::server
