// The feed of events: one dense sequence, written with what it tells of, chained, and found again by what it is about.

#include "handlers/slots.hpp"
#include "registry/audit_chain.hpp"
#include "registry/checkpoint.hpp"
#include "registry/past_state.hpp"
#include "tests/support.hpp"

#include <map>

namespace {

using namespace doorward;
using namespace doorward::registry;
using tests::answer;
using tests::enrol;
using tests::enrolled;
using tests::json;
using tests::on_threads;
using tests::scratch_store;
using tests::scratch_world;

event administration(event_subject about, std::string subject, std::string action, std::string application = {},
                     std::string by = "admin")
{
    return {7,
            std::move(application),
            {},
            {std::move(by), {}},
            administration_event{about, std::move(subject), std::move(action), "by hand"}};
}

event of_registration(registration_number number, std::string user, time_ms at, std::string application = "app")
{
    registration_event what;
    what.number = number;
    what.version = static_cast<std::uint64_t>(at);
    what.by = move::reset_attempts;
    what.now = state::active;
    return {at, std::move(application), std::move(user), {"office", {}}, what};
}

// Appends events, each in a change of its own, and nothing that they tell of.
struct event_store : scratch_store {
    using scratch_store::scratch_store;

    event_place add(const event& what)
    {
        event_place place;
        auto change = [&](kv::write_txn& txn) {
            place = append_event(txn, what);
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(writer, change));
        return place;
    }
    template <class Read>
    auto view(const Read& read)
    {
        return env.view([&](const kv::read_txn& txn) { return read(txn); });
    }
    std::vector<event_sequence> back(const event_filter& which, event_sequence before = 0)
    {
        std::vector<event_sequence> out;
        env.view([&](const kv::read_txn& txn) {
            scan_events_back(txn, which, before, [&](const stored_event& each) {
                out.push_back(each.place.sequence);
                return true;
            });
        });
        return out;
    }
};

using sequences = std::vector<event_sequence>;

chain_report verify(const kv::env& store, std::vector<event_place> known = {})
{
    return store.view([&](const kv::read_txn& txn) { return verify_chain(txn, known); });
}

// The sequence that is told as broken, or nothing.
std::optional<event_sequence> broken(const chain_report& report)
{
    return report.fault ? std::optional{report.fault->sequence} : std::nullopt;
}

// A store in which something of everything has happened.
struct lived_world : scratch_world {
    lived_world()
    {
        allow_spawn();
        enrolled alice = enrol(*this);
        id = alice.id;
        clock.advance(1000);
        ask("PUT", "/name", R"({"name":"first"})");
        ask("PUT", "/flags", R"({"flags":["A","B"]})");
        clock.advance(1000);
        ask("PUT", "", R"({"change":"BLOCK","blockedReason":"LOST","externalUserId":"bob"})");
        ask("PUT", "/name", R"({"name":"second"})");
        clock.advance(1000);
        ask("PUT", "", R"({"change":"UNBLOCK"})");
        for (unsigned i = 0; i < max_failed_attempts_default; ++i)
            static_cast<void>(alice.phone.validate(bench::signature_type::possession_knowledge, tests::wrong_pin));
        clock.advance(1000);
        ask("PUT", "", R"({"change":"UNBLOCK"})");
        ask("POST", "/transfer", R"({"type":"SPAWN"})");
        clock.advance(1000);
        unfinished = create("carol", {{"flags", {"NEW"}}, {"name", "carol's"}}).id;
        BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + id + "?reason=SOLD").status == 200U);
    }

    void allow_spawn()
    {
        BOOST_TEST_REQUIRE(
            office("PATCH", "/admin/applications/app", R"({"transfer":{"spawn":true}})", "admin").status == 200U);
    }
    void ask(std::string_view method, const std::string& rest, std::string_view body)
    {
        const auto got = office(method, "/v2/registrations/" + id + rest, body);
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }
    std::vector<stored_event> events()
    {
        std::vector<stored_event> out;
        env().view([&](const kv::read_txn& txn) {
            scan_events(txn, 0, [&](const stored_event& each) {
                out.push_back(each);
                return true;
            });
        });
        return out;
    }
    // Those of registrations.
    std::vector<stored_event> changes()
    {
        auto out = events();
        std::erase_if(out, [](const stored_event& each) { return each.what.of_registration() == nullptr; });
        return out;
    }
    // Does something to the store, looks at what verify says, and undoes it: all in one change that is refused.
    chain_report tampered(const std::function<void(kv::write_txn&)>& with, std::vector<event_place> known = {})
    {
        chain_report out;
        auto change = [&](kv::write_txn& txn) -> kv::error_code {
            with(txn);
            out = verify_chain(txn, known);
            throw kv::batch_full{}; // nothing of it reaches the disk
        };
        BOOST_TEST_REQUIRE((kv::blocking_commit(writer(), change) == kv::errc::storage_full));
        return out;
    }

    std::string id;
    std::string unfinished;
};

crypto::bytes copy(crypto::bytes_view data)
{
    return {data.begin(), data.end()};
}

