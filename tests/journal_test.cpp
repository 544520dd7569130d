// The journal: what is durable is what readers see, before the fold, after it and after a restart.

#include "kv/blocking_commit.hpp"
#include "registry/attempts.hpp"
#include "registry/changes.hpp"
#include "tests/support.hpp"

#include <atomic>
#include <random>
#include <thread>

namespace {

using namespace doorward;
using namespace doorward::registry;
using tests::scratch_store;

constexpr time_ms now = 1'700'000'000'000;

// A store with some active registrations and the journal over it.
struct scratch_journal {
    explicit scratch_journal(unsigned registrations = 3)
    {
        tests::put_application(store.writer, "app");
        log.emplace(store.env);
        for (unsigned i = 0; i < registrations; ++i)
            slots.push_back(make());
    }

    slot_ptr make()
    {
        create_registration change;
        change.record.id = uuid::random();
        change.record.application_id = "app";
        change.record.user_id = "alice";
        change.record.activation_code = change.record.id.text();
        change.record.max_failed_attempts = 200;
        change.record.created_at = now;
        change.record.expires_at = now + 1000;
        BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, change));
        auto slot = load(change.number, change.record.id);
        for (const move by : {move::exchange_keys, move::commit}) {
            auto step = attempts::change_state(slot, by, {}, {}, now).value();
            BOOST_TEST_REQUIRE(!commit(std::move(step)));
        }
        return slot;
    }

    slot_ptr load(registration_number number, const uuid& id)
    {
        return slot_ptr{attempt_slot::content{{number, id, "app"}, {200, 20}, stored(number)}};
    }

    kv::error_code commit(transition step)
    {
        transitions change{&*log, {std::move(step)}};
        return kv::blocking_commit(store.writer, change);
    }
    transition fail(unsigned which)
    {
        attempt_details what;
        what.outcome = attempt_outcome::refused;
        what.type = factors::possession_knowledge;
        return *judge.report(slots[which], what, true, counting::only_proven, now + ++ticks).change;
    }
    transition succeed(unsigned which)
    {
        attempt_details what;
        what.type = factors::possession_knowledge;
        return *judge.report(slots[which], what, true, counting::only_proven, now + ++ticks).change;
    }

    counters stored(registration_number number)
    {
        return log->view([&](const snapshot& view) { return find_counters(view, number); }).value();
    }
    counters table(registration_number number)
    {
        return store.env.view([&](const kv::read_txn& txn) { return find_counters(txn, number); }).value();
    }
    crypto::bytes raw(registration_number number) // as the table has it
    {
        return store.env.view([&](const kv::read_txn& txn) {
            const auto row = txn.get(tables::counters, number_key(number)).value();
            return crypto::bytes{row.begin(), row.end()};
        });
    }
    std::vector<row_sequence> rows(registration_number number)
    {
        std::vector<row_sequence> out;
        const auto unfolded = log->find_unfolded(number);
        log->view([&](const snapshot& view) {
            scan_attempts(view, number, unfolded ? unfolded->last_row : 0, true,
                          [&](row_sequence place, const attempt_row&) {
                              out.push_back(place);
                              return true;
                          });
        });
        return out;
    }
    bool step()
    {
        journal::fold_step change{*log};
        BOOST_TEST_REQUIRE(!kv::blocking_commit(store.writer, change));
        return !change.sweep_ended;
    }
    void sweep()
    {
        while (step()) {
        }
    }
    void forget()
    {
        log->begin_epoch();
        for (std::size_t part = 0; part < journal::parts; ++part)
            log->forget_folded(part);
    }
    void restart() { log.emplace(store.env); }

    scratch_store store;
    std::optional<journal> log;
    attempts judge{crypto::secret<32>{}};
    std::vector<slot_ptr> slots;
    time_ms ticks = 0;
};

bool same_attempts(const counters& a, const counters& b)
{
    return a == b;
}

} // namespace

BOOST_AUTO_TEST_SUITE(attempt_journal)

