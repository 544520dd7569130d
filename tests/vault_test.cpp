// The vault: its key as phones are given it, the order in which a request for it is checked, and what an operator sees.

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "registry/keys.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;
using bench::protocol_version;
using bench::wire_style;
using type = bench::signature_type;

constexpr auto pk = type::possession_knowledge;
constexpr const char* vault_path = "/pa/v3/vault/unlock";
constexpr const char* uri_id = "/pa/vault/unlock";

void check_error(const bench::http_answer& got, int status, std::string_view code, std::string_view message)
{
    BOOST_TEST(got.status == status, got.body);
    const auto body = json::parse(got.body);
    BOOST_TEST(body.at("status") == "ERROR");
    BOOST_TEST(body.at("responseObject").at("code") == code);
    BOOST_TEST(body.at("responseObject").at("message") == message);
}

void check_signature_refused(const bench::http_answer& got)
{
    check_error(got, 401, "ERR_AUTHENTICATION", "POWER_AUTH_SIGNATURE_INVALID");
}
void check_request_invalid(const bench::http_answer& got)
{
    check_error(got, 401, "ERR_AUTHENTICATION", "POWER_AUTH_REQUEST_INVALID");
}
void check_vault_refused(const bench::http_answer& got)
{
    check_error(got, 400, "ERR_SECURE_VAULT", "POWER_AUTH_SECURE_VAULT_INVALID");
}

struct vault_world : scratch_world {
    int failed(const std::string& id) { return detail(id).at("failedAttempts").get<int>(); }

    // The counter value that the server expects next.
    std::uint64_t position(const std::string& id)
    {
        return services().journal.view([&](const registry::snapshot& txn) {
            return registry::find_full(txn, *registry::uuid::parse(id))->attempts.counter.position;
        });
    }

    std::vector<json> attempts(const std::string& id)
    {
        fold();
        const auto got = office("GET", "/v2/registrations/" + id + "/attempts");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
        return got.body.at("items");
    }

