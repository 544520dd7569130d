// Registrations made from others: the rules, and the step that changes two words. Numbers in brackets are the
// invariants of registry/attempt_slot.hpp.

#include "registry/attempts.hpp"
#include "registry/transfer_rules.hpp"
#include "registry/unsettled.hpp"
#include "tests/support.hpp"

#include <map>

namespace {

using namespace doorward;
using namespace doorward::registry;
using tests::default_limits;
using tests::on_threads;
using tests::scratch_phone;

constexpr time_ms now = 1'700'000'000'000;
constexpr factors two_factors = factors::possession_knowledge;
constexpr transfer_type both_types[]{transfer_type::spawn, transfer_type::move};

attempts engine()
{
    return attempts{crypto::secret<32>{crypto::byte_array<32>{9, 9, 9}}};
}

} // namespace

// --- rules

BOOST_AUTO_TEST_SUITE(transfer_rules)

BOOST_AUTO_TEST_CASE(each_way_is_allowed_on_its_own)
{
    for (const bool spawn : {false, true})
        for (const bool move : {false, true}) {
            transfer_settings rules;
            rules.spawn = spawn;
            rules.move = move;
            BOOST_TEST(allows(rules, transfer_type::spawn, "app", "app") == spawn);
            BOOST_TEST(allows(rules, transfer_type::move, "app", "app") == move);
            const auto usual = usual_transfer(rules);
            BOOST_TEST(usual.has_value() == (spawn || move));
            if (usual)
                BOOST_TEST((*usual == (spawn ? transfer_type::spawn : transfer_type::move)));
        }
}

BOOST_AUTO_TEST_CASE(the_same_application_receives_unless_others_are_named)
{
    transfer_settings rules;
    rules.spawn = rules.move = true;
    for (const auto how : both_types) {
        rules.targets.clear();
        BOOST_TEST(allows(rules, how, "app", "app"));
        BOOST_TEST(!allows(rules, how, "app", "other"));
        rules.targets = {"other", "third"};
        BOOST_TEST(!allows(rules, how, "app", "app"));
        BOOST_TEST(allows(rules, how, "app", "other"));
        BOOST_TEST(allows(rules, how, "app", "third"));
        BOOST_TEST(!allows(rules, how, "app", "fourth"));
    }
}

BOOST_AUTO_TEST_CASE(a_child_has_the_user_of_its_parent_and_the_limit_of_the_rules_or_of_its_application)
{
    registration parent;
    parent.id = uuid::random();
    parent.user_id = "alice";
    parent.max_failed_attempts = 9;
    application_settings from, to;
    to.max_failed_attempts = 7;
    registration asked;
    asked.application_id = "other";
    asked.flags = {"A"};
    auto child = child_of(parent, asked, transfer_type::move, from, to);
    BOOST_TEST(child.user_id == "alice");
    BOOST_TEST(child.application_id == "other");
    BOOST_TEST(child.flags == asked.flags);
    BOOST_TEST((child.origin == lineage{parent.id, transfer_type::move}));
    BOOST_TEST(child.max_failed_attempts == 7);
    from.transfer.max_failed_attempts = 3;
    child = child_of(parent, asked, transfer_type::spawn, from, to);
    BOOST_TEST(child.max_failed_attempts == 3);
    BOOST_TEST((child.origin == lineage{parent.id, transfer_type::spawn}));
}

