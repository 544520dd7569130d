#include "tests/attempt_model.hpp"
#include "registry/decision.hpp"
#include "registry/refused_proofs.hpp"
#include "registry/transition.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <type_traits>

namespace doorward::tests::model {
namespace {

using registry::attempt_word;
using registry::counters;
using registry::decision;
using registry::failure;
using registry::failures;
using registry::state;
using registry::transition;
using registry::verdict;
using u8 = std::uint8_t;

constexpr std::size_t callers_max = 4;
constexpr std::size_t failures_max = 3;
constexpr std::size_t rows_max = 8;
constexpr std::size_t moments_max = 10;
constexpr std::size_t queue_max = callers_max + 1; // and a step of the fold
constexpr unsigned look_ahead = 8;                 // wider than all positions of a model

// --- the state: bytes only, so that it is compared and hashed whole

struct small_word {
    u8 version, now, failed, position;
    bool operator==(const small_word&) const = default;
};

struct small_list {
    u8 count;
    u8 digests[failures_max];
};

struct small_counters {
    small_word word;
    u8 position; // of the counter
    small_list refused;
};

struct small_row {
    u8 sequence;
    small_word word;
    u8 position;
    u8 digest;
    u8 counted;
};

enum class at : u8 {
    begin,           // its request has arrived, or arrived again
    loaded,          // fine: has the word, not the base
    reading_digests, // of a word that keeps its failures
    swapping,
    locking,      // the digests, to count
    counting,     // holds the lock
    advancing,    // fine: the base
    reading_late, // digests_after_swap
    handing,      // its change to the writer
    queued,
    settled,   // fine: may be answered
    waiting,   // until the word it tells of is durable
    unsettled, // the disk had no room
    over,
};

enum class answer : u8 { none, accepted, counted, repeated, refused, blocked, done, forbidden, failed };

struct caller_state {
    at where;
    answer what; // decided, and given when `told`
    u8 told;
    u8 on_disk;         // its change
    u8 row;             // of its change in the journal
    u8 counter;         // position of the counter, at `word` and then at `after`
    u8 epoch;           // resets before what it tells of
    small_word word;    // that it judges
    small_word after;   // that it made
    small_word tells;   // that its answer tells of
    small_list refused; // the digests of its change
};

// What really happened, told apart from words and versions: the operations in the order of their swaps.
struct moment {
    state now;
    u8 failed;
    u8 position;
    u8 epoch;   // resets so far
    u8 counted; // set of the proofs counted since the last one
    bool operator==(const moment&) const = default;
};

enum class folding : u8 { idle, write_queued, written, mark_queued };

struct world {
    // memory: the slot
    small_word word;
    u8 base;
    small_list refused;
    u8 refused_version;
    u8 durable;
    u8 lock; // of the digests: 1 + who holds it
    caller_state callers[callers_max];
    // memory: the writer
    u8 queue_size;
    u8 queue[queue_max]; // a caller, or `fold_op`
    u8 batch_size;       // flushed, not settled
    u8 batch[queue_max];
    u8 next_row;
    u8 settled_row;
    // memory: the journal
    u8 has_unfolded;
    small_counters unfolded;
    folding fold;
    u8 fold_version; // of what it has written
    u8 sweep_mark;
    // disk
    small_counters table;
    u8 mark;
    u8 row_count;
    small_row rows[rows_max]; // in front of the mark
    // what is left of the scenario
    u8 crashes;
    u8 sweeps;
    u8 full_disks;
    // the observer
    u8 latest; // moment
    moment moments[moments_max];
    u8 trouble[2]; // bits of invariants that an operation itself has broken
};
static_assert(std::has_unique_object_representations_v<world>);

constexpr u8 fold_op = 0xF0;

// --- between small and real

u8 small(std::uint64_t value)
{
    if (value > 0xFF)
        throw std::length_error{"the model has room for small numbers only"};
    return static_cast<u8>(value);
}

small_word pack(attempt_word word)
{
    return {small(word.version()), static_cast<u8>(word.current()), word.failed(), small(word.position())};
}

attempt_word unpack(small_word word)
{
    return attempt_word{std::uint64_t{word.version} << 27 | std::uint64_t{word.now} << 24 |
                        std::uint64_t{word.failed} << 16 | word.position};
}

small_list pack(const failures& of)
{
    small_list out{};
    if (of.list.size() > failures_max)
        throw std::length_error{"more digests than failures"};
    for (const failure& each : of.list)
        out.digests[out.count++] = small(each.digest());
    return out;
}

failures unpack(const small_list& of)
{
    failures out;
    for (u8 i = 0; i < of.count; ++i)
        out.list.push_back({of.digests[i], 0, false});
    return out;
}

registry::counter_place place_at(std::uint64_t position)
{
    static const auto chain = [] {
        std::array<registry::ctr_data, 32> out{};
        for (std::size_t i = 1; i < out.size(); ++i)
            out[i] = registry::next_counter(out[i - 1]);
        return out;
    }();
    return {position, chain.at(position)};
}

small_counters pack(const counters& of)
{
    if (!(of.counter == place_at(of.counter.position)))
        throw std::logic_error{"a counter's data are not of its position"};
    return {pack(of.word), small(of.counter.position), pack(of.refused)};
}

counters unpack(const small_counters& of)
{
    counters out;
    out.word = unpack(of.word);
    out.counter = place_at(of.position);
    out.refused = unpack(of.refused);
    return out;
}

// --- what callers want

bool is_proof(wish wants)
{
    return wants == wish::right || wants == wish::right_bare || wants == wish::wrong;
}

bool is_right(wish wants)
{
    return wants == wish::right || wants == wish::right_bare;
}

registry::move move_of(wish wants)
{
    switch (wants) {
    case wish::block:
        return registry::move::block;
    case wish::unblock:
        return registry::move::unblock;
    case wish::remove:
        return registry::move::remove;
    default:
        return registry::move::reset_attempts;
    }
}

registry::factors type_of(wish wants)
{
    return wants == wish::right_bare ? registry::factors::possession : registry::factors::possession_knowledge;
}

// A proof against the window that begins at a word's position, as match() finds it with real keys.
registry::compared_proof compare(const caller& whose, attempt_word word)
{
    using grade = registry::proof_match::grade;
    const bool inside = whose.position >= word.position() && whose.position < word.position() + look_ahead;
    const auto reached = !inside ? grade::none : is_right(whose.wants) ? grade::complete : grade::possession;
    return {type_of(whose.wants), false, reached, inside ? whose.position - word.position() : 0};
}

constexpr unsigned bit(invariant which)
{
    return 1U << static_cast<unsigned>(which);
}

constexpr invariant all_invariants[]{
    invariant::refusals_bounded,     invariant::right_never_punished,  invariant::position_once,
    invariant::answer_on_disk,       invariant::removed_is_terminal,   invariant::operators_serialise,
    invariant::refused_counted_once, invariant::nobody_waits_for_ever,
};

enum step : unsigned { first_caller = 0, flush = callers_max, settle, fold, heal, fill_disk, crash, steps };

std::string shown(small_word word)
{
    return "v" + std::to_string(word.version) + ' ' + std::string{registry::to_text(static_cast<state>(word.now))} +
           ", " + std::to_string(word.failed) + " failed, position " + std::to_string(word.position);
}

std::string_view shown(answer what)
{
    switch (what) {
    case answer::accepted:
        return "accepted";
    case answer::counted:
        return "refused";
    case answer::repeated:
        return "refused, as before";
    case answer::refused:
        return "refused, behind the window";
    case answer::blocked:
        return "blocked";
    case answer::done:
        return "done";
    case answer::forbidden:
        return "not legal";
    case answer::failed:
        return "no room";
    case answer::none:
        break;
    }
    return "nothing";
}

std::string name_of(std::size_t who)
{
    return {1, static_cast<char>('A' + who)};
}

// --- the machine

class machine {
public:
    machine(const scenario& of, const world& now) : w{now}, of_{of} {}

