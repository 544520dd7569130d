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

constexpr std::size_t key_digits = 64;

std::runtime_error complaint(const std::filesystem::path& file, const std::string& what)
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

} // namespace

crypto::secret<32> read_master_key(const std::filesystem::path& file)
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

void create_master_key(const std::filesystem::path& file)
{
    auto digits = crypto::to_hex(crypto::random_secret<32>()) + '\n';
    const descriptor opened{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    const bool written = opened.get() >= 0 &&
                         ::write(opened.get(), digits.data(), digits.size()) == static_cast<ssize_t>(digits.size()) &&
                         ::fsync(opened.get()) == 0;
    const int problem = errno;
    crypto::wipe(digits.data(), digits.size());
    if (!written)
        throw complaint(file, std::strerror(problem)); // NOLINT(concurrency-mt-unsafe): start-up
    const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
    const descriptor directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) // the name, too
        throw complaint(file, std::strerror(errno));          // NOLINT(concurrency-mt-unsafe): start-up
}

} // namespace doorward::server
