// Signatures of phones without a network: what is shown as a QR code, and the digits that a person types back.

#include "crypto/encoding.hpp"
#include "crypto/kdf.hpp"
#include "registry/offline.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using type = bench::signature_type;

constexpr const char* personalized_path = "/v2/signature/offline/personalized/create";
constexpr const char* plain_path = "/v2/signature/offline/non-personalized/create";
constexpr const char* verify_path = "/v2/signature/offline/verify";
constexpr const char* nonce = "VOXbG4XKDyFmi/3cCccZMQ==";
constexpr const char* body = "5f3c&A1*A250.00EUR*NInvoice 42";
constexpr const char* nobodys_id = "2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11";
const std::string seed = crypto::to_base64(crypto::as_bytes("12345678901234567890123456789012"));

std::string string(const json& value)
{
    return value.get<std::string>();
}

crypto::bytes raw(const json& base64)
{
    return crypto::from_base64(string(base64)).value();
}

bool complains_of(const answer& got, std::string_view field)
{
    const auto fields = got.violated();
    return got.status == 400 && std::ranges::find(fields, field) != fields.end();
}

struct offline_world : scratch_world {
    answer ask(const char* path, const json& what, std::string_view who = "office")
    {
        return office("POST", path, what.dump(), who);
    }
    static std::string sign(bench::device& phone, std::string_view pin = right_pin,
                            type factors = type::possession_knowledge, unsigned digits = 8,
                            std::string_view what = body)
    {
        return phone.offline_signature(registry::offline_uri_id, what, nonce, factors, pin, digits);
    }
    static json question(const std::string& id, const std::string& signature, const json& more = json::object())
    {
        json out{{"registrationId", id}, {"signature", signature}, {"nonce", nonce}, {"body", body}};
        out.update(more);
        return out;
    }
    answer verify(const std::string& id, const std::string& signature, const json& more = json::object())
    {
        const auto got = ask(verify_path, question(id, signature, more));
        BOOST_TEST(got.status == 200U, got.text);
        return got;
    }
    bool valid(const std::string& id, const std::string& signature, const json& more = json::object())
    {
        return verify(id, signature, more).body.value("signatureValid", json{}) == true;
    }
    int failed(const std::string& id) { return detail(id).at("failedAttempts").get<int>(); }
    std::vector<json> attempts(const std::string& id)
    {
        return office("GET", "/v2/registrations/" + id + "/attempts").body.at("items");
    }
};

// A slot and the proofs of its phone, without a server.
struct judged_digits {
    registry::attempt_result verify(std::span<const registry::presented_proof> readings,
                                    registry::counting counts = registry::counting::only_proven)
    {
        return judge.verify(slot, phone.keys, readings, counts, 1'700'000'000'000);
    }
    // The digits of one reading, to be read as any of `as`.
    [[nodiscard]] std::vector<registry::presented_proof> readings(std::initializer_list<registry::factors> as,
                                                                  registry::factors made, std::uint64_t position,
                                                                  unsigned digits = 8) const
    {
        const auto components =
            registry::proof_components(phone.keys, made, phone.counter(position), crypto::as_bytes("data"));
        std::vector<registry::presented_proof> out;
        for (const auto each : as) {
            registry::presented_proof& proof = out.emplace_back();
            proof = {};
            proof.type = each;
            proof.components_form = registry::presented_proof::form::decimal;
            proof.component_count = 2;
            proof.digit_count = digits;
            proof.digits = {registry::decimal(components[0], digits), registry::decimal(components[1], digits), 0};
            const auto data = crypto::as_bytes("data");
            proof.data.assign(data.begin(), data.end());
        }
        return out;
    }

    scratch_phone phone;
    registry::slot_ptr slot = phone.slot(default_limits());
    registry::attempts judge{crypto::secret<32>{crypto::byte_array<32>{9, 9, 9}}};
};

constexpr auto pk = registry::factors::possession_knowledge;
constexpr auto pb = registry::factors::possession_biometry;

} // namespace

// --- the protocol

BOOST_AUTO_TEST_SUITE(offline_protocol)