    static world beginning(const scenario& of)
    {
        world out{};
        counters first;
        first.word =
            attempt_word::first().moved(of.start, of.start == state::blocked ? static_cast<u8>(of.max_failed) : u8{0});
        first.counter = place_at(0);
        out.table = pack(first);
        out.crashes = small(of.crashes);
        out.sweeps = small(of.sweeps);
        out.full_disks = small(of.full_disks);
        out.moments[0] = {of.start, first.word.failed(), 0, 0, 0};
        machine fresh{of, out};
        fresh.start_up();
        return fresh.w;
    }

    // What can happen next.
    [[nodiscard]] bool can(unsigned what)
    {
        switch (what) {
        case flush:
            return w.queue_size > 0 && w.batch_size == 0;
        case settle:
            return w.batch_size > 0;
        case fold:
            return w.fold == folding::written ||
                   (w.fold == folding::idle && w.sweeps > 0 && (w.has_unfolded != 0 || w.settled_row > w.mark));
        case heal:
            return some_unsettled();
        case fill_disk:
            return w.full_disks > 0 && can(flush);
        case crash:
            return w.crashes > 0;
        default:
            return what < of_.callers.size() && can_go_on(what);
        }
    }

    void take(unsigned what)
    {
        switch (what) {
        case flush:
            flush_queue();
            break;
        case settle:
            settle_batch();
            break;
        case fold:
            w.fold = w.fold == folding::idle ? folding::write_queued : folding::mark_queued;
            push(fold_op);
            break;
        case heal:
            queue_unsettled();
            break;
        case fill_disk:
            refuse_batch();
            break;
        case crash:
            crash_and_start();
            break;
        default:
            go_on(what);
        }
    }

    // The invariants that do not hold in this state, as bits.
    [[nodiscard]] unsigned broken() const;

    // Is everybody answered, and nothing under way?
    [[nodiscard]] bool is_over() const
    {
        return w.queue_size == 0 && w.batch_size == 0 && !some_unsettled() &&
               std::all_of(w.callers, w.callers + of_.callers.size(),
                           [](const caller_state& each) { return each.told != 0; });
    }

    [[nodiscard]] std::uint32_t noticed() const { return noticed_; }
    [[nodiscard]] static std::string tell(const scenario& of, const world& before, unsigned what, const world& after);

    // Each caller alone, one after the other.
    [[nodiscard]] played play()
    {
        played out;
        for (std::size_t who = 0; who < of_.callers.size(); ++who) {
            while (w.callers[who].told == 0)
                take(can(static_cast<unsigned>(who)) ? static_cast<unsigned>(who) : can(flush) ? flush : settle);
            out.answers.emplace_back(shown(w.callers[who].what));
        }
        out.word = unpack(w.word);
        return out;
    }

    world w;

private:
    // What attempt_slot::refuse() makes of a word. The policy is the default, to which digests and times are nothing.
    [[nodiscard]] attempt_word refused(attempt_word word, unsigned proof) const
    {
        failures before;
        before.list.resize(word.failed());
        return registry::count_failure(word, before, {proof, 0, false}, {}, of_.max_failed).after;
    }
    [[nodiscard]] bool wrong_in(fault which) const { return of_.mistake == which; }
    void note(sight what) { noticed_ |= 1U << static_cast<unsigned>(what); }
    void note_if(bool seen, sight what)
    {
        if (seen)
            note(what);
    }
    void spoil(invariant which)
    {
        const auto number = static_cast<unsigned>(which);
        w.trouble[number / 8] = static_cast<u8>(w.trouble[number / 8] | 1U << number % 8);
    }

