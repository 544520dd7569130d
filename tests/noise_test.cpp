// Noise at the endpoints: how much of it is answered, that the limit stands in nobody's way who proves possession, that
// it does not tell which registrations exist, and what is counted of it.

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using registry::noise_summary;
using registry::source_address;
using registry::time_ms;
using registry::uuid;

constexpr time_ms minute = 60'000;
constexpr unsigned limit = registry::unproven_per_minute_default;
constexpr unsigned address_limit = limit * registry::unproven_address_factor;
constexpr auto two_factors = bench::signature_type::possession_knowledge;
constexpr const char* validate_path = "/pa/v3/signature/validate";
constexpr const char* remove_path = "/pa/v3/activation/remove";

struct noisy_world : scratch_world {
    // A proof for this id whose signature is invented, named after an application by its key.
    static std::string invented(const std::string& id, const bench::application& of)
    {
        return bench::authorization_header(bench::rules_of(bench::protocol_version::v3_3), id, of.key(),
                                           crypto::to_base64(crypto::random_array<16>()), two_factors,
                                           crypto::to_base64(crypto::random_array<32>()));
    }

    answer send(const std::string& header, const source_address& from = {}, const char* path = validate_path)
    {
        owned_request req;
        req.method = "POST";
        req.target = path;
        req.body = "{}";
        req.power_auth_authorization = header;
        req.source = from;
        return call(handlers::side::device, req);
    }

    answer noise(const std::string& id, const source_address& from = {}, const std::string& application_id = "app")
    {
        return send(invented(id, known(application_id)), from);
    }

    // How many of `tries` get the ordinary refusal; the others must be throttled.
    template <class Send>
    unsigned refused(unsigned tries, const Send& one)
    {
        unsigned out = 0;
        for (unsigned i = 0; i < tries; ++i) {
            const answer got = one();
            if (got.status == 401U)
                ++out;
            else
                BOOST_TEST(got.status == 429U);
        }
        return out;
    }

    const bench::application& known(const std::string& id)
    {
        auto found = applications_.find(id);
        if (found == applications_.end())
            found = applications_.emplace(id, application(id)).first;
        return found->second;
    }

    void create_application(const std::string& id, unsigned per_minute)
    {
        const json limits{{"perMinute", per_minute}};
        const auto made = office("POST", "/admin/applications", json{{"id", id}, {"unproven", limits}}.dump(), "admin");
        BOOST_TEST_REQUIRE(made.status == 200U, made.text);
    }

    // An active phone of any application.
    bench::device enrol_in(const std::string& application_id)
    {
        const json wanted{{"userId", "bob"}, {"appId", application_id}, {"commitPhase", "ON_KEY_EXCHANGE"}};
        const auto made = office("POST", "/v2/registrations", wanted.dump(), "admin");
        BOOST_TEST_REQUIRE(made.status == 200U, made.text);
        bench::device_state state;
        state.pin_iterations = 1;
        bench::device out{known(application_id), std::move(state), bench::wire_style::android,
                          [this](const bench::http_request& req) { return device(req); }};
        out.take_time_from([this] { return clock.now(); });
        static_cast<void>(out.activate(made.body.at("activationCode").get<std::string>(), right_pin));
        return out;
    }

    std::vector<noise_summary> take() { return services().noise_counts.take_summaries(); }

    registry::registration_number number_of(const std::string& id)
    {
        return env()
            .view([&](const kv::read_txn& txn) { return registry::find_number(txn, *uuid::parse(id)); })
            .value();
    }

private:
    std::map<std::string, bench::application> applications_;
};

const auto somewhere = v4(192, 0, 2, 1);
const auto elsewhere = v4(192, 0, 2, 2);

} // namespace

BOOST_FIXTURE_TEST_SUITE(noise_at_the_endpoints, noisy_world)

