#include "bench/populate.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/changes.hpp"
#include "server/config.hpp"
#include "server/init.hpp"
#include "server/master_key.hpp"

#include <algorithm>
#include <future>
#include <iostream>
#include <stdexcept>

namespace doorward::bench {
namespace {

using registry::registration_number;
using registry::time_ms;

constexpr std::uint64_t registrations_per_batch = 50'000;
constexpr std::size_t ids_per_batch = 500'000;
constexpr time_ms year_ms = time_ms{365} * 24 * 3600 * 1000;
constexpr time_ms minute_ms = time_ms{60} * 1000; // from creation to key exchange, and from there to commit
constexpr std::string_view clerk = "admin";       // who creates and commits

// Rows of one table in one piece of memory, in the order in which they came or in that of their keys.
class row_list {
public:
    explicit row_list(kv::table of) noexcept : table_{of} {}

    void add(bytes_view key, bytes_view value)
    {
        rows_.push_back({content_.size(), key.size(), value.size()});
        crypto::append(content_, key);
        crypto::append(content_, value);
    }
    void sort()
    {
        std::ranges::sort(rows_, [this](const row& a, const row& b) {
            return std::ranges::lexicographical_compare(key_of(a), key_of(b));
        });
    }
    void put(kv::write_txn& txn) const
    {
        for (const row& each : rows_)
            txn.put(table_, key_of(each), bytes_view{content_}.subspan(each.at + each.key_bytes, each.value_bytes));
    }
    [[nodiscard]] std::size_t bytes_count() const noexcept { return content_.size(); }

private:
    struct row {
        std::size_t at;
        std::size_t key_bytes;
        std::size_t value_bytes;
    };
    [[nodiscard]] bytes_view key_of(const row& of) const { return bytes_view{content_}.subspan(of.at, of.key_bytes); }

    kv::table table_;
    bytes content_;
    std::vector<row> rows_;
};

// A change of many rows.
struct batch {
    const kv::env* store;
    std::vector<row_list> lists;

    kv::error_code operator()(kv::write_txn& txn) const
    {
        std::size_t wanted = 0;
        for (const row_list& each : lists)
            wanted += 2 * each.bytes_count(); // pages are half full at worst
        if (const auto ec = store->reserve(wanted))
            return ec;
        for (const row_list& each : lists)
            each.put(txn);
        return {};
    }
};

// Keeps one batch on its way to the disk while the next is made.
class pipeline {
public:
    explicit pipeline(kv::writer& to) noexcept : writer_{to} {}
    pipeline(const pipeline&) = delete;
    pipeline& operator=(const pipeline&) = delete;
    ~pipeline()
    {
        if (settled_.valid())
            settled_.wait();
    }

    template <class Change>
    void submit(Change change)
    {
        finish();
        settled_ = std::async(std::launch::async, [this, moved = std::move(change)]() mutable {
            return kv::blocking_commit(writer_, moved);
        });
    }
    void finish()
    {
        if (!settled_.valid())
            return;
        if (const auto ec = settled_.get())
            throw std::runtime_error{"the store takes no more: " + ec.message()};
    }

private:
    kv::writer& writer_;
    std::future<kv::error_code> settled_;
};

// After the crowd user-1 has one registration, user-2 two, user-3 three, user-4 one again, ...
std::string user_of(registration_number number, std::uint64_t crowd)
{
    if (number <= crowd)
        return "crowd";
    constexpr unsigned within[]{1, 2, 2, 3, 3, 3};
    const auto index = number - crowd - 1;
    return "user-" + std::to_string(index / 6 * 3 + within[index % 6]);
}

struct id_row {
    registry::uuid id;
    registration_number number;
};

class maker {
public:
    maker(const crypto::sealer& sealer, const population& wanted)
        : sealer_{sealer},
          wanted_{wanted},
          device_key_{crypto::p256_private_key::generate()},
          server_key_{crypto::p256_private_key::generate()}
    {
        out_.application_id = load_application_id;
        out_.application_key = crypto::to_base64(crypto::random_array<16>());
        out_.application_secret = crypto::to_base64(crypto::random_array<16>());
        out_.master_public_key = crypto::to_base64(master_key_.point());
        ids_.reserve(wanted.registrations);
        out_.phones.reserve(wanted.registrations / wanted.active_every);
    }