std::vector<std::pair<crypto::bytes, crypto::bytes>> rows_of(const kv::read_txn& txn, kv::table which)
{
    std::vector<std::pair<crypto::bytes, crypto::bytes>> out;
    txn.scan(which, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
        out.emplace_back(copy(key), copy(value));
        return true;
    });
    return out;
}

} // namespace

// --- the sequence

BOOST_AUTO_TEST_SUITE(events)

BOOST_AUTO_TEST_CASE(a_store_begins_without_events)
{
    event_store it;
    BOOST_TEST((it.view([](const kv::read_txn& txn) { return last_event(txn); }) == event_place{}));
    BOOST_TEST(!it.view([](const kv::read_txn& txn) { return find_event(txn, 1); }).has_value());
    BOOST_TEST(it.back(event_filter::everything()).empty());
    BOOST_TEST(it.view([](const kv::read_txn& txn) { return first_event_since(txn, 0); }) == 1U);
    const auto report = verify(it.env);
    BOOST_TEST(!report.fault.has_value());
    BOOST_TEST((report.sound == event_place{}));
}

BOOST_AUTO_TEST_CASE(each_event_has_the_next_number_and_a_digest_over_all_before)
{
    event_store it;
    crypto::digest32 before{};
    for (event_sequence i = 1; i <= 5; ++i) {
        const auto what = administration(event_subject::account, "bob", "TOUCH_" + std::to_string(i));
        const auto place = it.add(what);
        BOOST_TEST(place.sequence == i);
        // By hand, as FORMAT.md says it.
        crypto::bytes hashed = copy(before);
        crypto::append(hashed, crypto::big_endian(i));
        crypto::append(hashed, encode(what));
        BOOST_TEST((place.digest == crypto::blake2b<32>(hashed)));
        before = place.digest;
        const auto found = it.view([&](const kv::read_txn& txn) { return find_event(txn, i); });
        BOOST_TEST_REQUIRE(found.has_value());
        BOOST_TEST((found->place == place));
        BOOST_TEST((found->what == what));
        BOOST_TEST((it.view([](const kv::read_txn& txn) { return last_event(txn); }) == place));
    }
}

BOOST_AUTO_TEST_CASE(the_same_things_in_another_order_have_other_digests)
{
    event_store one;
    event_store other;
    const auto a = administration(event_subject::application, "a", "CREATE", "a");
    const auto b = administration(event_subject::application, "b", "CREATE", "b");
    one.add(a);
    other.add(b);
    BOOST_TEST((one.add(b).digest != other.add(a).digest));
}

BOOST_AUTO_TEST_CASE(a_scan_begins_behind_a_number_and_ends_when_it_is_told_to)
{
    event_store it;
    for (int i = 0; i < 5; ++i)
        it.add(of_registration(1, "alice", i));
    const auto from = [&](event_sequence after, std::size_t at_most) {
        sequences out;
        it.view([&](const kv::read_txn& txn) {
            scan_events(txn, after, [&](const stored_event& each) {
                out.push_back(each.place.sequence);
                return out.size() < at_most;
            });
            return 0;
        });
        return out;
    };
    BOOST_TEST((from(0, 9) == sequences{1, 2, 3, 4, 5}));
    BOOST_TEST((from(0, 2) == sequences{1, 2}));
    BOOST_TEST((from(3, 9) == sequences{4, 5}));
    BOOST_TEST(from(5, 9).empty());
    BOOST_TEST(from(std::numeric_limits<event_sequence>::max(), 9).empty());
}

BOOST_AUTO_TEST_CASE(what_is_asked_about_is_a_range_newest_first)
{
    event_store it;
    it.add(of_registration(1, "alice", 10));                                      // 1
    it.add(of_registration(256, "ali", 20));                                      // 2
    it.add(of_registration(1, "alice", 30));                                      // 3
    it.add(of_registration(2, "alice", 40, "application"));                       // 4
    it.add(administration(event_subject::account, "office", "CREATE_ACCOUNT"));   // 5
    it.add(administration(event_subject::application, "app", "CHANGE", "app"));   // 6
    it.add(administration(event_subject::account, "admin", "CHANGE_ACCOUNT"));    // 7: of itself, in the index once
    it.add(administration(event_subject::webhook, "hook", "CREATE", "app", "x")); // 8
    BOOST_TEST((it.back(event_filter::everything()) == sequences{8, 7, 6, 5, 4, 3, 2, 1}));
    BOOST_TEST((it.back(event_filter::everything(), 4) == sequences{3, 2, 1}));
    BOOST_TEST((it.back(event_filter::everything(), 100) == sequences{8, 7, 6, 5, 4, 3, 2, 1}));
    BOOST_TEST(it.back(event_filter::everything(), 1).empty());
    BOOST_TEST((it.back(event_filter::of_registration(1)) == sequences{3, 1}));
    BOOST_TEST((it.back(event_filter::of_registration(1), 3) == sequences{1}));
    BOOST_TEST((it.back(event_filter::of_registration(256)) == sequences{2}));
    BOOST_TEST(it.back(event_filter::of_registration(3)).empty());
    BOOST_TEST((it.back(event_filter::of_user("alice")) == sequences{4, 3, 1}));
    BOOST_TEST((it.back(event_filter::of_user("ali")) == sequences{2}));
    BOOST_TEST(it.back(event_filter::of_user("al")).empty());
    BOOST_TEST((it.back(event_filter::of_application("app")) == sequences{8, 6, 3, 2, 1}));
    BOOST_TEST((it.back(event_filter::of_application("application")) == sequences{4}));
    BOOST_TEST((it.back(event_filter::of_account("office")) == sequences{5, 4, 3, 2, 1}));
    BOOST_TEST((it.back(event_filter::of_account("admin")) == sequences{7, 6, 5}));
    BOOST_TEST((it.back(event_filter::of_account("x")) == sequences{8}));
    BOOST_TEST((broken(verify(it.env)) == 1U)); // it has no row of history here
}

