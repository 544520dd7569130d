// The device side, asked by the simulated phone and by requests that no phone would send. What phones of every version
// go through is in device_matrix_test.cpp.

#include "tests/support.hpp"

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using bench::encryption_scope;
using bench::protocol_version;
using type = bench::signature_type;

constexpr type two_factors = type::possession_knowledge;
constexpr std::string_view activation_path = "/pa/v3/activation/create";
constexpr std::string_view status_path = "/pa/v3/activation/status";
constexpr std::string_view keystore_path = "/pa/v3/keystore/create";
constexpr std::string_view validate_path = "/pa/v3/signature/validate";

struct refusal {
    int status = 200;
    std::string code;
    std::string message;
};

// What the server says to something that it should refuse; 200 when it did not.
template <class Action>
refusal refused(const Action& action)
{
    try {
        action();
        return {};
    } catch (const bench::server_refused& answer) {
        return {answer.http_status, answer.code, answer.message};
    }
}

#define CHECK_REFUSED(action, wanted_status, wanted_code, wanted_message)                                              \
    do {                                                                                                               \
        const refusal got = refused([&] { action; });                                                                  \
        BOOST_TEST(got.status == (wanted_status));                                                                     \
        BOOST_TEST(got.code == (wanted_code));                                                                         \
        BOOST_TEST(got.message == (wanted_message));                                                                   \
    } while (false)

#define CHECK_ACTIVATION_REFUSED(action) CHECK_REFUSED(action, 400, "ERR_ACTIVATION", "POWER_AUTH_ACTIVATION_INVALID")

// The same phone after an update of its application.
bench::device with_version(scratch_world& world, const bench::device& phone, protocol_version version)
{
    auto state = phone.state();
    state.version = version;
    return world.phone(std::move(state));
}

void check_answer(const answer& got, unsigned status, std::string_view code, std::string_view message)
{
    BOOST_TEST(got.status == status, got.text);
    BOOST_TEST(got.code() == code);
    BOOST_TEST(got.message() == message);
    BOOST_TEST(got.body.value("status", "") == "ERROR");
}

bench::activation_details with_otp(std::string otp)
{
    bench::activation_details out;
    out.otp = std::move(otp);
    return out;
}

// A registration in every state, with the phone that was bound to it where there is one.
struct registration_in_state {
    std::string name;
    std::string id;
    std::optional<bench::device> phone;
};

std::vector<registration_in_state> one_of_each_state(scratch_world& world, protocol_version version)
{
    std::vector<registration_in_state> out;
    out.push_back({"CREATED", world.create("carl").id, std::nullopt});
    {
        const auto made = world.create("petra");
        auto phone = world.phone(version);
        static_cast<void>(phone.activate(made.code, right_pin));
        out.push_back({"PENDING_COMMIT", made.id, std::move(phone)});
    }
    for (const char* change : {"ACTIVE", "BLOCKED", "REMOVED"}) {
        auto it = enrol(world, json::object(), version);
        if (std::string_view{change} == "BLOCKED")
            BOOST_TEST_REQUIRE(world.office("PUT", "/v2/registrations/" + it.id, R"({"change":"BLOCK"})").status ==
                               200U);
        if (std::string_view{change} == "REMOVED")
            BOOST_TEST_REQUIRE(world.office("DELETE", "/v2/registrations/" + it.id).status == 200U);
        out.push_back({change, it.id, std::move(it.phone)});
    }
    for (const auto& each : out)
        BOOST_TEST_REQUIRE(world.status(each.id) == each.name);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(device_side)

BOOST_AUTO_TEST_CASE(the_status_tells_the_time_of_the_clock)
{
    scratch_world world;
    for (const char* body : {"{}", "", "anything"}) {
        const auto got = world.device("/pa/v3/status", body);
        BOOST_TEST(got.status == 200U);
        BOOST_TEST(got.body.at("status") == "OK");
        BOOST_TEST(got.body.at("responseObject").at("serverTime") == world.clock.now());
        BOOST_TEST(got.body.at("responseObject").at("application").at("name") == "doorward");
    }
}

BOOST_AUTO_TEST_CASE(paths_and_methods_of_the_other_side_are_not_there)
{
    scratch_world world;
    for (const char* path : {"/", "/pa/v3/nothing", "/pa/v3/status/", "/v2/registrations", "/admin/applications",
                             "/powerauth-cloud/pa/v3/status", "/v2/token/verify"})
        BOOST_TEST_CONTEXT(path)
        {
            check_answer(world.device(path, "{}"), 404, "ERROR_NOT_FOUND", "Resource not found.");
        }
    owned_request req;
    req.method = "GET";
    req.target = status_path;
    const auto got = world.call(handlers::side::device, req);
    BOOST_TEST(got.status == 405U);
    BOOST_TEST(got.header("Allow") == "POST");
}

// --- enrolment

BOOST_AUTO_TEST_CASE(an_activation_code_is_used_up_by_success_only)
{
    scratch_world world;
    const auto made = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}});
    auto first = world.phone();
    CHECK_ACTIVATION_REFUSED(first.activate(made.code, right_pin));
    CHECK_ACTIVATION_REFUSED(first.activate(made.code, right_pin, with_otp("1111")));
    static_cast<void>(first.activate(made.code, right_pin, with_otp("0000")));
    auto second = world.phone();
    CHECK_ACTIVATION_REFUSED(second.activate(made.code, right_pin, with_otp("0000")));
    BOOST_TEST(first.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(a_code_that_nobody_waits_for_is_refused)
{
    scratch_world world;
    auto phone = world.phone();
    CHECK_ACTIVATION_REFUSED(phone.activate("AAAQE-AYEAU-DAOCA-JIICA", right_pin));
}

BOOST_AUTO_TEST_CASE(a_code_of_another_application_is_refused)
{
    scratch_world world;
    const auto made = world.create();
    const auto other = world.application("other");
    bench::device_state state;
    state.pin_iterations = 1;
    for (const auto version : all_versions) {
        state.version = version;
        bench::device phone{other, state, bench::wire_style::android,
                            [&](const bench::http_request& req) { return world.device(req); }};
        phone.take_time_from([&] { return world.clock.now(); });
        CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin));
    }
    BOOST_TEST(world.status(made.id) == "CREATED");
}

