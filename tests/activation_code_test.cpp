// POST /api/activation/code: a phone asks for a code for another phone, as the simulated phone does and as no phone
// would.

#include "tests/support.hpp"

#include <set>

namespace {

using namespace doorward;
using namespace doorward::tests;
using type = bench::signature_type;

constexpr type two_factors = type::possession_knowledge;
constexpr const char* otp = "0123456789abcdef";
constexpr const char* code_path = "/api/activation/code";

class code_world : public scratch_world {
public:
    explicit code_world(const json& rules = {{"spawn", true}, {"move", true}}) { allow(rules); }

    void allow(const json& rules)
    {
        const auto got = office("PATCH", "/admin/applications/app", json{{"transfer", rules}}.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    }

    // Registers another phone with a code.
    bench::device use(const bench::device::activation_code& code, std::string_view with_otp = otp,
                      bench::protocol_version version = bench::protocol_version::v3_3)
    {
        auto out = phone(version);
        bench::activation_details details;
        details.otp = with_otp;
        static_cast<void>(out.activate(code.qr_data(), right_pin, details));
        return out;
    }

    // Any plaintext, signed and encrypted as it should be.
    bench::http_answer ask(bench::device& from, std::string_view plaintext, type with = two_factors)
    {
        return device(from.prepare_signed_then_encrypted(code_path, code_path, plaintext, with,
                                                         with == two_factors ? right_pin : std::string_view{})
                          .request);
    }

    std::size_t registrations()
    {
        return env().view([](const kv::read_txn& txn) { return txn.row_count(registry::tables::ids); });
    }
};

struct refusal {
    int status = 200;
    std::string code;
};

refusal refused(const bench::http_answer& got)
{
    try {
        static_cast<void>(bench::device::accepted(got));
        return {};
    } catch (const bench::server_refused& why) {
        return {why.http_status, why.code};
    }
}

#define CHECK_REFUSED(answer, wanted_status, wanted_code)                                                              \
    do {                                                                                                               \
        const refusal got_refusal = refused(answer);                                                                   \
        BOOST_TEST(got_refusal.status == (wanted_status));                                                             \
        BOOST_TEST(got_refusal.code == (wanted_code));                                                                 \
    } while (false)

} // namespace

BOOST_AUTO_TEST_SUITE(activation_code)

BOOST_AUTO_TEST_CASE(a_code_of_every_version_makes_a_second_phone)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(rules_of(version).name)
        {
            code_world world;
            auto it = enrol(world, json::object(), version);
            const auto code = it.phone.request_code("app", otp, two_factors, right_pin);
            const auto made = world.detail(code.activation_id);
            BOOST_TEST(made.at("registrationStatus") == "CREATED");
            BOOST_TEST(made.at("userId") == "alice");
            BOOST_TEST(made.at("parentRegistrationId") == it.id);
            BOOST_TEST(made.at("transferType") == "SPAWN");
            BOOST_TEST(made.at("commitPhase") == "ON_KEY_EXCHANGE");
            BOOST_TEST(made.at("timestampRegistrationExpire") ==
                       world.clock.now() + registry::registration_expiry_default_ms);
            const auto row = world.history(code.activation_id).front();
            BOOST_TEST(row.at("actorRegistrationId") == it.id);
            BOOST_TEST(row.at("eventReason") == "SPAWN:" + it.id);

            auto second = world.use(code, otp, version);
            BOOST_TEST(second.activation_id() == code.activation_id);
            BOOST_TEST(world.status(code.activation_id) == "ACTIVE");
            BOOST_TEST(second.validate(two_factors, right_pin));
            BOOST_TEST(it.phone.validate(two_factors, right_pin));
        }
}

BOOST_AUTO_TEST_CASE(the_dialects_of_both_platforms_are_understood)
{
    code_world world;
    for (const auto style : {bench::wire_style::android, bench::wire_style::ios}) {
        const auto it = enrol(world);
        auto phone = world.phone(it.phone.state(), style);
        const auto code = phone.request_code("app", "a/b=c<d>&'0123456789", two_factors, right_pin);
        static_cast<void>(world.use(code, "a/b=c<d>&'0123456789"));
        BOOST_TEST(world.status(code.activation_id) == "ACTIVE");
    }
}