BOOST_AUTO_TEST_CASE(names_of_both_ways_are_read_back)
{
    for (const auto how : both_types)
        BOOST_TEST((parse_transfer_type(to_text(how)) == how));
    for (const char* other : {"", "spawn", "MOVED", "CLONE"})
        BOOST_TEST(!parse_transfer_type(other).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

// --- two words, one step

BOOST_AUTO_TEST_SUITE(transfer_words)

BOOST_AUTO_TEST_CASE(a_child_starts_from_where_its_move_begins_and_only_while_its_parent_is_active)
{
    for (const auto how : both_types)
        for (const move by : {move::exchange_and_start, move::commit})
            for (const state child_in : all_states)
                for (const state parent_in : all_states)
                    BOOST_TEST_CONTEXT(to_text(how) << " by " << to_text(by) << ", child " << to_text(child_in)
                                                    << ", parent " << to_text(parent_in))
                    {
                        const auto child = scratch_phone{}.slot(default_limits(), child_in);
                        const auto parent = scratch_phone{}.slot(default_limits(), parent_in);
                        const auto childs_word = child->load();
                        const auto parents_word = parent->load();
                        attempt_word forbidding;
                        const auto got =
                            attempts::start_child(child, parent, how, by, {"office", "bob"}, now, &forbidding);
                        const bool child_fits =
                            child_in == (by == move::commit ? state::pending_commit : state::created);
                        BOOST_TEST_REQUIRE(got.has_value() == (child_fits && parent_in == state::active));
                        if (!got) {
                            BOOST_TEST((got.error() == (child_fits ? errc::parent_not_active : errc::illegal_change)));
                            BOOST_TEST((forbidding == (child_fits ? parents_word : childs_word)));
                            BOOST_TEST((child->load() == childs_word));
                            BOOST_TEST((parent->load() == parents_word));
                            BOOST_TEST(child->start_pending() == 0U);
                            continue;
                        }
                        const state parents_state = how == transfer_type::move ? state::removed : state::active;
                        BOOST_TEST((child->load() == childs_word.moved(state::active, 0)));
                        BOOST_TEST((parent->load() == parents_word.moved(parents_state, 0)));
                        BOOST_TEST((got->child.after == child->load()));
                        BOOST_TEST((got->parent.after == parent->load()));
                    }
}

BOOST_AUTO_TEST_CASE(both_histories_tell_who_and_why)
{
    for (const auto how : both_types)
        for (const bool by_phone : {false, true}) {
            const auto child = scratch_phone{}.slot(default_limits(), state::created);
            const auto parent = scratch_phone{}.slot(default_limits());
            const actor who = by_phone ? actor{} : actor{"office", "bob"};
            const auto got = attempts::start_child(child, parent, how, move::exchange_and_start, who, now).value();
            const bool moves = how == transfer_type::move;
            BOOST_TEST((got.child.by == move::exchange_and_start));
            BOOST_TEST((got.parent.by == (moves ? move::remove : move::spawn)));
            BOOST_TEST(got.child.reason == (moves ? "MOVED_FROM:" : "SPAWNED_FROM:") + parent->owner.id.text());
            BOOST_TEST(got.parent.reason == (moves ? "MOVED_TO:" : "SPAWNED_TO:") + child->owner.id.text());
            BOOST_TEST((got.child.who == who));
            BOOST_TEST(got.parent.who.account == who.account);
            BOOST_TEST(got.parent.who.external_user_id == who.external_user_id);
            BOOST_TEST((got.parent.who.phone == (by_phone ? std::optional{child->owner.id} : std::nullopt)));
            BOOST_TEST((got.child.partner == parent));
            BOOST_TEST((got.parent.partner == child));
        }
}

BOOST_AUTO_TEST_CASE(a_spawn_leaves_the_failed_attempts_and_the_counter_of_the_parent)
{
    const auto child = scratch_phone{}.slot(default_limits(), state::created);
    scratch_phone phone;
    const auto parent = phone.slot(default_limits());
    const auto judge = engine();
    static_cast<void>(judge.verify(parent, phone.keys, phone.right(two_factors, 3), counting::only_proven, now));
    static_cast<void>(judge.verify(parent, phone.keys, phone.wrong_pin(4, 1), counting::only_proven, now));
    const auto got =
        attempts::start_child(child, parent, transfer_type::spawn, move::exchange_and_start, {}, now).value();
    BOOST_TEST(parent->load().failed() == 1U);
    BOOST_TEST(parent->load().position() == 4U);
    BOOST_TEST(got.parent.counter.position == 4U);
    BOOST_TEST(got.parent.refused.list.size() == 1U);
    // And the phone goes on where it was.
    BOOST_TEST((judge.verify(parent, phone.keys, phone.wrong_pin(4, 1), counting::only_proven, now).counted == false));
    BOOST_TEST((judge.verify(parent, phone.keys, phone.right(two_factors, 4), counting::only_proven, now).outcome ==
                attempt_result::verdict::accepted));
}

// (10) Whoever sees the child active sees the parent gone.
BOOST_AUTO_TEST_CASE(of_many_children_that_move_at_once_one_starts)
{
    constexpr unsigned children = 6;
    for (int round = 0; round < 200; ++round) {
        const auto parent = scratch_phone{}.slot(default_limits());
        std::vector<slot_ptr> slots;
        for (unsigned i = 0; i < children; ++i)
            slots.push_back(scratch_phone{}.slot(default_limits(), state::created));
        std::atomic<unsigned> started{0}, refused{0}, seen_alone{0};
        on_threads(children + 2, [&](unsigned who) {
            if (who >= children) {
                for (int look = 0; look < 50; ++look)
                    for (const auto& child : slots)
                        if (child->load().current() == state::active && parent->load().current() != state::removed)
                            seen_alone.fetch_add(1);
                return;
            }
            const auto got =
                attempts::start_child(slots[who], parent, transfer_type::move, move::exchange_and_start, {}, now);
            if (got)
                started.fetch_add(1);
            else if (got.error() == errc::parent_not_active)
                refused.fetch_add(1);
        });
        BOOST_TEST_REQUIRE(started.load() == 1U);
        BOOST_TEST_REQUIRE(refused.load() == children - 1);
        BOOST_TEST_REQUIRE(seen_alone.load() == 0U);
        BOOST_TEST_REQUIRE((parent->load().current() == state::removed));
        unsigned active = 0;
        for (const auto& child : slots)
            active += child->load().current() == state::active ? 1U : 0U;
        BOOST_TEST_REQUIRE(active == 1U);
    }
}

// Proofs, blocks and unblocks of the parent, removals of the child, and the start, all at once.
BOOST_AUTO_TEST_CASE(whatever_happens_to_both_meanwhile_they_agree)
{
    for (const auto how : both_types)
        for (int round = 0; round < 200; ++round) {
            scratch_phone phone;
            const auto parent = phone.slot(default_limits(2));
            const auto child = scratch_phone{}.slot(default_limits(), state::pending_commit);
            const auto judge = engine();
            std::atomic<unsigned> started{0}, cancelled{0}, disagreements{0};
            on_threads(6, [&](unsigned who) {
                for (unsigned i = 0; i < 8; ++i) {
                    switch (who) {
                    case 0:
                        static_cast<void>(
                            judge.verify(parent, phone.keys, phone.right(two_factors, i), counting::only_proven, now));
                        break;
                    case 1:
                        static_cast<void>(
                            judge.verify(parent, phone.keys, phone.wrong_pin(i, i), counting::only_proven, now));
                        break;
                    case 2:
                        static_cast<void>(
                            attempts::change_state(parent, i % 2 == 0 ? move::block : move::unblock, {}, {}, now));
                        break;
                    case 3:
                        if (i == 4 && attempts::change_state(child, move::cancel, {}, {}, now))
                            cancelled.fetch_add(1);
                        break;
                    case 4:
                        if (attempts::start_child(child, parent, how, move::commit, {}, now))
                            started.fetch_add(1);
                        break;
                    default: {
                        const state childs = child->load().current();
                        const state parents = parent->load().current();
                        if (how == transfer_type::move && childs == state::active && parents != state::removed)
                            disagreements.fetch_add(1);
                    }
                    }
                }
            });
            BOOST_TEST_REQUIRE(disagreements.load() == 0U);
            BOOST_TEST_REQUIRE(started.load() + cancelled.load() <= 1U);
            const state childs = child->load().current();
            const state parents = parent->load().current();
            BOOST_TEST_REQUIRE((childs == state::active) == (started.load() == 1U));
            BOOST_TEST_REQUIRE((childs == state::removed) == (cancelled.load() == 1U));
            if (how == transfer_type::move)
                BOOST_TEST_REQUIRE((parents == state::removed) == (started.load() == 1U));
            else
                BOOST_TEST_REQUIRE((parents != state::removed));
        }
}

BOOST_AUTO_TEST_SUITE_END()

// --- on their way to the disk

namespace {

using change = std::vector<transition>;
using rows = std::map<std::pair<unsigned, crypto::bytes>, crypto::bytes>;

// A store with a parent that is active and a child that is not yet, and their slots.
class stored_pair {
public:
    explicit stored_pair(transfer_type how, state child_in = state::pending_commit) : how_{how}
    {
        open_log();
        tests::put_application(store_.writer, "app");
        parent_id_ = create("PARENT", std::nullopt);
        load();
        run(parent_, move::exchange_keys);
        run(parent_, move::commit);
        child_id_ = create("CHILD", lineage{parent_id_, how});
        load();
        if (child_in == state::pending_commit)
            run(child_, move::exchange_keys);
        baseline_ = read();
    }

    // Back to how it was made, everything folded; the slots are loaded anew.
    void reset()
    {
        auto put_back = [&](kv::write_txn& txn) {
            for (const auto& [key, value] : read(txn))
                txn.erase(kv::table{key.first}, key.second);
            for (const auto& [key, value] : baseline_)
                txn.put(kv::table{key.first}, key.second, value);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(store_.writer, put_back));
        ticks_ = 0;
        open_log();
        load();
    }

    [[nodiscard]] kv::error_code commit(change steps)
    {
        transitions all{&*log_, std::move(steps)};
        return kv::blocking_commit(store_.writer, all);
    }

    // Changes, in the order in which the words were swapped

    [[nodiscard]] change starts()
    {
        auto got = attempts::start_child(child_, parent_, how_, move::commit, {"office", ""}, tick()).value();
        return {std::move(got.parent), std::move(got.child)};
    }
    [[nodiscard]] change proof_of_parent(unsigned salt, bool right)
    {
        const auto position = parent_->load().position();
        const auto proof = right ? phone_.right(two_factors, position, salt) : phone_.wrong_pin(position, salt);
        return {judge_.verify(parent_, phone_.keys, proof, counting::only_proven, tick()).change.value()};
    }
    [[nodiscard]] change proof_of_child(unsigned salt)
    {
        const auto proof = phone_.right(two_factors, child_->load().position(), salt);
        return {judge_.verify(child_, phone_.keys, proof, counting::only_proven, tick()).change.value()};
    }
    [[nodiscard]] change moves(const slot_ptr& which, move by)
    {
        return {attempts::change_state(which, by, {"office", ""}, "REASON", tick()).value()};
    }
    [[nodiscard]] const slot_ptr& parent() const { return parent_; }
    [[nodiscard]] const slot_ptr& child() const { return child_; }

    // What a server that starts now would find.
    struct states {
        state parent;
        state child;
    };
    [[nodiscard]] states after_a_crash()
    {
        const journal fresh{store_.env};
        return fresh.view([&](const snapshot& txn) {
            return states{find_full(txn, parent_id_).value().current(), find_full(txn, child_id_).value().current()};
        });
    }

    [[nodiscard]] rows read()
    {
        return store_.env.view([&](const kv::read_txn& txn) { return read(txn); });
    }
    [[nodiscard]] rows read(const kv::read_txn& txn) const
    {
        rows out;
        for (const kv::table from :
             {tables::registrations, tables::counters, tables::history, tables::by_code, tables::due, tables::children})
            txn.scan(from, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
                crypto::bytes shown{value.begin(), value.end()};
                if (from == tables::counters) {
                    auto record = decode<counters>(value);
                    record.last_row = 0; // tells the order of arrival, and nothing else
                    shown = encode(record);
                }
                if (from == tables::history) {
                    auto row = decode<history_row>(value);
                    row.event.reset(); // the same: events are numbered as they arrive
                    shown = encode(row);
                }
                out[{static_cast<unsigned>(from), {key.begin(), key.end()}}] = std::move(shown);
                return true;
            });
        return out;
    }

    void fold()
    {
        for (bool more = true; more;) {
            journal::fold_step step{*log_};
            BOOST_TEST_REQUIRE(!kv::blocking_commit(store_.writer, step));
            more = !step.sweep_ended;
        }
    }
    void open_log() { log_.emplace(store_.env); }
    [[nodiscard]] journal& log() { return *log_; }
    [[nodiscard]] tests::scratch_store& store() { return store_; }
    [[nodiscard]] std::vector<history_row> history(const slot_ptr& of)
    {
        std::vector<history_row> out;
        store_.env.view([&](const kv::read_txn& txn) {
            scan_history(txn, of->owner.number, 0, [&](const history_row& row) {
                out.insert(out.begin(), row);
                return true;
            });
        });
        return out;
    }

private:
    time_ms tick() { return now + 10 * ++ticks_; }

    uuid create(std::string code, std::optional<lineage> origin)
    {
        create_registration made;
        made.record.id = uuid::random();
        made.record.application_id = "app";
        made.record.user_id = "alice";
        made.record.activation_code = std::move(code);
        made.record.max_failed_attempts = 5;
        made.record.created_at = made.record.changed_at = now;
        made.record.expires_at = now + 100'000;
        made.record.origin = origin;
        made.first_counter = phone_.first_counter;
        BOOST_TEST_REQUIRE(!kv::blocking_commit(store_.writer, made));
        return made.record.id;
    }
    slot_ptr loaded(const uuid& id)
    {
        const auto found = log_->view([&](const snapshot& txn) { return find_full(txn, id); });
        return found ? slot_ptr{attempt_slot::content{{found->number, id, "app"}, default_limits(), found->attempts}}
                     : nullptr;
    }
    void load()
    {
        parent_ = loaded(parent_id_);
        child_ = loaded(child_id_);
    }
    void run(const slot_ptr& slot, move by)
    {
        change one{attempts::change_state(slot, by, {}, {}, now).value()};
        BOOST_TEST_REQUIRE(!commit(std::move(one)));
    }

    transfer_type how_;
    tests::scratch_store store_;
    std::optional<journal> log_;
    scratch_phone phone_; // the same keys for both
    attempts judge_ = engine();
    uuid parent_id_{};
    uuid child_id_{};
    slot_ptr parent_;
    slot_ptr child_;
    rows baseline_;
    time_ms ticks_ = 0;
};

// May a store say this at any moment? A child that moves has started exactly when its parent is gone.
bool is_whole(transfer_type how, stored_pair::states what)
{
    const bool started = what.child == state::active || what.child == state::blocked;
    const bool gone = what.parent == state::removed;
    return how == transfer_type::spawn || started == gone;
}

using scenario = std::function<std::vector<change>(stored_pair&)>;

// Has the changes of a scenario reach the writer in every order. One that builds upon a start which is not there yet is
// refused and comes again later, as unsettled changes do. Whenever the process might die, the store is whole.
void check_every_order(transfer_type how, const scenario& story, state child_in = state::pending_commit)
{
    stored_pair pair{how, child_in};
    std::vector<std::size_t> order(story(pair).size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::optional<rows> expected;
    do {
        std::string shown;
        for (const std::size_t i : order)
            shown += std::to_string(i) + ' ';
        BOOST_TEST_CONTEXT(to_text(how) << ", order " << shown)
        {
            pair.reset();
            auto steps = story(pair);
            std::vector<change> again;
            const auto try_all = [&] {
                std::vector<change> refused;
                for (change& each : again) {
                    const auto ec = pair.commit(each);
                    BOOST_TEST_REQUIRE((!ec || ec == kv::errc::queue_full));
                    if (ec)
                        refused.push_back(std::move(each));
                    BOOST_TEST(is_whole(how, pair.after_a_crash()));
                }
                again = std::move(refused);
            };
            for (const std::size_t i : order) {
                again.push_back(std::move(steps[i]));
                try_all();
            }
            try_all(); // what the last one let in
            BOOST_TEST_REQUIRE(again.empty());
            pair.fold();
            const auto got = pair.read();
            if (!expected)
                expected = got;
            BOOST_TEST_REQUIRE(got.size() == expected->size());
            for (const auto& [key, value] : *expected) {
                const auto found = got.find(key);
                BOOST_TEST_REQUIRE((found != got.end()), "a row of " << tables::names[key.first] << " is missing");
                BOOST_TEST((found->second == value), "a row of " << tables::names[key.first] << " is another");
            }
            BOOST_TEST(pair.child()->start_pending() == 0U);
        }
    } while (std::ranges::next_permutation(order).found);
}

} // namespace

BOOST_AUTO_TEST_SUITE(transfer_order_of_arrival)

BOOST_AUTO_TEST_CASE(a_start_among_proofs_of_both_ends_in_the_same_records)
{
    for (const auto how : both_types)
        check_every_order(how, [](stored_pair& it) {
            std::vector<change> out;
            out.push_back(it.proof_of_parent(1, false));
            out.push_back(it.proof_of_parent(2, true));
            out.push_back(it.starts());
            out.push_back(it.proof_of_child(3));
            out.push_back(it.proof_of_child(4));
            return out;
        });
}

BOOST_AUTO_TEST_CASE(what_happens_to_the_child_right_after_its_start_waits_for_the_start)
{
    for (const auto how : both_types)
        check_every_order(how, [](stored_pair& it) {
            std::vector<change> out;
            out.push_back(it.starts());
            out.push_back(it.moves(it.child(), move::block));
            out.push_back(it.moves(it.child(), move::unblock));
            out.push_back(it.proof_of_child(1));
            return out;
        });
}

BOOST_AUTO_TEST_CASE(a_block_and_its_end_before_the_start_may_arrive_after_it)
{
    for (const auto how : both_types)
        check_every_order(how, [](stored_pair& it) {
            std::vector<change> out;
            out.push_back(it.moves(it.parent(), move::block));
            out.push_back(it.moves(it.parent(), move::unblock));
            out.push_back(it.starts());
            return out;
        });
}

BOOST_AUTO_TEST_CASE(a_parent_that_stays_goes_on_after_the_start)
{
    check_every_order(transfer_type::spawn, [](stored_pair& it) {
        std::vector<change> out;
        out.push_back(it.starts());
        out.push_back(it.proof_of_parent(1, false));
        out.push_back(it.moves(it.parent(), move::block));
        out.push_back(it.moves(it.child(), move::remove));
        return out;
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_child_leaves_its_parent_in_every_order)
{
    for (const auto how : both_types)
        for (const auto child_in : {state::created, state::pending_commit})
            check_every_order(
                how,
                [](stored_pair& it) {
                    std::vector<change> out;
                    out.push_back(it.proof_of_parent(1, true));
                    out.push_back(it.moves(it.parent(), move::block));
                    out.push_back(it.moves(it.child(), move::cancel));
                    return out;
                },
                child_in);
}

BOOST_AUTO_TEST_CASE(a_change_that_cannot_wait_alone_is_refused_whole)
{
    stored_pair it{transfer_type::move};
    auto proof = it.proof_of_parent(1, false);
    auto start = it.starts();
    auto block = it.moves(it.child(), move::block);
    const auto before = it.read();
    change mixed;
    mixed.push_back(std::move(proof.front()));
    mixed.push_back(std::move(block.front()));
    BOOST_TEST((it.commit(mixed) == kv::errc::queue_full));
    BOOST_TEST((it.read() == before));
    // In one change with the start it need not wait, wherever in it the start is.
    mixed.push_back(std::move(start[1]));
    mixed.push_back(std::move(start[0]));
    BOOST_TEST(!it.commit(mixed));
    BOOST_TEST((it.after_a_crash().child == state::blocked));
    BOOST_TEST((it.after_a_crash().parent == state::removed));
}

BOOST_AUTO_TEST_CASE(each_side_has_one_row_about_the_start)
{
    stored_pair it{transfer_type::move};
    BOOST_TEST_REQUIRE(!it.commit(it.starts()));
    const auto parents = it.history(it.parent());
    const auto childs = it.history(it.child());
    BOOST_TEST_REQUIRE(parents.size() == 4U);
    BOOST_TEST_REQUIRE(childs.size() == 3U);
    BOOST_TEST((parents.back().by == move::remove));
    BOOST_TEST((parents.back().now == state::removed));
    BOOST_TEST(parents.back().reason == "MOVED_TO:" + it.child()->owner.id.text());
    BOOST_TEST(parents.back().who.account == "office");
    BOOST_TEST((childs.back().by == move::commit));
    BOOST_TEST((childs.back().now == state::active));
    BOOST_TEST(childs.back().reason == "MOVED_FROM:" + it.parent()->owner.id.text());
    BOOST_TEST(childs.front().reason == "MOVE:" + it.parent()->owner.id.text());
}

BOOST_AUTO_TEST_SUITE_END()

// --- what found no room

BOOST_AUTO_TEST_SUITE(transfer_unsettled)

BOOST_AUTO_TEST_CASE(partners_are_taken_together_from_either_side)
{
    for (const bool from_child : {false, true}) {
        stored_pair it{transfer_type::spawn};
        unsettled_transitions kept;
        kept.keep(it.proof_of_parent(1, false));
        kept.keep(it.starts());
        kept.keep(it.moves(it.child(), move::block));
        kept.keep(it.proof_of_parent(2, true));
        BOOST_TEST(kept.registrations() == 2U);
        auto taken = kept.take(from_child ? *it.child() : *it.parent());
        BOOST_TEST(taken.size() == 5U);
        BOOST_TEST(kept.registrations() == 0U);
        BOOST_TEST(!it.parent()->is_unsettled());
        BOOST_TEST(!it.child()->is_unsettled());
        BOOST_TEST(!it.commit(std::move(taken)));
        BOOST_TEST((it.after_a_crash().child == state::blocked));
        BOOST_TEST((it.after_a_crash().parent == state::active));
    }
}

BOOST_AUTO_TEST_CASE(those_of_strangers_stay)
{
    stored_pair it{transfer_type::move}, other{transfer_type::move};
    unsettled_transitions kept;
    kept.keep(it.starts());
    kept.keep(other.starts());
    BOOST_TEST(kept.take(*it.parent()).size() == 2U);
    BOOST_TEST(kept.registrations() == 2U);
    BOOST_TEST(other.parent()->is_unsettled());
    BOOST_TEST(kept.take_some(1).size() == 2U); // both of them, or the second would wait for ever
    BOOST_TEST(kept.registrations() == 0U);
    BOOST_TEST(!other.child()->is_unsettled());
}

// A batch that found no room leaves the child waiting for its start.
BOOST_AUTO_TEST_CASE(a_start_that_found_no_room_is_still_waited_for)
{
    struct doomed_batch {
        transitions start;
        transitions block;
        kv::error_code started, blocked;

        kv::error_code operator()(kv::write_txn& txn)
        {
            started = start(txn);
            blocked = block(txn); // behind its start, in the same batch
            const crypto::bytes page(3000);
            for (std::uint64_t i = 0;; ++i)
                txn.put(tables::meta, kv::key{}.text("filler").number(i), page);
        }
        void undone() const noexcept
        {
            start.undone();
            block.undone();
        }
    };
    stored_pair it{transfer_type::move};
    const auto before = it.read();
    auto start = it.starts();
    auto block = it.moves(it.child(), move::block);
    doomed_batch batch{{&it.log(), start}, {&it.log(), block}, {}, {}};
    BOOST_TEST((kv::blocking_commit(it.store().writer, batch) == kv::errc::storage_full));
    BOOST_TEST(!batch.started);
    BOOST_TEST(!batch.blocked);
    BOOST_TEST((it.read() == before));
    BOOST_TEST((it.commit(block) == kv::errc::queue_full));
    BOOST_TEST(!it.commit(start));
    BOOST_TEST(!it.commit(block));
    BOOST_TEST((it.after_a_crash().child == state::blocked));
    BOOST_TEST((it.after_a_crash().parent == state::removed));
}

BOOST_AUTO_TEST_SUITE_END()