BOOST_AUTO_TEST_CASE(types_that_are_not_offered_leave_nothing_behind)
{
    scratch_world world;
    const auto made = world.create();
    auto phone = world.phone();
    CHECK_ACTIVATION_REFUSED(phone.activate_custom("CUSTOM", {{"code", made.code}}, right_pin));
    CHECK_ACTIVATION_REFUSED(phone.activate_custom("DIRECT", {{"code", made.code}}, right_pin));
    CHECK_ACTIVATION_REFUSED(phone.activate_custom("RECOVERY", {{"code", made.code}}, right_pin));
    CHECK_ACTIVATION_REFUSED(phone.activate_custom("CODE", {{"user", "x"}}, right_pin));
    BOOST_TEST(world.status(made.id) == "CREATED");
}

BOOST_AUTO_TEST_CASE(an_enrolment_is_bound_by_its_header)
{
    scratch_world world;
    const auto made = world.create();
    auto phone = world.phone(protocol_version::v3_2);
    const auto pending = phone.prepare_activation(made.code, right_pin);
    const std::string body = pending.request.body;
    const auto app = world.application();
    const auto header = [&](const std::string& version, const std::string& key, const std::string& more = {}) {
        return "PowerAuth version=\"" + version + "\", application_key=\"" + key + "\"" + more;
    };
    for (const auto& each :
         {std::string{}, std::string{"PowerAuth"}, std::string{"Basic x"}, header("3.2", "AAAAAAAAAAAAAAAAAAAAAA=="),
          header("3.4", app.key()), header("3.1", app.key()), header("3.3", app.key()), header("3.2", "short"),
          header("3.2", app.key(), ", activation_id=\"" + made.id + "\""),
          header("3.2", world.application("other").key())})
        BOOST_TEST_CONTEXT(each)
        {
            check_answer(world.device(activation_path, body, {}, each), 400, "ERR_ACTIVATION",
                         "POWER_AUTH_ACTIVATION_INVALID");
        }
    // None of them has used it up.
    BOOST_TEST(world.device(activation_path, body, {}, header("3.2", app.key())).status == 200U);
}

BOOST_AUTO_TEST_CASE(a_body_that_is_no_envelope_is_refused)
{
    scratch_world world;
    const auto header = "PowerAuth version=\"3.2\", application_key=\"" + world.application().key() + "\"";
    for (const char* body : {"", "{", "[]", "null", "{}", R"({"ephemeralPublicKey":1})",
                             R"({"ephemeralPublicKey":"AA==","encryptedData":"AA==","mac":"AA=="})", "\xFF\xFE"})
        BOOST_TEST_CONTEXT(body)
        {
            check_answer(world.device(activation_path, body, {}, header), 400, "ERR_ACTIVATION",
                         "POWER_AUTH_ACTIVATION_INVALID");
        }
}

BOOST_AUTO_TEST_CASE(the_same_envelope_twice_is_refused)
{
    scratch_world world;
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            // The first time the password is missing, so nothing but the memory of the envelope stands in the way.
            const auto made = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}});
            auto phone = world.phone(version);
            auto right = world.phone(version);
            const auto pending = right.prepare_activation(made.code, right_pin, with_otp("0000"));
            BOOST_TEST(world.device(pending.request).status == 200);
            BOOST_TEST(world.device(pending.request).status == 400);
            BOOST_TEST(world.status(made.id) == "ACTIVE");
        }
}

// What a replay could do, if it were not refused: count wrong passwords.
BOOST_AUTO_TEST_CASE(a_replayed_wrong_password_is_not_counted)
{
    scratch_world world;
    const auto made = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}});
    auto phone = world.phone();
    const auto pending = phone.prepare_activation(made.code, right_pin, with_otp("1111"));
    for (int i = 0; i < 10; ++i)
        BOOST_TEST(world.device(pending.request).status == 400);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
    world.restart();
    BOOST_TEST(world.device(pending.request).status == 400);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
}