BOOST_AUTO_TEST_CASE(an_attempt_writes_a_row_and_leaves_the_counters_to_the_fold)
{
    scratch_journal it;
    const auto number = it.slots[0]->owner.number;
    const auto before = it.table(number);
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    BOOST_TEST((it.table(number) == before));
    const auto seen = it.stored(number);
    BOOST_TEST(seen.word.failed() == 1U);
    BOOST_TEST(seen.last_failed_at == now + 1);
    BOOST_TEST(it.log->used().rows_in_front == 1U);
    it.sweep();
    BOOST_TEST((it.table(number) == seen));
    BOOST_TEST((it.stored(number) == seen));
    BOOST_TEST(it.log->used().rows_in_front == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_not_folded_is_read_again_at_a_start)
{
    scratch_journal it;
    for (unsigned i = 0; i < 30; ++i)
        BOOST_TEST_REQUIRE(!it.commit(i % 7 == 6 ? it.succeed(i % 3) : it.fail(i % 3)));
    std::vector<counters> seen;
    for (const auto& slot : it.slots)
        seen.push_back(it.stored(slot->owner.number));
    it.restart();
    BOOST_TEST(it.log->used().rows_in_front == 30U);
    for (unsigned i = 0; i < 3; ++i)
        BOOST_TEST(same_attempts(it.stored(it.slots[i]->owner.number), seen[i]));
    it.sweep();
    it.restart();
    BOOST_TEST(it.log->used().rows_in_front == 0U);
    for (unsigned i = 0; i < 3; ++i)
        BOOST_TEST(same_attempts(it.stored(it.slots[i]->owner.number), seen[i]));
}

// What lies in the row of one registration is nobody else's trouble: neither while the server works nor at its start.
BOOST_AUTO_TEST_CASE(a_damaged_row_keeps_no_other_from_the_tables)
{
    for (const bool at_start : {false, true}) {
        struct : kv::damage_listener {
            void damage_found(const char*) noexcept override { ++count; }
            int count = 0;
        } told;
        scratch_journal it;
        it.store.env.report_damage_to(told);
        const auto bad = it.slots[0]->owner.number;
        const auto good = it.slots[1]->owner.number;
        for (unsigned i = 0; i < 6; ++i)
            BOOST_TEST_REQUIRE(!it.commit(it.fail(i % 3)));
        const auto seen = it.stored(good);
        auto spoil = [bad](kv::write_txn& txn) {
            txn.put(tables::counters, number_key(bad), crypto::as_bytes("nonsense"));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(it.store.writer, spoil));
        if (at_start)
            it.restart();
        it.sweep();
        BOOST_TEST(it.log->used().rows_in_front == 0U);
        BOOST_TEST((it.table(good) == seen));
        BOOST_TEST(told.count == 1);
        BOOST_CHECK_THROW(static_cast<void>(it.table(bad)), kv::damaged);
        it.forget();
        it.forget();
        it.forget();
        BOOST_CHECK_THROW(static_cast<void>(it.stored(bad)), kv::damaged);
        // Nor does it come back if it was the memory that was at fault: attempts would be missing.
        BOOST_TEST(it.raw(bad).empty());
        // It goes on so, with further attempts of others.
        BOOST_TEST_REQUIRE(!it.commit(it.fail(1)));
        it.sweep();
        BOOST_TEST(it.log->used().rows_in_front == 0U);
        it.restart();
        BOOST_TEST((it.stored(good).word == it.table(good).word));
    }
}

BOOST_AUTO_TEST_CASE(rows_of_a_registration_lead_from_the_newest_to_the_oldest)
{
    scratch_journal it;
    for (unsigned i = 0; i < 9; ++i)
        BOOST_TEST_REQUIRE(!it.commit(it.fail(i % 3)));
    BOOST_TEST((it.rows(it.slots[0]->owner.number) == std::vector<row_sequence>{7, 4, 1}));
    it.sweep();
    it.restart();
    BOOST_TEST((it.rows(it.slots[1]->owner.number) == std::vector<row_sequence>{8, 5, 2}));
}

// A state change writes the counters itself; rows around it must not undo it.
BOOST_AUTO_TEST_CASE(a_change_of_state_between_attempts_stands)
{
    scratch_journal it;
    const auto number = it.slots[0]->owner.number;
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    for (const move by : {move::block, move::unblock})
        BOOST_TEST_REQUIRE(!it.commit(attempts::change_state(it.slots[0], by, {}, {}, now).value()));
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    BOOST_TEST_REQUIRE(!it.commit(attempts::change_state(it.slots[0], move::remove, {}, {}, now).value()));
    const auto seen = it.stored(number);
    BOOST_TEST(to_text(seen.word.current()) == "REMOVED");
    it.restart();
    BOOST_TEST((it.stored(number) == seen));
    it.sweep();
    BOOST_TEST((it.stored(number) == seen));
    BOOST_TEST((it.table(number) == seen));
}

// Attempts that come while a sweep is on its way belong to the next one.
BOOST_AUTO_TEST_CASE(the_mark_moves_only_over_what_the_sweep_has_seen)
{
    scratch_journal it{200};
    for (unsigned i = 0; i < 200; ++i)
        BOOST_TEST_REQUIRE(!it.commit(it.fail(i)));
    BOOST_TEST(it.step()); // fold_registrations_least of them
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    BOOST_TEST_REQUIRE(!it.commit(it.fail(199)));
    it.sweep();
    BOOST_TEST(it.log->used().rows_in_front == 2U);
    it.restart();
    BOOST_TEST(it.stored(it.slots[0]->owner.number).word.failed() == 2U);
    BOOST_TEST(it.stored(it.slots[199]->owner.number).word.failed() == 2U);
    it.sweep();
    BOOST_TEST(it.log->used().rows_in_front == 0U);
    BOOST_TEST(it.table(it.slots[0]->owner.number).word.failed() == 2U);
}

BOOST_AUTO_TEST_CASE(a_batch_without_room_leaves_no_trace_and_is_no_gap_in_the_chain)
{
    scratch_journal it;
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    auto lost = it.fail(0);
    auto failing = [&, change = transitions{&*it.log, {lost}}](kv::write_txn& txn) mutable {
        static_cast<void>(change(txn));
        change.undone();
        return make_error_code(kv::errc::queue_full);
    };
    // Its row is in the batch; the next change of the same registration must not point at a row that might go.
    BOOST_TEST(kv::blocking_commit(it.store.writer, failing) == make_error_code(kv::errc::queue_full));
    BOOST_TEST_REQUIRE(!it.commit(lost));
    BOOST_TEST((it.rows(it.slots[0]->owner.number) == std::vector<row_sequence>{3, 1}));
    BOOST_TEST(it.stored(it.slots[0]->owner.number).word.failed() == 2U);
}

// (7): an entry goes when no view can be older than its fold.
BOOST_AUTO_TEST_CASE(folded_counters_are_kept_while_a_view_might_need_them)
{
    scratch_journal it{1};
    const auto number = it.slots[0]->owner.number;
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    std::atomic<bool> inside{false};
    std::atomic<bool> leave{false};
    counters seen;
    std::thread reader{[&] {
        it.log->view([&](const snapshot& view) {
            static_cast<void>(find_registration(view, number)); // the snapshot is as of now
            inside = true;
            inside.notify_one();
            leave.wait(false);
            seen = find_counters(view, number).value();
        });
    }};
    inside.wait(false);
    it.sweep();
    for (int i = 0; i < 5; ++i)
        it.forget();
    BOOST_TEST(it.log->used().unfolded == 1U); // the reader's snapshot does not have it
    leave = true;
    leave.notify_one();
    reader.join();
    BOOST_TEST(seen.word.failed() == 1U);
    for (int i = 0; i < 3; ++i)
        it.forget();
    BOOST_TEST(it.log->used().unfolded == 0U);
    BOOST_TEST(it.stored(number).word.failed() == 1U);
}

// Readers never see the count go back while attempts, folds and forgetting go on.
BOOST_AUTO_TEST_CASE(readers_never_see_an_older_count)
{
    scratch_journal it{4};
    std::atomic<bool> stop{false};
    std::atomic<int> steps_back{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            std::vector<std::uint64_t> last(it.slots.size());
            while (!stop) {
                for (std::size_t s = 0; s < it.slots.size(); ++s) {
                    const auto version = it.stored(it.slots[s]->owner.number).word.version();
                    steps_back += version < last[s] ? 1 : 0;
                    last[s] = version;
                }
            }
        });
    std::thread folder{[&] {
        while (!stop) {
            journal::fold_step change{*it.log};
            if (kv::blocking_commit(it.store.writer, change)) // no check of the framework: it is for one thread
                std::abort();
            it.forget();
        }
    }};
    for (unsigned i = 0; i < 600; ++i)
        BOOST_TEST_REQUIRE(!it.commit(i % 5 == 4 ? it.succeed(i % 4) : it.fail(i % 4)));
    stop = true;
    folder.join();
    for (std::thread& each : readers)
        each.join();
    BOOST_TEST(steps_back == 0);
    for (const auto& slot : it.slots)
        BOOST_TEST((it.stored(slot->owner.number).word == slot->load()));
}

