// Custom activations (PROTOCOL.md 12.3): what the provider is asked, what becomes of its answer, and that nothing is
// left behind when there is none.

#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using bench::protocol_version;
using handlers::outgoing_failure;
using type = bench::signature_type;
namespace tables = registry::tables;

constexpr auto two_factors = type::possession_knowledge;

const bench::name_value_list credentials{{"username", "anna"}, {"password", "s\"ecret"}};

std::string path(const std::string& id, std::string_view rest = {})
{
    return "/v2/registrations/" + id + std::string{rest};
}

// An application with a provider that recognises everybody as anna.
class custom_world : public scratch_world {
public:
    custom_world()
    {
        set({{"provider", {{"url", "http://judge.bank.example:8443/ask"}, {"secret", "b3arer"}, {"timeoutMs", 2500}}}});
        recognise({{"userId", "anna"}});
    }

    void set(const json& settings)
    {
        const auto changed = office("PATCH", "/admin/applications/app", settings.dump(), "admin");
        BOOST_TEST_REQUIRE(changed.status == 200U, changed.text);
    }
    void recognise(const json& answer) { provider.answer(200, answer.dump()); }

    [[nodiscard]] std::size_t rows(kv::table of) const
    {
        return env().view([&](const kv::read_txn& txn) { return txn.row_count(of); });
    }
    [[nodiscard]] std::size_t registrations() const { return rows(tables::registrations); }

    // The status of a request that is sent as it is.
    int refused(bench::device& phone, std::string_view kind = "CUSTOM",
                const bench::name_value_list& shown = credentials, const bench::activation_details& details = {})
    {
        const auto prepared = phone.prepare_custom_activation(kind, shown, right_pin, details);
        const auto got = device(prepared.request);
        if (got.status == 400) {
            const auto told = json::parse(got.body);
            BOOST_TEST(told.at("responseObject").at("code") == "ERR_ACTIVATION");
            BOOST_TEST(told.at("responseObject").at("message") == "POWER_AUTH_ACTIVATION_INVALID");
        }
        return got.status;
    }
};

