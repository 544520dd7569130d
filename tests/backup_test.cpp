// What a backup has, that nothing of it can be changed unnoticed, and that a check of a store sees what is wrong.
//
// DOORWARD_TEST_SEED  which bytes are flipped; DOORWARD_FLIPS  how many of a store's file

#include "crypto/encoding.hpp"
#include "kv/page_walk.hpp"
#include "registry/backup_file.hpp"
#include "registry/events.hpp"
#include "registry/sealed_fields.hpp"
#include "registry/store_check.hpp"
#include "server/backup.hpp"
#include "server/check.hpp"
#include "tests/full_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

namespace {

using namespace doorward;
using namespace doorward::tests;
namespace tables = registry::tables;
namespace fs = std::filesystem;

constexpr std::size_t table_count = std::size(tables::names);

// --- rows and files

struct stored_row {
    kv::table table;
    crypto::bytes key;
    crypto::bytes record;

    bool operator==(const stored_row&) const = default;
};

std::vector<stored_row> rows_of(const kv::env& store)
{
    std::vector<stored_row> out;
    store.view([&](const kv::read_txn& txn) {
        for (std::size_t i = 0; i < table_count; ++i)
            txn.scan(static_cast<kv::table>(i), {}, [&](crypto::bytes_view key, crypto::bytes_view record) {
                out.push_back({static_cast<kv::table>(i), {key.begin(), key.end()}, {record.begin(), record.end()}});
                return true;
            });
    });
    return out;
}

registry::backup_source reading(crypto::bytes_view data)
{
    return [rest = data](std::span<crypto::byte> into) mutable {
        const auto size = std::min(into.size(), rest.size());
        std::copy_n(rest.begin(), size, into.begin());
        rest = rest.subspan(size);
        return size;
    };
}

struct read_outcome {
    std::vector<stored_row> rows;
    std::optional<registry::backup_summary> summary; // none: it was refused
    std::string fault;
};

read_outcome read_backup(crypto::bytes_view data)
{
    read_outcome out;
    try {
        registry::backup_reader reader{reading(data)};
        reader.read_rows([&](std::string_view table, crypto::bytes_view key, crypto::bytes_view record) {
            const auto place =
                std::ranges::find(tables::names, table, [](const char* each) { return std::string_view{each}; });
            out.rows.push_back({static_cast<kv::table>(place - std::begin(tables::names)),
                                {key.begin(), key.end()},
                                {record.begin(), record.end()}});
        });
        out.summary = reader.summary();
    } catch (const registry::backup_fault& fault) {
        out.fault = fault.what();
    }
    return out;
}

std::string read_text(const fs::path& file)
{
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

void write_text(const fs::path& file, std::string_view text)
{
    std::ofstream{file, std::ios::binary} << text;
}

const char* name_of(kv::table table)
{
    return tables::names[static_cast<std::size_t>(table)];
}

// A store that can be written to without sums, that is, wrongly.
class careless_store {
public:
    explicit careless_store(const fs::path& directory)
        : env_{directory, tables::names, kv::opening{kv::opening::role::owner, false}}, writer_{env_}
    {}

    template <class Write>
    void write(const Write& what)
    {
        auto change = [&](kv::write_txn& txn) {
            what(txn);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer_, change));
    }

private:
    kv::env env_;
    kv::writer writer_;
};

// With sums, so that rows fit themselves.
class careful_store {
public:
    explicit careful_store(const fs::path& directory) : env{directory, tables::names}, writer{env} {}

    template <class Write>
    void write(const Write& what)
    {
        auto change = [&](kv::write_txn& txn) {
            what(txn);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer, change));
    }
    [[nodiscard]] registry::check_report check(const crypto::sealer* sealer = nullptr) const
    {
        return env.view([&](const kv::read_txn& txn) { return registry::check_rows(txn, sealer); });
    }

    kv::env env;
    kv::writer writer;
};

std::string all_findings(const registry::check_report& report)
{
    std::string out;
    for (const auto& each : report.findings)
        out += each.table + ' ' + each.key + ": " + each.what + '\n';
    return out;
}

