// Which events are sent to a webhook when: order per registration, window, bounds, backoff, the breaker, redelivery.
// All without a store and with a time that is given.

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "registry/delivery_queue.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <random>

namespace {

using namespace doorward;
using namespace doorward::registry;
using attempt = delivery_queue::attempt;
using ending = delivery_queue::ending;

constexpr delivery_rules rules{10, 30'000, 3'600'000};
constexpr std::uint16_t middle = 32'767;
const ending success{200, delivery_failure::none};
const ending failure{500, delivery_failure::none};

// A queue with events that were looked at: each is a registration and a version; number 0 is no business of it.
struct fed_queue {
    explicit fed_queue(const std::vector<std::pair<registration_number, std::uint64_t>>& events)
    {
        event_sequence sequence = 0;
        for (const auto& [number, version] : events) {
            ++sequence;
            if (number != 0)
                queue.add({sequence, number, version, now});
        }
        queue.looked(sequence);
    }

    // The sequence of what is sent next; 0: nothing.
    event_sequence start()
    {
        const auto which = queue.next(now);
        if (!which)
            return 0;
        on_their_way[which->sequence] = *which;
        return which->sequence;
    }
    delivery end(event_sequence sequence, const ending& how, std::uint16_t jitter = middle)
    {
        const attempt which = on_their_way.at(sequence);
        on_their_way.erase(sequence);
        const auto record = queue.record_of(which, how, rules, now, jitter);
        const auto cursor = queue.cursor_after(which, record);
        queue.ended(which, record, how.is_success(), now);
        BOOST_TEST(queue.cursor() == cursor);
        return record;
    }
    std::vector<event_sequence> start_all()
    {
        std::vector<event_sequence> out;
        while (const auto next = start())
            out.push_back(next);
        return out;
    }

    time_ms now = 1'000'000;
    delivery_queue queue{0};
    std::map<event_sequence, attempt> on_their_way;
};

using sequences = std::vector<event_sequence>;

} // namespace

BOOST_AUTO_TEST_SUITE(delivery_queues)

BOOST_AUTO_TEST_CASE(events_of_one_registration_go_one_after_the_other)
{
    fed_queue fed{{{7, 1}, {7, 2}, {8, 1}, {7, 3}}};
    BOOST_TEST((fed.start_all() == sequences{1, 3}));
    BOOST_TEST(fed.queue.in_flight() == 2U);
    fed.end(3, success);
    BOOST_TEST((fed.start_all() == sequences{}));
    fed.end(1, success);
    BOOST_TEST((fed.start_all() == sequences{2}));
    fed.end(2, success);
    BOOST_TEST((fed.start_all() == sequences{4}));
    fed.end(4, success);
    BOOST_TEST(fed.queue.cursor() == 4U);
    BOOST_TEST(fed.queue.waiting() == 0U);
    BOOST_TEST(!fed.queue.wake_at().has_value());
}

BOOST_AUTO_TEST_CASE(versions_order_what_a_flush_wrote_in_another_order)
{
    fed_queue fed{{{7, 3}, {7, 1}, {7, 2}}};
    for (const event_sequence expected : {2U, 3U, 1U}) {
        BOOST_TEST((fed.start_all() == sequences{expected}));
        fed.end(expected, success);
    }
    BOOST_TEST(fed.queue.cursor() == 3U);
}

BOOST_AUTO_TEST_CASE(an_earlier_version_that_comes_late_is_not_sent_beside_a_later_one)
{
    fed_queue fed{{{7, 5}}};
    BOOST_TEST((fed.start_all() == sequences{1}));
    fed.queue.add({2, 7, 4, fed.now});
    fed.queue.looked(2);
    BOOST_TEST((fed.start_all() == sequences{}));
    fed.end(1, failure); // it waits for another attempt, and the earlier one has its turn
    BOOST_TEST((fed.start_all() == sequences{2}));
    fed.end(2, success);
    BOOST_TEST((fed.start_all() == sequences{}));
    fed.now = *fed.queue.wake_at();
    BOOST_TEST((fed.start_all() == sequences{1}));
}

BOOST_AUTO_TEST_CASE(a_failed_event_holds_the_later_ones_of_its_registration_only)
{
    fed_queue fed{{{7, 1}, {7, 2}, {8, 1}}};
    fed.start_all();
    fed.end(1, failure);
    fed.end(3, success);
    BOOST_TEST((fed.start_all() == sequences{}));
    BOOST_TEST(fed.queue.cursor() == 0U);
    BOOST_TEST(*fed.queue.wake_at() == fed.now + backoff(rules, 1, middle));
    fed.now = *fed.queue.wake_at();
    BOOST_TEST((fed.start_all() == sequences{1}));
    fed.end(1, success);
    BOOST_TEST(fed.queue.cursor() == 1U);
    BOOST_TEST((fed.start_all() == sequences{2}));
    fed.end(2, success);
    BOOST_TEST(fed.queue.cursor() == 3U);
}

BOOST_AUTO_TEST_CASE(an_event_that_is_given_up_lets_the_next_one_go)
{
    fed_queue fed{{{7, 1}, {7, 2}}};
    for (unsigned i = 1; i <= rules.attempts_max; ++i) {
        BOOST_TEST((fed.start_all() == sequences{1}));
        const auto row = fed.end(1, failure);
        BOOST_TEST(row.attempts == i);
        BOOST_TEST(row.last_status == 500);
        BOOST_TEST((row.now == (i < rules.attempts_max ? delivery_state::pending : delivery_state::given_up)));
        if (row.now == delivery_state::given_up) {
            BOOST_TEST(row.finished_at == fed.now);
            BOOST_TEST(row.expires_at == fed.now + rules.retention);
            BOOST_TEST(row.next_at == 0);
        } else {
            fed.now = row.next_at;
        }
    }
    BOOST_TEST(fed.queue.cursor() == 1U);
    BOOST_TEST((fed.start_all() == sequences{2}));
}

BOOST_AUTO_TEST_CASE(no_more_than_eight_are_on_their_way)
{
    std::vector<std::pair<registration_number, std::uint64_t>> events;
    for (registration_number number = 1; number <= 20; ++number)
        events.emplace_back(number, 1);
    fed_queue fed{events};
    BOOST_TEST(fed.start_all().size() == webhook_in_flight_max);
    BOOST_TEST(!fed.queue.wake_at().has_value()); // an ending wakes
    fed.end(4, success);
    BOOST_TEST((fed.start_all() == sequences{9}));
    fed.queue.withdraw(fed.on_their_way.at(9));
    fed.on_their_way.erase(9);
    BOOST_TEST((fed.start_all() == sequences{9}));
}

BOOST_AUTO_TEST_CASE(the_window_ends_a_thousand_events_ahead_of_the_cursor)
{
    delivery_queue queue{50};
    BOOST_TEST(queue.room() == webhook_window_events);
    queue.add({51, 7, 1, 0});
    queue.looked(50 + webhook_window_events);
    BOOST_TEST(queue.cursor() == 50U);
    BOOST_TEST(queue.room() == 0U);
    const auto which = queue.next(0);
    BOOST_TEST_REQUIRE(which.has_value());
    queue.ended(*which, queue.record_of(*which, success, rules, 0, middle), true, 0);
    BOOST_TEST(queue.cursor() == 50U + webhook_window_events);
    BOOST_TEST(queue.room() == webhook_window_events);
}

BOOST_AUTO_TEST_CASE(what_was_pulled_forward_does_not_move_the_cursor_beyond_what_was_looked_at)
{
    delivery_queue queue{0};
    queue.add({3, 7, 2, 0});
    queue.add({900, 7, 1, 0}); // version 1 came long after version 2
    queue.looked(3);
    for (const event_sequence expected : {900U, 3U}) {
        const auto which = queue.next(0);
        BOOST_TEST_REQUIRE(which.has_value());
        BOOST_TEST(which->sequence == expected);
        queue.ended(*which, queue.record_of(*which, success, rules, 0, middle), true, 0);
    }
    BOOST_TEST(queue.cursor() == 3U);
    delivery done;
    done.now = delivery_state::delivered;
    queue.add({900, 7, 1, 0, done}); // as the store has it then
    queue.looked(900);
    BOOST_TEST(queue.cursor() == 900U);
    BOOST_TEST(!queue.next(0).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_written_down_as_ended_is_not_sent_again)
{
    delivery_queue queue{0};
    for (event_sequence sequence = 1; sequence <= 4; ++sequence) {
        delivery row;
        row.now = sequence == 1   ? delivery_state::delivered
                  : sequence == 2 ? delivery_state::given_up
                                  : delivery_state::pending;
        row.again = sequence == 3; // it had ended, and is sent once more beside the order
        row.attempts = 4;
        row.next_at = 77;
        queue.add({sequence, sequence, 1, 0, row});
    }
    queue.looked(4);
    BOOST_TEST(queue.cursor() == 3U);
    BOOST_TEST(!queue.next(76).has_value()); // the backoff goes on after a restart
    const auto which = queue.next(77);
    BOOST_TEST_REQUIRE(which.has_value());
    BOOST_TEST(which->sequence == 4U);
    BOOST_TEST(queue.record_of(*which, failure, rules, 77, middle).attempts == 5U);
}

// --- backoff

BOOST_AUTO_TEST_CASE(waits_grow_threefold_up_to_six_hours)
{
    const time_ms expected[]{30'000, 90'000, 270'000, 810'000, 2'430'000, 7'290'000, 21'600'000, 21'600'000};
    for (unsigned i = 0; i < std::size(expected); ++i) {
        const auto shortest = backoff(rules, i + 1, 0);
        const auto longest = backoff(rules, i + 1, 65'535);
        BOOST_TEST(shortest == expected[i] - expected[i] / 5);
        BOOST_TEST(longest == expected[i] + expected[i] / 5);
        const auto between = backoff(rules, i + 1, 20'000);
        BOOST_TEST(between > shortest);
        BOOST_TEST(between < longest);
    }
    BOOST_TEST(backoff({100, webhook_backoff_most_ms, 1}, 100, 65'535) <= webhook_backoff_most_ms * 6 / 5);
}

BOOST_AUTO_TEST_CASE(ten_attempts_take_about_a_day)
{
    time_ms all = 0;
    for (unsigned i = 1; i < webhook_attempts_default; ++i)
        all += backoff({webhook_attempts_default, webhook_backoff_default_ms, 1}, i, middle);
    BOOST_TEST(all > time_ms{20} * 3600 * 1000);
    BOOST_TEST(all < time_ms{26} * 3600 * 1000);
}

// --- the breaker

namespace {

// Ten registrations with an event each, of which the first five have failed.
struct broken_queue : fed_queue {
    broken_queue() : fed_queue{{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {9, 1}, {10, 1}}}
    {
        for (event_sequence sequence = 1; sequence <= 5; ++sequence) {
            BOOST_TEST_REQUIRE(start() == sequence);
            end(sequence, failure);
        }
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(the_same_event_failing_again_and_again_does_not_open_the_breaker)
{
    fed_queue fed{{{7, 1}}};
    for (int i = 0; i < 9; ++i) {
        fed.start_all();
        fed.now = fed.end(1, failure).next_at;
        BOOST_TEST(!fed.queue.is_open());
    }
}

BOOST_AUTO_TEST_CASE(a_success_between_failures_keeps_the_breaker_closed)
{
    fed_queue fed{{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}}};
    for (event_sequence sequence = 1; sequence <= 8; ++sequence) {
        fed.start();
        fed.end(sequence, sequence == 5 ? success : failure);
        BOOST_TEST(!fed.queue.is_open());
    }
}

BOOST_AUTO_TEST_CASE(an_open_breaker_tries_once_a_minute)
{
    broken_queue fed;
    BOOST_TEST(fed.queue.is_open());
    BOOST_TEST(fed.start() == 0U);
    BOOST_TEST(*fed.queue.wake_at() == fed.now + webhook_probe_pause_ms);
    fed.now += webhook_probe_pause_ms - 1;
    BOOST_TEST(fed.start() == 0U);
    fed.now += 1;
    const auto first = fed.start_all();
    BOOST_TEST(first.size() == 1U);
    BOOST_TEST(!fed.queue.wake_at().has_value()); // its end wakes
    fed.now += 10 * webhook_probe_pause_ms;
    BOOST_TEST(fed.start() == 0U); // one at a time
    fed.end(first[0], failure);
    BOOST_TEST(fed.start() == 0U);
    BOOST_TEST(*fed.queue.wake_at() == fed.now + webhook_probe_pause_ms);
}

BOOST_AUTO_TEST_CASE(an_open_breaker_uses_up_no_attempts_and_tries_each_in_turn)
{
    broken_queue fed;
    std::map<event_sequence, unsigned> probes;
    for (int i = 0; i < 100; ++i) {
        fed.now += webhook_probe_pause_ms;
        const auto sequence = fed.start();
        BOOST_TEST_REQUIRE(sequence != 0U);
        ++probes[sequence];
        const auto row = fed.end(sequence, failure);
        BOOST_TEST(row.attempts == (sequence <= 5 ? 1U : 0U));
        BOOST_TEST((row.now == delivery_state::pending));
    }
    BOOST_TEST(probes.size() == 10U);
    for (const auto& [sequence, count] : probes)
        BOOST_TEST(count == 10U);
}

BOOST_AUTO_TEST_CASE(a_success_closes_the_breaker_and_makes_all_that_waits_due)
{
    broken_queue fed;
    fed.now += webhook_probe_pause_ms;
    const auto probe = fed.start();
    fed.end(probe, success);
    BOOST_TEST(!fed.queue.is_open());
    BOOST_TEST(fed.start_all().size() == webhook_in_flight_max); // also those whose backoff was not over
}

BOOST_AUTO_TEST_CASE(what_was_on_its_way_when_the_breaker_opened_counts)
{
    fed_queue fed{{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}}};
    fed.start_all();
    for (event_sequence sequence = 1; sequence <= 6; ++sequence)
        BOOST_TEST(fed.end(sequence, failure).attempts == 1U);
    BOOST_TEST(fed.queue.is_open());
}

// Five that a receiver never takes must not keep it from all others for ever.
BOOST_AUTO_TEST_CASE(an_open_breaker_gives_up_what_is_too_old)
{
    broken_queue fed;
    fed.now += webhook_hold_ms;
    unsigned most = 0;
    for (int i = 0; i < 200; ++i) {
        fed.now += webhook_probe_pause_ms;
        const auto sequence = fed.start();
        if (sequence == 0)
            break;
        most = std::max<unsigned>(most, fed.end(sequence, failure).attempts);
    }
    BOOST_TEST(most == rules.attempts_max);
    BOOST_TEST(fed.queue.waiting() == 0U);
    BOOST_TEST(fed.queue.cursor() == 10U);
}

BOOST_AUTO_TEST_CASE(other_settings_close_the_breaker)
{
    broken_queue fed;
    fed.queue.start_over(fed.now);
    BOOST_TEST(!fed.queue.is_open());
    BOOST_TEST(fed.start_all().size() == webhook_in_flight_max);
}

// --- once more

BOOST_AUTO_TEST_CASE(what_is_sent_once_more_waits_for_nobody)
{
    fed_queue fed{{{7, 1}, {7, 2}}};
    fed.start();
    fed.end(1, success);
    fed.start();
    delivery row;
    row.again = true;
    row.next_at = fed.now;
    fed.queue.add_again(1, row);
    fed.queue.add_again(1, row);
    BOOST_TEST(fed.queue.waiting() == 2U);
    const auto which = fed.queue.next(fed.now);
    BOOST_TEST_REQUIRE(which.has_value());
    BOOST_TEST(which->again);
    BOOST_TEST(which->sequence == 1U);
    const auto record = fed.queue.record_of(*which, success, rules, fed.now, middle);
    BOOST_TEST(record.again);
    BOOST_TEST((record.now == delivery_state::delivered));
    BOOST_TEST(fed.queue.cursor_after(*which, record) == 1U);
    fed.queue.ended(*which, record, true, fed.now);
    BOOST_TEST(fed.queue.waiting() == 1U);
    fed.end(2, success);
    BOOST_TEST(fed.queue.cursor() == 2U);
}

// --- any order of endings

// Whatever fails and whenever things end: each event is delivered once or given up, those of one registration in the
// order of their versions, and the cursor never passes what is left.
BOOST_AUTO_TEST_CASE(any_schedule_keeps_the_order_and_loses_nothing)
{
    std::mt19937_64 random{20'260'711};
    for (int round = 0; round < 200; ++round)
        BOOST_TEST_CONTEXT("round " << round)
        {
            std::vector<std::pair<registration_number, std::uint64_t>> events;
            std::map<registration_number, std::uint64_t> versions;
            for (int i = 0; i < 40; ++i) {
                const registration_number number = random() % 6; // 0: no business of it
                events.emplace_back(number, number == 0 ? 0 : ++versions[number]);
            }
            for (std::size_t i = 0; i + 1 < events.size(); i += 2) {
                if (random() % 3 == 0) // as one flush may write them
                    std::swap(events[i], events[i + 1]);
            }
            fed_queue fed{events};
            std::map<registration_number, std::uint64_t> ended;
            std::size_t left = static_cast<std::size_t>(
                std::ranges::count_if(events, [](const auto& each) { return each.first != 0; }));
            int steps = 0;
            while (left > 0 && ++steps < 100'000) {
                if (fed.start() != 0)
                    continue;
                if (fed.on_their_way.empty()) {
                    fed.now = std::max(fed.now, fed.queue.wake_at().value_or(fed.now));
                    continue;
                }
                auto which = fed.on_their_way.begin();
                std::advance(which, static_cast<std::ptrdiff_t>(random() % fed.on_their_way.size()));
                const auto sequence = which->first;
                const auto [number, version] = events[sequence - 1];
                const auto row = fed.end(sequence, random() % 4 == 0 ? success : failure);
                if (row.now == delivery_state::pending)
                    continue;
                --left;
                BOOST_TEST_REQUIRE(version > ended[number]);
                ended[number] = version;
            }
            BOOST_TEST(left == 0U);
            BOOST_TEST(fed.queue.cursor() == events.size());
        }
}

BOOST_AUTO_TEST_CASE(only_2xx_is_a_success)
{
    for (const unsigned status : {200U, 201U, 204U, 299U})
        BOOST_TEST((ending{static_cast<std::uint16_t>(status), delivery_failure::none}.is_success()));
    for (const unsigned status : {0U, 100U, 199U, 300U, 302U, 400U, 404U, 410U, 429U, 500U, 503U, 999U})
        BOOST_TEST(!(ending{static_cast<std::uint16_t>(status), delivery_failure::none}.is_success()));
    BOOST_TEST(!(ending{200, delivery_failure::closed}.is_success()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(webhook_words)

BOOST_AUTO_TEST_CASE(attributes_have_texts_and_back)
{
    for (std::size_t i = 0; i < webhook_attributes; ++i) {
        const auto each = static_cast<webhook_attribute>(i);
        BOOST_TEST((parse_webhook_attribute(to_text(each)) == each));
    }
    BOOST_TEST(!parse_webhook_attribute("unknown"));
    BOOST_TEST(!parse_webhook_attribute(""));
    BOOST_TEST(!webhook_attribute_set::of_bits(0x8000).has_value());
    BOOST_TEST(webhook_attribute_set::of_bits(0x7FFF)->has(webhook_attribute::version));
}

BOOST_AUTO_TEST_CASE(webhooks_tell_of_states_and_replaced_passwords_alone)
{
    constexpr move silent[]{move::fail_otp, move::reset_attempts, move::rename,        move::change_flags,
                            move::spawn,    move::pin_changed,    move::change_limits, move::edit};
    for (const move each : all_moves)
        BOOST_TEST(is_told_by_webhooks(each) == (std::ranges::find(silent, each) == std::end(silent)), to_text(each));
}

// Secret, id, time and body of the first are those that the libraries of Standard Webhooks are tested with; the second
// signature is of another implementation of HMAC.
BOOST_AUTO_TEST_CASE(signatures_are_those_of_standard_webhooks)
{
    std::vector<crypto::secret_bytes> secrets;
    for (const std::string_view text : {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"}) {
        const auto raw = crypto::from_base64(text);
        BOOST_TEST_REQUIRE(raw.has_value());
        crypto::secret_bytes secret{raw->size()};
        std::ranges::copy(*raw, secret.data());
        secrets.push_back(std::move(secret));
    }
    const auto told = sign_webhook(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330, R"({"test": 2432232314})");
    BOOST_TEST(told ==
               "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,/485aUtxlie+TIScVpHggMfqOB4so2KWb7+Gf727B44=");
    BOOST_TEST(write_webhook_secret(secrets[0].view()) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

BOOST_AUTO_TEST_CASE(the_id_of_a_delivery_is_its_webhooks_and_its_events)
{
    const auto one = uuid::random();
    const auto id = delivery_id(one, 7);
    BOOST_TEST((id == delivery_id(one, 7)));
    BOOST_TEST((id != delivery_id(one, 8)));
    BOOST_TEST((id != delivery_id(uuid::random(), 7)));
    BOOST_TEST(id.text()[14] == '8'); // its version
    BOOST_TEST((uuid::parse(id.text()) == id));
}

BOOST_AUTO_TEST_CASE(secrets_open_in_their_place_only)
{
    const auto key = crypto::random_array<crypto::guarded_key::size>();
    const crypto::sealer with{key};
    const crypto::sealer other{crypto::random_array<crypto::guarded_key::size>()};
    const auto id = uuid::random();
    const auto secret = crypto::as_bytes("a secret that signs");
    const auto sealed = seal_webhook_secret(with, id, secret);
    BOOST_TEST(crypto::as_text(open_webhook_secret(with, id, sealed).view()) == "a secret that signs");
    BOOST_CHECK_THROW(static_cast<void>(open_webhook_secret(with, uuid::random(), sealed)), std::runtime_error);
    BOOST_CHECK_THROW(static_cast<void>(open_webhook_secret(other, id, sealed)), std::runtime_error);
    webhook of;
    of.id = id;
    of.sealed_credentials = sealed; // of another field
    BOOST_CHECK_THROW(static_cast<void>(open_webhook_credentials(with, of)), std::runtime_error);
    of.sealed_credentials = seal_webhook_credentials(with, id, secret);
    BOOST_TEST(crypto::as_text(open_webhook_credentials(with, of).view()) == "a secret that signs");
}

BOOST_AUTO_TEST_SUITE_END()
