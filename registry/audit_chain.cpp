#include "registry/audit_chain.hpp"

#include <algorithm>

namespace doorward::registry {
namespace {

using crypto::bytes_view;

// What is wrong with the row of history that an event belongs to; empty: nothing.
std::string history_fault(const kv::read_txn& txn, const event_place& place, const event& told)
{
    const auto* change = told.of_registration();
    const auto found = txn.get(tables::history, history_key(change->number, change->version));
    if (!found)
        return "its row of history is gone";
    history_row row;
    try {
        row = decode<history_row>(*found);
    } catch (const record_fault& fault) {
        return std::string{"its row of history cannot be read: "} + fault.what();
    }
    const bool same = row.event == place && row.version == change->version && row.by == change->by &&
                      row.previous == change->previous && row.now == change->now && row.reason == change->reason &&
                      row.who.account == told.who.account && row.who.phone == told.who.phone && row.at == told.at &&
                      row.flags == change->flags.value_or(flag_set{});
    return same ? std::string{} : "its row of history says something else";
}

class walk {
public:
    walk(const kv::read_txn& txn, std::span<const event_place> known) : txn_{txn}, known_{known} {}

    chain_report run()
    {
        try {
            compare_all();
        } catch (const kv::damaged& fault) {
            fail(out_.sound.sequence, fault.what());
        }
        return out_;
    }

private:
    void compare_all()
    {
        read_events();
        if (!out_.fault)
            compare_end();
        if (!out_.fault)
            compare_known();
        if (!out_.fault)
            look_for_strange_index_rows();
        if (!out_.fault)
            look_for_strange_history();
    }

    bool fail(event_sequence at, std::string what)
    {
        out_.fault = chain_fault{at, std::move(what)};
        return false;
    }

    void read_events()
    {
        txn_.scan_as_stored(tables::events, {}, [this](bytes_view key, bytes_view stored) {
            const event_sequence wanted = out_.sound.sequence + 1;
            if (key.size() != 8)
                return fail(wanted, "there is a row among the events that is none");
            const auto sequence = kv::from_number(key);
            if (sequence == 0)
                return fail(0, "there is no such event");
            if (sequence != wanted)
                return fail(wanted, "it is missing");
            if (!txn_.is_sound(tables::events, key, stored))
                return fail(sequence, "its sum does not fit");
            return check_event(sequence, txn_.get(tables::events, key).value());
        });
    }

    bool check_event(event_sequence sequence, bytes_view value)
    {
        event told;
        event_place place{sequence, {}};
        try {
            const auto parts = split_event_row(value);
            place.digest = parts.digest;
            if (chain_digest(out_.sound.digest, sequence, parts.record) != parts.digest)
                return fail(sequence, "its digest does not follow from it and the one before");
            told = decode<event>(parts.record);
        } catch (const record_fault& fault) {
            return fail(sequence, std::string{"it cannot be read: "} + fault.what());
        }
        if (told.of_registration() != nullptr) {
            auto what = history_fault(txn_, place, told);
            if (!what.empty())
                return fail(sequence, std::move(what));
        }
        if (!count_index_rows(sequence))
            return false;
        out_.sound = place;
        return true;
    }

    // The index finds an event by the user as its registration has it now.
    bool count_index_rows(event_sequence sequence)
    {
        std::vector<kv::key> keys;
        try {
            keys = index_keys(sequence, find_event(txn_, sequence).value().what);
        } catch (const record_fault& fault) {
            return fail(sequence, std::string{"its registration cannot be read: "} + fault.what());
        }
        for (const kv::key& key : keys) {
            if (!txn_.get(tables::event_index, key))
                return fail(sequence, "it is missing in the index");
            ++index_rows_;
        }
        return true;
    }

    void compare_end()
    {
        event_place end;
        try {
            end = last_event(txn_);
        } catch (const record_fault& fault) {
            fail(out_.sound.sequence, fault.what());
            return;
        }
        if (end.sequence > out_.sound.sequence)
            fail(out_.sound.sequence + 1, "it is missing, and all behind it");
        else if (end.sequence < out_.sound.sequence)
            fail(end.sequence + 1, "it is behind the end of the events");
        else if (end != out_.sound)
            fail(end.sequence, "the end of the events has another digest");
    }

    void compare_known()
    {
        for (const event_place& each : known_) {
            if (each.sequence == 0 && each.digest == event_place{}.digest)
                continue; // there was nothing yet
            if (each.sequence > out_.sound.sequence || each.sequence == 0) {
                fail(out_.sound.sequence + 1,
                     "it is missing: the checkpoint knows of " + std::to_string(each.sequence));
                return;
            }
            const auto there = split_event_row(txn_.get(tables::events, event_key(each.sequence)).value());
            if (there.digest != each.digest) {
                fail(each.sequence, "this or an earlier one is not what the checkpoint knows");
                return;
            }
        }
    }

    // Each event has its rows, as was seen: are there others?
    void look_for_strange_index_rows()
    {
        if (txn_.row_count(tables::event_index) == index_rows_)
            return;
        txn_.scan(tables::event_index, {}, [this](bytes_view key, bytes_view) {
            const auto sequence = key.size() > 8 ? kv::from_descending(key.last(8)) : event_sequence{0};
            const auto found = find_event(txn_, sequence);
            const auto keys = found ? index_keys(sequence, found->what) : std::vector<kv::key>{};
            const auto is_this = [key](const kv::key& each) { return std::ranges::equal(bytes_view{each}, key); };
            return std::ranges::any_of(keys, is_this) ||
                   fail(sequence, "the index has a row about it that it should not have");
        });
    }

    void look_for_strange_history()
    {
        txn_.scan(tables::history, {}, [this](bytes_view key, bytes_view value) {
            std::optional<event_place> place;
            try {
                place = decode<history_row>(value).event;
            } catch (const record_fault& fault) {
                return fail(out_.sound.sequence, std::string{"a row of history cannot be read: "} + fault.what());
            }
            if (!place) {
                ++out_.unknown_history;
                return true;
            }
            const auto found = find_event(txn_, place->sequence);
            const auto* change = found ? found->what.of_registration() : nullptr;
            const bool is_its_own =
                change != nullptr && std::ranges::equal(key, bytes_view{history_key(change->number, change->version)});
            return is_its_own || fail(place->sequence, "a row of history calls it its own and is not");
        });
    }

    const kv::read_txn& txn_;
    const std::span<const event_place> known_;
    std::size_t index_rows_ = 0; // that belong to events
    chain_report out_;
};

} // namespace

chain_report verify_chain(const kv::read_txn& txn, std::span<const event_place> known)
{
    return walk{txn, known}.run();
}

} // namespace doorward::registry