BOOST_AUTO_TEST_CASE(noise_over_the_budget_is_told_when_to_come_back)
{
    auto it = enrol(*this);
    BOOST_TEST(refused(limit, [&] { return noise(it.id); }) == limit);
    const auto got = noise(it.id);
    BOOST_TEST(got.status == 429U);
    BOOST_TEST(got.code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(!got.message().empty());
    BOOST_TEST(got.header("Retry-After") == "2");
    BOOST_TEST(got.ends_connection);
    clock.advance(2000);
    const auto refilled = noise(it.id);
    BOOST_TEST(refilled.status == 401U);
    BOOST_TEST(!refilled.ends_connection);
    BOOST_TEST(noise(it.id).status == 429U);
    clock.advance(minute);
    BOOST_TEST(refused(2 * limit, [&] { return noise(it.id); }) == limit);
}

BOOST_AUTO_TEST_CASE(who_proves_possession_is_served_in_the_middle_of_a_flood)
{
    auto it = enrol(*this);
    const auto sign = [&](std::string_view pin) {
        return it.phone.sign("POST", "/pa/signature/validate", "{}", two_factors, pin);
    };
    const auto flood = [&] { return refused(2 * address_limit, [&] { return noise(it.id, somewhere); }); };
    BOOST_TEST(flood() == limit);
    BOOST_TEST(refused(2 * address_limit, [&] { return noise(uuid::random().text(), somewhere); }) ==
               address_limit - limit); // now the address has no room either

    BOOST_TEST(send(sign(right_pin), somewhere).status == 200U);
    const auto wrong = sign(wrong_pin);
    for (int i = 0; i < 3; ++i) { // the first is counted, the others are the same again
        const auto got = send(wrong, somewhere);
        BOOST_TEST(got.status == 401U);
        BOOST_TEST(!got.ends_connection);
        BOOST_TEST(detail(it.id).at("failedAttempts") == 1);
    }
    const auto late = sign(right_pin);
    BOOST_TEST(send(sign(right_pin), somewhere).status == 200U);
    BOOST_TEST(send(late, somewhere).status == 429U); // behind the window it fits nowhere
    BOOST_TEST(flood() == 0U);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(send(sign(wrong_pin), somewhere).status == 401U);
    BOOST_TEST(status(it.id) == "BLOCKED");
    BOOST_TEST(send(sign(wrong_pin), somewhere).status == 401U); // as blocked phones are always told
    BOOST_TEST(send(sign(right_pin), somewhere).status == 401U);
    BOOST_TEST(flood() == 0U);
}

BOOST_AUTO_TEST_CASE(the_throttle_does_not_tell_which_ids_exist)
{
    auto active = enrol(*this);
    auto blocked = enrol(*this, {{"maxFailedAttempts", 1}});
    static_cast<void>(blocked.phone.validate(two_factors, wrong_pin));
    BOOST_TEST_REQUIRE(status(blocked.id) == "BLOCKED");
    auto removed = enrol(*this);
    BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + removed.id).status == 200U);
    const auto unused = create();
    create_application("strict", 3);
    create_application("lax", 0);
    // Each asked about with the key of its application and with others' keys.
    for (const auto& [application_id, budget] :
         std::map<std::string, unsigned>{{"app", limit}, {"strict", 3}, {"lax", limit + 5}}) {
        std::vector<std::vector<std::string>> told;
        crypto::byte from = 0;
        for (const std::string& id : {active.id, blocked.id, removed.id, unused.id, uuid::random().text()}) {
            ++from;
            auto& texts = told.emplace_back();
            for (unsigned i = 0; i < limit + 5; ++i) {
                const auto got = noise(id, v4(198, 51, 100, from), application_id);
                texts.push_back(std::to_string(got.status) + got.header("Retry-After") + got.text);
            }
            BOOST_TEST(std::ranges::count_if(texts, [](const auto& text) { return text.starts_with("401"); }) ==
                       budget);
        }
        for (const auto& each : told)
            BOOST_TEST(each == told.front(), boost::test_tools::per_element());
        clock.advance(2 * minute);
    }
}

BOOST_AUTO_TEST_CASE(applications_have_budgets_of_their_own)
{
    create_application("strict", 3);
    create_application("lax", 0);
    const auto ordinary = enrol(*this);
    auto strict = enrol_in("strict");
    auto lax = enrol_in("lax");
    BOOST_TEST(refused(50, [&] { return noise(strict.activation_id(), somewhere, "strict"); }) == 3U);
    BOOST_TEST(noise(strict.activation_id(), somewhere, "strict").header("Retry-After") == "20");
    BOOST_TEST(refused(50, [&] { return noise(ordinary.id, somewhere); }) == limit);
    BOOST_TEST(refused(2 * address_limit, [&] { return noise(lax.activation_id(), somewhere, "lax"); }) ==
               2 * address_limit);
    // Which spent nothing of the address.
    BOOST_TEST(refused(2, [&] { return send("", somewhere); }) == 2U);
    BOOST_TEST(strict.validate(two_factors, right_pin));
    BOOST_TEST(lax.validate(two_factors, right_pin));
    restart();
    BOOST_TEST(refused(50, [&] { return noise(strict.activation_id(), somewhere, "strict"); }) == 3U);
}