    // A request whose envelope holds any text.
    bench::http_request with_plaintext(bench::device& phone_, std::string_view plaintext,
                                       std::string_view pin = right_pin)
    {
        const auto& state = *phone_.state().activation;
        const auto& rules = phone_.rules();
        const auto app = application();
        const auto transport = bench::unlock_key(state.device_unlock, state.locked_transport);
        bench::envelope_recipient to{bench::purpose::vault_unlock, nullptr, std::nullopt};
        if (rules.temporary_keys) {
            const auto key = phone_.fetch_temporary_key(bench::encryption_scope::activation);
            to.key = key.key;
            to.temporary_key_id = key.id;
        } else {
            to.key = std::make_shared<const crypto::p256_public_key>(
                crypto::p256_public_key::import(state.server_point).value());
        }
        auto binding = bench::bind_envelope(rules, app.key(), app.secret(), state.id, transport, to.temporary_key_id);
        bench::envelope_exchange exchange{rules, std::move(to), std::move(binding)};
        const auto sealed = exchange.seal(crypto::as_bytes(plaintext), clock.now());
        return phone_.make_signed_request("POST", vault_path, uri_id,
                                          bench::write_envelope(sealed, wire_style::android), pk, pin);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(vault, vault_world)

BOOST_AUTO_TEST_CASE(the_key_is_given_in_the_form_of_the_vectors)
{
    for_each_vector(generated_vectors() / "generated-vault.json", [](const json& vector) {
        const auto key = [&](const char* name) {
            return crypto::key16{
                crypto::from_base64_sized<16>(vector.at("output").at(name).get<std::string>()).value()};
        };
        registry::registration_keys keys;
        keys.transport = key("transportKey");
        keys.vault = key("vaultKey");
        const auto given = registry::encrypted_vault_key(keys);
        BOOST_TEST(given.size() == 32U); // the padding is real
        BOOST_TEST(crypto::to_base64(given) ==
                   vector.at("output").at("encryptedVaultEncryptionKey").get<std::string>());
    });
}

BOOST_AUTO_TEST_CASE(reasons_have_an_alphabet_and_a_length)
{
    for (const char* text :
         {"ADD_BIOMETRY", "FETCH_ENCRYPTION_KEY", "SIGN_WITH_DEVICE_PRIVATE_KEY", "RECOVERY_CODE", "a.b", "x-1", "___"})
        BOOST_TEST(registry::is_vault_reason(text), text);
    for (const std::string text : {"", "ab", "a b", "a\nb", "abc!", "a/b", "\xC3\xA9t\xC3\xA9"})
        BOOST_TEST(!registry::is_vault_reason(text), text);
    BOOST_TEST(registry::is_vault_reason(std::string(255, 'x')));
    BOOST_TEST(!registry::is_vault_reason(std::string(256, 'x')));
}

BOOST_AUTO_TEST_CASE(phones_of_every_version_and_dialect_open_their_vault)
{
    for (const auto version : all_versions)
        for (const auto style : {wire_style::android, wire_style::ios})
            BOOST_TEST_CONTEXT(bench::rules_of(version).name << (style == wire_style::ios ? ", ios" : ""))
            {
                auto it = enrol(*this, json::object(), version);
                auto phone_ = phone(it.phone.state(), style);
                const auto key = phone_.vault_unlock(pk, right_pin);
                const auto again = phone_.vault_unlock(pk, right_pin, "");
                BOOST_TEST(crypto::equal_constant_time(key, again));

                const std::string text = "signed by the phone itself";
                const auto signature = phone_.sign_with_device_key(crypto::as_bytes(text), right_pin);
                const auto own = crypto::p256_public_key::import(phone_.state().activation->device_point).value();
                BOOST_TEST(own.verify_der(crypto::as_bytes(text), signature));
                BOOST_TEST(failed(it.id) == 0);
            }
}

BOOST_AUTO_TEST_CASE(biometry_is_added_later_and_proves)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            const auto made = create();
            auto phone_ = phone(version);
            static_cast<void>(phone_.activate(made.code, right_pin)); // without biometry
            BOOST_TEST_REQUIRE(office("POST", "/v2/registrations/" + made.id + "/commit", "{}").status == 200U);
            BOOST_CHECK_THROW(static_cast<void>(phone_.validate(type::possession_biometry)), bench::protocol_error);
            phone_.add_biometry(right_pin);
            BOOST_TEST(phone_.validate(type::possession_biometry));
            BOOST_TEST(phone_.validate(type::possession_knowledge_biometry, right_pin));
            phone_.remove_biometry();
            BOOST_TEST(phone_.validate(pk, right_pin));
            BOOST_TEST(attempts(made.id).back().at("vaultReason") == "ADD_BIOMETRY");
        }
}

// --- the order of the checks

BOOST_AUTO_TEST_CASE(first_the_header_has_to_be_there)
{
    auto it = enrol(*this);
    auto request = it.phone.prepare_vault_unlock(pk, right_pin).request;
    for (const char* header : {"", "Bearer x", "PowerAuth pa_version=\"3.3\""}) {
        auto changed = request;
        changed.headers = {{"X-PowerAuth-Authorization", header}};
        check_signature_refused(device(changed));
        changed.body = "{}"; // and nothing else is looked at
        check_signature_refused(device(changed));
    }
    BOOST_TEST(failed(it.id) == 0);
}