BOOST_AUTO_TEST_CASE(the_first_event_of_a_time_is_found)
{
    event_store it;
    for (const time_ms at : {10, 20, 20, 30})
        it.add(of_registration(1, "alice", at));
    const struct {
        time_ms at;
        event_sequence expected;
    } table[]{{-5, 1}, {10, 1}, {11, 2}, {20, 2}, {21, 4}, {30, 4}, {31, 5}};
    for (const auto& each : table)
        BOOST_TEST(it.view([&](const kv::read_txn& txn) { return first_event_since(txn, each.at); }) == each.expected,
                   each.at);
}

BOOST_AUTO_TEST_CASE(a_batch_for_which_there_is_no_room_leaves_no_gap)
{
    event_store it{std::size_t{3} * 1024 * 1024};
    auto large = administration(event_subject::account, "bob", "TOUCH");
    std::get<administration_event>(large.what).detail = std::string(event_detail_bytes_max, 'd');
    event_sequence added = 0;
    kv::error_code refused;
    // Eight at a time, until the map is full.
    while (!refused && added < 100'000) {
        auto change = [&](kv::write_txn& txn) {
            for (int i = 0; i < 8; ++i)
                append_event(txn, large);
            return kv::error_code{};
        };
        refused = kv::blocking_commit(it.writer, change);
        added += refused ? 0U : 8U;
    }
    BOOST_TEST((refused == kv::errc::storage_full));
    BOOST_TEST(added > 0U);
    const auto report = verify(it.env);
    BOOST_TEST(!report.fault.has_value());
    BOOST_TEST(report.sound.sequence == added);
}

BOOST_AUTO_TEST_SUITE_END()

// --- what is told

BOOST_FIXTURE_TEST_SUITE(events_of_registrations, lived_world)

BOOST_AUTO_TEST_CASE(every_row_of_history_has_its_event_and_says_the_same)
{
    const auto all = events();
    std::size_t rows = 0;
    env().view([&](const kv::read_txn& txn) {
        txn.scan(tables::history, {}, [&](crypto::bytes_view, crypto::bytes_view value) {
            ++rows;
            const auto row = decode<history_row>(value);
            BOOST_TEST_REQUIRE(row.event.has_value());
            BOOST_TEST_REQUIRE(row.event->sequence <= all.size());
            const auto& told = all[row.event->sequence - 1];
            BOOST_TEST((told.place == *row.event));
            const auto* change = told.what.of_registration();
            BOOST_TEST_REQUIRE(change != nullptr);
            BOOST_TEST(change->version == row.version);
            BOOST_TEST((change->by == row.by && change->now == row.now && change->previous == row.previous));
            BOOST_TEST(change->reason == row.reason);
            BOOST_TEST((told.what.who == row.who));
            BOOST_TEST(told.what.at == row.at);
            BOOST_TEST(told.what.application_id == "app");
            return true;
        });
    });
    BOOST_TEST(rows == changes().size());
    const auto report = verify(env());
    BOOST_TEST(!report.fault.has_value(), (report.fault ? report.fault->what : ""));
    BOOST_TEST(report.sound.sequence == all.size());
    BOOST_TEST(report.unknown_history == 0U);
}