BOOST_AUTO_TEST_CASE(one_address_cannot_ask_about_ever_new_ids)
{
    auto it = enrol(*this);
    const auto unknown = [&](const source_address& from) {
        return [this, from] { return noise(uuid::random().text(), from); };
    };
    BOOST_TEST(refused(address_limit + 10, unknown(somewhere)) == address_limit);
    BOOST_TEST(send("", somewhere).status == 429U);
    BOOST_TEST(noise(it.id, somewhere).status == 429U);
    BOOST_TEST(noise(it.id, elsewhere).status == 401U);
    BOOST_TEST(refused(10, unknown(elsewhere)) == 10U);
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    // One household of version 6, under many names.
    crypto::byte last = 0;
    const auto host = [&] { return v6({0x20, 0x01, 0x0d, 0xb8}, ++last); };
    BOOST_TEST(refused(address_limit + 10, [&] { return noise(uuid::random().text(), host()); }) == address_limit);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_spends_from_its_address)
{
    const std::string id = uuid::random().text();
    const std::string good = invented(id, known("app"));
    std::string other_key = good;
    other_key.replace(other_key.find(known("app").key()), known("app").key().size(), "AAAAAAAAAAAAAAAAAAAAAA==");
    const std::string headers[]{"", "Bearer x", good.substr(0, good.size() / 2)};
    unsigned i = 0;
    BOOST_TEST(refused(address_limit + 10, [&] { return send(headers[i++ % 3], somewhere); }) == address_limit);
    BOOST_TEST(send("", somewhere).header("Retry-After") == "1");
    BOOST_TEST(send(other_key, somewhere).status == 429U); // an application that nobody knows: the default applies
    BOOST_TEST(send(other_key, elsewhere).status == 401U);
    owned_request query;
    query.method = "GET";
    query.target = std::string{validate_path} + "?a=%zz";
    query.power_auth_authorization = good;
    query.source = somewhere;
    BOOST_TEST(call(handlers::side::device, query).status == 429U);
    query.source = elsewhere;
    BOOST_TEST(call(handlers::side::device, query).status == 401U);
}

BOOST_AUTO_TEST_CASE(removing_in_the_app_is_throttled_alike)
{
    auto it = enrol(*this);
    BOOST_TEST(refused(2 * limit, [&] { return send(invented(it.id, known("app")), {}, remove_path); }) == limit);
    BOOST_TEST(noise(it.id).status == 429U);
    // A type that this endpoint never takes is told so.
    auto possession = invented(it.id, known("app"));
    possession.replace(possession.find("possession_knowledge"), 20, "possession");
    BOOST_TEST(send(possession, {}, remove_path).status == 401U);
    const auto right = it.phone.sign("POST", "/pa/activation/remove", "{}", two_factors, right_pin);
    BOOST_TEST(send(right, {}, remove_path).status == 200U);
    BOOST_TEST(status(it.id) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(questions_for_keys_that_nobody_signed_are_throttled_and_others_are_not)
{
    auto it = enrol(*this);
    const auto ask = [&](const bench::http_request& question, const source_address& from) {
        owned_request req;
        req.method = "POST";
        req.target = question.path;
        req.body = question.body;
        req.source = from;
        return call(handlers::side::device, req);
    };
    const auto good = it.phone.prepare_temporary_key(bench::encryption_scope::activation).request;
    auto unsigned_one = good;
    unsigned_one.body.replace(unsigned_one.body.rfind('.') + 1, 8, "AAAAAAAA");
    unsigned answered = 0;
    for (unsigned i = 0; i < 2 * limit; ++i) {
        const auto got = ask(unsigned_one, somewhere);
        answered += got.status == 400U ? 1U : 0U;
        if (got.status != 400U) {
            BOOST_TEST(got.status == 429U);
            BOOST_TEST(got.code() == "ERROR_RATE_LIMITED");
            BOOST_TEST(got.header("Retry-After") == "2");
            BOOST_TEST(got.ends_connection);
        }
    }
    BOOST_TEST(answered == limit);
    BOOST_TEST(noise(it.id, elsewhere).status == 429U); // one budget for everything
    BOOST_TEST(ask(good, somewhere).status == 200U);
    bench::http_request nonsense = good;
    nonsense.body = R"({"requestObject":{"jwt":"e30.e30.e30"}})";
    for (unsigned i = limit; i < address_limit; ++i)
        BOOST_TEST(ask(nonsense, somewhere).status == 400U);
    BOOST_TEST(ask(nonsense, somewhere).status == 429U);
    BOOST_TEST(ask(nonsense, elsewhere).status == 400U);
    BOOST_TEST(ask(good, somewhere).status == 200U);
    BOOST_TEST(ask(it.phone.prepare_temporary_key(bench::encryption_scope::application).request, somewhere).status ==
               200U);
}

// Any copy of the app can make envelopes with invented codes.
BOOST_AUTO_TEST_CASE(enrolments_with_invented_codes_are_throttled_and_leave_nothing_on_the_disk)
{
    const auto seen = [this] {
        return env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::seen); });
    };
    const auto send = [&](const bench::http_request& what) {
        owned_request req;
        req.method = "POST";
        req.target = what.path;
        req.body = what.body;
        req.power_auth_encryption = what.headers.back().second;
        req.source = somewhere;
        return call(handlers::side::device, req);
    };
    const auto made = create();
    const auto invent = [&] {
        auto stranger = phone();
        return stranger.prepare_activation("AAAQE-AYEAU-DAOCA-JIICA", right_pin).request;
    };
    auto same = invent();
    const auto before = seen();
    unsigned answered = 0;
    for (unsigned i = 0; i < address_limit + 5; ++i) {
        const auto got = send(same);
        answered += got.status == 400U ? 1U : 0U;
        BOOST_TEST((got.status == 400U || got.status == 429U));
    }
    BOOST_TEST(answered == address_limit);
    BOOST_TEST(send(invent()).status == 429U);
    BOOST_TEST(seen() == before);
    auto newcomer = phone();
    const auto right = newcomer.prepare_activation(made.code, right_pin).request;
    BOOST_TEST(send(right).status == 200U);
    BOOST_TEST(seen() == before + 2);
    BOOST_TEST(send(right).status == 429U); // a replay
}

