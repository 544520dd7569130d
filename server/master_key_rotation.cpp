#include "server/master_key_rotation.hpp"
#include "crypto/random.hpp"
#include "handlers/json_writer.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/clock.hpp"
#include "registry/master_key.hpp"
#include "server/backup.hpp"
#include "server/config.hpp"
#include "server/master_key.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <ostream>
#include <thread>

namespace doorward::server {
namespace {

namespace fs = std::filesystem;
namespace tables = registry::tables;

constexpr std::size_t rows_at_once = 1024; // in one change, where nobody else waits for the writer
constexpr std::chrono::milliseconds look_pause{200};

crypto::sealer::master_key view_of(const crypto::secret<32>& key)
{
    return key.view().first<crypto::guarded_key::size>();
}

// "20261128T011811.042Z"
std::string now_as_text()
{
    const auto now = registry::system_clock{}.now();
    const std::time_t seconds = now / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> out{};
    const auto size = std::strftime(out.data(), out.size(), "%Y%m%dT%H%M%S", &parts);
    const auto milliseconds = std::to_string(1000 + now % 1000);
    return std::string{out.data(), size} + '.' + milliseconds.substr(1) + 'Z';
}

// Two of these at once would each have a key of its own.
class one_at_a_time {
public:
    explicit one_at_a_time(const fs::path& data) : directory_{::open(data.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)}
    {
        if (directory_ >= 0 && ::flock(directory_, LOCK_EX | LOCK_NB) == 0)
            return;
        const int problem = errno;
        ::close(directory_);
        throw std::runtime_error{data.string() + ": " +
                                 (problem == EWOULDBLOCK ? "another rotation is at work" : std::strerror(problem))};
    }
    one_at_a_time(const one_at_a_time&) = delete;
    one_at_a_time& operator=(const one_at_a_time&) = delete;
    ~one_at_a_time() { ::close(directory_); }

private:
    int directory_;
};

// Does a server use the store?
bool is_in_use(const fs::path& data)
{
    const fs::path file = data / kv::owner_file_name;
    const int opened = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT)
        return false;
    const bool is_free = opened >= 0 && ::flock(opened, LOCK_EX | LOCK_NB) == 0;
    const int problem = errno;
    ::close(opened);
    if (!is_free && problem != EWOULDBLOCK)
        throw std::runtime_error{file.string() + ": " + std::strerror(problem)};
    return !is_free;
}

class key_exchange {
    // No process opens a store twice: each look ends before the next one begins.
    template <class Read>
    auto look(Read&& read) const
    {
        const kv::env store{data_, tables::names, kv::opening{kv::opening::role::reader}};
        return store.view(std::forward<Read>(read));
    }

public:
    key_exchange(const rotation_options& wanted, fs::path key_file)
        : data_{wanted.data},
          key_file_{std::move(key_file)},
          next_file_{next_master_key(wanted.data)},
          present_{read_master_key(key_file_)}
    {
        look([this](const kv::read_txn& txn) {
            registry::require_store(txn, data_);
            static_cast<void>(open_store_keys(txn, key_file_, data_));
        });
        if (fs::exists(next_file_) && crypto::equal_constant_time(read_master_key(next_file_), present_))
            remove_master_key(next_file_); // of one that has come to its end
        propose(wanted.next_key);
    }

    registry::rotation run() { return is_in_use(data_) ? wait_for_server() : do_it(); }

