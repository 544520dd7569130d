// Stands between a server and the file of its store (LD_PRELOAD): writes down every write and every flush in their
// order, and fails those that the test wants to fail. Everything else passes through.
//
// One mutex holds each operation and its entry together, so the order of the record is the order of what happened. The
// store's file is told by its name when it is opened; LMDB opens it twice, the second time with O_DSYNC for its meta
// pages. LMDB's map is read-only, so nothing reaches the file but what is seen here.

#include "tests/storage_shim.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace doorward::tests;

[[noreturn]] void give_up(const char* what)
{
    std::perror(what);
    std::abort();
}

// The function that would have been called without the shim.
template <class Function>
Function* next_of(const char* name)
{
    void* const found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr)
        give_up(name);
    return reinterpret_cast<Function*>(found);
}

namespace next {

int open(const char* path, int flags, mode_t mode)
{
    static auto* const call = next_of<int(const char*, int, ...)>("open");
    return call(path, flags, mode);
}
int close(int file)
{
    static auto* const call = next_of<int(int)>("close");
    return call(file);
}
ssize_t write(int file, const void* data, std::size_t size)
{
    static auto* const call = next_of<ssize_t(int, const void*, std::size_t)>("write");
    return call(file, data, size);
}
ssize_t writev(int file, const iovec* parts, int count)
{
    static auto* const call = next_of<ssize_t(int, const iovec*, int)>("writev");
    return call(file, parts, count);
}
ssize_t pwrite(int file, const void* data, std::size_t size, off_t offset)
{
    static auto* const call = next_of<ssize_t(int, const void*, std::size_t, off_t)>("pwrite");
    return call(file, data, size, offset);
}
ssize_t pwritev(int file, const iovec* parts, int count, off_t offset)
{
    static auto* const call = next_of<ssize_t(int, const iovec*, int, off_t)>("pwritev");
    return call(file, parts, count, offset);
}
int fdatasync(int file)
{
    static auto* const call = next_of<int(int)>("fdatasync");
    return call(file);
}
int fsync(int file)
{
    static auto* const call = next_of<int(int)>("fsync");
    return call(file);
}
int msync(void* start, std::size_t size, int flags)
{
    static auto* const call = next_of<int(void*, std::size_t, int)>("msync");
    return call(start, size, flags);
}
int ftruncate(int file, off_t size)
{
    static auto* const call = next_of<int(int, off_t)>("ftruncate");
    return call(file, size);
}
int fallocate(int file, int mode, off_t offset, off_t size)
{
    static auto* const call = next_of<int(int, int, off_t, off_t)>("fallocate");
    return call(file, mode, offset, size);
}

} // namespace next

// --- which files are watched

enum class watched : std::uint8_t { no, yes, synced };

constexpr int files_max = 4096;
std::atomic<watched> files[files_max]; // by descriptor

watched kind_of(int file)
{
    return file >= 0 && file < files_max ? files[file].load() : watched::no;
}

void watch_if_store(const char* path, int flags, int file)
{
    const std::size_t length = std::strlen(path);
    const std::size_t tail = std::strlen(shim_watched_file);
    if (file < 0 || length < tail || std::strcmp(path + length - tail, shim_watched_file) != 0)
        return;
    if (file >= files_max)
        give_up("storage shim: too many files");
    files[file].store((flags & O_DSYNC) != 0 ? watched::synced : watched::yes);
}

bool takes_mode(int flags)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

// --- what the test sees