    // --- callers

    [[nodiscard]] bool some_unsettled() const
    {
        return std::any_of(w.callers, w.callers + of_.callers.size(),
                           [](const caller_state& each) { return each.where == at::unsettled; });
    }

    bool can_go_on(std::size_t who)
    {
        const caller_state& me = w.callers[who];
        switch (me.where) {
        case at::begin:
            return !some_unsettled(); // handlers/slots.cpp: heal()
        case at::locking:
        case at::reading_digests:
        case at::reading_late:
            note_if(w.lock != 0, sight::lock_found_taken);
            return w.lock == 0;
        case at::waiting:
            return w.durable >= me.word.version || wrong_in(fault::told_unflushed);
        case at::queued:
            return wrong_in(fault::answered_unflushed) && me.told == 0;
        case at::unsettled:
        case at::over:
            return false;
        default:
            return true;
        }
    }

    void go_on(std::size_t who)
    {
        caller_state& me = w.callers[who];
        switch (me.where) {
        case at::begin:
            me.word = w.word;
            me.where = at::loaded;
            if (!of_.fine)
                judge(who);
            break;
        case at::loaded:
            judge(who);
            break;
        case at::reading_digests: // attempts.cpp: kept_digests()
            me.refused = pack(digests().of(unpack(me.word)));
            me.where = at::swapping;
            break;
        case at::swapping:
            swap(who);
            break;
        case at::locking:
            lock(who);
            break;
        case at::counting:
            count(who);
            break;
        case at::advancing:
            advance(me.counter);
            me.where = at::handing;
            break;
        case at::reading_late:
            me.refused = pack(digests().of(unpack(me.after)));
            me.where = at::handing;
            break;
        case at::handing:
            push(small(who));
            me.where = at::queued;
            break;
        case at::queued: // a mistake
        case at::settled:
        case at::waiting:
            answer_to(who);
            break;
        case at::unsettled:
        case at::over:
            break;
        }
    }

    void begin_again(caller_state& me) { me = caller_state{}; }

    // From the word to what is to be done about it: attempts.cpp between present() and the swap.
    void judge(std::size_t who)
    {
        caller_state& me = w.callers[who];
        const attempt_word word = unpack(me.word);
        const auto place = registry::place_of(word, place_at(w.base));
        if (!place) {
            note(sight::word_outdated);
            begin_again(me);
            return;
        }
        me.counter = small(place->position);
        if (!is_proof(wants(who))) {
            const auto after = moved(who, word);
            if (!after) {
                note(sight::move_forbidden);
                wait_for(me, answer::forbidden);
            } else {
                me.where = keeps_digests(*after) ? at::reading_digests : at::swapping;
            }
            return;
        }
        const decision decided = judged(who, word);
        if (wrong_in(fault::spent_in_advance) && word.current() == state::active && is_right(wants(who))) {
            me.where = at::counting; // before anybody looks at the proof
            return;
        }
        switch (decided.what) {
        case decision::deed::none:
            note_if(decided.outcome == verdict::blocked && is_right(wants(who)), sight::blocked_though_right);
            note_if(decided.outcome == verdict::refused && is_right(wants(who)), sight::behind_the_window);
            wait_for(me, decided.outcome == verdict::blocked ? answer::blocked : answer::refused);
            break;
        case decision::deed::forgive: // not by the default policy
        case decision::deed::swap:
            me.where = keeps_digests(decided.after) ? at::reading_digests : at::swapping;
            break;
        case decision::deed::count:
        case decision::deed::count_again:
            me.where = at::locking;
            break;
        }
    }

    [[nodiscard]] wish wants(std::size_t who) const { return of_.callers[who].wants; }

    [[nodiscard]] decision judged(std::size_t who, attempt_word word) const
    {
        return registry::decide(word, compare(of_.callers[who], word), {}, registry::counting::only_proven);
    }

    [[nodiscard]] std::optional<attempt_word> moved(std::size_t who, attempt_word word) const
    {
        const auto by = move_of(wants(who));
        if (!wrong_in(fault::move_never_forbidden) || registry::target(word.current(), by))
            return registry::decide_move(word, by);
        small_word out = pack(word);
        ++out.version;
        out.now = static_cast<u8>(by == registry::move::block ? state::blocked : state::active);
        return unpack(out);
    }

    [[nodiscard]] bool keeps_digests(attempt_word after) const
    {
        return after.failed() > 0 && !wrong_in(fault::digests_after_swap);
    }

    void wait_for(caller_state& me, answer what)
    {
        me.what = what;
        me.epoch = w.moments[w.latest].epoch;
        me.where = at::waiting;
    }

    [[nodiscard]] bool may_store(std::size_t who) const
    {
        return w.callers[who].word == w.word || wrong_in(fault::word_stored_unseen) ||
               (wrong_in(fault::move_stored_unseen) && !is_proof(wants(who)));
    }

    // attempt_slot::swap(), and advance_base() behind it.
    void swap(std::size_t who)
    {
        caller_state& me = w.callers[who];
        if (!may_store(who)) {
            note(sight::swap_lost);
            if (!wrong_in(fault::verdict_kept) || !is_right(wants(who)) || unpack(w.word).current() != state::active) {
                begin_again(me);
                return;
            }
        }
        attempt_word word = unpack(me.word);
        if (!is_proof(wants(who))) {
            me.after = pack(moved(who, word).value());
            me.what = answer::done;
        } else {
            const unsigned offset = of_.callers[who].position - word.position();
            if (wrong_in(fault::verdict_kept))
                word = unpack(w.word);
            if (word.current() == state::blocked) { // spent_in_advance: now it is given back
                small_word active = pack(word);
                active.now = static_cast<u8>(state::active);
                word = unpack(active);
            }
            me.after = pack(word.accepted(offset, wants(who) == wish::right ? u8{0} : word.failed()));
            me.what = answer::accepted;
            me.counter = small(word.position() + offset + 1);
        }
        w.word = me.after;
        happened(who);
        const bool accepted = me.what == answer::accepted;
        if (accepted && !of_.fine)
            advance(me.counter);
        me.where = accepted && of_.fine                                         ? at::advancing
                   : wrong_in(fault::digests_after_swap) && me.after.failed > 0 ? at::reading_late
                                                                                : at::handing;
    }

