#include "server/master_key_rotation.hpp"
#include "crypto/random.hpp"
#include "handlers/json_writer.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/clock.hpp"
#include "registry/master_key.hpp"
#include "server/backup.hpp"
#include "server/config.hpp"
#include "server/master_key.hpp"

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

std::string now_as_text()
{
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> out{};
    const auto size = std::strftime(out.data(), out.size(), "%Y%m%dT%H%M%SZ", &parts);
    return {out.data(), size};
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
          present_{read_master_key(key_file_)},
          next_{find_next(wanted.next_key)}
    {}

    // Puts the next key where a server looks for it, unless it is there.
    void propose()
    {
        look([this](const kv::read_txn& txn) {
            registry::require_store(txn, data_);
            const crypto::secret<32> both[]{present_, next_};
            static_cast<void>(registry::find_store_keys(txn, both));
        });
        if (fs::exists(next_file_))
            return;
        write_master_key(next_file_, next_);
        give_to_owner_of(data_ / kv::data_file_name, next_file_);
    }

    registry::rotation run()
    {
        std::optional<kv::directory_lock> lock;
        try {
            lock.emplace(data_);
        } catch (const kv::open_error&) { // a server has it
        }
        if (!lock)
            return wait_for_server();
        lock.reset(); // the store takes it
        return do_it();
    }

    // Only now: as long as the rotation lasts, what is in the key file is needed. Empty: it is there already.
    fs::path put_in_place()
    {
        if (crypto::equal_constant_time(present_, next_)) {
            fs::remove(next_file_);
            return {};
        }
        auto kept = fs::path{key_file_}.concat(".until-" + now_as_text());
        exchange_master_key(key_file_, next_, kept);
        fs::remove(next_file_);
        return kept;
    }

private:
    [[nodiscard]] crypto::secret<32> find_next(const fs::path& wanted) const
    {
        if (!wanted.empty() && !fs::exists(wanted))
            create_master_key(wanted);
        if (!fs::exists(next_file_))
            return wanted.empty() ? crypto::random_secret<32>() : read_master_key(wanted);
        auto begun = read_master_key(next_file_);
        if (!wanted.empty() && !crypto::equal_constant_time(begun, read_master_key(wanted)))
            throw std::runtime_error{"a rotation to another key has begun: " + next_file_.string()};
        return begun;
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
                throw std::runtime_error{
                    "the server that uses the store does nothing; its log may say why. Done again, this goes on"};
            std::this_thread::sleep_for(look_pause);
        }
    }

    registry::rotation do_it() const
    {
        const kv::env store{data_, tables::names};
        const registry::system_clock clock;
        kv::writer writer{store};
        const crypto::secret<32> both[]{present_, next_};
        auto keys = store.view([&](const kv::read_txn& txn) { return registry::find_store_keys(txn, both); });
        if (!store.view([this](const kv::read_txn& txn) { return is_next_in_use(txn); })) {
            const auto number = crypto::sealer::number_after(keys.sealer->number());
            const crypto::sealer next_alone{view_of(next_), number};
            registry::begin_rotation begin{keys.sealer.get(), &next_alone, clock.now()};
            require(kv::blocking_commit(writer, begin));
            keys.sealer->seal_with(view_of(next_), number);
        }
        for (;;) {
            registry::advance_rotation step{keys.sealer.get(), rows_at_once, true, clock.now()};
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
    const crypto::secret<32> next_;
};

} // namespace

int rotate_master_key(const rotation_options& wanted, std::ostream& out)
{
    if (!fs::exists(wanted.data / kv::data_file_name))
        throw kv::open_error{wanted.data.string() + " holds no store"};
    const auto key_file = wanted.master_key.empty() ? default_master_key(wanted.data) : wanted.master_key;
    key_exchange exchange{wanted, key_file};
    exchange.propose();
    const auto done = exchange.run();
    const auto kept = exchange.put_in_place();
    handlers::json_writer told;
    told.object()
        .member("status", done.unreadable == 0 ? "OK" : "DAMAGED")
        .member("seals", done.sealed_anew)
        .member("unreadable", done.unreadable)
        .member("masterKey", key_file.string());
    if (!kept.empty())
        told.member("former", kept.string());
    out << told.end().text() << '\n';
    return done.unreadable == 0 ? 0 : damage_found;
}

} // namespace doorward::server