std::vector<std::string> events(scratch_world& world, const std::string& id)
{
    std::vector<std::string> out;
    for (const json& row : world.history(id))
        out.push_back(row.at("event"));
    return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(custom_activation, custom_world)

BOOST_AUTO_TEST_CASE(a_registration_that_a_provider_vouches_for_waits_for_commit)
{
    auto it = phone();
    bench::activation_details details;
    details.extras = "line\nof its own";
    const auto fingerprint = it.activate_custom("CUSTOM", credentials, right_pin, details);

    const auto& id = it.activation_id();
    const auto waiting = detail(id);
    BOOST_TEST(waiting.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(waiting.at("userId") == "anna");
    BOOST_TEST(waiting.at("applicationId") == "app");
    BOOST_TEST(waiting.at("commitPhase") == "ON_COMMIT");
    BOOST_TEST(waiting.at("activationFingerprint") == fingerprint);
    BOOST_TEST(waiting.at("name") == "Simulated phone");
    BOOST_TEST(waiting.at("platform") == "android");
    BOOST_TEST(waiting.at("deviceInfo") == "doorward-device");
    BOOST_TEST(waiting.at("extras") == "line\nof its own");
    BOOST_TEST(waiting.at("maxFailedAttempts") == 5);
    BOOST_TEST(waiting.at("failedAttempts") == 0);
    BOOST_TEST(waiting.at("version") == 2);
    BOOST_TEST(waiting.at("flags") == json::array());
    BOOST_TEST(waiting.at("timestampCreated") == clock.now());
    BOOST_TEST(waiting.at("timestampRegistrationExpire") == clock.now() + registry::registration_expiry_default_ms);
    BOOST_TEST(!waiting.contains("activationCode"));

    BOOST_TEST_REQUIRE(office("POST", path(id, "/commit"), "{}").status == 200U);
    BOOST_TEST(it.validate(two_factors, right_pin));
    BOOST_TEST(json::parse(it.extras().user_info).at("sub") == "anna");
    BOOST_TEST((events(*this, id) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS", "COMMIT"}));
}

BOOST_AUTO_TEST_CASE(the_provider_is_asked_with_all_that_the_phone_tells)
{
    auto it = phone();
    bench::activation_details details;
    details.name = "Anna's phone";
    details.extras = "more";
    details.custom_attributes = R"({"branch":17,"tags":["a","b"],"nested":{"x":null}})";
    const auto prepared = it.prepare_custom_activation("CUSTOM", credentials, right_pin, details);
    auto req = to_owned(prepared.request);
    req.request_id = "call-4711";
    const auto answered = call(handlers::side::device, req);
    BOOST_TEST(answered.status == 200U);

    BOOST_TEST_REQUIRE(provider.requests().size() == 1U);
    const auto asked = provider.requests().front();
    BOOST_TEST(asked.owner == "app");
    BOOST_TEST(asked.to.host == "judge.bank.example");
    BOOST_TEST(asked.to.port == 8443);
    BOOST_TEST(asked.to.path == "/ask");
    BOOST_TEST(!asked.to.tls);
    BOOST_TEST(asked.bearer == "b3arer");
    BOOST_TEST(asked.request_id == "call-4711");
    BOOST_TEST(asked.timeout.count() == 2500);
    const json expected{
        {"applicationId", "app"},
        {"type", "CUSTOM"},
        {"identityAttributes", {{"username", "anna"}, {"password", "s\"ecret"}}},
        {"customAttributes", json::parse(*details.custom_attributes)},
        {"platform", "android"},
        {"deviceInfo", "doorward-device"},
        {"name", "Anna's phone"},
        {"extras", "more"},
    };
    BOOST_TEST(asked.body == expected);
}

BOOST_AUTO_TEST_CASE(what_a_phone_does_not_tell_is_not_asked_about)
{
    set({{"provider", {{"secret", nullptr}}}});
    auto it = phone();
    bench::activation_details details;
    details.name = std::nullopt;
    details.device_info = "";
    BOOST_TEST(refused(it, "DIRECT", {{"method", "face"}}, details) == 200);
    const auto asked = provider.requests().front();
    BOOST_TEST(asked.bearer == "");
    const json expected{{"applicationId", "app"},
                        {"type", "DIRECT"},
                        {"identityAttributes", {{"method", "face"}}},
                        {"platform", "android"}};
    BOOST_TEST(asked.body == expected);
}

BOOST_AUTO_TEST_CASE(a_provider_may_commit_at_once)
{
    recognise({{"userId", "anna"}, {"commit", true}});
    auto it = phone();
    static_cast<void>(it.activate_custom("CUSTOM", credentials, right_pin));
    const auto& id = it.activation_id();
    const auto shown = detail(id);
    BOOST_TEST(shown.at("registrationStatus") == "ACTIVE");
    BOOST_TEST(shown.at("version") == 3);
    BOOST_TEST(!shown.contains("timestampRegistrationExpire"));
    BOOST_TEST(it.validate(two_factors, right_pin));
    BOOST_TEST(office("POST", path(id, "/commit"), "{}").code() == "ERROR_REGISTRATION_CHANGE");

    const auto rows_of_it = history(id);
    BOOST_TEST_REQUIRE(rows_of_it.size() == 3U);
    const char* const happened[]{"CREATE", "EXCHANGE_KEYS", "COMMIT"};
    const char* const led_to[]{"CREATED", "PENDING_COMMIT", "ACTIVE"};
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST(rows_of_it[i].at("event") == happened[i]);
        BOOST_TEST(rows_of_it[i].at("registrationStatus") == led_to[i]);
        BOOST_TEST(rows_of_it[i].at("version") == i + 1);
        BOOST_TEST(rows_of_it[i].at("eventReason") == "CUSTOM_ACTIVATION");
        BOOST_TEST(rows_of_it[i].at("name") == "Simulated phone");
        BOOST_TEST(rows_of_it[i].at("timestampCreated") == clock.now());
        BOOST_TEST(!rows_of_it[i].contains("account"));
        BOOST_TEST(rows_of_it[i].contains("previousStatus") == (i > 0));
        if (i > 0)
            BOOST_TEST(rows_of_it[i].at("previousStatus") == led_to[i - 1]);
    }
    const auto before_the_end = detail(id);
    restart();
    BOOST_TEST(detail(id) == before_the_end);
    BOOST_TEST(it.validate(two_factors, right_pin));
    // Nothing waits for its end.
    clock.advance(registry::envelope_memory_ms);
    static_cast<void>(sweep());
    BOOST_TEST(rows(tables::due) == 0U);
    BOOST_TEST(status(id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(direct_activations_are_the_providers_business_whatever_their_method)
{
    for (const char* method : {"oidc", "face", ""}) {
        auto it = phone();
        const bench::name_value_list shown{
            {"method", method}, {"providerId", "idp"}, {"code", "4/P7q7W91"}, {"nonce", "n-0S6_WzA2Mj"}};
        static_cast<void>(it.activate_custom("DIRECT", shown, right_pin));
        BOOST_TEST(status(it.activation_id()) == "PENDING_COMMIT");
        const auto asked = provider.requests().back().body;
        BOOST_TEST(asked.at("type") == "DIRECT");
        BOOST_TEST(asked.at("identityAttributes").at("method") == method);
        BOOST_TEST(asked.at("identityAttributes").at("code") == "4/P7q7W91");
    }
}

BOOST_AUTO_TEST_CASE(the_phone_gets_its_attributes_back_or_what_the_provider_made_of_them)
{
    const auto told = [&](const std::optional<std::string>& sent, const json& answered) {
        recognise(answered);
        auto it = phone();
        bench::activation_details details;
        details.custom_attributes = sent;
        static_cast<void>(it.activate_custom("CUSTOM", credentials, right_pin, details));
        return json::parse(it.extras().custom_attributes);
    };
    const std::string sent = R"({"a":1})";
    const json same = json::parse(sent);
    const json other{{"b", {1.5, "x", {{"c", nullptr}}}}};
    BOOST_TEST(told(sent, {{"userId", "anna"}}) == same);
    BOOST_TEST(told(sent, {{"userId", "anna"}, {"customAttributes", nullptr}}) == same);
    BOOST_TEST(told(sent, {{"userId", "anna"}, {"customAttributes", other}}) == other);
    BOOST_TEST(told(sent, {{"userId", "anna"}, {"customAttributes", json::object()}}) == json::object());
    BOOST_TEST(told({}, {{"userId", "anna"}, {"customAttributes", other}}) == other);
    BOOST_TEST(told({}, {{"userId", "anna"}}) == json(nullptr));
}

// As with activation codes: whoever waits for commit may yet turn out to be somebody else.
BOOST_AUTO_TEST_CASE(claims_about_the_user_are_told_to_whom_the_provider_commits)
{
    const auto set_claims = office("PUT", "/v2/users/anna/claims?appId=app", R"({"name":"Anna"})");
    BOOST_TEST_REQUIRE(set_claims.status == 200U, set_claims.text);
    for (const bool commits : {false, true}) {
        recognise({{"userId", "anna"}, {"commit", commits}});
        auto it = phone();
        static_cast<void>(it.activate_custom("CUSTOM", credentials, right_pin));
        const auto told = json::parse(it.extras().user_info);
        BOOST_TEST(told.at("sub") == "anna");
        BOOST_TEST(told.contains("name") == commits);
    }
}

BOOST_AUTO_TEST_CASE(the_provider_may_name_and_flag_the_registration)
{
    recognise({{"userId", "anna"}, {"name", "Branch phone"}, {"flags", {"VIP", "A", "VIP"}}, {"accepted", true}});
    auto it = phone();
    static_cast<void>(it.activate_custom("CUSTOM", credentials, right_pin));
    const auto shown = detail(it.activation_id());
    BOOST_TEST(shown.at("name") == "Branch phone");
    BOOST_TEST((shown.at("flags") == json{"A", "VIP"}));
    BOOST_TEST(history(it.activation_id()).back().at("name") == "Branch phone");
}

BOOST_AUTO_TEST_CASE(settings_of_the_application_hold_for_custom_activations)
{
    set({{"maxFailedAttempts", 2}, {"lowestVersion", "3.1"}});
    auto old_phone = phone(protocol_version::v3_0);
    BOOST_TEST(refused(old_phone) == 400);
    BOOST_TEST(provider.requests().empty());
    recognise({{"userId", "anna"}, {"commit", true}});
    auto it = phone(protocol_version::v3_1);
    static_cast<void>(it.activate_custom("CUSTOM", credentials, right_pin));
    BOOST_TEST(detail(it.activation_id()).at("maxFailedAttempts") == 2);
    BOOST_TEST(!it.validate(two_factors, wrong_pin));
    BOOST_TEST(!it.validate(two_factors, wrong_pin));
    BOOST_TEST(status(it.activation_id()) == "BLOCKED");
}

BOOST_AUTO_TEST_CASE(one_user_may_register_several_phones)
{
    auto first = phone();
    auto second = phone();
    static_cast<void>(first.activate_custom("CUSTOM", credentials, right_pin));
    static_cast<void>(second.activate_custom("CUSTOM", credentials, right_pin));
    BOOST_TEST(first.activation_id() != second.activation_id());
    const auto listed = office("GET", "/v2/registrations?userId=anna").body.at("registrations");
    BOOST_TEST_REQUIRE(listed.size() == 2U);
    BOOST_TEST(listed[0].at("registrationId") == second.activation_id());
    const auto by_code = create("anna"); // and numbers go on
    BOOST_TEST(office("GET", "/v2/registrations?userId=anna").body.at("registrations")[0].at("registrationId") ==
               by_code.id);
}

BOOST_AUTO_TEST_CASE(one_that_waits_for_commit_can_be_given_a_password_and_ends_in_time)
{
    auto it = phone();
    static_cast<void>(it.activate_custom("CUSTOM", credentials, right_pin));
    const auto& id = it.activation_id();
    BOOST_TEST(office("PUT", path(id, "/otp"), R"({"otp":"2222"})").status == 200U);
    BOOST_TEST(office("POST", path(id, "/commit"), "{}").status == 400U);
    BOOST_TEST(office("POST", path(id, "/commit"), R"({"otp":"2222"})").status == 200U);

    auto late = phone();
    static_cast<void>(late.activate_custom("CUSTOM", credentials, right_pin));
    clock.advance(registry::registration_expiry_default_ms - 1);
    static_cast<void>(sweep());
    BOOST_TEST((events(*this, late.activation_id()) == std::vector<std::string>{"CREATE", "EXCHANGE_KEYS"}));
    clock.advance(1);
    static_cast<void>(sweep());
    const auto last = env().view([&](const kv::read_txn& txn) { // without a reader that would have it expire
        std::string out;
        const auto number = registry::find_number(txn, registry::uuid::parse(late.activation_id()).value());
        registry::scan_history(txn, number.value(), 0, [&](const registry::history_row& row) {
            out = to_text(row.by);
            return false;
        });
        return out;
    });
    BOOST_TEST(last == "EXPIRE");
    BOOST_TEST(late.status().state_name() == "REMOVED");
    BOOST_TEST(status(id) == "ACTIVE");
}

// --- refusals

BOOST_AUTO_TEST_CASE(without_a_provider_nobody_is_asked_and_nothing_is_written)
{
    set({{"provider", nullptr}});
    for (const char* kind : {"CUSTOM", "DIRECT"}) {
        auto it = phone();
        BOOST_TEST(refused(it, kind) == 400);
    }
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(registrations() == 0U);
    BOOST_TEST(rows(tables::seen) == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_no_custom_activation_does_not_reach_the_provider)
{
    auto it = phone();
    for (const char* kind : {"RECOVERY", "CUSTOMARY", "custom", "FIDO2"})
        BOOST_TEST_CONTEXT(kind)
        {
            BOOST_TEST(refused(it, kind) == 400);
        }
    BOOST_TEST(refused(it, "CUSTOM", {}) == 400); // identityAttributes must not be empty
    bench::activation_details with_otp;
    with_otp.otp = "1234";
    BOOST_TEST(refused(it, "CUSTOM", credentials, with_otp) == 400);
    BOOST_TEST(refused(it, "CUSTOM", {{"token", std::string(8 * 1024 + 1, 'a')}}) == 400);
    bench::name_value_list many;
    for (int i = 0; i < 17; ++i)
        many.emplace_back("n" + std::to_string(i), "v");
    BOOST_TEST(refused(it, "CUSTOM", many) == 400);
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(registrations() == 0U);

    many.pop_back();
    BOOST_TEST(refused(it, "CUSTOM", many) == 200);
    BOOST_TEST(refused(it, "CUSTOM", {{"token", std::string(8 * 1024, 'a')}}) == 200);
}

BOOST_AUTO_TEST_CASE(an_activation_code_is_no_business_of_the_provider)
{
    const auto made = create();
    auto it = phone();
    static_cast<void>(it.activate(made.code, right_pin));
    BOOST_TEST(provider.requests().empty());
    auto other = phone();
    BOOST_TEST(refused(other, "CUSTOM", {{"code", create().code}}) == 200); // just another attribute
    BOOST_TEST(provider.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(every_answer_of_a_provider_is_judged)
{
    const std::string long_user(256, 'u');
    struct {
        const char* what;
        unsigned status;
        std::string body;
        int phone_is_told;
        const char* operators_are_told; // in the line of the log
    } const answers[]{
        {"recognised", 200, R"({"userId":"anna"})", 200, nullptr},
        {"recognised, said twice over", 200, R"({"accepted":true,"userId":"anna","commit":false})", 200, nullptr},
        {"unknown members", 200, R"({"userId":"anna","x":{"y":[1]}})", 200, nullptr},
        {"refused by its answer", 200, R"({"accepted":false})", 400, "refused: status 200"},
        {"refused, and a user all the same", 200, R"({"accepted":false,"userId":"anna"})", 400, "refused: status 200"},
        {"400", 400, "", 400, "refused: status 400"},
        {"403, and a user all the same", 403, R"({"userId":"anna"})", 400, "refused: status 403"},
        {"422", 422, "<html>", 400, "refused: status 422"},
        {"401", 401, R"({"userId":"anna"})", 400, "did not judge: status 401"},
        {"404", 404, "<html>", 400, "did not judge: status 404"},
        {"405", 405, "", 400, "did not judge: status 405"},
        {"408", 408, "", 400, "did not judge: status 408"},
        {"429", 429, "", 400, "did not judge: status 429"},
        {"499", 499, "", 400, "refused: status 499"},
        {"500", 500, R"({"userId":"anna"})", 400, "did not judge: status 500"},
        {"503", 503, "", 400, "did not judge: status 503"},
        {"201", 201, R"({"userId":"anna"})", 400, "did not judge: status 201"},
        {"204", 204, "", 400, "did not judge: status 204"},
        {"302", 302, R"({"userId":"anna"})", 400, "did not judge: status 302"},
        {"nothing", 200, "", 400, "the body must be JSON in UTF-8"},
        {"no JSON", 200, "anna", 400, "the body must be JSON in UTF-8"},
        {"not UTF-8", 200, "{\"userId\":\"\xFF\"}", 400, "the body must be JSON in UTF-8"},
        {"an array", 200, "[]", 400, "the body must be a JSON object"},
        {"two users", 200, R"({"userId":"anna","userId":"bob"})", 400, "no member of an object may be given twice"},
        {"nobody", 200, "{}", 400, "userId is required"},
        {"accepted, but whom", 200, R"({"accepted":true})", 400, "userId is required"},
        {"null", 200, R"({"userId":null})", 400, "userId is required"},
        {"an empty user", 200, R"({"userId":""})", 400, "userId must have 1 to 255 bytes"},
        {"a number", 200, R"({"userId":5})", 400, "userId must be a text"},
        {"a long user", 200, R"({"userId":")" + long_user + "\"}", 400, "userId must have 1 to 255 bytes"},
        {"a user with a zero byte", 200, R"({"userId":"a\u0000b"})", 400, "userId must not contain control characters"},
        {"accepted perhaps", 200, R"({"accepted":"no","userId":"anna"})", 400, "accepted must be true or false"},
        {"commit perhaps", 200, R"({"commit":1,"userId":"anna"})", 400, "commit must be true or false"},
        {"attributes that are none", 200, R"({"customAttributes":"x","userId":"anna"})", 400,
         "customAttributes must be an object"},
        {"flags that are none", 200, R"({"flags":"x","userId":"anna"})", 400, "flags must be an array"},
        {"a name that is none", 200, R"({"name":5,"userId":"anna"})", 400, "name must be a text"},
    };
    std::size_t registered = 0;
    for (const auto& each : answers)
        BOOST_TEST_CONTEXT(each.what)
        {
            clock.advance(1000); // one line a second
            const auto lines = log.lines().size();
            provider.answer(each.status, each.body);
            auto it = phone(protocol_version::v3_2); // its keys do not end
            BOOST_TEST(refused(it) == each.phone_is_told);
            registered += each.phone_is_told == 200 ? 1U : 0U;
            BOOST_TEST(registrations() == registered);
            BOOST_TEST(log.lines().size() == lines + (each.operators_are_told != nullptr ? 1U : 0U));
            if (each.operators_are_told != nullptr) {
                const auto line = log.lines().back();
                BOOST_TEST(line.find(each.operators_are_told) != std::string::npos, line);
                BOOST_TEST(line.find("the provider of app at http://judge.bank.example:8443 ") != std::string::npos);
                for (const char* secret : {"anna", "s\"ecret", "b3arer", "bob", "uuuu", "/ask"})
                    BOOST_TEST(line.find(secret) == std::string::npos, line);
            }
        }
    for (const kv::table each : {tables::ids, tables::keys, tables::counters, tables::by_user})
        BOOST_TEST(rows(each) == registered);
    BOOST_TEST(rows(tables::history) == 2 * registered);
    BOOST_TEST(rows(tables::by_code) == 0U);
}

BOOST_AUTO_TEST_CASE(every_way_of_giving_no_answer_is_a_refusal)
{
    for (int i = 1; i <= static_cast<int>(outgoing_failure::timed_out); ++i) {
        const auto failure = static_cast<outgoing_failure>(i);
        BOOST_TEST_CONTEXT(to_text(failure))
        {
            clock.advance(1000);
            handlers::outgoing_answer none;
            none.failure = failure;
            none.status = 200; // whatever else it says
            none.body = R"({"userId":"anna"})";
            provider.answer(none);
            auto it = phone(protocol_version::v3_2);
            BOOST_TEST(refused(it) == 400);
            BOOST_TEST(log.lines().back().find(to_text(failure)) != std::string::npos);
            BOOST_TEST(log.lines().size() == static_cast<std::size_t>(i));
        }
    }
    BOOST_TEST(registrations() == 0U);
}

// Whoever has the app may try credentials, at the cost that invented codes have.
BOOST_AUTO_TEST_CASE(credentials_that_fit_nobody_are_noise_and_a_provider_in_trouble_is_none)
{
    set({{"unproven", {{"perMinute", 1}}}});
    auto it = phone(protocol_version::v3_2);
    for (const unsigned trouble : {503U, 401U, 404U, 405U, 408U, 429U}) {
        provider.answer(trouble, "");
        for (unsigned i = 0; i < registry::unproven_address_factor; ++i)
            BOOST_TEST(refused(it) == 400);
    }
    provider.answer(403, "");
    for (unsigned i = 0; i < registry::unproven_address_factor; ++i)
        BOOST_TEST(refused(it) == 400);
    BOOST_TEST(refused(it) == 429);
    // Not even who would be recognised is told so: a budget that only wrong guesses feel limits nothing. Nobody is
    // asked, and nothing is written.
    recognise({{"userId", "anna"}});
    const auto asked = provider.requests().size();
    const auto seen = rows(tables::seen);
    const auto prepared = it.prepare_custom_activation("CUSTOM", credentials, right_pin);
    const auto told = call(handlers::side::device, to_owned(prepared.request));
    BOOST_TEST(told.status == 429U);
    BOOST_TEST(told.code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(told.header("Retry-After") == "3");
    BOOST_TEST(told.ends_connection);
    BOOST_TEST(provider.requests().size() == asked);
    BOOST_TEST(rows(tables::seen) == seen);
    // Another address has its own, and codes are not guessed.
    auto elsewhere = to_owned(it.prepare_custom_activation("CUSTOM", credentials, right_pin).request);
    elsewhere.source = v4(192, 0, 2, 1);
    BOOST_TEST(call(handlers::side::device, elsewhere).status == 200U);
    auto by_code = phone(protocol_version::v3_2);
    static_cast<void>(by_code.activate(create().code, right_pin));
    // The very same envelope is good for later: it was not used up.
    clock.advance(3'000);
    BOOST_TEST(device(prepared.request).status == 200);
    clock.advance(60'000);
    provider.answer(403, "");
    BOOST_TEST(refused(it) == 400);
}

// Whoever is recognised costs his address nothing, however often; only what is being judged is held back.
BOOST_AUTO_TEST_CASE(the_budget_of_an_address_is_held_back_while_the_provider_thinks)
{
    set({{"unproven", {{"perMinute", 1}}}});
    constexpr unsigned budget = registry::unproven_address_factor;
    auto it = phone(protocol_version::v3_2);
    for (unsigned i = 0; i < 2 * budget; ++i)
        BOOST_TEST(refused(it) == 200);
    const auto next = [&] { return to_owned(it.prepare_custom_activation("CUSTOM", credentials, right_pin).request); };

    // As many at once as the budget has room for: more guesses would be one for each that waits.
    provider.answer(403, "");
    provider.hold();
    std::vector<std::shared_ptr<pending>> guesses;
    for (unsigned i = 0; i < budget + 5; ++i)
        guesses.push_back(start(handlers::side::device, next()));
    poll();
    unsigned told_at_once = 0;
    for (const auto& each : guesses)
        told_at_once += each->done && each->done->status == 429 ? 1U : 0U;
    BOOST_TEST(told_at_once == 5U);
    provider.release();
    run();
    for (unsigned i = 0; i < budget; ++i)
        BOOST_TEST(guesses[i]->done.value().status == 400U);
    BOOST_TEST(refused(it) == 429);

    // What the provider did not refuse is given back.
    clock.advance(60'000);
    provider.answer(500, "");
    provider.hold();
    guesses.clear();
    for (unsigned i = 0; i < budget; ++i)
        guesses.push_back(start(handlers::side::device, next()));
    poll();
    BOOST_TEST(call_alone(handlers::side::device, next()).status == 429U);
    provider.release();
    run();
    recognise({{"userId", "anna"}});
    for (unsigned i = 0; i < budget; ++i)
        BOOST_TEST(refused(it) == 200);

    // A replay is noise as ever, and does not hold back anything of its own beside it.
    const auto sent = next();
    BOOST_TEST(call(handlers::side::device, sent).status == 200U);
    for (unsigned i = 0; i < budget; ++i)
        BOOST_TEST(call(handlers::side::device, sent).status == 400U);
    BOOST_TEST(call(handlers::side::device, sent).status == 429U);
}

BOOST_AUTO_TEST_CASE(the_provider_is_told_where_the_phone_calls_from)
{
    auto it = phone(protocol_version::v3_2);
    const std::pair<registry::source_address, const char*> addresses[]{
        {v4(192, 0, 2, 1), "192.0.2.1"}, {v6({0x20, 0x01, 0x0d, 0xb8}, 1), "2001:db8::1"}};
    for (const auto& [from, text] : addresses) {
        auto req = to_owned(it.prepare_custom_activation("CUSTOM", credentials, right_pin).request);
        req.source = from;
        BOOST_TEST(call(handlers::side::device, req).status == 200U);
        BOOST_TEST(provider.requests().back().body.at("clientIp") == text);
    }
}

BOOST_AUTO_TEST_CASE(when_too_many_calls_are_under_way_the_phone_is_told_to_come_back)
{
    provider.leave_room_for(0);
    auto it = phone();
    const auto prepared = it.prepare_custom_activation("CUSTOM", credentials, right_pin);
    const auto told = call(handlers::side::device, to_owned(prepared.request));
    BOOST_TEST(told.status == 429U);
    BOOST_TEST(told.code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(told.header("Retry-After") == "1");
    BOOST_TEST(provider.requests().empty());
    BOOST_TEST(rows(tables::seen) == 0U); // what is not asked about is not written down either
    BOOST_TEST_REQUIRE(log.lines().size() == 1U);
    BOOST_TEST(log.lines().back().find("was not asked: too many calls are under way") != std::string::npos);
    // So it may come again as it is. The room is held until the call has ended, and then given back.
    auto other = phone();
    const auto second = other.prepare_custom_activation("CUSTOM", credentials, right_pin);
    provider.leave_room_for(1);
    provider.hold();
    const auto first = start(handlers::side::device, to_owned(prepared.request));
    poll();
    BOOST_TEST(call_alone(handlers::side::device, to_owned(second.request)).status == 429U);
    provider.release();
    run();
    BOOST_TEST(first->done.value().status == 200U);
    BOOST_TEST(device(second.request).status == 200);
}

// --- replays, waiting, failing

BOOST_AUTO_TEST_CASE(a_replayed_envelope_does_not_reach_the_provider)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            const auto before = provider.requests().size();
            auto it = phone(version);
            const auto prepared = it.prepare_custom_activation("CUSTOM", credentials, right_pin);
            BOOST_TEST(device(prepared.request).status == 200);
            BOOST_TEST(device(prepared.request).status == 400);
            restart();
            BOOST_TEST(device(prepared.request).status == 400);
            BOOST_TEST(provider.requests().size() == before + 1);
        }
    BOOST_TEST(registrations() == 4U);

    // Also one that was refused, or is still being judged.
    provider.answer(403, "");
    auto it = phone();
    const auto prepared = it.prepare_custom_activation("CUSTOM", credentials, right_pin);
    provider.hold();
    const auto first = start(handlers::side::device, to_owned(prepared.request));
    poll();
    BOOST_TEST_REQUIRE(!commit(registry::barrier{}));
    poll();
    BOOST_TEST(provider.requests().size() == 5U);
    BOOST_TEST(call_alone(handlers::side::device, to_owned(prepared.request)).status == 400U);
    provider.release();
    run();
    BOOST_TEST(first->done.value().status == 400U);
    BOOST_TEST(device(prepared.request).status == 400);
    BOOST_TEST(provider.requests().size() == 5U);
}

BOOST_AUTO_TEST_CASE(while_the_provider_thinks_nothing_is_held_and_nothing_is_there)
{
    auto it = phone();
    const auto prepared = it.prepare_custom_activation("CUSTOM", credentials, right_pin);
    provider.hold();
    const auto slow = start(handlers::side::device, to_owned(prepared.request));
    poll();
    BOOST_TEST_REQUIRE(!commit(registry::barrier{}));
    poll();
    BOOST_TEST(provider.requests().size() == 1U);
    BOOST_TEST(registrations() == 0U);
    BOOST_TEST(services().slots.size() == 0U);

    // Everybody else goes on, the same thread included, and old pages of the store are used again.
    BOOST_TEST(call_alone(handlers::side::office, office_request("GET", "/v2/registrations?userId=anna")).status ==
               200U);
    const auto made = call_alone(handlers::side::office,
                                 office_request("POST", "/v2/registrations", R"({"userId":"bob","appId":"app"})"));
    BOOST_TEST(made.status == 200U);
    const auto changed =
        call_alone(handlers::side::office, office_request("PATCH", "/admin/applications/app",
                                                          R"({"provider":null,"maxFailedAttempts":9})", "admin"));
    BOOST_TEST(changed.status == 200U);
    fold();

    provider.release();
    run();
    BOOST_TEST(slow->done.value().status == 200U);
    BOOST_TEST(registrations() == 2U);
}

BOOST_AUTO_TEST_CASE(many_at_once_are_all_registered_or_refused)
{
    std::vector<owned_request> requests;
    for (int i = 0; i < 12; ++i) {
        auto it = phone(protocol_version::v3_2);
        requests.push_back(to_owned(it.prepare_custom_activation("CUSTOM", credentials, right_pin).request));
    }
    std::atomic<unsigned> registered{0};
    on_threads(12, [&](unsigned who) {
        registered += call_alone(handlers::side::device, requests[who]).status == 200 ? 1U : 0U;
    });
    BOOST_TEST(registered.load() == 12U);
    BOOST_TEST(office("GET", "/v2/registrations?userId=anna").body.at("registrations").size() == 12U);
    BOOST_TEST(rows(tables::history) == 24U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- what operators are told

BOOST_AUTO_TEST_SUITE(provider_failures)

namespace {

registry::application application_named(const std::string& id, const std::string& url)
{
    registry::application out{id, {}, 0, {}, 0, {}, {}}; // no keys: nothing is opened or signed
    registry::provider_settings provider;
    provider.url = url;
    out.settings.provider = std::move(provider);
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(one_line_a_second_for_each_application)
{
    recorded_log log;
    handlers::provider_reports reports{log};
    const auto one = application_named("one", "https://[::1]/a/b");
    const auto two = application_named("two", "http://two.example");
    reports.failed(one, "r1", "is down", 10'000);
    for (int i = 0; i < 5; ++i)
        reports.failed(one, "r2", "is down", 10'999);
    reports.failed(two, "r3", "is slow", 10'999);
    reports.failed(one, "r4", "is up again", 11'000);
    reports.failed(one, "r5", "is down", 12'500);
    BOOST_TEST((log.lines() == std::vector<std::string>{
                                   "request r1: the provider of one at https://[::1] is down",
                                   "request r3: the provider of two at http://two.example is slow",
                                   "request r4: the provider of one at https://[::1] is up again; 5 more since the "
                                   "line before",
                                   "request r5: the provider of one at https://[::1] is down",
                               }));
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_silences_nobody)
{
    recorded_log log;
    handlers::provider_reports reports{log};
    const auto one = application_named("one", "http://one.example");
    reports.failed(one, "r1", "is down", 1'000'000);
    reports.failed(one, "r2", "is down", 10'000);
    BOOST_TEST(log.lines().size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
