// The device protocol as a matrix: every version, in both dialects, by every way into a registration, on every journey
// that a phone makes afterwards. The simulated phone (bench/device.hpp) makes them; device_matrix_process_test.cpp has
// the reference phone make the same ones.
//
// Everything is crossed with everything. A journey hardly depends on how its registration came about, but the ways
// leave different records behind (one-time passwords, histories, commit phases), and a crossing costs milliseconds.

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "tests/support.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>

#include <set>
#include <tuple>

namespace {

namespace data = boost::unit_test::data;
using namespace doorward;
using namespace doorward::tests;
using bench::counter_state;
using bench::encryption_scope;
using bench::protocol_version;
using bench::wire_style;
using type = bench::signature_type;

constexpr type two_factors = type::possession_knowledge;
constexpr std::string_view otp = "0123456789abcdef"; // long enough for a code that a phone asks for
constexpr const char* guarded = "/api/registration";

// --- the table

// How a registration comes about (PROTOCOL.md 12.2 to 12.4).
enum class way { code, otp_at_key_exchange, otp_at_commit, provider };

struct cell {
    protocol_version version;
    wire_style style;
    way in;
};

constexpr wire_style both_styles[]{wire_style::android, wire_style::ios};
constexpr way all_ways[]{way::code, way::otp_at_key_exchange, way::otp_at_commit, way::provider};

std::vector<cell> all_cells()
{
    std::vector<cell> out;
    for (const auto version : all_versions)
        for (const auto style : both_styles)
            for (const auto in : all_ways)
                out.push_back({version, style, in});
    return out;
}

std::string_view name_of(way in)
{
    constexpr std::string_view names[]{"code", "password at key exchange", "password at commit", "provider"};
    return names[static_cast<std::size_t>(in)];
}

std::string name_of(const cell& where)
{
    std::string out{bench::rules_of(where.version).name};
    out += where.style == wire_style::ios ? ", ios, " : ", android, ";
    return out += name_of(where.in);
}

std::ostream& operator<<(std::ostream& to, const cell& where)
{
    return to << name_of(where);
}

// --- what journeys need

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

// The status of what a phone does by itself.
template <class Action>
int status_of(const Action& action)
{
    try {
        action();
        return 200;
    } catch (const bench::server_refused& refused) {
        return refused.http_status;
    }
}

// Signatures that the phone makes and nobody ever sees.
void skip(bench::device& phone, int count)
{
    for (int i = 0; i < count; ++i)
        static_cast<void>(phone.sign("POST", "/elsewhere", "", type::possession));
}

class matrix_world : public scratch_world {
public:
    matrix_world()
    {
        set({{"deviceManagement", true},
             {"transfer", {{"spawn", true}, {"move", true}}},
             {"provider", {{"url", "http://judge.bank.example/ask"}}}});
    }

    void set(const json& settings)
    {
        const auto changed = office("PATCH", "/admin/applications/app", settings.dump(), "admin");
        BOOST_TEST_REQUIRE(changed.status == 200U, changed.text);
    }

    // Each registration belongs to a user of its own, unless it is another one of the same user.
    std::string new_user() { return "user-" + std::to_string(++users_); }

