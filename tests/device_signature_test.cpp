// Signatures with the phone's own private key, as a back office has them checked.

#include "crypto/encoding.hpp"
#include "tests/support.hpp"

namespace {

using namespace doorward;
using namespace doorward::tests;

constexpr const char* path = "/v2/signature/ecdsa/verify";

std::string base64(crypto::bytes_view data)
{
    return crypto::to_base64(data);
}

struct signature_world : scratch_world {
    signature_world() { bind(key); }

    // Gives the registration the public key of a private one that the test has: a phone has its own locked in its
    // vault.
    void bind(const crypto::p256_private_key& to)
    {
        auto change = [number = number(), point = to.point()](kv::write_txn& txn) {
            auto record = registry::find_registration(txn, number).value();
            record.device_key = point;
            txn.put(registry::tables::registrations, registry::number_key(number), registry::encode(record));
            return kv::error_code{};
        };
        BOOST_TEST_REQUIRE(!commit(std::move(change)));
    }
    registry::registration_number number()
    {
        return env().view([&](const kv::read_txn& txn) {
            return registry::find_number(txn, registry::uuid::parse(alice.id).value()).value();
        });
    }
    json question(std::string_view data, crypto::bytes_view signature, const json& more = json::object())
    {
        json out{
            {"registrationId", alice.id}, {"data", base64(crypto::as_bytes(data))}, {"signature", base64(signature)}};
        out.update(more);
        return out;
    }
    answer ask(const json& what, std::string_view who = "office") { return office("POST", path, what.dump(), who); }
    bool valid(const json& what)
    {
        const auto got = ask(what);
        BOOST_TEST(got.status == 200U, got.text);
        return got.body.value("signatureValid", json{}) == true;
    }

