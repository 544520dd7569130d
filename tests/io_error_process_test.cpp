// The disk refuses: every single operation of a small run in turn, and then all of them because it is full.
//
// A store that failed ends the server with one line in the log; a disk without room is answered 507 and survived
// (ARCHITECTURE.md, "What happens when"). Either way nothing that was answered is lost, with the kernel's cache and
// without it, and nothing appears that nobody asked for.
//
// DOORWARD_IO_ERROR_ROUNDS  each one fails every operation in another of the four ways; DOORWARD_TEST_SEED

#include "tests/storage_support.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <csignal>

namespace {

using namespace doorward::tests;

constexpr std::string_view last_words = "the store failed and the process stops";

// One store with one phone, from which every run starts anew.
class failing_disk : public scene {
public:
    failing_disk() : phone_{enroll("anna")}, first_{stored_state(office, phone_.activation_id())}, random{test_seed()}
    {
        server.stop();
        store_ = read_file(file());
    }

    [[nodiscard]] std::filesystem::path file() const { return server.data() / "data.mdb"; }
    [[nodiscard]] std::size_t size() const { return store_.size(); }

    // A run begins: the store as it was, the shim without faults, nothing in the books.
    void begin()
    {
        write_file(file(), store_);
        disk.reset();
        book.emplace(booked_phone{twin_of(phone_), new_office(), first_});
        created.clear();
    }

    void start_watched()
    {
        server.set_environment(disk.environment());
        server.start({"--io-threads", "1"});
        device_side.emplace(server.device_url());
    }

    void start_plain()
    {
        server.set_environment({});
        server.start({"--io-threads", "1"});
    }

    outcome act(deed what) { return book->act(what, *device_side, disk); }

    // Another registration.
    outcome create()
    {
        try {
            const auto told = office.ask("POST", "/v2/registrations", json{{"userId", "berta"}, {"appId", "bank"}});
            if (told.status == 200)
                created.push_back(told.body.at("registrationId").get<std::string>());
            return told.status == 200 ? outcome::answered : told.status == 507 ? outcome::no_room : outcome::error;
        } catch (const std::exception&) {
            return outcome::no_answer;
        }
    }

    // Registrations until one is not answered, or far more than there can be room for.
    outcome create_until_refused()
    {
        outcome last = outcome::answered;
        while (last == outcome::answered && created.size() < 1000)
            last = create();
        return last;
    }

    // Then attempts until none is answered any more. A registration takes more room than they do; and one that came
    // together with a step of the fold, for which there was none, says nothing about the next. So several in a row:
    // fewer than the window is wide.
    outcome prove_until_refused()
    {
        int refused = 0;
        outcome last = outcome::answered;
        for (int i = 0; refused < 8 && i < 20'000; ++i) {
            last = act(deed::right_proof);
            refused = last == outcome::no_room ? refused + 1 : 0;
        }
        return last;
    }

    // The running server against the books.
    void check()
    {
        for (const std::string& complaint : compare(*book, far_future, *this, office))
            BOOST_ERROR(complaint);
        check_created();
    }

    void check_created()
    {
        for (const std::string& id : created)
            BOOST_TEST(office.detail(id).at("registrationStatus") == "CREATED");
    }

    // What the disk kept of the run if the power failed now.
    std::string store_after_power_loss()
    {
        disk_model model{store_};
        for (const storage_entry& entry : disk.record())
            model.happen(entry, random);
        return model.after_power_loss(loss::anything, random);
    }

    // The store that the run left, in a server without faults.
    void check_again()
    {
        read_every_row(server.data());
        start_plain();
        check();
        server.kill();
    }