BOOST_AUTO_TEST_CASE(then_the_members_of_the_envelope)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto before = position(it.id);
            const auto envelope = json::parse(it.phone.prepare_vault_unlock(pk, right_pin).request.body);
            const auto send = [&](std::string body, type how = pk) {
                return device(
                    it.phone.make_signed_request("POST", vault_path, uri_id, std::move(body), how, right_pin));
            };
            for (const char* body : {"", "{}", "[]", "not JSON"})
                check_request_invalid(send(body));
            for (const auto& [member, value] : envelope.items()) {
                auto without = envelope;
                without.erase(member);
                check_request_invalid(send(without.dump()));
            }
            check_request_invalid(send("{}", type::possession)); // before the factors
            BOOST_TEST(failed(it.id) == 0);
            BOOST_TEST(position(it.id) == before); // no counter value was used up
        }
}

BOOST_AUTO_TEST_CASE(then_the_factors_without_counting)
{
    auto it = enrol(*this);
    for (const auto how : {type::possession, type::possession_biometry, type::possession_knowledge_biometry,
                           type::knowledge, type::biometry}) {
        const auto right = it.phone.prepare_vault_unlock(how, right_pin).request;
        check_vault_refused(device(right));
        BOOST_TEST(failed(it.id) == 0);
    }
    check_vault_refused(device(it.phone.prepare_vault_unlock(type::possession_knowledge_biometry, wrong_pin).request));
    BOOST_TEST(failed(it.id) == 0);
    // Before the state of the registration is told.
    const auto early = it.phone.prepare_vault_unlock(type::possession_biometry, right_pin).request;
    BOOST_TEST_REQUIRE(office("PUT", "/v2/registrations/" + it.id, R"({"change":"BLOCK"})").status == 200U);
    check_vault_refused(device(early));
}

BOOST_AUTO_TEST_CASE(an_application_may_let_biometry_do)
{
    const auto allow = [this](bool yes) {
        const auto got = office("PATCH", "/admin/applications/app", json{{"vaultWithBiometry", yes}}.dump(), "admin");
        BOOST_TEST_REQUIRE(got.status == 200U, got.text);
    };
    auto it = enrol(*this);
    allow(true);
    const auto key = it.phone.vault_unlock(type::possession_biometry, {});
    BOOST_TEST(crypto::equal_constant_time(key, it.phone.vault_unlock(pk, right_pin)));
    for (const auto how : {type::possession, type::possession_knowledge_biometry, type::biometry})
        check_vault_refused(device(it.phone.prepare_vault_unlock(how, right_pin).request));
    allow(false);
    check_vault_refused(device(it.phone.prepare_vault_unlock(type::possession_biometry, {}).request));
    BOOST_TEST(failed(it.id) == 0);
}

BOOST_AUTO_TEST_CASE(a_version_below_the_lowest_is_refused_and_not_counted)
{
    auto it = enrol(*this, json::object(), protocol_version::v3_1);
    BOOST_TEST_REQUIRE(office("PATCH", "/admin/applications/app", R"({"lowestVersion":"3.2"})", "admin").status ==
                       200U);
    check_signature_refused(device(it.phone.prepare_vault_unlock(pk, right_pin).request));
    check_signature_refused(device(it.phone.prepare_vault_unlock(pk, wrong_pin).request));
    BOOST_TEST(failed(it.id) == 0);
}

BOOST_AUTO_TEST_CASE(then_the_registration_has_to_be_active_whether_or_not_the_envelope_opens)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto good = it.phone.prepare_vault_unlock(pk, right_pin).request;
            auto envelope = json::parse(good.body);
            envelope["mac"] = crypto::to_base64(crypto::byte_array<32>{});
            const auto spoiled =
                it.phone.make_signed_request("POST", vault_path, uri_id, envelope.dump(), pk, right_pin);
            for (const char* change : {"BLOCK", "REMOVE"}) {
                if (std::string_view{change} == "BLOCK")
                    BOOST_TEST_REQUIRE(office("PUT", "/v2/registrations/" + it.id, R"({"change":"BLOCK"})").status ==
                                       200U);
                else
                    BOOST_TEST_REQUIRE(office("DELETE", "/v2/registrations/" + it.id).status == 200U);
                check_signature_refused(device(good));
                check_signature_refused(device(spoiled));
            }
            // Nobody, and a registration of another application.
            for (const bool foreign : {false, true}) {
                auto changed = good;
                auto& header = changed.headers.back().second;
                const auto key = application().key();
                if (foreign)
                    header.replace(header.find(key), key.size(), application("other").key());
                else
                    header.replace(header.find(it.id), it.id.size(), registry::uuid::random().text());
                check_signature_refused(device(changed));
            }
        }
}