BOOST_AUTO_TEST_CASE(events_tell_names_flags_and_reasons_where_they_change)
{
    std::map<std::string, std::vector<registration_event>> by_type;
    for (const auto& each : changes())
        by_type[std::string{each.what.type()}].push_back(*each.what.of_registration());

    BOOST_TEST_REQUIRE(by_type["RENAME"].size() == 2U);
    BOOST_TEST((by_type["RENAME"][0].name == "first" && by_type["RENAME"][1].name == "second"));
    BOOST_TEST(!by_type["RENAME"][0].flags.has_value());
    BOOST_TEST(by_type["RENAME"][0].blocked_reason.empty());
    BOOST_TEST(by_type["RENAME"][1].blocked_reason == "LOST"); // renamed while it was blocked
    BOOST_TEST_REQUIRE(by_type["CHANGE_FLAGS"].size() == 1U);
    BOOST_TEST((by_type["CHANGE_FLAGS"][0].flags == flag_set{"A", "B"}));
    BOOST_TEST(!by_type["CHANGE_FLAGS"][0].name.has_value());
    BOOST_TEST(by_type["BLOCK"][0].blocked_reason == "LOST");
    BOOST_TEST(by_type["BLOCK_ON_FAILURES"][0].blocked_reason == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(by_type["UNBLOCK"][0].blocked_reason.empty());
    BOOST_TEST((by_type["EXCHANGE_KEYS"][0].name == "Simulated phone"));
    BOOST_TEST(!by_type["COMMIT"][0].name.has_value());
    BOOST_TEST(by_type["REMOVE"][0].reason == "SOLD");
    const auto& last_created = by_type["CREATE"].back();
    BOOST_TEST((last_created.name == "carol's"));
    BOOST_TEST((last_created.flags == flag_set{"NEW"}));
}

BOOST_AUTO_TEST_CASE(history_tells_the_number_and_the_digest_of_the_event)
{
    const auto all = events();
    const auto rows = history(id);
    for (const auto& row : rows) {
        const auto seq = row.at("seq").get<event_sequence>();
        BOOST_TEST_REQUIRE(seq <= all.size());
        const auto hash = row.at("hash").get<std::string>();
        BOOST_TEST(hash.size() == 64U);
        BOOST_TEST(all[seq - 1].what.of_registration()->version == row.at("version").get<std::uint64_t>());
    }
}

BOOST_AUTO_TEST_CASE(rows_from_before_there_were_events_are_still_read)
{
    auto older = [&](kv::write_txn& txn) {
        for (const auto& [key, value] : rows_of(txn, tables::history)) {
            auto row = decode<history_row>(value);
            row.event.reset();
            txn.put(tables::history, key, encode(row));
        }
        for (const auto which : {tables::events, tables::event_index})
            for (const auto& [key, value] : rows_of(txn, which))
                txn.erase(which, key);
        txn.erase(tables::meta, crypto::as_bytes(meta_key::last_event));
        return kv::error_code{};
    };
    const auto before = history(id);
    BOOST_TEST_REQUIRE(!commit(older));
    restart();
    const auto rows = history(id);
    BOOST_TEST(rows.size() == before.size());
    for (const auto& row : rows)
        BOOST_TEST((!row.contains("seq") && !row.contains("hash") && row.contains("version")));
    auto report = verify(env());
    BOOST_TEST(!report.fault.has_value());
    BOOST_TEST(report.unknown_history > rows.size());

    // From here on there are events.
    BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + unfinished).status == 200U);
    BOOST_TEST(history(unfinished).back().at("seq") == 1U);
    report = verify(env());
    BOOST_TEST(!report.fault.has_value());
    BOOST_TEST(report.sound.sequence == 1U);
}

// Names that arrive late are completed in later rows of history; events say what their change said.
BOOST_AUTO_TEST_CASE(changes_that_overtake_each_other_leave_events_as_they_are)
{
    const auto made = enrol(*this, json::object(), bench::protocol_version::v3_3, "dora");
    const auto slot = handlers::find_slot(services(), *uuid::parse(made.id));
    BOOST_TEST_REQUIRE(static_cast<bool>(slot));
    const auto step = [&](move by, std::optional<std::string> name = std::nullopt) {
        auto out = attempts::change_state(slot, by, {"office", {}}, "R", clock.now()).value();
        if (name)
            out.labelled = labels{std::move(name), std::nullopt};
        return out;
    };
    const auto first = step(move::rename, "late");
    const auto second = step(move::block);
    const auto third = step(move::reset_attempts);
    const auto send = [&](const transition& what) {
        BOOST_TEST_REQUIRE(!commit(transitions{&services().journal, {what}}));
    };
    const auto before = events().size();
    send(third);
    send(second);
    const auto told = events();
    send(first);
    const auto rows = history(made.id);
    BOOST_TEST(rows[rows.size() - 1].at("name") == "late");
    BOOST_TEST(rows[rows.size() - 2].at("name") == "late");
    const auto now = events();
    BOOST_TEST_REQUIRE(now.size() == before + 3);
    for (std::size_t i = 0; i < told.size(); ++i)
        BOOST_TEST((now[i].place == told[i].place && now[i].what == told[i].what));
    BOOST_TEST((now.back().what.of_registration()->name == "late"));
    BOOST_TEST(now[before].what.of_registration()->version > now[before + 1].what.of_registration()->version);
    const auto report = verify(env());
    BOOST_TEST(!report.fault.has_value(), (report.fault ? report.fault->what : ""));
}

