// Records to bytes and back.

#include "registry/codec.hpp"
#include "registry/limits.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace doorward;
using namespace doorward::registry;

crypto::point_bytes point(crypto::byte with)
{
    crypto::point_bytes out;
    out.fill(with);
    return out;
}

crypto::bytes sealed(std::size_t secret_bytes)
{
    return crypto::bytes(secret_bytes + crypto::sealer::overhead_bytes, 0x5A);
}

// As an ordinary phone of an ordinary bank would fill them.
registration a_registration()
{
    registration out;
    out.id = uuid::random();
    out.application_id = "mobile-banking";
    out.user_id = "3f8a2c5e-user-0001";
    out.activation_code = "AAAQE-AYEAU-DAOCA-JIICA";
    out.otp_hash = std::string(97, 'h');
    out.phase = commit_phase::on_key_exchange;
    out.max_failed_attempts = 5;
    out.accepts_decimal = true;
    out.name = "Petra's phone \xC3\xA9";
    out.platform = "android";
    out.device_info = "SM-G991B";
    out.extras = R"({"channel":"branch"})";
    out.flags = {"TEMPORARY", "VIP"};
    out.blocked_reason = "LOST";
    out.created_at = 1'700'000'000'000;
    out.expires_at = 1'700'000'300'000;
    out.changed_at = 1'700'000'100'000;
    out.status_version = 7;
    out.device_key = point(4);
    out.server_key = point(5);
    out.origin = lineage{uuid::random(), transfer_type::move};
    out.erased_at = 1'700'000'200'000;
    return out;
}