BOOST_AUTO_TEST_CASE(then_the_envelope_has_to_open_and_no_counter_value_is_spent)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto before = position(it.id);
            auto envelope = json::parse(it.phone.prepare_vault_unlock(pk, right_pin).request.body);
            envelope["mac"] = crypto::to_base64(crypto::byte_array<32>{});
            const auto send = [&](const std::string& body, std::string_view pin) {
                return device(it.phone.make_signed_request("POST", vault_path, uri_id, body, pk, pin));
            };
            check_vault_refused(send(envelope.dump(), right_pin));
            if (version != protocol_version::v3_0) // where a wrong PIN looks like anybody's guess, and counts as one
                check_vault_refused(send(envelope.dump(), wrong_pin));
            // One that is sealed for something else.
            check_vault_refused(send(it.phone.prepare_token(pk, right_pin).request.body, right_pin));
            BOOST_TEST(failed(it.id) == 0);
            BOOST_TEST(position(it.id) == before);
        }
}

BOOST_AUTO_TEST_CASE(an_envelope_out_of_time_or_under_an_ended_key_is_refused)
{
    auto it = enrol(*this, json::object(), protocol_version::v3_2);
    const auto late = it.phone.prepare_vault_unlock(pk, right_pin).request;
    clock.advance(60'001);
    check_vault_refused(device(late));
    auto newer = enrol(*this);
    auto key = newer.phone.fetch_temporary_key(bench::encryption_scope::activation);
    key.expires_ms += 3'600'000;
    newer.phone.use_temporary_key(bench::encryption_scope::activation, key);
    clock.advance(registry::temporary_key_life_ms);
    check_vault_refused(device(newer.phone.prepare_vault_unlock(pk, right_pin).request));
    newer.phone.use_temporary_key(bench::encryption_scope::activation,
                                  enrol(*this).phone.fetch_temporary_key(bench::encryption_scope::activation));
    check_vault_refused(device(newer.phone.prepare_vault_unlock(pk, right_pin).request));
}

BOOST_AUTO_TEST_CASE(then_the_reason_has_to_make_sense)
{
    auto it = enrol(*this);
    for (const char* plaintext : {R"({"reason":"ab"})", R"({"reason":"a b c"})", R"({"reason":5})", R"({"reason":""})",
                                  R"({"reason":["ADD_BIOMETRY"]})", "[]", "", "reason"}) {
        BOOST_TEST_CONTEXT(plaintext)
        {
            check_vault_refused(device(with_plaintext(it.phone, plaintext)));
            check_vault_refused(device(with_plaintext(it.phone, plaintext, wrong_pin)));
        }
    }
    BOOST_TEST(failed(it.id) == 0);
    BOOST_TEST(attempts(it.id).empty());
    BOOST_TEST(device(with_plaintext(it.phone, R"({"reason":null,"other":1})")).status == 200);
}

BOOST_AUTO_TEST_CASE(and_last_the_signature_which_counts)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            check_signature_refused(device(it.phone.prepare_vault_unlock(pk, wrong_pin).request));
            BOOST_TEST(failed(it.id) == 1);
            auto altered = it.phone.prepare_vault_unlock(pk, right_pin).request;
            altered.body += ' '; // the same envelope, but not what was signed
            check_signature_refused(device(altered));
            static_cast<void>(it.phone.vault_unlock(pk, right_pin));
            BOOST_TEST(failed(it.id) == 0);
            for (int i = 0; i < 5; ++i)
                check_signature_refused(device(it.phone.prepare_vault_unlock(pk, wrong_pin).request));
            BOOST_TEST(status(it.id) == "BLOCKED");
            check_signature_refused(device(it.phone.prepare_vault_unlock(pk, right_pin).request));
        }
}