BOOST_AUTO_TEST_CASE(a_replay_is_refused_for_as_long_as_its_timestamp_is_in_the_window)
{
    scratch_world world;
    const auto made = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}});
    auto phone = world.phone(protocol_version::v3_2);
    phone.take_time_from([&] { return world.clock.now() + 60'000; }); // ahead as far as it may be
    const auto pending = phone.prepare_activation(made.code, right_pin, with_otp("1111"));
    BOOST_TEST(world.device(pending.request).status == 400);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
    world.clock.advance(120'000); // it is now behind as far as it may be
    static_cast<void>(world.sweep());
    BOOST_TEST(world.device(pending.request).status == 400);
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 1);
}

BOOST_AUTO_TEST_CASE(an_envelope_outside_the_time_window_is_refused)
{
    scratch_world world;
    for (const std::int64_t off : {-60'001, -60'000, 0, 60'000, 60'001})
        BOOST_TEST_CONTEXT("off by " << off)
        {
            const auto made = world.create();
            auto phone = world.phone(protocol_version::v3_2);
            phone.take_time_from([&] { return world.clock.now() + off; });
            const auto pending = phone.prepare_activation(made.code, right_pin);
            BOOST_TEST(world.device(pending.request).status == (off < -60'000 || off > 60'000 ? 400 : 200));
        }
}

BOOST_AUTO_TEST_CASE(what_a_person_called_the_phone_is_kept)
{
    scratch_world world;
    const auto made = world.create();
    auto phone = world.phone();
    bench::activation_details details;
    details.name = "Zo\xC3\xAB's \xF0\x9F\x93\xB1 \"phone\"";
    details.extras = "what the app\nwants to be kept";
    static_cast<void>(phone.activate(made.code, right_pin, details));
    BOOST_TEST(world.detail(made.id).at("name") == *details.name);
    BOOST_TEST(world.detail(made.id).at("extras") == *details.extras);
    BOOST_TEST(!world.detail(world.create().id).contains("extras"));
}

BOOST_AUTO_TEST_CASE(a_phone_without_a_name_keeps_the_one_of_the_back_office)
{
    scratch_world world;
    const auto made = world.create("alice", {{"name", "given at the branch"}});
    auto phone = world.phone();
    bench::activation_details details;
    details.name = std::nullopt;
    static_cast<void>(phone.activate(made.code, right_pin, details));
    BOOST_TEST(world.detail(made.id).at("name") == "given at the branch");
}

// --- one-time passwords: the table of PROTOCOL.md 12.4

BOOST_AUTO_TEST_CASE(the_password_table_at_key_exchange)
{
    scratch_world world;
    struct {
        const char* what;
        json body;
        std::optional<std::string> sent;
        const char* ends_in; // state
        unsigned failed;
    } const rows[]{
        {"on commit, none", {{"commitPhase", "ON_COMMIT"}}, {}, "PENDING_COMMIT", 0},
        {"by default, none", json::object(), {}, "PENDING_COMMIT", 0},
        {"on commit, none, but sent", json::object(), "0000", "CREATED", 0},
        {"on commit, set, not sent", {{"otp", "0000"}}, {}, "PENDING_COMMIT", 0},
        {"on commit, set, right one sent too early", {{"otp", "0000"}}, "0000", "CREATED", 0},
        {"on commit, set, wrong one sent too early", {{"otp", "0000"}}, "1111", "CREATED", 0},
        {"on key exchange, none", {{"commitPhase", "ON_KEY_EXCHANGE"}}, {}, "ACTIVE", 0},
        {"on key exchange, none, but sent", {{"commitPhase", "ON_KEY_EXCHANGE"}}, "0000", "CREATED", 0},
        {"on key exchange, set, right", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}}, "0000", "ACTIVE", 0},
        {"on key exchange, set, missing", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}}, {}, "CREATED", 0},
        {"on key exchange, set, wrong", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}}, "1111", "CREATED", 1},
        {"older words: none", {{"otpValidation", "NONE"}}, {}, "PENDING_COMMIT", 0},
        {"older words: on commit", {{"otpValidation", "ON_COMMIT"}, {"otp", "0000"}}, {}, "PENDING_COMMIT", 0},
        {"older words: on key exchange", {{"otpValidation", "ON_KEY_EXCHANGE"}, {"otp", "0000"}}, "0000", "ACTIVE", 0},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.what)
        {
            const auto made = world.create("alice", row.body);
            auto phone = world.phone();
            bench::activation_details details;
            details.otp = row.sent;
            const bool succeeds = std::string_view{row.ends_in} != "CREATED";
            const auto got = refused([&] { static_cast<void>(phone.activate(made.code, right_pin, details)); });
            BOOST_TEST(got.status == (succeeds ? 200 : 400));
            const auto detail = world.detail(made.id);
            BOOST_TEST(detail.at("registrationStatus") == row.ends_in);
            BOOST_TEST(detail.at("failedAttempts") == row.failed);
        }
}