BOOST_AUTO_TEST_CASE(the_way_is_the_usual_one_or_the_one_that_is_asked_for)
{
    const struct {
        json rules;
        const char* asked;
        const char* got; // null: refused
    } table[]{
        {{{"spawn", true}, {"move", true}}, "", "SPAWN"},   {{{"spawn", true}, {"move", true}}, "MOVE", "MOVE"},
        {{{"spawn", true}, {"move", false}}, "", "SPAWN"},  {{{"spawn", true}, {"move", false}}, "MOVE", nullptr},
        {{{"spawn", false}, {"move", true}}, "", "MOVE"},   {{{"spawn", false}, {"move", true}}, "SPAWN", nullptr},
        {{{"spawn", false}, {"move", false}}, "", nullptr}, {nullptr, "SPAWN", nullptr},
    };
    code_world world;
    auto it = enrol(world);
    for (const auto& [rules, asked, got] : table)
        BOOST_TEST_CONTEXT(rules << ' ' << asked)
        {
            world.allow(rules);
            auto pending = it.phone.prepare_code("app", otp, two_factors, right_pin, asked);
            const auto answer = world.device(pending.request);
            if (got == nullptr) {
                CHECK_REFUSED(answer, 400, "ACTIVATION_CODE_FAILED");
            } else {
                const auto code = bench::device::finish_code(pending, answer);
                BOOST_TEST(world.detail(code.activation_id).at("transferType") == got);
            }
        }
}