class storage {
public:
    storage()
    {
        const char* const directory = std::getenv(shim_directory_variable); // NOLINT(concurrency-mt-unsafe): never set
        if (directory == nullptr)
            give_up(shim_directory_variable);
        const std::string in = std::string{directory} + '/';
        const int control = next::open((in + shim_control_file).c_str(), O_RDWR | O_CLOEXEC, 0);
        record_ = next::open((in + shim_record_file).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (control < 0 || record_ < 0)
            give_up("storage shim: cannot open its files");
        void* const shared = ::mmap(nullptr, sizeof(storage_control), PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
        if (shared == MAP_FAILED)
            give_up("storage shim: cannot map its control page");
        next::close(control);
        control_ = static_cast<storage_control*>(shared);
    }

    // Never destroyed: the server may write until its very end.
    static storage& instance()
    {
        static auto* const only = new storage;
        return *only;
    }

    // offset  none: at the file's position, which moves
    ssize_t write(int file, watched kind, const iovec* parts, int count, const off_t* offset)
    {
        const std::lock_guard lock{mutex_};
        const auto at = offset != nullptr ? *offset : ::lseek(file, 0, SEEK_CUR);
        std::size_t size = 0;
        for (int i = 0; i < count; ++i)
            size += parts[i].iov_len;
        const bool fails = next_fails();
        const auto how = control_->fault.load();
        std::size_t done = size;
        if (fails)
            done = how == fault_kind::before ? 0 : how == fault_kind::half ? size / 2 / sector * sector : size;
        const auto capacity = control_->capacity_bytes.load();
        const bool full = capacity != 0 && static_cast<std::uint64_t>(at) + done > capacity;
        if (full)
            done = capacity > static_cast<std::uint64_t>(at) ? capacity - static_cast<std::uint64_t>(at) : 0;

        const auto first = first_bytes(parts, count, done);
        if (done > 0) {
            const auto written = offset != nullptr
                                     ? next::pwritev(file, first.data(), static_cast<int>(first.size()), at)
                                     : next::writev(file, first.data(), static_cast<int>(first.size()));
            if (written != static_cast<ssize_t>(done))
                give_up("storage shim: the real disk does not take a write");
        }
        const bool error = (fails && how != fault_kind::half) || (full && done == 0);
        note({kind == watched::synced ? storage_action::synced_write : storage_action::write,
              static_cast<std::uint8_t>(error || done < size),
              {},
              static_cast<std::uint64_t>(at),
              done},
             first);
        if (!error)
            return static_cast<ssize_t>(done);
        errno = fails ? control_->fault_errno.load() : ENOSPC;
        return -1;
    }

    template <class Call>
    int flush(Call call)
    {
        const std::lock_guard lock{mutex_};
        const bool fails = next_fails();
        const int result = fails && control_->fault.load() != fault_kind::after ? 0 : call();
        if (result != 0)
            give_up("storage shim: the real disk does not flush");
        note({storage_action::flush, fails, {}, 0, 0}, {});
        if (!fails)
            return 0;
        errno = control_->fault_errno.load();
        return -1;
    }

    int reserve(int file, int mode, off_t offset, off_t size)
    {
        const std::lock_guard lock{mutex_};
        const bool fails = next_fails();
        const auto capacity = control_->capacity_bytes.load();
        int error = 0;
        if (fails)
            error = control_->fault_errno.load();
        else if (control_->cannot_reserve.load())
            error = EOPNOTSUPP;
        else if (capacity != 0 && static_cast<std::uint64_t>(offset + size) > capacity)
            error = ENOSPC;
        else if (next::fallocate(file, mode, offset, size) != 0)
            error = errno;
        const bool keeps_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
        note({keeps_size ? storage_action::reserve : storage_action::resize,
              error != 0,
              {},
              static_cast<std::uint64_t>(offset + size),
              0},
             {});
        errno = error;
        return error == 0 ? 0 : -1;
    }

    int resize(int file, off_t size)
    {
        const std::lock_guard lock{mutex_};
        const int result = next::ftruncate(file, size);
        const int error = errno;
        note({storage_action::resize, result != 0, {}, static_cast<std::uint64_t>(size), 0}, {});
        errno = error;
        return result;
    }

private:
    bool next_fails()
    {
        const auto number = control_->begun.fetch_add(1) + 1;
        const bool fails = number >= control_->fault_first.load() && number <= control_->fault_last.load();
        if (fails)
            control_->faults.fetch_add(1);
        return fails;
    }

    static std::vector<iovec> first_bytes(const iovec* parts, int count, std::size_t size)
    {
        std::vector<iovec> out;
        for (int i = 0; i < count && size > 0; ++i) {
            out.push_back({parts[i].iov_base, std::min(parts[i].iov_len, size)});
            size -= out.back().iov_len;
        }
        return out;
    }

    void note(entry_head head, std::vector<iovec> data)
    {
        data.insert(data.begin(), {&head, sizeof head});
        const auto written = next::writev(record_, data.data(), static_cast<int>(data.size()));
        if (written != static_cast<ssize_t>(sizeof head + head.size))
            give_up("storage shim: cannot write the record");
        // release: whoever sees the number finds the entries in the file.
        control_->recorded.fetch_add(1, std::memory_order_release);
    }

    std::mutex mutex_;
    int record_ = -1;
    storage_control* control_ = nullptr;
};

} // namespace

// --- what the server calls

extern "C" {

int open(const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const auto mode = takes_mode(flags) ? va_arg(more, mode_t) : mode_t{0};
    va_end(more);
    const int file = next::open(path, flags, mode);
    watch_if_store(path, flags, file);
    return file;
}

int open64(const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const auto mode = takes_mode(flags) ? va_arg(more, mode_t) : mode_t{0};
    va_end(more);
    const int file = next::open(path, flags | O_LARGEFILE, mode);
    watch_if_store(path, flags, file);
    return file;
}

int close(int file)
{
    if (kind_of(file) != watched::no)
        files[file].store(watched::no); // first: the number may be another file's as soon as it is closed
    return next::close(file);
}

ssize_t write(int file, const void* data, size_t size)
{
    const auto kind = kind_of(file);
    if (kind == watched::no)
        return next::write(file, data, size);
    const iovec part{const_cast<void*>(data), size};
    return storage::instance().write(file, kind, &part, 1, nullptr);
}

ssize_t writev(int file, const iovec* parts, int count)
{
    const auto kind = kind_of(file);
    if (kind == watched::no)
        return next::writev(file, parts, count);
    return storage::instance().write(file, kind, parts, count, nullptr);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t offset)
{
    const auto kind = kind_of(file);
    if (kind == watched::no)
        return next::pwrite(file, data, size, offset);
    const iovec part{const_cast<void*>(data), size};
    return storage::instance().write(file, kind, &part, 1, &offset);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset)
{
    return pwrite(file, data, size, offset);
}

ssize_t pwritev(int file, const iovec* parts, int count, off_t offset)
{
    const auto kind = kind_of(file);
    if (kind == watched::no)
        return next::pwritev(file, parts, count, offset);
    return storage::instance().write(file, kind, parts, count, &offset);
}

ssize_t pwritev64(int file, const iovec* parts, int count, off64_t offset)
{
    return pwritev(file, parts, count, offset);
}

int fdatasync(int file)
{
    if (kind_of(file) == watched::no)
        return next::fdatasync(file);
    return storage::instance().flush([&] { return next::fdatasync(file); });
}

int fsync(int file)
{
    if (kind_of(file) == watched::no)
        return next::fsync(file);
    return storage::instance().flush([&] { return next::fsync(file); });
}

// Of the server's maps only LMDB's is flushed.
int msync(void* start, size_t size, int flags)
{
    return storage::instance().flush([&] { return next::msync(start, size, flags); });
}

int ftruncate(int file, off_t size) noexcept
{
    if (kind_of(file) == watched::no)
        return next::ftruncate(file, size);
    return storage::instance().resize(file, size);
}

int ftruncate64(int file, off64_t size) noexcept
{
    return ftruncate(file, size);
}

int fallocate(int file, int mode, off_t offset, off_t size)
{
    if (kind_of(file) == watched::no)
        return next::fallocate(file, mode, offset, size);
    return storage::instance().reserve(file, mode, offset, size);
}

int fallocate64(int file, int mode, off64_t offset, off64_t size)
{
    return fallocate(file, mode, offset, size);
}

} // extern "C"