BOOST_AUTO_TEST_CASE(the_last_wrong_password_at_key_exchange_removes)
{
    scratch_world world;
    const auto made =
        world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}, {"maxFailedAttempts", 3}});
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(world.status(made.id) == "CREATED");
        auto phone = world.phone();
        CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin, with_otp("1111")));
    }
    BOOST_TEST(world.status(made.id) == "REMOVED");
    auto phone = world.phone();
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin, with_otp("0000")));
    const auto rows = world.history(made.id);
    BOOST_TEST_REQUIRE(rows.size() == 4U);
    BOOST_TEST(rows[1].at("event") == "FAIL_OTP");
    BOOST_TEST(rows[1].at("eventReason") == "OTP_FAILED_ATTEMPT");
    BOOST_TEST(rows[3].at("event") == "REMOVE_ON_OTP");
    BOOST_TEST(rows[3].at("eventReason") == "OTP_MAX_FAILED_ATTEMPTS");
}

BOOST_AUTO_TEST_CASE(a_right_password_forgets_the_wrong_ones)
{
    scratch_world world;
    const auto made = world.create("alice", {{"commitPhase", "ON_KEY_EXCHANGE"}, {"otp", "0000"}});
    auto phone = world.phone();
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin, with_otp("1111")));
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin, with_otp("2222")));
    static_cast<void>(phone.activate(made.code, right_pin, with_otp("0000")));
    BOOST_TEST(world.detail(made.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(the_password_table_at_commit)
{
    scratch_world world;
    struct {
        const char* what;
        json created_with;
        const char* commit;
        const char* ends_in;
        unsigned failed;
    } const rows[]{
        {"none, none", json::object(), "{}", "ACTIVE", 0},
        {"none, and no body", json::object(), "", "ACTIVE", 0},
        {"none, null", json::object(), R"({"otp":null,"externalUserId":null})", "ACTIVE", 0},
        {"none, but given", json::object(), R"({"otp":"0000"})", "PENDING_COMMIT", 0},
        {"set, right", {{"otp", "0000"}}, R"({"otp":"0000"})", "ACTIVE", 0},
        {"set, missing", {{"otp", "0000"}}, "{}", "PENDING_COMMIT", 0},
        {"set, wrong", {{"otp", "0000"}}, R"({"otp":"1111"})", "PENDING_COMMIT", 1},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.what)
        {
            const auto made = world.create("alice", row.created_with);
            auto phone = world.phone();
            static_cast<void>(phone.activate(made.code, right_pin));
            const auto got = world.office("POST", "/v2/registrations/" + made.id + "/commit", row.commit);
            const bool succeeds = std::string_view{row.ends_in} == "ACTIVE";
            BOOST_TEST(got.status == (succeeds ? 200U : 400U));
            BOOST_TEST(got.code() == (succeeds ? "" : "ERROR_REGISTRATION_CHANGE"));
            const auto detail = world.detail(made.id);
            BOOST_TEST(detail.at("registrationStatus") == row.ends_in);
            BOOST_TEST(detail.at("failedAttempts") == row.failed);
        }
}

BOOST_AUTO_TEST_CASE(the_last_wrong_password_at_commit_removes)
{
    scratch_world world;
    const auto made = world.create("alice", {{"otp", "0000"}, {"maxFailedAttempts", 2}});
    auto phone = world.phone();
    static_cast<void>(phone.activate(made.code, right_pin));
    const auto commit = [&](const char* otp) {
        return world.office("POST", "/v2/registrations/" + made.id + "/commit", json{{"otp", otp}}.dump());
    };
    BOOST_TEST(commit("1111").status == 400U);
    BOOST_TEST(commit("2222").status == 400U);
    BOOST_TEST(world.status(made.id) == "REMOVED");
    BOOST_TEST(commit("0000").code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(phone.status().state_name() == "REMOVED");
}

// --- signatures

BOOST_AUTO_TEST_CASE(a_method_that_no_phone_signs_is_not_offered)
{
    scratch_world world;
    auto it = enrol(world);
    auto patch = it.phone.make_validate_request(two_factors, right_pin, "PUT");
    patch.method = "PATCH";
    BOOST_TEST(world.device(patch).status == 405);
}

BOOST_AUTO_TEST_CASE(every_refused_signature_has_one_answer)
{
    scratch_world world;
    auto it = enrol(world);
    const auto good = [&] { return it.phone.sign("POST", "/pa/signature/validate", "{}", two_factors, right_pin); };
    const auto unknown = [&] {
        auto header = good();
        const auto at = header.find(it.id);
        header.replace(at, it.id.size(), registry::uuid::random().text());
        return header;
    };
    const auto foreign = [&] {
        auto header = good();
        const auto key = world.application().key();
        header.replace(header.find(key), key.size(), world.application("other").key());
        return header;
    };
    const auto without = [&](std::string_view piece) {
        auto header = good();
        header.erase(header.find(piece), piece.size());
        return header;
    };
    struct {
        const char* what;
        std::string header;
        std::string body;
    } const rows[]{
        {"no header", "", "{}"},
        {"no PowerAuth header", "Bearer x", "{}"},
        {"unknown registration", unknown(), "{}"},
        {"key of another application", foreign(), "{}"},
        {"another body", good(), "{ }"},
        {"a field missing", without("pa_nonce="), "{}"},
        {"another URI id", it.phone.sign("POST", "/pa/other", "{}", two_factors, right_pin), "{}"},
        {"another method", it.phone.sign("PUT", "/pa/signature/validate", "{}", two_factors, right_pin), "{}"},
        {"wrong PIN", it.phone.sign("POST", "/pa/signature/validate", "{}", two_factors, wrong_pin), "{}"},
        {"knowledge alone", it.phone.sign("POST", "/pa/signature/validate", "{}", type::knowledge, right_pin), "{}"},
        {"biometry alone", it.phone.sign("POST", "/pa/signature/validate", "{}", type::biometry), "{}"},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.what)
        {
            check_answer(world.device(validate_path, row.body, row.header), 401, "ERR_AUTHENTICATION",
                         "POWER_AUTH_SIGNATURE_INVALID");
        }
    // Only the one that proved possession was counted.
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1);
    BOOST_TEST(world.device(validate_path, "{}", good()).text == R"({"status":"OK"})");
}

BOOST_AUTO_TEST_CASE(a_malformed_query_is_refused)
{
    scratch_world world;
    auto it = enrol(world);
    auto req = it.phone.make_validate_request(two_factors, right_pin, "GET", {{"a", "1"}});
    req.path = "/pa/v3/signature/validate?a=%zz";
    BOOST_TEST(world.device(req).status == 401);
}

BOOST_AUTO_TEST_CASE(wrong_pins_block_at_the_limit_and_the_phone_learns_it_from_its_status)
{
    scratch_world world;
    auto it = enrol(world, {{"maxFailedAttempts", 3}});
    BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
    BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(world.status(it.id) == "ACTIVE");
        BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
    }
    const auto detail = world.detail(it.id);
    BOOST_TEST(detail.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(detail.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(detail.at("remainingAttempts") == 0);
    BOOST_TEST(!it.phone.validate(two_factors, right_pin));
    const auto status = it.phone.status();
    BOOST_TEST(status.state_name() == "BLOCKED");
    BOOST_TEST(status.blob.failed_attempts == 3);
    std::size_t blocked_rows = 0;
    for (const json& row : world.history(it.id))
        blocked_rows += row.at("event") == "BLOCK_ON_FAILURES" ? 1U : 0U;
    BOOST_TEST(blocked_rows == 1U);

    BOOST_TEST(world.office("PUT", "/v2/registrations/" + it.id, R"({"change":"UNBLOCK"})").status == 200U);
    BOOST_TEST(it.phone.validate(two_factors, right_pin)); // the phone goes on where it was
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_refused_request_sent_again_is_not_counted_again_after_a_restart_either)
{
    scratch_world world;
    auto it = enrol(world);
    const auto wrong = it.phone.make_validate_request(two_factors, wrong_pin);
    BOOST_TEST(world.device(wrong).status == 401);
    BOOST_TEST(world.device(wrong).status == 401);
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1);
    world.restart();
    BOOST_TEST(world.device(wrong).status == 401);
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1);
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(noise_locks_nobody_out)
{
    scratch_world world;
    auto it = enrol(world, {{"maxFailedAttempts", 1}});
    for (int i = 0; i < 20; ++i) {
        const auto header = bench::authorization_header(
            bench::rules_of(protocol_version::v3_3), it.id, world.application().key(),
            crypto::to_base64(crypto::random_array<16>()), two_factors, crypto::to_base64(crypto::random_array<32>()));
        BOOST_TEST(world.device(validate_path, "{}", header).status == 401U);
    }
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
}

// Anybody can claim 3.0, whose proofs can be guessed. Only a phone that registered with it is believed, until it has
// used a later version.
BOOST_AUTO_TEST_CASE(digits_claimed_for_a_phone_of_a_later_version_neither_prove_nor_count)
{
    scratch_world world;
    auto it = enrol(world, {{"maxFailedAttempts", 1}}, protocol_version::v3_1);
    auto old = with_version(world, it.phone, protocol_version::v3_0);
    BOOST_TEST(!old.validate(two_factors, right_pin));
    BOOST_TEST(!old.validate(two_factors, wrong_pin));
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
}

BOOST_AUTO_TEST_CASE(a_phone_that_has_moved_to_a_later_version_no_longer_proves_with_digits)
{
    for (const bool restarted : {false, true}) {
        scratch_world world;
        auto it = enrol(world, json::object(), protocol_version::v3_0);
        BOOST_TEST(it.phone.validate(two_factors, right_pin));
        BOOST_TEST(!it.phone.validate(two_factors, wrong_pin));
        BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1); // of such a phone digits count
        auto updated = with_version(world, it.phone, protocol_version::v3_1);
        BOOST_TEST(updated.validate(two_factors, right_pin));
        if (restarted)
            world.restart();
        auto back = with_version(world, updated, protocol_version::v3_0);
        BOOST_TEST(!back.validate(two_factors, right_pin));
        BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
        BOOST_TEST(updated.validate(two_factors, right_pin));
    }
}

// --- removal by the user

BOOST_AUTO_TEST_CASE(the_user_removes_the_registration_with_two_factors)
{
    scratch_world world;
    for (const auto how : {two_factors, type::possession_biometry, type::possession_knowledge_biometry}) {
        auto it = enrol(world);
        const auto req = it.phone.make_remove_request(how, right_pin);
        const auto got = world.device(req);
        BOOST_TEST(got.status == 200);
        BOOST_TEST(json::parse(got.body).at("responseObject").at("activationId") == it.id);
        BOOST_TEST(world.status(it.id) == "REMOVED");
        const auto rows = world.history(it.id);
        BOOST_TEST(rows.back().at("event") == "REMOVE");
        BOOST_TEST(!rows.back().contains("account")); // the phone's own doing
        BOOST_TEST(world.device(req).status == 401);
        BOOST_TEST(it.phone.status().state_name() == "REMOVED");
        BOOST_TEST(world.history(it.id).size() == rows.size());
    }
}

BOOST_AUTO_TEST_CASE(possession_alone_does_not_remove)
{
    scratch_world world;
    auto it = enrol(world);
    for (const auto how : {type::possession, type::knowledge, type::biometry}) {
        const auto header = it.phone.sign("POST", "/pa/activation/remove", "{}", how, right_pin);
        check_answer(world.device("/pa/v3/activation/remove", "{}", header), 401, "ERR_AUTHENTICATION",
                     "POWER_AUTH_SIGNATURE_TYPE_INVALID");
    }
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 0);
}