    void advance(u8 position) { w.base = std::max(w.base, position); } // attempt_slot::advance_base()

    // attempt_slot::refuse() up to its swap: the mutex, the word, the digests.
    void lock(std::size_t who)
    {
        caller_state& me = w.callers[who];
        if (!may_store(who)) {
            note(sight::count_lost);
            begin_again(me);
            return;
        }
        auto list = digests();
        if (!wrong_in(fault::digests_survive_reset) || list.known().list.size() < w.word.failed)
            list.follow(unpack(me.word));
        const bool repeated = list.contains(of_.callers[who].proof);
        keep(list);
        if (repeated) {
            note(sight::repeat_recognised);
            note_if(w.durable < me.word.version, sight::repeat_before_flush);
            wait_for(me, answer::repeated);
            return;
        }
        w.lock = small(who + 1);
        me.where = at::counting;
    }

    // The swap of attempt_slot::refuse(), and what is done before the mutex is free.
    void count(std::size_t who)
    {
        caller_state& me = w.callers[who];
        if (wrong_in(fault::spent_in_advance) && is_right(wants(who))) {
            spend(who);
            return;
        }
        w.lock = 0;
        if (!may_store(who)) {
            note(sight::count_lost);
            begin_again(me);
            return;
        }
        const attempt_word word = unpack(me.word);
        const attempt_word after =
            wrong_in(fault::refusal_resets) ? word.moved(state::active, 0) : refused(word, of_.callers[who].proof);
        me.after = pack(after);
        me.what = answer::counted;
        w.word = me.after;
        happened(who);
        me.epoch = w.moments[w.latest].epoch;
        if (!wrong_in(fault::refusal_resets) && !wrong_in(fault::word_stored_unseen) &&
            !wrong_in(fault::digests_survive_reset)) {
            auto list = digests();
            list.add(after, {of_.callers[who].proof, 0, false});
            keep(list);
            me.refused = pack(list.known());
        } else if (wrong_in(fault::digests_survive_reset)) {
            auto known = digests().known();
            known.list.push_back({of_.callers[who].proof, 0, false});
            if (known.list.size() > failures_max)
                known.list.erase(known.list.begin());
            w.refused = pack(known);
        }
        me.where = wrong_in(fault::digests_after_swap) ? at::reading_late : at::handing;
        if (wrong_in(fault::digests_after_swap))
            me.refused = {};
    }

    void spend(std::size_t who)
    {
        caller_state& me = w.callers[who];
        if (!may_store(who)) {
            begin_again(me);
            return;
        }
        me.word = pack(refused(unpack(me.word), 0));
        w.word = me.word;
        moment next = w.moments[w.latest];
        next.now = static_cast<state>(w.word.now);
        next.failed = w.word.failed;
        add(next);
        me.where = at::swapping;
    }

    [[nodiscard]] registry::refused_proofs digests() const
    {
        return registry::refused_proofs{unpack(w.refused), w.refused_version};
    }
    void keep(const registry::refused_proofs& list)
    {
        w.refused = pack(list.known());
        w.refused_version = small(list.version());
    }

    void answer_to(std::size_t who)
    {
        caller_state& me = w.callers[who];
        me.told = 1;
        me.tells = me.where == at::waiting ? me.word : me.after;
        if (me.where != at::queued)
            finish(me);
    }

    // What nobody will ask for any more goes, so that states that differ in nothing else are one.
    static void finish(caller_state& me)
    {
        me.where = at::over;
        me.word = me.after = {};
        me.refused = {};
        me.counter = 0;
        me.row = 0;
    }

    // --- the writer

    void push(u8 op)
    {
        if (w.queue_size == queue_max)
            throw std::length_error{"the model's queue is full"};
        w.queue[w.queue_size++] = op;
    }

    void take_batch()
    {
        std::memcpy(w.batch, w.queue, sizeof w.queue);
        w.batch_size = w.queue_size;
        w.queue_size = 0;
        std::memset(w.queue, 0, sizeof w.queue);
    }

    [[nodiscard]] transition change_of(std::size_t who) const
    {
        const caller_state& me = w.callers[who];
        transition out;
        out.before = unpack(me.word);
        out.after = unpack(me.after);
        out.counter = place_at(me.counter);
        out.refused = unpack(me.refused);
        out.at = 1;
        if (!is_proof(wants(who))) {
            out.by = move_of(wants(who));
            return out;
        }
        const bool counted = !is_right(wants(who));
        out.verdict = counted ? transition::attempt::refused : transition::attempt::accepted;
        registry::attempt_details& details = out.details.emplace();
        details.type = type_of(wants(who));
        details.outcome = counted ? registry::attempt_outcome::refused : registry::attempt_outcome::accepted;
        details.counted = counted;
        if (counted)
            details.digest = of_.callers[who].proof;
        if (out.after.current() == state::blocked)
            out.by = registry::move::block_on_failures;
        return out;
    }

    void put(small_counters& into, const counters& fresh)
    {
        counters stored = unpack(into);
        if (stored.word.current() == state::removed && stored.word.version() < fresh.word.version())
            spoil(invariant::removed_is_terminal); // transition.cpp asserts it
        if (wrong_in(fault::last_arrival_wins))
            stored = fresh;
        else
            registry::merge(stored, fresh);
        into = pack(stored);
    }

