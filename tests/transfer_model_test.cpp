// The step that changes two words as a machine of small steps, and a search through everything that the machine can do
// (as tests/attempt_model.hpp does it for one word).
//
// A state is all that there is: a parent and up to two children that want to take its place (word, mutex, start that is
// pending), every caller and how far it is, the writer's queue, what the disk had no room for, and the disk. A step is
// what one thread does between two moments at which another can notice. The process may die after every step, so the
// disk is judged in every state.
//
// What decides is the production code: attempt_word, decide_move(). The model adds the order, and the mistakes that it
// must notice.

#include "registry/decision.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace doorward::registry;

enum class wish : std::uint8_t {
    start_first, // the first child takes its parent's place
    start_second,
    prove_parent, // accepted by the parent while it is active
    block_parent,
    unblock_parent,
    remove_parent,
    cancel_first, // a cascade, while the first child has not started
    block_first,  // once it has
    prove_first,
};

enum class fault : std::uint8_t {
    none,
    child_before_parent, // the words are swapped the other way round
    no_mutex,            // an unfinished word is swapped without it
    changes_overtake,    // the writer lets later changes of the child before its start
    kept_apart,          // what found no room is committed again each half for itself
    told_unflushed,      // the answer does not wait for the disk
};

constexpr std::size_t parent = 0;

struct one_step {
    std::size_t of; // which registration
    std::uint64_t word;
    bool is_start;

    auto operator<=>(const one_step&) const = default;
};

struct one_change {
    std::size_t caller; // whom the outcome is told
    std::vector<one_step> steps;

    auto operator<=>(const one_change&) const = default;
};

struct slot_state {
    std::uint64_t word = 0;
    std::uint64_t start_pending = 0; // version
    std::uint64_t started = 0;       // version; 0: not yet
    std::size_t locked_by = 0;       // 0: nobody; otherwise a caller and 1

    auto operator<=>(const slot_state&) const = default;
};

enum class place : std::uint8_t { begin, load_parent, lock, swap_first, swap_then, push, wait, told, refused };

struct caller_state {
    place at = place::begin;
    std::uint64_t own = 0;     // word as loaded
    std::uint64_t parents = 0; // likewise
    std::vector<one_step> swapped;
    bool settled = false;

    auto operator<=>(const caller_state&) const = default;
};

struct machine_state {
    std::array<slot_state, 3> slots;
    std::array<std::uint64_t, 3> disk{};
    std::vector<caller_state> callers;
    std::vector<one_change> queue;
    std::vector<one_change> kept; // found no room, or came too early
    std::uint64_t moved = 0;      // version of the parent's word that a child's start made
    unsigned full_disks = 0;      // left

    auto operator<=>(const machine_state&) const = default;
};

struct scenario {
    std::vector<wish> wishes;
    fault mistake = fault::none;
    unsigned full_disks = 0;
};

attempt_word word_of(std::uint64_t bits)
{
    return attempt_word{bits};
}

class search {
public:
    explicit search(const scenario& what) : what_{what}
    {
        machine_state first;
        const auto active = attempt_word::first().moved(state::active, 0);
        const auto pending = attempt_word::first().moved(state::pending_commit, 0);
        for (std::size_t i = 0; i < 3; ++i) {
            first.slots[i].word = (i == parent ? active : pending).bits();
            first.disk[i] = first.slots[i].word;
        }
        first.callers.resize(what.wishes.size());
        first.full_disks = what.full_disks;
        visit(std::move(first), "at first", nullptr);
        for (std::size_t next = 0; next < order_.size() && complaint_.empty(); ++next)
            expand(*order_[next]);
    }

    [[nodiscard]] const std::string& complaint() const { return complaint_; }
    [[nodiscard]] std::size_t states() const { return seen_.size(); }
    [[nodiscard]] bool saw(const std::string& sight) const { return sights_.contains(sight); }

private:
    struct origin {
        const machine_state* from;
        std::string by;
    };

    void visit(machine_state to, std::string by, const machine_state* from)
    {
        const auto [at, fresh] = seen_.try_emplace(std::move(to), origin{from, std::move(by)});
        if (!fresh)
            return;
        order_.push_back(&at->first);
        if (complaint_.empty())
            judge(at->first);
    }