BOOST_AUTO_TEST_CASE(a_wrong_pin_does_not_remove_and_counts)
{
    scratch_world world;
    auto it = enrol(world);
    const auto got = world.device(it.phone.make_remove_request(two_factors, wrong_pin));
    BOOST_TEST(got.status == 401);
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    BOOST_TEST(world.detail(it.id).at("failedAttempts") == 1);
    check_answer(world.device("/pa/v3/activation/remove", "{}"), 401, "ERR_AUTHENTICATION",
                 "POWER_AUTH_SIGNATURE_INVALID");
}

// --- the status of a registration

BOOST_AUTO_TEST_CASE(a_bound_phone_learns_its_state_in_every_version)
{
    for (const auto version : all_versions) {
        scratch_world world;
        for (auto& each : one_of_each_state(world, version))
            if (each.phone)
                BOOST_TEST_CONTEXT(bench::rules_of(version).name << ' ' << each.name)
                {
                    BOOST_TEST(each.phone->status().state_name() == each.name);
                }
    }
}

BOOST_AUTO_TEST_CASE(nobody_learns_which_registrations_exist)
{
    scratch_world world;
    const auto ask = [&](const std::string& id, bool challenge) {
        json asked{{"activationId", id}};
        if (challenge)
            asked["challenge"] = crypto::to_base64(crypto::random_array<16>());
        return world.device(status_path, json{{"requestObject", asked}}.dump());
    };
    auto each = one_of_each_state(world, protocol_version::v3_3);
    each.push_back({"unknown", registry::uuid::random().text(), std::nullopt});
    for (const bool challenge : {false, true})
        for (const auto& one : each)
            BOOST_TEST_CONTEXT(one.name << (challenge ? " with a challenge" : ""))
            {
                const auto got = ask(one.id, challenge);
                BOOST_TEST(got.status == 200U);
                const json& told = got.body.at("responseObject");
                BOOST_TEST(told.at("activationId") == one.id);
                BOOST_TEST(crypto::from_base64(told.at("encryptedStatusBlob").get<std::string>()).value().size() ==
                           32U);
                BOOST_TEST(told.contains("nonce") == challenge);
                BOOST_TEST(told.size() == (challenge ? 3U : 2U));
                BOOST_TEST((ask(one.id, challenge).body.at("responseObject").at("encryptedStatusBlob") !=
                            told.at("encryptedStatusBlob")));
            }
}