    enrolled alice = enrol(*this, {{"flags", {"VIP"}}});
    crypto::p256_private_key key = crypto::p256_private_key::generate();
    std::string message = "a contract of 40 pages";
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(device_signatures, signature_world)

BOOST_AUTO_TEST_CASE(a_genuine_signature_is_valid_in_both_encodings)
{
    const auto got = ask(question(message, key.sign_der(crypto::as_bytes(message))));
    BOOST_TEST(got.body == json({{"signatureValid", true},
                                 {"userId", "alice"},
                                 {"registrationId", alice.id},
                                 {"registrationStatus", "ACTIVE"},
                                 {"remainingAttempts", 5},
                                 {"flags", {"VIP"}},
                                 {"application", {{"id", "app"}, {"roles", json::array()}}}}));
    for (int i = 0; i < 20; ++i) { // lengths and leading zeros of the two numbers differ
        message += 'x';
        const auto der = key.sign_der(crypto::as_bytes(message));
        const auto raw = key.sign_raw(crypto::as_bytes(message));
        BOOST_TEST(valid(question(message, der)));
        BOOST_TEST(valid(question(message, der, {{"signatureFormat", "DER"}})));
        BOOST_TEST(valid(question(message, raw, {{"signatureFormat", "JOSE"}})));
        BOOST_TEST(!valid(question(message, raw)));
        BOOST_TEST(!valid(question(message, der, {{"signatureFormat", "JOSE"}})));
    }
}

BOOST_AUTO_TEST_CASE(long_data_can_be_signed)
{
    std::string many(90'000, 'x');
    many[1000] = '\0';
    BOOST_TEST(valid(question(many, key.sign_der(crypto::as_bytes(many)))));
}

BOOST_AUTO_TEST_CASE(anything_else_is_not_valid_and_counts_nothing)
{
    const auto genuine = key.sign_der(crypto::as_bytes(message));
    const auto before = detail(alice.id);
    BOOST_TEST(!valid(question("another", genuine)));
    BOOST_TEST(!valid(question(message, crypto::p256_private_key::generate().sign_der(crypto::as_bytes(message)))));
    for (std::size_t i = 0; i < genuine.size(); ++i) {
        auto altered = genuine;
        altered[i] ^= 1;
        BOOST_TEST(!valid(question(message, altered)), "byte " << i);
        BOOST_TEST(!valid(question(message, crypto::bytes_view{genuine}.first(i == 0 ? 1 : i))));
    }
    auto longer = genuine;
    longer.push_back(0);
    BOOST_TEST(!valid(question(message, longer)));
    BOOST_TEST(!valid(question(message, crypto::bytes(64, 0), {{"signatureFormat", "JOSE"}})));
    BOOST_TEST(!valid(question(message, crypto::bytes(63, 1), {{"signatureFormat", "JOSE"}})));
    BOOST_TEST(detail(alice.id) == before);
    BOOST_TEST(office("GET", "/v2/registrations/" + alice.id + "/attempts").body.at("items").empty());
}

BOOST_AUTO_TEST_CASE(only_an_active_registration_proves_anything)
{
    const auto what = question(message, key.sign_der(crypto::as_bytes(message)));
    const auto state_path = "/v2/registrations/" + alice.id;
    BOOST_TEST(office("PUT", state_path, R"({"change":"BLOCK","blockedReason":"LOST"})").status == 200U);
    const auto blocked = ask(what).body;
    BOOST_TEST(blocked.at("signatureValid") == false);
    BOOST_TEST(blocked.at("registrationStatus") == "BLOCKED");
    BOOST_TEST(blocked.at("blockedReason") == "LOST");
    BOOST_TEST(office("PUT", state_path, R"({"change":"UNBLOCK"})").status == 200U);
    BOOST_TEST(valid(what));
    BOOST_TEST(office("DELETE", state_path).status == 200U);
    BOOST_TEST(ask(what).body.at("signatureValid") == false);
    BOOST_TEST(ask(what).body.at("registrationStatus") == "REMOVED");

    auto unbound = what;
    unbound["registrationId"] = create("bob").id;
    BOOST_TEST(ask(unbound).body.at("signatureValid") == false);
    BOOST_TEST(ask(unbound).body.at("registrationStatus") == "CREATED");
    clock.advance(registry::registration_expiry_default_ms);
    BOOST_TEST(ask(unbound).body.at("registrationStatus") == "REMOVED");
}

BOOST_AUTO_TEST_CASE(unknown_and_foreign_registrations_look_alike)
{
    auto what = question(message, key.sign_der(crypto::as_bytes(message)));
    const auto foreign = ask(what, "stranger");
    BOOST_TEST(foreign.status == 200U);
    BOOST_TEST(foreign.body == json({{"signatureValid", false}, {"registrationStatus", "REMOVED"}}));
    for (const char* id : {"2c4fcb5a-8b3d-4a8c-9f0e-0d5c3a0d6a11", "no id"}) {
        what["registrationId"] = id;
        BOOST_TEST(ask(what).text == foreign.text);
    }
    BOOST_TEST(ask(what, {}).code() == "HTTP_401");
}

BOOST_AUTO_TEST_CASE(bad_questions_are_refused_by_field)
{
    const auto good = question(message, key.sign_der(crypto::as_bytes(message)));
    const std::pair<json, const char*> wrong[]{
        {{{"registrationId", nullptr}}, "registrationId"},
        {{{"registrationId", 5}}, "registrationId"},
        {{{"data", nullptr}}, "data"},
        {{{"data", "!"}}, "data"},
        {{{"data", std::string(128 * 1024 + 4, 'A')}}, "data"},
        {{{"signature", nullptr}}, "signature"},
        {{{"signature", "!"}}, "signature"},
        {{{"signature", std::string(132, 'A')}}, "signature"},
        {{{"signatureFormat", "RAW"}}, "signatureFormat"},
        {{{"signatureFormat", 1}}, "signatureFormat"},
    };
    for (const auto& [part, field] : wrong)
        BOOST_TEST_CONTEXT(field)
        {
            auto what = good;
            what.update(part);
            const auto got = ask(what);
            BOOST_TEST(got.status == 400U);
            BOOST_TEST(got.violated().front() == field);
        }
    BOOST_TEST(office("POST", path, "[]").code() == "ERROR_REQUEST");
}

BOOST_AUTO_TEST_SUITE_END()