    // What a server must never be found in.
    void judge(const machine_state& s)
    {
        std::string why;
        for (const std::size_t child : {1U, 2U}) {
            const slot_state& it = s.slots[child];
            const auto gone = word_of(s.slots[parent].word).current() == state::removed;
            if (it.started != 0 && !gone)
                why = "in memory both phones work";
            const bool started_on_disk = it.started != 0 && word_of(s.disk[child]).version() >= it.started;
            const bool moved_on_disk = s.moved != 0 && word_of(s.disk[parent]).version() >= s.moved;
            if (started_on_disk && !moved_on_disk)
                why = "on the disk both phones work";
        }
        const bool moved_on_disk = s.moved != 0 && word_of(s.disk[parent]).version() >= s.moved;
        bool one_started = false;
        for (const std::size_t child : {1U, 2U})
            one_started = one_started ||
                          (s.slots[child].started != 0 && word_of(s.disk[child]).version() >= s.slots[child].started);
        if (moved_on_disk && !one_started)
            why = "on the disk neither phone works";
        if (s.slots[1].started != 0 && s.slots[2].started != 0)
            why = "two children took one place";
        for (const caller_state& each : s.callers) {
            for (const one_step& step : each.swapped) {
                if (each.at == place::told && word_of(s.disk[step.of]).version() < word_of(step.word).version())
                    why = "something was told that is not on the disk";
            }
        }
        if (!why.empty())
            complain(s, why);
    }

    void complain(const machine_state& s, const std::string& why)
    {
        std::vector<std::string> way;
        for (const machine_state* at = &s; at != nullptr; at = seen_.at(*at).from)
            way.push_back(seen_.at(*at).by);
        std::ranges::reverse(way);
        complaint_ = why;
        for (const std::string& step : way)
            complaint_ += "\n    " + step;
    }

    void expand(const machine_state& s)
    {
        bool moved = false;
        for (std::size_t i = 0; i < s.callers.size(); ++i) {
            if (s.callers[i].at == place::told || s.callers[i].at == place::refused)
                continue;
            machine_state next = s;
            if (const std::string did = step(next, i); !did.empty()) {
                moved = true;
                visit(std::move(next), "caller " + std::to_string(i) + ": " + did, &s);
            }
        }
        if (!s.queue.empty()) {
            moved = true;
            flush(s, false);
            if (s.full_disks > 0)
                flush(s, true);
        }
        moved = heal(s) || moved;
        const bool all_done = std::ranges::all_of(
            s.callers, [](const auto& each) { return each.at == place::told || each.at == place::refused; });
        if (!moved && !all_done && complaint_.empty())
            complain(s, "somebody waits for ever");
    }

    // --- callers

    std::string step(machine_state& s, std::size_t i)
    {
        caller_state& me = s.callers[i];
        if (me.at == place::push) {
            s.queue.push_back({i, me.swapped});
            me.at = what_.mistake == fault::told_unflushed ? place::told : place::wait;
            return "hands over";
        }
        if (me.at == place::wait) {
            if (!me.settled)
                return {};
            me.at = place::told;
            return "is answered";
        }
        const wish wanted = what_.wishes[i];
        if (wanted == wish::start_first || wanted == wish::start_second)
            return start(s, i, wanted == wish::start_first ? 1 : 2);
        return single(s, i, wanted);
    }

    std::string start(machine_state& s, std::size_t i, std::size_t child)
    {
        caller_state& me = s.callers[i];
        slot_state& own = s.slots[child];
        slot_state& other = s.slots[parent];
        const bool mutex = what_.mistake != fault::no_mutex;
        switch (me.at) {
        case place::begin:
            me.own = own.word;
            me.at = decide_move(word_of(me.own), move::commit) ? place::load_parent : place::refused;
            return "loads the child";
        case place::load_parent:
            me.parents = other.word;
            me.at = word_of(me.parents).current() == state::active ? place::lock : place::refused;
            return "loads the parent";
        case place::lock:
            if (own.locked_by != 0 && mutex)
                return {};
            if (own.word != me.own) {
                me.at = place::begin;
                return "finds another child";
            }
            own.locked_by = mutex ? i + 1 : 0;
            me.at = place::swap_first;
            return "takes the mutex";
        case place::swap_first:
            if (what_.mistake == fault::child_before_parent)
                swap_child(s, me, child);
            else if (!swap_parent(s, me)) {
                own.locked_by = 0;
                me.at = place::begin;
                sights_.insert("a parent's swap was lost");
                return "loses the parent";
            }
            me.at = place::swap_then;
            return "swaps the first word";
        case place::swap_then:
            if (what_.mistake == fault::child_before_parent) {
                if (!swap_parent(s, me)) {
                    own.locked_by = 0;
                    me.at = place::refused;
                    return "loses the parent";
                }
            } else {
                swap_child(s, me, child);
            }
            own.locked_by = 0;
            me.at = place::push;
            return "swaps the second word";
        default:
            return {};
        }
    }

