// The store and its writer.

#include "tests/support.hpp"

#include "kv/async_commit.hpp"
#include "kv/key.hpp"

#include <boost/asio/co_spawn.hpp>

#include <map>

namespace {

using namespace doorward;
using namespace doorward::kv;
using crypto::as_bytes;
using crypto::as_text;
using tests::on_threads;
using tests::scratch_directory;
using tests::writer_gate;

constexpr const char* names[]{"first", "second"};
constexpr table first{0};
constexpr table second{1};
constexpr std::size_t map_bytes = std::size_t{16} * 1024 * 1024;

struct store {
    explicit store(std::size_t map = map_bytes) : env{directory.path(), names, map}, writer{env} {}

    // Puts rows in one change.
    error_code put(const std::vector<std::pair<std::string, std::string>>& rows, table to = first)
    {
        auto change = [&](write_txn& txn) {
            for (const auto& [key, value] : rows)
                txn.put(to, as_bytes(key), as_bytes(value));
            return error_code{};
        };
        return blocking_commit(writer, change);
    }
    std::optional<std::string> get(std::string_view key, table from = first)
    {
        return env.view([&](const read_txn& txn) -> std::optional<std::string> {
            const auto found = txn.get(from, as_bytes(key));
            return found ? std::optional{std::string{as_text(*found)}} : std::nullopt;
        });
    }
    std::vector<std::string> keys(std::string_view from = {})
    {
        std::vector<std::string> out;
        env.view([&](const read_txn& txn) {
            txn.scan(first, as_bytes(from), [&](bytes_view key, bytes_view) {
                out.emplace_back(as_text(key));
                return true;
            });
        });
        return out;
    }