BOOST_AUTO_TEST_CASE(a_move_replaces_the_phone_that_asked)
{
    code_world world;
    auto it = enrol(world);
    const auto code = it.phone.request_code("app", otp, type::possession_biometry, {}, "MOVE");
    auto second = world.use(code);
    BOOST_TEST(world.status(it.id) == "REMOVED");
    BOOST_TEST(!it.phone.validate(two_factors, right_pin));
    BOOST_TEST(second.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(the_code_is_of_no_use_without_the_password)
{
    code_world world;
    auto it = enrol(world);
    const auto code = it.phone.request_code("app", otp, two_factors, right_pin);
    BOOST_CHECK_THROW(static_cast<void>(world.use(code, "0123456789abcdeF")), bench::server_refused);
    auto without = world.phone();
    BOOST_CHECK_THROW(static_cast<void>(without.activate(code.qr_data(), right_pin)), bench::server_refused);
    BOOST_TEST(world.detail(code.activation_id).at("failedAttempts") == 1);
    static_cast<void>(world.use(code));
    BOOST_TEST(world.status(code.activation_id) == "ACTIVE");
}

BOOST_AUTO_TEST_CASE(flags_limit_and_targets_follow_the_rules)
{
    code_world world{{{"spawn", true}, {"flags", {"CLONE"}}, {"maxFailedAttempts", 2}, {"targets", {"other"}}}};
    auto it = enrol(world, {{"flags", {"VIP"}}});
    const auto code = it.phone.request_code("other", otp, two_factors, right_pin);
    const auto made = world.detail(code.activation_id);
    BOOST_TEST(made.at("applicationId") == "other");
    BOOST_TEST((made.at("flags") == json{"CLONE"}));
    BOOST_TEST(made.at("maxFailedAttempts") == 2);
    // Not allowed and not there look alike.
    std::set<std::string> answers;
    for (const char* application : {"app", "nonsense"}) {
        const auto got = world.device(it.phone.prepare_code(application, otp, two_factors, right_pin).request);
        CHECK_REFUSED(got, 400, "ACTIVATION_CODE_FAILED");
        answers.insert(got.body);
    }
    BOOST_TEST(answers.size() == 1U);
}

BOOST_AUTO_TEST_CASE(two_factors_are_asked_for_and_wrong_ones_count)
{
    code_world world;
    auto it = enrol(world);
    const auto before = world.registrations();
    CHECK_REFUSED(world.device(it.phone.prepare_code("app", otp, type::possession).request), 401, "ERR_AUTHENTICATION");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
    CHECK_REFUSED(world.device(it.phone.prepare_code("app", otp, two_factors, wrong_pin).request), 401,
                  "ERR_AUTHENTICATION");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1);
    BOOST_TEST(world.registrations() == before);
    for (const auto with : {two_factors, type::possession_biometry, type::possession_knowledge_biometry})
        static_cast<void>(it.phone.request_code("app", otp, with, with == type::possession_biometry ? "" : right_pin));
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(bad_plaintexts_are_told_once_the_proof_is_right)
{
    code_world world;
    auto it = enrol(world);
    const auto before = world.registrations();
    for (const std::string plaintext :
         {R"({})", R"(nonsense)", R"([])", R"({"requestObject":{}})", R"({"requestObject":{"applicationId":"app"}})",
          R"({"requestObject":{"otp":"0123456789abcdef"}})",
          R"({"requestObject":{"applicationId":"app","otp":"0123456789abcde"}})",
          R"({"requestObject":{"applicationId":"","otp":"0123456789abcdef"}})",
          R"({"requestObject":{"applicationId":7,"otp":"0123456789abcdef"}})",
          R"({"requestObject":{"applicationId":"app","otp":"0123456789abcdef","type":"CLONE"}})",
          R"({"applicationId":"app","otp":"0123456789abcdef"})"})
        BOOST_TEST_CONTEXT(plaintext)
        {
            CHECK_REFUSED(world.ask(it.phone, plaintext), 400, "INVALID_REQUEST");
        }
    BOOST_TEST(world.registrations() == before);
    BOOST_TEST(world.ask(it.phone, R"({"requestObject":{"applicationId":"app","otp":"0123456789abcdef"}})").status ==
               200);
}

BOOST_AUTO_TEST_CASE(the_same_request_again_is_refused_and_counts_nothing)
{
    code_world world;
    auto it = enrol(world);
    const auto right = it.phone.prepare_code("app", otp, two_factors, right_pin).request;
    BOOST_TEST(world.device(right).status == 200);
    const auto made = world.registrations();
    CHECK_REFUSED(world.device(right), 400, "ERR_ENCRYPTION");
    const auto wrong = it.phone.prepare_code("app", otp, two_factors, wrong_pin).request;
    CHECK_REFUSED(world.device(wrong), 401, "ERR_AUTHENTICATION");
    CHECK_REFUSED(world.device(wrong), 400, "ERR_ENCRYPTION");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1);
    BOOST_TEST(world.registrations() == made);
    world.restart();
    CHECK_REFUSED(world.device(right), 400, "ERR_ENCRYPTION");
}

BOOST_AUTO_TEST_CASE(what_is_not_as_it_should_be_is_refused)
{
    code_world world;
    auto it = enrol(world);
    const auto good = it.phone.prepare_code("app", otp, two_factors, right_pin).request;
    auto broken = good;
    broken.body.replace(broken.body.find("\"mac\":\"") + 7, 1,
                        broken.body[broken.body.find("\"mac\":\"") + 7] == 'A' ? "B" : "A");
    CHECK_REFUSED(world.device(broken), 400, "ERR_ENCRYPTION");
    broken = good;
    broken.body = "{}";
    CHECK_REFUSED(world.device(broken), 400, "ERR_ENCRYPTION");
    broken = good;
    broken.headers.pop_back(); // no signature
    CHECK_REFUSED(world.device(broken), 401, "ERR_AUTHENTICATION");
    // Signed for something else, or over the envelope in place of the plaintext.
    const std::string plaintext = R"({"requestObject":{"applicationId":"app","otp":"0123456789abcdef"}})";
    CHECK_REFUSED(world.device(it.phone
                                   .prepare_signed_then_encrypted(code_path, "/pa/signature/validate", plaintext,
                                                                  two_factors, right_pin)
                                   .request),
                  401, "ERR_AUTHENTICATION");
    broken = it.phone.prepare_signed_then_encrypted(code_path, code_path, plaintext, two_factors, right_pin).request;
    broken.headers.back().second = it.phone.sign("POST", code_path, broken.body, two_factors, right_pin);
    CHECK_REFUSED(world.device(broken), 401, "ERR_AUTHENTICATION");
    BOOST_TEST(world.device(good).status == 200);
}

BOOST_AUTO_TEST_CASE(a_phone_that_is_not_active_gets_no_code)
{
    code_world world;
    auto it = enrol(world);
    const auto before = it.phone.prepare_code("app", otp, two_factors, right_pin).request;
    const auto later = it.phone.prepare_code("app", otp, two_factors, right_pin).request;
    world.office("PUT", "/v2/registrations/" + it.id, R"({"change":"BLOCK"})");
    CHECK_REFUSED(world.device(before), 401, "ERR_AUTHENTICATION");
    world.office("DELETE", "/v2/registrations/" + it.id);
    CHECK_REFUSED(world.device(later), 401, "ERR_AUTHENTICATION");
    BOOST_TEST(world.registrations() == 1U);
}

BOOST_AUTO_TEST_CASE(only_so_many_codes_wait_at_once)
{
    code_world world;
    auto it = enrol(world);
    for (std::size_t i = 0; i < registry::waiting_children_max; ++i)
        static_cast<void>(it.phone.request_code("app", otp, two_factors, right_pin));
    CHECK_REFUSED(world.device(it.phone.prepare_code("app", otp, two_factors, right_pin).request), 400,
                  "ACTIVATION_CODE_FAILED");
    world.clock.advance(registry::registration_expiry_default_ms);
    static_cast<void>(it.phone.fetch_temporary_key(bench::encryption_scope::activation));
    static_cast<void>(it.phone.request_code("app", otp, two_factors, right_pin));
}

BOOST_AUTO_TEST_SUITE_END()