BOOST_AUTO_TEST_CASE(digits_are_two_groups_of_the_same_length)
{
    for (unsigned digits = registry::component_digits_min; digits <= registry::component_digits_max; ++digits) {
        const std::string one = std::string(digits - 1, '0') + "7";
        const auto parsed = registry::parse_offline_proof(one + '-' + one, digits);
        BOOST_TEST_REQUIRE(parsed.has_value());
        BOOST_TEST(parsed->component_count == 2U);
        BOOST_TEST(parsed->digit_count == digits);
        BOOST_TEST(parsed->digits[0] == 7U);
        BOOST_TEST(parsed->digits[1] == 7U);
        BOOST_TEST(parsed->possession_guessable());
        for (const std::string& wrong :
             {std::string{}, one, one + one, one + '-', '-' + one, one + "--" + one, one + '-' + one + '-' + one,
              one + " " + one, one + "-0" + one, "0" + one + '-' + one, ' ' + one + '-' + one, one + '-' + one + '\n',
              "x" + one.substr(1) + '-' + one, "+" + one.substr(1) + '-' + one, one + "\xE2\x80\x93" + one})
            BOOST_TEST(!registry::parse_offline_proof(wrong, digits).has_value(), wrong);
    }
}

BOOST_AUTO_TEST_CASE(payloads_and_digits_of_the_vectors_come_out)
{
    for_each_vector(generated_vectors() / "generated-offline-signature.json", [](const json& vector) {
        const json& input = vector.at("input");
        const json& output = vector.at("output");
        const auto signer = crypto::p256_private_key::import(raw(input.at("signingPrivateKey"))).value();
        const auto mark = input.at("personalized").get<bool>() ? registry::payload_signer::server_key
                                                               : registry::payload_signer::master_key;
        const auto text = registry::offline_payload(string(input.at("data")), string(input.at("nonce")), mark, signer);
        const auto covered = string(output.at("ecdsaSignedText"));
        BOOST_TEST(text.starts_with(covered));
        const auto verifier = crypto::p256_public_key::import(raw(input.at("signingPublicKey"))).value();
        BOOST_TEST(
            verifier.verify_der(crypto::as_bytes(covered), crypto::from_base64(text.substr(covered.size())).value()));

        const auto digits = input.at("componentLength").get<unsigned>();
        const auto made_as = registry::parse_factors(string(input.at("signatureType"))).value();
        const auto master = crypto::key16{raw(input.at("masterSecret"))};
        const registry::factor_keys keys{crypto::kdf(master, 1), crypto::kdf(master, 2), crypto::kdf(master, 3)};
        const auto data = string(output.at("signedText"));
        BOOST_TEST(crypto::as_text(registry::proof_data("POST", string(input.at("uriId")), string(input.at("nonce")),
                                                        crypto::as_bytes(string(input.at("body"))),
                                                        registry::offline_secret)) == data);
        const auto start = crypto::take<16>(raw(output.at("signatures").at(0).at("ctrData")));
        unsigned offset = 0;
        for (const json& step : output.at("signatures")) {
            auto proof = registry::parse_offline_proof(string(step.at("signature")), digits).value();
            proof.data.assign(data.begin(), data.end());
            std::vector<registry::presented_proof> readings{proof, proof};
            readings[0].type = pk;
            readings[1].type = pb;
            const auto found = registry::match(readings, keys, start, 20);
            BOOST_TEST((found.reached == registry::proof_match::grade::complete));
            BOOST_TEST(found.offset == offset++);
            BOOST_TEST((readings[found.reading].type == made_as));
            // Without the reading that it is, it is none.
            readings.erase(readings.begin() + found.reading);
            BOOST_TEST((registry::match(readings, keys, start, 20).reached == registry::proof_match::grade::none));
        }
    });
}