    // The server ends by itself, as it must when its store has failed.
    void expect_end_by_failure(std::string_view log_before)
    {
        BOOST_TEST(server.wait_for_end() == 128 + SIGABRT);
        BOOST_TEST(server.log().find(last_words, log_before.size()) != std::string::npos);
    }

private:
    doorward::bench::device phone_;
    known_state first_;
    std::string store_;

public:
    watched_storage disk;
    std::mt19937_64 random;
    std::optional<booked_phone> book;
    std::vector<std::string> created; // answered
    std::optional<doorward::bench::http_client> device_side;
};

constexpr deed small_workload[]{deed::wrong_proof, deed::right_proof, deed::block, deed::unblock, deed::remove};

// A way in which the n-th operation fails.
struct failure {
    std::string_view name;
    fault_kind how;
    bool and_all_later;
};
constexpr failure failures[]{
    {"not done", fault_kind::before, false},
    {"done all the same", fault_kind::after, false},
    {"half done", fault_kind::half, false},
    {"not done, nor anything later", fault_kind::before, true},
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(io_error_process, failing_disk)

BOOST_AUTO_TEST_CASE(an_operation_that_fails_ends_the_server_and_loses_nothing_that_was_answered)
{
    const auto rounds = environment_number("DOORWARD_IO_ERROR_ROUNDS", 1);
    const auto first_kind = random() % std::size(failures);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        std::uint64_t number = 1;
        for (bool reached = true; reached; ++number) {
            const failure& kind = failures[(first_kind + number + round) % std::size(failures)];
            BOOST_TEST_CONTEXT("operation " << number << ", " << kind.name)
            {
                begin();
                disk.fail(number, kind.and_all_later ? far_future : number, EIO, kind.how);
                const std::string log = server.log();
                start_watched();
                outcome last = outcome::answered;
                for (const deed what : small_workload) {
                    if (last == outcome::answered)
                        last = act(what);
                }
                reached = disk.control().faults.load() > 0;
                const auto record = disk.record();
                const bool only_reserved =
                    reached && !kind.and_all_later && record[number - 1].head.what == storage_action::reserve;
                const bool harmless = !reached || only_reserved;
                if (last == outcome::no_answer) {
                    BOOST_TEST(!harmless);
                    expect_end_by_failure(log);
                } else {
                    BOOST_TEST(harmless);
                    BOOST_TEST((last == outcome::answered));
                    check();
                    server.stop();
                }
                if (random() % 2 == 0)
                    write_file(file(), store_after_power_loss());
                check_again();
            }
        }
        BOOST_TEST(number > 20U); // there was something to fail
    }
}

// A commit without room is refused, and the next one has room again. The meta page is the exception: it is in place
// already and needs no room on most file systems, and LMDB takes any failure to write it for the end of the store.
BOOST_AUTO_TEST_CASE(an_operation_without_room_is_refused_and_survived)
{
    int refused_in_all = 0;
    int expected_in_all = 0;
    std::uint64_t number = 1;
    for (bool reached = true; reached; ++number) {
        BOOST_TEST_CONTEXT("operation " << number)
        {
            begin();
            disk.fail(number, number, ENOSPC, fault_kind::before);
            const std::string log = server.log();
            start_watched();
            int refused = 0;
            outcome last = outcome::answered;
            for (const deed what : small_workload) {
                if (last != outcome::answered)
                    break;
                last = act(what);
                if (last == outcome::no_room) {
                    ++refused;
                    last = act(what);
                }
            }
            reached = disk.control().faults.load() > 0;
            const auto failed = reached ? disk.record()[number - 1].head.what : storage_action::reserve;
            if (failed == storage_action::synced_write) {
                BOOST_TEST((last == outcome::no_answer));
                BOOST_TEST(refused == 0);
                expect_end_by_failure(log);
            } else {
                BOOST_TEST((last == outcome::answered));
                // A smaller reservation is tried next, which is enough. On a slow machine the operation may be one of
                // the clean-up, which comes every second and tries again by itself.
                const int expected = failed == storage_action::reserve ? 0 : 1;
                BOOST_TEST(refused <= expected);
                refused_in_all += refused;
                expected_in_all += expected;
                check();
                server.stop();
            }
            write_file(file(), store_after_power_loss());
            check_again();
        }
    }
    BOOST_TEST(number > 20U);
    BOOST_TEST(refused_in_all > 0);
    BOOST_TEST(refused_in_all >= expected_in_all - 2); // nearly each, then
}

// --- a full disk

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_changes_goes_on_reading_and_heals)
{
    begin();
    disk.control().capacity_bytes.store(size() + std::size_t{1200} * 1024);
    start_watched();
    const outcome last = create_until_refused();
    BOOST_TEST((last == outcome::no_room));
    BOOST_TEST_REQUIRE(created.size() > 0U);
    BOOST_TEST((prove_until_refused() == outcome::no_room));
    const auto before = stored_state(office, book->id());
    BOOST_TEST((create() == outcome::no_room));
    for (const deed what : {deed::wrong_proof, deed::right_proof, deed::block})
        BOOST_TEST((act(what) == outcome::no_room));
    // Nothing of it is told as if it had happened.
    BOOST_TEST(stored_state(office, book->id()) == before);
    check_created();

    disk.control().capacity_bytes.store(0);
    for (const deed what : {deed::wrong_proof, deed::block, deed::unblock, deed::right_proof})
        BOOST_TEST((act(what) == outcome::answered));
    BOOST_TEST((create() == outcome::answered));
    check();
    const auto told = stored_state(office, book->id());
    server.stop();
    write_file(file(), store_after_power_loss());
    check_again();
    start_plain();
    BOOST_TEST(stored_state(office, book->id()) == told);
    server.kill();
}

// Where room cannot be reserved ahead, the disk may be full in the middle of a commit. When it takes the beginning of a
// write LMDB reports a broken store; when it takes nothing of it, a full one.
BOOST_AUTO_TEST_CASE(a_disk_that_is_full_in_the_middle_of_a_commit_loses_nothing_that_was_answered)
{
    constexpr std::size_t page = 4096;
    int ended = 0;
    for (const std::size_t room : {page / 2, 2 * page, 5 * page / 2, 3 * page}) {
        BOOST_TEST_CONTEXT("room for " << room << " bytes")
        {
            begin();
            disk.control().capacity_bytes.store(size() + room);
            disk.control().cannot_reserve.store(true);
            const std::string log = server.log();
            start_watched();
            const outcome last = create_until_refused();
            if (last == outcome::no_answer) {
                ++ended;
                expect_end_by_failure(log);
                start_watched(); // also where the disk is still full
            } else {
                BOOST_TEST((last == outcome::no_room));
            }
            BOOST_TEST(stored_state(office, book->id()) == book->first);
            check_created();

            disk.control().capacity_bytes.store(0);
            BOOST_TEST((act(deed::wrong_proof) == outcome::answered));
            BOOST_TEST((create() == outcome::answered));
            check();
            server.stop();
            write_file(file(), store_after_power_loss());
            check_again();
        }
    }
    BOOST_TEST(ended > 0);
}

BOOST_AUTO_TEST_SUITE_END()