    // transition::apply()
    void apply(std::size_t who)
    {
        caller_state& me = w.callers[who];
        const transition change = change_of(who);
        note_if(started_from_disk().word.version() > change.after.version(), sight::arrived_out_of_order);
        if (change.details) {
            if (w.row_count == rows_max)
                throw std::length_error{"the model's journal is full"};
            me.row = w.next_row++;
            w.rows[w.row_count++] = {me.row, me.after, me.counter, small(change.details->digest),
                                     small(change.verdict == transition::attempt::refused)};
            note_if(w.fold == folding::written, sight::row_during_sweep);
        }
        if (!change.is_row_alone())
            put(w.table, change.result());
        me.on_disk = 1;
    }

    void flush_queue()
    {
        take_batch();
        unsigned changes = 0;
        for (std::size_t i = 0; i < w.batch_size; ++i) {
            if (w.batch[i] != fold_op) {
                apply(w.batch[i]);
                ++changes;
            } else if (w.fold == folding::write_queued) { // journal::fold_step, its beginning ...
                w.sweep_mark = w.settled_row;
                if (w.has_unfolded != 0) {
                    put(w.table, unpack(w.unfolded));
                    w.fold_version = w.unfolded.word.version;
                }
            } else { // ... and its end
                move_mark(wrong_in(fault::mark_over_new_rows) ? w.settled_row : w.sweep_mark);
            }
        }
        note_if(changes > 1, sight::flushed_together);
    }

    void move_mark(u8 to)
    {
        w.mark = to;
        const auto* const end =
            std::remove_if(w.rows, w.rows + w.row_count, [to](const small_row& row) { return row.sequence <= to; });
        w.row_count = small(static_cast<std::size_t>(end - w.rows));
        std::fill(w.rows + w.row_count, w.rows + rows_max, small_row{});
    }

    // transition::durable() of each, and what it wakes.
    void settle_batch()
    {
        for (std::size_t i = 0; i < w.batch_size; ++i) {
            if (w.batch[i] == fold_op)
                settle_fold();
            else
                settle_change(w.batch[i]);
        }
        w.batch_size = 0;
        std::memset(w.batch, 0, sizeof w.batch);
    }

    void settle_change(std::size_t who)
    {
        caller_state& me = w.callers[who];
        const transition change = change_of(who);
        if (me.row != 0)
            w.settled_row = std::max(w.settled_row, me.row);
        if (change.is_row_alone()) {
            if (w.has_unfolded == 0) {
                w.has_unfolded = 1;
                w.unfolded = pack(change.result());
            } else {
                put(w.unfolded, change.result());
            }
        }
        w.durable = std::max(w.durable, me.after.version);
        if (me.told != 0) { // told that there was no room, or by mistake
            note_if(me.what == answer::failed, sight::healed);
            finish(me);
        } else {
            me.where = at::settled;
            if (!of_.fine)
                answer_to(who);
        }
    }

    // journal::fold_step::durable(): what changed meanwhile is for the next sweep.
    void settle_fold()
    {
        if (w.fold == folding::write_queued) {
            if (w.has_unfolded != 0 && w.unfolded.word.version == w.fold_version) {
                w.has_unfolded = 0;
                w.unfolded = {};
            }
            w.fold_version = 0;
            w.fold = folding::written;
        } else {
            w.fold = folding::idle;
            w.sweep_mark = 0;
            --w.sweeps;
        }
    }

    // The batch meets a full disk: handlers/slots.cpp keeps its transitions, and tells nothing of them.
    void refuse_batch()
    {
        note(sight::disk_full);
        --w.full_disks;
        take_batch();
        for (std::size_t i = 0; i < w.batch_size; ++i) {
            if (w.batch[i] == fold_op) {
                w.fold = w.fold == folding::write_queued ? folding::idle : folding::written;
                continue;
            }
            caller_state& me = w.callers[w.batch[i]];
            me.where = at::unsettled;
            me.what = answer::failed;
            me.told = 1;
        }
        w.batch_size = 0;
        std::memset(w.batch, 0, sizeof w.batch);
    }

    void queue_unsettled()
    {
        std::vector<u8> kept;
        for (std::size_t who = 0; who < of_.callers.size(); ++who) {
            if (w.callers[who].where == at::unsettled)
                kept.push_back(small(who));
        }
        std::ranges::sort(kept, {}, [this](u8 who) { return w.callers[who].after.version; });
        for (const u8 who : kept) {
            push(who);
            w.callers[who].where = at::queued;
        }
    }

    // --- crashes

    // journal::replay() and find_slot(): what a start makes of the disk.
    [[nodiscard]] counters started_from_disk() const
    {
        counters out = unpack(w.table);
        if (wrong_in(fault::rows_not_read_at_start))
            return out;
        std::vector<registry::replayed_row> rows;
        for (std::size_t i = 0; i < w.row_count; ++i) {
            const small_row& row = w.rows[i];
            rows.push_back({row.sequence, unpack(row.word), place_at(row.position), 1, row.digest, row.counted != 0});
        }
        registry::replay(out, rows);
        return out;
    }

    void crash_and_start()
    {
        --w.crashes;
        const counters found = started_from_disk();
        const auto version = small(found.word.version());
        note_if(w.word.version > version, sight::crash_before_flush);
        note_if(w.batch_size > 0, sight::crash_after_flush);
        note_if(version > w.table.word.version, sight::row_read_at_start);
        for (std::size_t who = 0; who < of_.callers.size(); ++who) {
            caller_state& me = w.callers[who];
            note_if(me.after.version != 0 && me.on_disk == 0 && me.after.version < version,
                    sight::later_kept_without_earlier);
            if (me.told == 0)
                begin_again(me);
            else
                finish(me);
        }
        start_up();
    }