    // A registration that waits for its phone, which gets in by this way; none where the provider makes it.
    std::optional<created> expected(const std::string& user, way in)
    {
        switch (in) {
        case way::code:
            return create(user);
        case way::otp_at_key_exchange:
            return create(user, {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", otp}});
        case way::otp_at_commit:
            return create(user, {{"otp", otp}});
        case way::provider:
            break;
        }
        provider.answer(200, json{{"userId", user}}.dump());
        return std::nullopt;
    }

    static bench::pending_activation knock(bench::device& phone_, const std::optional<created>& at,
                                           const bench::activation_details& details)
    {
        if (at)
            return phone_.prepare_activation(at->qr_data, right_pin, details);
        return phone_.prepare_custom_activation("CUSTOM", {{"username", "anna"}, {"password", "s\"e/c=ret"}}, right_pin,
                                                details);
    }

    answer commit_registration(const std::string& id, const json& with = json::object())
    {
        return office("POST", path(id, "/commit"), with.dump());
    }

    static bench::activation_details details(const cell& where, bool biometry)
    {
        bench::activation_details out;
        out.biometry = biometry;
        if (where.in == way::otp_at_key_exchange)
            out.otp = otp;
        return out;
    }

    // An ACTIVE registration and its phone.
    enrolled enrol(const cell& where, const std::string& user, bool biometry = true)
    {
        auto its_phone = phone(where.version, where.style);
        auto knocked = knock(its_phone, expected(user, where.in), details(where, biometry));
        const auto answered = device(knocked.request);
        static_cast<void>(its_phone.finish_activation(std::move(knocked), answered));
        const std::string id = its_phone.activation_id();
        if (where.in != way::otp_at_key_exchange) {
            const auto with = where.in == way::otp_at_commit ? json{{"otp", otp}} : json::object();
            const auto committed = commit_registration(id, with);
            BOOST_TEST_REQUIRE(committed.status == 200U, committed.text);
        }
        BOOST_TEST_REQUIRE(status(id) == "ACTIVE");
        return {id, std::move(its_phone)};
    }

    // The same phone as of now, as if it came from a backup.
    bench::device backup_of(const bench::device& of) { return phone(of.state(), of.style()); }

    [[nodiscard]] int failed(const std::string& id) { return detail(id).at("failedAttempts").get<int>(); }

    void change(const std::string& id, const char* what)
    {
        const auto got = office("PUT", path(id), json{{"change", what}}.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }

    std::vector<std::string> events(const std::string& id)
    {
        std::vector<std::string> out;
        for (const json& row : history(id))
            out.push_back(row.at("event"));
        return out;
    }

    int use(const bench::device& by, const std::string& token, std::string_view method = "POST")
    {
        return device(by.make_token_request(token, guarded, method == "GET" ? "" : "{}", method)).status;
    }

    json judge_token(const std::string& header)
    {
        const auto got = office("POST", "/v2/token/verify", json{{"authHeader", header}}.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    }

private:
    int users_ = 0;
};

// --- journeys: each takes a phone that is registered, and the world around it

void is_registered(matrix_world& world, const cell& where, enrolled& it)
{
    const bool ios = where.style == wire_style::ios;
    const auto user = world.new_user();
    const auto expected = world.expected(user, where.in);
    auto phone = world.phone(where.version, where.style);
    auto details = world.details(where, true);
    details.custom_attributes = R"({"a/b":"x=1"})";
    details.extras = "line\nof its own";

    // A one-time password where none is asked for, a wrong one, and one that is missing, open nothing.
    auto wrong = details;
    wrong.otp = where.in == way::otp_at_key_exchange ? "fedcba9876543210" : otp;
    BOOST_TEST(world.device(world.knock(phone, expected, wrong).request).status == 400);
    wrong.otp.reset();
    if (where.in == way::otp_at_key_exchange)
        BOOST_TEST(world.device(world.knock(phone, expected, wrong).request).status == 400);

    auto pending = world.knock(phone, expected, details);
    const auto request = pending.request;
    const auto answered = world.device(request);
    BOOST_TEST_REQUIRE(answered.status == 200, answered.body);
    const auto fingerprint = phone.finish_activation(std::move(pending), answered);
    BOOST_TEST(json::parse(phone.extras().custom_attributes) == json::parse(*details.custom_attributes));
    BOOST_TEST(json::parse(phone.extras().user_info).at("sub") == user);
    const auto& id = phone.activation_id();
    if (expected)
        BOOST_TEST(id == expected->id);
    BOOST_TEST(world.device(request).status == 400); // the same once more
    if (expected) {
        auto second = world.phone(where.version, where.style);
        BOOST_TEST(world.device(world.knock(second, expected, details).request).status == 400);
    }

    const auto shown = world.detail(id);
    BOOST_TEST(shown.at("userId") == user);
    BOOST_TEST(shown.at("name") == "Simulated phone");
    BOOST_TEST(shown.at("platform") == (ios ? "ios" : "android"));
    BOOST_TEST(shown.at("extras") == "line\nof its own");
    BOOST_TEST(!shown.contains("activationCode"));
    std::vector<std::string> events{"CREATE", "EXCHANGE_KEYS", "COMMIT"};
    if (where.in == way::otp_at_key_exchange) {
        events = {"CREATE", "FAIL_OTP", "EXCHANGE_KEYS_AND_START"};
    } else {
        BOOST_TEST(shown.at("registrationStatus") == "PENDING_COMMIT");
        BOOST_TEST(shown.at("activationFingerprint") == fingerprint);
        BOOST_TEST(phone.status().state_name() == "PENDING_COMMIT");
        BOOST_TEST(!phone.validate(two_factors, right_pin));
        BOOST_TEST(world.failed(id) == 0);
        if (where.in == way::otp_at_commit) {
            BOOST_TEST(world.commit_registration(id).code() == "ERROR_REGISTRATION_CHANGE");
            BOOST_TEST(world.commit_registration(id, {{"otp", "fedcba9876543210"}}).code() ==
                       "ERROR_REGISTRATION_CHANGE");
            BOOST_TEST(world.failed(id) == 1);
            BOOST_TEST(world.commit_registration(id, {{"otp", otp}}).status == 200U);
            events = {"CREATE", "EXCHANGE_KEYS", "FAIL_OTP", "COMMIT"};
        } else {
            BOOST_TEST(world.commit_registration(id).status == 200U);
        }
    }
    BOOST_TEST(world.status(id) == "ACTIVE");
    BOOST_TEST(world.failed(id) == 0);
    BOOST_TEST(world.events(id) == events, boost::test_tools::per_element());
    BOOST_TEST(world.commit_registration(id).code() == "ERROR_REGISTRATION_CHANGE");
    const auto status = phone.status();
    BOOST_TEST(status.state_name() == "ACTIVE");
    BOOST_TEST(status.blob.failed_attempts_max == 5);
    BOOST_TEST(phone.validate(two_factors, right_pin));
    BOOST_TEST(it.phone.validate(two_factors, right_pin)); // that of somebody else is not concerned
}

void signs_with_every_type_and_method(matrix_world& world, const cell&, enrolled& it)
{
    const bench::name_value_list query{{"b", "2 +%&="}, {"a", "\xC3\xA9~*"}, {"c", ""}};
    int accepted = 0;
    for (const auto each :
         {type::possession, two_factors, type::possession_biometry, type::possession_knowledge_biometry})
        BOOST_TEST_CONTEXT(bench::name_of(each))
        {
            for (const char* method : {"POST", "PUT", "DELETE"}) {
                BOOST_TEST(it.phone.validate(each, right_pin, method, {}, R"({"a\u003d/b":"x=1"})"), method);
                BOOST_TEST(it.phone.validate(each, right_pin, method, {}, ""), method);
            }
            BOOST_TEST(it.phone.validate(each, right_pin, "GET", query));
            BOOST_TEST(it.phone.validate(each, right_pin, "GET"));
            accepted += 8;
        }
    if (it.phone.rules().status_challenge)
        BOOST_TEST(it.phone.status().blob.counter_byte == accepted);
    for (const auto alone : {type::knowledge, type::biometry})
        BOOST_TEST(!it.phone.validate(alone, right_pin));
    BOOST_TEST(world.failed(it.id) == 0);

    // What was not signed: another method, another body, another query.
    for (const char* method : {"POST", "PUT", "DELETE", "GET"}) {
        auto other = it.phone.make_validate_request(two_factors, right_pin, method, {{"a", "1"}});
        auto& changed = std::string_view{method} == "GET" ? other.path : other.body;
        changed.back() = '!';
        BOOST_TEST(world.device(other).status == 401, method);
    }
    auto other = it.phone.make_validate_request(two_factors, right_pin, "PUT");
    other.method = "POST";
    BOOST_TEST(world.device(other).status == 401);
    // Digits are counted whatever they are (PROTOCOL.md 7.5, registry/decision.hpp): they can be guessed. Of the rest
    // nothing is, since its possession component fits nowhere.
    BOOST_TEST(world.failed(it.id) == (it.phone.rules().decimal_signature ? 5 : 0));
}

void is_blocked_by_wrong_pins(matrix_world& world, const cell&, enrolled& it)
{
    for (int i = 1; i <= 4; ++i) {
        BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
        BOOST_TEST(world.failed(it.id) == i);
        BOOST_TEST(it.phone.status().blob.failed_attempts == i);
    }
    BOOST_TEST(it.phone.validate(type::possession)); // neither counts nor resets
    BOOST_TEST(world.failed(it.id) == 4);
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    BOOST_TEST(world.failed(it.id) == 0);
    static_cast<void>(it.phone.user_info());
    const auto token = it.phone.create_token(type::possession);
    for (int i = 0; i < 5; ++i) {
        BOOST_TEST(world.status(it.id) == "ACTIVE");
        BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
    }

    const auto blocked = world.detail(it.id);
    BOOST_TEST(blocked.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(blocked.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(blocked.at("remainingAttempts") == 0);
    for (const auto each : {type::possession, two_factors, type::possession_biometry})
        BOOST_TEST(!it.phone.validate(each, right_pin));
    BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
    BOOST_TEST(world.failed(it.id) == 5);
    const auto status = it.phone.status();
    BOOST_TEST(status.state_name() == "BLOCKED");
    BOOST_TEST(status.blob.failed_attempts == 5);
    BOOST_TEST(world.use(it.phone, token) == 401);
    if (it.phone.rules().temporary_keys) // or the phone would take the refusal for a fault of its transport
        BOOST_TEST(status_of([&] { it.phone.fetch_temporary_key(encryption_scope::activation); }) == 200);
    BOOST_TEST(status_of([&] { static_cast<void>(it.phone.vault_unlock(two_factors, right_pin)); }) == 401);
    BOOST_TEST(status_of([&] { static_cast<void>(it.phone.create_token(type::possession)); }) == 401);
    BOOST_TEST(status_of([&] { static_cast<void>(it.phone.user_info()); }) == 400);

    world.change(it.id, "UNBLOCK");
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(it.phone.validate(two_factors, right_pin)); // where it was
    BOOST_TEST(it.phone.status().state_name() == "ACTIVE");
    BOOST_TEST(world.use(it.phone, token) == 200);
}

void is_found_as_far_ahead_as_the_window_reaches(matrix_world& world, const cell&, enrolled& it)
{
    const auto& rules = it.phone.rules();
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    skip(it.phone, 19);
    BOOST_TEST(it.phone.validate(two_factors, right_pin)); // the last of the 20 positions
    if (rules.status_challenge)
        BOOST_TEST(it.phone.status().blob.counter_byte == 21);
    skip(it.phone, 20);
    BOOST_TEST(!it.phone.validate(two_factors, right_pin));
    BOOST_TEST(!it.phone.validate(type::possession));
    BOOST_TEST(world.failed(it.id) == (rules.decimal_signature ? 1 : 0));
    BOOST_TEST(it.phone.status().state_name() == (rules.status_challenge ? "DEADLOCK" : "ACTIVE"));
    BOOST_TEST(world.status(it.id) == "ACTIVE");
}

void counters_are_brought_together(matrix_world& world, const cell&, enrolled& it)
{
    auto& phone = it.phone;
    if (!phone.rules().status_challenge) { // 3.0 learns no counters: signatures alone bring the server forward
        skip(phone, 15);
        static_cast<void>(phone.status());
        BOOST_TEST(phone.validate(type::possession));
        skip(phone, 15);
        BOOST_TEST(phone.validate(two_factors, right_pin));
        // and a phone from a backup stays behind
        auto old = world.backup_of(phone);
        BOOST_TEST(phone.validate(two_factors, right_pin));
        static_cast<void>(old.status());
        BOOST_TEST(!old.validate(two_factors, right_pin));
        BOOST_TEST(phone.validate(two_factors, right_pin));
        return;
    }

    // The phone is ahead: beyond half of the window it sends a signature.
    skip(phone, 10);
    auto seen = phone.status();
    BOOST_TEST((seen.counters == counter_state::in_step));
    skip(phone, 1);
    seen = phone.status();
    BOOST_TEST((seen.counters == counter_state::sign_wanted));
    BOOST_TEST(seen.blob.counter_byte == 0);
    seen = phone.status();
    BOOST_TEST((seen.counters == counter_state::in_step));
    BOOST_TEST(seen.blob.counter_byte == 12);
    skip(phone, 19);
    seen = phone.status();
    BOOST_TEST((seen.counters == counter_state::sign_wanted));
    BOOST_TEST(phone.status().blob.counter_byte == 32);
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(phone.validate(two_factors, right_pin));

    // The server is ahead: a phone from a backup follows it, as far as its window reaches.
    auto old = world.backup_of(phone);
    for (int i = 0; i < 19; ++i)
        BOOST_TEST(phone.validate(type::possession));
    BOOST_TEST(!old.validate(two_factors, right_pin));
    BOOST_TEST((old.status().counters == counter_state::followed));
    BOOST_TEST((old.status().counters == counter_state::in_step));
    BOOST_TEST(old.validate(two_factors, right_pin));
    BOOST_TEST((phone.status().counters == counter_state::followed));
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(phone.validate(type::possession));
    BOOST_TEST(old.status().state_name() == "DEADLOCK");
    BOOST_TEST(world.failed(it.id) == 0);

    // 256 positions on, the byte that is told begins anew.
    for (int i = 0; i < 12; ++i) {
        skip(phone, 19);
        BOOST_TEST(phone.validate(two_factors, right_pin));
    }
    seen = phone.status();
    BOOST_TEST((seen.counters == counter_state::in_step));
    BOOST_TEST(unsigned{seen.blob.counter_byte} == (33U + 19U + 1U + 20U + 12U * 20U) % 256U);
}

void nothing_is_accepted_twice(matrix_world& world, const cell&, enrolled& it)
{
    auto& phone = it.phone;
    const bool digits = phone.rules().decimal_signature;
    const auto proof = phone.make_validate_request(two_factors, right_pin);
    auto token_asked = phone.prepare_token(type::possession_biometry);
    const auto token_answer = world.device(token_asked.request);
    BOOST_TEST(world.device(proof).status == 401); // overtaken
    BOOST_TEST(world.failed(it.id) == (digits ? 1 : 0));
    const auto token = phone.finish_token(token_asked, token_answer);

    const auto fresh = phone.make_validate_request(two_factors, right_pin);
    const auto vault = phone.prepare_vault_unlock(two_factors, right_pin).request;
    const auto info = phone.prepare_user_info().request;
    const auto used = phone.make_token_request(token, guarded);
    const auto judged = phone.make_token_header(token);
    for (const auto& each : {fresh, vault, info, used})
        BOOST_TEST(world.device(each).status == 200, each.path);
    BOOST_TEST(world.judge_token(judged).at("tokenValid") == true);
    BOOST_TEST(world.failed(it.id) == 0);

    const auto again = [&] {
        BOOST_TEST(world.device(fresh).status == 401);
        BOOST_TEST(world.device(token_asked.request).status == 401);
        BOOST_TEST(world.device(vault).status == 400);
        BOOST_TEST(world.device(info).status == 400);
        BOOST_TEST(world.device(used).status == 401);
        BOOST_TEST(world.judge_token(judged).at("tokenValid") == false);
        // On the other side either.
        BOOST_TEST(world.device(bench::http_request{"GET", guarded, {{"X-PowerAuth-Token", judged}}, ""}).status ==
                   401);
    };
    again();
    // Proofs in digits count as often as they are sent: they can be guessed (ARCHITECTURE, "What counts").
    BOOST_TEST(world.failed(it.id) == (digits ? 2 : 0));
    world.restart();
    again();
    BOOST_TEST(world.failed(it.id) == (digits ? 4 : 0));
    BOOST_TEST(phone.validate(two_factors, right_pin));

    // Any other proof that was refused is not counted again either.
    const auto guess = phone.make_validate_request(two_factors, wrong_pin);
    for (int sent = 1; sent <= 3; ++sent) {
        BOOST_TEST(world.device(guess).status == 401);
        BOOST_TEST(world.failed(it.id) == (digits ? sent : 1));
    }
    BOOST_TEST(phone.validate(two_factors, right_pin));
}

void a_clock_that_is_wrong_is_set(matrix_world& world, const cell&, enrolled& it)
{
    constexpr std::int64_t minute = 60'000;
    constexpr std::int64_t day = 24 * 60 * minute;
    auto& phone = it.phone;
    const auto& rules = phone.rules();
    const auto token = phone.create_token(type::possession);
    static_cast<void>(phone.user_info()); // a phone that needs a key has it from here on
    const auto be_off_by = [&](std::int64_t off) {
        phone.take_time_from([&world, off] { return world.clock.now() + off; });
    };
    const auto informed = [&] { return world.device(phone.prepare_user_info().request).status; };

    for (const std::int64_t off : {-minute - 1, -minute, std::int64_t{0}, minute, minute + 1})
        BOOST_TEST_CONTEXT("envelope, off by " << off)
        {
            be_off_by(off);
            const bool inside = off >= -minute && off <= minute;
            BOOST_TEST(informed() == (inside || !rules.envelope_timestamp ? 200 : 400));
        }
    for (const std::int64_t off : {-120 * minute - 1, -120 * minute, 30 * minute, 30 * minute + 1})
        BOOST_TEST_CONTEXT("token, off by " << off)
        {
            be_off_by(off);
            const bool inside = off >= -120 * minute && off <= 30 * minute;
            BOOST_TEST(world.use(phone, token) == (inside ? 200 : 401));
        }
    for (const std::int64_t off : {-day, day})
        BOOST_TEST_CONTEXT("off by " << off)
        {
            be_off_by(0);
            BOOST_TEST(phone.synchronize_time() == 0);
            static_cast<void>(phone.user_info());
            be_off_by(off);
            BOOST_TEST(phone.validate(two_factors, right_pin)); // signatures have no time
            BOOST_TEST(world.use(phone, token) == 401);
            // From a clock that is ahead every key looks as if it had ended, and a new one tells the time.
            const bool has_corrected_itself = rules.temporary_keys && off > 0;
            BOOST_TEST(informed() == (!rules.envelope_timestamp || has_corrected_itself ? 200 : 400));
            BOOST_TEST(phone.synchronize_time() == -off);
            BOOST_TEST(phone.now_ms() == world.clock.now());
            BOOST_TEST(informed() == 200);
            BOOST_TEST(world.use(phone, token) == 200);
        }
    BOOST_TEST(world.failed(it.id) == 0);
}

// Temporary keys are of 3.3. The other versions must not name one.
void temporary_keys_serve_whom_they_were_made_for(matrix_world& world, const cell& where, enrolled& it)
{
    auto& phone = it.phone;
    if (!phone.rules().temporary_keys) {
        auto newer_state = phone.state();
        newer_state.version = protocol_version::v3_3;
        auto newer = world.phone(newer_state, where.style);
        const auto plain = phone.prepare_user_info().request;
        auto naming = plain;
        auto envelope = json::parse(plain.body);
        envelope["temporaryKeyId"] = newer.fetch_temporary_key(encryption_scope::activation).id;
        naming.body = envelope.dump();
        BOOST_TEST(world.device(naming).status == 400);
        BOOST_TEST(world.device(plain).status == 200);
        return;
    }

    // As late as a phone uses a key, as late as it is good, and not a moment later.
    const auto key = phone.fetch_temporary_key(encryption_scope::activation);
    BOOST_TEST(key.expires_ms == world.clock.now() + 300'000);
    world.clock.set(key.expires_ms - bench::device::temporary_key_margin_ms - 1);
    const auto in_time = phone.prepare_user_info().request;
    const auto too_late = phone.prepare_user_info().request;
    world.clock.set(key.expires_ms - 1);
    BOOST_TEST(world.device(in_time).status == 200);
    world.clock.set(key.expires_ms);
    BOOST_TEST(world.device(too_late).status == 400);
    BOOST_TEST(status_of([&] { static_cast<void>(phone.user_info()); }) == 200); // with another key

    auto other = world.enrol(where, world.new_user());
    auto invented = phone.fetch_temporary_key(encryption_scope::activation);
    invented.id = registry::uuid::random().text();
    for (const auto& foreign : {other.phone.fetch_temporary_key(encryption_scope::activation),
                                phone.fetch_temporary_key(encryption_scope::application), invented}) {
        phone.use_temporary_key(encryption_scope::activation, foreign);
        BOOST_TEST(status_of([&] { static_cast<void>(phone.user_info()); }) == 400);
        BOOST_TEST(status_of([&] { static_cast<void>(phone.vault_unlock(two_factors, right_pin)); }) == 400);
        BOOST_TEST(status_of([&] { static_cast<void>(phone.create_token(two_factors, right_pin)); }) == 401);
    }
    BOOST_TEST(world.failed(it.id) == 0);
    static_cast<void>(phone.fetch_temporary_key(encryption_scope::activation));
    BOOST_TEST(status_of([&] { static_cast<void>(phone.vault_unlock(two_factors, right_pin)); }) == 200);

    const auto elsewhere = world.application("other");
    bench::device stranger{
        elsewhere, {}, where.style, [&](const bench::http_request& req) { return world.device(req); }};
    stranger.take_time_from([&] { return world.clock.now(); });
    const auto expected = world.expected(world.new_user(), where.in);
    auto newcomer = world.phone(where.version, where.style);
    for (const auto& foreign : {stranger.fetch_temporary_key(encryption_scope::application),
                                phone.fetch_temporary_key(encryption_scope::activation), invented}) {
        newcomer.use_temporary_key(encryption_scope::application, foreign);
        BOOST_TEST(world.device(world.knock(newcomer, expected, world.details(where, false)).request).status == 400);
    }
    static_cast<void>(newcomer.fetch_temporary_key(encryption_scope::application));
    BOOST_TEST(world.device(world.knock(newcomer, expected, world.details(where, false)).request).status == 200);
}

void opens_its_vault(matrix_world& world, const cell&, enrolled& it)
{
    auto& phone = it.phone;
    const auto key = phone.vault_unlock(two_factors, right_pin, "");
    const auto text = crypto::as_bytes("what is signed");
    const json question{{"registrationId", it.id},
                        {"data", crypto::to_base64(text)},
                        {"signature", crypto::to_base64(phone.sign_with_device_key(text, right_pin))}};
    const auto judged = world.office("POST", "/v2/signature/ecdsa/verify", question.dump());
    BOOST_TEST(judged.body.at("signatureValid") == true);

    BOOST_TEST(status_of([&] { static_cast<void>(phone.vault_unlock(two_factors, wrong_pin)); }) == 401);
    BOOST_TEST(world.failed(it.id) == 1);
    for (const auto each : {type::possession, type::possession_biometry, type::possession_knowledge_biometry})
        BOOST_TEST(status_of([&] { static_cast<void>(phone.vault_unlock(each, right_pin)); }) == 400);
    BOOST_TEST(world.failed(it.id) == 1);
    world.set({{"vaultWithBiometry", true}});
    const auto by_finger = phone.vault_unlock(type::possession_biometry, {});
    BOOST_TEST(std::ranges::equal(crypto::bytes_view{by_finger}, crypto::bytes_view{key}));
    BOOST_TEST(world.failed(it.id) == 0);
    world.set({{"vaultWithBiometry", nullptr}});
    BOOST_TEST(status_of([&] { static_cast<void>(phone.vault_unlock(type::possession_biometry, {})); }) == 400);
}

void adds_biometry_later(matrix_world& world, const cell&, enrolled& it)
{
    auto& phone = it.phone;
    BOOST_CHECK_THROW(static_cast<void>(phone.validate(type::possession_biometry)), bench::protocol_error);
    BOOST_TEST(status_of([&] { phone.add_biometry(wrong_pin); }) == 401);
    BOOST_TEST(world.failed(it.id) == 1);
    phone.add_biometry(right_pin);
    BOOST_TEST(phone.validate(type::possession_biometry));
    BOOST_TEST(phone.validate(type::possession_knowledge_biometry, right_pin));
    BOOST_TEST(!phone.validate(type::possession_knowledge_biometry, wrong_pin));
    BOOST_TEST(world.failed(it.id) == 1);
    BOOST_TEST(phone.validate(type::possession_biometry)); // resets as a PIN does
    BOOST_TEST(world.failed(it.id) == 0);
}

void changes_its_pin(matrix_world& world, const cell&, enrolled& it)
{
    auto& phone = it.phone;
    BOOST_TEST(status_of([&] { phone.change_pin(wrong_pin, "2580"); }) == 401);
    BOOST_TEST(world.failed(it.id) == 1);
    phone.change_pin(right_pin, "2580");
    BOOST_TEST(!phone.validate(two_factors, right_pin));
    phone.tell_pin_changed("2580");
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(world.events(it.id).back() == "PIN_CHANGED");
    BOOST_TEST(phone.validate(two_factors, "2580"));
}

void learns_about_its_user(matrix_world& world, const cell&, enrolled& it)
{
    const std::string user = world.detail(it.id).at("userId");
    const json claims{{"name", "Anna =&'</>"}, {"email_verified", true}};
    BOOST_TEST(json::parse(it.phone.user_info()) == (json{{"sub", user}}));
    BOOST_TEST(world.office("PUT", "/v2/users/" + user + "/claims", claims.dump()).status == 200U);
    auto told = claims;
    told["sub"] = user;
    BOOST_TEST(json::parse(it.phone.user_info()) == told);
}

void uses_tokens(matrix_world& world, const cell& where, enrolled& it)
{
    auto& phone = it.phone;
    const struct {
        type made_with;
        const char* told;
    } rows[]{{type::possession, "POSSESSION"},
             {two_factors, "POSSESSION_KNOWLEDGE"},
             {type::possession_biometry, "POSSESSION_BIOMETRY"},
             {type::possession_knowledge_biometry, "POSSESSION_KNOWLEDGE_BIOMETRY"}};
    std::vector<std::string> tokens;
    for (const auto& row : rows) {
        const auto token = tokens.emplace_back(phone.create_token(row.made_with, right_pin));
        BOOST_TEST(world.use(phone, token) == 200);
        BOOST_TEST(world.use(phone, token, "GET") == 200);
        const auto verdict = world.judge_token(phone.make_token_header(token));
        BOOST_TEST(verdict.at("tokenValid") == true);
        BOOST_TEST(verdict.at("signatureType") == row.told);
        BOOST_TEST(verdict.at("registrationId") == it.id);
    }
    BOOST_TEST(status_of([&] { static_cast<void>(phone.create_token(two_factors, wrong_pin)); }) == 401);
    BOOST_TEST(world.failed(it.id) == 1);

    // One with another secret, and one that another phone would like to remove.
    auto forged = phone.make_token_header(tokens[0]);
    forged.replace(forged.find(tokens[0]), tokens[0].size(), tokens[1]);
    BOOST_TEST(world.judge_token(forged).at("tokenValid") == false);
    auto other = world.enrol(where, world.new_user());
    BOOST_TEST(world.device(other.phone.make_token_remove_request(tokens[0], type::possession)).status == 200);
    BOOST_TEST(world.use(phone, tokens[0]) == 200);

    const auto left_over = phone.make_token_request(tokens[0], guarded);
    const auto removing = phone.make_token_remove_request(tokens[0], type::possession);
    BOOST_TEST(world.device(removing).status == 200);
    BOOST_TEST(world.device(left_over).status == 401);
    BOOST_TEST(world.use(phone, tokens[0]) == 401);
    BOOST_TEST(world.judge_token(phone.make_token_header(tokens[0])).at("tokenValid") == false);
    phone.remove_token(tokens[0], type::possession); // as if it were there
    BOOST_TEST(world.use(phone, tokens[1]) == 200);
}

void signs_without_a_network(matrix_world& world, const cell&, enrolled& it)
{
    auto& phone = it.phone;
    constexpr const char* body = "5f3c&A1*A250.00EUR";
    const json shown{{"data", "5f3c\nPayment\nPlease confirm \xC5\xBE\nA1*A250.00EUR\nB"}};
    auto personal = shown;
    personal["registrationId"] = it.id;
    auto plain = shown;
    plain["appId"] = "app";
    const auto made = world.office("POST", "/v2/signature/offline/personalized/create", personal.dump());
    const auto for_all = world.office("POST", "/v2/signature/offline/non-personalized/create", plain.dump());
    std::string text = made.body.at("offlineData");
    BOOST_TEST(phone.check_offline_payload(text));
    BOOST_TEST(phone.check_offline_payload(for_all.body.at("offlineData").get<std::string>()));
    text.front() ^= 1;
    BOOST_TEST(!phone.check_offline_payload(text));

    const std::string nonce = made.body.at("nonce");
    const auto sign = [&](type factors, std::string_view pin, unsigned digits) {
        return phone.offline_signature("/operation/authorize/offline", body, nonce, factors, pin, digits);
    };
    const auto judge = [&](const std::string& signature, const json& more = json::object()) {
        json question{{"registrationId", it.id}, {"signature", signature}, {"nonce", nonce}, {"body", body}};
        question.update(more);
        const auto got = world.office("POST", "/v2/signature/offline/verify", question.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body;
    };
    for (unsigned digits = 4; digits <= 8; ++digits)
        BOOST_TEST(judge(sign(two_factors, right_pin, digits), {{"componentLength", digits}}).at("signatureValid") ==
                   true);
    BOOST_TEST(judge(sign(two_factors, wrong_pin, 8)).at("remainingAttempts") == 4);
    BOOST_TEST(judge(sign(type::possession_biometry, {}, 8)).at("remainingAttempts") == 3);
    const auto finger = judge(sign(type::possession_biometry, {}, 8), {{"allowBiometry", true}});
    BOOST_TEST(finger.at("signatureValid") == true);
    BOOST_TEST(finger.at("signatureType") == "POSSESSION_BIOMETRY");
    const auto once = sign(two_factors, right_pin, 8);
    BOOST_TEST(judge(once).at("signatureValid") == true);
    BOOST_TEST(judge(once).at("signatureValid") == false);
    BOOST_TEST(world.failed(it.id) == 1);
    BOOST_TEST(phone.validate(two_factors, right_pin)); // the same counter
    BOOST_TEST(world.failed(it.id) == 0);
}

// Another phone, for which this one or the office got a code.
enrolled passed_on(matrix_world& world, const cell& where, enrolled& parent, const std::string& how, bool by_office)
{
    std::string id;
    std::string code;
    auto phone = world.phone(where.version, where.style);
    bench::activation_details details;
    details.biometry = true;
    if (by_office) {
        const auto got = world.office("POST", path(parent.id, "/transfer"), json{{"type", how}}.dump());
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        id = got.body.at("registrationId");
        code = got.body.at("activationQrCodeData");
    } else {
        auto asked = parent.phone.prepare_code("app", otp, two_factors, right_pin, how);
        const auto got = parent.phone.finish_code(asked, world.device(asked.request));
        BOOST_TEST(world.device(asked.request).status == 400); // the same once more
        id = got.activation_id;
        code = got.qr_data();
        BOOST_TEST(status_of([&] { static_cast<void>(phone.activate(code, right_pin, details)); }) == 400);
        details.otp = otp;
    }
    static_cast<void>(phone.activate(code, right_pin, details));
    BOOST_TEST(phone.activation_id() == id);
    if (by_office) {
        BOOST_TEST(parent.phone.validate(two_factors, right_pin)); // until the commit
        BOOST_TEST(!phone.validate(two_factors, right_pin));
        BOOST_TEST(world.commit_registration(id).status == 200U);
    }
    const auto shown = world.detail(id);
    BOOST_TEST(shown.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(shown.at("parentRegistrationId") == parent.id);
    BOOST_TEST(shown.at("transferType") == how);
    BOOST_TEST(shown.at("userId") == world.detail(parent.id).at("userId"));
    for (const auto each : {two_factors, type::possession_biometry})
        BOOST_TEST(phone.validate(each, right_pin));
    return {id, std::move(phone)};
}

void is_cloned(matrix_world& world, const cell& where, enrolled& it)
{
    for (const bool by_office : {false, true})
        BOOST_TEST_CONTEXT((by_office ? "by the office" : "by the phone"))
        {
            auto clone = passed_on(world, where, it, "SPAWN", by_office);
            BOOST_TEST(it.phone.validate(two_factors, right_pin)); // beside it
            for (int i = 0; i < 5; ++i)
                BOOST_TEST(!clone.phone.validate(two_factors, wrong_pin));
            BOOST_TEST(world.status(clone.id) == "BLOCKED");
            BOOST_TEST(world.failed(it.id) == 0);
            BOOST_TEST(it.phone.validate(two_factors, right_pin));
        }
    BOOST_TEST(world.detail(it.id).at("childCount") == 2);
}

void is_moved(matrix_world& world, const cell& where, enrolled& it)
{
    auto second = passed_on(world, where, it, "MOVE", false);
    auto third = passed_on(world, where, second, "MOVE", true);
    for (auto* old : {&it, &second}) {
        BOOST_TEST(world.status(old->id) == "REMOVED");
        BOOST_TEST(old->phone.status().state_name() == "REMOVED");
        BOOST_TEST(!old->phone.validate(two_factors, right_pin));
    }
    BOOST_TEST(third.phone.status().state_name() == "ACTIVE");
    BOOST_TEST(world.events(it.id).back() == "REMOVE");
}

void is_renamed(matrix_world& world, const cell&, enrolled& it)
{
    const std::string name = "Zo\xC3\xAB's \xF0\x9F\x93\xB1 \"phone\" </=&>";
    it.phone.rename(name, two_factors, right_pin);
    BOOST_TEST(world.detail(it.id).at("name") == name);
    BOOST_TEST(world.events(it.id).back() == "RENAME");
    const auto listed = json::parse(it.phone.list_registrations(type::possession_biometry)).at("registrations");
    BOOST_TEST_REQUIRE(listed.size() == 1U);
    BOOST_TEST(listed[0].at("name") == name);
    BOOST_TEST(listed[0].at("own") == true);
    BOOST_TEST(status_of([&] { it.phone.rename("x", type::possession); }) == 401);
    BOOST_TEST(world.failed(it.id) == 0);
    BOOST_TEST(status_of([&] { it.phone.rename("x", two_factors, wrong_pin); }) == 401);
    BOOST_TEST(world.failed(it.id) == 1);
    BOOST_TEST(world.detail(it.id).at("name") == name);
}

// Nothing leads out of REMOVED, whoever asks, also after a restart. token  of the phone, from before
void check_removed_for_good(matrix_world& world, enrolled& it, const std::string& token)
{
    const auto check = [&] {
        BOOST_TEST(world.status(it.id) == "REMOVED");
        BOOST_TEST(it.phone.status().state_name() == "REMOVED");
        for (const auto each : {type::possession, two_factors, type::possession_biometry})
            BOOST_TEST(!it.phone.validate(each, right_pin));
        BOOST_TEST(world.use(it.phone, token) == 401);
        BOOST_TEST(world.judge_token(it.phone.make_token_header(token)).at("tokenValid") == false);
        BOOST_TEST(status_of([&] { static_cast<void>(it.phone.user_info()); }) == 400);
        BOOST_TEST(status_of([&] { static_cast<void>(it.phone.vault_unlock(two_factors, right_pin)); }) == 401);
        BOOST_TEST(status_of([&] { static_cast<void>(it.phone.create_token(type::possession)); }) == 401);
        BOOST_TEST(status_of([&] { it.phone.rename("x", two_factors, right_pin); }) == 401);
        BOOST_TEST(status_of([&] { static_cast<void>(it.phone.request_code("app", otp, two_factors, right_pin)); }) ==
                   401);
        BOOST_TEST(world.device(it.phone.make_remove_request(two_factors, right_pin)).status == 401);
        if (it.phone.rules().temporary_keys)
            BOOST_TEST(status_of([&] { it.phone.fetch_temporary_key(encryption_scope::activation); }) == 400);
    };
    const auto rows = world.history(it.id).size();
    check();
    for (const char* change : {"BLOCK", "UNBLOCK"})
        BOOST_TEST(world.office("PUT", path(it.id), json{{"change", change}}.dump()).code() ==
                   "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.commit_registration(it.id).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.office("POST", path(it.id, "/transfer"), R"({"type":"SPAWN"})").code() ==
               "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.office("PUT", path(it.id, "/name"), R"({"name":"x"})").code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(world.office("DELETE", path(it.id)).status == 200U);
    world.restart();
    check();
    BOOST_TEST(world.history(it.id).size() == rows);
}

// A token, and the keys for what follows.
std::string prepared_for_the_end(enrolled& it)
{
    static_cast<void>(it.phone.user_info());
    return it.phone.create_token(type::possession);
}

void removes_itself_for_good(matrix_world& world, const cell&, enrolled& it)
{
    const auto token = prepared_for_the_end(it);
    BOOST_TEST(world.device(it.phone.make_remove_request(type::possession, right_pin)).status == 401);
    BOOST_TEST(world.device(it.phone.make_remove_request(two_factors, wrong_pin)).status == 401);
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    const auto got = world.device(it.phone.make_remove_request(two_factors, right_pin));
    BOOST_TEST(got.status == 200);
    BOOST_TEST(json::parse(got.body).at("responseObject").at("activationId") == it.id);
    BOOST_TEST(!world.history(it.id).back().contains("account")); // the phone's own doing
    check_removed_for_good(world, it, token);
}

void is_removed_for_good_by_another(matrix_world& world, const cell& where, enrolled& it)
{
    const auto token = prepared_for_the_end(it);
    auto other = world.enrol(where, world.detail(it.id).at("userId"));
    auto stranger = world.enrol(where, world.new_user());
    BOOST_TEST(status_of([&] { stranger.phone.remove_registration(it.id, two_factors, right_pin); }) == 400);
    BOOST_TEST(status_of([&] { other.phone.remove_registration(it.id, two_factors, wrong_pin); }) == 401);
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    other.phone.remove_registration(it.id, two_factors, right_pin);
    BOOST_TEST(world.history(it.id).back().at("actorRegistrationId") == other.id);
    check_removed_for_good(world, it, token);
    BOOST_TEST(other.phone.validate(two_factors, right_pin));
}

void is_removed_for_good_by_the_office(matrix_world& world, const cell&, enrolled& it)
{
    const auto token = prepared_for_the_end(it);
    BOOST_TEST(world.office("DELETE", path(it.id), {}, "stranger").code() == "ERROR_REGISTRATION_NOT_FOUND");
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    BOOST_TEST(world.office("DELETE", path(it.id)).status == 200U);
    BOOST_TEST(world.history(it.id).back().at("account") == "office");
    check_removed_for_good(world, it, token);
}

// --- the journeys

struct journey {
    const char* name;
    void (*run)(matrix_world&, const cell&, enrolled&);
    bool biometry_from_the_start = true;
};

constexpr journey journeys[]{
    {"is registered", is_registered},
    {"signs with every type and method", signs_with_every_type_and_method},
    {"is blocked by wrong PINs", is_blocked_by_wrong_pins},
    {"is found as far ahead as the window reaches", is_found_as_far_ahead_as_the_window_reaches},
    {"counters are brought together", counters_are_brought_together},
    {"nothing is accepted twice", nothing_is_accepted_twice},
    {"a clock that is wrong is set", a_clock_that_is_wrong_is_set},
    {"temporary keys serve whom they were made for", temporary_keys_serve_whom_they_were_made_for},
    {"opens its vault", opens_its_vault},
    {"adds biometry later", adds_biometry_later, false},
    {"changes its PIN", changes_its_pin},
    {"learns about its user", learns_about_its_user},
    {"uses tokens", uses_tokens},
    {"signs without a network", signs_without_a_network},
    {"is cloned", is_cloned},
    {"is moved", is_moved},
    {"is renamed", is_renamed},
    {"removes itself for good", removes_itself_for_good},
    {"is removed for good by another", is_removed_for_good_by_another},
    {"is removed for good by the office", is_removed_for_good_by_the_office},
};

// What was walked to its end in this run of the program.
using step = std::tuple<protocol_version, wire_style, way, std::string>;
std::set<step> walked;

} // namespace

BOOST_AUTO_TEST_SUITE(device_matrix)

BOOST_DATA_TEST_CASE(every_journey_is_made, data::make(all_cells()), where)
{
    matrix_world world;
    for (const journey& each : journeys)
        BOOST_TEST_CONTEXT(each.name)
        {
            auto it = world.enrol(where, world.new_user(), each.biometry_from_the_start);
            each.run(world, where, it);
            walked.emplace(where.version, where.style, where.in, each.name);
        }
}

// Counted apart from the table that is walked: 4 versions, 2 dialects, 4 ways, 20 journeys. Only after all of them.
BOOST_AUTO_TEST_CASE(no_cell_is_missing, *boost::unit_test::depends_on("device_matrix/every_journey_is_made"))
{
    std::size_t missing = 0;
    for (const auto version :
         {protocol_version::v3_0, protocol_version::v3_1, protocol_version::v3_2, protocol_version::v3_3})
        for (const auto style : {wire_style::android, wire_style::ios})
            for (const auto in : {way::code, way::otp_at_key_exchange, way::otp_at_commit, way::provider})
                for (const journey& each : journeys)
                    if (!walked.contains({version, style, in, each.name})) {
                        BOOST_TEST_MESSAGE("not walked: " << name_of(cell{version, style, in}) << ": " << each.name);
                        ++missing;
                    }
    BOOST_TEST(missing == 0U);
    BOOST_TEST(walked.size() == 4U * 2U * 4U * 20U);
}

BOOST_AUTO_TEST_SUITE_END()