BOOST_AUTO_TEST_CASE(a_back_office_gets_verdicts_whatever_phones_send)
{
    auto it = enrol(*this);
    const auto verify = [&](const std::string& header) {
        auto req = office_request(
            "POST", "/v2/signature/verify",
            json{{"method", "POST"}, {"uriId", "/login"}, {"authHeader", header}, {"requestBody", "e30="}}.dump());
        req.source = somewhere;
        return call(handlers::side::office, req);
    };
    for (unsigned i = 0; i < 2 * limit; ++i) {
        const auto got = verify(invented(it.id, known("app")));
        BOOST_TEST(got.status == 200U);
        BOOST_TEST(!got.ends_connection);
        BOOST_TEST(got.body.at("signatureValid") == false);
        BOOST_TEST(got.body.at("remainingAttempts") == 5);
    }
    const auto counts = take();
    BOOST_TEST_REQUIRE(counts.size() == 1U);
    BOOST_TEST((counts[0] == noise_summary{number_of(it.id), 2 * limit, clock.now(), clock.now(), somewhere}));
    BOOST_TEST(noise(it.id, elsewhere).status == 429U); // one budget for both sides
    // The address is that of the back office: nothing was spent from it.
    BOOST_TEST(refused(address_limit, [&] { return send("", somewhere); }) == address_limit);
    BOOST_TEST(verify(it.phone.sign("POST", "/login", "{}", two_factors, right_pin)).body.at("signatureValid") == true);
    BOOST_TEST(verify(it.phone.sign("POST", "/login", "{}", two_factors, wrong_pin)).body.at("remainingAttempts") == 4);
}

BOOST_AUTO_TEST_CASE(noise_is_counted_for_the_audit_answered_or_not)
{
    auto it = enrol(*this);
    const auto begin = clock.now();
    const auto right = it.phone.sign("POST", "/pa/signature/validate", "{}", two_factors, right_pin);
    BOOST_TEST(send(right, elsewhere).status == 200U);
    BOOST_TEST(send(it.phone.sign("POST", "/pa/signature/validate", "{}", two_factors, wrong_pin)).status == 401U);
    BOOST_TEST(take().empty()); // these are in the books already
    BOOST_TEST(send(right, elsewhere).status == 401U);
    clock.advance(5);
    BOOST_TEST(refused(2 * limit, [&] { return noise(it.id, somewhere); }) == limit - 1);
    auto counts = take();
    BOOST_TEST_REQUIRE(counts.size() == 1U);
    BOOST_TEST((counts[0] == noise_summary{number_of(it.id), 2 * limit + 1, begin, begin + 5, somewhere}));

    BOOST_TEST(noise(uuid::random().text(), somewhere).status == 401U);
    BOOST_TEST(send("", elsewhere).status == 401U);
    counts = take();
    BOOST_TEST_REQUIRE(counts.size() == 1U);
    BOOST_TEST((counts[0] == noise_summary{0, 2, begin + 5, begin + 5, elsewhere}));
}

// Guessable digits count until the phone is blocked; up to there each guess is told like any wrong PIN.
BOOST_AUTO_TEST_CASE(digits_that_count_are_never_throttled)
{
    auto it = enrol(*this, {{"maxFailedAttempts", 255}}, bench::protocol_version::v3_0);
    const auto guess = [&] {
        return send(bench::authorization_header(bench::rules_of(bench::protocol_version::v3_0), it.id,
                                                known("app").key(), crypto::to_base64(crypto::random_array<16>()),
                                                two_factors, "00000000-00000000"));
    };
    BOOST_TEST(refused(2 * limit, guess) == 2 * limit);
    BOOST_TEST(detail(it.id).at("failedAttempts") == 2 * limit);
    BOOST_TEST(take().empty());
    BOOST_TEST(noise(it.id, {}, "other").status == 429U); // but they spent the budget
}

BOOST_AUTO_TEST_SUITE_END()