    void start_up()
    {
        const counters found = started_from_disk();
        w.word = pack(found.word);
        w.base = small(found.counter.position);
        w.refused = pack(found.refused);
        w.refused_version = 0;
        w.durable = w.word.version;
        w.lock = 0;
        w.queue_size = w.batch_size = 0;
        std::memset(w.queue, 0, sizeof w.queue);
        std::memset(w.batch, 0, sizeof w.batch);
        w.has_unfolded = w.row_count > 0 ? 1 : 0;
        w.unfolded = w.has_unfolded != 0 ? pack(found) : small_counters{};
        w.settled_row = w.mark;
        for (std::size_t i = 0; i < w.row_count; ++i)
            w.settled_row = std::max(w.settled_row, w.rows[i].sequence);
        w.next_row = small(w.settled_row + 1U);
        if (w.fold != folding::idle)
            --w.sweeps;
        w.fold = folding::idle;
        w.fold_version = 0;
        w.sweep_mark = 0;
        // What was lost with the memory has not happened.
        w.latest = std::min(w.latest, moment_of(w.word));
        std::fill(w.moments + w.latest + 1, w.moments + moments_max, moment{});
    }

    // --- the observer

    // A registration's first word here has version 2.
    [[nodiscard]] static u8 moment_of(small_word word) { return small(word.version - 2U); }

    void add(const moment& next)
    {
        if (w.latest + 1U == moments_max)
            throw std::length_error{"the model has seen too much"};
        w.moments[++w.latest] = next;
    }

    // What an operation does to the registration whose swap has just been, in words of its own.
    void happened(std::size_t who)
    {
        const caller& me = of_.callers[who];
        moment next = w.moments[w.latest];
        if (next.now == state::removed)
            spoil(invariant::removed_is_terminal);
        const auto forget = [&next] {
            next.failed = 0;
            next.counted = 0;
            ++next.epoch;
        };
        switch (me.wants) {
        case wish::right:
        case wish::right_bare:
            if (me.position < next.position)
                spoil(invariant::position_once);
            if (next.now != state::active && !wrong_in(fault::spent_in_advance))
                spoil(invariant::refusals_bounded);
            next.position = small(me.position + 1);
            next.now = state::active;
            if (me.wants == wish::right)
                forget();
            break;
        case wish::wrong:
            if (next.now != state::active)
                spoil(invariant::refusals_bounded);
            ++next.failed;
            next.counted = static_cast<u8>(next.counted | 1U << me.proof);
            if (next.failed >= of_.max_failed)
                next.now = state::blocked;
            break;
        case wish::block:
            if (next.now != state::active)
                spoil(invariant::operators_serialise);
            next.now = state::blocked;
            break;
        case wish::unblock:
            if (next.now != state::blocked)
                spoil(invariant::operators_serialise);
            next.now = state::active;
            forget();
            break;
        case wish::remove:
            next.now = state::removed;
            break;
        case wish::reset:
            if (next.now != state::active && next.now != state::blocked)
                spoil(invariant::operators_serialise);
            forget();
            break;
        }
        add(next);
    }

    [[nodiscard]] static bool agree(small_word word, const moment& with)
    {
        return static_cast<state>(word.now) == with.now && word.failed == with.failed && word.position == with.position;
    }