// RFC 6238 appendix B, the column of SHA-256.
BOOST_AUTO_TEST_CASE(passwords_by_time_are_those_of_the_standard)
{
    const std::pair<registry::time_ms, const char*> known[]{
        {59, "46119246"},
        {1'111'111'109, "68084774"},
        {1'111'111'111, "67062674"},
        {1'234'567'890, "91819424"},
        {2'000'000'000, "90698825"},
        {20'000'000'000, "77737706"},
    };
    const auto key = crypto::from_base64(seed).value();
    for (const auto& [seconds, expected] : known) {
        BOOST_TEST(registry::totp(key, static_cast<std::uint64_t>(seconds) / 30) == expected);
        BOOST_TEST(registry::right_passwords({key, 30, 0}, seconds * 1000 + 999).front() == expected);
    }
}

BOOST_AUTO_TEST_CASE(earlier_passwords_are_right_for_as_many_steps_as_are_permitted)
{
    const auto key = crypto::from_base64(seed).value();
    const auto all = registry::right_passwords({key, 30, 2}, 90'000);
    BOOST_TEST_REQUIRE(all.size() == 3U);
    for (std::uint64_t back = 0; back < 3; ++back)
        BOOST_TEST(all[back] == registry::totp(key, 3 - back));
    BOOST_TEST(registry::right_passwords({key, 30, 5}, 30'000).size() == 2U); // there was no step before the first
    BOOST_TEST(registry::right_passwords({key, 10, 0}, 30'000).front() == registry::totp(key, 3));
}

BOOST_AUTO_TEST_CASE(every_reading_is_tried_at_every_position_in_their_order)
{
    const judged_digits it;
    for (unsigned position = 0; position <= registry::look_ahead_default; ++position)
        for (const auto made : {pk, pb}) {
            const auto found = registry::match(it.readings({pk, pb}, made, position), it.phone.keys,
                                               it.phone.first_counter, registry::look_ahead_default);
            const bool within = position < registry::look_ahead_default;
            BOOST_TEST((found.reached == registry::proof_match::grade::complete) == within);
            if (within) {
                BOOST_TEST(found.offset == position);
                BOOST_TEST(found.reading == (made == pk ? 0U : 1U));
                BOOST_TEST((found.counter == it.phone.counter(position)));
            }
        }
    // The same reading twice: the first one it is.
    const auto twice = it.readings({pk, pk}, pk, 3);
    BOOST_TEST(registry::match(twice, it.phone.keys, it.phone.first_counter, 20).reading == 0U);
}

BOOST_AUTO_TEST_CASE(a_right_reading_is_accepted_as_what_it_is)
{
    for (const unsigned digits : {4U, 5U, 6U, 7U, 8U})
        for (const auto made : {pk, pb}) {
            judged_digits it;
            const auto wrong = it.verify(it.readings({pk, pb}, registry::factors::possession_knowledge_biometry, 30));
            BOOST_TEST(wrong.counted);
            const auto got = it.verify(it.readings({pk, pb}, made, 2, digits));
            BOOST_TEST((got.outcome == registry::attempt_result::verdict::accepted));
            BOOST_TEST_REQUIRE(got.change.has_value());
            BOOST_TEST((got.change->details->type == made));
            BOOST_TEST(got.word.position() == 3U);
            BOOST_TEST(got.word.failed() == 0U);
        }
}

BOOST_AUTO_TEST_CASE(digits_that_fit_no_reading_count_once_and_always)
{
    for (const auto counts : {registry::counting::only_proven, registry::counting::every_failure}) {
        judged_digits it;
        const auto wrong = it.readings({pk, pb}, pk, 40);
        for (unsigned i = 1; i <= 5; ++i) { // the very same again is one more guess: nothing says that it is a retry
            const auto got = it.verify(wrong, counts);
            BOOST_TEST((got.outcome == registry::attempt_result::verdict::refused));
            BOOST_TEST(got.counted);
            BOOST_TEST(got.word.failed() == i);
        }
        BOOST_TEST((it.slot->load().current() == registry::state::blocked));
        const auto right = it.verify(it.readings({pk, pb}, pk, 0), counts);
        BOOST_TEST((right.outcome == registry::attempt_result::verdict::blocked));
        BOOST_TEST(!right.change.has_value());
    }
}

// (1): at most max_failed refusals are revealed, whoever guesses at once.
BOOST_AUTO_TEST_CASE(guesses_at_once_are_refused_as_often_as_is_permitted)
{
    judged_digits it;
    std::atomic<int> refused{0};
    std::atomic<int> blocked{0};
    on_threads(8, [&](unsigned i) {
        const auto wrong = it.readings({pk, pb}, pk, 100 + i);
        for (int round = 0; round < 5; ++round)
            ++(it.verify(wrong).outcome == registry::attempt_result::verdict::refused ? refused : blocked);
    });
    BOOST_TEST(refused == 5);
    BOOST_TEST(blocked == 35);
}

BOOST_AUTO_TEST_SUITE_END()

// --- the office side

BOOST_FIXTURE_TEST_SUITE(offline_signatures, offline_world)

BOOST_AUTO_TEST_CASE(a_personal_payload_is_genuine_for_its_phone_alone)
{
    auto alice = enrol(*this);
    auto bob = enrol(*this, json::object(), bench::protocol_version::v3_3, "bob");
    const std::string data = "5f3c\nPayment\nPlease confirm \xC3\xA9\nA1*A250.00EUR\nB";
    const auto got = ask(personalized_path, {{"registrationId", alice.id}, {"data", data}, {"nonce", nonce}});
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    BOOST_TEST(got.body.at("nonce") == nonce);
    const std::string text = got.body.at("offlineData");
    BOOST_TEST(text.starts_with(data + '\n' + nonce + "\n1"));
    BOOST_TEST(alice.phone.check_offline_payload(text));
    BOOST_TEST(!bob.phone.check_offline_payload(text));
    BOOST_TEST(!alice.phone.check_offline_payload("6" + text.substr(1)));
    BOOST_TEST(alice.phone.validate(type::possession_knowledge, right_pin)); // a payload uses up nothing
}

BOOST_AUTO_TEST_CASE(a_payload_for_everybody_is_genuine_for_every_phone_of_the_application)
{
    auto alice = enrol(*this);
    const auto got = ask(plain_path, {{"appId", "app"}, {"data", "line"}, {"nonce", nonce}});
    BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    const std::string text = got.body.at("offlineData");
    BOOST_TEST(text.starts_with(std::string{"line\n"} + nonce + "\n0"));
    BOOST_TEST(alice.phone.check_offline_payload(text));
    const auto other = ask(plain_path, {{"appId", "other"}, {"data", "line"}}, "stranger");
    BOOST_TEST(other.status == 200U);
    BOOST_TEST(!alice.phone.check_offline_payload(string(other.body.at("offlineData"))));
}

BOOST_AUTO_TEST_CASE(a_nonce_that_nobody_gave_is_drawn)
{
    auto alice = enrol(*this);
    std::set<std::string> drawn;
    for (int i = 0; i < 4; ++i) {
        for (const auto& got : {ask(personalized_path, {{"registrationId", alice.id}, {"data", "x"}}),
                                ask(plain_path, {{"appId", "app"}, {"data", "x"}})}) {
            const std::string its = got.body.at("nonce");
            BOOST_TEST(crypto::from_base64_sized<16>(its).has_value());
            BOOST_TEST(string(got.body.at("offlineData")).find('\n' + its + '\n') != std::string::npos);
            drawn.insert(its);
        }
    }
    BOOST_TEST(drawn.size() == 8U);
}

BOOST_AUTO_TEST_CASE(a_payload_with_a_proximity_check_has_the_password_of_now_as_its_last_line)
{
    auto alice = enrol(*this);
    for (const unsigned step : {10U, 30U, 300U}) {
        json check{{"seed", seed}};
        if (step != 30)
            check["stepLength"] = step;
        const auto now = static_cast<std::uint64_t>(clock.now()) / 1000 / step;
        const auto expected = "x\n" + registry::totp(crypto::from_base64(seed).value(), now) + '\n' + nonce + '\n';
        const json more{{"data", "x"}, {"nonce", nonce}, {"proximityCheck", check}};
        json personal = more;
        personal["registrationId"] = alice.id;
        json plain = more;
        plain["appId"] = "app";
        BOOST_TEST(string(ask(personalized_path, personal).body.at("offlineData")).starts_with(expected + '1'));
        BOOST_TEST(string(ask(plain_path, plain).body.at("offlineData")).starts_with(expected + '0'));
    }
}

BOOST_AUTO_TEST_CASE(personal_payloads_are_for_active_registrations_that_the_caller_sees)
{
    auto alice = enrol(*this);
    const json what{{"registrationId", alice.id}, {"data", "x"}};
    const auto foreign = ask(personalized_path, what, "stranger");
    BOOST_TEST(foreign.code() == "ERROR_REGISTRATION_NOT_FOUND");
    for (const char* id : {nobodys_id, "x", ""})
        if (*id != '\0')
            BOOST_TEST(ask(personalized_path, {{"registrationId", id}, {"data", "x"}}).text == foreign.text);
    BOOST_TEST(ask(personalized_path, {{"registrationId", create("bob").id}, {"data", "x"}}).code() ==
               "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(office("PUT", "/v2/registrations/" + alice.id, R"({"change":"BLOCK"})").status == 200U);
    BOOST_TEST(ask(personalized_path, what).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(office("DELETE", "/v2/registrations/" + alice.id).status == 200U);
    BOOST_TEST(ask(personalized_path, what).code() == "ERROR_REGISTRATION_CHANGE");
    BOOST_TEST(complains_of(ask(plain_path, {{"appId", "other"}, {"data", "x"}}), "appId"));
    BOOST_TEST(complains_of(ask(plain_path, {{"appId", "nothing"}, {"data", "x"}}), "appId"));
}

BOOST_AUTO_TEST_CASE(bad_payloads_are_refused_by_field)
{
    auto alice = enrol(*this);
    const std::string long_text(registry::offline_data_bytes_max + 1, 'x');
    const std::pair<json, const char*> wrong[]{
        {{{"data", nullptr}}, "data"},
        {{{"data", ""}}, "data"},
        {{{"data", 5}}, "data"},
        {{{"data", "a\tb"}}, "data"},
        {{{"data", "a\r\nb"}}, "data"},
        {{{"data", long_text}}, "data"},
        {{{"nonce", "x"}}, "nonce"},
        {{{"nonce", crypto::to_base64(crypto::bytes(15, 1))}}, "nonce"},
        {{{"nonce", 5}}, "nonce"},
        {{{"proximityCheck", "x"}}, "proximityCheck"},
        {{{"proximityCheck", json::object()}}, "proximityCheck.seed"},
        {{{"proximityCheck", {{"seed", "!"}}}}, "proximityCheck.seed"},
        {{{"proximityCheck", {{"seed", crypto::to_base64(crypto::bytes(15, 1))}}}}, "proximityCheck.seed"},
        {{{"proximityCheck", {{"seed", crypto::to_base64(crypto::bytes(65, 1))}}}}, "proximityCheck.seed"},
        {{{"proximityCheck", {{"seed", seed}, {"stepLength", 9}}}}, "proximityCheck.stepLength"},
        {{{"proximityCheck", {{"seed", seed}, {"stepLength", 301}}}}, "proximityCheck.stepLength"},
    };
    for (const auto& [part, field] : wrong)
        BOOST_TEST_CONTEXT(part.dump())
        {
            json personal{{"registrationId", alice.id}, {"data", "x"}};
            personal.update(part);
            const auto refused = ask(personalized_path, personal);
            BOOST_TEST(complains_of(refused, field), refused.text);
            json plain{{"appId", "app"}, {"data", "x"}};
            plain.update(part);
            BOOST_TEST(complains_of(ask(plain_path, plain), field));
        }
    BOOST_TEST(complains_of(ask(personalized_path, {{"data", "x"}}), "registrationId"));
    BOOST_TEST(complains_of(ask(plain_path, {{"data", "x"}}), "appId"));
    BOOST_TEST(complains_of(office("POST", plain_path, "[]"), ""));
    const auto secret = ask(plain_path, {{"appId", "app"}, {"data", "x"}, {"proximityCheck", {{"seed", "c2VjcmV0"}}}});
    BOOST_TEST(secret.text.find("c2VjcmV0") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(right_digits_of_every_length_and_version_are_valid)
{
    for (const auto version : all_versions)
        for (const unsigned digits : {4U, 5U, 6U, 7U, 8U})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << ", " << digits)
            {
                auto it = enrol(*this, json::object(), version);
                const auto got = verify(it.id, sign(it.phone, right_pin, type::possession_knowledge, digits),
                                        digits == 8 ? json::object() : json{{"componentLength", digits}});
                BOOST_TEST(got.body.at("signatureValid") == true);
                BOOST_TEST(got.body.at("userId") == "alice");
                BOOST_TEST(got.body.at("registrationId") == it.id);
                BOOST_TEST(got.body.at("registrationStatus") == "ACTIVE");
                BOOST_TEST(got.body.at("signatureType") == "POSSESSION_KNOWLEDGE");
                BOOST_TEST(got.body.at("remainingAttempts") == 5);
                BOOST_TEST(got.body.at("flags") == json::array());
                BOOST_TEST(got.body.at("application") == json({{"id", "app"}, {"roles", json::array()}}));
                BOOST_TEST(it.phone.validate(type::possession_knowledge, right_pin)); // the same counter goes on
            }
}

BOOST_AUTO_TEST_CASE(a_payload_and_its_digits_belong_together)
{
    auto alice = enrol(*this);
    const auto made =
        ask(personalized_path, {{"registrationId", alice.id}, {"data", "5f3c\nTitle\nText\nA1*A9EUR\nB"}});
    const std::string its_nonce = made.body.at("nonce");
    const auto digits = alice.phone.offline_signature(registry::offline_uri_id, "5f3c&A1*A9EUR", its_nonce,
                                                      type::possession_knowledge, right_pin);
    BOOST_TEST(valid(alice.id, digits, {{"nonce", its_nonce}, {"body", "5f3c&A1*A9EUR"}}));
}

BOOST_AUTO_TEST_CASE(wrong_digits_count_and_block)
{
    auto alice = enrol(*this);
    for (int left = 4; left >= 0; --left) {
        const auto got = verify(alice.id, sign(alice.phone, wrong_pin));
        BOOST_TEST(got.body.at("signatureValid") == false);
        BOOST_TEST(got.body.at("remainingAttempts") == left);
        BOOST_TEST(got.body.at("registrationStatus") == (left > 0 ? "ACTIVE" : "BLOCKED"));
        BOOST_TEST(got.body.at("signatureType") == "POSSESSION_KNOWLEDGE");
        restart();
    }
    const auto blocked = verify(alice.id, sign(alice.phone)).body;
    BOOST_TEST(blocked.at("signatureValid") == false);
    BOOST_TEST(blocked.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(blocked.at("blockedReason") == "MAX_FAILED_ATTEMPTS");
    BOOST_TEST(history(alice.id).back().at("event") == "BLOCK_ON_FAILURES");
    BOOST_TEST(office("PUT", "/v2/registrations/" + alice.id, R"({"change":"UNBLOCK"})").status == 200U);
    BOOST_TEST(valid(alice.id, sign(alice.phone)));
}

// Eight digits can be guessed, so nothing tells a person's mistake from somebody else's guess.
BOOST_AUTO_TEST_CASE(invented_digits_count_and_so_do_digits_that_come_again)
{
    auto alice = enrol(*this);
    const auto right = sign(alice.phone);
    BOOST_TEST(!valid(alice.id, "00000000-00000000"));
    BOOST_TEST(failed(alice.id) == 1);
    BOOST_TEST(valid(alice.id, right));
    BOOST_TEST(failed(alice.id) == 0);
    BOOST_TEST(!valid(alice.id, right));
    BOOST_TEST(failed(alice.id) == 1);
}

BOOST_AUTO_TEST_CASE(offline_and_online_attempts_are_counted_together)
{
    auto alice = enrol(*this);
    BOOST_TEST(!alice.phone.validate(type::possession_knowledge, wrong_pin));
    BOOST_TEST(verify(alice.id, sign(alice.phone, wrong_pin)).body.at("remainingAttempts") == 3);
    BOOST_TEST(alice.phone.validate(type::possession_knowledge, right_pin));
    BOOST_TEST(failed(alice.id) == 0);
    BOOST_TEST(!valid(alice.id, sign(alice.phone, wrong_pin)));
    BOOST_TEST(valid(alice.id, sign(alice.phone)));
    BOOST_TEST(failed(alice.id) == 0);

    const auto rows = attempts(alice.id);
    BOOST_TEST_REQUIRE(rows.size() == 5U);
    const bool offline[]{true, true, false, true, false};
    const char* results[]{"SUCCESS", "FAILURE", "SUCCESS", "FAILURE", "FAILURE"};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        BOOST_TEST(rows[i].value("channel", "") == (offline[i] ? "OFFLINE" : ""));
        BOOST_TEST(rows[i].at("result") == results[i]);
        BOOST_TEST(rows[i].at("counted") == true);
        BOOST_TEST(!rows[i].contains("attemptId"));
    }
    fold();
    restart();
    BOOST_TEST(json(attempts(alice.id)) == json(rows));
}

BOOST_AUTO_TEST_CASE(a_phone_that_signed_for_nobody_is_found_ahead)
{
    auto alice = enrol(*this);
    for (int i = 0; i < 19; ++i)
        static_cast<void>(sign(alice.phone));
    BOOST_TEST(valid(alice.id, sign(alice.phone)));
    for (int i = 0; i < 20; ++i)
        static_cast<void>(sign(alice.phone));
    BOOST_TEST(!valid(alice.id, sign(alice.phone)));
}

BOOST_AUTO_TEST_CASE(biometry_is_taken_where_the_caller_allows_it_and_counted_once)
{
    auto alice = enrol(*this);
    const auto by_finger = [&] { return sign(alice.phone, {}, type::possession_biometry); };
    BOOST_TEST(!valid(alice.id, by_finger()));
    BOOST_TEST(!valid(alice.id, by_finger(), {{"allowBiometry", false}}));
    BOOST_TEST(failed(alice.id) == 2);
    const auto got = verify(alice.id, by_finger(), {{"allowBiometry", true}}).body;
    BOOST_TEST(got.at("signatureValid") == true);
    BOOST_TEST(got.at("signatureType") == "POSSESSION_BIOMETRY");
    BOOST_TEST(failed(alice.id) == 0);
    BOOST_TEST(attempts(alice.id).front().at("factors") == "POSSESSION_BIOMETRY");
    const auto by_pin = verify(alice.id, sign(alice.phone), {{"allowBiometry", true}}).body;
    BOOST_TEST(by_pin.at("signatureType") == "POSSESSION_KNOWLEDGE");
    const auto wrong = verify(alice.id, sign(alice.phone, wrong_pin), {{"allowBiometry", true}}).body;
    BOOST_TEST(wrong.at("signatureValid") == false);
    BOOST_TEST(wrong.at("remainingAttempts") == 4); // both were tried, one failed
    BOOST_TEST(!wrong.contains("signatureType"));   // which one it was nobody knows
}

BOOST_AUTO_TEST_CASE(what_is_signed_can_be_given_in_one_text)
{
    auto alice = enrol(*this);
    const auto base = [](const std::string& signed_body) {
        return "POST&" + crypto::to_base64(crypto::as_bytes(registry::offline_uri_id)) + '&' + nonce + '&' +
               crypto::to_base64(crypto::as_bytes(signed_body));
    };
    const auto ask_with = [&](const std::string& signature, const std::string& data, json more = json::object()) {
        more["registrationId"] = alice.id;
        more["signature"] = signature;
        more["data"] = data;
        return ask(verify_path, more);
    };
    BOOST_TEST(ask_with(sign(alice.phone), base(body)).body.at("signatureValid") == true);
    BOOST_TEST(ask_with(sign(alice.phone), base("something else")).body.at("signatureValid") == false);
    const auto password =
        registry::totp(crypto::from_base64(seed).value(), static_cast<std::uint64_t>(clock.now()) / 30'000);
    const auto near = sign(alice.phone, right_pin, type::possession_knowledge, 8, body + ('&' + password));
    const json check{{"proximityCheck", {{"seed", seed}}}};
    BOOST_TEST(ask_with(near, base(body), check).body.at("signatureValid") == true);

    const int before = failed(alice.id);
    for (const std::string& data : {std::string{"x"}, std::string{"a&b&c"}, base(body) + '&', base(body) + "&eA==",
                                    "POST&" + base(body), std::string{"a&b&c&!"}, std::string(8193, 'x')})
        BOOST_TEST(complains_of(ask_with(sign(alice.phone), data), "data"), data);
    for (const char* other : {"nonce", "body", "uriId"})
        BOOST_TEST(complains_of(ask_with(sign(alice.phone), base(body), {{other, nonce}}), other));
    BOOST_TEST(failed(alice.id) == before);
}

BOOST_AUTO_TEST_CASE(another_uri_id_is_another_text)
{
    auto alice = enrol(*this);
    const auto made = [&] {
        return alice.phone.offline_signature("/login/offline", body, nonce, type::possession_knowledge, right_pin);
    };
    BOOST_TEST(valid(alice.id, made(), {{"uriId", "/login/offline"}}));
    BOOST_TEST(!valid(alice.id, made()));
}

BOOST_AUTO_TEST_CASE(a_proximity_check_takes_the_passwords_of_now_and_as_many_before_as_permitted)
{
    auto alice = enrol(*this);
    const auto key = crypto::from_base64(seed).value();
    const auto signed_at = [&](int steps_back, unsigned step_seconds) {
        const auto now = static_cast<std::uint64_t>(clock.now()) / 1000 / step_seconds;
        const auto password = registry::totp(key, now - static_cast<std::uint64_t>(steps_back));
        return sign(alice.phone, right_pin, type::possession_knowledge, 8, body + ('&' + password));
    };
    const auto check = [](const json& more = json::object()) {
        json out{{"seed", seed}};
        out.update(more);
        return json{{"proximityCheck", out}};
    };
    BOOST_TEST(valid(alice.id, signed_at(0, 30), check()));
    BOOST_TEST(valid(alice.id, signed_at(1, 30), check())); // one, unless something else is said
    BOOST_TEST(!valid(alice.id, signed_at(2, 30), check()));
    BOOST_TEST(!valid(alice.id, signed_at(1, 30), check({{"stepCount", 0}})));
    BOOST_TEST(failed(alice.id) == 2);
    BOOST_TEST(valid(alice.id, signed_at(5, 30), check({{"stepCount", 5}})));
    BOOST_TEST(valid(alice.id, signed_at(0, 300), check({{"stepLength", 300}})));
    BOOST_TEST(!valid(alice.id, signed_at(0, 30), check({{"stepLength", 300}})));
    BOOST_TEST(!valid(alice.id, sign(alice.phone), check({{"stepCount", 5}}))); // no password at all
    BOOST_TEST(failed(alice.id) == 2);                                          // one for each, however many were tried
    // Together with biometry every text is tried as both.
    const auto password = registry::totp(key, static_cast<std::uint64_t>(clock.now()) / 30'000 - 1);
    json both = check();
    both["allowBiometry"] = true;
    BOOST_TEST(valid(alice.id, sign(alice.phone, {}, type::possession_biometry, 8, body + ('&' + password)), both));
}

BOOST_AUTO_TEST_CASE(bad_questions_are_refused_by_field_and_count_nothing)
{
    auto alice = enrol(*this);
    const std::string long_text(registry::offline_data_bytes_max + 1, 'x');
    const std::pair<json, const char*> wrong[]{
        {{{"registrationId", nullptr}}, "registrationId"},
        {{{"signature", nullptr}}, "signature"},
        {{{"signature", ""}}, "signature"},
        {{{"signature", 12345678}}, "signature"},
        {{{"signature", "12345678"}}, "signature"},
        {{{"signature", "1234-5678"}}, "signature"},
        {{{"signature", "12345678-1234567x"}}, "signature"},
        {{{"signature", "12345678-12345678-12345678"}}, "signature"},
        {{{"componentLength", 3}}, "componentLength"},
        {{{"componentLength", 9}}, "componentLength"},
        {{{"componentLength", 4}}, "signature"}, // has eight
        {{{"allowBiometry", "yes"}}, "allowBiometry"},
        {{{"nonce", nullptr}}, "nonce"},
        {{{"nonce", "x"}}, "nonce"},
        {{{"body", nullptr}}, "body"},
        {{{"body", "a\tb"}}, "body"},
        {{{"body", long_text}}, "body"},
        {{{"uriId", 5}}, "uriId"},
        {{{"proximityCheck", {{"seed", seed}, {"stepCount", -1}}}}, "proximityCheck.stepCount"},
        {{{"proximityCheck", {{"seed", seed}, {"stepCount", 6}}}}, "proximityCheck.stepCount"},
        {{{"proximityCheck", json::object()}}, "proximityCheck.seed"},
    };
    for (const auto& [part, field] : wrong)
        BOOST_TEST_CONTEXT(part.dump())
        {
            const auto got = ask(verify_path, question(alice.id, "12345678-12345678", part));
            BOOST_TEST(complains_of(got, field), got.text);
            BOOST_TEST(got.text.find("12345678") == std::string::npos);
        }
    BOOST_TEST(complains_of(office("POST", verify_path, ""), ""));
    BOOST_TEST(failed(alice.id) == 0);
}

BOOST_AUTO_TEST_CASE(digits_of_unknown_and_foreign_registrations_are_judged_by_nobody)
{
    auto alice = enrol(*this);
    const auto foreign = ask(verify_path, question(alice.id, "00000000-00000000"), "stranger");
    BOOST_TEST(foreign.status == 200U);
    BOOST_TEST(foreign.body == json({{"signatureValid", false}, {"registrationStatus", "REMOVED"}}));
    for (const char* id : {nobodys_id, "no id"})
        BOOST_TEST(ask(verify_path, question(id, "00000000-00000000")).text == foreign.text);
    BOOST_TEST(failed(alice.id) == 0);
    for (const char* path : {verify_path, personalized_path, plain_path})
        BOOST_TEST(ask(path, json::object(), {}).code() == "HTTP_401");
}

BOOST_AUTO_TEST_CASE(registrations_that_are_not_active_are_told_as_they_are)
{
    const auto made = create();
    const auto got = verify(made.id, "00000000-00000000").body;
    BOOST_TEST(got.at("signatureValid") == false);
    BOOST_TEST(got.at("registrationStatus") == "CREATED");
    BOOST_TEST(got.at("remainingAttempts") == 5);
    auto it = phone();
    static_cast<void>(it.activate(made.qr_data, right_pin));
    BOOST_TEST(verify(made.id, sign(it)).body.at("registrationStatus") == "PENDING_COMMIT");
    BOOST_TEST(verify(made.id, sign(it)).body.at("signatureValid") == false);
    BOOST_TEST(failed(made.id) == 0);
    BOOST_TEST(office("DELETE", "/v2/registrations/" + made.id).status == 200U);
    BOOST_TEST(verify(made.id, sign(it)).body.at("registrationStatus") == "REMOVED");
}

// (4)
BOOST_AUTO_TEST_CASE(a_verdict_is_told_when_it_is_on_the_disk)
{
    auto alice = enrol(*this);
    for (const auto pin : {right_pin, wrong_pin}) {
        const auto what = question(alice.id, sign(alice.phone, pin));
        writer_gate gate{writer()};
        const auto sent = start(handlers::side::office, office_request("POST", verify_path, what.dump()));
        poll();
        BOOST_TEST(!sent->done);
        gate.open();
        run();
        BOOST_TEST_REQUIRE(sent->done.has_value());
        BOOST_TEST(sent->done->body.at("signatureValid") == (pin == right_pin));
    }
}

BOOST_AUTO_TEST_CASE(guesses_of_many_callers_at_once_are_refused_as_often_as_is_permitted)
{
    auto alice = enrol(*this);
    std::atomic<int> active{0};
    std::atomic<int> blocked{0};
    on_threads(4, [&](unsigned i) {
        for (int round = 0; round < 4; ++round) {
            const auto guess = std::to_string(10'000'000 + i * 1000 + static_cast<unsigned>(round)) + "-00000000";
            const auto got = call_alone(handlers::side::office,
                                        office_request("POST", verify_path, question(alice.id, guess).dump()));
            if (got.status == 200)
                ++(got.body.at("registrationStatus") == "ACTIVE" ? active : blocked);
        }
    });
    BOOST_TEST(active <= 4);
    BOOST_TEST(active + blocked == 16);
    BOOST_TEST(failed(alice.id) == 5);
    BOOST_TEST(status(alice.id) == "BLOCKED");
}

BOOST_AUTO_TEST_SUITE_END()
