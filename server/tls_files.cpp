#include "server/tls_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace doorward::server {
namespace {

constexpr std::size_t pem_bytes_max = 1024 * 1024;

std::runtime_error pem_complaint(const std::filesystem::path& file, const std::string& what)
{
    return std::runtime_error{file.string() + ": " + what};
}

// The content of a file, wiped when this ends: keys are read the same way.
class pem_file {
public:
    enum class readers : bool { anybody, few };

    pem_file(const std::filesystem::path& file, readers allowed)
    {
        const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (opened < 0)
            throw pem_complaint(file, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): main thread
        std::string problem;
        struct stat about {};
        if (::fstat(opened, &about) != 0 || !S_ISREG(about.st_mode) ||
            static_cast<std::size_t>(about.st_size) > pem_bytes_max)
            problem = "is no file, or too large";
        else if (allowed == readers::few && (about.st_mode & S_IROTH) != 0)
            problem = "everybody may read it; chmod o-r it";
        else
            read_from(opened, static_cast<std::size_t>(about.st_size));
        ::close(opened);
        if (!problem.empty())
            throw pem_complaint(file, problem);
    }
    pem_file(const pem_file&) = delete;
    pem_file& operator=(const pem_file&) = delete;
    ~pem_file() { crypto::wipe(content_.data(), content_.size()); }

    [[nodiscard]] std::string_view text() const noexcept { return content_; }

private:
    void read_from(int opened, std::size_t size)
    {
        content_.resize(size); // once: no copies of a key are left behind
        std::size_t done = 0;
        while (done < size) {
            const auto got = ::read(opened, content_.data() + done, size - done);
            if (got <= 0)
                break;
            done += static_cast<std::size_t>(got);
        }
        content_.resize(done);
    }

    std::string content_;
};

} // namespace

crypto::tls_context load_tls_context(const tls_settings& from)
{
    const pem_file chain{from.certificate, pem_file::readers::anybody};
    const pem_file key{from.key, pem_file::readers::few};
    std::string authorities;
    if (!from.client_ca.empty())
        authorities = pem_file{from.client_ca, pem_file::readers::anybody}.text();
    try {
        return {chain.text(), crypto::as_bytes(key.text()), authorities};
    } catch (const crypto::tls_error& problem) {
        throw pem_complaint(from.certificate, problem.what());
    }
}

} // namespace doorward::server