registry::check_report check_directory_rows(const fs::path& directory)
{
    const kv::env store{directory, tables::names, kv::opening{kv::opening::role::reader}};
    return store.view([](const kv::read_txn& txn) { return registry::check_rows(txn, nullptr); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(backup)

BOOST_AUTO_TEST_CASE(a_backup_has_all_rows_and_says_what_it_is)
{
    full_store it;
    const auto written = rows_of(it.env());
    const auto last = it.env().view([](const kv::read_txn& txn) { return registry::last_event(txn); });
    const auto read = read_backup(backup_of(it.env(), 1234));
    BOOST_TEST_REQUIRE(read.summary.has_value(), read.fault);
    BOOST_TEST((read.rows == written));
    BOOST_TEST(read.summary->rows() == written.size());
    BOOST_TEST(read.summary->taken_at == 1234);
    BOOST_TEST(read.summary->store_format == registry::store_format);
    BOOST_TEST((read.summary->last_event == last));
    BOOST_TEST(read.summary->tables.size() == table_count);
    BOOST_TEST(read.summary->bytes == backup_of(it.env(), 1234).size());
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_anywhere_is_found)
{
    full_store it;
    auto data = backup_of(it.env());
    const auto sound = read_backup(data);
    // All of the head and the end, and a part of what is between them, another one each time.
    std::mt19937_64 random{test_seed()};
    std::size_t flipped = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        const bool outside = i < 1500 || i + 200 > data.size();
        if (!outside && random() % 50 != 0)
            continue;
        ++flipped;
        const auto bit = static_cast<crypto::byte>(1U << random() % 8);
        data[i] ^= bit;
        const auto read = read_backup(data);
        data[i] ^= bit;
        if (read.summary || read.fault.empty() || read.rows.size() > sound.rows.size())
            BOOST_TEST_REQUIRE(false, "byte " << i << " of " << data.size());
    }
    BOOST_TEST(flipped > 1700U);
    BOOST_TEST(read_backup(data).summary.has_value());
}

BOOST_AUTO_TEST_CASE(where_a_backup_is_damaged_is_told)
{
    full_store it;
    auto data = backup_of(it.env());
    const std::string user = "alice";
    // The first place is in the table by_user or behind it; the one of a registration's record comes before.
    const auto place = std::search(data.begin(), data.end(), user.begin(), user.end());
    BOOST_TEST_REQUIRE((place != data.end()));
    *place ^= 1;
    BOOST_TEST(read_backup(data).fault.find("table registrations") != std::string::npos, read_backup(data).fault);
}

BOOST_AUTO_TEST_CASE(a_backup_that_is_cut_off_or_goes_on_is_none)
{
    full_store it;
    auto data = backup_of(it.env());
    for (std::size_t size = 0; size < data.size(); size += size < 1500 || size + 300 > data.size() ? 1U : 97U) {
        if (read_backup(crypto::bytes_view{data}.first(size)).summary)
            BOOST_TEST_REQUIRE(false, size << " bytes of " << data.size());
    }
    data.push_back(0);
    BOOST_TEST(!read_backup(data).summary.has_value());
}

BOOST_AUTO_TEST_CASE(a_restored_store_is_the_one_that_was_backed_up)
{
    full_store it;
    const restored_store again{backup_of(it.env())};
    const kv::env store{again.path(), tables::names};
    BOOST_TEST((rows_of(store) == rows_of(it.env())));
    const auto found =
        store.view([&](const kv::read_txn& txn) { return registry::check_rows(txn, &it.services().sealer); });
    BOOST_TEST(found.found == 0U, all_findings(found));
    BOOST_TEST(found.seals > 20U);
}

BOOST_AUTO_TEST_CASE(a_restore_leaves_nothing_of_a_damaged_backup)
{
    full_store it;
    auto data = backup_of(it.env());
    const scratch_directory home;
    const auto file = home.path() / "backup";
    const auto target = home.path() / "store";
    data[data.size() - 1] ^= 1; // found at the very end
    write_text(file, crypto::as_text(data));
    std::ostringstream told;
    BOOST_TEST(server::restore_backup({file, target}, told) == server::damage_found);
    BOOST_TEST(told.str().find("DAMAGED") != std::string::npos);
    BOOST_TEST(!fs::exists(target));

    // A directory that was there stays, with its master key.
    fs::create_directory(target);
    write_text(target / "master.key", "x");
    BOOST_TEST(server::restore_backup({file, target}, told) == server::damage_found);
    BOOST_TEST(std::distance(fs::directory_iterator{target}, {}) == 1);

    data[data.size() - 1] ^= 1;
    write_text(file, crypto::as_text(data));
    BOOST_TEST(server::restore_backup({file, target}, told) == 0);
    const auto again = [&] { static_cast<void>(server::restore_backup({file, target}, told)); };
    BOOST_CHECK_THROW(again(), std::runtime_error); // it is not empty any more
    BOOST_TEST(check_directory_rows(target).found == 0U);
}

BOOST_AUTO_TEST_CASE(a_file_is_never_written_over)
{
    full_store it;
    const scratch_directory home;
    const auto file = home.path() / "backup";
    const auto part = home.path() / "backup.part";
    write_text(part, "what an interrupted backup left");
    registry::write_backup_file(it.env(), 1, file);
    BOOST_TEST(!fs::exists(part));
    BOOST_TEST((fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write)));
    const auto before = read_text(file);
    BOOST_CHECK_THROW(registry::write_backup_file(it.env(), 2, file), std::runtime_error);
    BOOST_TEST((read_text(file) == before));
    BOOST_TEST(!fs::exists(part));
    // One that is given up leaves nothing.
    const auto other = home.path() / "other";
    BOOST_CHECK_THROW(registry::write_backup_file(
                          it.env(), 3, other, [](std::uint64_t, std::uint64_t) { throw std::runtime_error{"enough"}; }),
                      std::runtime_error);
    BOOST_TEST(std::distance(fs::directory_iterator{home.path()}, {}) == 1);
    BOOST_CHECK_THROW(registry::write_backup_file(it.env(), 4, home.path() / "no" / "where"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_damaged_store_is_not_backed_up)
{
    full_store it;
    const restored_store again{backup_of(it.env())};
    careless_store{again.path()}.write([](kv::write_txn& txn) {
        const auto key = registry::number_key(1);
        const auto row = txn.get(tables::registrations, key).value();
        crypto::bytes value{row.begin(), row.end()};
        value[20] ^= 1;
        txn.put(tables::registrations, key, value);
    });
    const kv::env store{again.path(), tables::names};
    BOOST_CHECK_THROW(static_cast<void>(backup_of(store)), kv::damaged);
}

BOOST_AUTO_TEST_CASE(the_server_backs_itself_up)
{
    full_store it;
    BOOST_TEST(it.office("GET", "/admin/backup", {}, "admin").body.at("state") == "NONE");
    const auto made = it.office("POST", "/admin/backup", {}, "admin");
    BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    BOOST_TEST(made.body.at("state") == "DONE");
    BOOST_TEST(it.office("GET", "/admin/backup", {}, "admin").text == made.text);
    const auto data = read_text(it.directory() / made.body.at("name").get<std::string>());
    BOOST_TEST(made.body.at("bytes") == data.size());
    const auto read = read_backup(crypto::as_bytes(data));
    BOOST_TEST_REQUIRE(read.summary.has_value(), read.fault);
    BOOST_TEST(made.body.at("digest") == crypto::to_hex(read.summary->digest));
    BOOST_TEST(made.body.at("rows") == read.rows.size());

    // The name is that of the time: there is one already.
    const auto twice = it.office("POST", "/admin/backup", {}, "admin");
    BOOST_TEST(twice.status == 409U);
    const auto told = it.office("GET", "/admin/backup", {}, "admin");
    BOOST_TEST(told.body.at("state") == "FAILED");
    BOOST_TEST(told.body.at("problem").get<std::string>().find("exists") != std::string::npos);
    BOOST_TEST(!it.log.lines().empty());
}

BOOST_AUTO_TEST_CASE(one_backup_at_a_time)
{
    full_store it;
    BOOST_TEST_REQUIRE(it.services().backups.begin(it.clock.now()));
    BOOST_TEST(it.office("GET", "/admin/backup", {}, "admin").body.at("state") == "RUNNING");
    const auto second = it.office("POST", "/admin/backup", {}, "admin");
    BOOST_TEST(second.status == 409U);
    BOOST_TEST(second.code() == "ERROR_CONFLICT");
    it.services().backups.write();
    BOOST_TEST(it.office("GET", "/admin/backup", {}, "admin").body.at("state") == "DONE");
}

BOOST_AUTO_TEST_CASE(a_server_without_a_directory_for_them_writes_none)
{
    scratch_world it;
    it.offers_backups = false;
    it.restart();
    const auto got = it.office("POST", "/admin/backup", {}, "admin");
    BOOST_TEST(got.status == 409U);
    BOOST_TEST(got.message().find("--backup-directory") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(store_check)

BOOST_AUTO_TEST_CASE(every_table_has_a_check_and_the_little_store_has_rows_in_each)
{
    full_store it;
    it.env().view([](const kv::read_txn& txn) {
        for (std::size_t i = 0; i < table_count; ++i) {
            BOOST_TEST(registry::has_row_check(static_cast<kv::table>(i)), tables::names[i]);
            BOOST_TEST(txn.row_count(static_cast<kv::table>(i)) > 0U, tables::names[i]);
        }
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_wrong_with_what_doorward_writes)
{
    full_store it;
    for (int round = 0; round < 3; ++round) {
        const auto found =
            it.env().view([&](const kv::read_txn& txn) { return registry::check_rows(txn, &it.services().sealer); });
        BOOST_TEST(found.found == 0U, all_findings(found));
        if (round == 0) // half an hour later: much has expired
            it.clock.advance(1'800'000);
        else
            it.fold();
        while (it.sweep())
            ;
        it.finish_jobs();
    }
}

BOOST_AUTO_TEST_CASE(everything_sealed_opens_and_under_no_other_key)
{
    full_store it;
    const auto with = [&](const crypto::sealer& sealer) {
        return it.env().view([&](const kv::read_txn& txn) { return registry::check_rows(txn, &sealer); });
    };
    const auto right = with(it.services().sealer);
    BOOST_TEST(right.found == 0U);
    const crypto::sealer other{std::span<const crypto::byte, 32>{crypto::byte_array<32>{7}}};
    const auto wrong = with(other);
    BOOST_TEST(wrong.found == wrong.seals);
    BOOST_TEST(wrong.seals == right.seals);
    std::set<std::string> seen;
    for (const auto& each : wrong.findings)
        seen.insert(each.table);
    for (std::size_t i = 0; i < table_count; ++i)
        BOOST_TEST(seen.contains(tables::names[i]) == registry::has_sealed_fields(static_cast<kv::table>(i)),
                   tables::names[i]);
}

// Every row in turn, with any of its bytes changed: each row tells of itself.
BOOST_AUTO_TEST_CASE(no_byte_of_a_row_can_be_changed_unnoticed)
{
    full_store it;
    std::size_t flips = 0;
    it.env().view([&](const kv::read_txn& txn) {
        for (std::size_t i = 0; i < table_count; ++i)
            txn.scan_as_stored(static_cast<kv::table>(i), {}, [&](crypto::bytes_view key, crypto::bytes_view stored) {
                const auto is_sound = [&](crypto::bytes_view k, crypto::bytes_view s) {
                    return txn.is_sound(static_cast<kv::table>(i), k, s);
                };
                BOOST_TEST_REQUIRE(is_sound(key, stored));
                crypto::bytes other_key{key.begin(), key.end()};
                crypto::bytes other{stored.begin(), stored.end()};
                for (auto* part : {&other_key, &other}) {
                    for (crypto::byte& each : *part) {
                        each ^= 1;
                        if (is_sound(other_key, other))
                            BOOST_TEST_REQUIRE(false, name_of(static_cast<kv::table>(i)));
                        each ^= 1;
                        ++flips;
                    }
                }
                // Nor can a byte go from the key to the record, nor the row to another table.
                if (!txn.is_sound(static_cast<kv::table>((i + 1) % table_count), key, stored))
                    ++flips;
                else
                    BOOST_TEST_REQUIRE(false, "it would fit another table");
                return true;
            });
    });
    BOOST_TEST(flips > 10'000U);
}

BOOST_AUTO_TEST_CASE(a_changed_row_of_any_table_is_found)
{
    full_store it;
    const auto backup = backup_of(it.env());
    const auto rows = rows_of(it.env());
    const restored_store target{backup};
    std::mt19937_64 random{test_seed()};
    for (const stored_row& each : rows) {
        crypto::bytes before;
        careless_store{target.path()}.write([&](kv::write_txn& txn) {
            const auto stored = txn.get(each.table, each.key).value();
            before.assign(stored.begin(), stored.end());
            auto other = before;
            other[random() % other.size()] ^= static_cast<crypto::byte>(1U << random() % 8);
            txn.put(each.table, each.key, other);
        });
        const auto found = check_directory_rows(target.path());
        if (std::ranges::none_of(found.findings, [&](const registry::check_finding& one) {
                return one.table == name_of(each.table) && one.key == crypto::to_hex(each.key);
            }))
            BOOST_TEST(false, name_of(each.table) << ' ' << crypto::to_hex(each.key) << ": " << all_findings(found));
        careless_store{target.path()}.write([&](kv::write_txn& txn) { txn.put(each.table, each.key, before); });
    }
    BOOST_TEST(check_directory_rows(target.path()).found == 0U);
}

// Rows that nothing else tells of: an account, its tokens, what is kept for users, a delivery that ended, the oldest
// attempt (others may have been erased before it) and one that nothing was folded of, a job that is about nobody.
bool stands_alone(const stored_row& row, registry::row_sequence mark)
{
    if (row.table == tables::meta) {
        const auto name = crypto::as_text(row.key);
        return name == registry::meta_key::fold_mark || name == registry::meta_key::audit_key;
    }
    if (row.table == tables::journal) {
        const auto sequence = kv::from_number(row.key);
        return sequence == 1 || sequence > mark;
    }
    if (row.table == tables::jobs) {
        const auto record = registry::decode<registry::job>(row.record);
        return record.now == registry::job_state::running && record.next_chunk == record.chunks;
    }
    return row.table == tables::accounts || row.table == tables::account_tokens || row.table == tables::claims ||
           row.table == tables::metadata || row.table == tables::deliveries || row.table == tables::console_sessions;
}

// Rows that fit themselves and are missing: somebody's change, or a hand that slipped.
BOOST_AUTO_TEST_CASE(a_missing_row_is_found_where_anything_else_tells_of_it)
{
    full_store it;
    const restored_store target{backup_of(it.env())};
    careful_store store{target.path()};
    const auto mark = store.env.view([](const kv::read_txn& txn) {
        return kv::from_number(txn.get(tables::meta, crypto::as_bytes(registry::meta_key::fold_mark)).value());
    });
    for (const stored_row& each : rows_of(store.env)) {
        if (stands_alone(each, mark))
            continue;
        store.write([&](kv::write_txn& txn) { txn.erase(each.table, each.key); });
        BOOST_TEST(store.check().found > 0U, name_of(each.table) << ' ' << crypto::to_hex(each.key));
        store.write([&](kv::write_txn& txn) { txn.put(each.table, each.key, each.record); });
    }
    const auto found = store.check();
    BOOST_TEST(found.found == 0U, all_findings(found));
}

// The same with a row too many: a copy under a key next to it.
BOOST_AUTO_TEST_CASE(a_row_too_many_is_found)
{
    full_store it;
    const restored_store target{backup_of(it.env())};
    careful_store store{target.path()};
    for (const stored_row& each : rows_of(store.env)) {
        auto key = each.key;
        for (auto place = key.size(); place-- > 0 && ++key[place] == 0;) {
        }
        const bool is_free = store.env.view([&](const kv::read_txn& txn) { return !txn.get(each.table, key); });
        // Deliveries that ended, their end, and attempts may be of any event and at any time, sessions of anything.
        const bool is_anybodys =
            each.table == tables::deliveries || each.table == tables::journal ||
            each.table == tables::console_sessions ||
            (each.table == tables::due && key[8] == static_cast<crypto::byte>(registry::due_kind::delivery));
        if (!is_free || is_anybodys)
            continue;
        store.write([&](kv::write_txn& txn) { txn.put(each.table, key, each.record); });
        BOOST_TEST(store.check(&it.services().sealer).found > 0U, name_of(each.table) << ' ' << crypto::to_hex(key));
        store.write([&](kv::write_txn& txn) { txn.erase(each.table, key); });
    }
    BOOST_TEST(store.check().found == 0U);
}

// Any byte of the file: it is found, or it is one that nobody reads.
BOOST_AUTO_TEST_CASE(a_flipped_byte_of_the_file_is_found_or_changes_nothing)
{
    full_store it;
    const restored_store target{backup_of(it.env())};
    const auto expected = rows_of(it.env());
    const auto original = read_text(target.data_file());
    BOOST_TEST_REQUIRE(kv::walk_pages(target.data_file(), tables::names).faults.empty());
    std::mt19937_64 random{test_seed()};
    const char* const wanted = std::getenv("DOORWARD_FLIPS"); // NOLINT(concurrency-mt-unsafe): one thread
    const auto flips = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 600UL;
    std::map<std::string, unsigned> outcomes;
    for (unsigned long i = 0; i < flips; ++i) {
        // A third of them in the heads of pages, which are small and matter most.
        const auto page = random() % (original.size() / 4096);
        const auto at = page * 4096 + (i % 3 == 0 ? random() % 64 : random() % 4096);
        auto changed = original;
        changed[at] = static_cast<char>(changed[at] ^ (1 << random() % 8));
        write_text(target.data_file(), changed);
        const auto pages = kv::walk_pages(target.data_file(), tables::names);
        if (!pages.faults.empty() || !pages.unknown_tables.empty()) {
            ++outcomes["page"];
            continue;
        }
        if (check_directory_rows(target.path()).found > 0) {
            ++outcomes["row"];
            continue;
        }
        ++outcomes["nothing"];
        const kv::env store{target.path(), tables::names, kv::opening{kv::opening::role::reader}};
        BOOST_TEST((rows_of(store) == expected), "byte " << at % 4096 << " of page " << page);
    }
    BOOST_TEST(outcomes["page"] > 0U);
    BOOST_TEST(outcomes["row"] > 0U);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_off_is_found)
{
    full_store it;
    const restored_store target{backup_of(it.env())};
    const auto original = read_text(target.data_file());
    for (const std::size_t pages : {0U, 1U, 2U, 3U, static_cast<unsigned>(original.size() / 4096 - 1)}) {
        write_text(target.data_file(), std::string_view{original}.substr(0, pages * 4096));
        BOOST_TEST(!kv::walk_pages(target.data_file(), tables::names).faults.empty(), pages);
    }
}

BOOST_AUTO_TEST_CASE(the_command_tells_what_it_found)
{
    full_store it;
    const restored_store target{backup_of(it.env())};
    std::ostringstream good;
    server::check_options wanted;
    wanted.data = target.path();
    BOOST_TEST(server::check_store(wanted, good) == 0);
    BOOST_TEST(json::parse(good.str()).at("status") == "OK");

    careless_store{target.path()}.write([&](kv::write_txn& txn) {
        txn.put(tables::claims, kv::key{}.text("app").raw(crypto::as_bytes("mallory")), crypto::as_bytes("nonsense"));
    });
    std::ostringstream bad;
    BOOST_TEST(server::check_store(wanted, bad) == server::damage_found);
    std::istringstream lines{bad.str()};
    std::string line;
    BOOST_TEST_REQUIRE(!std::getline(lines, line).fail());
    BOOST_TEST(json::parse(line).at("table") == "claims");
    BOOST_TEST_REQUIRE(!std::getline(lines, line).fail());
    BOOST_TEST(json::parse(line).at("status") == "DAMAGED");
    BOOST_TEST(json::parse(line).at("findings") == 1);

    // A table that nobody knows.
    const char* const strange[]{"strange"};
    const restored_store other{backup_of(it.env())};
    static_cast<void>(kv::env{other.path(), strange});
    wanted.data = other.path();
    std::ostringstream foreign;
    BOOST_TEST(server::check_store(wanted, foreign) == server::damage_found);
    BOOST_TEST(foreign.str().find("strange") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
