#include "registry/backup_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace doorward::registry {
namespace {

std::runtime_error file_complaint(const std::filesystem::path& file, const std::string& what)
{
    return std::runtime_error{file.string() + ": " + what};
}

std::runtime_error file_complaint(const std::filesystem::path& file)
{
    return file_complaint(file, std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): its text is a constant
}

class open_file {
public:
    open_file(std::filesystem::path path, int flags)
        : path_{std::move(path)}, number_{::open(path_.c_str(), flags | O_CLOEXEC, 0600)}
    {
        if (number_ < 0)
            throw file_complaint(path_);
    }
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() { ::close(number_); }

    [[nodiscard]] int number() const { return number_; }

    void write(crypto::bytes_view data) const
    {
        while (!data.empty()) {
            const auto size = ::write(number_, data.data(), data.size());
            if (size < 0 && errno != EINTR)
                throw file_complaint(path_);
            data = data.subspan(size > 0 ? static_cast<std::size_t>(size) : 0);
        }
    }

    std::size_t read(std::span<crypto::byte> into) const
    {
        std::size_t done = 0;
        while (done < into.size()) {
            const auto size = ::read(number_, into.data() + done, into.size() - done);
            if (size < 0 && errno != EINTR)
                throw file_complaint(path_);
            if (size == 0)
                break;
            done += size > 0 ? static_cast<std::size_t>(size) : 0;
        }
        return done;
    }

    void sync() const
    {
        if (::fsync(number_) != 0)
            throw file_complaint(path_);
    }

private:
    const std::filesystem::path path_;
    const int number_;
};

// FILE.part until it is kept: it goes away with the object.
class part_file {
public:
    explicit part_file(const std::filesystem::path& path) : path_{path}, file_{path, O_WRONLY | O_CREAT}
    {
        if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0)
            throw file_complaint(path, "another backup is being written there");
        is_ours_ = true;
        // It may be somebody else's, left there.
        if (::fchmod(file_.number(), 0600) != 0 || ::ftruncate(file_.number(), 0) != 0)
            throw file_complaint(path);
    }
    part_file(const part_file&) = delete;
    part_file& operator=(const part_file&) = delete;
    ~part_file()
    {
        if (is_ours_)
            ::unlink(path_.c_str());
    }

    [[nodiscard]] const open_file& file() const { return file_; }

    void keep_as(const std::filesystem::path& name)
    {
        file_.sync();
        if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0) {
            if (errno != EINVAL || std::filesystem::exists(name)) // a file system that cannot do this in one step
                throw file_complaint(name);
            if (::rename(path_.c_str(), name.c_str()) != 0)
                throw file_complaint(name);
        }
        is_ours_ = false;
        sync_directory(name.has_parent_path() ? name.parent_path() : std::filesystem::path{"."});
    }

private:
    const std::filesystem::path path_;
    const open_file file_;
    bool is_ours_ = false;
};

} // namespace

void sync_directory(const std::filesystem::path& directory)
{
    const open_file opened{directory, O_RDONLY | O_DIRECTORY};
    opened.sync();
}

backup_summary write_backup_file(const kv::env& store, time_ms now, const std::filesystem::path& file,
                                 const backup_progress& progress)
{
    if (std::filesystem::exists(file))
        throw file_complaint(file, "exists already; nothing was written");
    part_file part{file.string() + ".part"};
    const auto before = store.used().used_bytes;
    const auto watch = [&](std::uint64_t rows, std::uint64_t of) {
        const auto used = store.used();
        if (used.used_bytes > before && used.used_bytes > used.map_bytes / 8 * 7)
            throw file_complaint(file, "given up: the store grows and has little room left");
        if (progress)
            progress(rows, of);
    };
    auto out = store.view([&](const kv::read_txn& txn) {
        return write_backup(
            txn, now, [&](crypto::bytes_view some) { part.file().write(some); }, watch);
    });
    part.keep_as(file);
    return out;
}

backup_source open_backup_file(const std::filesystem::path& file)
{
    auto opened = std::make_shared<open_file>(file, O_RDONLY);
    return [opened](std::span<crypto::byte> into) { return opened->read(into); };
}

} // namespace doorward::registry