    // The records of `count` registrations from `first` on.
    std::vector<row_list> make(registration_number first, std::uint64_t count)
    {
        namespace tables = registry::tables;
        row_list registrations{tables::registrations};
        row_list keys{tables::keys};
        row_list counters{tables::counters};
        row_list by_user{tables::by_user};
        row_list history{tables::history};
        for (registration_number number = first; number < first + count; ++number) {
            const one made = draw(number);
            const auto key = registry::number_key(number);
            registrations.add(key, encode(made.record));
            keys.add(key, encode(seal(made)));
            counters.add(key, encode(made.attempts));
            by_user.add(registry::user_key(made.record.user_id, number), {});
            for (const registry::history_row& row : history_of(made)) // the newest has the smallest key
                history.add(registry::history_key(number, row.version), encode(row));
        }
        by_user.sort();
        return {registrations, keys, counters, by_user, history};
    }

    // Once, after all registrations.
    [[nodiscard]] std::vector<id_row> take_ids()
    {
        std::ranges::sort(ids_, {}, &id_row::id);
        return std::move(ids_);
    }
    [[nodiscard]] registry::create_application application() const
    {
        registry::create_application out;
        const auto& id = out_.application_id;
        const auto& key = out_.application_key;
        out.record.id = id;
        out.record.master_keys = {
            {master_key_.point(),
             registry::seal_private_key(sealer_, "applications", crypto::as_bytes(id), master_key_),
             wanted_.now - year_ms}};
        out.record.created_at = wanted_.now - year_ms;
        out.by.at = out.record.created_at;
        out.record.settings.unproven_per_minute = 0; // a load of noise is what some workloads are
        out.version.application_id = id;
        out.version.key = key;
        out.version.sealed_secret = sealer_.seal(crypto::as_bytes(out_.application_secret),
                                                 registry::seal_place("versions", crypto::as_bytes(key), "secret"));
        return out;
    }
    [[nodiscard]] fleet take_fleet() { return std::move(out_); }

private:
    struct one {
        registry::registration record;
        registry::counters attempts;
        registry::registration_keys keys;
    };

    one draw(registration_number number)
    {
        const bool in_fleet = number % wanted_.active_every == 0;
        one out;
        const auto secrets = crypto::random_secret<96>();
        const auto part = [&](std::size_t index) { return secrets.view().subspan(index * 16, 16); };
        out.keys = {{key16{part(0)}, key16{part(1)}, key16{part(2)}}, key16{part(3)}, key16{part(4)}};
        out.attempts.word =
            registry::attempt_word::first().moved(registry::state::pending_commit, 0).moved(registry::state::active, 0);
        out.attempts.counter.data = crypto::take<16>(part(5));

        registry::registration& record = out.record;
        record.id = registry::uuid::random();
        record.application_id = load_application_id;
        record.user_id = user_of(number, wanted_.crowd);
        record.max_failed_attempts =
            in_fleet ? fleet_failed_attempts_max : std::uint8_t{registry::max_failed_attempts_default};
        record.name = "Simulated phone";
        record.platform = "android";
        record.device_info = "doorward-device";
        record.created_at =
            wanted_.now - year_ms + static_cast<time_ms>(number * year_ms / (wanted_.registrations + 1));
        record.expires_at = record.created_at + registry::registration_expiry_default_ms;
        record.changed_at = record.created_at + 2 * minute_ms;
        record.status_version = out.attempts.word.version();
        record.device_key = device_key_.point();
        record.server_key = server_key_.point();

        ids_.push_back({record.id, number});
        if (in_fleet)
            out_.phones.push_back({record.id.text(),
                                   {out.keys.factors.possession, out.keys.factors.knowledge, out.keys.factors.biometry,
                                    out.keys.transport, out.keys.vault},
                                   out.attempts.counter.data});
        return out;
    }

    [[nodiscard]] registry::stored_keys seal(const one& of) const
    {
        return {registry::seal_keys(sealer_, of.record.id, of.keys),
                registry::seal_private_key(sealer_, "keys", of.record.id.view(), server_key_)};
    }

    // Newest first.
    static std::array<registry::history_row, 3> history_of(const one& of)
    {
        using registry::state;
        const registry::registration& record = of.record;
        const auto last = record.status_version;
        const registry::actor office{std::string{clerk}, {}};
        return {{{last,
                  registry::move::commit,
                  state::pending_commit,
                  state::active,
                  {},
                  office,
                  record.name,
                  record.changed_at},
                 {last - 1,
                  registry::move::exchange_keys,
                  state::created,
                  state::pending_commit,
                  {},
                  {},
                  record.name,
                  record.created_at + minute_ms},
                 {last - 2, registry::move::create, {}, state::created, {}, office, {}, record.created_at}}};
    }