BOOST_AUTO_TEST_CASE(many_changes_at_once_leave_no_gap)
{
    constexpr unsigned phones = 6;
    constexpr unsigned threads = 6;
    std::vector<std::string> ids;
    for (unsigned i = 0; i < phones; ++i)
        ids.push_back(enrol(*this, json::object(), bench::protocol_version::v3_3, "u" + std::to_string(i)).id);
    const auto before = events().size();
    std::atomic<unsigned> failed{0};
    on_threads(threads, [&](unsigned who) {
        for (unsigned i = 0; i < 40; ++i) {
            const std::string path = "/v2/registrations/" + ids[(who + i) % phones];
            const auto req =
                (who + i) % 3 == 0
                    ? office_request("PUT", path + "/name", R"({"name":")" + std::to_string(who * 1000 + i) + R"("})")
                    : office_request("PUT", path,
                                     (who + i) % 3 == 1 ? R"({"change":"BLOCK"})" : R"({"change":"UNBLOCK"})");
            failed += call_alone(handlers::side::office, req).status == 200 ? 0U : 1U;
        }
    });
    BOOST_TEST(failed.load() == 0U);
    const auto all = events();
    BOOST_TEST(all.size() > before + threads * 40 / 3);
    std::map<registration_number, std::map<std::uint64_t, const registration_event*>> stories;
    for (std::size_t i = 0; i < all.size(); ++i) {
        BOOST_TEST(all[i].place.sequence == i + 1);
        const auto* change = all[i].what.of_registration();
        if (change == nullptr)
            continue;
        BOOST_TEST(stories[change->number].emplace(change->version, change).second);
    }
    for (const auto& [number, story] : stories) {
        const registration_event* previous = nullptr;
        for (const auto& [version, change] : story) {
            if (previous != nullptr)
                BOOST_TEST((change->previous == previous->now));
            previous = change;
        }
    }
    const auto report = verify(env());
    BOOST_TEST(!report.fault.has_value(), (report.fault ? report.fault->what : ""));
}

BOOST_AUTO_TEST_CASE(a_restart_goes_on_where_it_was)
{
    const auto before = events();
    restart();
    BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + unfinished).status == 200U);
    const auto now = events();
    BOOST_TEST_REQUIRE(now.size() == before.size() + 1);
    BOOST_TEST(now.back().place.sequence == before.back().place.sequence + 1);
    BOOST_TEST(!verify(env()).fault.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

// --- the chain

BOOST_FIXTURE_TEST_SUITE(audit_chain, lived_world)

BOOST_AUTO_TEST_CASE(any_byte_of_any_event_that_is_changed_is_found_and_told_which)
{
    std::size_t tried = 0;
    std::size_t found = 0;
    std::string first_miss;
    const auto at_last = tampered([&](kv::write_txn& txn) {
        for (const auto& [key, value] : rows_of(txn, tables::events)) {
            const auto sequence = kv::from_number(key);
            for (std::size_t i = 0; i < value.size(); ++i) {
                auto altered = value;
                altered[i] ^= static_cast<crypto::byte>(1U << (i % 8));
                txn.put(tables::events, key, altered);
                ++tried;
                if (broken(verify_chain(txn)) == sequence)
                    ++found;
                else if (first_miss.empty())
                    first_miss = "byte " + std::to_string(i) + " of event " + std::to_string(sequence);
            }
            txn.put(tables::events, key, value);
        }
    });
    BOOST_TEST(!at_last.fault.has_value());
    BOOST_TEST(tried > 1'000U);
    BOOST_TEST(found == tried, first_miss);
}

BOOST_AUTO_TEST_CASE(events_that_are_missing_moved_or_too_many_are_found)
{
    const auto all = events();
    const event_sequence last = all.size();
    const auto rows = env().view([](const kv::read_txn& txn) { return rows_of(txn, tables::events); });
    const auto found = [&](const std::function<void(kv::write_txn&)>& with) { return broken(tampered(with)); };

    for (event_sequence gone = 1; gone <= last; ++gone)
        BOOST_TEST((found([&](kv::write_txn& txn) { txn.erase(tables::events, event_key(gone)); }) == gone));
    BOOST_TEST((found([&](kv::write_txn& txn) { // two change places
                    txn.put(tables::events, event_key(3), rows[3].second);
                    txn.put(tables::events, event_key(4), rows[2].second);
                }) == 3U));
    BOOST_TEST((found([&](kv::write_txn& txn) { // all move up
                    txn.erase(tables::events, event_key(1));
                    for (event_sequence i = 2; i <= last; ++i)
                        txn.put(tables::events, event_key(i - 1), rows[i - 1].second);
                    txn.erase(tables::events, event_key(last));
                }) == 1U));
    BOOST_TEST(
        (found([&](kv::write_txn& txn) { txn.put(tables::events, event_key(last + 1), rows[0].second); }) == last + 1));
    BOOST_TEST(
        (found([&](kv::write_txn& txn) { txn.put(tables::events, event_key(last + 2), rows[0].second); }) == last + 1));
    BOOST_TEST((found([&](kv::write_txn& txn) { txn.put(tables::events, event_key(0), rows[0].second); }) == 0U));
    BOOST_TEST((found([&](kv::write_txn& txn) {
                    txn.put(tables::events, kv::key{}.number(2).small(0), rows[0].second);
                }) == 3U));
    BOOST_TEST((found([&](kv::write_txn& txn) { txn.put(tables::events, event_key(2), {}); }) == 2U));
    // One more that follows from the last, but that the store does not know as its end.
    BOOST_TEST((found([&](kv::write_txn& txn) {
                    const auto what = administration(event_subject::account, "bob", "FORGED");
                    auto row = encode(what);
                    crypto::append(row, chain_digest(all.back().place.digest, last + 1, row));
                    txn.put(tables::events, event_key(last + 1), row);
                    for (const auto& key : index_keys(last + 1, what))
                        txn.put(tables::event_index, key, {});
                }) == last + 1));
}

BOOST_AUTO_TEST_CASE(the_end_that_the_store_remembers_must_fit)
{
    const auto end = events().back().place;
    const auto with_end = [&](const crypto::bytes& value) {
        return broken(tampered(
            [&](kv::write_txn& txn) { txn.put(tables::meta, crypto::as_bytes(meta_key::last_event), value); }));
    };
    const auto encoded = [](event_place place) {
        crypto::bytes out;
        crypto::append(out, crypto::big_endian(place.sequence));
        crypto::append(out, place.digest);
        return out;
    };
    auto other = end;
    other.digest[0] ^= 1;
    BOOST_TEST((with_end(encoded(other)) == end.sequence));
    BOOST_TEST((with_end(encoded({end.sequence + 3, end.digest})) == end.sequence + 1));
    BOOST_TEST((with_end(encoded({end.sequence - 3, end.digest})) == end.sequence - 2));
    BOOST_TEST((with_end({1, 2, 3}) == end.sequence));
}

BOOST_AUTO_TEST_CASE(rows_of_history_must_say_what_their_events_say)
{
    const auto all = changes();
    const auto altered = [&](const std::function<void(history_row&)>& how) {
        std::size_t missed = 0;
        for (const auto& each : all) {
            const auto* change = each.what.of_registration();
            const auto key = history_key(change->number, change->version);
            const auto told = broken(tampered([&](kv::write_txn& txn) {
                auto row = decode<history_row>(*txn.get(tables::history, key));
                how(row);
                txn.put(tables::history, key, encode(row));
            }));
            missed += told == each.place.sequence ? 0U : 1U;
        }
        return missed;
    };
    BOOST_TEST(altered([](history_row& row) { row.version += 100; }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.by = row.by == move::spawn ? move::cancel : move::spawn; }) == 0U);
    BOOST_TEST(
        altered([](history_row& row) { row.now = row.now == state::removed ? state::active : state::removed; }) == 0U);
    BOOST_TEST(altered([](history_row& row) {
                   row.previous = row.previous ? std::nullopt : std::optional{state::blocked};
               }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.reason += "!"; }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.who.account += "!"; }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.who.phone = uuid::random(); }) == 0U);
    BOOST_TEST(altered([](history_row& row) { ++row.at; }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.flags.push_back("X"); }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.event.reset(); }) == 0U);
    BOOST_TEST(altered([](history_row& row) { ++row.event->sequence; }) == 0U);
    BOOST_TEST(altered([](history_row& row) { row.event->digest[31] ^= 1; }) == 0U);
    for (const auto& each : all) {
        const auto* change = each.what.of_registration();
        const auto key = history_key(change->number, change->version);
        BOOST_TEST(
            (broken(tampered([&](kv::write_txn& txn) { txn.erase(tables::history, key); })) == each.place.sequence));
        BOOST_TEST((broken(tampered([&](kv::write_txn& txn) { txn.put(tables::history, key, crypto::bytes{9}); })) ==
                    each.place.sequence));
        // The same row once more, under another key.
        BOOST_TEST((broken(tampered([&](kv::write_txn& txn) {
                        txn.put(tables::history, history_key(change->number, change->version + 500),
                                copy(*txn.get(tables::history, key)));
                    })) == each.place.sequence));
    }
}