    const scenario& of_;
    std::uint32_t noticed_ = 0;
};

unsigned machine::broken() const
{
    unsigned out = w.trouble[0] | unsigned{w.trouble[1]} << 8;
    const auto check = [&out](bool holds, invariant which) { out |= holds ? 0U : bit(which); };

    const bool all_right = of_.start == state::active &&
                           std::ranges::all_of(of_.callers, [](const caller& each) { return is_right(each.wants); });
    const auto stored = started_from_disk().word;

    u8 revealed[moments_max]{}; // sets of wrong proofs, by epoch
    for (std::size_t who = 0; who < of_.callers.size(); ++who) {
        const caller_state& me = w.callers[who];
        const caller& mine = of_.callers[who];
        if (me.told == 0 || me.what == answer::failed)
            continue;
        check(stored.version() >= me.tells.version, invariant::answer_on_disk);
        const bool own = me.what == answer::accepted || me.what == answer::counted || me.what == answer::done;
        check(!own || me.on_disk != 0, invariant::answer_on_disk);
        if (me.what == answer::counted || me.what == answer::repeated)
            revealed[me.epoch] = static_cast<u8>(revealed[me.epoch] | 1U << mine.proof);
        if (is_right(mine.wants)) {
            check(me.what != answer::counted && me.what != answer::repeated, invariant::right_never_punished);
            check(me.what != answer::refused || mine.position < me.tells.position, invariant::right_never_punished);
            check(me.what != answer::blocked || !all_right, invariant::right_never_punished);
        }
        if (mine.wants == wish::remove && me.what == answer::done) {
            check(static_cast<state>(w.word.now) == state::removed, invariant::removed_is_terminal);
            check(stored.current() == state::removed, invariant::removed_is_terminal);
        }
        for (std::size_t other = 0; other < who; ++other) {
            const caller_state& them = w.callers[other];
            const caller& theirs = of_.callers[other];
            if (them.told == 0 || them.what != me.what)
                continue;
            if (me.what == answer::accepted)
                check(mine.position != theirs.position, invariant::position_once);
            if (me.what == answer::counted)
                check(mine.proof != theirs.proof || me.epoch != them.epoch, invariant::refused_counted_once);
        }
    }
    for (const u8 set : revealed)
        check(static_cast<unsigned>(std::popcount(set)) <= of_.max_failed, invariant::refusals_bounded);

    const moment& now = w.moments[w.latest];
    check(agree(w.word, now) && moment_of(w.word) == w.latest, invariant::operators_serialise);
    // Without a crash every failure is a proof of its own, but for those from before the model begins.
    const bool from_before = of_.start == state::blocked && now.epoch == 0;
    if (w.crashes == of_.crashes && !from_before)
        check(now.failed == std::popcount(now.counted), invariant::refused_counted_once);
    // The disk never holds a word that memory has not had.
    const u8 known = moment_of(pack(stored));
    if (known <= w.latest)
        check(agree(pack(stored), w.moments[known]), invariant::answer_on_disk);
    return out;
}

// --- traces

std::string disk_of(const world& of)
{
    return "counters of v" + std::to_string(of.table.word.version) + ", " + std::to_string(of.row_count) +
           " rows in front of the mark";
}

std::string machine::tell(const scenario& of, const world& before, unsigned what, const world& after)
{
    const auto changes = [&](const u8* ops, std::size_t count) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) {
            out += i > 0 ? ", " : "";
            out += ops[i] == fold_op
                       ? std::string{"a step of the fold"}
                       : "v" + std::to_string(before.callers[ops[i]].after.version) + " of " + name_of(ops[i]);
        }
        return out;
    };
    std::string answers;
    for (std::size_t who = 0; who < of.callers.size(); ++who) {
        if (after.callers[who].told != before.callers[who].told)
            answers += "; " + name_of(who) + " is told: " + std::string{shown(after.callers[who].what)};
    }
    switch (what) {
    case flush:
        return "writer  flushes " + changes(before.queue, before.queue_size) + "; " + disk_of(after);
    case settle:
        return "writer  settles " + changes(before.batch, before.batch_size) + answers;
    case fold:
        return before.fold == folding::idle ? "fold    begins a sweep" : "fold    ends the sweep";
    case heal:
        return "writer  is given again what it had no room for";
    case fill_disk:
        return "disk    is full: " + changes(before.queue, before.queue_size) + " is refused" + answers;
    case crash:
        return "CRASH   started again with " + shown(after.word);
    default:
        break;
    }
    const caller_state& was = before.callers[what];
    const caller_state& is = after.callers[what];
    std::string out = name_of(what) + "       ";
    const bool again = is.where == at::begin;
    switch (was.where) {
    case at::begin:
        out += "loads " + shown(before.word);
        break;
    case at::loaded:
        out += again ? "finds the counter ahead of its word and begins again" : "judges " + shown(was.word);
        break;
    case at::reading_digests:
    case at::reading_late:
        out += "reads " + std::to_string(is.refused.count) + " digests";
        break;
    case at::locking:
        out += again                      ? "finds another word and begins again"
               : is.where == at::counting ? "has the lock"
                                          : "finds its digest";
        break;
    case at::swapping:
    case at::counting:
        out += again ? "has lost and begins again" : "swaps: " + shown(after.word);
        break;
    case at::advancing:
        out += "moves the base to " + std::to_string(after.base);
        break;
    case at::handing:
        out += "hands v" + std::to_string(was.after.version) + " to the writer";
        break;
    default:
        return out + "is told: " + std::string{shown(is.what)};
    }
    if (is.where == at::waiting)
        out += "; will be told: " + std::string{shown(is.what)};
    return out;
}

// --- the search

std::uint64_t hash_of(const world& state)
{
    const std::string_view bytes{reinterpret_cast<const char*>(&state), sizeof state}; // NOLINT: bytes all through
    return std::hash<std::string_view>{}(bytes);
}

class search {
public:
    explicit search(const scenario& of) : of_{of} { places_.resize(1U << 12U); }

    findings run()
    {
        add(machine::beginning(of_), 0, steps);
        for (std::size_t i = 0; i < states_.size(); ++i)
            expand(i);
        out_.states = states_.size();
        return std::move(out_);
    }

private:
    void expand(std::size_t index)
    {
        bool goes_on = false;
        for (unsigned what = 0; what < steps; ++what) {
            machine next{of_, states_[index]};
            const bool possible = next.can(what);
            if (possible) {
                ++out_.steps;
                next.take(what);
                goes_on = goes_on || (what != crash && what != fill_disk && what != fold);
            }
            for (unsigned seen = next.noticed(); seen != 0; seen &= seen - 1)
                ++out_.seen[static_cast<std::size_t>(std::countr_zero(seen))];
            if (possible)
                add(next.w, index, what);
        }
        if (goes_on)
            return;
        ++out_.ends;
        if (!machine{of_, states_[index]}.is_over())
            record(invariant::nobody_waits_for_ever, index);
    }

    void add(const world& state, std::size_t from, unsigned by)
    {
        if (2 * states_.size() >= places_.size())
            grow();
        const std::uint64_t hash = hash_of(state);
        const auto tag = static_cast<std::uint32_t>(hash >> 32);
        std::size_t at = hash % places_.size();
        for (; places_[at].number != 0; at = (at + 1) % places_.size()) {
            if (places_[at].tag == tag && std::memcmp(&states_[places_[at].number - 1], &state, sizeof state) == 0)
                return;
        }
        states_.push_back(state);
        origins_.push_back({static_cast<std::uint32_t>(from), by});
        places_[at] = {static_cast<std::uint32_t>(states_.size()), tag};
        const unsigned broken = machine{of_, state}.broken();
        if (broken == 0)
            return;
        for (const invariant each : all_invariants) {
            if ((broken & bit(each)) != 0)
                record(each, states_.size() - 1);
        }
    }