    // Only now: as long as the rotation lasts, what is in the key file is needed. A server that gets its key from
    // elsewhere than the data directory may start once more with the former one; it removes the next one itself.
    fs::path put_in_place()
    {
        auto kept = fs::path{key_file_}.concat(".until-" + now_as_text());
        exchange_master_key(key_file_, next_, kept);
        if (fs::equivalent(fs::absolute(key_file_).parent_path(), data_))
            remove_master_key(next_file_);
        return kept;
    }

private:
    // Puts the next key where a server looks for it, unless it is there.
    void propose(const fs::path& wanted)
    {
        if (!wanted.empty() && !fs::exists(wanted))
            create_master_key(wanted);
        const auto given = wanted.empty() ? std::nullopt : std::optional{read_master_key(wanted)};
        if (given && crypto::equal_constant_time(*given, present_))
            throw std::runtime_error{"master key " + wanted.string() + ": is the present one"};
        if (!fs::exists(next_file_))
            write_master_key(next_file_, given ? *given : crypto::random_secret<32>(), data_ / kv::data_file_name);
        next_ = read_master_key(next_file_);
        if (given && !crypto::equal_constant_time(next_, *given))
            throw std::runtime_error{"a rotation to another key has begun: " + next_file_.string()};
    }

    [[nodiscard]] bool is_next_in_use(const kv::read_txn& txn) const
    {
        return registry::is_master_key(txn, view_of(next_));
    }

    registry::rotation wait_for_server() const
    {
        registry::rotation last;
        auto moved_at = std::chrono::steady_clock::now();
        for (;;) {
            const auto now = look([this](const kv::read_txn& txn) {
                return is_next_in_use(txn) ? registry::find_rotation(txn) : std::nullopt;
            });
            if (now && !now->is_under_way())
                return *now;
            if (now && *now != last) {
                last = *now;
                moved_at = std::chrono::steady_clock::now();
            }
            if (std::chrono::steady_clock::now() - moved_at > rotation_patience)
                throw std::runtime_error{"the server that uses the store does nothing; its log may say why. Leave " +
                                         next_file_.string() + " where it is; done again, this goes on"};
            std::this_thread::sleep_for(look_pause);
        }
    }

    registry::rotation do_it() const
    {
        const kv::env store{data_, tables::names};
        const registry::system_clock clock;
        kv::writer writer{store};
        auto keys = store.view([this](const kv::read_txn& txn) { return open_store_keys(txn, key_file_, data_); });
        if (!store.view([this](const kv::read_txn& txn) { return is_next_in_use(txn); })) {
            const auto number = crypto::sealer::number_after(keys.sealer->number());
            const crypto::sealer next_alone{view_of(next_), number};
            registry::begin_rotation begin{keys.sealer.get(), &next_alone, clock.now()};
            require(kv::blocking_commit(writer, begin));
            keys.sealer->seal_with(view_of(next_), number);
        }
        for (bool is_first = true;; is_first = false) {
            registry::advance_rotation step{keys.sealer.get(), rows_at_once, is_first, clock.now()};
            require(kv::blocking_commit(writer, step));
            if (!step.after || !step.after->is_under_way())
                return step.after.value_or(registry::rotation{});
        }
    }

    static void require(const kv::error_code& outcome)
    {
        if (outcome)
            throw std::runtime_error{"the rotation stopped: " + outcome.message() + ". Done again, it goes on"};
    }

    const fs::path data_;
    const fs::path key_file_;
    const fs::path next_file_;
    const crypto::secret<32> present_;
    crypto::secret<32> next_;
};

} // namespace

int rotate_master_key(const rotation_options& wanted, std::ostream& out)
{
    if (!fs::exists(wanted.data / kv::data_file_name))
        throw kv::open_error{wanted.data.string() + " holds no store"};
    const auto key_file = wanted.master_key.empty() ? default_master_key(wanted.data) : wanted.master_key;
    const one_at_a_time lock{wanted.data};
    key_exchange exchange{wanted, key_file};
    const auto done = exchange.run();
    const auto kept = exchange.put_in_place();
    handlers::json_writer told;
    told.object()
        .member("status", done.unreadable == 0 ? "OK" : "DAMAGED")
        .member("seals", done.sealed_anew)
        .member("unreadable", done.unreadable)
        .member("masterKey", key_file.string())
        .member("former", kept.string());
    out << told.end().text() << '\n';
    return done.unreadable == 0 ? 0 : damage_found;
}

} // namespace doorward::server