// What identifies people is in no event, so that it can be erased: the chain does not speak of it.
BOOST_AUTO_TEST_CASE(what_identifies_people_may_be_erased_from_history)
{
    const auto found = tampered([&](kv::write_txn& txn) {
        for (const auto& [key, value] : rows_of(txn, tables::history)) {
            auto row = decode<history_row>(value);
            row.name.clear();
            row.who.external_user_id.clear();
            txn.put(tables::history, key, encode(row));
        }
    });
    BOOST_TEST(!found.fault.has_value(), (found.fault ? found.fault->what : ""));
}

BOOST_AUTO_TEST_CASE(the_index_must_have_each_event_and_nothing_else)
{
    const auto rows = env().view([](const kv::read_txn& txn) { return rows_of(txn, tables::event_index); });
    BOOST_TEST(rows.size() > 3 * changes().size());
    for (const auto& [key, value] : rows) {
        const auto sequence = kv::from_descending(crypto::bytes_view{key}.last(8));
        BOOST_TEST((broken(tampered([&, &erased = key](kv::write_txn& txn) {
                        txn.erase(tables::event_index, erased);
                    })) == sequence));
    }
    const auto strange = [&](const kv::key& key) {
        return broken(tampered([&](kv::write_txn& txn) { txn.put(tables::event_index, key, {}); }));
    };
    BOOST_TEST((strange(kv::key{}.small(3).text("mallory").number_descending(2)) == 2U));
    BOOST_TEST((strange(kv::key{}.small(2).text("app").number_descending(500)) == 500U));
    BOOST_TEST((strange(kv::key{}.small(9)) == 0U));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_finds_what_the_chain_alone_cannot)
{
    const auto all = events();
    const auto middle = all[all.size() / 2].place;
    const auto end = all.back().place;
    for (const auto& known : {std::vector<event_place>{}, {event_place{}}, {middle}, {end}, {middle, end}})
        BOOST_TEST(!verify(env(), known).fault.has_value());

    // The last three are cut off, as if they had never been.
    const auto cut = [&](kv::write_txn& txn) {
        for (std::size_t i = all.size() - 3; i < all.size(); ++i) {
            txn.erase(tables::events, event_key(all[i].place.sequence));
            for (const auto& key : index_keys(all[i].place.sequence, all[i].what))
                txn.erase(tables::event_index, key);
            const auto* change = all[i].what.of_registration();
            txn.erase(tables::history, history_key(change->number, change->version));
        }
        crypto::bytes before;
        crypto::append(before, crypto::big_endian(all[all.size() - 4].place.sequence));
        crypto::append(before, all[all.size() - 4].place.digest);
        txn.put(tables::meta, crypto::as_bytes(meta_key::last_event), before);
    };
    BOOST_TEST(!broken(tampered(cut)).has_value());
    BOOST_TEST(!broken(tampered(cut, {middle})).has_value());
    BOOST_TEST((broken(tampered(cut, {end})) == end.sequence - 2));

    // One is written anew, and all behind it, with whatever depends on them.
    const auto forge = [&](kv::write_txn& txn) {
        crypto::digest32 before{};
        for (const auto& each : all) {
            auto what = each.what;
            if (each.place.sequence == 2)
                ++what.at;
            auto value = encode(what);
            before = chain_digest(before, each.place.sequence, value);
            crypto::append(value, before);
            txn.put(tables::events, event_key(each.place.sequence), value);
            const auto* change = what.of_registration();
            if (change == nullptr)
                continue;
            const auto key = history_key(change->number, change->version);
            auto row = decode<history_row>(*txn.get(tables::history, key));
            row.at = what.at;
            row.event->digest = before;
            txn.put(tables::history, key, encode(row));
        }
        crypto::bytes last;
        crypto::append(last, crypto::big_endian(end.sequence));
        crypto::append(last, before);
        txn.put(tables::meta, crypto::as_bytes(meta_key::last_event), last);
    };
    BOOST_TEST(!broken(tampered(forge)).has_value());
    BOOST_TEST(!broken(tampered(forge, {all[0].place})).has_value());
    BOOST_TEST((broken(tampered(forge, {middle})) == middle.sequence));
    BOOST_TEST((broken(verify(env(), {{end.sequence, middle.digest}})) == end.sequence));
    BOOST_TEST((broken(verify(env(), {{0, middle.digest}})).has_value()));
}