    void grow()
    {
        places_.assign(4 * places_.size(), {});
        for (std::size_t i = 0; i < states_.size(); ++i) {
            const std::uint64_t hash = hash_of(states_[i]);
            std::size_t at = hash % places_.size();
            while (places_[at].number != 0)
                at = (at + 1) % places_.size();
            places_[at] = {static_cast<std::uint32_t>(i + 1), static_cast<std::uint32_t>(hash >> 32)};
        }
    }

    void record(invariant which, std::size_t index)
    {
        if (out_.broken.contains(which))
            return;
        std::vector<std::size_t> path;
        for (; index != 0; index = origins_[index].from)
            path.push_back(index);
        std::ranges::reverse(path);
        std::string text = to_text(of_) + "\n" + std::string{to_text(which)} + ":\n";
        for (std::size_t i = 0; i < path.size(); ++i) {
            const origin& step = origins_[path[i]];
            const std::string number = std::to_string(i + 1);
            text += std::string(4 - std::min<std::size_t>(number.size(), 4), ' ') + number + "  " +
                    machine::tell(of_, states_[step.from], step.by, states_[path[i]]) + '\n';
        }
        out_.broken.emplace(which, counterexample{path.size(), std::move(text)});
    }

    struct origin { // of a state
        std::uint32_t from;
        unsigned by;
    };
    struct place {
        std::uint32_t number = 0; // 1 + index of a state; 0 is free
        std::uint32_t tag = 0;    // of its hash
    };

    const scenario& of_;
    std::vector<world> states_;
    std::vector<origin> origins_;
    std::vector<place> places_; // of the states, by hash
    findings out_;
};

} // namespace

findings explore(const scenario& of)
{
    if (of.callers.empty() || of.callers.size() > callers_max || of.max_failed == 0 || of.max_failed > failures_max)
        throw std::length_error{"one to four callers, a limit of one to three"};
    return search{of}.run();
}

played play(const scenario& of)
{
    return machine{of, machine::beginning(of)}.play();
}

void findings::add(const findings& more)
{
    states += more.states;
    steps += more.steps;
    ends += more.ends;
    for (std::size_t i = 0; i < sights; ++i)
        seen[i] += more.seen[i];
    for (const auto& each : more.broken)
        broken.insert(each);
}

std::string_view to_text(invariant which)
{
    switch (which) {
    case invariant::refusals_bounded:
        return "(1) a wrong proof is told of, or counted, beyond the limit";
    case invariant::right_never_punished:
        return "(2) a right proof is punished for other right ones";
    case invariant::position_once:
        return "(3) a counter position is accepted twice";
    case invariant::answer_on_disk:
        return "(4) an answer tells what is not on disk";
    case invariant::removed_is_terminal:
        return "(5) something follows a removal";
    case invariant::operators_serialise:
        return "(6) the word is not what the operations in their order make of it";
    case invariant::refused_counted_once:
        return "(9) one refused proof is counted twice";
    case invariant::nobody_waits_for_ever:
        return "(-) somebody waits and nothing will happen";
    }
    return {};
}

std::string_view to_text(sight which)
{
    static constexpr std::string_view names[]{
        "a lost swap",
        "a refusal that lost its swap",
        "a lock found taken",
        "a base ahead of the word",
        "a repeated refused proof recognised",
        "a repetition while the first is not on disk",
        "a right proof told: blocked",
        "a right proof behind the window",
        "a forbidden move",
        "two changes in one flush",
        "a change after a later one",
        "a crash before a flush",
        "a crash between flush and answer",
        "a word read from the journal",
        "a later change kept without an earlier one",
        "a row that came during a sweep",
        "a full disk",
        "a refused change committed later",
    };
    static_assert(std::size(names) == sights);
    return names[static_cast<std::size_t>(which)];
}

std::string_view to_text(fault which)
{
    switch (which) {
    case fault::none:
        return "none";
    case fault::word_stored_unseen:
        return "swaps do not compare";
    case fault::move_stored_unseen:
        return "moves are stored without comparing";
    case fault::move_never_forbidden:
        return "moves do not ask whether they are legal";
    case fault::verdict_kept:
        return "a lost swap keeps its verdict";
    case fault::spent_in_advance:
        return "attempts are counted in advance";
    case fault::refusal_resets:
        return "a refusal resets the count";
    case fault::digests_survive_reset:
        return "digests survive a reset";
    case fault::digests_after_swap:
        return "digests are read after the swap";
    case fault::answered_unflushed:
        return "answers do not wait for the flush";
    case fault::told_unflushed:
        return "answers do not wait for the word of somebody else";
    case fault::last_arrival_wins:
        return "the last to arrive wins";
    case fault::mark_over_new_rows:
        return "the mark moves over rows that were not folded";
    case fault::rows_not_read_at_start:
        return "a start does not read the journal";
    }
    return {};
}

std::string to_text(const scenario& which)
{
    std::string out;
    for (std::size_t who = 0; who < which.callers.size(); ++who) {
        const caller& each = which.callers[who];
        out += (who > 0 ? ", " : "") + name_of(who) + ": ";
        const auto where = " at " + std::to_string(each.position);
        switch (each.wants) {
        case wish::right:
            out += "right PIN" + where;
            break;
        case wish::right_bare:
            out += "right possession" + where;
            break;
        case wish::wrong:
            out += "wrong PIN " + std::to_string(each.proof) + where;
            break;
        case wish::block:
            out += "block";
            break;
        case wish::unblock:
            out += "unblock";
            break;
        case wish::remove:
            out += "remove";
            break;
        case wish::reset:
            out += "reset";
            break;
        }
    }
    out += "; limit " + std::to_string(which.max_failed);
    if (which.start != state::active)
        out += ", first " + std::string{registry::to_text(which.start)};
    if (which.mistake != fault::none)
        out += "; mistake: " + std::string{to_text(which.mistake)};
    return out;
}

} // namespace doorward::tests::model
