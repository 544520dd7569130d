// Tokens, vault and user info on whole servers: asked by phones as programs of their own, by many at once, and killed
// in between.

#include "crypto/encoding.hpp"
#include "tests/process_support.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace {

namespace data = boost::unit_test::data;
using namespace doorward::tests;
namespace bench = doorward::bench;
using bench::device;
using bench::signature_type;
using bench::wire_style;

constexpr auto pk = signature_type::possession_knowledge;
constexpr const char* guarded = "/api/registration";

int use(const scene& bank, const http_request& request)
{
    return bench::http_client{bank.server.device_url()}.request(request).status;
}

int use(const scene& bank, const device& phone, const std::string& token)
{
    return use(bank, phone.make_token_request(token, guarded));
}

http_request request_with(const std::string& token_header)
{
    return {"GET", guarded, {{"X-PowerAuth-Token", token_header}}, ""};
}

// The whole life of what a phone gets for its proofs, told by the exit status of a program.
void live(const scene& bank, const phone_program& phone, office_client& office, const std::string& id)
{
    const std::string right{right_pin};
    const auto [made, told] = phone({"token-create"});
    BOOST_TEST_REQUIRE(made == 0, told.dump());
    const std::string token = told.at("tokenId");
    const auto [strong_made, strong_told] =
        phone({"token-create", "--factors", "possession_knowledge", "--pin", right});
    BOOST_TEST_REQUIRE(strong_made == 0, strong_told.dump());

    const auto [used, shown] = phone({"token-use", token, guarded});
    BOOST_TEST(used == 0, shown.dump());
    BOOST_TEST(shown.at("responseObject").at("registrationId") == id);
    BOOST_TEST(shown.at("responseObject").at("registrationStatus") == "ACTIVE");

    // What the phone shows elsewhere, a back office has judged.
    const auto [header_made, header] = phone({"token-header", strong_told.at("tokenId").get<std::string>()});
    BOOST_TEST_REQUIRE(header_made == 0);
    const json asked{{"authHeader", header.at("X-PowerAuth-Token")}};
    auto verdict = office.post("/v2/token/verify", asked);
    BOOST_TEST(verdict.at("tokenValid") == true);
    BOOST_TEST(verdict.at("signatureType") == "POSSESSION_KNOWLEDGE");
    BOOST_TEST(verdict.at("registrationId") == id);
    verdict = office.post("/v2/token/verify", asked);
    BOOST_TEST(verdict.at("tokenValid") == false);
    BOOST_TEST(use(bank, request_with(header.at("X-PowerAuth-Token"))) == 401);

    // Biometry that the phone did not register with.
    BOOST_TEST(phone({"vault-unlock", "--pin", right}).first == 0);
    BOOST_TEST(phone({"device-sign", "text", "--pin", right}).first == 0);
    BOOST_TEST(phone({"add-biometry", "--pin", right}).first == 0);
    BOOST_TEST(phone({"validate", "--factors", "possession_biometry"}).first == 0);
    const auto [refused, why] = phone({"vault-unlock", "--factors", "possession_biometry"});
    BOOST_TEST(refused == 2);
    BOOST_TEST(why.at("code") == "ERR_SECURE_VAULT");
    const auto [guessed, answer] = phone({"vault-unlock", "--pin", std::string{wrong_pin}});
    BOOST_TEST(guessed == 2);
    BOOST_TEST(answer.at("httpStatus") == 401);
    BOOST_TEST(office.detail(id).at("failedAttempts") == 1);

    const auto [info_told, info] = phone({"user-info"});
    BOOST_TEST(info_told == 0);
    BOOST_TEST((info == json{{"sub", "anna"}, {"name", "Anna =&'</>"}, {"email_verified", true}}));

    office.block(id);
    BOOST_TEST(phone({"token-use", token, guarded}).first == 2);
    BOOST_TEST(phone({"user-info"}).first == 2);
    office.unblock(id);
    BOOST_TEST(phone({"token-use", token, guarded}).first == 0);
    const auto [last_header_made, last_header] = phone({"token-header", token});
    BOOST_TEST(phone({"token-remove", token}).first == 0);
    BOOST_TEST(use(bank, request_with(last_header.at("X-PowerAuth-Token"))) == 401);
}

} // namespace