BOOST_AUTO_TEST_CASE(checkpoints_are_signed_with_a_key_of_the_store)
{
    const auto key = [&] {
        return env().view([&](const kv::read_txn& txn) { return find_audit_key(txn, services().sealer); });
    };
    BOOST_TEST(!key().has_value());
    BOOST_TEST_REQUIRE(!commit(create_audit_key{services().sealer}));
    const auto first = key();
    BOOST_TEST_REQUIRE(first.has_value());
    BOOST_TEST_REQUIRE(!commit(create_audit_key{services().sealer})); // leaves it alone
    BOOST_TEST((key()->public_key() == first->public_key()));

    const auto made = make_checkpoint(events().back().place, 17, *first);
    BOOST_TEST((made.key == first->public_key()));
    BOOST_TEST(is_signed(made, first->public_key()));
    const crypto::ed25519_key other{crypto::secret<32>{crypto::byte_array<32>{1}}};
    BOOST_TEST(!is_signed(made, other.public_key()));
    auto altered = made;
    altered.upto.sequence ^= 1;
    BOOST_TEST(!is_signed(altered, first->public_key()));
    altered = made;
    altered.upto.digest[5] ^= 1;
    BOOST_TEST(!is_signed(altered, first->public_key()));
    altered = made;
    ++altered.at;
    BOOST_TEST(!is_signed(altered, first->public_key()));
    altered = make_checkpoint(made.upto, made.at, other); // names itself, which proves nothing
    BOOST_TEST(!is_signed(altered, first->public_key()));

    crypto::byte_array<32> wrong{};
    const crypto::sealer another{wrong};
    BOOST_CHECK_THROW(
        static_cast<void>(env().view([&](const kv::read_txn& txn) { return find_audit_key(txn, another); })),
        record_fault);
}

BOOST_AUTO_TEST_SUITE_END()

// --- what was

BOOST_AUTO_TEST_SUITE(past_states)