// Random attempts, changes of state, folds and restarts against what the slots say.
BOOST_AUTO_TEST_CASE(any_mixture_ends_where_memory_is)
{
    std::mt19937_64 random{tests::test_seed()};
    for (int round = 0; round < 20; ++round) {
        scratch_journal it{3};
        for (int i = 0; i < 60; ++i) {
            const auto which = static_cast<unsigned>(random() % 3);
            switch (random() % 8) {
            case 0:
                static_cast<void>(it.step());
                break;
            case 1:
                it.forget();
                break;
            case 2:
                it.restart();
                break;
            case 3:
                if (auto change = attempts::change_state(it.slots[which],
                                                         random() % 2 == 0 ? move::block : move::unblock, {}, {}, now))
                    BOOST_TEST_REQUIRE(!it.commit(std::move(*change)));
                break;
            case 4:
                BOOST_TEST_REQUIRE(!it.commit(it.succeed(which)));
                break;
            default: {
                // Two of them, and they reach the writer the other way round.
                auto first = it.fail(which);
                auto second = it.fail(static_cast<unsigned>(random() % 3));
                BOOST_TEST_REQUIRE(!it.commit(std::move(second)));
                BOOST_TEST_REQUIRE(!it.commit(std::move(first)));
            }
            }
        }
        for (const auto& slot : it.slots) {
            const auto seen = it.stored(slot->owner.number);
            BOOST_TEST((seen.word == slot->load()));
            BOOST_TEST((seen.refused == slot->refused_until(slot->load())));
        }
        it.restart();
        it.sweep();
        for (const auto& slot : it.slots)
            BOOST_TEST((it.table(slot->owner.number).word == slot->load()));
    }
}

BOOST_AUTO_TEST_CASE(a_full_journal_refuses_attempts_until_it_is_folded)
{
    journal_limits small{4, 2};
    scratch_journal it{3};
    it.log.emplace(it.store.env, small);
    BOOST_TEST_REQUIRE(!it.commit(it.fail(0)));
    BOOST_TEST_REQUIRE(!it.commit(it.fail(1)));
    auto late = it.fail(2);
    BOOST_TEST(it.commit(late) == make_error_code(kv::errc::queue_full));
    BOOST_TEST(it.stored(it.slots[2]->owner.number).word.failed() == 0U);
    it.sweep();
    for (int i = 0; i < 3; ++i)
        it.forget();
    BOOST_TEST(!it.commit(late));
    BOOST_TEST(it.stored(it.slots[2]->owner.number).word.failed() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