counters some_counters()
{
    counters out;
    out.word = attempt_word::first().moved(state::active, 3);
    out.word = out.word.accepted(4, 3);
    out.counter = {65'536 + 5, ctr_data{1, 2, 3}};
    out.last_used_at = 12;
    out.last_failed_at = 11;
    out.refused = {{{1, 9, false}, {0, 0, false}, {0xFFFF'FFFF'FFFF'FFFFU, 11, true}}, 2};
    out.last_row = 17;
    return out;
}

attempt_row an_attempt()
{
    attempt_row out;
    out.number = 3;
    out.word = attempt_word::first().moved(state::active, 0).accepted(4, 0).refused(1, state::active);
    out.counter = {65'536 + 5, ctr_data{1, 2, 3}};
    out.previous = 16;
    out.at = 12;
    out.what.outcome = attempt_outcome::refused;
    out.what.type = factors::possession_knowledge;
    out.what.counted = true;
    out.what.digest = 99;
    out.what.source = source_address::from_v4({192, 0, 2, 1});
    return out;
}

attempt_row a_reported_attempt()
{
    attempt_row out = an_attempt();
    out.what.report = attempt_report{"attempt-1", "ONLINE", "1.2.3", "/login", 11};
    return out;
}

attempt_row an_offline_attempt()
{
    attempt_row out = an_attempt();
    out.what.offline = true;
    return out;
}

attempt_row a_vault_attempt()
{
    attempt_row out = an_attempt();
    out.what.vault_reason = "ADD_BIOMETRY";
    return out;
}

history_row a_row()
{
    return {9,
            move::block,
            state::active,
            state::blocked,
            "LOST",
            {"office", "bob", uuid::random()},
            "Petra's phone",
            1'700'000'000'000,
            {},
            event_place{17, crypto::digest32{1, 2, 3}}};
}

history_row a_row_of_flags()
{
    return {10,        move::change_flags, state::active,   state::active,
            "",        {"office", "bob"},  "Petra's phone", 1'700'000'000'000,
            {"A", "B"}};
}

event an_event()
{
    registration_event what;
    what.number = 3;
    what.id = uuid::random();
    what.version = 9;
    what.by = move::block;
    what.previous = state::active;
    what.now = state::blocked;
    what.reason = "LOST";
    what.blocked_reason = "LOST";
    return {1'700'000'000'000, "mobile-banking", "", {"office", "", uuid::random()}, what};
}

event an_event_of_labels()
{
    event out = an_event();
    auto& what = std::get<registration_event>(out.what);
    what.previous.reset();
    what.name = "";
    what.flags = flag_set{"A", "B"};
    out.who.phone.reset();
    return out;
}

event an_event_of_administration()
{
    return {5, "", "", {"admin", ""}, administration_event{event_subject::account, "bob", "CREATE_ACCOUNT", "a clerk"}};
}

history_row a_row_of_an_edit()
{
    auto out = a_row();
    out.by = move::edit;
    out.now = state::active;
    out.changed = {"name", "metadata"};
    return out;
}

job a_job()
{
    job out;
    out.kind = job_kind::add_flags;
    out.now = job_state::done;
    out.who = {"office", "bob"};
    out.reason = "AUDIT";
    out.flags = {"A", "B"};
    out.criteria.states = {state::active, state::blocked};
    out.criteria.removed = true;
    out.criteria.flags = {"C"};
    out.criteria.platform = "ios";
    out.criteria.last_used = {5, 9};
    out.sealed_user = sealed(20);
    out.matched = 70'000;
    out.done = 3;
    out.skipped = 2;
    out.failures = {{uuid::random(), job_problem::illegal_change}, {uuid::random(), job_problem::not_found}};
    out.failed = 2;
    out.next_chunk = 7;
    out.chunks = 9;
    out.walked_number = 11;
    out.walked_version = 12;
    out.created_at = 13;
    out.finished_at = 14;
    return out;
}

webhook a_webhook()
{
    webhook out;
    out.id = uuid::random();
    out.application_id = "mobile-banking";
    out.settings.name = "to the fraud desk";
    out.settings.url = "https://bank.example:8443/hook";
    out.settings.attributes.add(webhook_attribute::user_id);
    out.settings.attributes.add(webhook_attribute::version);
    out.settings.payload = payload_type::activation;
    out.settings.authentication = webhook_authentication::basic;
    out.settings.username = "doorward";
    out.settings.certificates = "-----BEGIN CERTIFICATE-----";
    out.settings.rules = {7, 2'000, 9'000'000};
    out.settings.enabled = false;
    out.sealed_credentials = sealed(20);
    out.sealed_secret = sealed(32);
    out.sealed_old_secret = sealed(32);
    out.old_secret_until = 5;
    out.created_at = 6;
    out.changed_at = 7;
    return out;
}

delivery a_delivery()
{
    return {delivery_state::given_up, true, 10, 503, delivery_failure::timed_out, 1, 2, 3, 4, 5};
}

stored_application an_application()
{
    stored_application out;
    out.id = "mobile-banking";
    out.master_keys = {{point(9), sealed(32), 77}, {point(10), sealed(32), 78}, {point(11), sealed(33), 79}};
    out.signing = 1;
    out.created_at = 77;
    out.versions = 3;
    out.settings = {
        .roles = {"ROLE_A", "ROLE_B"},
        .count_only_if_possession_proven = false,
        .unproven_per_minute = 120,
        .lowest_version = protocol_version::v3_2,
        .max_failed_attempts = 3,
        .vault_with_biometry = true,
        .device_management = true,
        .provider = provider_settings{"https://bank.example:8443/judge", 2'500},
        .transfer = {.spawn = true,
                     .move = true,
                     .targets = {"mobile-banking", "watch"},
                     .flags = {"CLONE"},
                     .max_failed_attempts = 2,
                     .cascade_block = true},
        .lockout = {.counters = failure_counting::per_factor,
                    .resets_on = reset_rule::knowledge,
                    .window = 60'000,
                    .temporary = temporary_block{1'000, 3, 9'000, 4, last_resort::remove, 2}},
        .breaker = breaker_settings{7, 8, 9'000, 10'000},
        .hint_remaining_attempts = false,
        .hint_blocked_until = false,
    };
    out.sealed_provider_secret = sealed(20);
    return out;
}

account an_account()
{
    return {"petra@bank", std::string(97, 'h'), role::integration, {"a", "b"}, false, 88, {right::bulk}};
}

// Calls `check` with a record of every kind.
template <class Check>
void for_every_record(const Check& check)
{
    BOOST_TEST_CONTEXT("registration")
    {
        check(a_registration());
    }
    BOOST_TEST_CONTEXT("registration without anything")
    {
        check(registration{});
    }
    BOOST_TEST_CONTEXT("counters")
    {
        check(some_counters());
    }
    BOOST_TEST_CONTEXT("attempt")
    {
        check(an_attempt());
    }
    BOOST_TEST_CONTEXT("reported attempt")
    {
        check(a_reported_attempt());
    }
    BOOST_TEST_CONTEXT("offline attempt")
    {
        check(an_offline_attempt());
    }
    BOOST_TEST_CONTEXT("attempt at a vault")
    {
        check(a_vault_attempt());
    }
    BOOST_TEST_CONTEXT("history")
    {
        check(a_row());
    }
    BOOST_TEST_CONTEXT("history of flags")
    {
        check(a_row_of_flags());
    }
    BOOST_TEST_CONTEXT("history of an edit")
    {
        check(a_row_of_an_edit());
    }
    BOOST_TEST_CONTEXT("metadata")
    {
        check(stored_metadata{sealed(300), 99});
    }
    BOOST_TEST_CONTEXT("job")
    {
        check(a_job());
    }
    BOOST_TEST_CONTEXT("job about nothing")
    {
        job plain;
        plain.kind = job_kind::block;
        check(plain);
    }
    BOOST_TEST_CONTEXT("webhook")
    {
        check(a_webhook());
    }
    BOOST_TEST_CONTEXT("delivery")
    {
        check(a_delivery());
    }
    BOOST_TEST_CONTEXT("first history row")
    {
        check(history_row{1, move::create, {}, state::created, "", {}, "", 5});
    }
    BOOST_TEST_CONTEXT("event")
    {
        check(an_event());
    }
    BOOST_TEST_CONTEXT("event of labels")
    {
        check(an_event_of_labels());
    }
    BOOST_TEST_CONTEXT("event of administration")
    {
        check(an_event_of_administration());
    }
    BOOST_TEST_CONTEXT("keys")
    {
        check(stored_keys{sealed(80), sealed(32)});
    }
    BOOST_TEST_CONTEXT("application")
    {
        check(an_application());
    }
    BOOST_TEST_CONTEXT("application with nothing set")
    {
        stored_application plain;
        plain.id = "a";
        check(plain);
    }
    BOOST_TEST_CONTEXT("version")
    {
        check(stored_application_version{"mobile-banking", "MDEyMzQ1Njc4OTAxMjM0NQ==", sealed(24), false, 78});
        check(stored_application_version{"mobile-banking", "MDEyMzQ1Njc4OTAxMjM0NQ==", sealed(24), true, 78, point(9)});
    }
    BOOST_TEST_CONTEXT("account")
    {
        check(an_account());
    }
    BOOST_TEST_CONTEXT("account token")
    {
        check(account_token{"ci", crypto::digest32{1, 2, 3}, 88, 99, 90});
    }
    BOOST_TEST_CONTEXT("console session")
    {
        check(console_session{"desk", crypto::digest32{4, 5, 6}, 77, 88});
    }
    BOOST_TEST_CONTEXT("rotation")
    {
        check(rotation{2, 77, 88, sealed(8), 4, {5, 6}, 7, 8, 9, 10});
    }
    BOOST_TEST_CONTEXT("idempotent request")
    {
        check(idempotent_request{crypto::digest32{4, 5, 6}, 77, sealed(50)});
    }
    BOOST_TEST_CONTEXT("idempotent request without an answer")
    {
        check(idempotent_request{crypto::digest32{4, 5, 6}, 77, std::nullopt});
    }
    BOOST_TEST_CONTEXT("temporary key")
    {
        check(stored_temporary_key{"MDEyMzQ1Njc4OTAxMjM0NQ==", 12, point(3), sealed(32), 99});
    }
    BOOST_TEST_CONTEXT("token")
    {
        check(stored_token{factors::possession_knowledge, sealed(16), 99});
    }
    BOOST_TEST_CONTEXT("claims")
    {
        check(stored_claims{sealed(300), 99});
    }
}

template <class Record>
bool is_fault(const crypto::bytes& data)
{
    try {
        static_cast<void>(decode<Record>(data));
        return false;
    } catch (const record_fault&) {
        return true;
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(codec)

BOOST_AUTO_TEST_CASE(every_record_comes_back_as_it_was)
{
    for_every_record(
        []<class Record>(const Record& record) { BOOST_TEST((decode<Record>(encode(record)) == record)); });
}

template <class Record>
constexpr crypto::byte newest_version = 1;
template <>
constexpr crypto::byte newest_version<stored_application> = 5;
template <>
constexpr crypto::byte newest_version<stored_application_version> = 3;
template <>
constexpr crypto::byte newest_version<account> = 2;
template <>
constexpr crypto::byte newest_version<counters> = 3;
template <>
constexpr crypto::byte newest_version<attempt_row> = 2;
template <>
constexpr crypto::byte newest_version<registration> = 3;
template <>
constexpr crypto::byte newest_version<history_row> = 4;

BOOST_AUTO_TEST_CASE(every_record_begins_with_its_version)
{
    for_every_record(
        []<class Record>(const Record& record) { BOOST_TEST(encode(record).front() == newest_version<Record>); });
}

// What older versions of the record did not have is as nothing else was said.
BOOST_AUTO_TEST_CASE(applications_of_older_versions_have_defaults)
{
    auto expected = an_application();
    expected.versions = 1;
    expected.master_keys.resize(1);
    expected.signing = 0;
    expected.sealed_provider_secret.clear();
    application_settings older; // what version 2 knew
    older.roles = expected.settings.roles;
    older.count_only_if_possession_proven = expected.settings.count_only_if_possession_proven;
    older.unproven_per_minute = expected.settings.unproven_per_minute;
    expected.settings = older;

    auto data = encode(expected);
    const std::size_t added_by_version_5 = 8 + 1 + 1;
    data.resize(data.size() - added_by_version_5);
    const std::size_t added_by_version_4 = (1 + 1 + 8 + 1) + 1 + 1 + 1;
    data.resize(data.size() - added_by_version_4);
    const std::size_t added_by_version_3 = 2 + 1 + 1 + 1 + 1 + (2 + 2 + 2) + (1 + 1 + 2 + 2 + 1 + 1);
    data.resize(data.size() - added_by_version_3);
    data.front() = 2;
    BOOST_TEST((decode<stored_application>(data) == expected));

    data.resize(data.size() - 2);
    data.front() = 1;
    expected.settings.unproven_per_minute = unproven_per_minute_default;
    BOOST_TEST((decode<stored_application>(data) == expected));
}

BOOST_AUTO_TEST_CASE(versions_of_applications_of_older_versions_name_no_master_key_and_had_no_time)
{
    stored_application_version expected{"mobile-banking", "MDEyMzQ1Njc4OTAxMjM0NQ==", sealed(24), true, 5};
    auto data = encode(expected);
    data.resize(data.size() - 1);
    data.front() = 2;
    BOOST_TEST((decode<stored_application_version>(data) == expected));
    data.front() = 1;
    data.resize(data.size() - 8);
    expected.created_at = 0;
    BOOST_TEST((decode<stored_application_version>(data) == expected));
}

BOOST_AUTO_TEST_CASE(history_of_older_versions_has_no_event_no_edits_no_other_phone_and_no_flags)
{
    auto expected = a_row();
    expected.event.reset();
    auto data = encode(expected);
    data.front() = 3;
    data.resize(data.size() - 8 - 2); // no event, and what an edit changed
    BOOST_TEST((decode<history_row>(data) == expected));
    expected.who.phone.reset();
    data = encode(expected);
    data.front() = 2;
    data.resize(data.size() - 8 - 2 - 1);
    BOOST_TEST((decode<history_row>(data) == expected));
    data.front() = 1;
    data.resize(data.size() - 2);
    BOOST_TEST((decode<history_row>(data) == expected));
}

BOOST_AUTO_TEST_CASE(attempts_of_version_1_came_online_or_were_reported)
{
    for (const auto& expected : {an_attempt(), a_reported_attempt()}) {
        auto data = encode(expected);
        data.front() = 1;
        BOOST_TEST((decode<attempt_row>(data) == expected));
    }
    auto data = encode(an_offline_attempt());
    data.front() = 1;
    BOOST_TEST(is_fault<attempt_row>(data));
}

// Of failures they knew the digests alone, and version 1 had no row of the journal.
BOOST_AUTO_TEST_CASE(counters_of_older_versions_know_less)
{
    auto expected = some_counters();
    const auto failed = expected.refused.list;
    expected.refused = {};
    auto data = encode(expected);
    data.front() = 2;
    data.resize(1 + 4 * 8 + 16); // up to the position and its CTR_DATA
    crypto::append(data, crypto::big_endian(static_cast<std::uint16_t>(failed.size())));
    for (const failure& each : failed) {
        crypto::append(data, crypto::big_endian(each.digest()));
        expected.refused.list.emplace_back(each.digest(), 0, false);
    }
    crypto::append(data, crypto::big_endian(expected.last_row));
    BOOST_TEST((decode<counters>(data) == expected));
    data.front() = 1;
    data.resize(data.size() - 8);
    expected.last_row = 0;
    BOOST_TEST((decode<counters>(data) == expected));
}

BOOST_AUTO_TEST_CASE(attempts_of_version_1_have_no_reason)
{
    for (const auto& expected : {an_attempt(), a_reported_attempt()}) {
        auto data = encode(expected);
        data.front() = 1;
        BOOST_TEST((decode<attempt_row>(data) == expected));
    }
    auto data = encode(a_vault_attempt());
    data.front() = 1;
    BOOST_TEST(is_fault<attempt_row>(data));
}

BOOST_AUTO_TEST_CASE(an_attempt_may_have_both_parts_and_no_others)
{
    auto both = a_reported_attempt();
    both.what.vault_reason = "ADD_BIOMETRY";
    BOOST_TEST((decode<attempt_row>(encode(both)) == both));
    auto data = encode(an_attempt());
    data.back() = 8;
    BOOST_TEST(is_fault<attempt_row>(data));
}

BOOST_AUTO_TEST_CASE(claims_of_the_greatest_size_come_back)
{
    const stored_claims largest{sealed(claims_bytes_max), 1};
    BOOST_TEST((decode<stored_claims>(encode(largest)) == largest));
}

BOOST_AUTO_TEST_CASE(metadata_of_the_greatest_size_come_back)
{
    const stored_metadata largest{sealed(metadata_bytes_max), 1};
    BOOST_TEST((decode<stored_metadata>(encode(largest)) == largest));
}

BOOST_AUTO_TEST_CASE(a_registration_with_a_policy_of_its_own_comes_back)
{
    auto expected = a_registration();
    expected.blocked_until = 1'700'000'000'000;
    expected.policy = an_application().settings.lockout;
    BOOST_TEST((decode<registration>(encode(expected)) == expected));
    expected.policy = lockout_policy{};
    BOOST_TEST((decode<registration>(encode(expected)) == expected));
}

BOOST_AUTO_TEST_CASE(the_user_of_a_registration_is_read_without_the_rest)
{
    auto record = a_registration();
    BOOST_TEST(decode_user_id(encode(record)) == record.user_id);
    record.application_id.clear();
    record.user_id = std::string(200, 'u');
    auto data = encode(record);
    BOOST_TEST(decode_user_id(data) == record.user_id);
    data.resize(1 + 16 + 2 + 2 + 199);
    BOOST_CHECK_THROW(static_cast<void>(decode_user_id(data)), record_fault);
    data.resize(10);
    BOOST_CHECK_THROW(static_cast<void>(decode_user_id(data)), record_fault);
    data = encode(record);
    data.front() = 4;
    BOOST_CHECK_THROW(static_cast<void>(decode_user_id(data)), record_fault);
}

BOOST_AUTO_TEST_CASE(registrations_of_older_versions_were_made_from_none_and_not_erased)
{
    auto expected = a_registration();
    expected.erased_at = 0;
    auto data = encode(expected);
    data.front() = 2;
    data.resize(data.size() - 8 - 1 - 8); // the end of its block, no policy of its own, no erasure
    BOOST_TEST((decode<registration>(data) == expected));
    expected.origin.reset();
    data = encode(expected);
    data.front() = 1;
    data.resize(data.size() - 8 - 1 - 8 - 1);
    BOOST_TEST((decode<registration>(data) == expected));
}

BOOST_AUTO_TEST_CASE(a_registration_made_in_no_known_way_is_a_fault)
{
    auto data = encode(a_registration());
    data[data.size() - 34] = 3;
    BOOST_TEST(is_fault<registration>(data));
}

BOOST_AUTO_TEST_CASE(an_application_with_a_setting_that_nobody_can_make_is_a_fault)
{
    using change = void (*)(stored_application&);
    const change possible[]{
        [](stored_application& of) { of.settings.unproven_per_minute = unproven_per_minute_max; },
        [](stored_application& of) { of.settings.max_failed_attempts = max_failed_attempts_max; },
        [](stored_application& of) { of.settings.provider->timeout_ms = provider_timeout_ms_min; },
        [](stored_application& of) { of.settings.provider->timeout_ms = provider_timeout_ms_max; },
        [](stored_application& of) { of.sealed_provider_secret.clear(); },
        [](stored_application& of) { of.settings.lowest_version = protocol_version::v3_3; },
    };
    const change impossible[]{
        [](stored_application& of) { of.settings.unproven_per_minute = unproven_per_minute_max + 1; },
        [](stored_application& of) { of.settings.max_failed_attempts = 0; },
        [](stored_application& of) { of.settings.provider->timeout_ms = provider_timeout_ms_min - 1; },
        [](stored_application& of) { of.settings.provider->timeout_ms = provider_timeout_ms_max + 1; },
        [](stored_application& of) { of.settings.provider->url = "ftp://bank.example/"; },
        [](stored_application& of) { of.settings.provider.reset(); }, // and a secret of nobody
        [](stored_application& of) { of.settings.lowest_version = static_cast<protocol_version>(4); },
        [](stored_application& of) { of.versions = 0; },
    };
    for (const change each : possible) {
        auto record = an_application();
        each(record);
        BOOST_TEST((decode<stored_application>(encode(record)) == record));
    }
    for (std::size_t i = 0; i < std::size(impossible); ++i) {
        auto record = an_application();
        impossible[i](record);
        BOOST_TEST(is_fault<stored_application>(encode(record)), "change " << i);
    }
}

BOOST_AUTO_TEST_CASE(a_webhook_with_an_impossible_setting_is_a_fault)
{
    const std::function<void(webhook&)> impossible[]{
        [](webhook& of) { of.settings.url = "ftp://bank.example"; },
        [](webhook& of) { of.settings.rules.attempts_max = 0; },
        [](webhook& of) { of.settings.rules.initial_backoff = 0; },
        [](webhook& of) { of.settings.rules.initial_backoff = webhook_backoff_most_ms + 1; },
        [](webhook& of) { of.settings.rules.retention = 0; },
    };
    for (std::size_t i = 0; i < std::size(impossible); ++i) {
        auto record = a_webhook();
        impossible[i](record);
        BOOST_TEST(is_fault<webhook>(encode(record)), "change " << i);
    }
}

BOOST_AUTO_TEST_CASE(a_record_cut_anywhere_is_a_fault)
{
    for_every_record([]<class Record>(const Record& record) {
        const auto whole = encode(record);
        for (std::size_t size = 0; size < whole.size(); ++size)
            BOOST_TEST_REQUIRE(is_fault<Record>({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
                               "cut to " << size << " of " << whole.size());
    });
}

BOOST_AUTO_TEST_CASE(a_byte_too_many_is_a_fault)
{
    for_every_record([]<class Record>(const Record& record) {
        auto data = encode(record);
        data.push_back(0);
        BOOST_TEST(is_fault<Record>(data));
    });
}

BOOST_AUTO_TEST_CASE(a_version_that_nobody_knows_is_a_fault)
{
    for_every_record([]<class Record>(const Record& record) {
        auto data = encode(record);
        for (const int version : {0, newest_version<Record> + 1, 255}) {
            data.front() = static_cast<crypto::byte>(version);
            BOOST_TEST(is_fault<Record>(data));
        }
    });
}

// Changing any byte must give another record or a fault, never undefined behaviour.
BOOST_AUTO_TEST_CASE(a_damaged_byte_is_noticed_or_read_as_something_else)
{
    for_every_record([]<class Record>(const Record& record) {
        const auto whole = encode(record);
        for (std::size_t i = 0; i < whole.size(); ++i)
            for (const auto flip : crypto::bytes{0x01, 0x80, 0xFF}) {
                auto data = whole;
                data[i] ^= flip;
                try {
                    static_cast<void>(decode<Record>(data));
                } catch (const record_fault&) {
                }
            }
    });
    BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(typical_records_stay_under_two_thousand_bytes)
{
    for_every_record([](const auto& record) { BOOST_TEST(encode(record).size() < 2'000U); });
    auto failed_often = some_counters();
    failed_often.refused.list.assign(20, {1, 2, false});
    BOOST_TEST(encode(failed_often).size() < 500U);
}

BOOST_AUTO_TEST_CASE(counters_in_no_state_are_a_fault)
{
    for (const std::uint64_t state_bits : {0U, 6U, 7U}) {
        auto data = encode(some_counters());
        // The state lies in bits 24 to 26 of the word, which stands behind the version.
        data[5] = static_cast<crypto::byte>((data[5] & ~0x07U) | state_bits);
        BOOST_TEST(is_fault<counters>(data));
    }
}

BOOST_AUTO_TEST_CASE(a_counter_that_does_not_fit_its_word_is_a_fault)
{
    auto data = encode(some_counters());
    data[1 + 3 * 8 + 7] ^= 1; // low byte of the position
    BOOST_TEST(is_fault<counters>(data));
}

BOOST_AUTO_TEST_CASE(unknown_values_of_enumerations_are_faults)
{
    auto row = encode(a_row());
    row[9] = 200; // move
    BOOST_TEST(is_fault<history_row>(row));
    row = encode(a_row());
    row[10] = 6; // previous state
    BOOST_TEST(is_fault<history_row>(row));
    row = encode(a_row());
    row[11] = 6; // state
    BOOST_TEST(is_fault<history_row>(row));
}

// 0 stands for "none" where there may be none, and for nothing elsewhere.
BOOST_AUTO_TEST_CASE(a_history_row_without_a_state_is_a_fault)
{
    auto row = encode(a_row());
    row[11] = 0;
    BOOST_TEST(is_fault<history_row>(row));
}

BOOST_AUTO_TEST_CASE(an_account_without_a_role_is_a_fault)
{
    const auto record = an_account();
    auto data = encode(record);
    auto& its_role = data[1 + 2 + record.username.size() + 2 + record.password_hash.size()];
    its_role = 0;
    BOOST_TEST(is_fault<account>(data));
    its_role = 6;
    BOOST_TEST(is_fault<account>(data));
    its_role = 5;
    BOOST_TEST(!is_fault<account>(data));
}

BOOST_AUTO_TEST_CASE(an_account_with_a_right_that_nobody_knows_is_a_fault)
{
    auto data = encode(an_account());
    BOOST_TEST(data.back() == 2);
    data.back() = 4;
    BOOST_TEST(is_fault<account>(data));
    data.back() = 3;
    BOOST_TEST((decode<account>(data).rights == right_set{right::remove, right::bulk}));
}

BOOST_AUTO_TEST_CASE(accounts_of_version_1_have_no_rights_and_one_of_two_roles)
{
    auto expected = an_account();
    auto data = encode(expected);
    data.pop_back();
    data.front() = 1;
    expected.rights = {};
    BOOST_TEST((decode<account>(data) == expected));
    data[1 + 2 + expected.username.size() + 2 + expected.password_hash.size()] = 3;
    BOOST_TEST(is_fault<account>(data));
}

BOOST_AUTO_TEST_SUITE_END()