    scratch_directory directory;
    kv::env env;
    kv::writer writer;
};

bytes_view view_of(const key& of)
{
    return of;
}

bool less(const key& a, const key& b)
{
    return std::ranges::lexicographical_compare(view_of(a), view_of(b));
}

// A change that a test settles by hand.
class watched_write final : public pending_write {
public:
    watched_write(landing& home, std::function<error_code(write_txn&)> what)
        : pending_write{home}, what_{std::move(what)}
    {}
    error_code apply(write_txn& txn) override { return what_(txn); }
    void complete() override {}

private:
    std::function<error_code(write_txn&)> what_;
};

class recording_landing final : public landing {
public:
    void deliver(pending_write* chain) override
    {
        const std::lock_guard lock{mutex_};
        std::vector<pending_write*> all;
        for (; chain != nullptr; chain = chain->next)
            all.push_back(chain);
        chains_.push_back(std::move(all));
    }
    std::vector<std::vector<pending_write*>> take()
    {
        const std::lock_guard lock{mutex_};
        return std::exchange(chains_, {});
    }

private:
    std::mutex mutex_;
    std::vector<std::vector<pending_write*>> chains_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(kv_keys)

BOOST_AUTO_TEST_CASE(numbers_sort_by_value)
{
    const std::uint64_t numbers[]{0, 1, 255, 256, 65'535, 65'536, 1ULL << 40, ~0ULL - 1, ~0ULL};
    for (std::size_t i = 1; i < std::size(numbers); ++i) {
        BOOST_TEST(less(key{}.number(numbers[i - 1]), key{}.number(numbers[i])));
        BOOST_TEST(less(key{}.number_descending(numbers[i]), key{}.number_descending(numbers[i - 1])));
        BOOST_TEST(from_descending(view_of(key{}.number_descending(numbers[i]))) == numbers[i]);
    }
}

BOOST_AUTO_TEST_CASE(a_text_sorts_before_the_texts_it_begins_and_apart_from_them)
{
    BOOST_TEST(less(key{}.text("ab").number(~0ULL), key{}.text("abc").number(0)));
    BOOST_TEST(less(key{}.text("a").text("c"), key{}.text("ab").text("a")));
    const key prefix = key{}.text("ab");
    const key other = key{}.text("abc").number(1);
    BOOST_TEST(!std::ranges::equal(view_of(prefix), view_of(other).first(view_of(prefix).size())));
}

BOOST_AUTO_TEST_CASE(a_key_may_be_as_long_as_the_store_takes)
{
    const crypto::bytes longest(key_bytes_max, 7);
    const key made{longest};
    BOOST_TEST(view_of(made).size() == key_bytes_max);
    store it;
    auto change = [&](write_txn& txn) {
        txn.put(first, made, as_bytes("x"));
        return error_code{};
    };
    BOOST_TEST(!blocking_commit(it.writer, change));
    BOOST_TEST(it.env.view([&](const read_txn& txn) { return txn.get(first, made).has_value(); }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(kv_store)

BOOST_AUTO_TEST_CASE(what_was_put_is_found_in_its_own_table)
{
    store it;
    BOOST_TEST(!it.put({{"a", "1"}, {"b", ""}}));
    BOOST_TEST((it.get("a") == "1"));
    BOOST_TEST((it.get("b") == ""));
    BOOST_TEST(!it.get("c").has_value());
    BOOST_TEST(!it.get("a", second).has_value());
    BOOST_TEST(!it.put({{"a", "2"}}));
    BOOST_TEST((it.get("a") == "2"));
}

BOOST_AUTO_TEST_CASE(erasing_is_no_error_where_there_is_nothing)
{
    store it;
    BOOST_TEST(!it.put({{"a", "1"}}));
    auto change = [](write_txn& txn) {
        txn.erase(first, as_bytes("a"));
        txn.erase(first, as_bytes("nothing"));
        return error_code{};
    };
    BOOST_TEST(!blocking_commit(it.writer, change));
    BOOST_TEST(!it.get("a").has_value());
}

BOOST_AUTO_TEST_CASE(a_scan_is_in_key_order_from_its_first_key_until_it_is_told_to_stop)
{
    store it;
    BOOST_TEST(!it.put({{"c", ""}, {"a", ""}, {"b", ""}, {"bb", ""}, {"\xFF", ""}}));
    BOOST_TEST(it.keys() == (std::vector<std::string>{"a", "b", "bb", "c", "\xFF"}), boost::test_tools::per_element());
    BOOST_TEST(it.keys("ba") == (std::vector<std::string>{"bb", "c", "\xFF"}), boost::test_tools::per_element());
    BOOST_TEST(it.keys("bb").front() == "bb");
    BOOST_TEST(it.keys("\xFF\xFF").empty());
    std::size_t visited = 0;
    it.env.view(
        [&](const read_txn& txn) { txn.scan(first, {}, [&](bytes_view, bytes_view) { return ++visited < 2; }); });
    BOOST_TEST(visited == 2U);
}

BOOST_AUTO_TEST_CASE(a_scan_of_a_prefix_stays_inside_it)
{
    store it;
    BOOST_TEST(!it.put({{"a", ""}, {"ab", ""}, {"abc", ""}, {"ac", ""}, {"b", ""}}));
    std::vector<std::string> got;
    it.env.view([&](const read_txn& txn) {
        txn.scan_prefix(first, as_bytes("ab"), [&](bytes_view key, bytes_view) {
            got.emplace_back(as_text(key));
            return true;
        });
    });
    BOOST_TEST(got == (std::vector<std::string>{"ab", "abc"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_last_row_and_the_number_of_rows_are_known)
{
    store it;
    it.env.view([](const read_txn& txn) {
        BOOST_TEST(!txn.last(first).has_value());
        BOOST_TEST(txn.row_count(first) == 0U);
        txn.scan(first, {}, [](bytes_view, bytes_view) {
            BOOST_TEST(false, "there is nothing to visit");
            return true;
        });
    });
    BOOST_TEST(!it.put({{"a", "1"}, {"z", "2"}, {"m", "3"}}));
    it.env.view([](const read_txn& txn) {
        const auto last = txn.last(first);
        BOOST_TEST_REQUIRE(last.has_value());
        BOOST_TEST(as_text(last->key) == "z");
        BOOST_TEST(as_text(last->value) == "2");
        BOOST_TEST(txn.row_count(first) == 3U);
        BOOST_TEST(txn.row_count(second) == 0U);
    });
}

BOOST_AUTO_TEST_CASE(a_snapshot_sees_nothing_of_what_comes_after_it)
{
    store it;
    BOOST_TEST(!it.put({{"a", "1"}}));
    it.env.view([&](const read_txn& txn) {
        // The writer has a thread of its own, so this does not nest.
        BOOST_TEST(!it.put({{"a", "2"}, {"b", "3"}}));
        BOOST_TEST(as_text(txn.get(first, as_bytes("a")).value()) == "1");
        BOOST_TEST(!txn.get(first, as_bytes("b")).has_value());
    });
    BOOST_TEST((it.get("a") == "2"));
}

BOOST_AUTO_TEST_CASE(a_change_sees_its_own_writes)
{
    store it;
    auto change = [](write_txn& txn) {
        txn.put(first, as_bytes("a"), as_bytes("1"));
        return txn.get(first, as_bytes("a")) ? error_code{} : make_error_code(errc::closing);
    };
    BOOST_TEST(!blocking_commit(it.writer, change));
}

BOOST_AUTO_TEST_CASE(what_was_committed_is_there_when_the_store_is_opened_again)
{
    const scratch_directory directory;
    for (int round = 0; round < 3; ++round) {
        const kv::env env{directory.path(), names, map_bytes};
        kv::writer writer{env};
        const int before = env.view([](const read_txn& txn) { return static_cast<int>(txn.row_count(first)); });
        BOOST_TEST(before == round);
        auto change = [&](write_txn& txn) {
            txn.put(first, key{}.number(static_cast<std::uint64_t>(round)), as_bytes("x"));
            return error_code{};
        };
        BOOST_TEST(!blocking_commit(writer, change));
    }
}

BOOST_AUTO_TEST_CASE(a_directory_is_open_once)
{
    const scratch_directory directory;
    {
        const kv::env env{directory.path(), names, map_bytes};
        BOOST_CHECK_EXCEPTION((kv::env{directory.path(), names, map_bytes}), open_error, [&](const open_error& why) {
            return std::string_view{why.what()}.find(directory.path().string()) != std::string_view::npos;
        });
    }
    BOOST_CHECK_NO_THROW((kv::env{directory.path(), names, map_bytes}));
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_not_there_is_an_error_with_its_path)
{
    const scratch_directory directory;
    BOOST_CHECK_EXCEPTION(
        (kv::env{directory.path() / "nothing", names, map_bytes}), open_error,
        [](const open_error& why) { return std::string_view{why.what()}.find("nothing") != std::string_view::npos; });
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_an_error)
{
    const scratch_directory directory;
    std::filesystem::create_directories(directory.path());
    if (std::FILE* file = std::fopen((directory.path() / "data.mdb").c_str(), "wb")) {
        const std::string garbage(16'384, 'x');
        BOOST_TEST_REQUIRE(std::fwrite(garbage.data(), 1, garbage.size(), file) == garbage.size());
        std::fclose(file);
    }
    BOOST_CHECK_THROW((kv::env{directory.path(), names, map_bytes}), open_error);
}

BOOST_AUTO_TEST_CASE(the_sum_of_rows_is_a_known_one)
{
    // RFC 3720 appendix B.4, and the check value that catalogues of CRCs give.
    const std::vector<byte> zeros(32, 0);
    std::vector<byte> growing(32);
    for (std::size_t i = 0; i < growing.size(); ++i)
        growing[i] = static_cast<byte>(i);
    BOOST_TEST(crc32c(as_bytes("123456789")) == 0xE3069283U);
    BOOST_TEST(crc32c(zeros) == 0x8A9136AAU);
    BOOST_TEST(crc32c(growing) == 0x46DD794EU);
    BOOST_TEST(crc32c({}) == 0U);
    // With and without the processor's instruction, of all sizes and in pieces.
    std::vector<byte> data(200);
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<byte>(i * 37 + 11);
    for (std::size_t size = 0; size <= data.size(); ++size) {
        const auto some = bytes_view{data}.first(size);
        BOOST_TEST(crc32c(some) == crc32c_by_tables(some));
        BOOST_TEST(crc32c(some.subspan(size / 3), crc32c(some.first(size / 3))) == crc32c(some));
        BOOST_TEST(crc32c_by_tables(some.subspan(size / 3), crc32c_by_tables(some.first(size / 3))) == crc32c(some));
    }
}

// A store whose rows are written without sums, to write some that do not fit.
void put_as_stored(const std::filesystem::path& directory, std::string_view key, bytes_view value)
{
    const kv::env env{directory, names, opening{opening::role::owner, false, map_bytes}};
    kv::writer writer{env};
    auto change = [&](write_txn& txn) {
        txn.put(first, as_bytes(key), value);
        return error_code{};
    };
    BOOST_TEST_REQUIRE(!blocking_commit(writer, change));
}

BOOST_AUTO_TEST_CASE(a_row_that_is_not_what_was_written_is_never_given_out)
{
    const scratch_directory directory;
    put_as_stored(directory.path(), "bad", as_bytes("no sum"));
    put_as_stored(directory.path(), "short", as_bytes("abc"));
    const kv::env env{directory.path(), names, map_bytes};
    kv::writer writer{env};
    auto good = [](write_txn& txn) {
        txn.put(first, as_bytes("a"), as_bytes("1"));
        txn.put(first, as_bytes("z"), {});
        return error_code{};
    };
    BOOST_TEST_REQUIRE(!blocking_commit(writer, good));
    env.view([](const read_txn& txn) {
        BOOST_CHECK_THROW(static_cast<void>(txn.get(first, as_bytes("bad"))), damaged);
        BOOST_CHECK_THROW(static_cast<void>(txn.get(first, as_bytes("short"))), damaged);
        BOOST_TEST((as_text(*txn.get(first, as_bytes("a"))) == "1"));
        BOOST_TEST(txn.get(first, as_bytes("z"))->empty());
        BOOST_TEST((as_text(txn.last(first)->key) == "z"));
        std::string seen;
        const auto look = [&](bytes_view key, bytes_view) {
            seen += as_text(key);
            return true;
        };
        BOOST_CHECK_THROW(txn.scan(first, {}, look), damaged);
        BOOST_TEST(seen == "a");
        // What lies behind a prefix is nobody's business.
        BOOST_CHECK_NO_THROW(txn.scan_prefix(first, as_bytes("a"), look));
        BOOST_CHECK_THROW(txn.scan_prefix(first, as_bytes("b"), look), damaged);
    });
}

BOOST_AUTO_TEST_CASE(a_sum_is_of_its_table_and_key)
{
    const byte record[]{1, 2, 3};
    const auto sum = row_sum(table_seed("first"), as_bytes("key"), record);
    BOOST_TEST(sum != row_sum(table_seed("second"), as_bytes("key"), record));
    BOOST_TEST(sum != row_sum(table_seed("first"), as_bytes("kez"), record));
    BOOST_TEST(row_sum(table_seed("first"), as_bytes("ab"), as_bytes("c")) !=
               row_sum(table_seed("first"), as_bytes("a"), as_bytes("bc")));
}

// One of a batch looks at a damaged row: it is refused, the others are made, each of them once.
BOOST_AUTO_TEST_CASE(a_change_that_meets_damage_is_refused_alone)
{
    struct recorder final : damage_listener {
        void damage_found(const char*) noexcept override { ++reports; }
        std::atomic<int> reports{0};
    };
    const scratch_directory directory;
    put_as_stored(directory.path(), "bad", as_bytes("no sum"));
    recorder log;
    kv::env env{directory.path(), names, map_bytes};
    env.report_damage_to(log);
    kv::writer writer{env};
    struct step {
        std::string reads;
        std::string writes;
        int undone_times = 0;
        int durable_times = 0;

        error_code operator()(write_txn& txn)
        {
            txn.put(first, as_bytes(writes), as_bytes("1")); // first, so that it has to be undone
            static_cast<void>(txn.get(first, as_bytes(reads)));
            return {};
        }
        void durable() noexcept { ++durable_times; }
        void undone() noexcept { ++undone_times; }
    };
    std::vector<step> steps{{"a", "one"}, {"bad", "two"}, {"b", "three"}};
    std::vector<error_code> outcomes(steps.size());
    {
        writer_gate gate{writer}; // so that they are one batch
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < steps.size(); ++i)
            threads.emplace_back([&, i] { outcomes[i] = blocking_commit(writer, steps[i]); });
        while (writer.waiting() < steps.size())
            std::this_thread::yield();
        gate.open();
    }
    BOOST_TEST(!outcomes[0]);
    BOOST_TEST((outcomes[1] == errc::damaged));
    BOOST_TEST(!outcomes[2]);
    env.view([](const read_txn& txn) {
        BOOST_TEST(txn.get(first, as_bytes("one")).has_value());
        BOOST_TEST(!txn.get(first, as_bytes("two")).has_value());
        BOOST_TEST(txn.get(first, as_bytes("three")).has_value());
    });
    BOOST_TEST(steps[0].durable_times == 1);
    BOOST_TEST(steps[1].durable_times == 0);
    BOOST_TEST(steps[1].undone_times == 2); // with the batch, and alone
    BOOST_TEST(steps[2].durable_times == 1);
    BOOST_TEST(log.reports.load() >= 1);
}

BOOST_AUTO_TEST_CASE(a_reader_sees_what_the_owner_wrote_and_makes_no_tables)
{
    store it;
    BOOST_TEST(!it.put({{"a", "1"}}));
    constexpr const char* more[]{"first", "second", "third"};
    // Another process would do so; here the owner has to go first.
    const auto path = it.directory.path();
    const scratch_directory copy;
    std::filesystem::copy_file(path / data_file_name, copy.path() / data_file_name);
    const kv::env reader{copy.path(), more, opening{opening::role::reader, true, map_bytes}};
    reader.view([](const read_txn& txn) {
        constexpr table third{2};
        BOOST_TEST(txn.get(first, as_bytes("a")).has_value());
        BOOST_TEST(!txn.get(third, as_bytes("a")).has_value());
        BOOST_TEST(txn.row_count(third) == 0U);
        BOOST_TEST(!txn.last(third).has_value());
        txn.scan(third, {}, [](bytes_view, bytes_view) {
            BOOST_ERROR("there is nothing");
            return false;
        });
    });
    BOOST_CHECK_NO_THROW(directory_lock{copy.path()}); // a reader holds none
}

BOOST_AUTO_TEST_CASE(the_use_of_the_store_is_told)
{
    store it;
    const auto before = it.env.used();
    BOOST_TEST(before.map_bytes == map_bytes);
    BOOST_TEST(!it.put({{"a", std::string(1'000'000, 'x')}}));
    BOOST_TEST(it.env.used().used_bytes >= before.used_bytes + 1'000'000);
    BOOST_TEST(it.env.used().used_bytes <= map_bytes);
}

// --- a full store

BOOST_AUTO_TEST_CASE(a_full_store_refuses_writes_reads_on_and_recovers)
{
    store it{std::size_t{512} * 1024};
    int rows = 0;
    error_code ec;
    while (rows < 1000 && !ec) {
        ec = it.put({{"row " + std::to_string(rows), std::string(10'000, 'x')}});
        rows += ec ? 0 : 1;
    }
    BOOST_TEST((ec == errc::storage_full));
    BOOST_TEST_REQUIRE(rows > 3);
    BOOST_TEST(
        (it.put({{"another", std::string(10'000, 'x')}}) == errc::storage_full)); // refused, and not for ever broken
    BOOST_TEST(it.get("row 0").has_value());
    BOOST_TEST(it.keys().size() == static_cast<std::size_t>(rows)); // nothing of the refused is there
    auto erase = [](write_txn& txn) {
        txn.erase(first, as_bytes("row 0"));
        txn.erase(first, as_bytes("row 1"));
        return error_code{};
    };
    BOOST_TEST(!blocking_commit(it.writer, erase));
    BOOST_TEST(!it.put({{"another", std::string(5'000, 'x')}}));
    BOOST_TEST((it.get("another") == std::string(5'000, 'x')));
}

// The batch is refused as a whole; what its changes look at meanwhile must not end the process.
BOOST_AUTO_TEST_CASE(a_change_may_read_and_write_on_after_the_store_became_full)
{
    store it{std::size_t{512} * 1024};
    auto too_much = [](write_txn& txn) {
        for (int i = 0; i < 200; ++i)
            txn.put(first, key{}.number(static_cast<std::uint64_t>(i)), crypto::bytes(10'000, 1));
        static_cast<void>(txn.get(first, key{}.number(0)));
        txn.scan(first, {}, [](bytes_view, bytes_view) { return true; });
        static_cast<void>(txn.last(first));
        static_cast<void>(txn.row_count(first));
        txn.put(first, as_bytes("a"), as_bytes("b"));
        txn.erase(first, as_bytes("a"));
        return error_code{};
    };
    BOOST_TEST((blocking_commit(it.writer, too_much) == errc::storage_full));
    BOOST_TEST(it.keys().empty());
    BOOST_TEST(!it.put({{"a", "b"}}));
}

BOOST_AUTO_TEST_CASE(a_change_behind_the_one_that_filled_the_store_is_refused_with_it)
{
    store it{std::size_t{512} * 1024};
    recording_landing home;
    watched_write too_much{home, [](write_txn& txn) {
                               for (int i = 0; i < 200; ++i)
                                   txn.put(first, key{}.number(static_cast<std::uint64_t>(i)),
                                           crypto::bytes(10'000, 1));
                               return error_code{};
                           }};
    watched_write innocent{home, [](write_txn& txn) {
                               static_cast<void>(txn.get(first, as_bytes("a")));
                               txn.put(first, as_bytes("a"), as_bytes("b"));
                               return error_code{};
                           }};
    {
        writer_gate gate{it.writer};
        BOOST_TEST(!it.writer.submit(too_much));
        BOOST_TEST(!it.writer.submit(innocent));
        gate.open();
    }
    BOOST_TEST(!it.put({}));
    BOOST_TEST((too_much.outcome == errc::storage_full));
    BOOST_TEST((innocent.outcome == errc::storage_full));
    BOOST_TEST(it.keys().empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(kv_writer)

BOOST_AUTO_TEST_CASE(changes_are_applied_and_delivered_in_the_order_of_arrival_in_one_chain_per_batch)
{
    store it;
    recording_landing home;
    recording_landing other_home;
    std::vector<int> applied; // writer thread only, until the barrier below
    std::vector<std::unique_ptr<watched_write>> writes;
    for (int i = 0; i < 10; ++i)
        writes.push_back(std::make_unique<watched_write>(i % 2 == 0 ? home : other_home, [&applied, i](write_txn&) {
            applied.push_back(i);
            return error_code{};
        }));
    const auto batches = it.writer.batches();
    {
        writer_gate gate{it.writer};
        for (const auto& each : writes)
            BOOST_TEST(!it.writer.submit(*each));
        gate.open();
    }
    BOOST_TEST(!it.put({})); // settled after all of them
    BOOST_TEST(applied == (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), boost::test_tools::per_element());
    const auto chains = home.take();
    BOOST_TEST_REQUIRE(chains.size() == 1U); // one delivery for the whole batch
    BOOST_TEST_REQUIRE(chains[0].size() == 5U);
    for (std::size_t i = 0; i < 5; ++i)
        BOOST_TEST(chains[0][i] == writes[2 * i].get());
    BOOST_TEST(other_home.take().size() == 1U);
    BOOST_TEST(it.writer.batches() <= batches + 3); // the gate's, theirs, and the one after
}

BOOST_AUTO_TEST_CASE(a_refused_change_leaves_the_others_of_its_batch)
{
    store it;
    recording_landing home;
    watched_write before{home, [](write_txn& txn) {
                             txn.put(first, as_bytes("before"), as_bytes("1"));
                             return error_code{};
                         }};
    watched_write refused{home, [](write_txn&) { return make_error_code(registry::errc::illegal_change); }};
    watched_write after{home, [](write_txn& txn) {
                            txn.put(first, as_bytes("after"), as_bytes("1"));
                            return error_code{};
                        }};
    {
        writer_gate gate{it.writer};
        for (watched_write* each : {&before, &refused, &after})
            BOOST_TEST(!it.writer.submit(*each));
        gate.open();
    }
    BOOST_TEST(!it.put({}));
    BOOST_TEST(!before.outcome);
    BOOST_TEST((refused.outcome == registry::errc::illegal_change));
    BOOST_TEST(!after.outcome);
    BOOST_TEST(it.get("before").has_value());
    BOOST_TEST(it.get("after").has_value());
}

BOOST_AUTO_TEST_CASE(a_delivered_change_is_on_the_disk)
{
    store it;
    // A landing that looks at the store the moment it is told.
    class looking final : public landing {
    public:
        explicit looking(const kv::env& env) : env_{env} {}
        void deliver(pending_write*) override
        {
            there = env_.view([](const read_txn& txn) { return txn.get(first, as_bytes("a")).has_value(); });
        }
        bool there = false;

    private:
        const kv::env& env_;
    } home{it.env};
    watched_write change{home, [](write_txn& txn) {
                             txn.put(first, as_bytes("a"), as_bytes("1"));
                             return error_code{};
                         }};
    BOOST_TEST(!it.writer.submit(change));
    BOOST_TEST(!it.put({}, second));
    BOOST_TEST(home.there);
}

BOOST_AUTO_TEST_CASE(a_listener_hears_of_what_reached_the_disk_and_of_nothing_else)
{
    const tests::scratch_directory directory;
    const kv::env env{directory.path(), names, std::size_t{1024} * 1024};
    class looking final : public kv::commit_listener {
    public:
        explicit looking(const kv::env& of) : env_{of} {}
        void committed() override
        {
            rows.push_back(env_.view([](const read_txn& txn) { return txn.row_count(first); }));
        }
        std::vector<std::size_t> rows; // at each call; writer thread

    private:
        const kv::env& env_;
    } listener{env};
    {
        kv::writer writer{env, &listener};
        const auto put = [&](const std::string& key, std::size_t bytes) {
            auto change = [&](write_txn& txn) {
                txn.put(first, as_bytes(key), crypto::bytes(bytes));
                return error_code{};
            };
            return kv::blocking_commit(writer, change);
        };
        BOOST_TEST(!put("a", 1));
        BOOST_TEST((put("too large", std::size_t{8} * 1024 * 1024) == kv::errc::storage_full));
        BOOST_TEST(!put("b", 1));
    }
    BOOST_TEST(listener.rows == (std::vector<std::size_t>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_change_is_given_back_with_what_it_found)
{
    store it;
    struct counting {
        std::size_t found = 0;
        error_code operator()(write_txn& txn)
        {
            found = txn.row_count(first) + 41;
            txn.put(first, as_bytes("a"), as_bytes("1"));
            return {};
        }
    } change;
    BOOST_TEST(!blocking_commit(it.writer, change));
    BOOST_TEST(change.found == 41U);
}

BOOST_AUTO_TEST_CASE(many_threads_lose_nothing)
{
    store it;
    constexpr unsigned threads = 6;
    constexpr unsigned each = 50;
    std::atomic<unsigned> failed{0};
    on_threads(threads, [&](unsigned who) {
        for (unsigned i = 0; i < each; ++i) {
            auto change = [&](write_txn& txn) {
                txn.put(first, key{}.number(who).number(i), as_bytes("x"));
                return error_code{};
            };
            if (blocking_commit(it.writer, change))
                failed.fetch_add(1);
        }
    });
    BOOST_TEST(failed.load() == 0U);
    BOOST_TEST(it.env.view([](const read_txn& txn) { return txn.row_count(first); }) == threads * each);
    BOOST_TEST(it.writer.changes() == threads * each);
    BOOST_TEST(it.writer.batches() <= threads * each);
}

BOOST_AUTO_TEST_CASE(a_writer_that_goes_settles_what_was_submitted)
{
    const scratch_directory directory;
    const kv::env env{directory.path(), names, map_bytes};
    recording_landing home;
    std::vector<std::unique_ptr<watched_write>> writes;
    {
        kv::writer writer{env};
        for (std::uint64_t i = 0; i < 100; ++i) {
            writes.push_back(std::make_unique<watched_write>(home, [i](write_txn& txn) {
                txn.put(first, key{}.number(i), as_bytes("x"));
                return error_code{};
            }));
            BOOST_TEST_REQUIRE(!writer.submit(*writes.back()));
        }
    }
    std::size_t delivered = 0;
    for (const auto& chain : home.take())
        delivered += chain.size();
    BOOST_TEST(delivered == 100U);
    BOOST_TEST(env.view([](const read_txn& txn) { return txn.row_count(first); }) == 100U);
}

// Whoever submits while the writer goes is either refused at once or told.
BOOST_AUTO_TEST_CASE(a_change_that_races_with_the_end_is_refused_or_delivered)
{
    for (int round = 0; round < 20; ++round) {
        const scratch_directory directory;
        const kv::env env{directory.path(), names, map_bytes};
        auto writer = std::make_optional<kv::writer>(env);
        recording_landing home;
        std::vector<std::unique_ptr<watched_write>> writes;
        for (int i = 0; i < 40; ++i)
            writes.push_back(std::make_unique<watched_write>(home, [](write_txn&) { return error_code{}; }));
        std::atomic<unsigned> taken{0};
        // The submitters keep a raw reference: the object's memory stays, and a closed writer only refuses.
        kv::writer& target = *writer;
        std::atomic<unsigned> submitting{0};
        on_threads(3, [&](unsigned who) {
            if (who == 2) {
                while (submitting.load() < 20)
                    std::this_thread::yield();
                return;
            }
            for (unsigned i = 0; i < 20; ++i) {
                taken += target.submit(*writes[who * 20 + i]) ? 0U : 1U;
                submitting.fetch_add(1);
            }
        });
        writer.reset();
        std::size_t delivered = 0;
        for (const auto& chain : home.take())
            delivered += chain.size();
        BOOST_TEST_REQUIRE(delivered == taken.load());
    }
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_and_takes_again)
{
    store it;
    recording_landing home;
    std::vector<std::unique_ptr<watched_write>> writes;
    std::size_t taken = 0;
    {
        writer_gate gate{it.writer};
        for (std::size_t i = 0; i < writer_queue_max + 10; ++i) {
            writes.push_back(std::make_unique<watched_write>(home, [](write_txn&) { return error_code{}; }));
            const auto ec = it.writer.submit(*writes.back());
            if (ec) {
                BOOST_TEST_REQUIRE((ec == errc::queue_full));
                writes.pop_back();
            } else {
                ++taken;
            }
        }
        gate.open();
    }
    BOOST_TEST(taken == writer_queue_max);
    error_code ec;
    do {
        ec = it.put({{"a", "1"}}); // refused only while the queue is still being worked off
    } while (ec == errc::queue_full);
    BOOST_TEST(!ec);
    std::size_t delivered = 0;
    for (const auto& chain : home.take()) {
        BOOST_TEST_REQUIRE(chain.size() <= batch_changes_max);
        delivered += chain.size();
    }
    BOOST_TEST(delivered == taken);
}

namespace {

handlers::task<error_code> commit_one(kv::writer& to, std::thread::id& where, std::string value)
{
    auto change = [value = std::move(value)](write_txn& txn) {
        txn.put(first, as_bytes(value), as_bytes(value));
        return error_code{};
    };
    auto pending = async_commit(to, std::move(change), boost::asio::as_tuple(boost::asio::deferred));
    const auto [ec, given_back] = co_await std::move(pending);
    static_cast<void>(given_back);
    where = std::this_thread::get_id();
    co_return ec;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_coroutine_goes_on_where_it_was_when_its_change_is_settled)
{
    boost::asio::io_context context{1}; // outlives the writer, which posts to it
    store it;
    std::thread::id where;
    std::optional<error_code> outcome;
    boost::asio::co_spawn(context, commit_one(it.writer, where, "a"),
                          [&](const std::exception_ptr&, error_code ec) { outcome = ec; });
    context.run(); // has work until the change is settled
    BOOST_TEST_REQUIRE(outcome.has_value());
    BOOST_TEST(!*outcome);
    BOOST_TEST((where == std::this_thread::get_id()));
    BOOST_TEST((it.get("a") == "a"));
}

BOOST_AUTO_TEST_CASE(many_coroutines_of_one_thread_are_woken_once_per_batch)
{
    boost::asio::io_context context{1}; // outlives the writer, which posts to it
    store it;
    std::thread::id where;
    unsigned settled = 0;
    for (int i = 0; i < 50; ++i)
        boost::asio::co_spawn(context, commit_one(it.writer, where, std::to_string(i)),
                              [&](const std::exception_ptr&, error_code ec) { settled += ec ? 0U : 1U; });
    {
        writer_gate gate{it.writer};
        context.poll(); // all fifty submit
        gate.open();
    }
    const auto handlers = context.run();
    BOOST_TEST(settled == 50U);
    BOOST_TEST(handlers < 50U);
}

BOOST_AUTO_TEST_CASE(errors_have_messages)
{
    for (const auto each : {errc::storage_full, errc::queue_full, errc::closing, errc::damaged}) {
        const error_code ec = each;
        BOOST_TEST(ec.message() != "unknown storage error");
        BOOST_TEST(std::string_view{ec.category().name()} == "doorward.kv");
    }
}

BOOST_AUTO_TEST_SUITE_END()