BOOST_AUTO_TEST_CASE(an_id_in_upper_case_is_the_same_registration)
{
    scratch_world world;
    auto it = enrol(world);
    std::string upper = it.id;
    std::ranges::transform(upper, upper.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
    const auto got = world.device(status_path, json{{"requestObject", {{"activationId", upper}}}}.dump());
    BOOST_TEST(got.body.at("responseObject").at("activationId") == it.id);
}

BOOST_AUTO_TEST_CASE(a_malformed_status_request_is_refused)
{
    scratch_world world;
    for (const char* body :
         {"", "{}", "[]", R"({"requestObject":{}})", R"({"requestObject":[]})",
          R"({"requestObject":{"activationId":5}})",
          R"({"requestObject":{"activationId":"2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11","challenge":"x"}})",
          R"({"requestObject":{"activationId":"2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11","challenge":""}})",
          R"({"requestObject":{"activationId":"2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11","challenge":"AAAA"}})"})
        BOOST_TEST_CONTEXT(body)
        {
            check_answer(world.device(status_path, body), 400, "ERR_ACTIVATION", "POWER_AUTH_ACTIVATION_INVALID");
        }
}

// --- temporary keys

namespace {

struct key_request {
    std::string body(const std::string& header = R"({"alg":"HS256","typ":"JWT"})") const
    {
        json claims{{"applicationKey", application_key}, {"challenge", "Y2hhbGxlbmdlIG9mIDE4Lg=="}};
        if (activation_id)
            claims["activationId"] = *activation_id;
        const std::string text = claims.dump();
        std::string signed_part =
            crypto::to_base64url(crypto::as_bytes(header)) + '.' + crypto::to_base64url(crypto::as_bytes(text));
        const auto mac = crypto::hmac_sha256(key, crypto::as_bytes(signed_part));
        return json{{"requestObject", {{"jwt", signed_part + '.' + crypto::to_base64url(mac)}}}}.dump();
    }

    std::string application_key;
    crypto::bytes key;
    std::optional<std::string> activation_id;
};

void check_key_refused(const answer& got)
{
    check_answer(got, 400, "ERR_TEMPORARY_KEY", "POWER_AUTH_TEMPORARY_KEY_FAILURE");
}

} // namespace

BOOST_AUTO_TEST_CASE(a_temporary_key_lives_five_minutes)
{
    scratch_world world;
    auto it = enrol(world);
    for (const auto scope : {encryption_scope::application, encryption_scope::activation}) {
        const auto key = it.phone.fetch_temporary_key(scope);
        BOOST_TEST(key.expires_ms == world.clock.now() + 300'000);
    }
}

BOOST_AUTO_TEST_CASE(keys_of_a_registration_are_given_to_active_and_blocked_phones)
{
    scratch_world world;
    for (auto& each : one_of_each_state(world, protocol_version::v3_3)) {
        if (!each.phone)
            continue;
        const bool given = each.name == "ACTIVE" || each.name == "BLOCKED";
        BOOST_TEST_CONTEXT(each.name)
        {
            const auto got =
                refused([&] { static_cast<void>(each.phone->fetch_temporary_key(encryption_scope::activation)); });
            BOOST_TEST(got.status == (given ? 200 : 400));
            if (!given)
                BOOST_TEST(got.message == "POWER_AUTH_TEMPORARY_KEY_FAILURE");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_key_request_is_signed_with_the_right_key_and_algorithm)
{
    scratch_world world;
    const auto app = world.application();
    const key_request good{app.key(), app.secret_bytes(), std::nullopt};
    BOOST_TEST(world.device(keystore_path, good.body()).status == 200U);

    auto wrong_key = good;
    wrong_key.key[3] ^= 1;
    check_key_refused(world.device(keystore_path, wrong_key.body()));
    auto text_key = good; // the secret counts decoded here, not as text
    const auto text = crypto::as_bytes(app.secret());
    text_key.key.assign(text.begin(), text.end());
    check_key_refused(world.device(keystore_path, text_key.body()));
    auto no_app = good;
    no_app.application_key = "AAAAAAAAAAAAAAAAAAAAAA==";
    check_key_refused(world.device(keystore_path, no_app.body()));
    for (const char* header : {R"({"alg":"none","typ":"JWT"})", R"({"alg":"HS512","typ":"JWT"})", R"({"typ":"JWT"})",
                               R"({"alg":"hs256","typ":"JWT"})", R"({"alg":["HS256"]})", "[]", "not JSON", ""})
        BOOST_TEST_CONTEXT(header)
        {
            check_key_refused(world.device(keystore_path, good.body(header)));
        }
}

BOOST_AUTO_TEST_CASE(an_unsigned_key_request_is_refused)
{
    scratch_world world;
    const auto app = world.application();
    const key_request good{app.key(), app.secret_bytes(), std::nullopt};
    auto jwt = json::parse(good.body()).at("requestObject").at("jwt").get<std::string>();
    jwt.resize(jwt.rfind('.') + 1);
    check_key_refused(world.device(keystore_path, json{{"requestObject", {{"jwt", jwt}}}}.dump()));
    for (const char* body : {"", "{}", R"({"requestObject":{}})", R"({"requestObject":{"jwt":5}})",
                             R"({"requestObject":{"jwt":"a.b"}})", R"({"requestObject":{"jwt":"..."}})"})
        check_key_refused(world.device(keystore_path, body));
}

BOOST_AUTO_TEST_CASE(a_key_request_for_a_registration_of_another_application_is_refused)
{
    scratch_world world;
    auto it = enrol(world);
    const auto other = world.application("other");
    const key_request foreign{other.key(), other.secret_bytes(), it.id};
    check_key_refused(world.device(keystore_path, foreign.body()));
    const key_request unknown{other.key(), other.secret_bytes(), registry::uuid::random().text()};
    check_key_refused(world.device(keystore_path, unknown.body()));
    const key_request malformed{other.key(), other.secret_bytes(), "x"};
    check_key_refused(world.device(keystore_path, malformed.body()));
    // The secret of the application alone does not do for one of its registrations.
    const auto app = world.application();
    const key_request unproven{app.key(), app.secret_bytes(), it.id};
    check_key_refused(world.device(keystore_path, unproven.body()));
}

BOOST_AUTO_TEST_CASE(a_temporary_key_serves_many_requests_and_survives_a_restart)
{
    scratch_world world;
    auto phone = world.phone();
    const auto key = phone.fetch_temporary_key(encryption_scope::application);
    for (int i = 0; i < 3; ++i) {
        const auto made = world.create();
        auto other = world.phone();
        other.use_temporary_key(encryption_scope::application, key);
        static_cast<void>(other.activate(made.code, right_pin));
        BOOST_TEST(world.status(made.id) == "PENDING_COMMIT");
        world.restart();
    }
}

BOOST_AUTO_TEST_CASE(an_expired_temporary_key_is_refused_even_before_it_is_swept)
{
    scratch_world world;
    const auto made = world.create("alice", {{"timestampRegistrationExpire", world.clock.now() + 3'600'000}});
    auto phone = world.phone();
    auto key = phone.fetch_temporary_key(encryption_scope::application);
    key.expires_ms += 3'600'000; // as a phone that does not look at the clock
    phone.use_temporary_key(encryption_scope::application, key);
    world.clock.advance(299'999);
    auto in_time = world.phone();
    in_time.use_temporary_key(encryption_scope::application, key);
    BOOST_TEST(world.device(in_time.prepare_activation("AAAQE-AYEAU-DAOCA-JIICA", right_pin).request).status == 400);
    world.clock.advance(1);
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin));
    static_cast<void>(world.sweep());
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin));
    BOOST_TEST(world.status(made.id) == "CREATED");
    auto fresh = world.phone();
    static_cast<void>(fresh.activate(made.code, right_pin));
}

BOOST_AUTO_TEST_CASE(a_temporary_key_of_another_scope_or_application_is_refused)
{
    scratch_world world;
    auto it = enrol(world);
    const auto made = world.create();
    auto phone = world.phone();
    phone.use_temporary_key(encryption_scope::application, it.phone.fetch_temporary_key(encryption_scope::activation));
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin));

    const auto other = world.application("other");
    bench::device stranger{other, bench::device_state{}, bench::wire_style::android,
                           [&](const bench::http_request& req) { return world.device(req); }};
    stranger.take_time_from([&] { return world.clock.now(); });
    phone.use_temporary_key(encryption_scope::application, stranger.fetch_temporary_key(encryption_scope::application));
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin));

    auto invented = phone.fetch_temporary_key(encryption_scope::application);
    invented.id = registry::uuid::random().text();
    phone.use_temporary_key(encryption_scope::application, invented);
    CHECK_ACTIVATION_REFUSED(phone.activate(made.code, right_pin));
    BOOST_TEST(world.status(made.id) == "CREATED");
}