    bool swap_parent(machine_state& s, caller_state& me)
    {
        slot_state& other = s.slots[parent];
        if (other.word != me.parents)
            return false;
        other.word = decide_move(word_of(me.parents), move::remove).value().bits();
        s.moved = word_of(other.word).version();
        me.swapped.push_back({parent, other.word, false});
        return true;
    }

    void swap_child(machine_state& s, caller_state& me, std::size_t child)
    {
        slot_state& own = s.slots[child];
        if (own.word != me.own) // never with the mutex
            return;
        own.word = decide_move(word_of(me.own), move::commit).value().bits();
        own.started = own.start_pending = word_of(own.word).version();
        me.swapped.push_back({child, own.word, true});
    }

    // Loads a word, and swaps it.
    std::string single(machine_state& s, std::size_t i, wish wanted)
    {
        caller_state& me = s.callers[i];
        const bool of_child =
            wanted == wish::cancel_first || wanted == wish::block_first || wanted == wish::prove_first;
        const std::size_t of = of_child ? 1 : parent;
        slot_state& it = s.slots[of];
        if (me.at == place::begin) {
            me.own = it.word;
            me.at = after(wanted, word_of(me.own)) ? place::swap_first : place::refused;
            return "loads a word";
        }
        const bool needs_mutex = is_unfinished(word_of(me.own).current()) && what_.mistake != fault::no_mutex;
        if (needs_mutex && it.locked_by != 0) {
            sights_.insert("a mutex was found taken");
            return {};
        }
        if (it.word != me.own) {
            me.at = place::begin;
            return "loses its swap";
        }
        it.word = after(wanted, word_of(me.own))->bits();
        if (it.start_pending != 0)
            sights_.insert("a child went on before its start was on the disk");
        me.swapped.push_back({of, it.word, false});
        me.at = place::push;
        return "swaps";
    }

    static std::optional<attempt_word> after(wish wanted, attempt_word word)
    {
        switch (wanted) {
        case wish::prove_parent:
        case wish::prove_first:
            return word.current() == state::active ? std::optional{word.accepted(0, 0)} : std::nullopt;
        case wish::block_parent:
        case wish::block_first:
            return decide_move(word, move::block);
        case wish::unblock_parent:
            return decide_move(word, move::unblock);
        case wish::remove_parent:
            return decide_move(word, move::remove);
        case wish::cancel_first:
            return decide_move(word, move::cancel);
        default:
            return std::nullopt;
        }
    }

    // --- the writer

    void flush(const machine_state& s, bool full)
    {
        machine_state next = s;
        next.queue.clear();
        next.full_disks -= full ? 1U : 0U;
        std::vector<std::size_t> applied; // children whose start is in this batch
        for (const one_change& change : s.queue) {
            const bool early = std::ranges::any_of(change.steps, [&](const one_step& each) {
                const std::uint64_t pending = next.slots[each.of].start_pending;
                const bool with_it = std::ranges::any_of(
                    change.steps, [&](const one_step& other) { return other.of == each.of && other.is_start; });
                const bool in_batch = std::ranges::find(applied, each.of) != applied.end();
                return pending != 0 && word_of(each.word).version() > pending && !with_it && !in_batch;
            });
            if (full || (early && what_.mistake != fault::changes_overtake)) {
                if (early)
                    sights_.insert("a change came before its start");
                keep(next, change);
                continue;
            }
            for (const one_step& each : change.steps) {
                if (word_of(each.word).version() > word_of(next.disk[each.of]).version())
                    next.disk[each.of] = each.word;
                if (each.is_start)
                    applied.push_back(each.of);
            }
            settle(next, change);
        }
        for (const std::size_t child : applied)
            next.slots[child].start_pending = 0;
        visit(std::move(next), full ? "the disk is full" : "flush", &s);
    }