BOOST_AUTO_TEST_SUITE(tokens_process)

BOOST_DATA_TEST_CASE(the_device_command_gets_tokens_vault_and_user_info,
                     data::make({"3.0", "3.1", "3.2", "3.3"}) * data::make({"android", "ios"}), version, style)
{
    scene bank;
    bank.office.put("/v2/users/anna/claims", {{"name", "Anna =&'</>"}, {"email_verified", true}});
    const temporary_directory home;
    auto options = phone_options(bank, home.path() / "phone.json", style);
    options.insert(options.end(), {"--protocol", version, "--pin-iterations", "1"});
    const phone_program phone{DOORWARD_BINARY, {"device"}, std::move(options)};
    const auto made = bank.create_registration("anna");
    BOOST_TEST_REQUIRE(phone({"activate", made.code, "--pin", std::string{right_pin}}).first == 0);
    bank.office.commit(made.id);
    live(bank, phone, bank.office, made.id);
    BOOST_TEST(phone({"token-use", "--method", "GET", phone({"token-create"}).second.at("tokenId"), guarded}).first ==
               0);
    bank.server.stop();
}

// --- killed right after an answer

BOOST_AUTO_TEST_CASE(what_was_answered_about_tokens_survives_a_kill)
{
    scene bank;
    const auto kill_and_restart = [&] {
        bank.server.kill();
        bank.server.start();
    };
    for (const auto version : {bench::protocol_version::v3_1, bench::protocol_version::v3_3}) {
        const auto made = bank.create_registration("anna");
        device phone = bank.new_phone(wire_style::android, version);
        phone.activate(made.code, right_pin);
        bank.office.commit(made.id);

        auto asking = phone.prepare_token(pk, right_pin);
        const auto token =
            phone.finish_token(asking, bench::http_client{bank.server.device_url()}.request(asking.request));
        kill_and_restart();
        BOOST_TEST(use(bank, asking.request) == 401); // and it is not made a second time
        const auto once = phone.make_token_request(token, guarded);
        BOOST_TEST(use(bank, once) == 200);
        kill_and_restart();
        BOOST_TEST(use(bank, once) == 401);
        BOOST_TEST(use(bank, phone, token) == 200);

        const auto vault = phone.prepare_vault_unlock(pk, right_pin).request;
        BOOST_TEST(use(bank, vault) == 200);
        kill_and_restart();
        BOOST_TEST(use(bank, vault) == 400);
        const auto info = phone.prepare_user_info().request;
        BOOST_TEST(use(bank, info) == 200);
        kill_and_restart();
        BOOST_TEST(use(bank, info) == 400);

        const auto left_over = phone.make_token_request(token, guarded);
        phone.remove_token(token, signature_type::possession);
        kill_and_restart();
        BOOST_TEST(use(bank, left_over) == 401);
        const auto another = phone.create_token(signature_type::possession);
        const auto last = phone.make_token_request(another, guarded);
        bank.office.remove("/v2/registrations/" + made.id);
        kill_and_restart();
        BOOST_TEST(use(bank, last) == 401);
    }
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(claims_survive_a_kill_and_are_in_the_store_for_nobody_to_read)
{
    constexpr const char* name = "Anna Unmistakable-4711";
    scene bank;
    bank.office.put("/v2/users/anna/claims", {{"name", name}});
    bank.server.kill();
    bank.server.start();
    BOOST_TEST(bank.office.get("/v2/users/anna/claims").at("name") == name);
    device phone = bank.enroll("anna");
    BOOST_TEST(json::parse(phone.user_info()).at("name") == name);
    const auto token = phone.create_token(signature_type::possession);
    const auto secret = phone.state().activation->tokens.at(token);
    BOOST_TEST(use(bank, phone, token) == 200);
    bank.server.stop();
    const auto store = read_file(bank.server.data() / "data.mdb");
    const auto log = bank.server.log();
    for (const std::string& text : {std::string{"Unmistakable"}, std::string{doorward::crypto::as_text(secret)},
                                    doorward::crypto::to_base64(secret), doorward::crypto::to_hex(secret)}) {
        BOOST_TEST((store.find(text) == std::string::npos));
        BOOST_TEST((log.find(text) == std::string::npos));
    }
    // The search itself works: this is no secret.
    BOOST_TEST((store.find("anna") != std::string::npos));
}

// --- many at once

BOOST_AUTO_TEST_CASE(a_token_shown_many_times_at_once_is_accepted_once)
{
    scene bank;
    device phone = bank.enroll("anna");
    const auto token = phone.create_token(signature_type::possession);
    for (int round = 0; round < 5; ++round) {
        const std::vector<http_request> same(20, phone.make_token_request(token, guarded));
        const auto answers = send_at_once(bank.server.device_url(), same);
        BOOST_TEST(count_status(answers, 200) == 1U);
        BOOST_TEST(count_status(answers, 401) == 19U);
    }
    // On both sides at once.
    const auto header = phone.make_token_header(token);
    std::vector<addressed_request> both;
    for (int i = 0; i < 10; ++i) {
        both.push_back({bank.server.device_url(), request_with(header)});
        both.push_back({bank.server.office_url(),
                        {"POST",
                         "/v2/token/verify",
                         {{"Authorization", bank.office.credentials()}, {"Content-Type", "application/json"}},
                         json{{"authHeader", header}}.dump()}});
    }
    std::size_t accepted = 0;
    for (const http_answer& each : send_at_once(both)) {
        const auto body = json::parse(each.body);
        accepted +=
            each.status == 200 && (body.value("status", "") == "OK" || body.value("tokenValid", false)) ? 1U : 0U;
    }
    BOOST_TEST(accepted == 1U);
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_request_for_a_token_sent_many_times_at_once_makes_one)
{
    scene bank;
    device phone = bank.enroll("anna");
    for (int round = 0; round < 5; ++round) {
        const std::vector<http_request> same(20, phone.prepare_token(pk, right_pin).request);
        const auto answers = send_at_once(bank.server.device_url(), same);
        BOOST_TEST(count_status(answers, 200) == 1U);
        BOOST_TEST(count_status(answers, 401) + count_status(answers, 429) == 19U);
    }
    BOOST_TEST(bank.office.detail(phone.activation_id()).at("failedAttempts") == 0);
    BOOST_TEST(phone.validate(pk, right_pin));
    bank.server.stop();
}

BOOST_AUTO_TEST_CASE(a_vault_opened_many_times_at_once_with_one_request_is_opened_once)
{
    scene bank;
    device phone = bank.enroll("anna");
    const std::vector<http_request> same(20, phone.prepare_vault_unlock(pk, right_pin).request);
    const auto answers = send_at_once(bank.server.device_url(), same);
    BOOST_TEST(count_status(answers, 200) == 1U);
    BOOST_TEST(count_status(answers, 400) == 19U);
    // Wrong PINs at once reveal no more than the maximum.
    const auto key = phone.fetch_temporary_key(bench::encryption_scope::activation);
    std::vector<http_request> guesses;
    for (int i = 0; i < 20; ++i) {
        device twin = bank.twin_of(phone);
        twin.use_temporary_key(bench::encryption_scope::activation, key);
        guesses.push_back(twin.prepare_vault_unlock(pk, std::to_string(100'000 + i)).request);
    }
    static_cast<void>(send_at_once(bank.server.device_url(), guesses));
    const auto detail = bank.office.detail(phone.activation_id());
    BOOST_TEST(detail.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(detail.at("failedAttempts") == 5);
    bank.server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