BOOST_AUTO_TEST_CASE(each_time_has_the_state_of_then)
{
    event_store it;
    registration record;
    record.id = uuid::random();
    record.flags = {"NOW"};
    record.expires_at = 25;
    constexpr registration_number number = 4;
    const history_row rows[]{
        {1, move::create, {}, state::created, "", {}, "", 10, {"BORN"}, event_place{1, {}}},
        {2, move::exchange_keys, state::created, state::pending_commit, "", {}, "phone", 20},
        {3, move::commit, state::pending_commit, state::active, "", {}, "phone", 30},
        {5, move::block, state::active, state::blocked, "LOST", {}, "phone", 40},
        {6, move::rename, state::blocked, state::blocked, "", {}, "new name", 50},
        {7, move::change_flags, state::blocked, state::blocked, "", {}, "new name", 60, {"A"}},
        {9, move::unblock, state::blocked, state::active, "", {}, "new name", 60},
        {10, move::remove, state::active, state::removed, "SOLD", {}, "new name", 70},
    };
    auto write = [&](kv::write_txn& txn) {
        for (const auto& row : rows)
            txn.put(tables::history, history_key(number, row.version), encode(row));
        txn.put(tables::history, history_key(number + 1, 1), encode(rows[0]));
        return kv::error_code{};
    };
    BOOST_TEST_REQUIRE(!kv::blocking_commit(it.writer, write));
    const auto at = [&](time_ms when) {
        return it.view([&](const kv::read_txn& txn) { return find_past_state(txn, number, record, when); });
    };
    BOOST_TEST(!at(0).has_value());
    BOOST_TEST(!at(9).has_value());
    const struct {
        time_ms when;
        std::uint64_t version;
        state now;
        const char* reason;
        const char* name;
        flag_set flags;
    } table[]{
        {10, 1, state::created, "", "", {"BORN"}},
        {19, 1, state::created, "", "", {"BORN"}},
        {20, 2, state::pending_commit, "", "phone", {"BORN"}},
        {25, 2, state::removed, "", "phone", {"BORN"}}, // its time was over, whoever wrote that down later
        {30, 3, state::active, "", "phone", {"BORN"}},
        {40, 5, state::blocked, "LOST", "phone", {"BORN"}},
        {55, 6, state::blocked, "LOST", "new name", {"BORN"}},
        {60, 9, state::active, "", "new name", {"A"}}, // the last of several at that time
        {70, 10, state::removed, "", "new name", {"A"}},
        {1000, 10, state::removed, "", "new name", {"A"}},
    };
    for (const auto& each : table)
        BOOST_TEST_CONTEXT("at " << each.when)
        {
            const auto was = at(each.when);
            BOOST_TEST_REQUIRE(was.has_value());
            BOOST_TEST(was->version == each.version);
            BOOST_TEST((was->now == each.now));
            BOOST_TEST(was->blocked_reason == each.reason);
            BOOST_TEST(was->name == each.name);
            BOOST_TEST((was->flags == each.flags));
            BOOST_TEST(was->changed_at <= each.when);
        }
}

BOOST_AUTO_TEST_CASE(flags_that_nobody_wrote_down_are_those_of_now_or_unknown)
{
    event_store it;
    registration record;
    record.flags = {"NOW"};
    const auto put = [&](registration_number number, const history_row& row) {
        auto write = [&](kv::write_txn& txn) {
            txn.put(tables::history, history_key(number, row.version), encode(row));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!kv::blocking_commit(it.writer, write));
    };
    put(1, {1, move::create, {}, state::created, "", {}, "", 10});
    put(2, {1, move::create, {}, state::created, "", {}, "", 10});
    put(2, {2, move::change_flags, state::created, state::created, "", {}, "", 20, {"NOW"}});
    record.expires_at = 1000;
    const auto flags = [&](registration_number number, time_ms when) {
        return it.view([&](const kv::read_txn& txn) { return find_past_state(txn, number, record, when); })->flags;
    };
    BOOST_TEST((flags(1, 10) == flag_set{"NOW"})); // they never changed
    BOOST_TEST(!flags(2, 15).has_value());
    BOOST_TEST((flags(2, 20) == flag_set{"NOW"}));
}

BOOST_FIXTURE_TEST_CASE(a_registration_is_shown_as_it_was, lived_world)
{
    const auto rows = history(id);
    const auto show = [&](const std::string& query, std::string_view who = "office") {
        return office("GET", "/v2/registrations/" + id + query, {}, who);
    };
    for (const auto& row : rows) {
        const auto when = row.at("timestampCreated").get<time_ms>();
        const auto got = show("?at=" + std::to_string(when));
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        BOOST_TEST(got.body.at("at") == when);
        BOOST_TEST(got.body.at("registrationId") == id);
        BOOST_TEST(got.body.at("userId") == "alice");
        BOOST_TEST(got.body.at("timestampLastChange") == when);
        BOOST_TEST((got.body.contains("blockedReason") == (got.body.at("registrationStatus") == "BLOCKED")));
    }
    const auto last = show("?at=" + std::to_string(clock.now())).body;
    const auto now = detail(id);
    for (const char* same : {"registrationStatus", "name", "flags", "timestampCreated", "timestampLastChange",
                             "maxFailedAttempts", "commitPhase", "version", "applicationId"})
        BOOST_TEST(last.at(same) == now.at(same), same);

    const auto begin = rows.front().at("timestampCreated").get<time_ms>();
    BOOST_TEST(show("?at=" + std::to_string(begin - 1)).code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(show("?at=" + std::to_string(begin), "stranger").code() == "ERROR_REGISTRATION_NOT_FOUND");
    for (const char* bad : {"?at=", "?at=x", "?at=-1", "?at=99999999999999999999"})
        BOOST_TEST((show(bad).violated() == std::vector<std::string>{"at"}), bad);
}

BOOST_AUTO_TEST_SUITE_END()