    void keep(machine_state& s, const one_change& change)
    {
        if (what_.mistake != fault::kept_apart) {
            s.kept.push_back(change);
            return;
        }
        for (const one_step& each : change.steps)
            s.kept.push_back({change.caller, {each}});
    }

    static void settle(machine_state& s, const one_change& change)
    {
        // Told when the last of its words is there; what it was split into arrives bit by bit.
        caller_state& of = s.callers[change.caller];
        of.settled = std::ranges::all_of(of.swapped, [&](const one_step& each) {
            return word_of(s.disk[each.of]).version() >= word_of(each.word).version();
        });
    }

    // What was kept comes again: all that have to do with each other in one change.
    bool heal(const machine_state& s)
    {
        if (s.kept.empty())
            return false;
        if (what_.mistake == fault::kept_apart) {
            for (std::size_t i = 0; i < s.kept.size(); ++i) {
                machine_state next = s;
                next.queue.push_back(next.kept[i]);
                next.kept.erase(next.kept.begin() + static_cast<std::ptrdiff_t>(i));
                visit(std::move(next), "one half is tried again", &s);
            }
            return true;
        }
        machine_state next = s;
        for (const one_change& each : s.kept)
            next.queue.push_back(each);
        next.kept.clear();
        sights_.insert("something kept came again");
        visit(std::move(next), "what was kept is tried again", &s);
        return true;
    }

    const scenario what_;
    std::map<machine_state, origin> seen_;
    std::vector<const machine_state*> order_;
    std::set<std::string> sights_;
    std::string complaint_;
};

void check_holds(std::vector<wish> wishes, unsigned full_disks = 0)
{
    const search done{{std::move(wishes), fault::none, full_disks}};
    BOOST_TEST(done.complaint() == "");
    BOOST_TEST(done.states() > 20U);
}

void check_noticed(fault mistake, std::string_view as, std::vector<wish> wishes, unsigned full_disks = 0)
{
    BOOST_TEST(search({wishes, fault::none, full_disks}).complaint() == "");
    const std::string noticed = search({wishes, mistake, full_disks}).complaint();
    BOOST_TEST(noticed.substr(0, noticed.find('\n')) == as, noticed);
}

using enum wish;

} // namespace

BOOST_AUTO_TEST_SUITE(transfer_model)

BOOST_AUTO_TEST_CASE(a_start_holds_against_everything_that_happens_to_the_parent)
{
    check_holds({start_first, prove_parent});
    check_holds({start_first, prove_parent, prove_parent, block_parent}, 1);
    check_holds({start_first, block_parent, unblock_parent, prove_parent}, 1);
    check_holds({start_first, remove_parent, prove_parent}, 1);
}

BOOST_AUTO_TEST_CASE(of_two_starts_one_is_made)
{
    check_holds({start_first, start_second}, 2);
    check_holds({start_first, start_second, prove_parent}, 1);
    check_holds({start_first, start_second, block_parent});
    check_holds({start_first, start_first}, 1); // the same commit sent twice
}

BOOST_AUTO_TEST_CASE(a_start_holds_against_everything_that_happens_to_the_child)
{
    check_holds({start_first, cancel_first}, 1);
    check_holds({start_first, block_first, prove_first}, 1);
    check_holds({start_first, cancel_first, block_first, prove_parent}, 1);
    check_holds({start_first, prove_first, block_first, block_parent});
}

BOOST_AUTO_TEST_CASE(the_search_comes_upon_what_is_difficult)
{
    const search done{{{start_first, prove_parent, cancel_first, block_first}, fault::none, 1}};
    BOOST_TEST(done.complaint() == "");
    for (const char* sight : {"a parent's swap was lost", "a mutex was found taken", "a change came before its start",
                              "a child went on before its start was on the disk", "something kept came again"})
        BOOST_TEST(done.saw(sight), sight);
}

// A search that notices nothing proves nothing.
BOOST_AUTO_TEST_CASE(every_mistake_is_noticed)
{
    check_noticed(fault::child_before_parent, "in memory both phones work", {start_first, block_parent});
    check_noticed(fault::no_mutex, "on the disk neither phone works", {start_first, cancel_first});
    check_noticed(fault::changes_overtake, "on the disk both phones work", {start_first, block_first});
    check_noticed(fault::kept_apart, "on the disk neither phone works", {start_first}, 1);
    check_noticed(fault::told_unflushed, "something was told that is not on the disk", {start_first});
}

BOOST_AUTO_TEST_SUITE_END()