BOOST_AUTO_TEST_CASE(the_same_request_again_is_refused_and_not_counted)
{
    for (const auto version : all_versions)
        BOOST_TEST_CONTEXT(bench::rules_of(version).name)
        {
            auto it = enrol(*this, json::object(), version);
            const auto right = it.phone.prepare_vault_unlock(pk, right_pin).request;
            BOOST_TEST(device(right).status == 200);
            check_vault_refused(device(right));
            const auto wrong = it.phone.prepare_vault_unlock(pk, wrong_pin).request;
            check_signature_refused(device(wrong));
            check_vault_refused(device(wrong));
            restart();
            check_vault_refused(device(wrong));
            BOOST_TEST(failed(it.id) == 1);
        }
}

// --- what an operator sees

BOOST_AUTO_TEST_CASE(the_reason_is_in_the_books_of_the_attempts)
{
    auto it = enrol(*this);
    static_cast<void>(it.phone.vault_unlock(pk, right_pin, "SIGN_WITH_DEVICE_PRIVATE_KEY"));
    check_signature_refused(device(it.phone.prepare_vault_unlock(pk, wrong_pin, "ADD_BIOMETRY").request));
    static_cast<void>(it.phone.vault_unlock(pk, right_pin, ""));
    BOOST_TEST(it.phone.validate(pk, right_pin));
    const auto rows = attempts(it.id);
    BOOST_TEST_REQUIRE(rows.size() == 4U);
    BOOST_TEST(!rows[0].contains("vaultReason"));
    BOOST_TEST(rows[1].at("vaultReason") == "NOT_SPECIFIED");
    BOOST_TEST(rows[1].at("result") == "SUCCESS");
    BOOST_TEST(rows[2].at("vaultReason") == "ADD_BIOMETRY");
    BOOST_TEST(rows[2].at("result") == "FAILURE");
    BOOST_TEST(rows[2].at("failedAttempts") == 1);
    BOOST_TEST(rows[3].at("vaultReason") == "SIGN_WITH_DEVICE_PRIVATE_KEY");
    restart();
    BOOST_TEST((attempts(it.id) == rows));
}

// --- strangers

BOOST_AUTO_TEST_CASE(strangers_get_no_further_than_their_budget)
{
    constexpr unsigned limit = registry::unproven_per_minute_default;
    auto it = enrol(*this, json::object(), protocol_version::v3_2);
    auto envelope = json::parse(it.phone.prepare_vault_unlock(pk, right_pin).request.body);
    const auto app = application();
    const auto invented = [&] {
        envelope["mac"] = crypto::to_base64(crypto::random_array<32>());
        owned_request req;
        req.method = "POST";
        req.target = vault_path;
        req.body = envelope.dump();
        req.power_auth_authorization = bench::authorization_header(it.phone.rules(), it.id, app.key(),
                                                                   crypto::to_base64(crypto::random_array<16>()), pk,
                                                                   crypto::to_base64(crypto::random_array<32>()));
        req.source = v4(192, 0, 2, 7);
        return call(handlers::side::device, req);
    };
    for (unsigned i = 0; i < limit; ++i)
        BOOST_TEST(invented().status == 401U); // as if there were no such registration
    const auto over = invented();
    BOOST_TEST(over.status == 429U);
    BOOST_TEST(over.code() == "ERROR_RATE_LIMITED");
    BOOST_TEST(over.ends_connection);
    BOOST_TEST(failed(it.id) == 0);
    static_cast<void>(it.phone.vault_unlock(pk, right_pin)); // which concerns the phone not at all
}

BOOST_AUTO_TEST_SUITE_END()