    const crypto::sealer& sealer_;
    const population wanted_;
    const crypto::p256_private_key device_key_;
    const crypto::p256_private_key server_key_;
    const crypto::p256_private_key master_key_ = crypto::p256_private_key::generate();
    std::vector<id_row> ids_;
    fleet out_;
};

} // namespace

fleet populate(const kv::env& store, kv::writer& to, const crypto::sealer& sealer, const population& wanted,
               const std::function<void(std::uint64_t)>& progress)
{
    namespace tables = registry::tables;
    if (wanted.registrations == 0 || wanted.active_every == 0)
        throw std::runtime_error{"a population has at least one registration, and each so many-th is active"};
    if (wanted.crowd > wanted.registrations)
        throw std::runtime_error{"one user cannot have more registrations than there are"};
    const auto rows = store.view([](const kv::read_txn& txn) { return txn.row_count(tables::ids); });
    if (rows > 0)
        throw std::runtime_error{"the store holds registrations already; nothing was changed"};

    maker all{sealer, wanted};
    pipeline disk{to};
    for (registration_number first = 1; first <= wanted.registrations; first += registrations_per_batch) {
        const auto count = std::min(registrations_per_batch, wanted.registrations - first + 1);
        disk.submit(batch{&store, all.make(first, count)});
        progress(first + count - 1);
    }
    // Ids are random: in their order at last, each page of the table is written once.
    const auto ids = all.take_ids();
    for (std::size_t first = 0; first < ids.size(); first += ids_per_batch) {
        row_list part{tables::ids};
        for (std::size_t i = first; i < std::min(ids.size(), first + ids_per_batch); ++i)
            part.add(ids[i].id.view(), crypto::big_endian(ids[i].number));
        disk.submit(batch{&store, {std::move(part)}});
    }
    disk.submit([&, application = all.application()](kv::write_txn& txn) {
        if (const auto ec = application(txn))
            return ec;
        txn.put(tables::meta, crypto::as_bytes(registry::meta_key::last_number),
                crypto::big_endian(registration_number{wanted.registrations}));
        return kv::error_code{};
    });
    disk.finish();
    return all.take_fleet();
}

namespace {

void run(const populate_options& wanted)
{
    if (std::filesystem::exists(wanted.fleet_file))
        throw std::runtime_error{wanted.fleet_file.string() + " exists already"};
    const auto made = server::initialise_data(wanted.data, wanted.admin, wanted.master_key);
    const auto key_file = wanted.master_key.empty() ? server::default_master_key(wanted.data) : wanted.master_key;
    const crypto::sealer sealer{server::read_master_key(key_file).view().first<crypto::guarded_key::size>()};
    const kv::env store{wanted.data, registry::tables::names};
    kv::writer writer{store};
    const population people{wanted.registrations, wanted.active_every, registry::system_clock{}.now(), wanted.crowd};
    const auto phones = populate(store, writer, sealer, people, [&](std::uint64_t done) {
        std::cerr << "\r\033[Kwriting: " << done << " of " << wanted.registrations << " registrations" << std::flush;
    });
    save_fleet(wanted.fleet_file, phones);
    std::cerr << "\r\033[K" << wanted.registrations << " registrations, " << phones.phones.size()
              << " phones in the fleet\n";
    std::cout << R"({"username":")" << made.username << R"(","password":")" << made.password << "\"}\n";
}

} // namespace

void add_populate_command(CLI::App& parent, populate_options& wanted)
{
    auto* command = parent.add_subcommand(
        "populate", "Make a store like init, full of active registrations, and a fleet for bench to load it with");
    command->footer("The registrations are written straight to the tables, a million in some seconds, and look like\n"
                    "enrolled ones. Only the phones of the fleet have keys that somebody knows. For measuring; made\n"
                    "where no server runs. Delete what an interrupted run leaves.");
    command->add_option("--data", wanted.data, "Directory of the store; made when it does not exist")->required();
    command->add_option("--fleet", wanted.fleet_file, "New file for the phones, as bench --fleet reads it")->required();
    command->add_option("--registrations", wanted.registrations, "How many; user-1, user-2, ... have one to three each")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{50'000'000}))
        ->capture_default_str();
    command->add_option("--active-every", wanted.active_every, "Each so many-th is a phone of the fleet")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{50'000'000}))
        ->capture_default_str();
    command->add_option("--crowd", wanted.crowd, "So many of the registrations, the first ones, are of one user: crowd")
        ->capture_default_str();
    command->add_option("--admin", wanted.admin, "Name of the first admin")->capture_default_str();
    command->add_option("--master-key", wanted.master_key,
                        "Existing key file to seal secrets with; without it DIR/master.key is made");
    command->callback([&wanted] { run(wanted); });
}

} // namespace doorward::bench