// --- expiry

BOOST_AUTO_TEST_CASE(an_expired_code_is_refused_at_its_very_time)
{
    scratch_world world;
    const auto early = world.create();
    const auto late = world.create();
    world.clock.advance(registry::registration_expiry_default_ms - 1);
    auto phone = world.phone();
    static_cast<void>(phone.activate(early.code, right_pin));
    world.clock.advance(1);
    auto other = world.phone();
    CHECK_ACTIVATION_REFUSED(other.activate(late.code, right_pin));
    BOOST_TEST(world.status(late.id) == "REMOVED");
    // What waits for commit expires as well, and the phone learns it before anybody has written it down.
    BOOST_TEST(phone.status().state_name() == "REMOVED");
    BOOST_TEST(world.status(early.id) == "REMOVED");
}

BOOST_AUTO_TEST_CASE(what_is_active_does_not_expire)
{
    scratch_world world;
    auto it = enrol(world);
    world.clock.advance(10 * registry::registration_expiry_default_ms);
    static_cast<void>(world.sweep());
    BOOST_TEST(world.status(it.id) == "ACTIVE");
    BOOST_TEST(it.phone.validate(two_factors, right_pin));
}

// --- what this server does not have

BOOST_AUTO_TEST_CASE(upgrades_and_recovery_codes_are_refused_whatever_is_sent)
{
    scratch_world world;
    auto it = enrol(world);
    const auto signature =
        it.phone.sign("POST", "/pa/recovery/confirm", "{}", bench::signature_type::possession_knowledge, right_pin);
    for (const char* body : {"", "{}", "x"})
        for (const auto& header : {std::string{}, signature}) {
            for (const char* path : {"/pa/v3/upgrade/start", "/pa/v3/upgrade/commit"}) {
                const auto got = world.device(path, body, header);
                BOOST_TEST(got.status == 400U);
                BOOST_TEST(got.code() == "ERR_UPGRADE");
                BOOST_TEST(got.message() == "POWER_AUTH_UPGRADE_FAILED");
            }
            const auto got = world.device("/pa/v3/recovery/confirm", body, header);
            BOOST_TEST(got.status == 401U);
            BOOST_TEST(got.code() == "ERR_AUTHENTICATION");
            BOOST_TEST(got.message() == "POWER_AUTH_RECOVERY_CONFIRM_ERROR");
        }
    BOOST_TEST(it.phone.validate(bench::signature_type::possession_knowledge, right_pin));
}

BOOST_AUTO_TEST_SUITE_END()
